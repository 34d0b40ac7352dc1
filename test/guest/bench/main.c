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
 * handler takes to be reached by an INT instruction; `flush_page` is call 0x03 with one range, in memory, as Linux makes
 * it. `cr3`, a reload of CR3, should not exit at all: it shows what a figure without exit looks like.
 */
#include "../framework/apic.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/print.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define ROUNDS 64
#define VECTOR 0x61

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

static void bench_self_ipi(void)
{
	uint64_t by_int;
	uint64_t self = 1ull << rdmsr(HV_MSR_VP_INDEX);

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = tick();
		__asm__ volatile("int %0" ::"i"(VECTOR) : "memory");
		samples[i] = handler_tsc - start;
	}
	sort_samples();
	by_int = samples[0];
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = tick();
		hv_call(HV_CALL_SEND_IPI | HV_CONTROL_FAST, VECTOR, self);
		samples[i] = handler_tsc - start;
	}
	report("self_ipi", by_int);
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
	interrupts_off();
	check(hv_call(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(1), (uint64_t)flush_input, 0) ==
		      HV_CONTROL_REPS(1),
	      "what was measured succeeds");
	check_equal(hv_call(HV_CALL_PERF_NOP | HV_CONTROL_FAST, 0, 0), HV_SUCCESS, "PerfNop, too");
}
