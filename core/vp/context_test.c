/* SPDX-License-Identifier: MPL-2.0 */
/* States in which a VP may be started, and starting it. */
#include "core/vp.h"

#include "core/apic.h"
#include "test/unit/state.h"

#include <pthread.h>
#include <string.h>

static const struct hv_x64_segment_register data = {0, UINT32_MAX, 0x18, 0xc093};

/* 64-bit code at CPL 0. */
static struct hv_initial_vp_context good(void)
{
	return (struct hv_initial_vp_context){
		.rip = UINT64_C(0xffff800000001000),
		.rsp = 0x7000,
		.rflags = 2,
		.cs = {0, UINT32_MAX, 0x10, 0xa09b},
		.ds = data,
		.es = data,
		.fs = data,
		.gs = {UINT64_C(0xffff888000000000), UINT32_MAX, 0x18, 0xc093},
		.ss = data,
		.tr = {0x2000, 103, 0x28, 0x8b},
		.idtr = {{0}, 0xfff, UINT64_C(0xffff800000002000)},
		.gdtr = {{0}, 0x7f, UINT64_C(0xffff800000003000)},
		.efer = STATE_EFER,
		.cr0 = STATE_CR0,
		.cr3 = STATE_CR3,
		.cr4 = STATE_CR4,
		.pat = UINT64_C(0x0007040600070406),
	};
}

/* As INIT and a start-up IPI leave it, but for the cache bits. */
static struct hv_initial_vp_context real_mode(void)
{
	const struct hv_x64_segment_register segment = {0x9000, 0xffff, 0x900, 0x93};

	return (struct hv_initial_vp_context){
		.rflags = 2,
		.cs = {0x9000, 0xffff, 0x900, 0x9b},
		.ds = segment,
		.es = segment,
		.fs = segment,
		.gs = segment,
		.ss = segment,
		.tr = {0, 0xffff, 0, 0x8b},
		.cr0 = 0x10,
		.pat = 0,
	};
}

static bool is_legal(struct fake *fake, const struct hv_initial_vp_context *context)
{
	return vp_context_is_legal(fake_vp(fake, 0), context);
}

/* The same with one field changed. */
#define ILLEGAL(fake, field, new_value)                                                                      \
	do {                                                                                                 \
		struct hv_initial_vp_context changed = good();                                               \
		changed.field = (new_value);                                                                 \
		assert_false(is_legal(fake, &changed));                                                      \
	} while (0)

static void usual_states_are_legal(void **state)
{
	struct fake *fake = *state;
	struct hv_initial_vp_context context = good();

	state_prepare(fake);
	assert_true(is_legal(fake, &context));
	context.efer = 0x100; /* LMA is what LME and PG make it */
	assert_true(is_legal(fake, &context));
	context.cs.attributes = 0xa0fb;
	assert_false(is_legal(fake, &context));
	context.ss.attributes = 0xc0f3; /* CPL 3 */
	assert_true(is_legal(fake, &context));
	context = real_mode();
	assert_true(is_legal(fake, &context));
	context.cs.attributes = 0xfb;
	context.ss.attributes = 0xf3;
	assert_false(is_legal(fake, &context)); /* real mode is CPL 0 */
	assert_int_equal(fake_total(fake), 0);
}

static void every_register_is_judged(void **state)
{
	struct fake *fake = *state;
	const uint64_t bad = UINT64_C(1) << 60;

	state_prepare(fake);
	ILLEGAL(fake, rip, bad);
	ILLEGAL(fake, rflags, 0);
	ILLEGAL(fake, cr0, STATE_CR0 & ~UINT64_C(1));
	ILLEGAL(fake, cr3, bad);
	ILLEGAL(fake, cr4, STATE_CR4 | bad);
	ILLEGAL(fake, cr4, STATE_CR4 & ~UINT64_C(0x20));
	ILLEGAL(fake, efer, STATE_EFER | bad);
	ILLEGAL(fake, efer, 0); /* 64-bit code without long mode */
	ILLEGAL(fake, pat, 2);
	ILLEGAL(fake, cs.attributes, 0);
	ILLEGAL(fake, ds.attributes, 0xc099);
	ILLEGAL(fake, es.attributes, 0xc099);
	ILLEGAL(fake, fs.base, bad);
	ILLEGAL(fake, gs.base, bad);
	ILLEGAL(fake, ss.attributes, 0xc091);
	ILLEGAL(fake, tr.attributes, 0);
	ILLEGAL(fake, ldtr.attributes, 0x8b);
	ILLEGAL(fake, idtr.base, bad);
	ILLEGAL(fake, gdtr.base, bad);
	struct hv_initial_vp_context context = real_mode();

	context.rip = UINT64_C(1) << 32;
	assert_false(is_legal(fake, &context));
}

static uint64_t register_of(struct vp *vp, enum hv_register_name name)
{
	return machine_register_get(vp, name);
}

