/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hypervisor's leaves, with the numbers of the specification and, bit by bit, what is offered: an offer that is
 * added to abi/cpuid.def has to be added here too, with its reason.
 */
#include "abi/hv_cpuid.h"
#include "abi/hv_msr.h"
#include "core/cpuid.h"
#include "core/debug.h"
#include "core/hv.h"
#include "core/msr.h"
#include "core/partition.h"
#include "test/unit/unit.h"

#include <string.h>

_Static_assert(HV_CPUID_INTERFACE_MASK == UINT32_MAX, "the whole register names the interface");

static struct cpuid_result ask(struct fake *fake, uint32_t leaf)
{
	return cpuid_answer(fake_vp(fake, 0), leaf, 0);
}

static void expect(struct cpuid_result result, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	assert_int_equal(result.eax, eax);
	assert_int_equal(result.ebx, ebx);
	assert_int_equal(result.ecx, ecx);
	assert_int_equal(result.edx, edx);
}

/* MAX_LEAF, VENDOR_EBX, VENDOR_ECX, VENDOR_EDX. */
static void the_vendor_is_what_guests_look_for(void **state)
{
	struct cpuid_result result = ask(*state, 0x40000000);
	char vendor[13] = {0};

	memcpy(vendor, &result.ebx, 4);
	memcpy(vendor + 4, &result.ecx, 4);
	memcpy(vendor + 8, &result.edx, 4);
	assert_string_equal(vendor, "Microsoft Hv");
	assert_int_equal(result.eax, 0x40000006);
}

static void the_interface_is_hv_1(void **state)
{
	struct cpuid_result result = ask(*state, 0x40000001);
	char interface[5] = {0};

	memcpy(interface, &result.eax, 4);
	assert_string_equal(interface, "Hv#1");
	expect(result, result.eax, 0, 0, 0);
}

/* VERSION_BUILD, VERSION_MAJOR, VERSION_MINOR, VERSION_SERVICE_PACK, VERSION_SERVICE_NUMBER, VERSION_SERVICE_BRANCH. */
static void the_version_needs_a_guest_id(void **state)
{
	struct fake *fake = *state;

	expect(ask(fake, 0x40000002), 0, 0, 0, 0);
	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_GUEST_OS_ID, 1), MSR_DONE);
	/* GUEST: Linux's mshv wants a build from 27744 to 27751. */
	expect(ask(fake, 0x40000002), 27748, 10 << 16, 0, 0);
	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_GUEST_OS_ID, 0), MSR_DONE);
	expect(ask(fake, 0x40000002), 0, 0, 0, 0);
}

static void the_privileges_are_the_partitions(void **state)
{
	struct fake_options options = fake_options_default();

	(void)state;
	options.privileges = UINT64_C(0x123456789abcdef0);
	struct fake *fake = fake_hv_create_with(&options);

	/* But for bit 12: there is no debug device. */
	assert_int_equal(ask(fake, 0x40000003).eax, UINT32_C(0x9abccef0));
	assert_int_equal(ask(fake, 0x40000003).ebx, UINT32_C(0x12345678));
	fake_hv_destroy(fake);
}

/* Every privilege opens registers or calls that work. */
static void privileges_are_for_what_works(void **state)
{
	(void)state;
	uint64_t expected =
		HV_PRIVILEGE_ACCESS_VP_RUN_TIME_MSR | HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_COUNTER |
		HV_PRIVILEGE_ACCESS_SYNIC_MSRS | HV_PRIVILEGE_ACCESS_SYNTHETIC_TIMER_MSRS |
		HV_PRIVILEGE_ACCESS_APIC_MSRS | HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS |
		HV_PRIVILEGE_ACCESS_VP_INDEX | HV_PRIVILEGE_ACCESS_RESET_MSR | HV_PRIVILEGE_ACCESS_STATS_MSR |
		HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_TSC | HV_PRIVILEGE_ACCESS_GUEST_IDLE_MSR |
		HV_PRIVILEGE_ACCESS_FREQUENCY_MSRS | HV_PRIVILEGE_ACCESS_DEBUG_MSRS |
		HV_PRIVILEGE_ACCESS_REENLIGHTENMENT_CONTROLS | HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS |
		HV_PRIVILEGE_ACCESS_PARTITION_ID | HV_PRIVILEGE_ENABLE_EXTENDED_GVA_RANGES_FOR_FLUSH_VA_LIST |
		HV_PRIVILEGE_FAST_HYPERCALL_OUTPUT | HV_PRIVILEGE_POST_MESSAGES | HV_PRIVILEGE_SIGNAL_EVENTS |
		HV_PRIVILEGE_CREATE_PORT | HV_PRIVILEGE_CONNECT_PORT | HV_PRIVILEGE_DEBUGGING |
		HV_PRIVILEGE_ACCESS_VP_REGISTERS | HV_PRIVILEGE_ENABLE_EXTENDED_HYPERCALLS |
		HV_PRIVILEGE_START_VIRTUAL_PROCESSOR;

	assert_int_equal(HV_PRIVILEGES_OFFERED, expected);
	assert_int_equal(expected, UINT64_C(0x003a88f20000bfff));
}

