/* SPDX-License-Identifier: MIT */
/* From the first CPUID to the choice of enlightenments, then the other processors; see steps.h. */
#include "steps.h"

#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/tap.h"

/* CHOICE of that system: preferably outside RAM. Our machines have no memory there. */
#define PAGE_OUTSIDE 0x30000000u
#define PARENT_PRIVILEGES 0x0000314Fu /* EBX 0-3, 6, 8, 12, 13: clear for a guest */
#define SPIN_NEVER 0xFFFFFFFFu
#define UNKNOWN_CALL 0x3FFFu
#define BYTES_OF_PAGE 4096u

struct ws ws;
static uint8_t page_bytes[BYTES_OF_PAGE];

static bool zero(const struct cpuid *leaf)
{
	return (leaf->eax | leaf->ebx | leaf->ecx | leaf->edx) == 0;
}

uint64_t ws_call_words(uint64_t control, const uint64_t *words, unsigned count)
{
	static uint64_t *input;

	if (input == NULL) {
		input = page_alloc(1);
	}
	for (unsigned i = 0; i < count; i++) {
		((volatile uint64_t *)input)[i] = words[i];
	}
	return ws_call(control, (uintptr_t)input, 0);
}

/* --- 1: is there a hypervisor, and which? --- */

void steps_detect(void)
{
	struct cpuid version = cpuid(HV_LEAF_VERSION);
	uint64_t id = rdmsr(HV_MSR_GUEST_OS_ID);

	check(cpuid(HV_LEAF_RANGE).eax >= 0x40000005,
	      "leaf 0x40000000 names a last leaf of at least 0x40000005");
	check_equal(cpuid(HV_LEAF_INTERFACE).eax, 0x31237648, "leaf 0x40000001 says Hv#1");
	check_equal(id, 0, "nobody has said yet who they are");
	check(zero(&version), "and so the version is zero");
	check_equal(wrmsr_safe(HV_MSR_HYPERCALL, PAGE_OUTSIDE | HV_MSR_ENABLE), NO_FAULT,
		    "enabling the hypercall page is ignored before that");
	check_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 0, "it is still disabled");
	wrmsr(HV_MSR_GUEST_OS_ID, WS_GUEST_ID);
	check_equal(rdmsr(HV_MSR_GUEST_OS_ID), WS_GUEST_ID, "the guest id is kept");
	version = cpuid(HV_LEAF_VERSION);
	check(!zero(&version), "now the hypervisor says its version: %u.%u, build %u", version.ebx >> 16,
	      version.ebx & 0xFFFF, version.eax);
	ws.exact = version.ebx == 0x00060000;
}

/* --- 2: the hypercall page --- */

static void remember_page(void)
{
	for (unsigned i = 0; i < BYTES_OF_PAGE; i++) {
		page_bytes[i] = ws.page[i];
	}
}

static bool page_is_as_it_was(void)
{
	for (unsigned i = 0; i < BYTES_OF_PAGE; i++) {
		if (page_bytes[i] != ws.page[i]) {
			return false;
		}
	}
	return true;
}

void steps_hypercall_page(void)
{
	uint64_t beyond = 1ull << memory_width() | HV_MSR_ENABLE;

	check_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 0, "nobody has a hypercall page yet");
	check_equal(wrmsr_safe(HV_MSR_HYPERCALL, beyond), FAULT_GP,
		    "a page beyond the address space raises #GP");
	wrmsr(HV_MSR_HYPERCALL, PAGE_OUTSIDE | HV_MSR_ENABLE);
	check_equal(rdmsr(HV_MSR_HYPERCALL), PAGE_OUTSIDE | HV_MSR_ENABLE, "it is enabled, outside of RAM");
	ws.page = (volatile uint8_t *)PAGE_OUTSIDE;
	remember_page();
	check_equal(ws_call(UNKNOWN_CALL, 0, 0), HV_INVALID_CODE,
		    "it can be called: an unknown code is status 2");
	check_equal(write32_safe(PAGE_OUTSIDE, 0), FAULT_GP, "writing to it raises #GP");
	check_equal(write32_safe(PAGE_OUTSIDE + 0xFFC, 0), FAULT_GP, "to its last word, too");
	check(page_is_as_it_was(), "and changes nothing");
	/* A part of the system that starts later finds the page and uses it. */
	check_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, HV_MSR_ENABLE,
		    "who looks again finds it enabled");
}

/* --- 3: what to use? --- */

static void check_leaf(uint32_t number, uint32_t eax, uint32_t ebx)
{
	struct cpuid leaf = cpuid(number);

	check(leaf.eax == eax && leaf.ebx == ebx && leaf.ecx == 0 && leaf.edx == 0,
	      "leaf 0x%x is what a 2008 guest expects (%x %x %x %x)", number, leaf.eax, leaf.ebx, leaf.ecx,
	      leaf.edx);
}

