/* SPDX-License-Identifier: MPL-2.0 */
/* Requests, sleep and wake, run time, deadlines; and two threads that send each other interrupts without losing any. */
#include "core/vp.h"

#include "core/apic.h"
#include "test/unit/unit.h"

#include <pthread.h>
#include <sched.h>

/* --- Creation ------------------------------------------------------------------------------------------------- */

static void vp_0_runs_and_the_others_wait(void **state)
{
	struct fake *fake = *state;

	for (uint32_t i = 0; i < 4; i++) {
		struct vp *vp = fake_vp(fake, i);

		assert_int_equal(vp->index, i);
		assert_int_equal(vp->activity, i == 0 ? VP_RUNNING : VP_WAIT_FOR_SIPI);
		assert_int_equal(vp->requests, 0);
		assert_int_equal(vp->deadline, UINT64_MAX);
		assert_non_null(vp->assist.frame);
		assert_int_equal(fake_vp_enter(vp, true).runs, i == 0);
	}
}

/* --- Requests ------------------------------------------------------------------------------------------------- */

static void a_request_kicks_once_until_it_is_handled(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 1);

	vp_request(vp, VP_REQUEST_NMI);
	vp_request(vp, VP_REQUEST_NMI);
	assert_int_equal(fake_count(fake, FAKE_KICK), 1);
	vp_request(vp, VP_REQUEST_NMI | VP_REQUEST_INTERRUPT);
	assert_int_equal(fake_count(fake, FAKE_KICK), 2);
	vp_handle_requests(vp);
	vp_request(vp, VP_REQUEST_NMI);
	assert_int_equal(fake_count(fake, FAKE_KICK), 3);
}

static void requests_of_the_machine_are_left_alone(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	vp_request(vp, UINT32_MAX);
	vp_handle_requests(vp);
	assert_int_equal(vp->requests & (VP_REQUEST_TLB_FLUSH | VP_REQUEST_STOP),
			 VP_REQUEST_TLB_FLUSH | VP_REQUEST_STOP);
	assert_int_equal(
		vp->requests & (VP_REQUEST_INIT | VP_REQUEST_SIPI | VP_REQUEST_NMI | VP_REQUEST_DEADLINE), 0);
}

static void init_then_startup_starts(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 2);

	vp->sipi_vector = 0x12;
	vp_request(vp, VP_REQUEST_SIPI);
	vp_request(vp, VP_REQUEST_INIT);
	vp_handle_requests(vp);
	assert_int_equal(fake_count(fake, FAKE_INIT_STATE), 1);
	assert_int_equal(fake_last(fake, FAKE_SIPI_STATE)->a, 0x12);
	assert_int_equal(vp->activity, VP_RUNNING);
	/* A second start-up is ignored, as Linux sends one. */
	vp_request(vp, VP_REQUEST_SIPI);
	vp_handle_requests(vp);
	assert_int_equal(fake_count(fake, FAKE_SIPI_STATE), 1);
	/* INIT alone puts it back to waiting, and forgets its NMI. */
	vp_request(vp, VP_REQUEST_NMI);
	vp_handle_requests(vp);
	assert_true(vp->nmi_pending);
	vp_request(vp, VP_REQUEST_INIT);
	vp_handle_requests(vp);
	assert_false(vp->nmi_pending);
	assert_int_equal(vp->activity, VP_WAIT_FOR_SIPI);
	assert_false(fake_vp_enter(vp, true).runs);
}

static void the_boot_processor_runs_on_after_init(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	vp_request(vp, VP_REQUEST_INIT);
	assert_true(fake_vp_enter(vp, true).runs);
	assert_int_equal(fake_count(fake, FAKE_INIT_STATE), 1);
}

static void an_nmi_needs_a_started_vp(void **state)
{
	struct fake *fake = *state;

	vp_request(fake_vp(fake, 0), VP_REQUEST_NMI);
	assert_true(fake_vp_enter(fake_vp(fake, 0), false).nmi);
	vp_request(fake_vp(fake, 1), VP_REQUEST_NMI);
	vp_handle_requests(fake_vp(fake, 1));
	assert_false(fake_vp(fake, 1)->nmi_pending);
}

static void a_requested_deadline_is_handled(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	assert_true(apic_msr_write(vp, 0x832, 0x40));
	assert_true(apic_msr_write(vp, 0x838, 100));
	fake->tsc += 1000000;
	vp_request(vp, VP_REQUEST_DEADLINE);
	unit_expect_interrupt(vp, 0x40);
}

/* --- Sleep ---------------------------------------------------------------------------------------------------- */

