/* SPDX-License-Identifier: MPL-2.0 */
/*
 * CHECK: an invariant of our own. It is always on; a false one stops the machine and says file and line. What a guest
 * can cause is never a CHECK, it is a status.
 */
#pragma once

/* Each platform supplies this: the machine stops itself, the host aborts the process. */
void check_failed(const char *file, int line, const char *expression) __attribute__((noreturn));

#define CHECK(expression) ((expression) ? (void)0 : check_failed(__FILE__, __LINE__, #expression))