static void check_exact(void)
{
	check_equal(cpuid(HV_LEAF_RANGE).eax, 0x40000005, "the last leaf is that of the first version");
	check_equal(ws.features.eax & ~0xFFu, 0, "EAX has no privilege that came after the first version");
	check_equal(ws.features.eax & 0xFB, 0xFB, "and those of the first version");
	check(ws.features.ebx == 0 && ws.features.ecx == 0 && ws.features.edx == 0,
	      "nothing else is offered");
	check_leaf(HV_LEAF_HINTS, 0x3C, 4095);
	check_leaf(HV_LEAF_LIMITS, 64, 0);
	check_leaf(HV_LEAF_HARDWARE, 0, 0);
	check_leaf(0x40000007, 0, 0);
	check_equal(cpuid(0).eax <= 6, true, "the processor's leaves end at 6");
	check_equal(cpuid(1).ecx & (1u << 21 | 1u << 24 | 1u << 26 | 1u << 28), 0,
		    "there is no x2APIC, TSC deadline, XSAVE, AVX");
	check_equal(cpuid(0x80000001).edx & (1u << 26 | 1u << 27), 0, "nor 1 GiB pages nor RDTSCP");
	check_equal(rdmsr(MSR_APIC_BASE) & 0xC00, 0x800, "the local APIC is in xAPIC mode");
	check_equal(wrmsr_safe(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 0x400), FAULT_GP, "and has no other");
}

static void check_not_offered(void)
{
	static const uint32_t later[] = {0x40000021, 0x40000022, 0x40000023, 0x40000040,
					 0x400000F0, 0x400000F1, 0x40000100, 0x40000105,
					 0x40000106, 0x40000114, 0x40000118};
	bool good = true;

	for (unsigned i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		good &= rdmsr_fault(later[i]) == FAULT_GP && wrmsr_safe(later[i], 0) == FAULT_GP;
	}
	check(good, "the registers of later versions raise #GP");
}

void steps_choose(void)
{
	ws.features = cpuid(HV_LEAF_FEATURES);
	ws.hints = cpuid(HV_LEAF_HINTS);
	check_equal(ws.features.eax & 0x70, 0x70, "hypercalls, VP index and APIC registers are there");
	check_equal(ws.features.ebx & PARENT_PRIVILEGES, 0, "no privilege is, that only a parent has");
	check_equal(ws.hints.eax & 0x3, 0, "with nested paging no call for one's own TLB is recommended");
	check((ws.hints.eax & 1u << 4) == 0 || (ws.features.eax & HV_EAX_RESET) != 0,
	      "reset is recommended only where there is the register");
	check((ws.hints.eax & 1u << 5) != 0,
	      "relaxed timing: the watchdogs of clock and DPCs can be switched off");
	note("spin count %u, %u processors at most", ws.hints.ebx, cpuid(HV_LEAF_LIMITS).eax);
	if (ws.exact) {
		check_exact();
		check_not_offered();
	}
}

/* --- 4: the other processors --- */

static void introduce_oneself(void *argument)
{
	uint32_t *index = argument;
	struct cpuid hints = cpuid(HV_LEAF_HINTS);
	struct cpuid features = cpuid(HV_LEAF_FEATURES);

	*index = (uint32_t)rdmsr(HV_MSR_VP_INDEX);
	if (hints.eax != ws.hints.eax || hints.ebx != ws.hints.ebx || features.eax != ws.features.eax ||
	    features.ebx != ws.features.ebx) {
		*index = ~0u;
	}
}

void steps_processors(void)
{
	uint64_t seen = 0;
	unsigned different = 0;

	ws.count = smp_start();
	check_equal(ws.count, smp_listed(), "all processors start (%u)", ws.count);
	introduce_oneself(&ws.vp_index[0]);
	for (unsigned i = 1; i < ws.count; i++) {
		smp_run(i, introduce_oneself, &ws.vp_index[i]);
	}
	for (unsigned i = 0; i < ws.count; i++) {
		check(ws.vp_index[i] < 64, "processor %u has the same leaves and VP index %u", i,
		      ws.vp_index[i]);
		different += (seen >> (ws.vp_index[i] & 63) & 1) == 0;
		seen |= 1ull << (ws.vp_index[i] & 63);
	}
	check_equal(different, ws.count, "and each its own");
	ws.self = 1ull << (ws.vp_index[0] & 63);
}

/* --- last: the page again, and reset --- */

void steps_page_again(void)
{
	uint32_t *ram = page_alloc(1);
	uint64_t address = (uintptr_t)ram;

	check(page_is_as_it_was(), "the hypercall page has the same bytes as at first");
	*(volatile uint32_t *)ram = 0x2008;
	wrmsr(HV_MSR_HYPERCALL, address | HV_MSR_ENABLE);
	ws.page = (volatile uint8_t *)ram;
	check(page_is_as_it_was(), "moved over RAM it has them too");
	check_equal(ws_call(UNKNOWN_CALL, 0, 0), HV_INVALID_CODE, "and can be called there");
	wrmsr(HV_MSR_HYPERCALL, address);
	check_equal(*(volatile uint32_t *)ram, 0x2008, "disabled, it leaves the page as it was before");
	wrmsr(HV_MSR_HYPERCALL, address | HV_MSR_ENABLE);
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	check_equal(rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE, 0, "without a guest id it is disabled, too");
	check_equal(*(volatile uint32_t *)ram, 0x2008, "and gone");
}

void steps_reset(void)
{
	if ((ws.hints.eax & 1u << 4) == 0) {
		skip("not recommended", "reset");
		return;
	}
	check_equal(rdmsr(HV_MSR_RESET), 0, "the reset register reads 0");
	note("from here on: reset");
	wrmsr(HV_MSR_RESET, 1);
	check(false, "the machine is reset");
}

bool ws_steps(void)
{
	if (!hv_present()) {
		skip("no Hv#1 interface", "what Windows Server 2008 does");
		return false;
	}
	steps_detect();
	steps_hypercall_page();
	steps_choose();
	steps_processors();
	steps_apic();
	steps_calls();
	steps_flush();
	return true;
}
