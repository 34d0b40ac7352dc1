/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The profiles: what each shows of the hypervisor's leaves and of the processor's, register by register, with numbers
 * typed here again; and what the hypervisor's leaves of any profile must not do.
 */
#include "core/profile.h"

#include "abi/hv_cpuid.h"
#include "abi/hv_msr.h"
#include "core/apic.h"
#include "core/cpuid.h"
#include "core/msr.h"
#include "test/unit/unit.h"

#define BIT(n) (UINT32_C(1) << (n))

static struct fake *machine_of(const char *name)
{
	struct fake_options options = fake_options_default();

	options.vp_count = 4;
	options.profile = profile_find(name);
	assert_non_null(options.profile);
	struct fake *fake = fake_hv_create_with(&options);

	assert_non_null(fake);
	return fake;
}

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

static void name_oneself(struct fake *fake)
{
	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_GUEST_OS_ID, UINT64_C(0x0001040600021772)),
			 MSR_DONE);
}

/* --- The list --------------------------------------------------------------------------------------------------- */

static void profiles_are_found_by_name(void **state)
{
	static const char *const names[] = {"full", "everything", "minimal", "ws2008"};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_string_equal(profile_name(i), names[i]);
		assert_string_equal(profile_find(names[i])->name, names[i]);
	}
	assert_null(profile_name(4));
	assert_ptr_equal(profile_find("full"), &profile_full);
	assert_null(profile_find("ful"));
	assert_null(profile_find("fullest"));
	assert_null(profile_find(""));
}

/* AccessPartitionId is what the profile that all guests get leaves out. */
static void everything_is_full_and_a_little_more(void **state)
{
	const struct profile *everything = profile_find("everything");
	struct profile full = profile_full;

	(void)state;
	assert_int_equal(everything->privileges, HV_PRIVILEGES_OFFERED);
	assert_int_equal(full.privileges, HV_PRIVILEGES_OFFERED & ~(UINT64_C(1) << 33));
	full.name = everything->name;
	full.privileges = everything->privileges;
	assert_memory_equal(&full, everything, sizeof(full));
}

static void no_profile_promises_what_is_not_there(void **state)
{
	(void)state;
	for (unsigned i = 0; profile_name(i) != NULL; i++) {
		const struct profile *profile = profile_find(profile_name(i));

		assert_int_equal(profile->privileges & ~HV_PRIVILEGES_OFFERED, 0);
		assert_int_equal(profile->features & ~HV_CPUID_OFFERED_FEATURES_EDX, 0);
		assert_int_equal(profile->more_features & ~HV_CPUID_OFFERED_FEATURES_ECX, 0);
		assert_int_equal(profile->recommendations & ~HV_CPUID_OFFERED_RECOMMENDATIONS_EAX, 0);
		assert_int_equal(profile->hardware & ~HV_CPUID_OFFERED_HARDWARE_EAX, 0);
		assert_true(profile->hardware == 0 || profile->last_leaf >= 0x40000006);
		/* SPEC: 2012 requirements: leaves up to this one, and these two privileges. */
		assert_true(profile->last_leaf >= 0x40000005);
		assert_int_equal(profile->privileges & 0x60, 0x60);
	}
}

/* What a guest relies on to find its way is the same in all. */
static void every_profile_is_hv_1(void **state)
{
	(void)state;
	for (unsigned i = 0; profile_name(i) != NULL; i++) {
		struct fake *fake = machine_of(profile_name(i));

		assert_int_equal(ask(fake, 1).ecx & BIT(31), BIT(31));
		expect(ask(fake, 0x40000000), fake_root(fake)->profile->last_leaf, 0x7263694D, 0x666F736F,
		       0x76482074);
		expect(ask(fake, 0x40000001), 0x31237648, 0, 0, 0);
		expect(ask(fake, 0x40000002), 0, 0, 0, 0);
		for (uint32_t leaf = fake_root(fake)->profile->last_leaf + 1; leaf < 0x40000100; leaf++) {
			expect(ask(fake, leaf), 0, 0, 0, 0);
		}
		fake_hv_destroy(fake);
	}
}

