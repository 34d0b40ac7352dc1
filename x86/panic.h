/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The end of the machine: something happened that cannot be answered. Says what, with registers, on the serial
 * console and port 0xE9, stops the other LPs, and ends: through the debug-exit port when the boot option
 * `debug-exit=PORT` names one, else by halting.
 */
#pragma once

struct trap_frame;
struct vp;

#define PANIC_EXIT_STATUS 125 /* what the debug-exit port is given */

/* One line that says what is wrong and what to do about it. For refusals at start. */
_Noreturn void panic_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The VP has done what ends its machine, e.g. a triple fault: prints its registers and last exit. */
_Noreturn void panic_vp(struct vp *vp, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An exception inside the hypervisor. */
_Noreturn void panic_exception(const struct trap_frame *frame);
