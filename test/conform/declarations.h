/* SPDX-License-Identifier: MIT */
/* The functions of all requirements in this folder's tables that are included here, declared from their rows. */
#pragma once

#include "conform.h"

#define REQUIREMENT(area, name, needs, processors, source, text) void conform_##area##_##name(void);
#include "requirements/apic.def"
#include "requirements/ports.def"
#include "requirements/runtime.def"
#include "requirements/synic.def"
#include "requirements/time.def"
#include "requirements/timer.def"
#undef REQUIREMENT
