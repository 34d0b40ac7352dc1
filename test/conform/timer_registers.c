/* SPDX-License-Identifier: MIT */
/* The registers of the synthetic timers: what they keep, and what clears or sets Enable. TLFS 6.0b, 12.5. */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/smp.h"

#define SINT 7u

/* Everything but Enable, different for each timer. */
static uint64_t pattern(unsigned timer)
{
	return TIMER_SINT(1 + timer) | (timer % 2 != 0 ? TIMER_PERIODIC : TIMER_AUTO_ENABLE) |
	       (timer >= 2 ? TIMER_LAZY : 0);
}

void conform_timer_config_fields(void)
{
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		timer_set_config(timer, pattern(timer));
	}
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		expect_equal(timer_config(timer), pattern(timer), "configuration of disabled timer %u",
			     timer);
	}
}

void conform_timer_direct_fields(void)
{
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		timer_set_config(timer, TIMER_DIRECT(0x71 + timer));
	}
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		expect_equal(timer_config(timer), TIMER_DIRECT(0x71 + timer),
			     "DirectMode and ApicVector of disabled timer %u", timer);
	}
}

void conform_timer_count_register(void)
{
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		timer_set_count(timer, 0x123456789ABCDEF0 + timer);
	}
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		expect_equal(timer_count(timer), 0x123456789ABCDEF0 + timer, "count of timer %u", timer);
		expect(!timer_enabled(timer), "timer %u is still disabled", timer);
	}
}

void conform_timer_enable_bit(void)
{
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		timer_arm(timer, TIMER_SINT(SINT), due_in(60000));
		expect_equal(timer_config(timer), TIMER_SINT(SINT) | TIMER_ENABLE, "timer %u, enabled",
			     timer);
	}
	timer_set_config(1, TIMER_SINT(SINT));
	expect(!timer_enabled(1), "timer 1 can be disabled");
	expect(timer_enabled(0) && timer_enabled(2) && timer_enabled(3), "which leaves the others enabled");
}

void conform_timer_sint_zero(void)
{
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		timer_set_count(timer, due_in(60000));
		expect_equal(wrmsr_safe(MSR_STIMER0_CONFIG + 2 * timer, TIMER_ENABLE), NO_FAULT,
			     "timer %u: Enable with SINTx 0", timer);
		expect(!timer_enabled(timer), "timer %u: Enable is cleared at once", timer);
	}
}

void conform_timer_sint_zero_direct(void)
{
	timer_arm(0, TIMER_DIRECT(VECTOR), due_in(60000));
	expect(timer_enabled(0), "in direct mode SINTx may be 0");
}

void conform_timer_auto_enable(void)
{
	timer_set_config(0, TIMER_AUTO_ENABLE | TIMER_SINT(SINT));
	expect(!timer_enabled(0), "AutoEnable alone does not enable");
	timer_set_count(0, due_in(60000));
	expect(timer_enabled(0), "writing the count then does");
}

void conform_timer_without_auto_enable(void)
{
	timer_set_config(0, TIMER_SINT(SINT));
	timer_set_count(0, due_in(60000));
	expect(!timer_enabled(0), "writing the count does not enable");
	timer_set_config(0, TIMER_SINT(SINT) | TIMER_ENABLE);
	expect(timer_enabled(0), "writing Enable does");
}

void conform_timer_count_zero(void)
{
	timer_arm(0, TIMER_SINT(SINT), due_in(60000));
	timer_set_count(0, 0);
	expect(!timer_enabled(0), "count 0 disables a timer");
	timer_set_config(1, TIMER_AUTO_ENABLE | TIMER_SINT(SINT));
	timer_set_count(1, due_in(60000));
	expect(timer_enabled(1), "a timer with AutoEnable is enabled by its count");
	timer_set_count(1, 0);
	expect(!timer_enabled(1), "and disabled by count 0");
	timer_set_count(1, due_in(60000));
	expect(timer_enabled(1), "and enabled again by another count");
}

/* Count 0 stops a timer; what setting Enable does while the count is 0 is nowhere said. */
void conform_timer_enable_at_zero(void)
{
	synic_on();
	sint_set(SINT, VECTOR);
	timer_set_count(0, 0);
	timer_set_config(0, TIMER_SINT(SINT) | TIMER_ENABLE);
	delay(1);
	bool enabled = timer_enabled(0), fired = slot(SINT)->type != MESSAGE_NONE;
	observe("Enable with count 0: %s, %s", enabled ? "enabled" : "not enabled",
		fired ? "expires at once" : "does not expire");
}

void conform_timer_reserved_bits(void)
{
	unsigned low = wrmsr_safe(MSR_STIMER0_CONFIG, 0xE000 | TIMER_SINT(SINT));
	uint64_t low_kept = timer_config(0) & 0xE000;
	timer_set_config(0, 0);
	unsigned high = wrmsr_safe(MSR_STIMER0_CONFIG, 0xFFFFFFFFFFF00000 | TIMER_SINT(SINT));
	uint64_t high_kept = timer_config(0) & 0xFFFFFFFFFFF00000;
	timer_set_config(0, 0);
	observe("ones in RsvdZ: 15:13 %s, 63:20 %s",
		low != NO_FAULT ? "#GP"
		: low_kept != 0 ? "kept"
				: "ignored",
		high != NO_FAULT ? "#GP"
		: high_kept != 0 ? "kept"
				 : "ignored");
}

static uint64_t other_config, other_count;

static void set_other(void *unused)
{
	(void)unused;
	timer_set_count(3, 0x5555);
	timer_set_config(3, TIMER_SINT(9) | TIMER_PERIODIC);
	other_config = timer_config(2);
	other_count = timer_count(2);
}

static void read_other(void *unused)
{
	(void)unused;
	other_config = timer_config(3);
	other_count = timer_count(3);
}

void conform_timer_per_vp(void)
{
	timer_set_count(2, 0x7777);
	timer_set_config(2, TIMER_SINT(4));
	smp_run(1, set_other, NULL);
	expect(other_config != TIMER_SINT(4) && other_count != 0x7777,
	       "what is set here is not set on another virtual processor");
	expect(timer_config(3) != (TIMER_SINT(9) | TIMER_PERIODIC) && timer_count(3) != 0x5555,
	       "what is set there is not set here");
	timer_set_config(3, 0);
	smp_run(1, read_other, NULL);
	expect_equal(other_config, TIMER_SINT(9) | TIMER_PERIODIC, "its configuration");
	expect_equal(other_count, 0x5555, "its count");
}
