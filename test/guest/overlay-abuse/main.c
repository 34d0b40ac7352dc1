/* SPDX-License-Identifier: MIT */
/*
 * Overlay pages put where they do not belong.
 *
 * Three MSRs lay pages of the hypervisor over the guest's memory: HYPERCALL, REFERENCE_TSC, VP_ASSIST_PAGE; and where
 * there are statistics pages, four more. Checked:
 * all of them at one address, in every order of coming and going; at each other's pages; over devices, the local APIC,
 * the I/O APIC, nothing, the top of the address space, the hypervisor's own memory, page tables and code in use;
 * two processors that rewrite the same MSR, and different ones, as fast as they can for a while. No crash, ever; and
 * afterwards the memory beneath is what it was.
 *
 * Says who: TLFS 2.0a, "GPA overlay pages": they may lie anywhere, overlap, and hide what is beneath; which of several
 * is seen is not said. CVE-2025-27466 and -58142, -58143 are what happens otherwise.
 *
 * Run: --smp 1
 * Run: --smp 2
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
#define MSR_STATS 0x400000E0u
#define SEED 41
#define PAGES 4
#define VECTOR 0x61

static const uint32_t msrs[] = {HV_MSR_HYPERCALL, HV_MSR_REFERENCE_TSC, HV_MSR_VP_ASSIST_PAGE, MSR_STATS,
				MSR_STATS + 1,	  MSR_STATS + 2,	MSR_STATS + 3};
static const char *const names[] = {"hypercall page",
				    "reference TSC page",
				    "VP assist page",
				    "partition's statistics page",
				    "partition's internal statistics page",
				    "processor's statistics page",
				    "processor's internal statistics page"};
#define WITHOUT_STATS 3
#define WITH_STATS 7

static unsigned msr_count = WITHOUT_STATS;

static uint8_t *pages[PAGES];

static void off(unsigned msr)
{
	wrmsr_safe(msrs[msr], 0);
}

static unsigned put(unsigned msr, uint64_t address)
{
	return wrmsr_safe(msrs[msr], address | HV_MSR_ENABLE);
}

static bool intact(void)
{
	for (unsigned i = 0; i < PAGES; i++) {
		if (!pattern_is(pages[i], SEED + i)) {
			return false;
		}
	}
	return true;
}

static bool alive(void)
{
	uint32_t before = this_cpu()->irq_count[VECTOR];

	interrupts_on();
	apic_send_self(VECTOR);
	bool came = WAIT_FOR(this_cpu()->irq_count[VECTOR] == before + 1, 1000);
	interrupts_off();
	return came && cpuid(HV_LEAF_INTERFACE).eax == 0x31237648;
}

/* All at one page; then away in the order `first`, the next, the one behind that. */
static void test_same_page(unsigned first)
{
	for (unsigned i = 0; i < msr_count; i++) {
		put(i, (uint64_t)pages[0]);
	}
	bool hidden = !pattern_is(pages[0], SEED);
	for (unsigned i = 0; i < msr_count; i++) {
		hidden = hidden && !pattern_is(pages[0], SEED);
		off((first + i) % msr_count);
	}
	check(hidden, "%u overlays at one page hide it until the last goes (first the %s)", msr_count,
	      names[first]);
	check(intact(), "then the memory is back");
}

static void test_chase(void)
{
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < msr_count; i++) {
			put(i, (uint64_t)pages[(round + i * round) % PAGES]);
		}
	}
	for (unsigned i = 0; i < msr_count; i++) {
		off(i);
	}
	check(intact(), "a hundred rounds of moving onto each other leave the memory intact");
	check(alive(), "and the machine alive");
}

struct place {
	uint64_t address;
	const char *what;
};

static const struct place places[] = {
	{0xFEE00000, "the local APIC"},
	{0xFEC00000, "the I/O APIC"},
	{0x000A0000, "video memory"},
	{0x000F0000, "the BIOS"},
	{0xFFFFF000, "the last page below 4 GiB"},
	{0xA0000000, "nothing"},
	{0x7F00000000, "nothing, far up"},
	{0xFFFFFF000, "the last page of 36 bits"},
	{0x8000000000000000, "an impossible address"},
	{0xFFFFFFFFFFFFF000, "the highest page number"},
	{0x00000000, "page 0"},
};

static void test_places(void)
{
	for (unsigned p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		uint32_t ignored;
		for (unsigned i = 0; i < msr_count; i++) {
			unsigned fault = put(i, places[p].address);
			if (fault == NO_FAULT && places[p].address < 0x200000000) {
				read32_safe(places[p].address, &ignored);
			}
			off(i);
		}
		check(alive(), "over %s: no harm", places[p].what);
	}
	check(intact(), "the memory is as it was");
}

/* The hypervisor's memory, if the memory map shows it: see the test hypervisor-memory. */
static void test_hypervisor_memory(void)
{
	struct memory_range range;

	for (unsigned index = 0; memory_range_get(index, &range); index++) {
		if (range.type == MEMORY_USABLE || range.start < 0x100000 || range.start > memory_top()) {
			continue;
		}
		for (unsigned i = 0; i < msr_count; i++) {
			uint32_t value = 0;
			put(i, range.start);
			read32_safe(range.start, &value);
			write32_safe(range.start, value);
			off(i);
			put(i, range.start + range.size - PAGE_SIZE);
			off(i);
		}
	}
	check(alive(), "over reserved memory: no harm");
}

