/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The SynIC's registers, its state after power-on, and what the SINTs tell the local APIC: vectors, masks, polling, and
 * vectors that end by themselves.
 */
#include "core/apic.h"
#include "core/partition.h"
#include "core/vp.h"
#include "test/unit/unit.h"

#define MASKED UINT64_C(0x10000)
#define AUTO_EOI UINT64_C(0x20000)
#define POLLING UINT64_C(0x40000)
#define ENABLED_AT(page) ((UINT64_C(page) << 12) | 1)

static struct vp *prepared(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	synic_control_write(vp, 1);
	synic_event_flags_write(vp, ENABLED_AT(4));
	synic_messages_write(vp, ENABLED_AT(5));
	return vp;
}

static void signal(struct vp *vp, unsigned sint, unsigned flag)
{
	assert_int_equal(synic_event_signal(vp, sint, flag), HV_STATUS_SUCCESS);
}

static bool in_service(struct vp *vp, uint8_t vector)
{
	uint64_t value = 0;

	assert_true(apic_msr_read(vp, 0x810u + vector / 32, &value));
	return (value >> vector % 32 & 1) != 0;
}

/* --- Power-on ------------------------------------------------------------------------------------------------- */

static void assert_power_on(struct vp *vp)
{
	static const uint8_t zeros[PAGE_SIZE];

	assert_int_equal(vp->synic.control, 0);
	assert_int_equal(overlay_msr(&vp->synic.event_flags), 0);
	assert_int_equal(overlay_msr(&vp->synic.messages), 0);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(vp->synic.sint[i], 0x10000);
		assert_null(vp->synic.queue[i].first);
	}
	assert_int_equal(vp->synic.waiting, 0);
	assert_memory_equal(vp->synic.event_flags.frame, zeros, PAGE_SIZE);
	assert_memory_equal(vp->synic.messages.frame, zeros, PAGE_SIZE);
}

static void after_power_on_all_is_off(void **state)
{
	for (uint32_t i = 0; i < 4; i++) {
		assert_power_on(fake_vp(*state, i));
	}
}

static void reset_forgets_everything(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(state);
	struct hv_message content = {.type = 1};
	struct synic_message first = {.content = &content}, second = {.content = &content};

	assert_true(synic_sint_write(vp, 3, 0x20040));
	signal(vp, 3, 7);
	synic_message_queue(vp, 3, &first);
	synic_message_queue(vp, 3, &second);
	assert_true(second.pending);
	synic_reset(vp);
	assert_power_on(vp);
	assert_false(second.pending);
	assert_int_equal(vp->apic.auto_eoi[1], 0);
	assert_null(fake_overlay_at(fake, gpn(4)));
	assert_null(fake_overlay_at(fake, gpn(5)));
}

static void without_memory_there_is_no_synic(void **state)
{
	(void)state;
	struct fake_options options = fake_options_default();
	struct fake *fake = NULL;
	unsigned failures = 0;

	while (fake == NULL) {
		options.frames_until_failure = failures++;
		fake = fake_hv_create_with(&options);
	}
	/* Crash text and four pages of the partition; two call pages, the assist page, two of the SynIC, two of statistics. */
	assert_int_equal(failures - 1, 5 + 7);
	fake_hv_destroy(fake);
}

/* INIT is no reset: what the guest has set up stays (a choice, docs/decisions/0020-synic.md). */
static void init_leaves_the_synic_alone(void **state)
{
	struct vp *vp = prepared(state);

	assert_true(synic_sint_write(vp, 3, 0x20040));
	vp_request(vp, VP_REQUEST_INIT);
	vp_handle_requests(vp);
	assert_int_equal(vp->synic.control, 1);
	assert_int_equal(vp->synic.sint[3], 0x20040);
	assert_int_equal(overlay_msr(&vp->synic.messages), ENABLED_AT(5));
	assert_int_equal(vp->apic.auto_eoi[1], 1);
}

/* --- Registers ------------------------------------------------------------------------------------------------ */

static void pages_keep_what_is_in_them(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(state);
	uint32_t word = 0;

	assert_true(synic_sint_write(vp, 0, 0x40));
	signal(vp, 0, 5);
	synic_event_flags_write(vp, 0);
	assert_null(fake_overlay_at(fake, gpn(4)));
	synic_event_flags_write(vp, ENABLED_AT(9) | 0xffe);
	assert_int_equal(overlay_msr(&vp->synic.event_flags), ENABLED_AT(9) | 0xffe);
	assert_true(fake_guest_read(fake, gpa(0x9000), &word, sizeof(word)));
	assert_int_equal(word, 1u << 5);
}

