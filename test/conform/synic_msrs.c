/* SPDX-License-Identifier: MIT */
/* The SynIC's registers as such: what they keep, what they refuse. TLFS 6.0b, 11.8. */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

/* A vector that no other SINT has, and every second one with AutoEOI. All masked: nothing can come of it. */
static uint64_t pattern(unsigned sint)
{
	return (uint64_t)(0x51 + sint) | SINT_MASKED | (sint % 2 != 0 ? SINT_AUTO_EOI : 0);
}

void conform_synic_scontrol_enable(void)
{
	uint64_t reserved = rdmsr(MSR_SCONTROL) & ~1ull;

	expect_equal(wrmsr_safe(MSR_SCONTROL, reserved | 1), NO_FAULT, "setting Enable");
	expect_equal(rdmsr(MSR_SCONTROL) & 1, 1, "Enable after it was set");
	expect_equal(wrmsr_safe(MSR_SCONTROL, reserved), NO_FAULT, "clearing Enable");
	expect_equal(rdmsr(MSR_SCONTROL) & 1, 0, "Enable after it was cleared");
}

void conform_synic_sversion_value(void)
{
	expect_equal((uint32_t)rdmsr(MSR_SVERSION), 1, "SVERSION bits 31:0");
}

void conform_synic_eom_without_messages(void)
{
	bool empty = true;

	synic_on();
	for (unsigned sint = 1; sint < SINT_COUNT; sint++) {
		sint_set(sint, VECTOR);
	}
	expect_equal(wrmsr_safe(MSR_EOM, 0), NO_FAULT, "writing EOM with nothing queued");
	let_interrupts_in();
	for (unsigned sint = 0; sint < SINT_COUNT; sint++) {
		empty = empty && slot(sint)->type == MESSAGE_NONE;
	}
	expect(empty, "all slots are still empty");
	expect_equal(taken(VECTOR), 0, "interrupts taken");
}

void conform_synic_sint_fields(void)
{
	bool kept = true;

	for (unsigned sint = 0; sint < SINT_COUNT; sint++) {
		sint_set(sint, pattern(sint));
	}
	for (unsigned sint = 0; sint < SINT_COUNT; sint++) {
		kept = kept && sint_get(sint) == pattern(sint);
	}
	expect(kept, "each of the sixteen keeps its vector, Masked and AutoEOI");
	for (unsigned sint = 0; sint < SINT_COUNT; sint++) {
		sint_set(sint, pattern(sint) ^ (SINT_MASKED | SINT_AUTO_EOI));
		kept = kept && sint_get(sint) == (pattern(sint) ^ (SINT_MASKED | SINT_AUTO_EOI));
	}
	expect(kept, "and the opposite of Masked and AutoEOI");
}

void conform_synic_sint_polling_bit(void)
{
	sint_set(3, SINT_MASKED | SINT_POLLING | VECTOR);
	expect_equal(sint_get(3), SINT_MASKED | SINT_POLLING | VECTOR, "a masked SINT with Polling");
	sint_set(3, SINT_POLLING | VECTOR);
	expect_equal(sint_get(3), SINT_POLLING | VECTOR, "an unmasked SINT with Polling");
	sint_set(3, SINT_MASKED | VECTOR);
	expect_equal(sint_get(3), SINT_MASKED | VECTOR, "the SINT without it again");
}

void conform_synic_sint_vector_limits(void)
{
	sint_set(4, SINT_MASKED | VECTOR);
	for (unsigned vector = 0; vector < 16; vector++) {
		expect_equal(wrmsr_safe(MSR_SINT0 + 4, vector), FAULT_GP, "unmasked vector %u", vector);
	}
	expect_equal(sint_get(4), SINT_MASKED | VECTOR, "the register after the refusals");
	expect_equal(wrmsr_safe(MSR_SINT0 + 4, 16), NO_FAULT, "unmasked vector 16");
	expect_equal(sint_get(4), 16, "the register then");
	expect_equal(wrmsr_safe(MSR_SINT0 + 4, 255), NO_FAULT, "unmasked vector 255");
	expect_equal(sint_get(4), 255, "the register then");
}

