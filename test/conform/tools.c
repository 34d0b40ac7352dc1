/* SPDX-License-Identifier: MIT */
/* See tools.h. */
#include "tools.h"

#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

static uint8_t pages[SCRATCH_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));

uint8_t *scratch(unsigned index)
{
	return pages[index];
}

uint64_t call_blocks(uint64_t control, const uint64_t *words, unsigned count)
{
	volatile uint64_t *input = (volatile uint64_t *)scratch(INPUT_PAGE);

	for (unsigned i = 0; i < count && i < PAGE_SIZE / 8; i++) {
		input[i] = words[i];
	}
	memory_fill(scratch(OUTPUT_PAGE), 0xEE, PAGE_SIZE);
	return hv_call(control, (uint64_t)scratch(INPUT_PAGE), (uint64_t)scratch(OUTPUT_PAGE));
}

uint64_t output_word(unsigned index)
{
	return ((volatile uint64_t *)scratch(OUTPUT_PAGE))[index];
}

bool has_privilege(unsigned bit)
{
	struct cpuid features = cpuid(HV_LEAF_FEATURES);
	uint64_t mask = features.eax | (uint64_t)features.ebx << 32;

	return (mask >> bit & 1) != 0;
}

bool expect_refused(uint64_t result, const char *what)
{
	if (hv_status(result) != HV_SUCCESS) {
		remark("%s: status 0x%x", what, hv_status(result));
	}
	return expect(hv_status(result) != HV_SUCCESS, "%s is refused", what);
}

bool call_exists(uint64_t result, const char *call)
{
	if (hv_status(result) == HV_INVALID_CODE) {
		skip_requirement("%s does not exist here", call);
	}
	return hv_status(result) != HV_INVALID_CODE;
}

void expect_reserved_zero(uint64_t value, const char *what)
{
	if (value != 0) {
		observe("%s: 0x%lx", what, value);
	} else {
		expect(true, "%s are zero", what);
	}
}

void expect_read_only(uint32_t msr, uint64_t value, const char *name)
{
	uint64_t after = 0;

	expect_equal(wrmsr_safe(msr, value), FAULT_GP, "writing %s raises #GP", name);
	expect_equal(rdmsr_safe(msr, &after), NO_FAULT, "reading %s does not", name);
	expect(after != value, "%s has not taken the value", name);
}

static void read_index(void *index)
{
	*(uint32_t *)index = (uint32_t)rdmsr(HV_MSR_VP_INDEX);
}

uint32_t vp_index_of(unsigned cpu)
{
	uint32_t index = 0;

	if (cpu == 0) {
		read_index(&index);
	} else {
		smp_run(cpu, read_index, &index);
	}
	return index;
}

uint64_t vp_bit_of(unsigned cpu)
{
	return 1ull << (vp_index_of(cpu) & 63);
}
