/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The processor's leaves: a processor that has everything is asked, and what is hidden, kept and added is compared
 * with lists that are typed here a second time.
 */
#include "core/cpuid.h"

#include "core/hv.h"
#include "test/unit/unit.h"

#define BIT(n) (UINT32_C(1) << (n))
#define CR4_OSXSAVE (UINT64_C(1) << 18)
#define CR4_PKE (UINT64_C(1) << 22)

/* A processor that answers every leaf with all ones. */
static void has_all(struct fake *fake, uint32_t leaf, uint32_t subleaf)
{
	fake_cpuid_set(fake, leaf, subleaf,
		       (struct cpuid_result){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX});
}

static struct cpuid_result ask(struct fake *fake, uint32_t vp, uint32_t leaf, uint32_t subleaf)
{
	return cpuid_answer(fake_vp(fake, vp), leaf, subleaf);
}

static void expect(struct cpuid_result result, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	assert_int_equal(result.eax, eax);
	assert_int_equal(result.ebx, ebx);
	assert_int_equal(result.ecx, ecx);
	assert_int_equal(result.edx, edx);
}

static void ordinary_leaves_are_passed_on(void **state)
{
	struct fake *fake = *state;
	static const uint32_t leaves[] = {0,	      2,	  4,	      0x0d,	  0x15,
					  0x16,	      0x17,	  0x18,	      0x80000000, 0x80000002,
					  0x80000004, 0x80000005, 0x80000006, 0x80000019, 0x8000001a,
					  0x8000001d, 0xc0000000, 0x3fffffff, 0x50000000};

	for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		fake_cpuid_set(fake, leaves[i], 3, (struct cpuid_result){1, 2, 3, 4 + leaves[i]});
		expect(ask(fake, 0, leaves[i], 3), 1, 2, 3, 4 + leaves[i]);
	}
	assert_int_equal(fake_total(fake), 0);
}

static void what_is_not_offered_is_zero(void **state)
{
	struct fake *fake = *state;
	static const uint32_t leaves[] = {3,	      5,	  9,	      0xa,	  0xf,
					  0x10,	      0x12,	  0x14,	      0x19,	  0x1a,
					  0x1b,	      0x1c,	  0x20,	      0x21,	  0x23,
					  0x8000000a, 0x8000001b, 0x8000001c, 0x8000001f, 0x80000020,
					  0x80000022, 0x80000023, 0x80000024, 0x80000025};

	for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		for (uint32_t subleaf = 0; subleaf < 2; subleaf++) {
			has_all(fake, leaves[i], subleaf);
			expect(ask(fake, 0, leaves[i], subleaf), 0, 0, 0, 0);
		}
	}
}

/* --- Leaf 1 --------------------------------------------------------------------------------------------------- */

static void leaf_1_hides_what_does_not_work(void **state)
{
	struct fake *fake = *state;

	fake->hv.tsc_is_invariant = false;
	uint32_t hidden_ecx = BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(10) |
			      BIT(11) | BIT(14) | BIT(15) | BIT(18) | BIT(24) | BIT(27);
	uint32_t hidden_edx = BIT(18) | BIT(21) | BIT(22) | BIT(29) | BIT(31);

	has_all(fake, 1, 0);
	expect(ask(fake, 0, 1, 0), UINT32_MAX, UINT32_C(0x00ffffff), ~hidden_ecx, ~hidden_edx);
}

static void leaf_1_adds_hypervisor_and_x2apic(void **state)
{
	struct fake *fake = *state;

	fake->hv.tsc_is_invariant = false;
	expect(ask(fake, 0, 1, 0), 0, 0, BIT(21) | BIT(31), 0);
}

static void leaf_1_has_the_vps_apic_id(void **state)
{
	static const uint32_t ids[4] = {0, 5, 254, 0x1ff};
	struct fake_options options = fake_options_default();

	(void)state;
	options.vp_count = 4;
	options.apic_ids = ids;
	struct fake *fake = fake_hv_create_with(&options);

	fake_cpuid_set(fake, 1, 0, (struct cpuid_result){.ebx = UINT32_C(0x77040800)});
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(ask(fake, i, 1, 0).ebx, (ids[i] & 0xff) << 24 | 0x040800);
	}
	fake_hv_destroy(fake);
}

