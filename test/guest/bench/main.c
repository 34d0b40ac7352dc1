/* SPDX-License-Identifier: MIT */
/*
 * Not a test: what some exits cost, in ticks of the TSC.
 *
 * Each operation runs 64 times between two RDTSC. Printed is `bench NAME VALUE`, the shortest time less that of the
 * empty pair, and behind it the median. With tools/run --icount a tick is one executed instruction, so the figures
 * count what the processor executed between the guest's instruction and the next one, the hypervisor's included.
 *
 * `cpuid` leaf 0x40000003; `vp_index` reads MSR 0x40000002; `eoi` writes MSR 0x40000070 with an interrupt in service;
 * `null_hypercall` is PerfNop (0x73), fast; `self_ipi` is call 0x0B, fast, until the handler runs, less what the same
 * handler takes to be reached by an INT instruction; `timer` is the gap that the expiry of a synthetic timer in direct mode
 * tears into a loop, until the handler runs, less the INT; `flush_page` is call 0x03 with one range, in memory, as Linux makes
 * it; `post_message` is call 0x5C with 240 bytes, `signal_event` 0x5D, both to a port of one's own and with the
 * interrupt that follows made pending; `ipi_other`, measured alone and with two processors, is call 0x0B to the other one, until the sender goes on.
 * `cr3`, a reload of CR3, should not exit at all: it shows what a figure without exit looks like.
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/print.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define ROUNDS 64
#define VECTOR 0x61
#define HV_STIMER_AUTO_ENABLE 0x8ull
#define HV_STIMER_DIRECT(vector) (1ull << 12 | (uint64_t)(vector) << 4)

static uint64_t samples[ROUNDS];
static uint64_t empty_pair;
static uint64_t *flush_input;
static volatile uint64_t handler_tsc;

/* No fence: under icount it would count, and elsewhere an exit is a fence by itself. */
static inline uint64_t tick(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return low | (uint64_t)high << 32;
}

static void do_nothing(void)
{
}

static void do_cpuid(void)
{
	cpuid(HV_LEAF_FEATURES);
}

static void do_vp_index(void)
{
	rdmsr(HV_MSR_VP_INDEX);
}

static void do_null_hypercall(void)
{
	hv_call(HV_CALL_PERF_NOP | HV_CONTROL_FAST, 0, 0);
}

static void do_flush_page(void)
{
	hv_call(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(1), (uint64_t)flush_input, 0);
}

static void do_cr3(void)
{
	write_cr3(read_cr3());
}

static void sort_samples(void)
{
	for (unsigned i = 1; i < ROUNDS; i++) {
		for (unsigned j = i; j > 0 && samples[j] < samples[j - 1]; j--) {
			uint64_t swapped = samples[j];
			samples[j] = samples[j - 1];
			samples[j - 1] = swapped;
		}
	}
}

static void report(const char *name, uint64_t baseline)
{
	sort_samples();
	uint64_t least = samples[0] > baseline ? samples[0] - baseline : 0;
	uint64_t median = samples[ROUNDS / 2] > baseline ? samples[ROUNDS / 2] - baseline : 0;
	print("bench %s %lu median %lu\n", name, least, median);
}

/* The compiler must not look into the operation, or the empty one would be shorter than an empty call. */
static void measure(void (*volatile operation)(void))
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = tick();
		operation();
		samples[i] = tick() - start;
	}
	sort_samples();
}

static void bench(const char *name, void (*operation)(void))
{
	measure(operation);
	report(name, empty_pair);
}

/* --- with an interrupt --- */

static volatile bool measure_eoi;

static void handle(struct trap_frame *frame)
{
	handler_tsc = tick();
	(void)frame;
	if (measure_eoi) {
		uint64_t start = tick();
		wrmsr(HV_MSR_EOI, 0);
		handler_tsc = tick() - start;
	} else if (apic_bit(APIC_ISR, VECTOR)) {
		apic_eoi();
	}
}

