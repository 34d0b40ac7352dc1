/* SPDX-License-Identifier: MPL-2.0 */
/* Making a partition: what its pages contain, and that a failure leaves nothing behind. */
#include "core/partition.h"

#include "core/hv.h"
#include "test/unit/unit.h"

static void a_new_partition_is_quiet(void **state)
{
	struct fake *fake = *state;
	struct partition *root = fake_root(fake);

	assert_int_equal(root->id, 1);
	assert_ptr_equal(root->hv, &fake->hv);
	assert_int_equal(root->guest_os_id, 0);
	assert_false(overlay_enabled(&root->hypercall));
	assert_false(overlay_enabled(&root->reference_tsc));
	assert_int_equal(root->crash.control, 0);
	assert_int_equal(root->crash.text_size, 0);
	assert_int_equal(fake->overlay_count, 0);
}

static void privileges_are_all_or_nothing(void **state)
{
	struct fake *fake = *state;
	struct partition *root = fake_root(fake);

	root->privileges = 6;
	assert_true(partition_has(root, 0));
	assert_true(partition_has(root, 2));
	assert_true(partition_has(root, 6));
	assert_false(partition_has(root, 7));
	assert_false(partition_has(root, 1));
}

static void features_are_all_or_nothing(void **state)
{
	struct fake *fake = *state;
	struct partition *root = fake_root(fake);

	root->features = 6;
	assert_true(partition_offers(root, 0));
	assert_true(partition_offers(root, 4));
	assert_true(partition_offers(root, 6));
	assert_false(partition_offers(root, 7));
	assert_false(partition_offers(root, 1));
}

static void the_hypercall_page_is_code_and_traps(void **state)
{
	struct fake *fake = *state;
	const uint8_t *page = fake_root(fake)->hypercall.frame;
	uint8_t code[16];
	size_t size = machine_hypercall_code(code);

	assert_in_range(size, 1, 16);
	assert_memory_equal(page, code, size);
	for (size_t i = size; i < PAGE_SIZE; i++) {
		assert_int_equal(page[i], 0xcc);
	}
}

static void each_allocation_may_fail(void **state)
{
	struct fake *fake = *state;
	unsigned before = fake->frame_count;

	for (unsigned allocations = 0; allocations < 5; allocations++) {
		struct partition other = {.machine = fake};

		fake->frames_until_failure = allocations;
		assert_false(partition_create(&other, &fake->hv, 2, &profile_full));
		assert_int_equal(fake->frame_count, before);
		assert_null(other.overlays);
		assert_null(other.crash.text);
		assert_ptr_equal(other.machine, fake);
	}
	struct partition other = {.machine = fake};

	fake->frames_until_failure = 5;
	assert_true(partition_create(&other, &fake->hv, 2, &profile_full));
	assert_int_equal(other.id, 2);
	/* All but the debug device, which comes with a channel. */
	assert_int_equal(other.privileges, profile_full.privileges & ~(UINT64_C(1) << 12));
	assert_int_equal(other.features, profile_full.features & ~(1u << 11));
	assert_ptr_equal(other.profile, &profile_full);
	assert_int_equal(fake->frame_count, before + 5);
}

static void partitions_are_found_by_their_ids(void **state)
{
	struct fake *fake = *state;
	struct partition *second = fake_child_create(fake, 0xfedcba9876543210, 0, 1);
	struct partition *third = fake_child_create(fake, 3, 0, 1);

	assert_null(fake_root(fake)->parent);
	assert_ptr_equal(second->parent, fake_root(fake));
	assert_ptr_equal(third->parent, fake_root(fake));
	assert_ptr_equal(partition_find(&fake->hv, 1), fake_root(fake));
	assert_ptr_equal(partition_find(&fake->hv, 0xfedcba9876543210), second);
	assert_ptr_equal(partition_find(&fake->hv, 3), third);
	assert_null(partition_find(&fake->hv, 0));
	assert_null(partition_find(&fake->hv, UINT64_MAX));
	fake->frames_until_failure = 0;
	assert_null(fake_child_create(fake, 4, 0, 1));
	assert_null(partition_find(&fake->hv, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(a_new_partition_is_quiet),
		unit_test_one(privileges_are_all_or_nothing),
		unit_test_one(features_are_all_or_nothing),
		unit_test_one(the_hypercall_page_is_code_and_traps),
		unit_test_one(each_allocation_may_fail),
		unit_test_one(partitions_are_found_by_their_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