static void osxsave_and_ospke_follow_cr4(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	has_all(fake, 7, 0);
	assert_int_equal(ask(fake, 0, 1, 0).ecx & BIT(27), 0);
	assert_int_equal(ask(fake, 0, 7, 0).ecx & BIT(4), 0);
	fake_register_set(vp, HV_X64_REGISTER_CR4, CR4_OSXSAVE);
	assert_int_equal(ask(fake, 0, 1, 0).ecx & BIT(27), BIT(27));
	assert_int_equal(ask(fake, 0, 7, 0).ecx & BIT(4), 0);
	fake_register_set(vp, HV_X64_REGISTER_CR4, CR4_PKE);
	assert_int_equal(ask(fake, 0, 1, 0).ecx & BIT(27), 0);
	assert_int_equal(ask(fake, 0, 7, 0).ecx & BIT(4), BIT(4));
	/* Only where that bit is. */
	assert_int_equal(ask(fake, 0, 7, 1).ecx, 0);
}

static void tsc_deadlines_need_an_invariant_tsc(void **state)
{
	struct fake *fake = *state;

	has_all(fake, 1, 0);
	fake->hv.tsc_is_invariant = false;
	assert_int_equal(ask(fake, 0, 1, 0).ecx & BIT(24), 0);
	fake->hv.tsc_is_invariant = true;
	assert_int_equal(ask(fake, 0, 1, 0).ecx & BIT(24), BIT(24));
}

/* --- Feature leaves ------------------------------------------------------------------------------------------- */

static void leaf_6_is_almost_empty(void **state)
{
	struct fake *fake = *state;

	has_all(fake, 6, 0);
	expect(ask(fake, 0, 6, 0), BIT(2), 0, BIT(0), 0);
}

