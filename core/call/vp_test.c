/* SPDX-License-Identifier: MPL-2.0 */
/* HvCallStartVirtualProcessor and HvCallGetVpIndexFromApicId. */
#include "core/vp.h"

#include "abi/hv_hypercall.h"
#include "core/partition.h"
#include "test/unit/caller.h"
#include "test/unit/state.h"

#define SELF UINT64_MAX
#define START 0x99
#define FIND 0x9a

/* --- Starting ------------------------------------------------------------------------------------------------- */

struct start {
	uint64_t partition;
	uint32_t vp;
	uint8_t vtl, padding[3];
	uint64_t context[28];
};

/* Flat 32-bit code: legal, as much as the call needs to know. */
static struct start start_of(uint32_t vp)
{
	struct start start = {.partition = SELF, .vp = vp};

	start.context[0] = 0x1000;			 /* RIP */
	start.context[1] = 0x7000;			 /* RSP */
	start.context[2] = 2;				 /* RFLAGS */
	start.context[4] = UINT64_C(0xc09b0010ffffffff); /* CS */
	for (unsigned i = 6; i <= 14; i += 2) {
		start.context[i] = UINT64_C(0xc0930018ffffffff); /* DS, ES, FS, GS, SS */
	}
	start.context[16] = UINT64_C(0x008b002800000067); /* TR */
	start.context[24] = 0x11;			  /* CR0 */
	return start;
}

static uint64_t start_with(struct fake *fake, const struct start *start)
{
	return caller_call_with(fake_vp(fake, 0), START, start, sizeof(*start));
}

static struct fake *machine(void)
{
	return caller_machine(4, UINT64_C(1) << 53 | UINT64_C(1) << 6);
}

static void a_vp_begins_where_it_is_told(void **state)
{
	struct fake *fake = machine();
	struct start start = start_of(2);

	(void)state;
	assert_int_equal(sizeof(start), 240);
	assert_int_equal(start_with(fake, &start), 0);
	assert_true(fake_vp_enter(fake_vp(fake, 2), false).runs);
	assert_int_equal(machine_register_get(fake_vp(fake, 2), HV_X64_REGISTER_RIP), 0x1000);
	assert_int_equal(machine_register_get(fake_vp(fake, 2), HV_X64_REGISTER_CR0), 0x11);
	assert_int_equal(fake_vp(fake, 2)->gpr[GPR_RSP], 0x7000);
	assert_false(fake_vp_enter(fake_vp(fake, 1), false).runs);
	start.partition = 1;
	assert_int_equal(start_with(fake, &start), 0x15);
	start.vp = 3;
	start.vtl = 0x10;
	assert_int_equal(start_with(fake, &start), 0);
	fake_hv_destroy(fake);
}

