/* SPDX-License-Identifier: MIT */
/*
 * What a requirement's function may use, besides the headers of test/guest/framework.
 *
 * A requirement is one row in test/conform/requirements/AREA.def and one function `conform_AREA_NAME(void)` in
 * test/conform/AREA*.c:
 *
 *	REQUIREMENT(AREA, NAME, needs, processors, "document, section", "what is required, one sentence")
 *
 * `needs` is 0 or NEED_ flags joined by |: what has to be advertised, else the verdict is skip and the function is not
 * called. `processors` is how many it takes (1, 2, 4); with fewer the verdict is skip too.
 *
 * The function finds the machine in its quiet state (conform_quiet) on the boot processor, at CPL 0, interrupts off, local
 * APIC enabled, guest id set and hypercall page enabled where that is possible, and may leave any mess behind: the
 * runner makes things quiet again. All numbers are typed from the specification: no header of Verdigris is in reach.
 *
 * Verdict: fail when any expectation failed; else undecided when something was observed; else skip when skipped; else
 * pass. A function that expected, observed and skipped nothing is an error of the suite.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NEED_VP_RUNTIME                                                                                      \
	(1ull << 0) /* the privilege bits of CPUID 0x40000003 EAX and EBX under their own numbers ... */
#define NEED_REFERENCE_COUNTER (1ull << 1)
#define NEED_SYNIC (1ull << 2)
#define NEED_SYNTHETIC_TIMERS (1ull << 3)
#define NEED_APIC_MSRS (1ull << 4)
#define NEED_HYPERCALLS (1ull << 5)
#define NEED_VP_INDEX (1ull << 6)
#define NEED_RESET (1ull << 7)
#define NEED_STATS (1ull << 8)
#define NEED_REFERENCE_TSC (1ull << 9)
#define NEED_GUEST_IDLE (1ull << 10)
#define NEED_FREQUENCIES (1ull << 11)
#define NEED_DEBUG_MSRS (1ull << 12)
#define NEED_REENLIGHTENMENT (1ull << 13)
#define NEED_TSC_INVARIANT (1ull << 15)
#define NEED_PARTITION_ID (1ull << 33)
#define NEED_POST_MESSAGES (1ull << 36)
#define NEED_SIGNAL_EVENTS (1ull << 37)
#define NEED_CREATE_PORT (1ull << 38)
#define NEED_CONNECT_PORT (1ull << 39)
#define NEED_DEBUGGING (1ull << 43)
#define NEED_VP_REGISTERS (1ull << 49)
#define NEED_EXTENDED_CALLS (1ull << 52)
#define NEED_START_VP (1ull << 53)

/* ... and, in bits that no privilege uses, features (0x40000003 EDX) and recommendations (0x40000004 EAX). */
#define NEED_XMM_INPUT (1ull << 16)	    /* EDX 4 */
#define NEED_FREQUENCY_FEATURE (1ull << 17) /* EDX 8 */
#define NEED_CRASH (1ull << 18)		    /* EDX 10 */
#define NEED_XMM_OUTPUT (1ull << 19)	    /* EDX 15 */
#define NEED_SINT_POLLING (1ull << 20)	    /* EDX 17 */
#define NEED_HYPERCALL_LOCK (1ull << 21)    /* EDX 18 */
#define NEED_DIRECT_TIMERS (1ull << 22)	    /* EDX 19 */
#define NEED_UNHALTED_TIMER (1ull << 23)    /* EDX 23 */
#define NEED_IDLE_FEATURE (1ull << 24)	    /* EDX 5 */
#define NEED_FLUSH (1ull << 25)		    /* recommendation 1 or 2 */
#define NEED_CLUSTER_IPI (1ull << 26)	    /* recommendation 10 */
#define NEED_EX_MASKS (1ull << 27)	    /* recommendation 11 */
#define NEED_DEBUG_FEATURE (1ull << 28)	    /* EDX 11 */
#define NEED_NPIEP (1ull << 29)		    /* EDX 12 */

/* Expectations; each returns whether it was met. The text says what was looked at. */
bool expect(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool expect_equal(uint64_t got, uint64_t wanted, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool expect_between(uint64_t got, uint64_t low, uint64_t high, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The documents contradict each other or are silent: writes down what the hypervisor did. */
void observe(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What is to be tested turned out not to be there. */
void skip_requirement(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A line of explanation. */
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The quiet state, for functions that need it again in between: timers off, SINTs masked, SynIC pages and SCONTROL off,
 * TPR 0, nothing in service, no handler of one's own, other processors idle, guest id and hypercall page as above. */
void conform_quiet(void);
