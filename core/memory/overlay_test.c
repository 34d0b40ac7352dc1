/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Overlays: placing, moving, hiding, and what the hypervisor itself reaches; then a model test in which random changes
 * of five overlays on four pages go to the core and to a naive twin, and two threads that fight over one overlay.
 */
#include "core/overlay.h"

#include "core/hv.h"
#include "core/partition.h"
#include "test/unit/unit.h"

#include <pthread.h>
#include <string.h>

#define ON 1
#define AT(page) ((uint64_t)(page) << PAGE_SHIFT)

/* The three overlays of a fresh machine with one VP, in order of precedence. */
static struct overlay_page *overlay(struct fake *fake, unsigned index)
{
	struct partition *root = fake_root(fake);
	struct overlay_page *all[] = {&root->hypercall, &root->reference_tsc, &fake_vp(fake, 0)->assist};

	return all[index];
}

static void set(struct fake *fake, unsigned index, uint64_t msr)
{
	overlay_set(fake_vp(fake, 0), overlay(fake, index), msr);
	assert_false(fake_nested_stale(fake));
}

static void a_page_is_covered_and_reappears(void **state)
{
	struct fake *fake = *state;
	uint8_t *ram = fake_ram_page(fake, gpn(5));
	uint8_t byte = 0;

	ram[7] = 0x55;
	fake_snapshot(fake);
	set(fake, 2, AT(5) | ON);
	assert_ptr_equal(fake_overlay_at(fake, gpn(5)), overlay(fake, 2)->frame);
	assert_true(fake_guest_read(fake, gpa(AT(5) + 7), &byte, 1));
	assert_int_equal(byte, 0);
	byte = 0x66;
	assert_true(fake_guest_write(fake, gpa(AT(5) + 7), &byte, 1));
	set(fake, 2, 0);
	assert_null(fake_overlay_at(fake, gpn(5)));
	assert_int_equal(ram[7], 0x55);
	assert_true(fake_unchanged(fake));
	/* What the guest wrote is still there when the overlay comes back, elsewhere. */
	set(fake, 2, AT(6) | ON);
	assert_true(fake_guest_read(fake, gpa(AT(6) + 7), &byte, 1));
	assert_int_equal(byte, 0x66);
}

static void the_register_reads_as_written(void **state)
{
	struct fake *fake = *state;
	static const uint64_t values[] = {0, ON, AT(3), AT(3) | ON, AT(3) | 0xfff, UINT64_MAX, AT(3) | 0xffe};

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		set(fake, 2, values[i]);
		assert_int_equal(overlay_msr(overlay(fake, 2)), values[i]);
		assert_int_equal(overlay_enabled(overlay(fake, 2)), values[i] & 1);
	}
}

static void moving_uncovers_the_old_page(void **state)
{
	struct fake *fake = *state;

	set(fake, 0, AT(5) | ON);
	fake_records_clear(fake);
	set(fake, 0, AT(6) | ON);
	assert_null(fake_overlay_at(fake, gpn(5)));
	assert_ptr_equal(fake_overlay_at(fake, gpn(6)), overlay(fake, 0)->frame);
	assert_int_equal(fake_count(fake, FAKE_OVERLAY_PLACE), 2);
	assert_int_equal(fake_count(fake, FAKE_NESTED_FLUSH), 1);
	assert_int_equal(fake_total(fake), 3);
}

/* Nobody walks past what is nowhere. */
static void the_list_has_what_is_placed(void **state)
{
	struct fake *fake = *state;

	assert_null(fake_root(fake)->overlays);
	set(fake, 2, AT(5) | ON);
	assert_ptr_equal(fake_root(fake)->overlays, overlay(fake, 2));
	set(fake, 0, AT(6) | ON);
	set(fake, 1, AT(7) | ON);
	assert_ptr_equal(fake_root(fake)->overlays, overlay(fake, 0));
	assert_ptr_equal(overlay(fake, 0)->next, overlay(fake, 1));
	assert_ptr_equal(overlay(fake, 1)->next, overlay(fake, 2));
	assert_null(overlay(fake, 2)->next);
	set(fake, 1, AT(7));
	assert_ptr_equal(overlay(fake, 0)->next, overlay(fake, 2));
	set(fake, 0, UINT64_MAX);
	assert_ptr_equal(fake_root(fake)->overlays, overlay(fake, 2));
	set(fake, 2, 0);
	assert_null(fake_root(fake)->overlays);
}

static void what_changes_nothing_flushes_nothing(void **state)
{
	struct fake *fake = *state;

	set(fake, 0, AT(5));
	set(fake, 0, AT(6));
	assert_int_equal(fake_total(fake), 0);
	set(fake, 0, AT(6) | ON);
	fake_records_clear(fake);
	set(fake, 0, AT(6) | ON);
	set(fake, 0, AT(6) | ON | 0xffe);
	assert_int_equal(fake_total(fake), 0);
}

