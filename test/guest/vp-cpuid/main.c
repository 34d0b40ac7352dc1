/* SPDX-License-Identifier: MIT */
/*
 * HvCallGetVpCpuidValues (0x00F4): what CPUID answers, by hypercall.
 *
 * Checked: for many leaves and subleaves, on each processor, the same as the instruction gives, whatever the flags; a page
 * full of them with its reps completed; other partitions, processors that there are not, another processor's answers and
 * reserved bits are refused.
 *
 * Says who: TLFS, online edition, HvCallGetVpCpuidValues; the layout is OpenVMM's. That another processor's answers are
 * refused is Verdigris' choice.
 *
 * Covers: HvCallGetVpCpuidValues
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

#define CALL 0x00F4u
#define SELF (~0ull)
#define SELF_VP 0xFFFFFFFEu
#define PAGE_FULL 256u

struct question {
	uint64_t partition;
	uint32_t vp, flags;
	uint64_t reserved;
	uint32_t leaf[PAGE_FULL][2];
};

static const uint32_t leaves[][2] = {
	{0, 0},		 {1, 0},	  {4, 0},	   {4, 1},	    {7, 0},	     {0xB, 0},
	{0xB, 1},	 {0xD, 0},	  {0xD, 1},	   {0xD, 2},	    {0x40000000, 0}, {0x40000001, 5},
	{0x40000002, 0}, {0x40000003, 0}, {0x40000004, 0}, {0x40000005, 0}, {0x40000006, 0}, {0x40000082, 0},
	{0x80000000, 0}, {0x80000001, 0}, {0x80000002, 0}, {0x80000007, 0}, {0x80000008, 0}, {0x8000000A, 0},
	{0xC0000000, 0}, {0xFFFFFFFF, 0},
};

#define LEAF_COUNT (sizeof(leaves) / sizeof(leaves[0]))

static struct question *question;
static struct cpuid *answers;

static uint64_t ask(unsigned count)
{
	return hv_call(CALL | HV_CONTROL_REPS(count), (uint64_t)question, (uint64_t)answers);
}

static void ask_ordinarily(uint32_t flags)
{
	*question = (struct question){.partition = SELF, .vp = SELF_VP, .flags = flags};
	for (unsigned i = 0; i < LEAF_COUNT; i++) {
		question->leaf[i][0] = leaves[i][0];
		question->leaf[i][1] = leaves[i][1];
	}
}

static bool same(const volatile struct cpuid *a, const struct cpuid *b)
{
	return a->eax == b->eax && a->ebx == b->ebx && a->ecx == b->ecx && a->edx == b->edx;
}

struct comparison {
	uint64_t result;
	unsigned wrong;
};

static void compare(void *argument)
{
	struct comparison *comparison = argument;

	comparison->result = ask(LEAF_COUNT);
	comparison->wrong = 0;
	for (unsigned i = 0; i < LEAF_COUNT; i++) {
		struct cpuid wanted = cpuid_sub(leaves[i][0], leaves[i][1]);

		comparison->wrong += !same(&answers[i], &wanted);
	}
}

static void test_everywhere(void)
{
	unsigned count = smp_start();

	for (unsigned processor = 0; processor < count; processor++) {
		for (uint32_t flags = 0; flags < 4; flags++) {
			struct comparison comparison;

			ask_ordinarily(flags);
			if (processor == 0) {
				compare(&comparison);
			} else {
				smp_run(processor, compare, &comparison);
			}
			check(comparison.result == HV_CONTROL_REPS(LEAF_COUNT) && comparison.wrong == 0,
			      "processor %u, flags %u: %u answers as by the instruction (%u differ)",
			      processor, flags, (unsigned)LEAF_COUNT, comparison.wrong);
		}
	}
}

static void test_page(void)
{
	struct cpuid last;

	ask_ordinarily(0);
	for (unsigned i = 0; i < PAGE_FULL; i++) {
		question->leaf[i][0] = HV_LEAF_RANGE + i % 7;
	}
	last = cpuid(HV_LEAF_RANGE + (PAGE_FULL - 1) % 7);
	check_equal(ask(PAGE_FULL), HV_CONTROL_REPS(PAGE_FULL), "a page full of answers");
	check(same(&answers[PAGE_FULL - 1], &last), "its last one is right");
}

static void test_refusals(unsigned count)
{
	ask_ordinarily(0);
	question->partition = 77;
	check_equal(hv_status(ask(1)), 0xD, "another partition is INVALID_PARTITION_ID");
	ask_ordinarily(0);
	question->vp = 63;
	check_equal(hv_status(ask(1)), 0xE, "a processor that is not there is INVALID_VP_INDEX");
	ask_ordinarily(4);
	check_equal(hv_status(ask(1)), HV_INVALID_PARAMETER, "a reserved flag is INVALID_PARAMETER");
	ask_ordinarily(0);
	question->reserved = 1ull << 40;
	check_equal(hv_status(ask(1)), HV_INVALID_PARAMETER, "so are reserved bits");
	if (count > 1) {
		ask_ordinarily(0);
		question->vp = (uint32_t)rdmsr(HV_MSR_VP_INDEX) ^ 1;
		check_equal(hv_status(ask(1)), 0x15, "another processor is INVALID_VP_STATE");
	}
}

void test_main(void)
{
	if (!hv_enable_hypercalls()) {
		skip("no hypercalls", "CPUID by hypercall");
		return;
	}
	question = page_alloc(1);
	answers = page_alloc(1);
	ask_ordinarily(0);
	if (hv_status(ask(1)) == HV_INVALID_CODE) {
		skip("the call does not exist", "CPUID by hypercall");
		return;
	}
	test_everywhere();
	test_page();
	test_refusals(smp_start());
}
