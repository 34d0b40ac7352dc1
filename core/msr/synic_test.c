/* SPDX-License-Identifier: MPL-2.0 */
/* The way from the numbers to the SynIC of the VP that executes the instruction. */
#include "abi/hv_msr.h"
#include "core/msr.h"
#include "core/partition.h"
#include "core/vp.h"
#include "test/unit/unit.h"

_Static_assert(HV_X64_MSR_SCONTROL == 0x40000080, "the number of the specification");
_Static_assert(HV_X64_MSR_SVERSION == 0x40000081, "the number of the specification");
_Static_assert(HV_X64_MSR_SIEFP == 0x40000082, "the number of the specification");
_Static_assert(HV_X64_MSR_SIMP == 0x40000083, "the number of the specification");
_Static_assert(HV_X64_MSR_EOM == 0x40000084, "the number of the specification");
_Static_assert(HV_X64_MSR_SINT0 == 0x40000090, "the number of the specification");
_Static_assert(HV_X64_MSR_SINT15 == 0x4000009f, "the number of the specification");

/* Covers: 0x40000091, 0x40000092, 0x40000093, 0x40000094, 0x40000095, 0x40000096, 0x40000097, 0x40000098, 0x40000099,
 * 0x4000009a, 0x4000009b, 0x4000009c, 0x4000009d, 0x4000009e */

static uint64_t read(struct vp *vp, uint32_t number)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(msr_read(vp, number, &value), MSR_DONE);
	return value;
}

static void write(struct vp *vp, uint32_t number, uint64_t value)
{
	assert_int_equal(msr_write(vp, number, value), MSR_DONE);
}

static void the_state_after_power_on(void **state)
{
	struct vp *vp = fake_vp(*state, 3);

	assert_int_equal(read(vp, HV_X64_MSR_SCONTROL), 0);
	assert_int_equal(read(vp, HV_X64_MSR_SIEFP), 0);
	assert_int_equal(read(vp, HV_X64_MSR_SIMP), 0);
	assert_int_equal(read(vp, HV_X64_MSR_EOM), 0);
	for (uint32_t i = 0; i < 16; i++) {
		assert_int_equal(read(vp, HV_X64_MSR_SINT0 + i), 0x10000);
	}
}

static void the_version_is_1_and_stays(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	assert_int_equal(read(vp, HV_X64_MSR_SVERSION), 1);
	assert_int_equal(msr_write(vp, HV_X64_MSR_SVERSION, 1), MSR_FAULT);
}

static void each_vp_has_registers_of_its_own(void **state)
{
	struct fake *fake = *state;

	for (uint32_t i = 0; i < 4; i++) {
		struct vp *vp = fake_vp(fake, i);

		write(vp, HV_X64_MSR_SCONTROL, 0x100 + i);
		write(vp, HV_X64_MSR_SIEFP, (0x20 + i) << 12 | 1);
		write(vp, HV_X64_MSR_SIMP, (0x30 + i) << 12 | 1);
		for (uint32_t sint = 0; sint < 16; sint++) {
			write(vp, HV_X64_MSR_SINT0 + sint, 0x20 + 16 * i + sint);
		}
	}
	for (uint32_t i = 0; i < 4; i++) {
		struct vp *vp = fake_vp(fake, i);

		assert_int_equal(read(vp, HV_X64_MSR_SCONTROL), 0x100 + i);
		assert_int_equal(read(vp, HV_X64_MSR_SIEFP), (0x20 + i) << 12 | 1);
		assert_int_equal(read(vp, HV_X64_MSR_SIMP), (0x30 + i) << 12 | 1);
		assert_ptr_equal(fake_overlay_at(fake, gpn(0x20 + i)), vp->synic.event_flags.frame);
		assert_ptr_equal(fake_overlay_at(fake, gpn(0x30 + i)), vp->synic.messages.frame);
		for (uint32_t sint = 0; sint < 16; sint++) {
			assert_int_equal(read(vp, HV_X64_MSR_SINT0 + sint), 0x20 + 16 * i + sint);
		}
	}
	assert_false(fake_nested_stale(fake));
}

static void a_bad_vector_faults_and_changes_nothing(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	write(vp, HV_X64_MSR_SINT0 + 4, 0x31);
	assert_int_equal(msr_write(vp, HV_X64_MSR_SINT0 + 4, 0xf), MSR_FAULT);
	assert_int_equal(read(vp, HV_X64_MSR_SINT0 + 4), 0x31);
	write(vp, HV_X64_MSR_SINT0 + 4, 0x1000f);
	assert_int_equal(read(vp, HV_X64_MSR_SINT0 + 4), 0x1000f);
}

/* Whatever is written to EOM, it looks for messages; and with none it does nothing. */
static void eom_takes_any_value(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	struct hv_message content = {.type = 1};
	struct synic_message messages[2] = {{.content = &content}, {.content = &content}};
	struct hv_message *slot = vp->synic.messages.frame;

	write(vp, HV_X64_MSR_SCONTROL, 1);
	write(vp, HV_X64_MSR_SIMP, 0x5001);
	fake_records_clear(fake);
	write(vp, HV_X64_MSR_EOM, 0);
	assert_int_equal(fake_total(fake), 0);
	synic_message_queue(vp, 0, &messages[0]);
	synic_message_queue(vp, 0, &messages[1]);
	assert_true(messages[1].pending);
	slot->type = 0;
	write(vp, HV_X64_MSR_EOM, UINT64_MAX);
	assert_false(messages[1].pending);
	assert_int_equal(slot->type, 1);
	assert_int_equal(read(vp, HV_X64_MSR_EOM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(the_state_after_power_on),
		unit_test_one(the_version_is_1_and_stays),
		unit_test_four(each_vp_has_registers_of_its_own),
		unit_test_one(a_bad_vector_faults_and_changes_nothing),
		unit_test_one(eom_takes_any_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