static void a_page_beyond_the_gpa_space_still_works(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(state);

	assert_true(synic_sint_write(vp, 0, 0x40));
	synic_event_flags_write(vp, UINT64_MAX);
	assert_null(fake_overlay_at(fake, gpn(4)));
	signal(vp, 0, 0);
	unit_expect_interrupt(vp, 0x40);
}

static void vectors_below_16_need_the_mask(void **state)
{
	struct vp *vp = prepared(state);

	for (uint64_t vector = 0; vector < 32; vector++) {
		uint64_t before = vp->synic.sint[2];

		assert_int_equal(synic_sint_write(vp, 2, vector), vector >= 16);
		assert_int_equal(synic_sint_write(vp, 2, vector | POLLING | AUTO_EOI), vector >= 16);
		if (vector < 16) {
			assert_int_equal(vp->synic.sint[2], before);
		}
		assert_true(synic_sint_write(vp, 2, vector | MASKED));
		assert_int_equal(vp->synic.sint[2], vector | MASKED);
	}
}

static void reserved_bits_are_kept(void **state)
{
	struct vp *vp = prepared(state);

	for (unsigned bit = 8; bit < 64; bit++) {
		assert_true(synic_sint_write(vp, 15, UINT64_C(1) << bit | 0x20));
		assert_int_equal(vp->synic.sint[15], UINT64_C(1) << bit | 0x20);
	}
	synic_control_write(vp, UINT64_MAX);
	assert_int_equal(vp->synic.control, UINT64_MAX);
}

/* --- Interrupts ----------------------------------------------------------------------------------------------- */

static void each_sint_has_its_vector(void **state)
{
	struct vp *vp = prepared(state);

	for (unsigned i = 0; i < 16; i++) {
		assert_true(synic_sint_write(vp, i, 0x30 + 13 * i));
	}
	for (unsigned i = 0; i < 16; i++) {
		signal(vp, i, i);
		unit_expect_interrupt(vp, (uint8_t)(0x30 + 13 * i));
		assert_true(in_service(vp, (uint8_t)(0x30 + 13 * i)));
		apic_eoi(vp);
	}
}

static void polling_is_unmasked_but_silent(void **state)
{
	struct vp *vp = prepared(state);
	const uint64_t settings[] = {POLLING, POLLING | MASKED, POLLING | AUTO_EOI};
	const uint32_t *flags = vp->synic.event_flags.frame;

	for (unsigned i = 0; i < 3; i++) {
		assert_true(synic_sint_write(vp, 1, settings[i] | 0x40));
		signal(vp, 1, i);
		unit_expect_interrupt(vp, 0);
		assert_int_equal(flags[64] >> i & 1, 1);
		assert_int_equal(vp->apic.auto_eoi[1], 0);
	}
}

/* GUEST: Linux, where the hypervisor does not advise against it, never ends vector 0xf3. */
static void auto_eoi_needs_no_eoi(void **state)
{
	struct vp *vp = prepared(state);

	assert_true(synic_sint_write(vp, 2, AUTO_EOI | 0xf3));
	for (unsigned i = 0; i < 3; i++) {
		signal(vp, 2, i);
		unit_expect_interrupt(vp, 0xf3);
		assert_false(in_service(vp, 0xf3));
	}
	/* Lower ones come too, and an EOI has nothing to end. */
	apic_raise(vp, 0x41, false);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0x41);
	assert_true(in_service(vp, 0x41));
}

/* The TPR counts as for any other vector. */
static void auto_eoi_waits_for_its_priority(void **state)
{
	struct vp *vp = prepared(state);

	assert_true(synic_sint_write(vp, 2, AUTO_EOI | 0x53));
	apic_tpr_set(vp, 0x50);
	signal(vp, 2, 0);
	unit_expect_interrupt(vp, 0);
	apic_tpr_set(vp, 0x40);
	unit_expect_interrupt(vp, 0x53);
	/* An interrupt in service holds it back as well. */
	apic_tpr_set(vp, 0);
	apic_raise(vp, 0x60, false);
	unit_expect_interrupt(vp, 0x60);
	signal(vp, 2, 1);
	unit_expect_interrupt(vp, 0);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0x53);
}