static void halt_ends_with_an_interrupt_that_can_be_taken(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_tpr_set(vp, 0x50);
	vp_halt(vp);
	assert_false(fake_vp_enter(vp, true).runs);
	apic_raise(vp, 0x40, false); /* the TPR holds it back */
	assert_false(fake_vp_enter(vp, true).runs);
	apic_raise(vp, 0x60, false);
	assert_false(fake_vp_enter(vp, false).runs);
	assert_int_equal(vp->activity, VP_HALTED);
	unit_expect_interrupt(vp, 0x60);
	assert_int_equal(vp->activity, VP_RUNNING);
}

static void halt_ends_with_an_nmi(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	vp_halt(vp);
	vp_request(vp, VP_REQUEST_NMI);
	struct fake_entry entry = fake_vp_enter(vp, false);

	assert_true(entry.runs);
	assert_true(entry.nmi);
}

static void halt_ends_with_a_legacy_interrupt(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	vp_halt(vp);
	apic_raise_legacy(vp, 0x20);
	unit_expect_interrupt(vp, 0x20);
}

static void halt_ends_with_init(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	vp_halt(vp);
	vp_request(vp, VP_REQUEST_INIT);
	assert_true(fake_vp_enter(vp, false).runs);
}

static void an_interrupt_offered_before_halt_wakes(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x40, false);
	assert_int_equal(apic_evaluate(vp).verdict, APIC_DELIVER);
	vp->requests = 0;
	vp_halt(vp);
	assert_true(vp_wake_up(vp, true));
	/* And the machine is told to look again, whatever it had armed. */
	assert_true((vp->requests & VP_REQUEST_INTERRUPT) != 0);
}

static void a_lazily_ended_interrupt_does_not_keep_a_halt(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	overlay_set(vp, &vp->assist, 0x5001);
	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	*(uint32_t *)vp->assist.frame = 0;
	vp_halt(vp);
	apic_raise(vp, 0x41, false);
	unit_expect_interrupt(vp, 0x41);
}

static void idle_ends_with_any_interrupt(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_tpr_set(vp, 0xff);
	vp_idle(vp);
	assert_false(fake_vp_enter(vp, false).runs);
	apic_raise(vp, 0x40, false);
	assert_true(fake_vp_enter(vp, false).runs);
	/* One that is pending already ends it before it begins. */
	vp_idle(vp);
	assert_true(vp_wake_up(vp, false));
	apic_tpr_set(vp, 0);
	unit_expect_interrupt(vp, 0x40);
	vp_idle(vp);
	vp_request(vp, VP_REQUEST_NMI);
	assert_true(fake_vp_enter(vp, false).nmi);
}

static void waking_and_running_are_different_things(void **state)
{
	struct fake *fake = *state;

	assert_true(vp_wake_up(fake_vp(fake, 0), false));
	assert_int_equal(fake_vp(fake, 0)->requests, 0);
	unit_apic_enable(fake_vp(fake, 1));
	apic_raise(fake_vp(fake, 1), 0x40, false);
	assert_false(vp_wake_up(fake_vp(fake, 1), true));
}

/* --- Run time ------------------------------------------------------------------------------------------------- */

static void sleep_is_not_run_time(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t start = vp_runtime_now(vp);

	unit_apic_enable(vp);
	fake_advance(fake, 1000);
	assert_int_equal(vp_runtime_now(vp) - start, 1000);
	vp_halt(vp);
	fake_advance(fake, 5000);
	assert_int_equal(vp_runtime_now(vp) - start, 1000);
	apic_raise(vp, 0x40, false);
	assert_true(fake_vp_enter(vp, true).runs);
	fake_advance(fake, 10);
	assert_int_equal(vp_runtime_now(vp) - start, 1010);
	vp_idle(vp);
	fake_advance(fake, 5000);
	assert_int_equal(vp_runtime_now(vp) - start, 1010);
	/* INIT in the middle of running keeps what was run; asleep it adds nothing. */
	assert_int_equal(vp_runtime_now(fake_vp(fake, 1)), 0);
	fake_vp(fake, 1)->sipi_vector = 1;
	vp_request(fake_vp(fake, 1), VP_REQUEST_SIPI);
	vp_handle_requests(fake_vp(fake, 1));
	fake_advance(fake, 300);
	vp_request(fake_vp(fake, 1), VP_REQUEST_INIT);
	vp_handle_requests(fake_vp(fake, 1));
	fake_advance(fake, 300);
	vp_request(fake_vp(fake, 1), VP_REQUEST_INIT);
	vp_handle_requests(fake_vp(fake, 1));
	assert_int_equal(vp_runtime_now(fake_vp(fake, 1)), 300);
}