static void vps_that_run_or_are_none_are_not_started(void **state)
{
	struct fake *fake = machine();
	struct start start = start_of(0);

	(void)state;
	assert_int_equal(start_with(fake, &start), 0x15);
	start.vp = 0xfffffffe;
	assert_int_equal(start_with(fake, &start), 0x15);
	start.vp = 4;
	assert_int_equal(start_with(fake, &start), 0xe);
	start.vp = 0xffffffff;
	assert_int_equal(start_with(fake, &start), 0xe);
	start = start_of(1);
	start.partition = 0;
	assert_int_equal(start_with(fake, &start), 0xd);
	start.partition = 2;
	assert_int_equal(start_with(fake, &start), 0xd);
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

static void trust_levels(void **state)
{
	struct fake *fake = machine();
	struct start start = start_of(1);

	(void)state;
	for (unsigned vtl = 0; vtl < 256; vtl++) {
		uint64_t expected = (vtl & 0xe0) != 0 ? 5 : (vtl & 0xf) != 0 ? 0x51 : 0;

		if (expected != 0) {
			start.vtl = (uint8_t)vtl;
			assert_int_equal(start_with(fake, &start), expected);
		}
	}
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

static void impossible_states_are_refused(void **state)
{
	struct fake *fake = machine();
	struct start start = start_of(1);

	(void)state;
	start.context[24] = UINT64_C(0x80000000);
	assert_int_equal(start_with(fake, &start), 0x50);
	/* Before it is known whether the VP waits. */
	start.vp = 0;
	assert_int_equal(start_with(fake, &start), 0x50);
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

/* --- Finding -------------------------------------------------------------------------------------------------- */

struct find {
	uint64_t partition;
	uint8_t vtl, padding[7];
	uint32_t id[1020];
};

static struct fake *machine_with_ids(const uint32_t *ids)
{
	struct fake_options options = fake_options_default();

	options.vp_count = 4;
	options.apic_ids = ids;
	struct fake *fake = fake_hv_create_with(&options);

	assert_non_null(fake);
	assert_int_equal(msr_write(fake_vp(fake, 0), 0x40000000, 1), MSR_DONE);
	assert_int_equal(msr_write(fake_vp(fake, 0), 0x40000001, 0x1001), MSR_DONE);
	return fake;
}

static uint32_t output_at(struct fake *fake, unsigned i)
{
	uint32_t value = 0;

	assert_true(fake_guest_read(fake, gpa(CALLER_OUTPUT.value + 4 * i), &value, sizeof(value)));
	return value;
}

static uint64_t find_with(struct fake *fake, const struct find *find, uint32_t count, uint32_t start)
{
	return caller_call_with(fake_vp(fake, 0), caller_control(FIND, 0, count, start), find, sizeof(*find));
}

static void ids_give_indexes(void **state)
{
	const uint32_t ids[] = {8, 3, 0x1000, 5};
	struct fake *fake = machine_with_ids(ids);
	struct find find = {.partition = SELF, .id = {5, 0x1000, 8, 3, 3}};
	const uint32_t expected[] = {3, 2, 0, 1, 1};

	(void)state;
	fake_snapshot(fake);
	assert_int_equal(find_with(fake, &find, 5, 0), UINT64_C(5) << 32);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(output_at(fake, i), expected[i]);
	}
	find.id[3] = 4;
	assert_int_equal(find_with(fake, &find, 5, 0), UINT64_C(3) << 32 | 5);
	assert_int_equal(find_with(fake, &find, 5, 4), UINT64_C(5) << 32);
	find.id[0] = UINT32_MAX;
	assert_int_equal(find_with(fake, &find, 5, 0), 5);
	fake_hv_destroy(fake);
}

static void whose_ids(void **state)
{
	struct fake *fake = machine();
	struct find find = {.partition = 1};

	(void)state;
	assert_int_equal(find_with(fake, &find, 1, 0), UINT64_C(1) << 32);
	find.partition = 7;
	assert_int_equal(find_with(fake, &find, 1, 0), 0xd);
	find.partition = 1;
	find.vtl = 1;
	assert_int_equal(find_with(fake, &find, 1, 0), 0x51);
	find.vtl = 0x80;
	assert_int_equal(find_with(fake, &find, 1, 0), 5);
	fake_hv_destroy(fake);
}

/* The clock moves at each look: a few elements fit 50 microseconds. */
static void a_long_list_is_continued(void **state)
{
	struct fake *fake = machine();
	struct vp *vp = fake_vp(fake, 0);
	struct find find = {.partition = SELF};
	uint64_t control = caller_control(FIND, 0, 1020, 0);
	unsigned parts = 0;
	enum gate_result result;

	(void)state;
	for (unsigned i = 0; i < 1020; i++) {
		find.id[i] = i % 4;
	}
	assert_true(fake_guest_write(fake, CALLER_INPUT, &find, sizeof(find)));
	fake->tsc_step = FAKE_TSC_HZ / 20000 / 100;
	vp->gpr[GPR_RCX] = control;
	vp->gpr[GPR_RDX] = CALLER_INPUT.value;
	vp->gpr[GPR_R8] = CALLER_OUTPUT.value;
	while ((result = gate_hypercall(vp, true, true)) == GATE_CONTINUE) {
		parts++;
		assert_int_equal(hv_control_rep_start(vp->gpr[GPR_RCX]), 100 * parts);
	}
	assert_int_equal(result, GATE_DONE);
	assert_int_equal(parts, 10);
	assert_int_equal(vp->gpr[GPR_RAX], UINT64_C(1020) << 32);
	for (unsigned i = 0; i < 1020; i++) {
		assert_int_equal(output_at(fake, i), i % 4);
	}
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vp_begins_where_it_is_told),
		cmocka_unit_test(vps_that_run_or_are_none_are_not_started),
		cmocka_unit_test(trust_levels),
		cmocka_unit_test(impossible_states_are_refused),
		cmocka_unit_test(ids_give_indexes),
		cmocka_unit_test(whose_ids),
		cmocka_unit_test(a_long_list_is_continued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
