/* SPDX-License-Identifier: MIT */
/*
 * Statistics pages, MSRs 0x400000E0 to 0x400000E3.
 *
 * Checked: each is a list of groups as the specification has it; the partition's counts its processors; a processor's
 * tells its run time, which agrees with the MSR, and the hypervisor's part of it, which grows with exits and stays below
 * the whole; each processor has its own; sleep is in neither; they cannot be written; they move, overlap and go away as
 * other overlay pages do, at memory's end and beyond it too; what was counted is kept.
 *
 * Says who: TLFS 2.0a, "Statistics", and its appendix of counters. CHOICE of Verdigris: no group but the architectural
 * one, an empty list on the internal pages, #GP for a write.
 *
 * Covers: 0x400000E0, 0x400000E1, 0x400000E2, 0x400000E3, ACCESS_STATS_MSR, HV_STATS_PARTITION_VIRTUAL_PROCESSORS,
 *         HV_STATS_VP_TOTAL_RUN_TIME_100NS, HV_STATS_VP_HYPERVISOR_RUN_TIME_100NS,
 *         HV_X64_REGISTER_STATS_PARTITION_RETAIL, HV_X64_REGISTER_STATS_PARTITION_INTERNAL,
 *         HV_X64_REGISTER_STATS_VP_RETAIL, HV_X64_REGISTER_STATS_VP_INTERNAL
 *
 * Run: --smp 1
 * Run: --smp 4
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define EAX_STATS (1u << 8)
#define MSR_PARTITION 0x400000E0u
#define MSR_PARTITION_INTERNAL 0x400000E1u
#define MSR_VP 0x400000E2u
#define MSR_VP_INTERNAL 0x400000E3u
#define REG_STATS 0x00090020u
#define CALL_GET_VP_REGISTERS 0x0050u
#define CALL_SET_VP_REGISTERS 0x0051u
#define SELF ~0ull
#define VP_SELF 0xFFFFFFFEull

#define ARCHITECTURAL 2u
#define TOTAL 1
#define HYPERVISOR 2
#define SEED 77
#define VECTOR 0x61
#define SLEEP_TICKS 20000000u /* of the APIC timer: some milliseconds to some tens of them */

static volatile uint64_t *put(uint32_t msr, void *page)
{
	wrmsr(msr, (uint64_t)page | HV_MSR_ENABLE);
	return page;
}

/* The first word's group header: version 1.0. */
static bool is_group(uint64_t header, unsigned type, unsigned counters)
{
	return header == (type | 1ull << 32 | (uint64_t)(8 * counters) << 48);
}

static bool rest_is_zero(const volatile uint64_t *page, unsigned from)
{
	for (unsigned i = from; i < 512; i++) {
		if (page[i] != 0) {
			return false;
		}
	}
	return true;
}

static void test_partition(unsigned processors)
{
	volatile uint64_t *page = put(MSR_PARTITION, page_alloc(1));

	check(is_group(page[0], ARCHITECTURAL, 1),
	      "the partition's page begins with the architectural group");
	check_equal(page[1], processors, "which counts its processors");
	check(rest_is_zero(page, 2), "and ends the list");
	page = put(MSR_PARTITION_INTERNAL, page_alloc(1));
	check(rest_is_zero(page, 0), "the internal page has an empty list");
	page = put(MSR_VP_INTERNAL, page_alloc(1));
	check(rest_is_zero(page, 0), "and so has the processor's");
}

/* Between two readings of the MSR: the one before ended with an exit, whose end the page tells. */
static bool run_time_agrees(const volatile uint64_t *page)
{
	uint64_t before = rdmsr(HV_MSR_VP_RUNTIME), told = page[TOTAL];

	return told >= before && told <= rdmsr(HV_MSR_VP_RUNTIME);
}

