/* SPDX-License-Identifier: MIT */
/*
 * Synthetic timers in message mode: CONFIG at 0x400000B0 + 2n without bit 12, with a SINT in bits 19:16.
 *
 * Checked: a one-shot's message and its three fields, times in the past, auto-enable, count 0, periods, a period whose
 * message is not taken, a timer that is stopped, SINT 0, a masked SINT, no message page, four timers at once on each
 * processor, and that a message wakes a processor from HLT.
 *
 * Says who: TLFS 6.0b and its web edition, "Synthetic Timers", "HV_TIMER_MESSAGE_PAYLOAD": timer index, reserved,
 * expiration time, delivery time, in units of 100 ns.
 *
 * Covers: 0x400000B0, 0x400000B1, 0x400000B2, 0x400000B3, 0x400000B4, 0x400000B5, 0x400000B6, 0x400000B7
 *
 * Run: --smp 1
 * Run: --smp 2
 * Run: --smp 4
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define SCONTROL 0x40000080u
#define SIMP 0x40000083u
#define EOM 0x40000084u
#define SINT(n) (0x40000090u + (n))
#define MASKED 0x10000u

#define ENABLE 0x1u
#define PERIODIC 0x2u
#define LAZY 0x4u
#define AUTO_ENABLE 0x8u
#define TO(sint) ((uint32_t)(sint) << 16)
#define UNITS_PER_MS 10000u

#define SINT_USED 4
#define VECTOR 0x81
#define COUNTER (this_cpu()->irq_count[VECTOR])

struct timer_message {
	uint32_t type;
	uint8_t size;
	uint8_t flags;
	uint8_t reserved[2];
	uint64_t sender;
	uint32_t timer;
	uint32_t reserved2;
	uint64_t expired;
	uint64_t delivered;
	uint8_t rest[216];
};

static volatile struct timer_message *slots;

static uint32_t config_msr(unsigned timer)
{
	return HV_MSR_STIMER0_CONFIG + 2 * timer;
}

static uint32_t count_msr(unsigned timer)
{
	return HV_MSR_STIMER0_COUNT + 2 * timer;
}

static bool enabled(unsigned timer)
{
	return (rdmsr(config_msr(timer)) & ENABLE) != 0;
}

static void arm(unsigned timer, uint64_t config, uint64_t count)
{
	wrmsr(count_msr(timer), count);
	wrmsr(config_msr(timer), config);
}

static bool arrives(volatile struct timer_message *slot)
{
	return WAIT_FOR(slot->type != 0, 2000);
}

/* Takes the message as the specification says. */
static void take(volatile struct timer_message *slot)
{
	__atomic_store_n(&slot->type, 0, __ATOMIC_SEQ_CST);
	if ((slot->flags & 1) != 0) {
		wrmsr(EOM, 0);
	}
}

static void synic_on(volatile struct timer_message *page)
{
	wrmsr(SIMP, (uint64_t)page | HV_MSR_ENABLE);
	for (unsigned sint = 1; sint < 16; sint++) {
		wrmsr(SINT(sint), VECTOR);
	}
	wrmsr(SCONTROL, 1);
}

/* No timer runs, no message is left, no interrupt is under way. */
static void quiet(void)
{
	for (unsigned timer = 0; timer < 4; timer++) {
		wrmsr(config_msr(timer), 0);
		wrmsr(count_msr(timer), 0);
	}
	synic_on(slots);
	for (unsigned i = 0; i < 16 * 4; i++) {
		slots[i % 16].type = 0;
		wrmsr(EOM, 0);
	}
	interrupts_on();
	delay(1);
	interrupts_off();
	irq_forget();
}

static void test_one_shot(void)
{
	volatile struct timer_message *slot = &slots[SINT_USED];

	quiet();
	uint64_t due = hv_reference_time() + 5 * UNITS_PER_MS;
	arm(3, ENABLE | TO(SINT_USED), due);
	bool early = slot->type != 0 && hv_reference_time() < due;
	bool came = arrives(slot);
	uint64_t when = hv_reference_time();
	check(came, "a one-shot timer sends a message");
	check(!early && when >= due, "not before its time");
	check_equal(slot->type, 0x80000010u, "of the right type");
	check_equal(slot->size, 24, "with a payload of 24 bytes");
	check_equal(slot->timer, 3, "which says which timer,");
	check_equal(slot->reserved2, 0, "nothing reserved,");
	check_equal(slot->expired, due, "when it was due,");
	check_between(slot->delivered, due, when, "and when it was delivered");
	check(!enabled(3), "the timer disables itself");
	take(slot);
	interrupts_on();
	delay(10);
	interrupts_off();
	check_equal(COUNTER, 1, "there is one interrupt");
	check_equal(slot->type, 0, "and no other message");
}

