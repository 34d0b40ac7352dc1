/* SPDX-License-Identifier: MIT */
/*
 * The synthetic interrupt controller: SCONTROL to EOM at 0x40000080 to 84, the SINTs from 0x40000090 on.
 *
 * Checked: the values after start, what reads back, bad vectors, the two pages as overlays; then with a synthetic timer
 * as the sender of messages: where a message lies, what MessagePending, EOM and EOI do, masked and polled SINTs, a
 * SynIC or page that is off, automatic EOI with and without interrupts of lower priority behind it, and that processors
 * have SynICs of their own.
 *
 * Says who: TLFS 6.0b and its web edition, "SynIC MSRs", "SynIC Messages", "SINTx Registers". A message is 256 bytes:
 * type at 0, payload size at 4, flags at 5, sender at 8, payload at 16. Type 0x80000010 is an expired timer.
 *
 * Covers: 0x40000080, 0x40000081, 0x40000082, 0x40000083, 0x40000084, 0x40000090, 0x40000091, 0x40000092, 0x40000093,
 * 0x40000094, 0x40000095, 0x40000096, 0x40000097, 0x40000098, 0x40000099, 0x4000009A, 0x4000009B, 0x4000009C,
 * 0x4000009D, 0x4000009E, 0x4000009F, HV_CPUID_ACCESS_SYNIC_MSRS, HV_CPUID_SINT_POLLING_MODE
 *
 * Run: --smp 1
 * Run: --smp 2
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
#define SVERSION 0x40000081u
#define SIEFP 0x40000082u
#define SIMP 0x40000083u
#define EOM 0x40000084u
#define SINT(n) (0x40000090u + (n))
#define MASKED 0x10000u
#define AUTO_EOI 0x20000u
#define POLLING 0x40000u
#define EDX_POLLING (1u << 17)
#define SEED 77

#define TIMER_ENABLE 0x1u
#define TIMER_TO(sint) ((uint32_t)(sint) << 16)
#define TIMER_EXPIRED 0x80000010u
#define PENDING 0x1u

#define VECTOR 0x61
#define LOW 0x51

struct message {
	uint32_t type;
	uint8_t size;
	uint8_t flags;
	uint8_t reserved[2];
	uint64_t sender;
	uint64_t payload[30];
};

static volatile uint8_t *flags_page;
static volatile struct message *slots;

/* --- Registers and pages ---------------------------------------------------------------------------------------- */

static void test_start(void)
{
	bool masked = true;

	check_equal(rdmsr(SCONTROL), 0, "SCONTROL starts as 0");
	check_equal(rdmsr(SVERSION), 1, "the version is 1");
	check_equal(wrmsr_safe(SVERSION, 1), FAULT_GP, "which cannot be written");
	check_equal(rdmsr(SIEFP) | rdmsr(SIMP), 0, "both pages start as off");
	check_equal(rdmsr(EOM), 0, "EOM reads 0");
	for (unsigned i = 0; i < 16; i++) {
		masked = masked && rdmsr(SINT(i)) == MASKED;
	}
	check(masked, "all SINTs start as masked");
}

static void test_registers(void)
{
	bool kept = true, refused = true;

	wrmsr(SCONTROL, 0xABCDEF0012345678);
	check_equal(rdmsr(SCONTROL), 0xABCDEF0012345678, "SCONTROL keeps reserved bits");
	wrmsr(SCONTROL, 0);
	for (unsigned i = 0; i < 16; i++) {
		wrmsr(SINT(i), 0xFFFFFFFFFFF1FF20 + i);
	}
	for (unsigned i = 0; i < 16; i++) {
		kept = kept && rdmsr(SINT(i)) == 0xFFFFFFFFFFF1FF20 + i;
		refused = refused && wrmsr_safe(SINT(i), i) == FAULT_GP;
		refused = refused && rdmsr(SINT(i)) == 0xFFFFFFFFFFF1FF20 + i;
		wrmsr(SINT(i), MASKED);
	}
	check(kept, "SINTs read back, each its own");
	check(refused, "a vector below 16 raises #GP and changes nothing");
	check_equal(wrmsr_safe(SINT(0), MASKED), NO_FAULT, "what was read after start may be written");
	check_equal(wrmsr_safe(EOM, 0), NO_FAULT, "EOM without a message does nothing");
}