/* CVE-2025-27466, CVE-2025-58142: a page named in an MSR but not backed. */
static void a_page_beyond_the_gpa_space_is_out_of_reach(void **state)
{
	struct fake *fake = *state;

	set(fake, 2, UINT64_C(1) << 40 | ON);
	set(fake, 2, UINT64_MAX);
	assert_int_equal(fake_count(fake, FAKE_OVERLAY_PLACE), 0);
	assert_true(overlay_enabled(overlay(fake, 2)));
	assert_false(overlay(fake, 2)->placed);
	assert_non_null(overlay(fake, 2)->frame);
	set(fake, 2, AT(5) | ON);
	set(fake, 2, UINT64_MAX);
	assert_null(fake_overlay_at(fake, gpn(5)));
	set(fake, 2, 0);
	assert_int_equal(fake_count(fake, FAKE_OVERLAY_PLACE), 2);
}

static void an_overlay_may_lie_where_no_memory_is(void **state)
{
	struct fake *fake = *state;
	gpn_t nowhere = gpn((UINT64_C(1) << (40 - PAGE_SHIFT)) - 1);
	uint32_t word = 0x12345678;

	assert_null(overlay_guest_page(fake_root(fake), nowhere, false));
	set(fake, 2, AT(nowhere.value) | ON);
	assert_true(fake_guest_write(fake, gpa_of(nowhere), &word, sizeof(word)));
	assert_ptr_equal(overlay_guest_page(fake_root(fake), nowhere, true), overlay(fake, 2)->frame);
	set(fake, 2, 0);
	assert_null(overlay_guest_page(fake_root(fake), nowhere, false));
}

static void the_first_of_the_list_is_seen(void **state)
{
	struct fake *fake = *state;

	set(fake, 2, AT(5) | ON);
	set(fake, 1, AT(5) | ON);
	set(fake, 0, AT(5) | ON);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(fake_overlay_at(fake, gpn(5)), overlay(fake, i)->frame);
		set(fake, i, 0);
	}
	assert_null(fake_overlay_at(fake, gpn(5)));
	/* The other way round nothing changes until the seen one goes. */
	for (unsigned i = 0; i < 3; i++) {
		set(fake, i, AT(5) | ON);
		assert_ptr_equal(fake_overlay_at(fake, gpn(5)), overlay(fake, 0)->frame);
	}
	set(fake, 1, AT(7) | ON);
	assert_ptr_equal(fake_overlay_at(fake, gpn(5)), overlay(fake, 0)->frame);
	assert_ptr_equal(fake_overlay_at(fake, gpn(7)), overlay(fake, 1)->frame);
}

static void the_hypervisor_sees_what_the_guest_sees(void **state)
{
	struct fake *fake = *state;
	struct partition *root = fake_root(fake);

	assert_ptr_equal(overlay_guest_page(root, gpn(5), true), fake_ram_page(fake, gpn(5)));
	set(fake, 0, AT(5) | ON);
	set(fake, 2, AT(6) | ON);
	assert_ptr_equal(overlay_guest_page(root, gpn(5), false), overlay(fake, 0)->frame);
	assert_null(overlay_guest_page(root, gpn(5), true)); /* read-only */
	assert_ptr_equal(overlay_guest_page(root, gpn(6), true), overlay(fake, 2)->frame);
	assert_ptr_equal(overlay_guest_page(root, gpn(6), false), overlay(fake, 2)->frame);
	assert_null(overlay_guest_page(root, gpn(FAKE_RAM_PAGES), false));
	assert_null(overlay_guest_page(root, gpn(UINT64_MAX >> PAGE_SHIFT), false));
}

static void without_memory_there_is_no_overlay(void **state)
{
	struct fake *fake = *state;
	struct overlay_page extra = {0};
	uint64_t count = fake_root(fake)->overlay_count;

	fake->frames_until_failure = 0;
	assert_false(overlay_create(fake_root(fake), &extra, MACHINE_ACCESS_READ_WRITE));
	assert_int_equal(fake_root(fake)->overlay_count, count);
	fake->frames_until_failure = UINT32_MAX;
	assert_true(overlay_create(fake_root(fake), &extra, MACHINE_ACCESS_READ_WRITE));
	assert_int_equal(fake_root(fake)->overlay_count, count + 1);
	assert_false(overlay_enabled(&extra));
	assert_null(fake_root(fake)->overlays);
	machine_page_free(&fake->hv, extra.frame);
}

/* --- Model ---------------------------------------------------------------------------------------------------- */

#define MODEL_STEPS 20000
#define MODEL_PAGES 4

/* What must be visible at a page: the first overlay whose register says so. */
static void *model_frame(struct fake *fake, const uint64_t *msr, uint64_t page)
{
	for (unsigned i = 0; i < 3; i++) {
		if ((msr[i] & 1) != 0 && msr[i] >> PAGE_SHIFT == page) {
			return overlay(fake, i)->frame;
		}
	}
	return NULL;
}

