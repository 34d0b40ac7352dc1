/* SPDX-License-Identifier: MPL-2.0 */
/* Interrupts by hypercall: 0x000B and 0x0015, in memory and in registers. */
#include "abi/hv_hypercall.h"
#include "test/unit/caller.h"
#include "test/unit/unit.h"

#include <string.h>

#define IPI 0x000b
#define IPI_EX 0x0015

_Static_assert(HV_CALL_send_synthetic_cluster_ipi == IPI, "the code of the specification");
_Static_assert(HV_CALL_send_synthetic_cluster_ipi_ex == IPI_EX, "the code of the specification");

#define SUCCESS 0
#define INVALID_PARAMETER 5
#define VP_COUNT 4

static const uint64_t no_banks[1];

static int setup(void **state)
{
	struct fake *fake = caller_machine(VP_COUNT, UINT64_MAX);

	for (uint32_t i = 0; i < VP_COUNT; i++) {
		unit_apic_enable(fake_vp(fake, i));
	}
	fake_records_clear(fake);
	*state = fake;
	return 0;
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, unit_teardown)

static bool requested(struct fake *fake, uint32_t vp, unsigned vector)
{
	return (fake_vp(fake, vp)->apic.irr[vector / 64] >> (vector % 64) & 1) != 0;
}

/* The vector waits at these VPs and at no other. */
static void expect_targets(struct fake *fake, unsigned vector, uint64_t vps)
{
	for (uint32_t i = 0; i < VP_COUNT; i++) {
		assert_int_equal(requested(fake, i, vector), vps >> i & 1);
	}
	assert_int_equal(fake_count(fake, FAKE_KICK), __builtin_popcountll(vps));
}

static void expect_nothing(struct fake *fake)
{
	for (unsigned vector = 0; vector < 256; vector++) {
		expect_targets(fake, vector, 0);
	}
	assert_int_equal(fake_total(fake), 0);
}

static uint64_t send(struct fake *fake, uint64_t vector_and_vtl, uint64_t mask)
{
	uint64_t block[2] = {vector_and_vtl, mask};

	return caller_call_fast(fake_vp(fake, 0), IPI, block, sizeof(block));
}

static uint64_t send_ex(struct fake *fake, uint64_t vector_and_vtl, uint64_t format, uint64_t mask,
			const uint64_t *banks, uint32_t bank_count)
{
	uint64_t block[3 + 4] = {vector_and_vtl, format, mask};

	memcpy(&block[3], banks, 8 * (size_t)bank_count);
	return caller_call_with(fake_vp(fake, 0), caller_control(IPI_EX, bank_count, 0, 0), block,
				sizeof(block));
}

static void each_vp_named_gets_the_vector(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(send(fake, 0x41, 0xa), SUCCESS);
	expect_targets(fake, 0x41, 0xa);
}

static void the_memory_form_is_the_same(void **state)
{
	struct fake *fake = *state;
	uint64_t block[2] = {0x41, 5};

	assert_int_equal(caller_call_with(fake_vp(fake, 0), IPI, block, sizeof(block)), SUCCESS);
	expect_targets(fake, 0x41, 5);
}

/* SPEC: a self-IPI is taken before the next instruction. */
static void the_caller_can_be_a_target(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(send(fake, 0xf3, 1), SUCCESS);
	unit_expect_interrupt(fake_vp(fake, 0), 0xf3);
}

static void vectors_have_limits(void **state)
{
	struct fake *fake = *state;
	static const uint64_t bad[] = {0, 2, 0xf, 0x100, 0x110, 0x1ff, UINT32_MAX};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(send(fake, bad[i], 2), INVALID_PARAMETER);
		assert_int_equal(send_ex(fake, bad[i], 1, 0, no_banks, 0), INVALID_PARAMETER);
	}
	expect_nothing(fake);
	assert_int_equal(send(fake, 0x10, 2), SUCCESS);
	expect_targets(fake, 0x10, 2);
	fake_records_clear(fake);
	assert_int_equal(send(fake, 0xff, 4), SUCCESS);
	expect_targets(fake, 0xff, 4);
}

