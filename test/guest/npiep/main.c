/* SPDX-License-Identifier: MIT */
/*
 * NPIEP: user code that may not execute SGDT, SIDT, SLDT and STR.
 *
 * Checked, for each of the sixteen values of NPIEP_CONFIG: the instructions of a bit that is set raise #GP(0) at CPL 3 and
 * store nothing, all others work; at CPL 0 all work. In 64-bit and compatibility mode, to memory and to registers of each
 * size. Each processor has its own register; reserved bits raise #GP; UMIP changes nothing about it; real mode is CPL 0.
 * At CPL 0 everything around the instructions is as it is without (faults.c, traps.c): page faults, stores across pages,
 * single steps, breakpoints, interrupts and NMIs.
 *
 * Says who: TLFS 6.0b, 8.12 "Non-Privileged Instruction Execution Prevention"; what the instructions do, the AMD APM
 * volume 3.
 *
 * Run: --smp 2
 * Covers: 0x40000040, HV_CPUID_NPIEP
 */
#include "npiep.h"

#include "forms.h"

#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define EDX_NPIEP (1u << 12)
#define CR4_UMIP (1u << 11)
#define GDT_ENTRIES 11
#define VALUES 16

/* What a function did to memory, and how it ended. */
struct outcome {
	unsigned fault; /* NO_FAULT or FAULT(vector), and then: */
	uint32_t error;
	uint8_t memory[AREA_SIZE];
};

struct form {
	const char *name;
	uint64_t bit;
	void (*kernel)(void *), (*user)(void *);
};

static const struct form forms[] = {
	{"SGDT", PREVENT_SGDT, form_sgdt, form_sgdt},
	{"SGDT with a segment override", PREVENT_SGDT, form_sgdt_fs, form_sgdt_fs},
	{"SGDT in compatibility mode", PREVENT_SGDT, compat_sgdt, user_compat_sgdt},
	{"SIDT", PREVENT_SIDT, form_sidt, form_sidt},
	{"SIDT with base, index and displacement", PREVENT_SIDT, form_sidt_index, form_sidt_index},
	{"SIDT in compatibility mode", PREVENT_SIDT, compat_sidt, user_compat_sidt},
	{"SLDT to memory", PREVENT_SLDT, form_sldt, form_sldt},
	{"SLDT to memory in compatibility mode", PREVENT_SLDT, compat_sldt, user_compat_sldt},
	{"SLDT to AX", PREVENT_SLDT, form_sldt_16, form_sldt_16},
	{"SLDT to EAX", PREVENT_SLDT, form_sldt_32, form_sldt_32},
	{"SLDT to RAX", PREVENT_SLDT, form_sldt_64, form_sldt_64},
	{"SLDT to R10", PREVENT_SLDT, form_sldt_r10, form_sldt_r10},
	{"STR to memory", PREVENT_STR, form_str, form_str},
	{"STR to memory in compatibility mode", PREVENT_STR, compat_str, user_compat_str},
	{"STR to AX", PREVENT_STR, form_str_16, form_str_16},
	{"STR to EAX", PREVENT_STR, form_str_32, form_str_32},
	{"STR to RAX", PREVENT_STR, form_str_64, form_str_64},
	{"STR to RSP", PREVENT_STR, form_str_rsp, form_str_rsp},
};

#define FORM_COUNT (sizeof(forms) / sizeof(forms[0]))

static struct outcome normal[FORM_COUNT]; /* at CPL 0 with nothing prevented */
static uint8_t area[AREA_SIZE];
static uint64_t gdt[GDT_ENTRIES];

struct pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed)); /* the processor's format */

/* --- outcomes --- */

static bool outcome_equal(const struct outcome *a, const struct outcome *b)
{
	for (unsigned i = 0; i < AREA_SIZE; i++) {
		if (a->memory[i] != b->memory[i]) {
			return false;
		}
	}
	return a->fault == b->fault;
}

static struct outcome outcome_in(uint8_t *memory, void (*function)(void *), bool user)
{
	struct outcome outcome = {0};

