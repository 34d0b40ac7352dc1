/* SPDX-License-Identifier: MIT */
/*
 * The VP index, MSR 0x40000002.
 *
 * Checked: every processor has its own, it stays, it is below the maximum that leaf 0x40000005 gives, the boot
 * processor's is 0 (Linux numbers its processors so and relies on it as root), and it cannot be written.
 *
 * Says who: TLFS 6.0b, "Virtual processor index".
 *
 * Covers: 0x40000002
 *
 * Run: --smp 1
 * Run: --smp 2
 * Run: --smp 4
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

struct seen {
	uint64_t index;
	bool stable;
	unsigned write_fault;
};

static void look(void *argument)
{
	struct seen *seen = argument;

	seen->index = rdmsr(HV_MSR_VP_INDEX);
	seen->stable = true;
	for (unsigned i = 0; i < 100; i++) {
		seen->stable = seen->stable && rdmsr(HV_MSR_VP_INDEX) == seen->index;
	}
	seen->write_fault = wrmsr_safe(HV_MSR_VP_INDEX, 7);
	seen->stable = seen->stable && rdmsr(HV_MSR_VP_INDEX) == seen->index;
}

static void check_one(unsigned cpu, const struct seen *seen)
{
	uint32_t limit = cpuid(HV_LEAF_LIMITS).eax;

	check(seen->stable, "processor %u: its index stays", cpu);
	check_equal(seen->write_fault, FAULT_GP, "processor %u: writing raises #GP", cpu);
	check(limit == 0 || seen->index < limit, "processor %u: index %lu is below the limit %u", cpu,
	      seen->index, limit);
}

void test_main(void)
{
	static struct seen seen[CPU_MAX];

	if (!hv_has_eax(HV_EAX_VP_INDEX)) {
		skip("not advertised", "VP index");
		return;
	}
	unsigned count = smp_start();
	look(&seen[0]);
	check_equal(seen[0].index, 0, "the boot processor is VP 0");
	for (unsigned i = 1; i < count; i++) {
		smp_run(i, look, &seen[i]);
	}
	bool distinct = true;
	for (unsigned i = 0; i < count; i++) {
		check_one(i, &seen[i]);
		for (unsigned j = 0; j < i; j++) {
			distinct = distinct && seen[i].index != seen[j].index;
		}
	}
	check(distinct, "all %u indexes differ", count);
}
