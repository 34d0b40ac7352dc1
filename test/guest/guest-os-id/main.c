/* SPDX-License-Identifier: MIT */
/*
 * The guest's identity, MSR 0x40000000.
 *
 * Checked: 0 at the start; every value is accepted and read back; the partition has one for all processors; the
 * hypercall page cannot be enabled without one and goes away when it is set to 0.
 *
 * Says who: TLFS 6.0b, "Establishing the hypercall interface": a guest OS id of zero disables the hypercall page.
 *
 * Covers: 0x40000000
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

static void test_values(void)
{
	static const uint64_t values[] = {
		0x8100000703040000, 0x0001040600011DB1, 1, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, ~0ull,
	};

	check_equal(rdmsr(HV_MSR_GUEST_OS_ID), 0, "the id is 0 at the start");
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		check_equal(wrmsr_safe(HV_MSR_GUEST_OS_ID, values[i]), NO_FAULT, "0x%lx is accepted",
			    values[i]);
		check_equal(rdmsr(HV_MSR_GUEST_OS_ID), values[i], "0x%lx is read back", values[i]);
	}
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	check_equal(rdmsr(HV_MSR_GUEST_OS_ID), 0, "it can be set to 0 again");
}

static void test_hypercall_page(void)
{
	uint64_t page = (uint64_t)hv_hypercall_page();

	pattern_fill(hv_hypercall_page(), 1);
	wrmsr(HV_MSR_HYPERCALL, page | HV_MSR_ENABLE);
	check_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 0, "without id the hypercall page stays off");
	check(pattern_is(hv_hypercall_page(), 1), "and the memory there is as it was");
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	check_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 0, "an id alone does not turn it on");
	wrmsr(HV_MSR_HYPERCALL, page | HV_MSR_ENABLE);
	check_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 1, "with an id it can be turned on");
	check(!pattern_is(hv_hypercall_page(), 1), "and hides the memory there");
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID + 1);
	check_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 1, "another id leaves it on");
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	check_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 0, "id 0 turns it off");
	check(pattern_is(hv_hypercall_page(), 1), "and the memory reappears");
}

static void read_id(void *value)
{
	*(uint64_t *)value = rdmsr(HV_MSR_GUEST_OS_ID);
}

static void write_id(void *value)
{
	wrmsr(HV_MSR_GUEST_OS_ID, *(uint64_t *)value);
}

static void test_processors(void)
{
	uint64_t value = 0, other = 0x8100000000005678;

	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	if (smp_start() < 2) {
		return;
	}
	smp_run(1, read_id, &value);
	check_equal(value, HV_TEST_GUEST_ID, "another processor reads the same id");
	smp_run(1, write_id, &other);
	check_equal(rdmsr(HV_MSR_GUEST_OS_ID), other, "what it writes is seen here");
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_HYPERCALL_MSRS)) {
		skip("no hypercall MSRs", "guest OS id");
		return;
	}
	test_values();
	test_hypercall_page();
	test_processors();
}
