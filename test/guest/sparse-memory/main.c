/* SPDX-License-Identifier: MIT */
/*
 * Accesses all over the address space, while overlay pages come, move and go.
 *
 * A hypervisor needs memory for the tables that map the guest's memory and lay overlays over it, and a guest decides
 * how much. Checked: after each first touch of another GiB all overlays that were near each other can be moved apart,
 * where each needs tables of its own; they are seen there, with their contents, and the memory beneath is back. Done
 * for as many GiB as the address width has, without and with large pages of 1 GiB beneath.
 *
 * Says who: TLFS 2.0a, "GPA overlay pages": they may lie anywhere; nothing says that they may be refused.
 *
 * Run: --smp 1 --cpu max,+svm,-pdpe1gb
 * Run: --smp 1
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define GIB 0x40000000u
#define FIRST_GIB 9
#define LAST_GIB 400
#define SEED 77
#define OVERLAYS 3
#define FAR_FIRST 0x9600000000u /* 600 GiB */
#define FAR_STEP (3ull * GIB)

static const uint32_t msrs[OVERLAYS] = {HV_MSR_HYPERCALL, HV_MSR_REFERENCE_TSC, HV_MSR_VP_ASSIST_PAGE};

static uint8_t *near[OVERLAYS];
static uint32_t contents[OVERLAYS];
static unsigned refused, unseen, wrong, lost;

static uint64_t far(unsigned overlay)
{
	return FAR_FIRST + overlay * FAR_STEP;
}

static void put(unsigned overlay, uint64_t address)
{
	wrmsr(msrs[overlay], address | HV_MSR_ENABLE);
}

static void look(unsigned overlay, uint64_t address)
{
	uint32_t value = 0;

	window_map_clean(overlay, address, PTE_PRESENT);
	if (read32_safe(WINDOW + overlay * PAGE_SIZE, &value) != NO_FAULT) {
		unseen++;
	} else if (value != contents[overlay]) {
		wrong++;
	}
}

/* The last one stays, so that the tables which all of them share near each other stay, too. */
static void apart_and_together(void)
{
	for (unsigned i = 0; i < OVERLAYS - 1; i++) {
		put(i, far(i));
	}
	for (unsigned i = 0; i < OVERLAYS - 1; i++) {
		look(i, far(i));
		lost += !pattern_is(near[i], SEED + i);
	}
	for (unsigned i = 0; i < OVERLAYS - 1; i++) {
		put(i, (uint64_t)near[i]);
	}
	for (unsigned i = 0; i < OVERLAYS; i++) {
		look(i, (uint64_t)near[i]);
	}
}

static void touch(uint64_t address)
{
	uint32_t ignored;

	window_map_clean(OVERLAYS, address, PTE_PRESENT | PTE_UNCACHED);
	refused += read32_safe(WINDOW + OVERLAYS * PAGE_SIZE, &ignored) != NO_FAULT;
}

static void lay_first(void)
{
	for (unsigned i = 0; i < OVERLAYS; i++) {
		near[i] = page_alloc(1);
		pattern_fill(near[i], SEED + i);
	}
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	for (unsigned i = 0; i < OVERLAYS; i++) {
		put(i, (uint64_t)near[i]);
		contents[i] = *(volatile uint32_t *)near[i];
	}
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_HYPERCALL_MSRS | HV_EAX_APIC_MSRS | HV_EAX_REFERENCE_TSC)) {
		skip("not all three advertised", "overlay pages");
		return;
	}
	if (far(OVERLAYS) >> memory_width() != 0) {
		skip("too few address bits", "overlays far up");
		return;
	}
	lay_first();
	for (unsigned gib = FIRST_GIB; gib < LAST_GIB; gib++) {
		touch((uint64_t)gib * GIB);
		apart_and_together();
	}
	check_equal(refused, 0, "every GiB can be touched");
	check_equal(unseen, 0, "every overlay can be seen where it was put, whatever was touched before");
	check_equal(wrong, 0, "each shows its own contents");
	check_equal(lost, 0, "what lies beneath reappears");
	for (unsigned i = 0; i < OVERLAYS; i++) {
		wrmsr(msrs[i], 0);
		check(pattern_is(near[i], SEED + i), "overlay %u off: the memory is back", i);
	}
}