static void auto_eoi_never_arms_the_assist_word(void **state)
{
	struct vp *vp = prepared(state);
	const uint32_t *assist = vp->assist.frame;

	overlay_set(vp, &vp->assist, ENABLED_AT(6));
	assert_true(synic_sint_write(vp, 2, AUTO_EOI | 0x53));
	signal(vp, 2, 0);
	unit_expect_interrupt(vp, 0x53);
	assert_int_equal(*assist, 0);
	assert_true(synic_sint_write(vp, 2, 0x53));
	signal(vp, 2, 1);
	unit_expect_interrupt(vp, 0x53);
	assert_int_equal(*assist, 1);
	/* A change takes the word's bit back: the interrupt in service needs its EOI, as the specification says. */
	assert_true(synic_sint_write(vp, 2, AUTO_EOI | 0x53));
	assert_int_equal(*assist, 0);
	assert_true(in_service(vp, 0x53));
	apic_eoi(vp);
	assert_false(in_service(vp, 0x53));
}

/* Nobody will tell when the first is over, so the machine has to notice that it was taken. */
static void what_follows_an_auto_eoi_is_announced(void **state)
{
	struct vp *vp = prepared(state);

	assert_true(synic_sint_write(vp, 2, AUTO_EOI | 0x53));
	signal(vp, 2, 0);
	assert_false(apic_evaluate(vp).followed);
	apic_raise(vp, 0x41, false);
	struct apic_event event = apic_evaluate(vp);

	assert_int_equal(event.vector, 0x53);
	assert_true(event.followed);
	apic_accept(vp, event);
	assert_true((vp->requests & VP_REQUEST_INTERRUPT) != 0);
	event = apic_evaluate(vp);
	assert_int_equal(event.vector, 0x41);
	assert_false(event.followed);
	/* An ordinary vector is ended by an EOI, which is seen. */
	apic_raise(vp, 0x31, false);
	event = apic_evaluate(vp);
	assert_int_equal(event.vector, 0x41);
	assert_false(event.followed);
	/* One of the 8259 is not. */
	apic_raise_legacy(vp, 0x20);
	event = apic_evaluate(vp);
	assert_true(event.legacy && event.followed);
	apic_accept(vp, event);
	apic_raise_legacy(vp, 0x21);
	apic_raise_legacy(vp, 0x22);
	assert_true(apic_evaluate(vp).followed);
}

static void one_sint_of_several_is_enough(void **state)
{
	struct vp *vp = prepared(state);

	assert_true(synic_sint_write(vp, 0, 0xf3));
	assert_true(synic_sint_write(vp, 5, AUTO_EOI | 0xf3));
	signal(vp, 0, 0);
	unit_expect_interrupt(vp, 0xf3);
	assert_false(in_service(vp, 0xf3));
	/* Masked, it has no say any more. */
	assert_true(synic_sint_write(vp, 5, MASKED | AUTO_EOI | 0xf3));
	signal(vp, 0, 1);
	unit_expect_interrupt(vp, 0xf3);
	assert_true(in_service(vp, 0xf3));
}

static void a_level_interrupt_is_ended_too(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(state);

	assert_true(synic_sint_write(vp, 2, AUTO_EOI | 0x53));
	apic_raise(vp, 0x53, true);
	assert_int_equal(fake_count(fake, FAKE_LEVEL_EOI), 0);
	unit_expect_interrupt(vp, 0x53);
	assert_int_equal(fake_count(fake, FAKE_LEVEL_EOI), 1);
	assert_int_equal(fake_last(fake, FAKE_LEVEL_EOI)->a, 0x53);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(after_power_on_all_is_off),
		unit_test_one(reset_forgets_everything),
		cmocka_unit_test(without_memory_there_is_no_synic),
		unit_test_one(init_leaves_the_synic_alone),
		unit_test_one(pages_keep_what_is_in_them),
		unit_test_one(a_page_beyond_the_gpa_space_still_works),
		unit_test_one(vectors_below_16_need_the_mask),
		unit_test_one(reserved_bits_are_kept),
		unit_test_one(each_sint_has_its_vector),
		unit_test_one(polling_is_unmasked_but_silent),
		unit_test_one(auto_eoi_needs_no_eoi),
		unit_test_one(auto_eoi_waits_for_its_priority),
		unit_test_one(auto_eoi_never_arms_the_assist_word),
		unit_test_one(what_follows_an_auto_eoi_is_announced),
		unit_test_one(one_sint_of_several_is_enough),
		unit_test_one(a_level_interrupt_is_ended_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
