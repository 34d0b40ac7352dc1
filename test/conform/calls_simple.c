/* SPDX-License-Identifier: MIT */
/* HvNotifyLongSpinWait (0x0008), HvGetPartitionId (0x0046), HvGetVpIndexFromApicId (0x009A). */
#include "../guest/framework/smp.h"
#include "tools.h"

#define UNKNOWN_APIC_ID 0xEFFFFFF0u
#define OTHER_PARTITION 0x123456789ABCDEFull

/* --- 0x0008 --- */

void conform_calls_long_spin(void)
{
	static const uint64_t counts[] = {0, 1, 4095, 0x80000000, 0xFFFFFFFF};

	for (unsigned i = 0; i < COUNT_OF(counts); i++) {
		expect_equal(hv_status(call_blocks(HV_CALL_LONG_SPIN, &counts[i], 1)), HV_SUCCESS,
			     "%lu spins, in memory", counts[i]);
		expect_equal(hv_status(hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, counts[i], 0)),
			     HV_SUCCESS, "%lu spins, in a register", counts[i]);
	}
}

/* Reserved in the online edition, padding in 2.0a; but all say that the call has no error status. */
void conform_calls_long_spin_upper_half(void)
{
	uint64_t result = hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 0x1234567800000010, 0);

	expect_equal(hv_status(result), HV_SUCCESS, "ones behind the number of spins");
}

/* --- 0x0046 --- */

static uint64_t partition_id(void)
{
	uint64_t result = call_blocks(HV_CALL_GET_PARTITION_ID, NULL, 0);

	expect_equal(hv_status(result), HV_SUCCESS, "HvGetPartitionId");
	return output_word(0);
}

void conform_calls_partition_id(void)
{
	uint64_t id = partition_id();

	expect(id != PARTITION_SELF && id != 0xEEEEEEEEEEEEEEEE,
	       "the id 0x%lx is one, and not the name for oneself", id);
	expect_equal(partition_id(), id, "the second time the id");
}

static void ask_id(void *id)
{
	volatile uint64_t *to = (volatile uint64_t *)scratch(1);

	hv_call(HV_CALL_GET_PARTITION_ID, 0, (uint64_t)scratch(1));
	*(uint64_t *)id = *to;
}

void conform_calls_partition_id_everywhere(void)
{
	uint64_t there = 0;

	smp_run(1, ask_id, &there);
	expect_equal(there, partition_id(), "the id that another processor is given");
}

/* --- 0x009A --- */

static uint64_t ask_index(uint64_t partition, uint64_t vtl, const uint32_t *ids, unsigned count)
{
	uint64_t words[2 + 16] = {partition, vtl};

	for (unsigned i = 0; i < count; i++) {
		((uint32_t *)&words[2])[i] = ids[i];
	}
	return call_blocks(CALL_VP_INDEX_FROM_APIC_ID | HV_CONTROL_REPS(1), words, 18);
}

/* Index of the one processor asked for; ~0 where the call is not there. */
static uint64_t index_of(uint32_t apic_id)
{
	const uint32_t ids[2] = {apic_id, 0};
	uint64_t result = ask_index(PARTITION_SELF, 0, ids, 2);

	if (!call_exists(result, "HvGetVpIndexFromApicId")) {
		return ~0ull;
	}
	expect_equal(hv_status(result), HV_SUCCESS, "APIC id 0x%x", apic_id);
	expect_equal(hv_reps(result), 1, "reps completed");
	return output_word(0) & 0xFFFFFFFF;
}

void conform_calls_vp_index(void)
{
	uint64_t index = index_of(cpus[0].apic_id);

	if (index != ~0ull) {
		expect_equal(index, rdmsr(HV_MSR_VP_INDEX), "the index is that of the MSR");
	}
}

void conform_calls_vp_index_of_others(void)
{
	for (unsigned i = 1; i < smp_start(); i++) {
		uint64_t index = index_of(cpus[i].apic_id);
		if (index == ~0ull) {
			return;
		}
		expect_equal(index, vp_index_of(i), "the index of processor %u is that of its MSR", i);
	}
}

void conform_calls_vp_index_unknown(void)
{
	const uint32_t ids[4] = {UNKNOWN_APIC_ID, UNKNOWN_APIC_ID, UNKNOWN_APIC_ID, UNKNOWN_APIC_ID};
	uint64_t result = ask_index(PARTITION_SELF, 0, ids, 4);

	if (call_exists(result, "HvGetVpIndexFromApicId")) {
		expect_refused(result, "an APIC id that no processor has");
		expect_equal(hv_reps(result), 0, "reps completed");
	}
}

/* The first element is good, whatever lies behind it is not. */
void conform_calls_vp_index_second_unknown(void)
{
	const uint64_t words[4] = {PARTITION_SELF, 0, cpus[0].apic_id | (uint64_t)UNKNOWN_APIC_ID << 32,
				   UNKNOWN_APIC_ID | (uint64_t)UNKNOWN_APIC_ID << 32};
	uint64_t result = call_blocks(CALL_VP_INDEX_FROM_APIC_ID | HV_CONTROL_REPS(2), words, 4);

	if (call_exists(result, "HvGetVpIndexFromApicId")) {
		expect_refused(result, "a list whose second element is an APIC id that no processor has");
		expect_equal(hv_reps(result), 1, "reps completed");
	}
}

/* The text draws 8 bytes; Linux, which runs on Microsoft's, and others use 4. */
void conform_calls_vp_index_stride(void)
{
	const uint64_t words[4] = {PARTITION_SELF, 0, cpus[0].apic_id | (uint64_t)UNKNOWN_APIC_ID << 32,
				   cpus[0].apic_id | (uint64_t)UNKNOWN_APIC_ID << 32};
	uint64_t result = call_blocks(CALL_VP_INDEX_FROM_APIC_ID | HV_CONTROL_REPS(2), words, 4);

	if (call_exists(result, "HvGetVpIndexFromApicId")) {
		observe("elements of %u bytes are taken", hv_status(result) == HV_SUCCESS ? 8 : 4);
	}
}

void conform_calls_vp_index_other_partition(void)
{
	const uint32_t ids[2] = {cpus[0].apic_id, 0};
	uint64_t result = ask_index(OTHER_PARTITION, 0, ids, 2);
	unsigned status = hv_status(result);

	if (call_exists(result, "HvGetVpIndexFromApicId")) {
		expect(status == HV_ACCESS_DENIED || status == STATUS_INVALID_PARTITION_ID,
		       "a partition that does not exist: status 0x%x", status);
	}
}

void conform_calls_vp_index_own_partition(void)
{
	const uint32_t ids[2] = {cpus[0].apic_id, 0};
	uint64_t result = ask_index(partition_id(), 0, ids, 2);

	if (call_exists(result, "HvGetVpIndexFromApicId")) {
		expect_equal(hv_status(result), HV_SUCCESS,
			     "the partition's id in place of the name for oneself");
	}
}

void conform_calls_vp_index_vtl(void)
{
	const uint32_t ids[2] = {cpus[0].apic_id, 0};
	uint64_t result = ask_index(PARTITION_SELF, 1, ids, 2);

	if (has_privilege(48)) {
		skip_requirement("the partition has VSM");
	} else if (call_exists(result, "HvGetVpIndexFromApicId")) {
		expect_refused(result, "VTL 1, which is not there");
	}
}