static void bench_eoi(void)
{
	uint64_t least_pair;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = tick();
		samples[i] = tick() - start;
	}
	sort_samples();
	least_pair = samples[0];
	measure_eoi = true;
	for (unsigned i = 0; i < ROUNDS; i++) {
		apic_send_self(VECTOR);
		samples[i] = handler_tsc;
	}
	measure_eoi = false;
	report("eoi", least_pair);
}

/* What it takes to reach the handler without any hypervisor. */
static uint64_t ticks_by_int(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = tick();
		__asm__ volatile("int %0" ::"i"(VECTOR) : "memory");
		samples[i] = handler_tsc - start;
	}
	sort_samples();
	return samples[0];
}

static void bench_timer(void)
{
	uint64_t by_int = ticks_by_int();

	wrmsr(HV_MSR_STIMER0_CONFIG, HV_STIMER_DIRECT(VECTOR) | HV_STIMER_AUTO_ENABLE);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t last = 0;
		handler_tsc = 0;
		wrmsr(HV_MSR_STIMER0_COUNT, hv_reference_time() + 500);
		while (handler_tsc == 0) {
			uint64_t now = tick();
			last = handler_tsc == 0 ? now : last;
		}
		samples[i] = handler_tsc - last;
	}
	wrmsr(HV_MSR_STIMER0_CONFIG, 0);
	report("timer", by_int);
}

static void bench_self_ipi(void)
{
	uint64_t by_int = ticks_by_int();
	uint64_t self = 1ull << rdmsr(HV_MSR_VP_INDEX);

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = tick();
		hv_call(HV_CALL_SEND_IPI | HV_CONTROL_FAST, VECTOR, self);
		samples[i] = handler_tsc - start;
	}
	report("self_ipi", by_int);
}

/* --- messages and events --- */

#define HV_EBX_PORTS (0xFu << 4) /* post, signal, create, connect */
#define HV_MSR_SCONTROL 0x40000080u
#define HV_MSR_SIEFP 0x40000082u
#define HV_MSR_SIMP 0x40000083u
#define HV_MSR_SINT2 0x40000092u
#define HV_CALL_CREATE_PORT 0x0057u
#define HV_CALL_CONNECT_PORT 0x0059u
#define HV_CALL_POST_MESSAGE 0x005Cu
#define HV_CALL_SIGNAL_EVENT 0x005Du
#define HV_SELF UINT64_MAX
#define PORT_MESSAGE 1
#define PORT_EVENT 2
#define BENCH_SINT 2

static uint64_t *message_input;
static volatile uint32_t *message_slot;
static volatile uint64_t *event_flags;

/* A port of the type, for VP 0 and the bench's SINT, and a connection with the same number. */
static bool make_port(uint64_t type, uint64_t info)
{
	const uint64_t port[6] = {HV_SELF, type, HV_SELF, type, BENCH_SINT, info};
	const uint64_t connection[5] = {HV_SELF, type, HV_SELF, type, 0};

	return hv_call_words(HV_CALL_CREATE_PORT, port, 6) == HV_SUCCESS &&
	       hv_call_words(HV_CALL_CONNECT_PORT, connection, 5) == HV_SUCCESS;
}

static void synic_on(void)
{
	message_slot = (volatile uint32_t *)((char *)page_alloc(1) + BENCH_SINT * 256);
	event_flags = (volatile uint64_t *)((char *)page_alloc(1) + BENCH_SINT * 256);
	wrmsr(HV_MSR_SIMP, ((uint64_t)message_slot & ~0xFFFull) | HV_MSR_ENABLE);
	wrmsr(HV_MSR_SIEFP, ((uint64_t)event_flags & ~0xFFFull) | HV_MSR_ENABLE);
	wrmsr(HV_MSR_SINT2, VECTOR);
	wrmsr(HV_MSR_SCONTROL, HV_MSR_ENABLE);
}

