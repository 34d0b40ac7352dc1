/* SPDX-License-Identifier: MIT */
/*
 * Starting, stopping and restarting processors with INIT and start-up IPIs.
 *
 * Checked: all processors that the firmware lists come up; each has its own APIC id; each wakes in real mode at the
 * page that the start-up IPI names, with CR4 and EFER clear and its signature in EDX; a start-up IPI to a running
 * processor is ignored; INIT stops one until the next start-up IPI, any number of times, also one that sleeps in HLT, with
 * interrupts off or on, and no interrupt that waited survives it; INIT does not start anything by itself; the boot
 * processor is never disturbed.
 *
 * Says who: Intel SDM volume 3, "Multiple-processor initialization" and "Processor state after INIT".
 *
 * Run: --smp 1
 * Run: --smp 2
 * Run: --smp 4
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define OTHER_PAGE 0x9000u
#define CR0_PE_PG 0x80000001u
#define VECTOR 0x71
#define NO_SUCH_MSR 0x12345678u
#define RESTARTS 10
#define VECTOR_GP_REAL 0x34u /* where real mode finds the address of its handler */
#define TRAP 0x7000u
#define JUMP_TO_ITSELF 0xFEEBu

static unsigned count;

static bool runs(unsigned cpu, uint64_t ms)
{
	uint32_t before = cpus[cpu].alive;
	return WAIT_FOR(cpus[cpu].alive != before, ms);
}

static void send(unsigned cpu, uint32_t command)
{
	apic_send(cpus[cpu].apic_id, command | ICR_ASSERT);
}

/* On an emulated machine the other processor's thread may need a while to notice. */
static bool stopped(unsigned cpu)
{
	send(cpu, ICR_INIT);
	return WAIT_FOR(!runs(cpu, 10), 2000);
}

static bool started(unsigned cpu, uint32_t page)
{
	smp_place_trampoline(page);
	smp_next_index(cpu);
	cpus[cpu].work_done = 0;
	send(cpu, ICR_STARTUP | page >> 12);
	return runs(cpu, 5000);
}

static void test_ids(void)
{
	bool distinct = true;

	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < i; j++) {
			distinct = distinct && cpus[i].apic_id != cpus[j].apic_id;
		}
	}
	check(distinct, "the %u APIC ids differ", count);
	check_equal(cpuid(1).ebx >> 24, cpus[0].apic_id, "this is still the boot processor");
	check_equal(smp_trampoline_cr0(TRAMPOLINE_PAGE) & CR0_PE_PG, 0, "the last one woke in real mode");
	check_equal(smp_trampoline_cs(TRAMPOLINE_PAGE) & 0xFFFF, TRAMPOLINE_PAGE >> 4,
		    "at the page of the start-up IPI");
}

static void test_running(unsigned cpu)
{
	uint32_t before = cpus[cpu].alive;

	smp_next_index(CPU_MAX); /* a processor that did start now would be parked */
	send(cpu, ICR_STARTUP | TRAMPOLINE_PAGE >> 12);
	delay(5);
	check(runs(cpu, 1000) && cpus[cpu].alive > before,
	      "processor %u ignores a start-up IPI while it runs", cpu);
}

static void test_restart(unsigned cpu)
{
	check(stopped(cpu), "INIT stops processor %u", cpu);
	delay(20);
	check(!runs(cpu, 5), "it stays stopped");
	send(cpu, ICR_INIT);
	delay(5);
	check(!runs(cpu, 5), "another INIT changes nothing");
	check(started(cpu, OTHER_PAGE), "a start-up IPI for another page starts it again");
	check_equal(smp_trampoline_cs(OTHER_PAGE) & 0xFFFF, OTHER_PAGE >> 4, "it woke there");
	check_equal(smp_trampoline_cr0(OTHER_PAGE) & CR0_PE_PG, 0, "in real mode");
	check_equal(smp_trampoline_cr4(OTHER_PAGE), 0, "CR4 is clear");
	check_equal(smp_trampoline_efer(OTHER_PAGE), 0, "EFER is clear");
	check_equal(smp_trampoline_edx(OTHER_PAGE), cpuid(1).eax, "EDX holds the processor's signature");
}

/* With interrupts off the interrupt has been accepted by the APIC, and waits. It also is on its way into the processor: a
 * hypervisor may have armed it. */
