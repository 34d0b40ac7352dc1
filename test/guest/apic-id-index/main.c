/* SPDX-License-Identifier: MIT */
/*
 * From APIC ids to indexes of virtual processors.
 *
 * Checked: each processor's APIC id gives the index that the processor itself reads; a list gives a list, in memory and
 * in registers; an unknown id is refused behind the elements that were done; partition and trust level; the longest list
 * that fits a page is completed.
 *
 * Says who: TLFS 6.0b, HvCallGetVpIndexFromApicId; elements of 4 bytes as Linux and OpenVMM use them.
 *
 * Run: --smp 1
 * Run: --smp 4
 * Covers: HvCallGetVpIndexFromApicId
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define CALL 0x009Au
#define SELF 0xFFFFFFFFFFFFFFFFull
#define UNKNOWN_ID 0xFEDCu
#define LONGEST 1020u /* 16 bytes of header, 4 an element */

static uint64_t *input;
static uint32_t *ids, *output;
static uint32_t index_of[CPU_MAX];

static void note_index(void *argument)
{
	*(uint32_t *)argument = (uint32_t)rdmsr(HV_MSR_VP_INDEX);
}

static uint64_t call(uint64_t form)
{
	input[0] = SELF;
	input[1] = 0;
	return hv_call(CALL | form, (uint64_t)input, (uint64_t)output);
}

static void test_each(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (i == 0) {
			note_index(&index_of[0]);
		} else {
			smp_run(i, note_index, &index_of[i]);
		}
		ids[0] = cpus[i].apic_id;
		output[0] = output[1] = 99;
		check_equal(call(HV_CONTROL_REPS(1)), HV_CONTROL_REPS(1), "APIC id %u is known", ids[0]);
		check_equal(output[0], index_of[i], "and the index is what its processor reads");
		check_equal(output[1], 99, "and the answer is 4 bytes");
	}
}

static void test_lists(unsigned count)
{
	bool right = true;

	for (unsigned i = 0; i < LONGEST; i++) {
		ids[i] = cpus[i % count].apic_id;
	}
	check_equal(call(HV_CONTROL_REPS(LONGEST)), HV_CONTROL_REPS(LONGEST), "%u ids are looked up",
		    LONGEST);
	for (unsigned i = 0; i < LONGEST; i++) {
		right = right && output[i] == index_of[i % count];
	}
	check(right, "each of them");
	ids[2] = UNKNOWN_ID;
	output[2] = 99;
	check_equal(call(HV_CONTROL_REPS(5)), HV_CONTROL_REPS(2) | HV_INVALID_PARAMETER,
		    "an unknown id is refused, behind two that were done");
	check_equal(output[2], 99, "and gives no index");
	check_equal(call(HV_CONTROL_REPS(5) | HV_CONTROL_START(3)), HV_CONTROL_REPS(5),
		    "the list goes on behind it");
}

static void test_registers(unsigned count)
{
	struct hv_file file = {{SELF, 0, cpus[0].apic_id | (uint64_t)cpus[count - 1].apic_id << 32, 7}};

	if (!hv_has_edx(HV_EDX_XMM_OUTPUT)) {
		skip("not advertised", "ids in registers");
		return;
	}
	check_equal(hv_call_file(CALL | HV_CONTROL_FAST | HV_CONTROL_REPS(2), &file), HV_CONTROL_REPS(2),
		    "two ids in XMM0");
	check_equal(file.word[4], index_of[0] | (uint64_t)index_of[count - 1] << 32,
		    "give two indexes in XMM1");
	check_equal(file.word[3], 7, "what is behind the ids stays");
}

static void test_refusals(void)
{
	ids[0] = cpus[0].apic_id;
	input[0] = 0;
	check_equal(hv_call(CALL | HV_CONTROL_REPS(1), (uint64_t)input, (uint64_t)output),
		    HV_INVALID_PARTITION_ID, "partition 0 does not exist");
	input[0] = SELF;
	input[1] = 0x11;
	check(hv_call(CALL | HV_CONTROL_REPS(1), (uint64_t)input, (uint64_t)output) != HV_CONTROL_REPS(1),
	      "trust level 1 is refused");
	input[1] = 0x20;
	check_equal(hv_call(CALL | HV_CONTROL_REPS(1), (uint64_t)input, (uint64_t)output),
		    HV_INVALID_PARAMETER, "so is a reserved bit of it");
	check_equal(call(0), HV_INVALID_INPUT, "a list of nothing is refused");
}

void test_main(void)
{
	input = page_alloc(1);
	ids = (uint32_t *)&input[2];
	output = page_alloc(1);
	if (!hv_enable_hypercalls() || !hv_has_eax(HV_EAX_VP_INDEX)) {
		skip("not advertised", "VP indexes");
		return;
	}
	ids[0] = cpus[0].apic_id;
	if (hv_status(call(HV_CONTROL_REPS(1))) == HV_INVALID_CODE) {
		skip("no such call", "indexes from APIC ids");
		return;
	}
	unsigned count = smp_start();
	test_each(count);
	test_lists(count);
	test_registers(count);
	test_refusals();
}
