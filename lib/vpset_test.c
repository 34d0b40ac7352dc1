/* SPDX-License-Identifier: MPL-2.0 */
/*
 * VP sets: the promises of the header one by one, then a model test. The model is an array of truth values; random
 * operations go to both and every answer is compared. Three faults are planted, and the model test has to find each.
 */
#include "lib/vpset.h"

#include "lib/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A failed CHECK is what one of these tests expects: hand it to cmocka. */
void check_failed(const char *file, int line, const char *expression)
{
	mock_assert(0, expression, file, line);
	__builtin_unreachable();
}

static void adding_refuses_what_does_not_exist(void **state)
{
	(void)state;
	for (uint32_t bound = 0; bound < 200; bound++) {
		struct vpset set;

		vpset_init(&set, bound);
		assert_false(vpset_add(&set, bound));
		assert_false(vpset_add(&set, UINT32_MAX));
		assert_true(vpset_is_empty(&set));
		if (bound > 0) {
			assert_true(vpset_add(&set, bound - 1));
			assert_true(vpset_has(&set, bound - 1));
			assert_int_equal(vpset_count(&set), 1);
		}
	}
}

static void all_means_those_that_exist(void **state)
{
	(void)state;
	for (uint32_t bound = 0; bound <= VPSET_VP_MAX; bound += 1 + bound / 3) {
		struct vpset set;

		vpset_init(&set, bound);
		vpset_add_all(&set);
		assert_int_equal(vpset_count(&set), bound);
		assert_false(vpset_has(&set, bound));
	}
}

static void the_largest_bound_is_the_last_place(void **state)
{
	(void)state;
	struct vpset set;

	vpset_init(&set, VPSET_VP_MAX);
	assert_true(vpset_add(&set, VPSET_VP_MAX - 1));
	assert_false(vpset_add(&set, VPSET_VP_MAX));
	vpset_add_bank(&set, VPSET_BANK_COUNT, UINT64_MAX);
	vpset_add_bank(&set, UINT32_MAX, UINT64_MAX);
	assert_int_equal(vpset_count(&set), 1);
	expect_assert_failure(vpset_init(&set, VPSET_VP_MAX + 1));
}

static void banks_drop_what_does_not_exist(void **state)
{
	(void)state;
	struct vpset set;

	vpset_init(&set, 70);
	vpset_add_bank(&set, 0, 0x8000000000000001);
	vpset_add_bank(&set, 1, UINT64_MAX);
	vpset_add_bank(&set, 2, UINT64_MAX);
	assert_int_equal(vpset_count(&set), 2 + 6);
	assert_true(vpset_has(&set, 63));
	assert_true(vpset_has(&set, 69));
	assert_false(vpset_has(&set, 70));
	assert_false(vpset_has(&set, 128));
}

static void removal(void **state)
{
	(void)state;
	struct vpset set;

	vpset_init(&set, 100);
	vpset_add_all(&set);
	vpset_remove(&set, 99);
	vpset_remove(&set, 99);
	vpset_remove(&set, 100);
	vpset_remove(&set, UINT32_MAX);
	assert_int_equal(vpset_count(&set), 99);
	assert_false(vpset_has(&set, 99));
}

static void sparse_words_go_to_the_banks_named(void **state)
{
	(void)state;
	const uint64_t banks[3] = {0x1, 0x0, 0x8000000000000000};
	struct vpset set;

	vpset_init(&set, VPSET_VP_MAX);
	assert_true(vpset_decode(&set, 0, UINT64_C(1) << 63 | 1 << 5 | 1 << 2, banks, 3));
	assert_int_equal(vpset_count(&set), 2);
	assert_true(vpset_has(&set, 2 * 64));
	assert_true(vpset_has(&set, 4095));
}

static void malformed_sets_are_refused_whole(void **state)
{
	(void)state;
	const uint64_t banks[3] = {1, 1, 1};
	struct vpset set;

	vpset_init(&set, 256);
	assert_false(vpset_decode(&set, 0, 0x7, banks, 2));
	assert_false(vpset_decode(&set, 0, 0x3, banks, 3));
	assert_false(vpset_decode(&set, 0, 0, banks, 1));
	assert_false(vpset_decode(&set, 0, UINT64_MAX, banks, 3));
	assert_false(vpset_decode(&set, 0, 1, banks, UINT32_MAX));
	assert_false(vpset_decode(&set, 2, 0x1, banks, 1));
	assert_false(vpset_decode(&set, UINT64_C(1) << 32, 0x1, banks, 1));
	assert_true(vpset_is_empty(&set));
	assert_true(vpset_decode(&set, 0, 0, NULL, 0));
	assert_true(vpset_is_empty(&set));
}

static void the_all_format_needs_no_words(void **state)
{
	(void)state;
	const uint64_t banks[1] = {0};
	struct vpset set;

	vpset_init(&set, 65);
	assert_true(vpset_decode(&set, 1, 0, NULL, 0));
	assert_int_equal(vpset_count(&set), 65);
	vpset_init(&set, 65);
	assert_true(vpset_decode(&set, 1, 0xFF, banks, 1));
	assert_int_equal(vpset_count(&set), 65);
}

/* The operations that the model test drives, so that a faulty one can take the place of a right one. */
struct operations {
	bool (*add)(struct vpset *set, uint32_t vp);
	bool (*decode)(struct vpset *set, uint64_t format, uint64_t mask, const uint64_t *banks,
		       uint32_t count);
	bool (*next)(const struct vpset *set, uint32_t *vp);
};