static void test_past(void)
{
	volatile struct timer_message *slot = &slots[SINT_USED];

	quiet();
	uint64_t before = hv_reference_time();
	arm(0, ENABLE | TO(SINT_USED), 1);
	check(arrives(slot), "a time in the past is due at once");
	check_equal(slot->expired, 1, "the message has that time");
	check_between(slot->delivered, before, hv_reference_time(), "and that of its delivery");
	check(!enabled(0), "the timer is disabled");
	take(slot);
}

static void test_auto_enable(void)
{
	volatile struct timer_message *slot = &slots[SINT_USED];

	quiet();
	wrmsr(config_msr(1), AUTO_ENABLE | TO(SINT_USED));
	check(!enabled(1), "auto-enable alone does not enable");
	for (unsigned i = 0; i < 5; i++) {
		wrmsr(count_msr(1), hv_reference_time() + UNITS_PER_MS);
		if (!arrives(slot)) {
			break;
		}
		take(slot);
	}
	interrupts_on();
	delay(1);
	interrupts_off();
	check(COUNTER >= 1, "counts then send messages");
	wrmsr(count_msr(1), hv_reference_time() + 20 * UNITS_PER_MS);
	check(enabled(1), "a count enables");
	wrmsr(count_msr(1), 0);
	check(!enabled(1), "count 0 disables");
	delay(30);
	check_equal(slot->type, 0, "and nothing comes");
}

static void test_sint_0(void)
{
	quiet();
	wrmsr(count_msr(0), hv_reference_time() + UNITS_PER_MS);
	wrmsr(config_msr(0), ENABLE);
	check(!enabled(0), "SINT 0: enabling is undone");
	wrmsr(config_msr(0), AUTO_ENABLE);
	wrmsr(count_msr(0), hv_reference_time() + UNITS_PER_MS);
	check(!enabled(0), "by auto-enable, too");
	delay(5);
	check_equal(slots[0].type, 0, "and nothing comes");
}

static void test_periodic(void)
{
	volatile struct timer_message *slot = &slots[SINT_USED];
	bool regular = true, in_time = true;

	quiet();
	uint64_t start = hv_reference_time();
	arm(2, ENABLE | PERIODIC | TO(SINT_USED), UNITS_PER_MS);
	uint64_t latest = hv_reference_time(), last = 0;
	for (unsigned i = 0; i < 10; i++) {
		if (!arrives(slot)) {
			regular = false;
			break;
		}
		uint64_t expired = slot->expired;
		regular = regular && expired >= start + UNITS_PER_MS && expired > last;
		/* Every expiration is a whole number of periods behind the first. */
		regular = regular && (last == 0 ? expired <= latest + 1000 * UNITS_PER_MS
						: (expired - last) % UNITS_PER_MS == 0);
		in_time = in_time && slot->delivered >= expired;
		last = expired;
		take(slot);
	}
	check(regular, "a periodic timer sends a message for each period");
	check(in_time, "never before it is over");
	check(enabled(2), "it stays enabled");
	wrmsr(config_msr(2), 0);
	take(slot);
	delay(5);
	check_equal(slot->type, 0, "disabled it is silent");
}

static void test_not_taken(uint32_t lazy)
{
	volatile struct timer_message *slot = &slots[SINT_USED];

	quiet();
	arm(0, ENABLE | PERIODIC | lazy | TO(SINT_USED), UNITS_PER_MS);
	check(arrives(slot), "a message that nobody takes");
	uint64_t first = slot->expired;
	delay(20);
	check_equal(slot->expired, first, "stays");
	check((slot->flags & 1) != 0, "and is told that more wait");
	uint64_t before = hv_reference_time();
	take(slot);
	check(arrives(slot), "taken, it is followed by the next");
	check(slot->expired > first, "with a later time");
	check(slot->delivered >= before, "delivered now");
	wrmsr(config_msr(0), 0);
	take(slot);
	wrmsr(EOM, 0);
	check_equal(slot->type, 0, "periods that went by do not queue up");
}

