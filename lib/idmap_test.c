/* SPDX-License-Identifier: MPL-2.0 */
/* Numbers and slots against a naive twin, chains of equal hashes, and the full map. */
#include "lib/idmap.h"

#include "test/unit/unit.h"

#define ROUNDS 20000

/* The twin: a list that is searched from end to end. */
struct twin {
	bool used[IDMAP_SLOTS];
	uint32_t id[IDMAP_SLOTS];
};

static int twin_find(const struct twin *twin, uint32_t id)
{
	for (int i = 0; i < IDMAP_SLOTS; i++) {
		if (twin->used[i] && twin->id[i] == id) {
			return i;
		}
	}
	return IDMAP_NONE;
}

static void an_empty_map_has_nothing(void **state)
{
	struct idmap map = {0};

	(void)state;
	assert_int_equal(idmap_find(&map, 0), IDMAP_NONE);
	assert_int_equal(idmap_find(&map, 0xffffff), IDMAP_NONE);
	idmap_remove(&map, 0);
	assert_int_equal(map.used, 0);
	assert_int_equal(idmap_add(&map, 0), 0);
	assert_int_equal(idmap_find(&map, 0), 0);
	assert_int_equal(idmap_find(&map, 1), IDMAP_NONE);
}

/* All in one chain: `count` numbers with the hash of 0. */
static void equal_hashes(uint32_t *ids, unsigned count)
{
	uint32_t id = 0;

	for (unsigned i = 0; i < count; id++) {
		if (idmap_hash(id) == 0) {
			ids[i++] = id;
		}
	}
}

static void a_chain_holds_all_of_its_numbers(void **state)
{
	uint32_t ids[IDMAP_SLOTS + 1];
	struct idmap map = {0};

	(void)state;
	equal_hashes(ids, IDMAP_SLOTS + 1);
	for (int i = 0; i < IDMAP_SLOTS; i++) {
		assert_int_equal(idmap_add(&map, ids[i]), i);
	}
	assert_int_equal(idmap_add(&map, ids[IDMAP_SLOTS]), IDMAP_NONE);
	assert_int_equal(idmap_find(&map, ids[IDMAP_SLOTS]), IDMAP_NONE);
	idmap_remove(&map, ids[IDMAP_SLOTS]);
	assert_int_equal(map.used, UINT64_MAX);
	idmap_remove(&map, ids[30]);
	assert_int_equal(idmap_find(&map, ids[30]), IDMAP_NONE);
	for (int i = 0; i < IDMAP_SLOTS; i++) {
		assert_int_equal(idmap_find(&map, ids[i]), i == 30 ? IDMAP_NONE : i);
	}
	assert_int_equal(idmap_add(&map, ids[IDMAP_SLOTS]), 30);
}

static void it_answers_as_its_twin(void **state)
{
	uint64_t random = 0x1234567;
	struct twin twin = {0};
	struct idmap map = {0};

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t id = (uint32_t)unit_random(&random) % 100 << (i % 3 * 8);
		int slot = twin_find(&twin, id);

		assert_int_equal(idmap_find(&map, id), slot);
		if (slot != IDMAP_NONE) {
			idmap_remove(&map, id);
			twin.used[slot] = false;
			continue;
		}
		slot = idmap_add(&map, id);
		if (slot != IDMAP_NONE) {
			assert_false(twin.used[slot]);
			twin.used[slot] = true;
			twin.id[slot] = id;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(a_chain_holds_all_of_its_numbers),
		cmocka_unit_test(it_answers_as_its_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