static void features_are_offered_one_by_one(void **state)
{
	uint32_t expected = HV_CPUID_GUEST_DEBUGGING | HV_CPUID_XMM_HYPERCALL_INPUT |
			    HV_CPUID_GUEST_IDLE_STATE | HV_CPUID_FREQUENCY_MSRS | HV_CPUID_GUEST_CRASH_MSRS |
			    HV_CPUID_NPIEP | HV_CPUID_EXTENDED_GVA_RANGES | HV_CPUID_XMM_HYPERCALL_OUTPUT |
			    HV_CPUID_SINT_POLLING_MODE | HV_CPUID_HYPERCALL_MSR_LOCK |
			    HV_CPUID_DIRECT_SYNTHETIC_TIMERS | HV_CPUID_SYNTHETIC_TIME_UNHALTED_TIMER;

	assert_int_equal(expected, 1u << 1 | 1u << 4 | 1u << 5 | 1u << 8 | 1u << 10 | 1u << 12 | 1u << 14 |
					   1u << 15 | 1u << 17 | 1u << 18 | 1u << 19 | 1u << 23);
	assert_int_equal(ask(*state, 0x40000003).ecx, 0);
	assert_int_equal(ask(*state, 0x40000003).edx, expected);
}

/* SPIN_COUNT, PHYSICAL_ADDRESS_BITS, and the recommendations. */
static void recommendations_are_given_one_by_one(void **state)
{
	uint32_t expected = HV_CPUID_RECOMMEND_REMOTE_FLUSH | HV_CPUID_RECOMMEND_APIC_MSRS |
			    HV_CPUID_RECOMMEND_RESET_MSR | HV_CPUID_RECOMMEND_RELAXED_TIMING |
			    HV_CPUID_DEPRECATE_AUTO_EOI | HV_CPUID_RECOMMEND_CLUSTER_IPI |
			    HV_CPUID_RECOMMEND_EX_PROCESSOR_MASKS;

	assert_int_equal(expected, 0xe3c);
	expect(ask(*state, 0x40000004), expected, UINT32_MAX, 40, 0);
}

/* MAX_VPS, MAX_LPS. */
static void limits_are_those_of_the_code(void **state)
{
	expect(ask(*state, 0x40000005), 64, 64, 0, 0);
	assert_int_equal(HV_VP_MAX, 64);
}

static void hardware_features_in_use(void **state)
{
	uint32_t expected = HV_CPUID_HARDWARE_APIC_OVERLAY_ASSIST | HV_CPUID_HARDWARE_MSR_BITMAPS |
			    HV_CPUID_HARDWARE_SLAT;

	assert_int_equal(expected, 0xb);
	expect(ask(*state, 0x40000006), expected, 0, 0, 0);
}

/* STACK_MAX_LEAF, STACK_VENDOR_EBX, STACK_VENDOR_ECX, STACK_VENDOR_EDX, STACK_INTERFACE, and the device itself, which is
 * there when all of channel, HV_PRIVILEGE_ACCESS_DEBUG_MSRS and HV_CPUID_DEBUG_MSRS are. */
static void a_debug_device_is_told_of(void **state)
{
	struct fake *fake = *state;
	struct partition *root = fake_root(fake);

	assert_true(debug_channel_open(root, false));
	assert_int_equal(ask(fake, 0x40000003).eax & 1u << 12, 1u << 12);
	assert_int_equal(ask(fake, 0x40000003).edx & 1u << 11, 1u << 11);
	expect(ask(fake, 0x40000080), 0x40000082, 0x7263694d, 0x666f736f, 0x53562074);
	expect(ask(fake, 0x40000081), 0x31235356, 0, 0, 0);
	assert_int_equal(HV_CPUID_STACK_SYNTHETIC_DEBUG_DEVICE, 2);
	expect(ask(fake, 0x40000082), 2, 0, 0, 0);
	expect(ask(fake, 0x4000007f), 0, 0, 0, 0);
	expect(ask(fake, 0x40000083), 0, 0, 0, 0);
	root->features &= ~(1u << 11);
	expect(ask(fake, 0x40000082), 0, 0, 0, 0);
	root->features |= 1u << 11;
	root->privileges &= ~(UINT64_C(1) << 12);
	expect(ask(fake, 0x40000080), 0, 0, 0, 0);
}

/* GUEST: Linux 7.3 reads 0x40000082 whatever the last leaf is. */
static void all_other_leaves_are_zero(void **state)
{
	struct fake *fake = *state;

	for (uint32_t leaf = 0x40000007; leaf < 0x40000400; leaf++) {
		fake_cpuid_set(fake, 0x40000100, 0, (struct cpuid_result){1, 2, 3, 4});
		expect(ask(fake, leaf), 0, 0, 0, 0);
	}
	expect(ask(fake, 0x4fffffff), 0, 0, 0, 0);
}

static void subleaves_make_no_difference(void **state)
{
	struct fake *fake = *state;

	for (uint32_t leaf = 0x40000000; leaf < 0x40000007; leaf++) {
		struct cpuid_result zero = cpuid_answer(fake_vp(fake, 0), leaf, 0);
		struct cpuid_result other = cpuid_answer(fake_vp(fake, 3), leaf, UINT32_MAX);

		assert_memory_equal(&zero, &other, sizeof(zero));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(the_vendor_is_what_guests_look_for),
		unit_test_one(the_interface_is_hv_1),
		unit_test_one(the_version_needs_a_guest_id),
		cmocka_unit_test(the_privileges_are_the_partitions),
		cmocka_unit_test(privileges_are_for_what_works),
		unit_test_one(features_are_offered_one_by_one),
		unit_test_one(recommendations_are_given_one_by_one),
		unit_test_one(limits_are_those_of_the_code),
		unit_test_one(hardware_features_in_use),
		unit_test_one(a_debug_device_is_told_of),
		unit_test_one(all_other_leaves_are_zero),
		unit_test_four(subleaves_make_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