static void test_stopped_while_waiting(void)
{
	volatile struct timer_message *slot = &slots[SINT_USED];

	quiet();
	arm(0, ENABLE | TO(SINT_USED), 1);
	check(arrives(slot), "the slot is taken");
	arm(1, ENABLE | TO(SINT_USED), 1);
	check(WAIT_FOR((slot->flags & 1) != 0, 2000), "a second timer's message waits behind it");
	wrmsr(count_msr(1), 0);
	take(slot);
	wrmsr(EOM, 0);
	check_equal(slot->type, 0, "stopping the timer takes it back");
}

static void test_masked(void)
{
	volatile struct timer_message *slot = &slots[SINT_USED];

	quiet();
	wrmsr(SINT(SINT_USED), MASKED);
	arm(0, ENABLE | TO(SINT_USED), hv_reference_time() + UNITS_PER_MS);
	check(arrives(slot), "a masked SINT gets the message");
	interrupts_on();
	delay(2);
	interrupts_off();
	check_equal(COUNTER, 0, "without an interrupt");
}

static void test_no_page(void)
{
	volatile struct timer_message *slot = &slots[SINT_USED];

	quiet();
	wrmsr(SIMP, 0);
	uint64_t due = hv_reference_time() + UNITS_PER_MS;
	arm(0, ENABLE | TO(SINT_USED), due);
	delay(20);
	uint64_t before = hv_reference_time();
	wrmsr(SIMP, (uint64_t)slots | HV_MSR_ENABLE);
	check(arrives(slot), "without a page the message waits");
	check_equal(slot->expired, due, "the time of expiry is the old one");
	check(slot->delivered >= before, "that of delivery the new one");
	take(slot);
}

static void test_halt(void)
{
	volatile struct timer_message *slot = &slots[SINT_USED];

	quiet();
	uint64_t due = hv_reference_time() + 5 * UNITS_PER_MS;
	arm(0, ENABLE | TO(SINT_USED), due);
	while (slot->type == 0) {
		halt_with_interrupts();
		interrupts_off();
	}
	check(hv_reference_time() >= due, "a message wakes the processor from HLT");
	take(slot);
}

struct four {
	volatile struct timer_message *page;
	bool good;
};

/* Each to its own SINT, on a processor that may not have used its SynIC before. */
static void use_four(void *argument)
{
	struct four *four = argument;

	synic_on(four->page);
	uint64_t due = hv_reference_time() + 2 * UNITS_PER_MS;
	four->good = true;
	for (unsigned timer = 0; timer < 4; timer++) {
		four->page[10 + timer].type = 0;
		arm(timer, ENABLE | TO(10 + timer), due + timer * UNITS_PER_MS / 2);
	}
	for (unsigned timer = 0; timer < 4; timer++) {
		volatile struct timer_message *slot = &four->page[10 + timer];
		four->good = arrives(slot) && four->good && slot->timer == timer &&
			     slot->expired == due + timer * UNITS_PER_MS / 2 &&
			     slot->delivered >= slot->expired;
		take(slot);
	}
	wrmsr(SCONTROL, 0);
	wrmsr(SIMP, 0);
}

static void test_all_processors(void)
{
	static struct four four[CPU_MAX];
	unsigned count = smp_start();

	for (unsigned i = 0; i < count; i++) {
		four[i].page = i == 0 ? slots : page_alloc(1);
	}
	quiet();
	for (unsigned i = 1; i < count; i++) {
		smp_post(i, use_four, &four[i]);
	}
	use_four(&four[0]);
	for (unsigned i = 0; i < count; i++) {
		check(i == 0 || smp_wait(i, 10000), "processor %u is done", i);
		check(four[i].good, "its four timers have sent four messages");
	}
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_SYNIC | HV_EAX_SYNTHETIC_TIMERS | HV_EAX_REFERENCE_COUNTER)) {
		skip("not advertised", "SynIC, synthetic timers and reference counter");
		return;
	}
	slots = page_alloc(1);
	test_one_shot();
	test_past();
	test_auto_enable();
	test_sint_0();
	test_periodic();
	test_not_taken(0);
	test_not_taken(LAZY);
	test_stopped_while_waiting();
	test_masked();
	test_no_page();
	test_halt();
	test_all_processors();
}
