/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The protocol between LPs, x86/vm/run.h and run.c as they are, in every order of their accesses to memory.
 *
 * The LPs of the model have a TLB that is as old as the last flush at entry, and a kick takes them out of the guest
 * before the next instruction. What must hold:
 *	when run_flush has returned, no VP that it named executes an instruction on a translation from before;
 *	a VP that is asked for something looks at it, whether it runs, enters, leaves or falls asleep meanwhile;
 *	nobody waits for ever, also when two wait for each other.
 * The tests themselves are tested: with a kick that is lost, or a flush that is not waited for, they must fail.
 */
#include "x86/vm/run.h"

#include "test/model/model.h"
#include "lib/vpset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define VPS 3

static struct partition partition;
static struct vp *vps[VPS];
static struct x86_vp x86[VPS];
static struct lp lps[VPS];
static _Atomic uint32_t kicked[VPS]; /* a kick has arrived, and nobody has taken it yet */
static bool lose_kicks;		     /* to see the tests fail */
static unsigned table;		     /* how often the guest has changed its page tables */
static unsigned tlb[VPS];
static bool flush_at_entry[VPS];
static unsigned promised[VPS]; /* an older translation may not be used */
static bool halted[VPS];
static unsigned looked[VPS]; /* how often requests of the core were answered */

/* --- What run.c needs ------------------------------------------------------------------------------------------- */

struct lp *model_lp_this(void)
{
	return &lps[model_self()];
}

/* A kick is under way for a while, as a store is. */
void local_apic_send(uint32_t apic_id, uint32_t command)
{
	assert_int_equal(command, LOCAL_APIC_KICK);
	if (!lose_kicks) {
		model_store(&kicked[apic_id], 1, false);
	}
}

void local_apic_write(enum local_apic_register name, uint32_t value)
{
	(void)name;
	(void)value;
}

void interrupt_sleep(void)
{
	model_wait(&kicked[model_self()]);
	kicked[model_self()] = 0;
}

static void flush(struct x86_vp *vp)
{
	flush_at_entry[vp->vp.index] = true;
}

static const struct backend model_backend = {.flush = flush};
const struct backend *backend = &model_backend;

void vp_handle_requests(struct vp *vp)
{
	if ((atomic_fetch_and(&vp->requests, ~VP_REQUEST_INTERRUPT) & VP_REQUEST_INTERRUPT) != 0) {
		looked[vp->index]++;
		halted[vp->index] = false;
	}
}

bool vp_wake_up(struct vp *vp, bool interrupts_enabled)
{
	(void)interrupts_enabled;
	return !halted[vp->index];
}

/* --- An LP ------------------------------------------------------------------------------------------------------ */

/* From VMRUN to the exit: at most `count` instructions, none once a kick waits. */
static void guest(unsigned self, unsigned count)
{
	if (flush_at_entry[self]) {
		flush_at_entry[self] = false;
		tlb[self] = table;
	}
	for (unsigned i = 0; i < count && kicked[self] == 0; i++) {
		model_require(tlb[self] >= promised[self], "an instruction ran on an old translation");
		model_point();
	}
	kicked[self] = 0;
}

/* As svm_prepare does it. */
static void enter(struct x86_vp *vp)
{
	while (run_enter(vp)) {
		run_handle_requests(vp, true);
	}
}

static void run(unsigned rounds)
{
	unsigned self = model_self();

	for (unsigned i = 0; i < rounds; i++) {
		enter(&x86[self]);
		guest(self, 2);
		run_leave(&x86[self]);
	}
}

/* One instruction apart from the others, as x86/svm/npiep.c does it. */
static void run_briefly(void)
{
	struct x86_vp *vp = &x86[model_self()];

	if (!run_enter_briefly(vp)) {
		guest(model_self(), 1);
		run_leave(vp);
	}
	run(1);
}

static void flush_others(uint32_t first, uint32_t last)
{
	struct vpset targets;

	vpset_init(&targets, VPS);
	for (uint32_t i = first; i <= last; i++) {
		vpset_add(&targets, i);
	}
	model_point();
	unsigned now = ++table;

	run_flush(&x86[model_self()], &targets);
	for (uint32_t i = first; i <= last; i++) {
		promised[i] = now > promised[i] ? now : promised[i];
	}
}

/* As vp_request does it. */
static void ask(unsigned target)
{
	if ((atomic_fetch_or(&x86[target].vp.requests, VP_REQUEST_INTERRUPT) & VP_REQUEST_INTERRUPT) == 0) {
		run_kick(&x86[target]);
	}
}

static void begin(void)
{
	memset(x86, 0, sizeof(x86));
	for (unsigned i = 0; i < VPS; i++) {
		lps[i] = (struct lp){.index = i, .apic_id = i, .vp = &x86[i]};
		x86[i].lp = &lps[i];
		x86[i].vp.index = i;
		x86[i].vp.partition = &partition;
		vps[i] = &x86[i].vp;
		kicked[i] = 0;
		tlb[i] = 0;
		promised[i] = 0;
		flush_at_entry[i] = false;
		halted[i] = false;
		looked[i] = 0;
	}
	partition.vp = vps;
	partition.vp_count = VPS;
	table = 0;
}

/* --- What the tasks do ------------------------------------------------------------------------------------------ */

static void nothing(void)
{
}

static void run_once(void)
{
	run(1);
}

static void run_twice(void)
{
	run(2);
}

