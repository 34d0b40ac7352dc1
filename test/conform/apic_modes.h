/* SPDX-License-Identifier: MIT */
/* Running a requirement's body in xAPIC and in x2APIC mode, as far as there are both. */
#pragma once

#include <stdbool.h>

/* Runs it in both modes, the boot processor alone changing; the mode of before comes back. The other processors keep
 * theirs: the body may not talk to them. */
void in_both_modes(void (*body)(void));
/* The same with all processors in the mode. */
void all_in_both_modes(void (*body)(void));
/* With all processors in xAPIC mode; skips the requirement where that does not exist. */
void all_in_xapic_mode(void (*body)(void));
bool has_x2apic_mode(void);
/* "xAPIC" or "x2APIC", whichever it is now. */
const char *mode_name(void);