/* --- Deadlines ------------------------------------------------------------------------------------------------ */

static void the_machine_hears_of_changes_only(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	fake_records_clear(fake);
	vp_deadline_update(vp);
	assert_int_equal(fake_total(fake), 0);
	assert_true(apic_msr_write(vp, 0x832, 0x40));
	assert_true(apic_msr_write(vp, 0x838, 100));
	assert_int_equal(fake_total(fake), 1);
	vp_deadline_update(vp);
	assert_int_equal(fake_total(fake), 1);
}

static void the_earlier_of_two_clocks_wins(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	assert_true(stimer_config_write(vp, 0, 0x1ed8));
	assert_true(stimer_count_write(vp, 0, 1000000));
	uint64_t late = vp->deadline;

	assert_true(late > fake->tsc && late != UINT64_MAX);
	assert_true(apic_msr_write(vp, 0x832, 0x40));
	assert_true(apic_msr_write(vp, 0x838, 100));
	assert_true(vp->deadline < late);
	fake_advance(fake, 2500);
	unit_expect_interrupt(vp, 0x40);
	assert_int_equal(vp->deadline, late);
}

static void an_early_clock_is_set_again(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	assert_true(apic_msr_write(vp, 0x832, 0x40));
	assert_true(apic_msr_write(vp, 0x838, 100));
	uint64_t deadline = vp->deadline;

	fake_records_clear(fake);
	vp_deadline_reached(vp);
	assert_int_equal(fake_count(fake, FAKE_DEADLINE_SET), 1);
	assert_int_equal(fake_last(fake, FAKE_DEADLINE_SET)->a, deadline);
	assert_false(apic_pending(vp));
}

/* --- Threads -------------------------------------------------------------------------------------------------- */

/* Two VPs play ping-pong with the same vector: a lost interrupt would stop the game. The receiver accepts late, as a
 * guest does that takes an offered vector without an exit and sends its answer before the core hears of it. */
#define ROUNDS 20000
#define PATIENCE 20000000u

struct player {
	struct vp *self, *other;
	unsigned rounds;
};

static void *play(void *argument)
{
	struct player *player = argument;

	for (unsigned idle = 0; player->rounds < ROUNDS && idle < PATIENCE; idle++) {
		vp_handle_requests(player->self);
		struct apic_event event = apic_evaluate(player->self);

		if (event.verdict != APIC_DELIVER) {
			sched_yield();
			continue;
		}
		player->rounds++;
		idle = 0;
		apic_raise(player->other, event.vector, false);
		apic_accept(player->self, event);
		apic_eoi(player->self);
	}
	return NULL;
}

static void no_interrupt_is_lost_between_threads(void **state)
{
	struct fake *fake = *state;
	struct player players[2] = {
		{.self = fake_vp(fake, 0), .other = fake_vp(fake, 1)},
		{.self = fake_vp(fake, 1), .other = fake_vp(fake, 0)},
	};
	pthread_t threads[2];

	for (unsigned i = 0; i < 2; i++) {
		unit_apic_enable(players[i].self);
	}
	apic_raise(players[0].self, 0x40, false);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, play, &players[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(players[0].rounds, ROUNDS);
	assert_int_equal(players[1].rounds, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(vp_0_runs_and_the_others_wait),
		unit_test_four(a_request_kicks_once_until_it_is_handled),
		unit_test_one(requests_of_the_machine_are_left_alone),
		unit_test_four(init_then_startup_starts),
		unit_test_four(the_boot_processor_runs_on_after_init),
		unit_test_four(an_nmi_needs_a_started_vp),
		unit_test_one(a_requested_deadline_is_handled),
		unit_test_one(halt_ends_with_an_interrupt_that_can_be_taken),
		unit_test_one(halt_ends_with_an_nmi),
		unit_test_one(halt_ends_with_a_legacy_interrupt),
		unit_test_one(halt_ends_with_init),
		unit_test_one(an_interrupt_offered_before_halt_wakes),
		unit_test_one(a_lazily_ended_interrupt_does_not_keep_a_halt),
		unit_test_one(idle_ends_with_any_interrupt),
		unit_test_four(waking_and_running_are_different_things),
		unit_test_four(sleep_is_not_run_time),
		unit_test_one(the_machine_hears_of_changes_only),
		unit_test_one(the_earlier_of_two_clocks_wins),
		unit_test_one(an_early_clock_is_set_again),
		unit_test_four(no_interrupt_is_lost_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