/* Leaves that nothing has been built for yet. */
static void a_profile_cannot_go_further_than_the_code(void **state)
{
	struct fake_options options = fake_options_default();
	struct profile far = profile_full;

	(void)state;
	far.last_leaf = 0x40000100;
	options.profile = &far;
	struct fake *fake = fake_hv_create_with(&options);

	for (uint32_t leaf = 0x40000007; leaf <= 0x40000101; leaf++) {
		expect(ask(fake, leaf), 0, 0, 0, 0);
	}
	fake_hv_destroy(fake);
}

static void a_machine_narrows_what_a_profile_promises(void **state)
{
	struct profile wide = profile_full;
	struct hv hv = {.tsc_hz = FAKE_TSC_HZ};
	struct fake *fake = *state;

	wide.privileges = UINT64_MAX;
	hv.machine = fake;
	for (unsigned invariant = 0; invariant < 2; invariant++) {
		struct partition partition = {.machine = fake};

		hv.tsc_is_invariant = invariant != 0;
		hv_init(&hv);
		assert_true(partition_create(&partition, &hv, 2, &wide));
		assert_int_equal(partition.privileges,
				 ~(UINT64_C(1) << 12 | (uint64_t)(invariant == 0) << 15));
		assert_int_equal(partition.features, (uint32_t)HV_CPUID_OFFERED_FEATURES_EDX & ~BIT(11));
	}
}

/* --- minimal ---------------------------------------------------------------------------------------------------- */

static void minimal_is_what_the_interface_guarantees(void **state)
{
	struct fake *fake = machine_of("minimal");

	(void)state;
	name_oneself(fake);
	assert_int_equal(ask(fake, 0x40000000).eax, 0x40000005);
	expect(ask(fake, 0x40000002), 27748, 10 << 16, 0, 0);
	expect(ask(fake, 0x40000003), BIT(5) | BIT(6), 0, 0, 0);
	expect(ask(fake, 0x40000004), 0, UINT32_MAX, 0, 0);
	expect(ask(fake, 0x40000005), 0, 0, 0, 0);
	expect(ask(fake, 0x40000006), 0, 0, 0, 0);
	fake_hv_destroy(fake);
}

/* --- ws2008 ----------------------------------------------------------------------------------------------------- */

static void ws2008_has_the_leaves_of_version_1(void **state)
{
	struct fake *fake = machine_of("ws2008");

	(void)state;
	name_oneself(fake);
	assert_int_equal(ask(fake, 0x40000000).eax, 0x40000005);
	expect(ask(fake, 0x40000002), 6002, 6 << 16, 2, 0);
	expect(ask(fake, 0x40000003), 0xff & HV_CPUID_OFFERED_FEATURES_EAX, 0, 0, 0);
	assert_int_equal(ask(fake, 0x40000003).eax & 0xfb, 0xfb);
	expect(ask(fake, 0x40000004), BIT(2) | BIT(3) | BIT(4) | BIT(5), 4095, 0, 0);
	expect(ask(fake, 0x40000005), 64, 0, 0, 0);
	expect(ask(fake, 0x40000006), 0, 0, 0, 0);
	fake_hv_destroy(fake);
}

static void has_all(struct fake *fake, uint32_t leaf, uint32_t eax)
{
	fake_cpuid_set(fake, leaf, 0, (struct cpuid_result){eax, UINT32_MAX, UINT32_MAX, UINT32_MAX});
}

static void ws2008_ends_the_processors_leaves(void **state)
{
	struct fake *fake = machine_of("ws2008");
	static const uint32_t beyond[] = {7,	      0xb,	  0xd,	      0x15,	 0x1f,
					  0x3fffffff, 0x8000001d, 0x8000001e, 0x80000021};

	(void)state;
	has_all(fake, 0, 0x20);
	assert_int_equal(ask(fake, 0).eax, 6);
	assert_int_equal(ask(fake, 0).ebx, UINT32_MAX);
	has_all(fake, 0x80000000, 0x80000028);
	assert_int_equal(ask(fake, 0x80000000).eax, 0x8000001a);
	/* A processor that has fewer keeps what it has. */
	fake_cpuid_set(fake, 0, 0, (struct cpuid_result){5, 1, 2, 3});
	expect(ask(fake, 0), 5, 1, 2, 3);
	fake_cpuid_set(fake, 0x80000000, 0, (struct cpuid_result){0x80000008, 1, 2, 3});
	expect(ask(fake, 0x80000000), 0x80000008, 1, 2, 3);
	for (unsigned i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		has_all(fake, beyond[i], 5);
		expect(ask(fake, beyond[i]), 0, 0, 0, 0);
	}
	has_all(fake, 4, 9);
	expect(ask(fake, 4), 9, UINT32_MAX, UINT32_MAX, UINT32_MAX);
	has_all(fake, 0x8000001a, 9);
	expect(ask(fake, 0x8000001a), 9, UINT32_MAX, UINT32_MAX, UINT32_MAX);
	fake_hv_destroy(fake);
}