static void test_page(uint32_t msr, volatile void *page, const char *name)
{
	pattern_fill((void *)page, SEED);
	wrmsr(msr, (uint64_t)page | 0xAAA);
	check(pattern_is((const void *)page, SEED), "%s: disabled it hides nothing", name);
	check_equal(rdmsr(msr), (uint64_t)page | 0xAAA, "%s: reserved bits read back", name);
	wrmsr(msr, (uint64_t)page | HV_MSR_ENABLE);
	check(memory_is((const void *)page, 0, PAGE_SIZE), "%s: the page begins as zeros", name);
	((volatile uint32_t *)page)[1000] = 0x600D;
	wrmsr(msr, 0);
	check(pattern_is((const void *)page, SEED), "%s: disabling brings the memory back", name);
	wrmsr(msr, (uint64_t)page | HV_MSR_ENABLE);
	check_equal(((volatile uint32_t *)page)[1000], 0x600D, "%s: its content survives", name);
	((volatile uint32_t *)page)[1000] = 0;
}

/* --- Messages ------------------------------------------------------------------------------------------------- */

/* A timer whose time has come sends its message at once. */
static void send(unsigned timer, unsigned sint)
{
	wrmsr(HV_MSR_STIMER0_CONFIG + 2 * timer, TIMER_TO(sint));
	wrmsr(HV_MSR_STIMER0_COUNT + 2 * timer, 1);
	wrmsr(HV_MSR_STIMER0_CONFIG + 2 * timer, TIMER_ENABLE | TIMER_TO(sint));
}

static bool arrives(unsigned sint)
{
	return WAIT_FOR(slots[sint].type != 0, 1000);
}

static unsigned take(unsigned sint)
{
	unsigned timer = (unsigned)slots[sint].payload[0];

	__atomic_store_n(&slots[sint].type, 0, __ATOMIC_SEQ_CST);
	return timer;
}

static unsigned count(uint8_t vector)
{
	interrupts_on();
	delay(2);
	interrupts_off();
	return this_cpu()->irq_count[vector];
}

/* Nothing in any slot or queue, no interrupt under way. */
static void quiet(void)
{
	for (unsigned timer = 0; timer < 4; timer++) {
		wrmsr(HV_MSR_STIMER0_CONFIG + 2 * timer, 0);
		wrmsr(HV_MSR_STIMER0_COUNT + 2 * timer, 0);
	}
	wrmsr(SCONTROL, 1);
	wrmsr(SIMP, (uint64_t)slots | HV_MSR_ENABLE);
	for (unsigned sint = 0; sint < 16; sint++) {
		wrmsr(SINT(sint), MASKED);
		for (unsigned i = 0; i < 8; i++) {
			slots[sint].type = 0;
			wrmsr(EOM, 0);
		}
		slots[sint].type = 0;
	}
	count(VECTOR);
	irq_forget();
}

static void test_message(void)
{
	quiet();
	wrmsr(SINT(3), VECTOR);
	send(2, 3);
	check(arrives(3), "a message comes into its slot");
	check_equal(slots[3].type, TIMER_EXPIRED, "with its type");
	check_equal(slots[3].size, 24, "its size");
	check_equal(slots[3].flags, 0, "and no flag, as none waits");
	check_equal(slots[3].sender, 0, "a timer has no sender");
	check_equal(slots[3].payload[0], 2, "it says which timer");
	check_equal(count(VECTOR), 1, "and interrupts once");
	check_equal(apic_highest(APIC_ISR), 0, "which is over");
	bool others = true;
	for (unsigned sint = 0; sint < 16; sint++) {
		others = others && (sint == 3 || slots[sint].type == 0);
	}
	check(others, "the other slots are empty");
}