static void leaf_7_hides_what_does_not_work(void **state)
{
	struct fake *fake = *state;
	uint32_t hidden_ebx = BIT(1) | BIT(2) | BIT(12) | BIT(14) | BIT(15) | BIT(25);
	uint32_t hidden_ecx =
		BIT(4) | BIT(5) | BIT(7) | BIT(13) | BIT(23) | BIT(24) | BIT(29) | BIT(30) | BIT(31);
	uint32_t hidden_edx =
		BIT(5) | BIT(9) | BIT(13) | BIT(15) | BIT(18) | BIT(19) | BIT(20) | BIT(29) | BIT(30);
	uint32_t hidden_eax_1 = BIT(8) | BIT(17) | BIT(19) | BIT(22) | BIT(27);

	has_all(fake, 7, 0);
	expect(ask(fake, 0, 7, 0), UINT32_MAX, ~hidden_ebx, ~hidden_ecx, ~hidden_edx);
	has_all(fake, 7, 1);
	expect(ask(fake, 0, 7, 1), ~hidden_eax_1, UINT32_MAX, ~BIT(5), ~(BIT(17) | BIT(18)));
	has_all(fake, 7, 2);
	expect(ask(fake, 0, 7, 2), UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
}

static void leaf_d_is_passed_on_without_xsaves(void **state)
{
	struct fake *fake = *state;

	for (uint32_t subleaf = 0; subleaf < 4; subleaf++) {
		has_all(fake, 0xd, subleaf);
	}
	expect(ask(fake, 0, 0xd, 0), UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
	expect(ask(fake, 0, 0xd, 1), ~BIT(3), UINT32_MAX, 0, 0);
	expect(ask(fake, 0, 0xd, 2), UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
}

static void extended_features_hide_svm(void **state)
{
	struct fake *fake = *state;
	uint32_t hidden_ecx = BIT(2) | BIT(3) | BIT(10) | BIT(12) | BIT(13) | BIT(15) | BIT(19) | BIT(23) |
			      BIT(24) | BIT(26) | BIT(27) | BIT(28) | BIT(29);

	has_all(fake, 0x80000001, 0);
	expect(ask(fake, 0, 0x80000001, 0), UINT32_MAX, UINT32_MAX, ~hidden_ecx, UINT32_MAX);
	has_all(fake, 0x80000021, 0);
	expect(ask(fake, 0, 0x80000021, 0), ~(BIT(3) | BIT(7) | BIT(13) | BIT(17) | BIT(24)), UINT32_MAX,
	       UINT32_MAX, UINT32_MAX);
}

/* A guest that may say whether it wants to know of the invariant TSC does not know before it has said so. */
static void the_invariant_tsc_is_told_on_request(void **state)
{
	struct fake *fake = *state;

	has_all(fake, 0x80000007, 0);
	expect(ask(fake, 0, 0x80000007, 0), 0, 0, 0, 0);
	assert_int_equal(msr_write(fake_vp(fake, 0), 0x40000118, 1), MSR_DONE);
	expect(ask(fake, 0, 0x80000007, 0), 0, 0, 0, BIT(8));
	assert_int_equal(msr_write(fake_vp(fake, 0), 0x40000118, 0), MSR_DONE);
	expect(ask(fake, 0, 0x80000007, 0), 0, 0, 0, 0);
	/* Without the privilege it is as the machine has it, whatever the processor says. */
	fake_root(fake)->privileges = 0;
	expect(ask(fake, 0, 0x80000007, 0), 0, 0, 0, BIT(8));
	fake_cpuid_set(fake, 0x80000007, 0, (struct cpuid_result){0});
	expect(ask(fake, 0, 0x80000007, 0), 0, 0, 0, BIT(8));
	has_all(fake, 0x80000007, 0);
	fake->hv.tsc_is_invariant = false;
	expect(ask(fake, 0, 0x80000007, 0), 0, 0, 0, 0);
	fake_root(fake)->privileges = UINT64_MAX;
	assert_int_equal(msr_write(fake_vp(fake, 0), 0x40000118, 1), MSR_DONE);
	expect(ask(fake, 0, 0x80000007, 0), 0, 0, 0, 0);
}

static void sizes_are_the_partitions(void **state)
{
	struct fake *fake = *state;
	uint32_t kept_ebx = BIT(0) | BIT(2) | BIT(9) | BIT(12) | BIT(14) | BIT(15) | BIT(16) | BIT(17) |
			    BIT(18) | BIT(19) | BIT(20) | BIT(24) | BIT(26) | BIT(28) | BIT(29) | BIT(30);

	fake_cpuid_set(fake, 0x80000008, 0,
		       (struct cpuid_result){UINT32_C(0x00343034), UINT32_MAX, UINT32_MAX, UINT32_MAX});
	expect(ask(fake, 0, 0x80000008, 0), 0x3028, kept_ebx, UINT32_MAX, 0);
}

static void topology_leaves_have_the_vps_apic_id(void **state)
{
	struct fake *fake = *state;
	static const uint32_t leaves[] = {0xb, 0x1f, 0x80000026};

	for (unsigned i = 0; i < 3; i++) {
		expect(ask(fake, 2, leaves[i], 1), 0, 0, 0, 0);
		fake_cpuid_set(fake, leaves[i], 1, (struct cpuid_result){1, 2, 3, 77});
		expect(ask(fake, 2, leaves[i], 1), 1, 2, 3, 2);
	}
	expect(ask(fake, 2, 0x8000001e, 0), 0, 0, 0, 0);
	fake_cpuid_set(fake, 0x8000001e, 0, (struct cpuid_result){77, 2, 3, 4});
	expect(ask(fake, 2, 0x8000001e, 0), 2, 2, 3, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(ordinary_leaves_are_passed_on),
		unit_test_one(what_is_not_offered_is_zero),
		unit_test_one(leaf_1_hides_what_does_not_work),
		unit_test_one(leaf_1_adds_hypervisor_and_x2apic),
		cmocka_unit_test(leaf_1_has_the_vps_apic_id),
		unit_test_one(osxsave_and_ospke_follow_cr4),
		unit_test_one(tsc_deadlines_need_an_invariant_tsc),
		unit_test_one(leaf_6_is_almost_empty),
		unit_test_one(leaf_7_hides_what_does_not_work),
		unit_test_one(leaf_d_is_passed_on_without_xsaves),
		unit_test_one(extended_features_hide_svm),
		unit_test_one(the_invariant_tsc_is_told_on_request),
		unit_test_one(sizes_are_the_partitions),
		unit_test_four(topology_leaves_have_the_vps_apic_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