static void wait_with_interrupt(void *vector)
{
	interrupts_off();
	apic_send_self((uint8_t)(uint64_t)vector);
	cpuid(0);
	for (;;) {
		pause();
	}
}

/* The hypervisor answers each of these with an exception, which is still to be delivered when INIT comes. */
static void fault_for_ever(void *unused)
{
	(void)unused;
	interrupts_off();
	for (;;) {
		rdmsr_fault(NO_SUCH_MSR);
	}
}

static void test_faulting(unsigned cpu)
{
	unsigned good = 0;

	/* Should the exception come after the restart, in real mode, then it leads into an endless loop. */
	write32_safe(TRAP, JUMP_TO_ITSELF);
	write32_safe(VECTOR_GP_REAL, TRAP);
	for (unsigned i = 0; i < RESTARTS; i++) {
		smp_post(cpu, fault_for_ever, NULL);
		delay(5);
		send(cpu, ICR_INIT);
		delay(5);
		good += started(cpu, TRAMPOLINE_PAGE);
	}
	check_equal(good, RESTARTS, "a processor that takes exceptions all the time is restarted %u times",
		    RESTARTS);
}

static void test_pending(unsigned cpu)
{
	smp_post(cpu, wait_with_interrupt, (void *)(uint64_t)VECTOR);
	delay(20);
	cpus[cpu].irq_count[VECTOR] = 0;
	check(stopped(cpu) && started(cpu, TRAMPOLINE_PAGE),
	      "a processor with an interrupt waiting is restarted");
	delay(20);
	check_equal(cpus[cpu].irq_count[VECTOR], 0, "and the interrupt is forgotten");
}

static void test_again_and_again(unsigned cpu)
{
	unsigned good = 0;

	for (unsigned i = 0; i < 10; i++) {
		good += stopped(cpu) && started(cpu, TRAMPOLINE_PAGE);
	}
	check_equal(good, 10, "ten times more, processor %u", cpu);
}

static void sleep_for_ever(void *unused)
{
	(void)unused;
	for (;;) {
		__asm__ volatile("cli; hlt");
	}
}

static void spin_for_ever(void *unused)
{
	(void)unused;
	interrupts_off();
	for (;;) {
		pause();
	}
}

static void user_spin(void *unused)
{
	(void)unused;
	for (;;) {
		pause();
	}
}

static void spin_in_user_mode(void *unused)
{
	user_call(user_spin, unused);
}

static void test_from(unsigned cpu, void (*state)(void *), const char *what)
{
	smp_post(cpu, state, NULL);
	bool gone = WAIT_FOR(!runs(cpu, 10), 2000);
	bool init = stopped(cpu);
	check(gone && init && started(cpu, TRAMPOLINE_PAGE), "a processor that %s can be restarted", what);
}

static void count_work(void *counter)
{
	__atomic_fetch_add((uint32_t *)counter, 1, __ATOMIC_SEQ_CST);
}

static void test_work_afterwards(void)
{
	uint32_t counter = 0;

	for (unsigned i = 1; i < count; i++) {
		smp_run(i, count_work, &counter);
	}
	check_equal(counter, count - 1, "all processors work afterwards");
}

/* A level-triggered INIT de-assert is what old kernels send behind INIT: nothing may happen. */
static void test_deassert(unsigned cpu)
{
	apic_send(cpus[cpu].apic_id, ICR_INIT | ICR_LEVEL);
	delay(5);
	check(runs(cpu, 1000), "INIT de-assert does not stop processor %u", cpu);
}

void test_main(void)
{
	count = smp_start();
	check_equal(count, smp_listed(), "all %u listed processors come up", smp_listed());
	if (count < 2) {
		return;
	}
	test_ids();
	for (unsigned cpu = 1; cpu < count; cpu++) {
		test_running(cpu);
		test_restart(cpu);
	}
	test_deassert(1);
	test_again_and_again(count - 1);
	test_from(1, sleep_for_ever, "sleeps in HLT with interrupts off");
	test_from(1, spin_for_ever, "spins with interrupts off");
	test_from(1, spin_in_user_mode, "runs at CPL 3");
	test_pending(1);
	test_faulting(1);
	test_work_afterwards();
}