struct model {
	bool member[VPSET_VP_MAX];
	uint32_t bound;
};

struct random {
	uint64_t state;
};

/* xorshift64*: the same numbers every time. */
static uint64_t random_next(struct random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * UINT64_C(0x2545F4914F6CDD1D);
}

static bool model_add(struct model *model, uint32_t vp)
{
	if (vp >= model->bound) {
		return false;
	}
	model->member[vp] = true;
	return true;
}

static bool model_decode(struct model *model, uint64_t format, uint64_t mask, const uint64_t *banks,
			 uint32_t count)
{
	uint32_t used = 0;

	for (uint32_t bank = 0; bank < 64; bank++) {
		used += (uint32_t)(mask >> bank) & 1;
	}
	if (format > 1 || (format == 0 && used != count)) {
		return false;
	}
	used = 0;
	for (uint32_t vp = 0; vp < VPSET_VP_MAX; vp++) {
		bool valid = ((mask >> (vp / 64)) & 1) != 0;

		if (format == 1 || (valid && ((banks[used] >> (vp % 64)) & 1) != 0)) {
			model_add(model, vp);
		}
		used += valid && vp % 64 == 63;
	}
	return true;
}

/* Does iteration give the model's members, in order, and nothing else? */
static bool same_members(const struct operations *try, const struct vpset *set, const struct model *model)
{
	uint32_t expected = 0;

	for (uint32_t vp = 0; try->next(set, &vp); vp++) {
		while (expected < model->bound && !model->member[expected]) {
			expected++;
		}
		if (vp != expected++ || vp >= model->bound) {
			return false;
		}
	}
	while (expected < model->bound && !model->member[expected]) {
		expected++;
	}
	return expected >= model->bound;
}

/* One random operation on both; false when they answer differently. */
static bool step(const struct operations *try, struct vpset *set, struct model *model, struct random *random)
{
	uint64_t banks[VPSET_BANK_COUNT];
	uint64_t mask = random_next(random) & random_next(random);
	uint64_t format = random_next(random) % 16 == 0 ? random_next(random) % 3 : 0;
	uint32_t count = (uint32_t)__builtin_popcountll(mask) - (random_next(random) % 8 == 0);
	uint32_t vp = (uint32_t)(random_next(random) % (model->bound + 3));

	for (uint32_t i = 0; i < VPSET_BANK_COUNT; i++) {
		banks[i] = random_next(random) & random_next(random) & random_next(random);
	}
	if (random_next(random) % 4 != 0) {
		return try->add(set, vp) == model_add(model, vp);
	}
	return try->decode(set, format, mask, banks, count) ==
	       model_decode(model, format, mask, banks, count);
}

/* Many short lives of a set; false as soon as it and its model part. */
static bool model_agrees(const struct operations *try)
{
	struct random random = {UINT64_C(0x9E3779B97F4A7C15)};

	for (int life = 0; life < 300; life++) {
		struct vpset set;
		struct model model = {
			.bound = (uint32_t)(random_next(&random) % (life < 200 ? 200 : VPSET_VP_MAX + 1))};

		vpset_init(&set, model.bound);
		for (int i = 0; i < 8; i++) {
			if (!step(try, &set, &model, &random) || !same_members(try, &set, &model)) {
				return false;
			}
		}
	}
	return true;
}

static const struct operations right = {vpset_add, vpset_decode, vpset_next};

static void the_model_agrees(void **state)
{
	(void)state;
	assert_true(model_agrees(&right));
}

/* Fault: the bound is off by one. */
static bool faulty_add(struct vpset *set, uint32_t vp)
{
	if (vp > set->bound || vp >= VPSET_VP_MAX) {
		return false;
	}
	set->bank[vp / 64] |= UINT64_C(1) << (vp % 64);
	return true;
}

/* Fault: the count of words is believed instead of compared. */
static bool faulty_decode(struct vpset *set, uint64_t format, uint64_t mask, const uint64_t *banks,
			  uint32_t count)
{
	(void)count;
	return vpset_decode(set, format, mask, banks, (uint32_t)__builtin_popcountll(mask));
}

/* Fault: the last bit of a bank is skipped. */
static bool faulty_next(const struct vpset *set, uint32_t *vp)
{
	if (*vp % 64 == 63) {
		(*vp)++;
	}
	return vpset_next(set, vp);
}

static void the_model_finds_planted_faults(void **state)
{
	(void)state;
	assert_false(model_agrees(&(struct operations){faulty_add, vpset_decode, vpset_next}));
	assert_false(model_agrees(&(struct operations){vpset_add, faulty_decode, vpset_next}));
	assert_false(model_agrees(&(struct operations){vpset_add, vpset_decode, faulty_next}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adding_refuses_what_does_not_exist),
		cmocka_unit_test(all_means_those_that_exist),
		cmocka_unit_test(the_largest_bound_is_the_last_place),
		cmocka_unit_test(banks_drop_what_does_not_exist),
		cmocka_unit_test(removal),
		cmocka_unit_test(sparse_words_go_to_the_banks_named),
		cmocka_unit_test(malformed_sets_are_refused_whole),
		cmocka_unit_test(the_all_format_needs_no_words),
		cmocka_unit_test(the_model_agrees),
		cmocka_unit_test(the_model_finds_planted_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
