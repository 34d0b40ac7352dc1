/* SPDX-License-Identifier: MIT */
/* User code that may not execute SGDT, SIDT, SLDT and STR. */
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"
#include "tools.h"

#define VALUES 16
#define STORE_SIZE 16
#define UNTOUCHED 0xEE

static void sgdt(void *to)
{
	__asm__ volatile("sgdt (%0)" ::"r"(to) : "memory");
}

static void sidt(void *to)
{
	__asm__ volatile("sidt (%0)" ::"r"(to) : "memory");
}

static void sldt(void *to)
{
	__asm__ volatile("sldt (%0)" ::"r"(to) : "memory");
}

/* To a register, for a change. */
static void str(void *to)
{
	uint64_t value;

	__asm__ volatile("str %0" : "=r"(value));
	*(uint64_t *)to = value;
}

static const struct {
	const char *name;
	void (*execute)(void *);
} instructions[] = {
	{"SGDT", sgdt}, {"SIDT", sidt}, {"SLDT", sldt}, {"STR", str}}; /* in the order of the bits */

/* What each stores when nothing is prevented, and what it stored now. */
static uint8_t normal[COUNT_OF(instructions)][STORE_SIZE], now[STORE_SIZE];

static void prepare(void)
{
	wrmsr_safe(MSR_NPIEP_CONFIG, 0);
	for (unsigned i = 0; i < COUNT_OF(instructions); i++) {
		memory_fill(normal[i], UNTOUCHED, STORE_SIZE);
		instructions[i].execute(normal[i]);
	}
}

static bool stores_as_normal(unsigned which)
{
	for (unsigned i = 0; i < STORE_SIZE; i++) {
		if (now[i] != normal[which][i]) {
			return false;
		}
	}
	return true;
}

static void expect_of(unsigned which, uint64_t value, bool user)
{
	const char *name = instructions[which].name, *where = user ? "user mode" : "kernel mode";
	bool prevented = user && (value >> which & 1) != 0;

	memory_fill(now, UNTOUCHED, STORE_SIZE);
	unsigned fault = user ? user_call(instructions[which].execute, now)
			      : guarded_call(instructions[which].execute, now);

	expect_equal(fault, prevented ? FAULT_GP : NO_FAULT, "%s in %s with NPIEP_CONFIG %lu: fault", name,
		     where, value);
	if (prevented) {
		expect_equal(this_cpu()->fault_error, 0, "%s: error code", name);
		expect(memory_is(now, UNTOUCHED, STORE_SIZE), "%s stores nothing", name);
	} else {
		expect(stores_as_normal(which), "%s in %s with NPIEP_CONFIG %lu stores what it always does",
		       name, where, value);
	}
}

static void expect_all(bool user)
{
	prepare();
	for (uint64_t value = 0; value < VALUES; value++) {
		wrmsr_safe(MSR_NPIEP_CONFIG, value);
		for (unsigned i = 0; i < COUNT_OF(instructions); i++) {
			expect_of(i, value, user);
		}
	}
}

void conform_msr_npiep_user(void)
{
	expect_all(true);
}

void conform_msr_npiep_kernel(void)
{
	expect_all(false);
}

void conform_msr_npiep_reads_back(void)
{
	for (uint64_t value = VALUES; value-- > 0;) {
		uint64_t read = UINT64_MAX;

		expect_equal(wrmsr_safe(MSR_NPIEP_CONFIG, value), NO_FAULT, "%lu can be written", value);
		expect_equal(rdmsr_safe(MSR_NPIEP_CONFIG, &read), NO_FAULT, "the register can be read");
		expect_equal(read, value, "what was written");
	}
}

static void prevent_there(void *fault)
{
	static uint8_t there[STORE_SIZE];

	wrmsr_safe(MSR_NPIEP_CONFIG, 1);
	*(unsigned *)fault = user_call(sgdt, there);
}

void conform_msr_npiep_own(void)
{
	uint64_t here = UINT64_MAX;
	unsigned there = NO_FAULT;

	prepare();
	smp_run(1, prevent_there, &there);
	expect_equal(there, FAULT_GP, "user code of the other processor");
	rdmsr_safe(MSR_NPIEP_CONFIG, &here);
	expect_equal(here, 0, "the register here");
	expect_of(0, 0, true);
}

void conform_msr_npiep_reserved(void)
{
	unsigned refused = 0;

	for (unsigned bit = 4; bit < 64; bit++) {
		refused += wrmsr_safe(MSR_NPIEP_CONFIG, 1ull << bit) != NO_FAULT;
	}
	observe("%u of 60 reserved bits raise #GP", refused);
}