static void ws2008_shows_a_processor_of_its_time(void **state)
{
	struct fake *fake = machine_of("ws2008");
	static const uint32_t leaves[] = {1, 6, 0x80000001, 0x80000007, 0x80000008, 0x80000019};

	(void)state;
	for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		has_all(fake, leaves[i], UINT32_MAX);
	}
	fake_register_set(fake_vp(fake, 0), HV_X64_REGISTER_CR4, UINT64_C(1) << 18);
	struct cpuid_result features = ask(fake, 1);

	assert_int_equal(features.ecx, BIT(0) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23) | BIT(31));
	/* Neither serial number (18), debug store (21), thermal control (22, 29), nor PBE (31), nor what is reserved. */
	assert_int_equal(features.edx,
			 ~(BIT(10) | BIT(18) | BIT(20) | BIT(21) | BIT(22) | BIT(29) | BIT(30) | BIT(31)));
	expect(ask(fake, 6), 0, 0, 0, 0);
	assert_int_equal(ask(fake, 0x80000001).ecx, 0x3f3);
	assert_int_equal(ask(fake, 0x80000001).edx & (BIT(11) | BIT(20) | BIT(29)),
			 BIT(11) | BIT(20) | BIT(29));
	assert_int_equal(ask(fake, 0x80000001).edx & (BIT(26) | BIT(27)), 0);
	expect(ask(fake, 0x80000007), 0, 0, 0, 0);
	expect(ask(fake, 0x80000008), 0xff28, 0, UINT32_MAX, 0);
	expect(ask(fake, 0x80000019), 0, 0, 0, 0);
	fake_hv_destroy(fake);
}

/* Such a system knows the page only: it would be lost with an APIC that starts in x2APIC mode. */
static void ws2008_has_no_x2apic(void **state)
{
	struct fake *fake = machine_of("ws2008");
	uint64_t base, value;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		struct vp *vp = fake_vp(fake, i);

		assert_true(apic_msr_read(vp, 0x1b, &base));
		assert_int_equal(base, UINT64_C(0xfee00800) | (i == 0 ? 0x100 : 0));
		assert_false(apic_msr_write(vp, 0x1b, base | 0x400));
		assert_false(apic_msr_read(vp, 0x802, &value));
		assert_true(apic_msr_write(vp, 0x1b, base));
		assert_true(apic_msr_write(vp, 0x1b, base & ~UINT64_C(0x800)));
		assert_false(apic_msr_write(vp, 0x1b, base | 0x400));
		assert_true(apic_msr_write(vp, 0x1b, base));
		assert_int_equal(apic_page_read(vp, 0x20), i << 24);
	}
	fake_hv_destroy(fake);
}

static void ws2008_has_no_tsc_deadline(void **state)
{
	struct fake *fake = machine_of("ws2008");
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value;

	(void)state;
	assert_true(fake->hv.tsc_is_invariant);
	assert_false(apic_msr_read(vp, 0x6e0, &value));
	assert_false(apic_msr_write(vp, 0x6e0, 1));
	apic_page_write(vp, 0x320, 0x40030);
	assert_int_equal(apic_page_read(vp, 0x320) & 0x60000, 0);
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles_are_found_by_name),
		cmocka_unit_test(everything_is_full_and_a_little_more),
		cmocka_unit_test(no_profile_promises_what_is_not_there),
		cmocka_unit_test(every_profile_is_hv_1),
		cmocka_unit_test(a_profile_cannot_go_further_than_the_code),
		unit_test_one(a_machine_narrows_what_a_profile_promises),
		cmocka_unit_test(minimal_is_what_the_interface_guarantees),
		cmocka_unit_test(ws2008_has_the_leaves_of_version_1),
		cmocka_unit_test(ws2008_ends_the_processors_leaves),
		cmocka_unit_test(ws2008_shows_a_processor_of_its_time),
		cmocka_unit_test(ws2008_has_no_x2apic),
		cmocka_unit_test(ws2008_has_no_tsc_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