static void test_queue(void)
{
	quiet();
	wrmsr(SINT(3), VECTOR);
	send(0, 3);
	check(arrives(3), "the first message comes");
	check_equal(count(VECTOR), 1, "and interrupts");
	send(1, 3);
	send(2, 3);
	check(WAIT_FOR((slots[3].flags & PENDING) != 0, 1000), "the second sets MessagePending in the first");
	check_equal(slots[3].payload[0], 0, "which stays");
	check_equal(count(VECTOR), 1, "without an interrupt");
	send(3, 4);
	check(arrives(4), "another SINT does not wait");
	check_equal(take(3), 0, "the guest takes the first");
	check_equal(slots[3].type, 0, "and empties the slot");
	wrmsr(EOM, 0);
	check(arrives(3), "EOM brings the second");
	check_equal(slots[3].flags & PENDING, PENDING, "with MessagePending");
	check_equal(count(VECTOR), 2, "and interrupts");
	check_equal(take(3), 1, "messages come in order");
	wrmsr(EOM, 0);
	check(arrives(3), "EOM brings the third");
	check_equal(slots[3].flags & PENDING, 0, "without MessagePending");
	check_equal(take(3), 2, "which is the last");
	wrmsr(EOM, 0);
	check_equal(slots[3].type, 0, "EOM then does nothing");
	check_equal(count(VECTOR), 3, "three messages, three interrupts");
}

static volatile unsigned handled;

/* The handling that the specification recommends: take the message, then EOI, and no EOM. */
static void handle_by_eoi(struct trap_frame *frame)
{
	(void)frame;
	handled++;
	take(3);
	apic_eoi();
}

static void test_eoi(void)
{
	quiet();
	handled = 0;
	irq_set(VECTOR, handle_by_eoi);
	wrmsr(SINT(3), VECTOR);
	for (unsigned timer = 0; timer < 4; timer++) {
		send(timer, 3);
	}
	interrupts_on();
	check(WAIT_FOR(handled == 4, 1000), "an EOI brings the next message, without EOM (%u of 4)", handled);
	interrupts_off();
	irq_set(VECTOR, NULL);
}

static void test_masked(void)
{
	quiet();
	send(0, 3);
	check(arrives(3), "a masked SINT gets its messages");
	check_equal(take(3), 0, "the right one");
	wrmsr(SINT(3), VECTOR);
	check_equal(count(VECTOR), 0, "but no interrupt, not even later");
	if (!hv_has_edx(EDX_POLLING)) {
		skip("not advertised", "polled SINTs");
		return;
	}
	wrmsr(SINT(3), VECTOR | POLLING);
	send(1, 3);
	check(arrives(3), "so does a polled one");
	check_equal(count(VECTOR), 0, "and no interrupt either");
}

static void test_off(void)
{
	quiet();
	wrmsr(SINT(3), VECTOR);
	wrmsr(SCONTROL, 0);
	send(0, 3);
	delay(2);
	check_equal(slots[3].type, 0, "with SCONTROL off the message waits");
	wrmsr(SCONTROL, 1);
	check(arrives(3), "until it is on");
	check_equal(count(VECTOR), 1, "and interrupts then");
	quiet();
	wrmsr(SINT(3), VECTOR);
	wrmsr(SIMP, (uint64_t)slots);
	send(0, 3);
	delay(2);
	wrmsr(EOM, 0);
	check_equal(count(VECTOR), 0, "with SIMP off it waits");
	wrmsr(SIMP, (uint64_t)slots | HV_MSR_ENABLE);
	check(arrives(3), "until the page is there");
	check_equal(count(VECTOR), 1, "and interrupts then, too");
}

/* --- Automatic EOI -------------------------------------------------------------------------------------------- */

static volatile unsigned auto_count, low_count, low_inside;
static volatile bool in_auto, in_service;

/* No EOI here. */
static void handle_auto(struct trap_frame *frame)
{
	(void)frame;
	in_auto = true;
	auto_count++;
	in_auto = false;
}