/* The default value is a masked SINT with vector 0: the rule on vectors would refuse to write it back. */
void conform_synic_sint_masked_low_vector(void)
{
	unsigned zero = wrmsr_safe(MSR_SINT0 + 4, SINT_RESET);
	unsigned fifteen = wrmsr_safe(MSR_SINT0 + 4, SINT_MASKED | 15);

	observe("masked vector 0: %s, masked vector 15: %s", zero == NO_FAULT ? "accepted" : "#GP",
		fifteen == NO_FAULT ? "accepted" : "#GP");
}

static const char *fate(uint32_t msr, uint64_t value, uint64_t reserved)
{
	if (wrmsr_safe(msr, value | reserved) != NO_FAULT) {
		return "#GP";
	}
	uint64_t kept = rdmsr(msr) & reserved;
	return kept == reserved ? "kept" : kept == 0 ? "ignored" : "kept in part";
}

void conform_synic_reserved_bits(void)
{
	const char *control = fate(MSR_SCONTROL, 0, 0xFFFFFFFFFFFFFFFE);
	const char *low = fate(MSR_SINT0 + 5, SINT_MASKED | VECTOR, 0xFF00);
	const char *high = fate(MSR_SINT0 + 5, SINT_MASKED | VECTOR, 0xFFFFFFFFFFE00000);

	observe("ones in RsvdP: SCONTROL 63:1 %s, SINTx 15:8 %s, 63:21 %s", control, low, high);
	wrmsr_safe(MSR_SCONTROL, 0);
	wrmsr_safe(MSR_SINT0 + 5, SINT_MASKED | VECTOR);
}

/* What a guest does that preserves reserved bits: reads, changes one field, writes. */
static void check_rewrite(uint32_t msr, uint64_t change, const char *name)
{
	uint64_t before = rdmsr(msr);

	expect_equal(wrmsr_safe(msr, before ^ change), NO_FAULT, "%s: one field changed", name);
	expect_equal(rdmsr(msr) ^ before, change, "%s: what changed", name);
	expect_equal(wrmsr_safe(msr, before), NO_FAULT, "%s: written back", name);
	expect_equal(rdmsr(msr), before, "%s: its value then", name);
}

void conform_synic_preserved_bits(void)
{
	sint_set(6, SINT_MASKED | VECTOR);
	wrmsr(MSR_SIEFP, (uint64_t)sief_page());
	wrmsr(MSR_SIMP, (uint64_t)sim_page());
	check_rewrite(MSR_SCONTROL, 1, "SCONTROL");
	check_rewrite(MSR_SIEFP, PAGE_ENABLE, "SIEFP");
	check_rewrite(MSR_SIMP, PAGE_ENABLE, "SIMP");
	check_rewrite(MSR_SINT0 + 6, SINT_MASKED, "SINT6");
}

static uint64_t other_values[SINT_COUNT + 3];

static void read_others(void *unused)
{
	(void)unused;
	for (unsigned sint = 0; sint < SINT_COUNT; sint++) {
		other_values[sint] = sint_get(sint);
	}
	other_values[SINT_COUNT] = rdmsr(MSR_SCONTROL) & 1;
	other_values[SINT_COUNT + 1] = rdmsr(MSR_SIEFP);
	other_values[SINT_COUNT + 2] = rdmsr(MSR_SIMP);
}

void conform_synic_registers_per_vp(void)
{
	uint64_t before[SINT_COUNT + 3];
	bool same = true;

	smp_run(1, read_others, NULL);
	memcpy(before, other_values, sizeof(before));
	synic_on();
	for (unsigned sint = 0; sint < SINT_COUNT; sint++) {
		sint_set(sint, pattern(sint));
	}
	smp_run(1, read_others, NULL);
	for (unsigned i = 0; i < SINT_COUNT + 3; i++) {
		same = same && other_values[i] == before[i];
	}
	expect(same, "the registers of another virtual processor stay as they were");
}
