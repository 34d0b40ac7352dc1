/* SPDX-License-Identifier: MIT */
/* Between the assembly entry and the test. */
#pragma once

/* Each test kernel has one. Comes with interrupts off and the APIC on; returning means that all is said. */
void test_main(void);

/* The first C function on each processor. */
void cpu_start(unsigned index);
/* Work loop of the processors other than the first. */
void ap_main(void) __attribute__((noreturn));