static void random_changes_agree_with_the_model(void **state)
{
	struct fake *fake = *state;
	uint64_t seed = 42;
	uint64_t msr[3] = {0};

	for (unsigned step = 0; step < MODEL_STEPS; step++) {
		uint64_t random = unit_random(&seed);
		unsigned index = (unsigned)(random % 3);
		/* One page in six is beyond the GPA space. */
		uint64_t page = (random >> 8) % (MODEL_PAGES + 1);

		page = page < MODEL_PAGES ? page : UINT64_C(1) << (40 - PAGE_SHIFT);
		msr[index] = AT(page) | ((random >> 40) & 0xfff);
		set(fake, index, msr[index]);
		for (uint64_t i = 0; i < MODEL_PAGES; i++) {
			assert_ptr_equal(fake_overlay_at(fake, gpn(i)), model_frame(fake, msr, i));
		}
		assert_int_equal(fake->overlay_count <= 3, 1);
	}
}

/* --- Two VPs at once ------------------------------------------------------------------------------------------ */

#define RACE_STEPS 20000

struct racer {
	struct vp *vp;
	uint64_t seed;
};

static void *race(void *argument)
{
	struct racer *racer = argument;
	struct partition *partition = racer->vp->partition;

	for (unsigned step = 0; step < RACE_STEPS; step++) {
		uint64_t random = unit_random(&racer->seed);

		overlay_set(racer->vp, &partition->reference_tsc, AT(random % 3) | (random >> 8 & 1));
		overlay_set(racer->vp, &partition->vp[0]->assist, AT(random >> 16) | (random >> 9 & 1));
		(void)overlay_guest_page(partition, gpn(random % 3), true);
	}
	return NULL;
}

/* CVE-2025-58143: two VPs rewriting the same overlay MSR at once. */
static void two_vps_may_fight_over_an_overlay(void **state)
{
	struct fake *fake = *state;
	struct racer racers[2] = {{fake_vp(fake, 0), 1}, {fake_vp(fake, 1), 2}};
	struct overlay_page *page = &fake_root(fake)->reference_tsc;
	pthread_t threads[2];

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
	}
	overlay_set(fake_vp(fake, 0), &fake_vp(fake, 0)->assist, 0);
	for (uint64_t i = 0; i < 3; i++) {
		bool seen = overlay_enabled(page) && overlay_msr(page) >> PAGE_SHIFT == i;

		assert_ptr_equal(fake_overlay_at(fake, gpn(i)), seen ? page->frame : NULL);
	}
	assert_false(fake_nested_stale(fake));
}

/* Overlays that go away: first placed, then hidden under others, and without a trace in the end. */
static void an_attached_overlay_can_be_detached(void **state)
{
	struct fake *fake = *state;
	struct partition *root = fake_root(fake);
	struct vp *vp = fake_vp(fake, 0);
	struct overlay_page one, two, nowhere;
	uint8_t frames[2][16];

	overlay_attach(root, vp, &one, frames[0], AT(5) | ON);
	overlay_attach(root, vp, &two, frames[1], AT(5) | ON);
	assert_ptr_equal(fake_overlay_at(fake, gpn(5)), frames[0]);
	assert_false(fake_nested_stale(fake));
	fake_records_clear(fake);
	overlay_attach(root, vp, &nowhere, frames[1], UINT64_C(1) << 45 | ON);
	assert_int_equal(fake_total(fake), 0);
	assert_null(overlay_guest_page(root, gpn(5), false));
	overlay_detach(root, vp, &one);
	assert_ptr_equal(fake_overlay_at(fake, gpn(5)), frames[1]);
	set(fake, 0, AT(5) | ON);
	assert_ptr_equal(fake_overlay_at(fake, gpn(5)), overlay(fake, 0)->frame);
	assert_ptr_equal(overlay_guest_page(root, gpn(5), false), overlay(fake, 0)->frame);
	overlay_detach(root, vp, &two);
	assert_ptr_equal(fake_overlay_at(fake, gpn(5)), overlay(fake, 0)->frame);
	set(fake, 0, 0);
	assert_null(fake_overlay_at(fake, gpn(5)));
	fake_records_clear(fake);
	overlay_detach(root, vp, &nowhere);
	assert_int_equal(fake_total(fake), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(a_page_is_covered_and_reappears),
		unit_test_one(the_register_reads_as_written),
		unit_test_one(moving_uncovers_the_old_page),
		unit_test_one(the_list_has_what_is_placed),
		unit_test_one(what_changes_nothing_flushes_nothing),
		unit_test_one(a_page_beyond_the_gpa_space_is_out_of_reach),
		unit_test_one(an_overlay_may_lie_where_no_memory_is),
		unit_test_one(the_first_of_the_list_is_seen),
		unit_test_one(the_hypervisor_sees_what_the_guest_sees),
		unit_test_one(without_memory_there_is_no_overlay),
		unit_test_one(an_attached_overlay_can_be_detached),
		unit_test_one(random_changes_agree_with_the_model),
		unit_test_four(two_vps_may_fight_over_an_overlay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