	memory_fill(memory, UNTOUCHED, AREA_SIZE);
	outcome.fault = user ? user_call(function, memory) : guarded_call(function, memory);
	outcome.error = this_cpu()->fault_error;
	memcpy(outcome.memory, memory, AREA_SIZE);
	return outcome;
}

static bool is_normal(unsigned form, bool user)
{
	void (*function)(void *) = user ? forms[form].user : forms[form].kernel;
	struct outcome outcome = outcome_in(area, function, user);

	return outcome_equal(&outcome, &normal[form]);
}

static bool is_prevented(unsigned form)
{
	struct outcome outcome = outcome_in(area, forms[form].user, true);

	return outcome.fault == FAULT_GP && outcome.error == 0 &&
	       memory_is(outcome.memory, UNTOUCHED, AREA_SIZE);
}

/* --- what is stored --- */

/* A table of our own, with room for what the framework's does not have. */
static void tables_prepare(void)
{
	struct pointer pointer = {sizeof(gdt) - 1, (uint64_t)gdt};
	uint64_t ldt = (uint64_t)&gdt[1];

	memcpy(gdt, this_cpu()->gdt, sizeof(this_cpu()->gdt));
	gdt[SELECTOR_USER_CODE_32 / 8] = 0x00CFFB000000FFFF;
	gdt[SELECTOR_LDT / 8] = 0x0000820000000007 | (ldt & 0xFFFFFF) << 16 | (ldt >> 24 & 0xFF) << 56;
	gdt[SELECTOR_LDT / 8 + 1] = ldt >> 32;
	__asm__ volatile("lgdt %0; lldt %w1" ::"m"(pointer), "r"(SELECTOR_LDT));
}

static uint64_t word_at(const uint8_t *memory, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, memory, size);
	return value;
}

static void test_normal(void)
{
	for (unsigned i = 0; i < FORM_COUNT; i++) {
		normal[i] = outcome_in(area, forms[i].kernel, false);
	}
	check_equal(word_at(normal[0].memory, 2), sizeof(gdt) - 1, "SGDT stores the limit");
	check_equal(word_at(normal[0].memory + 2, 8), (uint64_t)gdt, "and 8 bytes of base");
	check_equal(word_at(normal[2].memory + 2, 8), (uint64_t)gdt | 0xEEEEEEEEull << 32,
		    "in compatibility mode 4 bytes");
	check_equal(word_at(normal[6].memory, 4), SELECTOR_LDT | 0xEEEE0000, "SLDT stores 16 bits");
	check_equal(word_at(normal[16].memory, 8), SELECTOR_TSS,
		    "STR to a register of 64 bits clears the rest");
	check_equal(word_at(normal[17].memory, 8), SELECTOR_TSS, "so it does with RSP");
}

static void test_value(uint64_t value)
{
	unsigned kernel = 0, user = 0;

	wrmsr(NPIEP_CONFIG, value);
	for (unsigned i = 0; i < FORM_COUNT; i++) {
		bool wanted = (forms[i].bit & value) != 0 ? is_prevented(i) : is_normal(i, true);

		if (!wanted) {
			note("at CPL 3: %s", forms[i].name);
		}
		if (!is_normal(i, false)) {
			note("at CPL 0: %s", forms[i].name);
			kernel++;
		}
		user += !wanted;
	}
	check_equal(user, 0, "NPIEP_CONFIG %lu: user code is kept from these instructions and no others",
		    value);
	check_equal(kernel, 0, "NPIEP_CONFIG %lu: at CPL 0 all are as ever", value);
}

/* --- the register --- */

static void test_register(void)
{
	bool refused = true;

	check_equal(rdmsr(NPIEP_CONFIG), 0, "the register starts as 0");
	for (uint64_t value = 0; value < VALUES; value++) {
		wrmsr(NPIEP_CONFIG, value);
		check_equal(rdmsr(NPIEP_CONFIG), value, "%lu reads back", value);
	}
	for (unsigned bit = 4; bit < 64; bit++) {
		refused = refused && wrmsr_safe(NPIEP_CONFIG, 1ull << bit) == FAULT_GP;
	}
	check(refused, "every reserved bit raises #GP");
	check_equal(rdmsr(NPIEP_CONFIG), PREVENT_ALL, "and changes nothing");
	wrmsr(NPIEP_CONFIG, 0);
}