static void flush_one(void)
{
	flush_others(1, 1);
}

static void flush_two(void)
{
	flush_others(1, 2);
}

static void run_and_flush(void)
{
	run(1);
	flush_others(1 - model_self(), 1 - model_self());
	run(1);
}

static void halt_and_run(void)
{
	halted[1] = true;
	atomic_fetch_or(&x86[1].vp.requests, 0x80000000u & VP_REQUEST_INTERRUPT);
	run_handle_requests(&x86[1], true);
	run(1);
}

static void ask_one(void)
{
	ask(1);
}

static void ask_and_flush(void)
{
	ask(1);
	flush_others(1, 1);
}

/* In the guest for as long as nobody kicks: the request must take it out. */
static void run_until_kicked(void)
{
	enter(&x86[1]);
	if (looked[1] == 0 && !flush_at_entry[1]) {
		model_wait(&kicked[1]);
	}
	guest(1, 1);
	run_leave(&x86[1]);
	enter(&x86[1]);
	run_leave(&x86[1]);
}

static void was_answered(void)
{
	model_require(looked[1] == 1, "the request was not answered");
}

/* --- Tests ------------------------------------------------------------------------------------------------------ */

static struct model_result check(const struct model_plan *plan)
{
	struct model_result result = model_check(plan);

	print_message("%lu orders%s%s\n", result.orders, result.wrong != NULL ? ": " : "",
		      result.wrong != NULL ? result.wrong : "");
	return result;
}

static void good(const struct model_plan *plan)
{
	struct model_result result = check(plan);

	assert_null(result.wrong);
	assert_true(result.orders > 10);
}

static const struct model_plan plan_flush = {2, 4, begin, {flush_one, run_twice}, nothing};
static const struct model_plan plan_flush_brief = {2, 4, begin, {flush_one, run_briefly}, nothing};
static const struct model_plan plan_flush_two = {3, 1, begin, {flush_two, run_once, run_once}, nothing};
static const struct model_plan plan_each_other = {2, 2, begin, {run_and_flush, run_and_flush}, nothing};
static const struct model_plan plan_wake = {2, 8, begin, {ask_one, halt_and_run}, was_answered};
static const struct model_plan plan_wake_and_flush = {
	2, 4, begin, {ask_and_flush, halt_and_run}, was_answered};
static const struct model_plan plan_both = {3, 2, begin, {ask_one, halt_and_run, flush_one}, was_answered};
static const struct model_plan plan_flush_kick = {2, 4, begin, {flush_one, run_until_kicked}, nothing};
static const struct model_plan plan_kick = {2, 8, begin, {ask_one, run_until_kicked}, was_answered};

static void a_flush_is_over_when_it_returns(void **state)
{
	(void)state;
	good(&plan_flush);
}

static void a_flush_of_two_is_over_when_it_returns(void **state)
{
	(void)state;
	good(&plan_flush_two);
}

static void a_brief_entry_does_not_miss_a_flush(void **state)
{
	(void)state;
	good(&plan_flush_brief);
}

static void two_may_flush_each_other(void **state)
{
	(void)state;
	good(&plan_each_other);
}

static void a_sleeper_is_woken(void **state)
{
	(void)state;
	good(&plan_wake);
}

static void a_sleeper_is_woken_and_flushed(void **state)
{
	(void)state;
	good(&plan_wake_and_flush);
	good(&plan_both);
}

static void a_request_takes_a_vp_out_of_the_guest(void **state)
{
	(void)state;
	good(&plan_kick);
	good(&plan_flush_kick);
}

static void lost_kicks_are_seen(void **state)
{
	(void)state;
	lose_kicks = true;
	assert_string_equal(check(&plan_wake).wrong, "nobody can go on");
	assert_string_equal(check(&plan_kick).wrong, "nobody can go on");
	lose_kicks = false;
}

/* The store of one LP and the look of the other cross, when nothing orders them. */
static _Atomic uint32_t left, right;
static unsigned saw_nothing;
static bool ordered;

static void crossing_begin(void)
{
	left = 0;
	right = 0;
	saw_nothing = 0;
}

static void crossing_left(void)
{
	model_store(&left, 1, ordered);
	saw_nothing += model_load(&right) == 0;
}

static void crossing_right(void)
{
	model_store(&right, 1, ordered);
	saw_nothing += model_load(&left) == 0;
}

static void crossing_end(void)
{
	model_require(saw_nothing < 2, "neither saw the other");
}

static void missing_barriers_are_seen(void **state)
{
	static const struct model_plan crossing = {
		2, 100, crossing_begin, {crossing_left, crossing_right}, crossing_end};

	(void)state;
	ordered = false;
	assert_string_equal(check(&crossing).wrong, "neither saw the other");
	ordered = true;
	assert_null(check(&crossing).wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flush_is_over_when_it_returns),
		cmocka_unit_test(a_flush_of_two_is_over_when_it_returns),
		cmocka_unit_test(a_brief_entry_does_not_miss_a_flush),
		cmocka_unit_test(two_may_flush_each_other),
		cmocka_unit_test(a_sleeper_is_woken),
		cmocka_unit_test(a_sleeper_is_woken_and_flushed),
		cmocka_unit_test(a_request_takes_a_vp_out_of_the_guest),
		cmocka_unit_test(lost_kicks_are_seen),
		cmocka_unit_test(missing_barriers_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
