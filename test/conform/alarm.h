/* SPDX-License-Identifier: MIT */
/*
 * A clock that raises its line once, seconds from now: what the watchdog is made of. Two kinds of machines have two
 * kinds of clocks; alarm_rtc.c and alarm_hpet.c know one each.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct alarm {
	/* Is there such a clock, fit for this? */
	bool (*present)(void);
	/* The I/O APIC input that its line leads to. */
	unsigned (*pin)(void);
	void (*set)(unsigned seconds);
	void (*off)(void);
	/* Has the time come? May be asked once per alarm. */
	bool (*due)(void);
};

extern const struct alarm alarm_rtc, alarm_hpet;