static void test_vp(volatile uint64_t *page)
{
	bool agrees = true, forward = true, below = true;
	uint64_t total = 0, hypervisor = page[HYPERVISOR], first = hypervisor;

	check(is_group(page[0], ARCHITECTURAL, 2),
	      "the processor's page begins with the architectural group");
	check(rest_is_zero(page, 3), "and ends the list behind two counters");
	for (unsigned i = 0; i < 1000; i++) {
		agrees = run_time_agrees(page) && agrees;
		forward = forward && page[TOTAL] >= total && page[HYPERVISOR] >= hypervisor;
		total = page[TOTAL];
		hypervisor = page[HYPERVISOR];
		below = below && hypervisor <= total;
	}
	check(agrees, "its run time agrees with the MSR");
	check(forward, "both counters go forward");
	check(below, "the hypervisor's part is a part");
	check(hypervisor > first, "and grows with exits: %lu units in 2000 of them", hypervisor - first);
}

/* Without an exit, the page says what it said. */
static void test_busy(const volatile uint64_t *page)
{
	cpuid(0);
	uint64_t total = page[TOTAL], hypervisor = page[HYPERVISOR], start = rdtsc();
	while (rdtsc() - start < ms_to_tsc(20)) {
	}
	uint64_t ticks = rdtsc() - start;
	cpuid(0);
	check(page[TOTAL] - total > ticks * 10000 / tsc_per_ms / 2, "computing is in the run time");
	check(page[HYPERVISOR] - hypervisor < (page[TOTAL] - total) / 2, "and not in the hypervisor's part");
}

static void test_sleep(const volatile uint64_t *page)
{
	irq_forget();
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VECTOR);
	cpuid(0);
	uint64_t total = page[TOTAL], hypervisor = page[HYPERVISOR], start = rdtsc();
	apic_write(APIC_TIMER_INITIAL, SLEEP_TICKS);
	while (this_cpu()->irq_count[VECTOR] == 0) {
		halt_with_interrupts();
		interrupts_off();
	}
	uint64_t units = (rdtsc() - start) * 10000 / tsc_per_ms;
	note("%lu units asleep: run time %lu, hypervisor %lu", units, page[TOTAL] - total,
	     page[HYPERVISOR] - hypervisor);
	check(page[TOTAL] - total < units / 2, "sleep is not in the run time");
	check(page[HYPERVISOR] - hypervisor <= page[TOTAL] - total, "nor in the hypervisor's part");
}

static uint32_t *place_of_write;

static void write_word(void *unused)
{
	(void)unused;
	*(volatile uint32_t *)place_of_write = 1;
}

static void test_writes(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		place_of_write = page_alloc(1);
		put(MSR_PARTITION + i, place_of_write);
		check_equal(guarded_call(write_word, NULL), FAULT_GP, "page %u cannot be written", i);
	}
}

static void test_moves(void)
{
	uint8_t *pages = page_alloc(2), *other = pages + 4096;
	volatile uint64_t *words = (volatile uint64_t *)other;

	for (uint32_t i = 0; i < 4; i++) {
		pattern_fill(pages, SEED);
		pattern_fill(other, SEED + 1);
		put(MSR_PARTITION + i, pages);
		check(!pattern_is(pages, SEED), "page %u hides what lies beneath", i);
		wrmsr(MSR_PARTITION + i, (uint64_t)other | 0xFFF);
		check_equal(rdmsr(MSR_PARTITION + i), (uint64_t)other | 0xFFF, "its MSR keeps all bits");
		check(pattern_is(pages, SEED) && !pattern_is(other, SEED + 1), "it moves");
		wrmsr(MSR_PARTITION + i, 0);
		check(pattern_is(other, SEED + 1), "and goes");
		check_equal(wrmsr_safe(MSR_PARTITION + i, 1ull << 60 | HV_MSR_ENABLE), NO_FAULT,
			    "it may lie nowhere");
		wrmsr(MSR_PARTITION + i, 0);
	}
	put(MSR_VP, other);
	put(MSR_PARTITION, other);
	check(is_group(words[0], ARCHITECTURAL, 1), "of two at one place the partition's is seen");
	wrmsr(MSR_PARTITION, 0);
	check(is_group(words[0], ARCHITECTURAL, 2), "then the processor's");
	wrmsr(MSR_VP, 0);
}

/* Where memory ends, where there is none, and at the end of all addresses. What lies beneath may be a device or nothing, so
 * that only the first place is looked at again. */
