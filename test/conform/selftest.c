/* SPDX-License-Identifier: MIT */
/*
 * The runner's own test: functions that go wrong in every way that it must survive. Each row's source is the verdict that
 * has to come of it; `run --selftest` compares.
 */
#include "suite.h"

#include "../guest/framework/cpu.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/smp.h"

#define UNMAPPED 0x7000000000ull

static void passes(void)
{
	expect(true, "nothing");
	expect_equal(2, 2, "two");
	expect_between(2, 1, 3, "two");
}

static void fails(void)
{
	expect(false, "never good");
	expect_equal(1, 2, "one");
	expect_between(4, 1, 3, "four");
}

static void undecides(void)
{
	expect(true, "nothing");
	observe("saw %u", 7);
	skip_requirement("not there");
}

static void fails_and_observes(void)
{
	observe("saw %u", 7);
	expect(false, "never good");
}

static void skips(void)
{
	expect(true, "nothing");
	skip_requirement("no such thing as %s", "this");
}

static void says_nothing(void)
{
}

static void faults(void)
{
	__asm__ volatile("ud2");
}

static void faults_in_memory(void)
{
	*(volatile uint32_t *)UNMAPPED = 0;
}

static void spin(void *unused)
{
	(void)unused;
	for (;;) {
		pause();
	}
}

static void hangs(void)
{
	expect(true, "nothing");
	spin(NULL);
}

static void hangs_halted(void)
{
	for (;;) {
		__asm__ volatile("cli; hlt");
	}
}

static void hangs_guarded(void)
{
	expect_equal(guarded_call(spin, NULL), NO_FAULT, "a guarded call within");
}

static void hangs_in_user_mode(void)
{
	expect_equal(user_call(spin, NULL), NO_FAULT, "a call of user code");
}

static void fault_there(void *unused)
{
	(void)unused;
	faults();
}

static void faults_elsewhere(void)
{
	smp_post(1, fault_there, NULL);
	expect(smp_wait(1, 200), "processor 1 finishes");
}

static void hangs_elsewhere(void)
{
	smp_post(1, spin, NULL);
	expect(smp_wait(1, 200), "processor 1 finishes");
}

static volatile unsigned came_there;

static void come_there(void *unused)
{
	(void)unused;
	came_there++;
}

static void others_answer_again(void)
{
	came_there = 0;
	smp_run(1, come_there, NULL);
	expect_equal(came_there, 1, "processor 1 does its work");
}

static void handle_forever(struct trap_frame *frame)
{
	(void)frame;
	spin(NULL);
}

static void hangs_in_handler(void)
{
	irq_set(0x40, handle_forever);
	__asm__ volatile("int $0x40");
}

static void handlers_are_gone(void)
{
	__asm__ volatile("int $0x40");
	expect_equal(this_cpu()->irq_count[0x40], 1, "the default handler counts");
}

#define SELFTEST(name, processors, verdict)                                                                  \
	{                                                                                                    \
		"selftest", #name, 0, processors, verdict, #name, name                                       \
	}
const struct requirement selftests[] = {
	SELFTEST(passes, 1, "pass"),
	SELFTEST(fails, 1, "fail"),
	SELFTEST(undecides, 1, "undecided"),
	SELFTEST(fails_and_observes, 1, "fail"),
	SELFTEST(skips, 1, "skip"),
	SELFTEST(says_nothing, 1, "fail"),
	SELFTEST(faults, 1, "fail"),
	SELFTEST(faults_in_memory, 1, "fail"),
	SELFTEST(hangs, 1, "fail"),
	SELFTEST(hangs_halted, 1, "fail"),
	SELFTEST(hangs_guarded, 1, "fail"),
	SELFTEST(hangs_in_user_mode, 1, "fail"),
	SELFTEST(hangs_in_handler, 1, "fail"),
	SELFTEST(handlers_are_gone, 1, "pass"),
	SELFTEST(faults_elsewhere, 2, "fail"),
	SELFTEST(hangs_elsewhere, 2, "fail"),
	SELFTEST(others_answer_again, 2, "pass"),
};
const unsigned selftest_count = sizeof(selftests) / sizeof(selftests[0]);
