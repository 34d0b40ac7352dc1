/* SPDX-License-Identifier: MIT */
/* See bound.c. */
#pragma once

void test_bound(void);
