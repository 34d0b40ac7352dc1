/* SPDX-License-Identifier: MIT */
/* The registers that every hypervisor with the interface has: GUEST_OS_ID, HYPERCALL, VP_INDEX. */
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"
#include "tools.h"

#define ADDRESS_MASK 0xFFFFFFFFFFFFF000ull

void conform_msr_guest_os_id_values(void)
{
	static const uint64_t values[] = {
		0x0001040600011DB1, /* Microsoft, Windows NT 6.0 */
		0x8101000703040000, /* open source, Linux */
		0x8200000000000001, /* open source, FreeBSD */
		0x0000000000000001, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF,
	};

	for (unsigned i = 0; i < COUNT_OF(values); i++) {
		expect_equal(wrmsr_safe(HV_MSR_GUEST_OS_ID, values[i]), NO_FAULT, "id 0x%lx is accepted",
			     values[i]);
		expect_equal(rdmsr(HV_MSR_GUEST_OS_ID), values[i], "and read back");
	}
	expect_equal(wrmsr_safe(HV_MSR_GUEST_OS_ID, 0), NO_FAULT, "zero is accepted");
	expect_equal(rdmsr(HV_MSR_GUEST_OS_ID), 0, "and read back");
}

static void read_msr(void *value)
{
	uint64_t *number_then_value = value;

	*number_then_value = rdmsr((uint32_t)*number_then_value);
}

static uint64_t read_elsewhere(uint32_t msr)
{
	uint64_t value = msr;

	smp_run(1, read_msr, &value);
	return value;
}

static void write_other_id(void *unused)
{
	(void)unused;
	wrmsr(HV_MSR_GUEST_OS_ID, 0x8100000000004711);
}

void conform_msr_guest_os_id_shared(void)
{
	wrmsr(HV_MSR_GUEST_OS_ID, 0x8100000000001234);
	expect_equal(read_elsewhere(HV_MSR_GUEST_OS_ID), 0x8100000000001234,
		     "another processor reads the same id");
	smp_run(1, write_other_id, NULL);
	expect_equal(rdmsr(HV_MSR_GUEST_OS_ID), 0x8100000000004711, "and what it writes is read here");
}

void conform_msr_guest_os_id_zero_disables(void)
{
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	expect_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 0,
		     "without id the page is not enabled any more");
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	expect_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 0, "a new id alone does not enable it again");
}

void conform_msr_guest_os_id_change_keeps(void)
{
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID + 1);
	expect_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, HV_MSR_ENABLE, "the page stays enabled");
	expect_equal(hv_status(hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 1, 0)), HV_SUCCESS,
		     "calls go on");
}

void conform_msr_hypercall_needs_id(void)
{
	uint64_t page = (uint64_t)scratch(0);

	wrmsr(HV_MSR_HYPERCALL, 0);
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	expect_equal(wrmsr_safe(HV_MSR_HYPERCALL, page | HV_MSR_ENABLE), NO_FAULT,
		     "the write does not fault");
	expect_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 0, "but the page is not enabled");
}

void conform_msr_hypercall_reads_back(void)
{
	uint64_t page = (uint64_t)scratch(0);

	wrmsr(HV_MSR_HYPERCALL, page | HV_MSR_ENABLE);
	expect_equal(rdmsr(HV_MSR_HYPERCALL) & (ADDRESS_MASK | HV_MSR_ENABLE), page | HV_MSR_ENABLE,
		     "address and enable bit are read back");
	wrmsr(HV_MSR_HYPERCALL, page);
	expect_equal(rdmsr(HV_MSR_HYPERCALL) & (ADDRESS_MASK | HV_MSR_ENABLE), page,
		     "a page that is not enabled keeps its address");
}

void conform_msr_hypercall_beyond(void)
{
	uint64_t before = rdmsr(HV_MSR_HYPERCALL);
	unsigned width = memory_width();

	expect_equal(wrmsr_safe(HV_MSR_HYPERCALL, 1ull << width | HV_MSR_ENABLE), FAULT_GP,
		     "an address of %u bits, with a width of %u, raises #GP", width + 1, width);
	expect_equal(wrmsr_safe(HV_MSR_HYPERCALL, ADDRESS_MASK | HV_MSR_ENABLE), FAULT_GP,
		     "the highest page number raises #GP");
	expect_equal(rdmsr(HV_MSR_HYPERCALL), before, "the register is as it was");
	expect_equal(hv_status(hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 1, 0)), HV_SUCCESS,
		     "and the page where it was");
}

void conform_msr_hypercall_shared(void)
{
	wrmsr(HV_MSR_HYPERCALL, (uint64_t)scratch(0) | HV_MSR_ENABLE);
	uint64_t here = rdmsr(HV_MSR_HYPERCALL);
	expect_equal(read_elsewhere(HV_MSR_HYPERCALL), here, "another processor reads the same value");
}

/* A guest that preserves what it read may write ones here, so nothing worse than forgetting them may happen. */
void conform_msr_hypercall_reserved(void)
{
	uint64_t value = (uint64_t)scratch(0) | 0xFFC | HV_MSR_ENABLE;

	unsigned fault = wrmsr_safe(HV_MSR_HYPERCALL, value);
	if (fault != NO_FAULT) {
		observe("ones in the reserved bits 11:2 raise fault 0x%x", fault);
		return;
	}
	uint64_t after = rdmsr(HV_MSR_HYPERCALL);
	remark("bits 11:2 are read back as 0x%lx", after & 0xFFC);
	expect_equal(after & ~0xFFCull, value & ~0xFFCull, "address and enable bit are taken all the same");
}

static void note_index(void *index)
{
	*(uint64_t *)index = rdmsr(HV_MSR_VP_INDEX);
}

void conform_msr_vp_index_unique(void)
{
	uint64_t index[CPU_MAX];
	unsigned count = smp_start();

	note_index(&index[0]);
	for (unsigned i = 1; i < count; i++) {
		smp_run(i, note_index, &index[i]);
		for (unsigned j = 0; j < i; j++) {
			expect(index[i] != index[j], "processors %u and %u have the indexes %lu and %lu", j,
			       i, index[j], index[i]);
		}
	}
}

void conform_msr_vp_index_stable(void)
{
	uint64_t index = rdmsr(HV_MSR_VP_INDEX);
	bool stable = true;

	for (unsigned i = 0; i < 1000; i++) {
		stable = stable && rdmsr(HV_MSR_VP_INDEX) == index;
	}
	expect(stable, "a thousand readings of the index agree");
	expect_equal(index >> 32, 0, "bits 63:32 are zero");
}

void conform_msr_vp_index_below_limit(void)
{
	uint32_t limit = cpuid(HV_LEAF_LIMITS).eax;
	uint64_t index = rdmsr(HV_MSR_VP_INDEX);

	expect(limit == 0 || index < limit, "index %lu is below the limit %u", index, limit);
}

/* The virtual boot processor is the one that was created with the index 0. */
void conform_msr_vp_index_of_boot_processor(void)
{
	bool boot = (rdmsr(MSR_APIC_BASE) & 0x100) != 0;

	expect(boot, "the boot processor has the BSP flag in its APIC base");
	expect_equal(rdmsr(HV_MSR_VP_INDEX), 0, "its index");
}

void conform_msr_vp_index_read_only(void)
{
	expect_read_only(HV_MSR_VP_INDEX, 7, "VP_INDEX");
}