static void test_umip(void)
{
	uint64_t cr4 = read_cr4();
	bool good = true;

	if ((cpuid_sub(7, 0).ecx & 4) == 0) {
		skip("this processor has no UMIP", "UMIP and NPIEP");
		return;
	}
	write_cr4_safe(cr4 | CR4_UMIP);
	for (unsigned i = 0; i < FORM_COUNT; i++) {
		wrmsr(NPIEP_CONFIG, PREVENT_ALL);
		good = good && is_prevented(i) && is_normal(i, false);
		wrmsr(NPIEP_CONFIG, 0);
		good = good && is_prevented(i) && is_normal(i, false);
	}
	write_cr4_safe(cr4);
	check(good, "with UMIP too user code gets #GP and the kernel does not");
}

/* --- another processor --- */

struct order {
	uint64_t value;
	unsigned fault; /* of SGDT in user code */
};

static void obey(void *argument)
{
	static uint8_t there[AREA_SIZE];
	struct order *order = argument;

	wrmsr(NPIEP_CONFIG, order->value);
	order->fault = outcome_in(there, form_sgdt, true).fault;
}

static void test_processors(void)
{
	struct order order = {PREVENT_SGDT, 0};

	wrmsr(NPIEP_CONFIG, 0);
	smp_run(1, obey, &order);
	check_equal(order.fault, FAULT_GP, "another processor prevents");
	check_equal(rdmsr(NPIEP_CONFIG), 0, "this one's register is its own");
	check(is_normal(0, true), "and user code here is free");
	wrmsr(NPIEP_CONFIG, PREVENT_SGDT);
	order.value = 0;
	smp_run(1, obey, &order);
	check_equal(order.fault, NO_FAULT, "the other way round the other one's user code is free");
	check(is_prevented(0), "and not here");
	wrmsr(NPIEP_CONFIG, 0);
}

static volatile uint8_t *real_place(const uint8_t *symbol)
{
	return (volatile uint8_t *)(uintptr_t)(REAL_PAGE + (symbol - real_code));
}

/* Whether the register survives INIT is not said; either way real mode has no user code. */
static void test_real_mode(void)
{
	struct order order = {PREVENT_ALL, 0};
	volatile uint32_t *done = (volatile uint32_t *)real_place(real_done);

	smp_run(1, obey, &order);
	memcpy((void *)REAL_PAGE, real_code, (size_t)(real_code_end - real_code));
	apic_send(cpus[1].apic_id, ICR_ASSERT | ICR_INIT);
	delay(10);
	apic_send(cpus[1].apic_id, ICR_ASSERT | ICR_STARTUP | REAL_PAGE >> 12);
	check(WAIT_FOR(*done == 1, 2000), "SGDT and SIDT work in real mode");
	check_equal(*(volatile uint16_t *)real_place(real_gdt), 0xFFFF, "they store the limit after INIT");
	check_equal(*(volatile uint16_t *)real_place(real_idt), 0xFFFF, "both");
	if (check(smp_restart(1), "the processor comes back")) {
		order.value = 0;
		smp_run(1, obey, &order);
		check_equal(order.fault, NO_FAULT, "and can be told to prevent nothing");
	}
}

void test_main(void)
{
	if (!hv_present()) {
		skip("no Hv#1", "NPIEP");
		return;
	}
	if (!hv_has_edx(EDX_NPIEP)) {
		skip("not advertised", "NPIEP");
		check_equal(rdmsr_fault(NPIEP_CONFIG), FAULT_GP, "its register faults");
		return;
	}
	test_register();
	tables_prepare();
	test_normal();
	for (uint64_t value = 0; value < VALUES; value++) {
		test_value(value);
	}
	test_value(0);
	test_umip();
	test_faults();
	test_traps();
	if (smp_start() >= 2) {
		test_processors();
		test_real_mode();
	}
}