/* The interrupt stays pending behind IF, as it does in a kernel that posts with interrupts off. */
static void do_post_message(void)
{
	hv_call(HV_CALL_POST_MESSAGE, (uint64_t)message_input, 0);
}

static void do_signal_event(void)
{
	hv_call(HV_CALL_SIGNAL_EVENT | HV_CONTROL_FAST, PORT_EVENT, 0);
}

/* Before each one the slot is empty and no interrupt is pending. With the flags as they are given here an event has all
 * of its work to do, or finds that another has done it. */
static void bench_sending(const char *name, void (*volatile operation)(void), uint64_t flags)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		interrupts_on();
		*message_slot = 0;
		*event_flags = flags;
		interrupts_off();
		uint64_t start = tick();
		operation();
		samples[i] = tick() - start;
	}
	report(name, empty_pair);
}

static void bench_messages(void)
{
	if (!hv_has_eax(HV_EAX_SYNIC) || !hv_has_ebx(HV_EBX_PORTS)) {
		skip("no SynIC, or no ports of one's own", "messages and events");
		return;
	}
	synic_on();
	message_input = page_alloc(1);
	message_input[0] = PORT_MESSAGE;
	message_input[1] = 1 | 240ull << 32; /* type 1, all of the payload */
	check(make_port(PORT_MESSAGE, 0) && make_port(PORT_EVENT, 16ull << 16), "ports of one's own");
	bench_sending("post_message", do_post_message, 0);
	check(*message_slot == 1, "the last message is in its slot");
	bench_sending("signal_event_again", do_signal_event, 1);
	bench_sending("signal_event", do_signal_event, 0);
	check(*event_flags == 1, "the last event has set its flag");
}

/* --- with another processor --- */

static uint64_t other_vp;

static void tell_vp_index(void *index)
{
	*(uint64_t *)index = rdmsr(HV_MSR_VP_INDEX);
}

/* Each one is taken before the next is sent, so that none rides on the kick of the one before. */
static void bench_two_processors(void)
{
	bool taken = true;

	smp_run(1, tell_vp_index, &other_vp);
	for (unsigned i = 0; i < ROUNDS && taken; i++) {
		uint32_t before = cpus[1].irq_count[VECTOR];
		uint64_t start = tick();
		hv_call(HV_CALL_SEND_IPI | HV_CONTROL_FAST, VECTOR, 1ull << other_vp);
		samples[i] = tick() - start;
		taken = WAIT_FOR(cpus[1].irq_count[VECTOR] == before + 1, 1000);
	}
	report("ipi_other", empty_pair);
	check(taken, "the other processor took what was sent");
}

void test_main(void)
{
	measure(do_nothing);
	empty_pair = samples[0];
	print("# the empty pair takes %lu\n", empty_pair);
	if (!hv_enable_hypercalls()) {
		bench("cpuid", do_cpuid);
		bench("cr3", do_cr3);
		skip("no hypercalls", "hypercalls and synthetic MSRs");
		return;
	}
	if (smp_start() > 1) {
		bench_two_processors();
		return;
	}
	flush_input = page_alloc(1);
	flush_input[0] = read_cr3();
	flush_input[2] = 1ull << rdmsr(HV_MSR_VP_INDEX);
	flush_input[3] = 0x7654321000;
	bench("cr3", do_cr3);
	bench("cpuid", do_cpuid);
	bench("vp_index", do_vp_index);
	bench("null_hypercall", do_null_hypercall);
	bench("flush_page", do_flush_page);
	irq_set(VECTOR, handle);
	interrupts_on();
	bench_eoi();
	bench_self_ipi();
	bench_timer();
	interrupts_off();
	bench_messages();
	check(hv_call(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(1), (uint64_t)flush_input, 0) ==
		      HV_CONTROL_REPS(1),
	      "what was measured succeeds");
	check_equal(hv_call(HV_CALL_PERF_NOP | HV_CONTROL_FAST, 0, 0), HV_SUCCESS, "PerfNop, too");
}