static void test_places(void)
{
	const uint64_t places[] = {memory_top() - PAGE_SIZE, memory_top(), 0xA0000000,
				   (1ull << memory_width()) - PAGE_SIZE};
	volatile uint64_t *window = window_map_clean(0, places[0], PTE_PRESENT);
	uint64_t beneath = window[0];

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		wrmsr(MSR_PARTITION, places[i] | HV_MSR_ENABLE);
		window = window_map_clean(0, places[i], PTE_PRESENT);
		check(is_group(window[0], ARCHITECTURAL, 1), "a page is seen at 0x%lx", places[i]);
		wrmsr(MSR_PARTITION, 0);
		wrmsr(MSR_VP, places[i] | HV_MSR_ENABLE);
		check(is_group(window[0], ARCHITECTURAL, 2), "and the processor's");
		wrmsr(MSR_VP, 0);
	}
	window = window_map_clean(0, places[0], PTE_PRESENT);
	check_equal(window[0], beneath, "memory's last page is back");
}

/* The counter stands still while the page is away, and does not begin anew. */
static void test_kept(void)
{
	volatile uint64_t *page = put(MSR_VP, page_alloc(1));

	cpuid(0);
	uint64_t before = page[HYPERVISOR];
	wrmsr(MSR_VP, 0);
	page = put(MSR_VP, page_alloc(1));
	check(page[HYPERVISOR] >= before && before > 0, "what was counted is kept");
}

static void test_registers(void)
{
	uint64_t *input = page_alloc(1), *output = page_alloc(1);

	if (!hv_enable_hypercalls() || !hv_has_ebx(HV_EBX_VP_REGISTERS)) {
		return;
	}
	for (uint32_t i = 0; i < 4; i++) {
		wrmsr(MSR_PARTITION + i, (uint64_t)output & ~1ull);
		input[0] = SELF;
		input[1] = VP_SELF;
		input[2] = REG_STATS + i;
		uint64_t result =
			hv_call(CALL_GET_VP_REGISTERS | 1ull << 32, (uint64_t)input, (uint64_t)output);
		check(result == 1ull << 32 && output[0] == rdmsr(MSR_PARTITION + i), "register %u is the MSR",
		      i);
		memory_fill(output, 0xCC, PAGE_SIZE);
		input[3] = 0;
		input[4] = (uint64_t)output | HV_MSR_ENABLE;
		input[5] = 0;
		result = hv_call(CALL_SET_VP_REGISTERS | 1ull << 32, (uint64_t)input, 0);
		check(result == 1ull << 32 && rdmsr(MSR_PARTITION + i) == input[4] && output[511] == 0,
		      "and places the page");
		wrmsr(MSR_PARTITION + i, 0);
		check_equal(output[511], 0xCCCCCCCCCCCCCCCC, "over memory that is kept");
	}
}

static volatile uint64_t *pages_of[4];
static volatile bool right_of[4];

static void look_there(void *argument)
{
	unsigned index = (unsigned)(uintptr_t)argument;
	volatile uint64_t *page = put(MSR_VP, (void *)pages_of[index]);
	bool right = true;

	for (unsigned i = 0; i < 100; i++) {
		right = run_time_agrees(page) && right;
	}
	right_of[index] = right;
}

static void test_others(unsigned processors)
{
	for (unsigned i = 1; i < processors && i < 4; i++) {
		pages_of[i] = page_alloc(1);
		smp_run(i, look_there, (void *)(uintptr_t)i);
		check(right_of[i], "processor %u has a page of its own, with its own run time", i);
	}
	check(processors < 3 || pages_of[1][TOTAL] != pages_of[2][TOTAL], "and all are different");
}

void test_main(void)
{
	unsigned processors;

	if (!hv_has_eax(EAX_STATS)) {
		skip("not advertised", "statistics pages");
		check_equal(rdmsr_fault(MSR_VP), FAULT_GP, "the MSR faults");
		return;
	}
	for (uint32_t i = 0; i < 4; i++) {
		check_equal(rdmsr(MSR_PARTITION + i), 0, "page %u is off at first", i);
	}
	processors = smp_start();
	test_partition(processors);
	volatile uint64_t *page = put(MSR_VP, page_alloc(1));
	test_vp(page);
	test_busy(page);
	test_sleep(page);
	test_writes();
	test_moves();
	test_places();
	test_kept();
	test_registers();
	test_others(processors);
}