static void there_is_one_trust_level(void **state)
{
	struct fake *fake = *state;

	for (uint64_t vtl = 1; vtl < 256; vtl++) {
		if (vtl != 0x10) {
			assert_int_equal(send(fake, 0x41 | vtl << 32, 1), INVALID_PARAMETER);
			assert_int_equal(send_ex(fake, 0x41 | vtl << 32, 1, 0, no_banks, 0),
					 INVALID_PARAMETER);
		}
	}
	expect_nothing(fake);
	assert_int_equal(send(fake, 0x41 | UINT64_C(0x10) << 32, 2), SUCCESS);
	expect_targets(fake, 0x41, 2);
}

static void nobody_is_no_error(void **state)
{
	struct fake *fake = *state;
	const uint64_t banks[2] = {0, UINT64_MAX};

	assert_int_equal(send(fake, 0x41, 0), SUCCESS);
	assert_int_equal(send(fake, 0x41, ~UINT64_C(0xf)), SUCCESS);
	assert_int_equal(send_ex(fake, 0x41, 0, 0, no_banks, 0), SUCCESS);
	assert_int_equal(send_ex(fake, 0x41, 0, 1, banks, 1), SUCCESS);
	assert_int_equal(send_ex(fake, 0x41, 0, 2, &banks[1], 1), SUCCESS);
	expect_nothing(fake);
}

/* XSA-class mistake: a target whose APIC is not enabled. */
static void a_disabled_apic_drops_it(void **state)
{
	struct fake *fake = *state;

	atomic_store(&fake_vp(fake, 2)->apic.spurious, 0xff);
	assert_int_equal(send(fake, 0x41, 0xf), SUCCESS);
	expect_targets(fake, 0x41, 0xb);
}

static void a_set_names_targets(void **state)
{
	struct fake *fake = *state;
	const uint64_t banks[2] = {0x6, UINT64_MAX};

	assert_int_equal(send_ex(fake, 0x41, 0, 1, banks, 1), SUCCESS);
	expect_targets(fake, 0x41, 0x6);
}

/* CVE-2025-58147, CVE-2025-58148. */
static void a_set_reaches_no_further_than_the_vps(void **state)
{
	struct fake *fake = *state;
	const uint64_t banks[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};

	assert_int_equal(send_ex(fake, 0x41, 0, UINT64_C(1) << 63 | 3, banks, 3), SUCCESS);
	expect_targets(fake, 0x41, 0xf);
}

static void a_set_can_be_everybody(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(send_ex(fake, 0x41, 1, 0xff, no_banks, 0), SUCCESS);
	expect_targets(fake, 0x41, 0xf);
}

static void a_malformed_set_is_refused(void **state)
{
	struct fake *fake = *state;
	const uint64_t banks[2] = {1, 1};

	assert_int_equal(send_ex(fake, 0x41, 2, 1, banks, 1), INVALID_PARAMETER);
	assert_int_equal(send_ex(fake, 0x41, 0, 1, banks, 2), INVALID_PARAMETER);
	assert_int_equal(send_ex(fake, 0x41, 0, 3, banks, 1), INVALID_PARAMETER);
	assert_int_equal(send_ex(fake, 0x41, 0, UINT64_MAX, banks, 0), INVALID_PARAMETER);
	expect_nothing(fake);
}

static void the_ex_form_goes_through_xmm_too(void **state)
{
	struct fake *fake = *state;
	const uint64_t block[4] = {0x41, 0, 1, 0x9};

	assert_int_equal(
		caller_call_fast(fake_vp(fake, 0), caller_control(IPI_EX, 1, 0, 0), block, sizeof(block)),
		SUCCESS);
	expect_targets(fake, 0x41, 0x9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_vp_named_gets_the_vector),
		test(the_memory_form_is_the_same),
		test(the_caller_can_be_a_target),
		test(vectors_have_limits),
		test(there_is_one_trust_level),
		test(nobody_is_no_error),
		test(a_disabled_apic_drops_it),
		test(a_set_names_targets),
		test(a_set_reaches_no_further_than_the_vps),
		test(a_set_can_be_everybody),
		test(a_malformed_set_is_refused),
		test(the_ex_form_goes_through_xmm_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