static void handle_auto_look(struct trap_frame *frame)
{
	(void)frame;
	auto_count++;
	in_service = apic_bit(APIC_ISR, VECTOR);
}

static void handle_low(struct trap_frame *frame)
{
	(void)frame;
	low_count++;
	low_inside += in_auto;
	apic_eoi();
}

static void test_auto_eoi(void)
{
	quiet();
	auto_count = 0;
	in_service = true;
	irq_set(VECTOR, handle_auto_look);
	wrmsr(SINT(3), VECTOR | AUTO_EOI);
	for (unsigned i = 1; i <= 3; i++) {
		send(0, 3);
		interrupts_on();
		bool came = WAIT_FOR(auto_count == i, 1000);
		interrupts_off();
		check(came, "automatic EOI: interrupt %u comes without an EOI for the last", i);
		check(!in_service, "the vector is not in service in its handler");
		take(3);
	}
	irq_set(VECTOR, NULL);
}

/* Two interrupts wait; the first has no EOI by which the hypervisor could learn that the second may go. The guest then
 * runs without leaving for the hypervisor on its own. */
static void test_auto_eoi_followed(void)
{
	quiet();
	auto_count = low_count = low_inside = 0;
	irq_set(VECTOR, handle_auto);
	irq_set(LOW, handle_low);
	wrmsr(SINT(3), VECTOR | AUTO_EOI);
	apic_send_self(LOW);
	send(0, 3);
	arrives(3);
	delay(20); /* whatever the machine has to do, it does now */
	interrupts_on();
	for (unsigned i = 0; i < 200 && low_count == 0; i++) {
		__asm__ volatile("pause");
	}
	unsigned low = low_count, first = auto_count;
	interrupts_off();
	check_equal(first, 1, "the automatic one comes first");
	check_equal(low, 1, "the one behind it follows at once");
	check_equal(low_inside, 0, "but not in the middle of its handler");
	check_equal(apic_highest(APIC_ISR), 0, "nothing is left in service");
	irq_set(VECTOR, NULL);
	irq_set(LOW, NULL);
}

/* --- Another processor ---------------------------------------------------------------------------------------- */

struct other {
	uint64_t control, sint, simp;
	uint32_t type;
	void *page;
};

static void use_other(void *argument)
{
	struct other *other = argument;
	volatile struct message *page = other->page;

	other->control = rdmsr(SCONTROL);
	other->sint = rdmsr(SINT(3));
	other->simp = rdmsr(SIMP);
	wrmsr(SCONTROL, 1);
	wrmsr(SIMP, (uint64_t)page | HV_MSR_ENABLE);
	send(0, 5);
	WAIT_FOR(page[5].type != 0, 1000);
	other->type = page[5].type;
	page[5].type = 0;
	wrmsr(SIMP, 0);
	wrmsr(SCONTROL, 0);
}

static void test_other(void)
{
	struct other other = {.page = page_alloc(1)};

	quiet();
	wrmsr(SINT(3), VECTOR);
	smp_run(1, use_other, &other);
	check_equal(other.control | other.simp, 0, "another processor starts with its SynIC off");
	check_equal(other.sint, MASKED, "its SINTs masked");
	check_equal(other.type, TIMER_EXPIRED, "and gets its own messages");
	check_equal(slots[5].type, 0, "which do not come to us");
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_SYNIC | HV_EAX_SYNTHETIC_TIMERS)) {
		skip("not advertised", "SynIC and synthetic timers");
		return;
	}
	flags_page = page_alloc(1);
	slots = page_alloc(1);
	test_start();
	test_registers();
	test_page(SIEFP, flags_page, "SIEFP");
	test_page(SIMP, slots, "SIMP");
	test_message();
	test_queue();
	test_eoi();
	test_masked();
	test_off();
	test_auto_eoi();
	test_auto_eoi_followed();
	if (smp_start() >= 2) {
		test_other();
	}
}