/* A page table in use: hidden, the translations vanish or become nonsense, but only for this window. */
static void test_page_table(void)
{
	volatile uint64_t *table = page_alloc(1);
	volatile uint64_t *entry = window_directory_entry();
	uint64_t before = *entry;
	uint32_t value = 0;

	table[3] = (uint64_t)pages[1] | PTE_PRESENT | PTE_WRITABLE;
	*entry = (uint64_t)table | PTE_PRESENT | PTE_WRITABLE;
	write_cr3(read_cr3());
	check_equal(read32_safe(WINDOW + 3 * PAGE_SIZE, &value), NO_FAULT, "a page table works");
	for (unsigned i = 0; i < msr_count; i++) {
		put(i, (uint64_t)table);
		write_cr3(read_cr3());
		read32_safe(WINDOW + 3 * PAGE_SIZE, &value);
		off(i);
		write_cr3(read_cr3());
		check(read32_safe(WINDOW + 3 * PAGE_SIZE, &value) == NO_FAULT &&
			      value == *(uint32_t *)(uint64_t)pages[1],
		      "it works again after the %s lay over it", names[i]);
	}
	*entry = before;
	write_cr3(read_cr3());
}

/* --- several processors --- */

static volatile bool racing;

static void race_one(void *which)
{
	uint32_t msr = *(uint32_t *)which;
	unsigned turn = this_cpu()->index;

	while (racing) {
		turn++;
		wrmsr_safe(msr, (uint64_t)pages[turn % PAGES] | (turn >> 2 & 1));
	}
	wrmsr_safe(msr, 0);
}

static volatile uint64_t ignored_result;

/* Looks at the pages, and runs the hypercall page where it happens to be. */
static void race_user(void *unused)
{
	unsigned turn = 0;
	uint32_t value;

	(void)unused;
	while (racing) {
		read32_safe((uint64_t)pages[turn++ % PAGES] + 64, &value);
		write32_safe((uint64_t)pages[turn % PAGES] + 8, value);
		ignored_result += value;
	}
}

static void race(uint32_t first, uint32_t second, unsigned count, const char *what)
{
	static uint32_t which[CPU_MAX];

	racing = true;
	which[0] = first;
	for (unsigned i = 1; i < count; i++) {
		which[i] = second;
		smp_post(i, i == 3 ? race_user : race_one, &which[i]);
	}
	uint64_t end = rdtsc() + ms_to_tsc(1000);
	for (unsigned turn = 0; rdtsc() < end; turn++) {
		wrmsr_safe(first, (uint64_t)pages[turn % PAGES] | (turn >> 1 & 1));
	}
	racing = false;
	wrmsr_safe(first, 0);
	bool finished = true;
	for (unsigned i = 1; i < count; i++) {
		finished = finished && smp_wait(i, 5000);
	}
	wrmsr_safe(first, 0);
	check(finished && alive(), "%s: the machine lives", what);
}

static void test_races(void)
{
	unsigned count = smp_start();

	if (count < 2) {
		return;
	}
	race(HV_MSR_HYPERCALL, HV_MSR_HYPERCALL, count, "all processors rewrite HYPERCALL for a second");
	race(HV_MSR_REFERENCE_TSC, HV_MSR_REFERENCE_TSC, count, "all rewrite REFERENCE_TSC");
	race(HV_MSR_VP_ASSIST_PAGE, HV_MSR_VP_ASSIST_PAGE, count,
	     "each rewrites its VP_ASSIST_PAGE, at the same pages");
	race(HV_MSR_HYPERCALL, HV_MSR_REFERENCE_TSC, count,
	     "one HYPERCALL, others REFERENCE_TSC, at the same pages");
	if (msr_count == WITH_STATS) {
		race(MSR_STATS, MSR_STATS, count, "all rewrite STATS_PARTITION_RETAIL_PAGE");
		race(MSR_STATS + 2, MSR_STATS + 2, count, "each rewrites its STATS_VP_RETAIL_PAGE");
		race(MSR_STATS, MSR_STATS + 2, count,
		     "one STATS_PARTITION_RETAIL_PAGE, others STATS_VP_RETAIL_PAGE");
	}
	for (unsigned i = 0; i < PAGES; i++) {
		pattern_fill(pages[i], SEED + i);
	}
	check(intact(), "no overlay is left anywhere");
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	put(0, (uint64_t)pages[0]);
	check(!pattern_is(pages[0], SEED), "and a new one can be laid");
	off(0);
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_HYPERCALL_MSRS | HV_EAX_APIC_MSRS | HV_EAX_REFERENCE_TSC)) {
		skip("not all three advertised", "overlay pages");
		return;
	}
	msr_count = hv_has_eax(EAX_STATS) ? WITH_STATS : WITHOUT_STATS;
	for (unsigned i = 0; i < PAGES; i++) {
		pages[i] = page_alloc(1);
		pattern_fill(pages[i], SEED + i);
	}
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	for (unsigned first = 0; first < msr_count; first++) {
		test_same_page(first);
	}
	test_chase();
	test_places();
	test_hypervisor_memory();
	test_page_table();
	test_races();
}
