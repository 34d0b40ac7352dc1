/* SPDX-License-Identifier: MIT */
/* That leaves are the same always and everywhere, and that what they promise is there. */
#include "../guest/framework/memory.h"
#include "tools.h"

#define LEAVES 7 /* 0x40000000 to 0x40000006 */

struct leaves {
	struct cpuid leaf[LEAVES];
};

static void read_leaves(void *argument)
{
	struct leaves *leaves = argument;
	unsigned last = cpuid(HV_LEAF_RANGE).eax - HV_LEAF_RANGE;

	for (unsigned i = 0; i < LEAVES; i++) {
		leaves->leaf[i] = i <= last ? cpuid(HV_LEAF_RANGE + i) : (struct cpuid){0};
	}
}

static bool same(const struct cpuid *a, const struct cpuid *b)
{
	return a->eax == b->eax && a->ebx == b->ebx && a->ecx == b->ecx && a->edx == b->edx;
}

static void expect_same(const struct leaves *a, const struct leaves *b, const char *when)
{
	for (unsigned i = 0; i < LEAVES; i++) {
		expect(same(&a->leaf[i], &b->leaf[i]), "leaf 0x%x is the same %s", HV_LEAF_RANGE + i, when);
	}
}

void conform_discovery_constant(void)
{
	static struct leaves first, again;
	bool good = true;

	read_leaves(&first);
	for (unsigned round = 0; round < 100; round++) {
		read_leaves(&again);
		for (unsigned i = 0; i < LEAVES; i++) {
			good = good && same(&first.leaf[i], &again.leaf[i]);
		}
	}
	expect(good, "a hundred readings of all leaves agree");
}

void conform_discovery_constant_with_page(void)
{
	static struct leaves with, without;

	read_leaves(&with);
	wrmsr(HV_MSR_HYPERCALL, 0);
	read_leaves(&without);
	expect_same(&with, &without, "with and without hypercall page");
}

static struct leaves user_leaves;

void conform_discovery_user_mode(void)
{
	static struct leaves kernel;

	read_leaves(&kernel);
	expect_equal(user_call(read_leaves, &user_leaves), NO_FAULT, "CPUID can be executed in user mode");
	expect_same(&kernel, &user_leaves, "in user mode");
}

void conform_discovery_present_without_id(void)
{
	wrmsr(HV_MSR_HYPERCALL, 0);
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	bool present = (cpuid(1).ecx >> 31) != 0;
	uint32_t interface = cpuid(HV_LEAF_INTERFACE).eax, range = cpuid(HV_LEAF_RANGE).eax;
	uint32_t privileges = cpuid(HV_LEAF_FEATURES).eax;
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	expect(present, "the hypervisor bit is set before a guest id is");
	expect_equal(interface, 0x31237648, "so is the interface");
	expect(range >= HV_LEAF_LIMITS, "and the range of leaves");
	expect((privileges & HV_EAX_HYPERCALL_MSRS) != 0, "and the privileges");
}

struct promise {
	uint32_t bit;
	uint64_t control;
	const char *call;
};

static const struct promise promises[] = {
	{1u << 0, HV_CALL_SWITCH_ADDRESS_SPACE | 1ull << 60, "HvSwitchVirtualAddressSpace"},
	{3u << 1, HV_CALL_FLUSH_SPACE | 1ull << 60, "HvFlushVirtualAddressSpace"},
	{3u << 1, HV_CALL_FLUSH_LIST | 1ull << 60, "HvFlushVirtualAddressList"},
	{1u << 10, HV_CALL_SEND_IPI | 1ull << 60, "HvCallSendSyntheticClusterIpi"},
};

/* A call that is there does not answer that its code is unknown. */
static void expect_call(uint64_t control, const char *call)
{
	static const uint64_t nothing[8];
	unsigned status = hv_status(call_blocks(control & 0xFFFF, nothing, 8));

	expect(status != HV_INVALID_CODE, "%s is there (status 0x%x)", call, status);
}

void conform_discovery_hints_are_calls(void)
{
	uint32_t hints = cpuid(HV_LEAF_HINTS).eax;
	unsigned recommended = 0;

	for (unsigned i = 1; i < COUNT_OF(promises); i++) {
		if ((hints & promises[i].bit) != 0) {
			expect_call(promises[i].control, promises[i].call);
			recommended++;
		}
	}
	if ((hints & promises[0].bit) != 0) {
		uint64_t here = read_cr3();
		unsigned status = hv_status(call_blocks(HV_CALL_SWITCH_ADDRESS_SPACE, &here, 1));
		expect(status != HV_INVALID_CODE, "%s is there", promises[0].call);
		recommended++;
	}
	if (recommended == 0) {
		skip_requirement("no call is recommended");
	}
}

void conform_discovery_hints_are_ex_calls(void)
{
	static const uint64_t nothing[8];
	static const unsigned codes[] = {HV_CALL_FLUSH_SPACE_EX, HV_CALL_FLUSH_LIST_EX, HV_CALL_SEND_IPI_EX};

	for (unsigned i = 0; i < COUNT_OF(codes); i++) {
		unsigned status = hv_status(call_blocks(codes[i], nothing, 8));
		expect(status != HV_INVALID_CODE, "call 0x%x is there (status 0x%x)", codes[i], status);
	}
}

void conform_discovery_hints_are_msrs(void)
{
	struct cpuid features = cpuid(HV_LEAF_FEATURES);
	uint32_t hints = cpuid(HV_LEAF_HINTS).eax;

	if ((hints & (1u << 3 | 1u << 4)) == 0) {
		skip_requirement("neither is recommended");
		return;
	}
	expect((hints & 1u << 3) == 0 || (features.eax & HV_EAX_APIC_MSRS) != 0,
	       "who is recommended the APIC's MSRs may use them");
	expect((hints & 1u << 4) == 0 || (features.eax & HV_EAX_RESET) != 0,
	       "who is recommended the RESET MSR may use it");
}

/* Privilege and feature bits for the same thing, one in EAX, one in EDX. */
void conform_discovery_paired_bits(void)
{
	struct cpuid leaf = cpuid(HV_LEAF_FEATURES);
	bool frequency = (leaf.eax & HV_EAX_FREQUENCIES) != 0, idle = (leaf.eax & HV_EAX_GUEST_IDLE) != 0;

	if (frequency != ((leaf.edx & HV_EDX_FREQUENCIES) != 0)) {
		observe("timer frequencies: privilege %u, feature %u", frequency, !frequency);
	}
	if (idle != ((leaf.edx & HV_EDX_GUEST_IDLE) != 0)) {
		observe("guest idle: privilege %u, feature %u", idle, !idle);
	}
	bool direct = (leaf.edx & HV_EDX_DIRECT_TIMERS) != 0;
	expect(!direct || (leaf.eax & HV_EAX_SYNTHETIC_TIMERS) != 0,
	       "direct timers come with the privilege for synthetic timers");
}