static void a_state_is_loaded_whole(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 1);
	struct hv_initial_vp_context context = good();

	context.efer = 0x100;
	context.cr0 &= ~UINT64_C(0x10);
	assert_true(vp_start(vp, &context));
	assert_true(fake_vp_enter(vp, false).runs);
	assert_int_equal(register_of(vp, HV_X64_REGISTER_RIP), context.rip);
	assert_int_equal(vp->gpr[GPR_RSP], 0x7000);
	assert_int_equal(register_of(vp, HV_X64_REGISTER_RFLAGS), 2);
	assert_int_equal(register_of(vp, HV_X64_REGISTER_CR0), STATE_CR0);
	assert_int_equal(register_of(vp, HV_X64_REGISTER_CR3), STATE_CR3);
	assert_int_equal(register_of(vp, HV_X64_REGISTER_CR4), STATE_CR4);
	assert_int_equal(register_of(vp, HV_X64_REGISTER_EFER), STATE_EFER);
	assert_int_equal(register_of(vp, HV_X64_REGISTER_PAT), context.pat);
	assert_int_equal(register_of(vp, HV_X64_REGISTER_CS), UINT64_C(0xa09b0010ffffffff));
	assert_int_equal(register_of(vp, HV_X64_REGISTER_TR), UINT64_C(0x008b002800000067));
	assert_int_equal(machine_segment_base(vp, HV_X64_REGISTER_TR), 0x2000);
	assert_int_equal(machine_segment_base(vp, HV_X64_REGISTER_GS), context.gs.base);
	assert_int_equal(register_of(vp, HV_X64_REGISTER_IDTR), 0xfff);
	assert_int_equal(machine_segment_base(vp, HV_X64_REGISTER_GDTR), context.gdtr.base);
	assert_int_equal(fake_count(fake, FAKE_SEGMENT_SET), 10);
}

/* --- Starting ------------------------------------------------------------------------------------------------- */

static void only_a_vp_that_waits_is_started(void **state)
{
	struct fake *fake = *state;
	struct hv_initial_vp_context context = good();

	assert_false(vp_start(fake_vp(fake, 0), &context));
	assert_int_equal(fake_count(fake, FAKE_KICK), 0);
	assert_true(vp_start(fake_vp(fake, 1), &context));
	assert_int_equal(fake_vp_machine(fake_vp(fake, 1))->kick_count, 1);
	/* Until it has begun, nobody else can start it, and then neither. */
	assert_false(vp_start(fake_vp(fake, 1), &context));
	assert_true(fake_vp_enter(fake_vp(fake, 1), false).runs);
	assert_false(vp_start(fake_vp(fake, 1), &context));
	/* A halted one has been started. */
	vp_halt(fake_vp(fake, 1));
	assert_false(vp_start(fake_vp(fake, 1), &context));
}

static void after_init_it_can_be_started_again(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 1);
	struct hv_initial_vp_context context = good();

	assert_true(vp_start(vp, &context));
	assert_true(fake_vp_enter(vp, false).runs);
	vp_request(vp, VP_REQUEST_INIT);
	assert_false(fake_vp_enter(vp, false).runs);
	context.rip = 0x4321;
	assert_true(vp_start(vp, &context));
	assert_true(fake_vp_enter(vp, false).runs);
	assert_int_equal(register_of(vp, HV_X64_REGISTER_RIP), 0x4321);
}

/* INIT, start-up IPI, start: whoever comes first of the latter two wins. */
static void a_start_up_ipi_goes_first(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 1);
	struct hv_initial_vp_context context = good();

	assert_true(vp_start(vp, &context));
	vp_request(vp, VP_REQUEST_SIPI);
	fake_records_clear(fake);
	assert_true(fake_vp_enter(vp, false).runs);
	assert_int_equal(fake_count(fake, FAKE_SIPI_STATE), 1);
	assert_int_equal(fake_count(fake, FAKE_SEGMENT_SET), 0);
	assert_int_equal(vp->activity, VP_RUNNING);
	/* The claim is free again. */
	vp_request(vp, VP_REQUEST_INIT);
	assert_false(fake_vp_enter(vp, false).runs);
	assert_true(vp_start(vp, &context));
}

/* --- Threads: one of many wins, and what it wants is what begins ------------------------------------------------- */

#define STARTERS 4
#define ROUNDS 300

struct starter {
	struct vp *vp;
	uint64_t rip;
	unsigned won;
	atomic_uint *round, *done;
};

static void *start_often(void *argument)
{
	struct starter *starter = argument;
	struct hv_initial_vp_context context = good();

	context.rip = starter->rip;
	context.rsp = starter->rip;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		while (atomic_load(starter->round) < round) {
		}
		starter->won += vp_start(starter->vp, &context);
		atomic_fetch_add(starter->done, 1);
	}
	return NULL;
}

static void one_of_many_starters_wins(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 1);
	struct starter starter[STARTERS];
	pthread_t thread[STARTERS];
	atomic_uint round = 0, done = 0;
	unsigned won = 0;

	for (unsigned i = 0; i < STARTERS; i++) {
		starter[i] = (struct starter){vp, 0x1000 * (i + 1), 0, &round, &done};
		assert_int_equal(pthread_create(&thread[i], NULL, start_often, &starter[i]), 0);
	}
	for (unsigned i = 1; i <= ROUNDS; i++) {
		atomic_store(&round, i);
		while (!fake_vp_enter(vp, false).runs) {
		}
		assert_int_equal(register_of(vp, HV_X64_REGISTER_RIP), vp->gpr[GPR_RSP]);
		while (atomic_load(&done) < STARTERS * i) {
		}
		vp_request(vp, VP_REQUEST_INIT);
		assert_false(fake_vp_enter(vp, false).runs);
	}
	for (unsigned i = 0; i < STARTERS; i++) {
		pthread_join(thread[i], NULL);
		won += starter[i].won;
	}
	assert_int_equal(won, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(usual_states_are_legal),
		unit_test_one(every_register_is_judged),
		unit_test_four(a_state_is_loaded_whole),
		unit_test_four(only_a_vp_that_waits_is_started),
		unit_test_four(after_init_it_can_be_started_again),
		unit_test_four(a_start_up_ipi_goes_first),
		unit_test_four(one_of_many_starters_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
