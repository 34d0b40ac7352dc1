/* SPDX-License-Identifier: MIT */
/*
 * The run time of a VP, MSR 0x40000010, in units of 100 ns.
 *
 * Checked: it never goes back, it grows while the processor computes, it grows no faster than time passes, each
 * processor has its own, and it cannot be written.
 *
 * Says who: TLFS 6.0b, "Virtual processor run time register".
 *
 * Covers: 0x40000010
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define BUSY_MS 20

static void test_monotonic(void *result)
{
	bool monotonic = true;
	uint64_t last = rdmsr(HV_MSR_VP_RUNTIME);

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t now = rdmsr(HV_MSR_VP_RUNTIME);
		monotonic = monotonic && now >= last;
		last = now;
	}
	*(bool *)result = monotonic;
}

static void test_rate(void)
{
	if (!hv_has_eax(HV_EAX_REFERENCE_COUNTER)) {
		skip("no reference counter to compare with", "rate");
		return;
	}
	uint64_t start = hv_reference_time(), before = rdmsr(HV_MSR_VP_RUNTIME);
	delay(BUSY_MS);
	uint64_t after = rdmsr(HV_MSR_VP_RUNTIME), units = hv_reference_time() - start;

	note("%lu units in %lu units of time", after - before, units);
	check(after - before >= units / 2, "it grows while the processor computes");
	check(after - before <= units + 1, "no faster than time");
}

void test_main(void)
{
	bool monotonic;

	if (!hv_has_eax(HV_EAX_VP_RUNTIME)) {
		skip("not advertised", "VP run time");
		return;
	}
	test_monotonic(&monotonic);
	check(monotonic, "it never goes back");
	test_rate();
	check_equal(wrmsr_safe(HV_MSR_VP_RUNTIME, 0), FAULT_GP, "writing raises #GP");
	if (smp_start() >= 2) {
		smp_run(1, test_monotonic, &monotonic);
		check(monotonic, "it never goes back on another processor");
	}
}
