/* SPDX-License-Identifier: MIT */
/*
 * Addresses by hypercall: what the hypervisor finds in our page tables. See main.c.
 *
 * Says who: TLFS 6.0b, HvCallTranslateVirtualAddress. CHOICE of Verdigris: places that are neither RAM nor an overlay are
 * unmapped, although this guest has devices there.
 */
#include "names.h"

#include "../framework/cpu.h"
#include "../framework/memory.h"
#include "../framework/tap.h"

#define CALL 0x0052u

#define READ 0x1ull
#define WRITE 0x2ull
#define EXECUTE 0x4ull
#define EXEMPT 0x8ull
#define SET_BITS 0x10ull
#define FLUSH_INHIBIT 0x20ull

#define FOUND 0u
#define NOT_PRESENT 1u
#define PRIVILEGE 2u
#define BAD_FLAGS 3u
#define UNMAPPED 4u
#define ILLEGAL_OVERLAY 7u

#define CACHE_UC 0u
#define CACHE_WB 6u
#define OVERLAY 0x100u

#define PTE_ACCESSED 0x20ull
#define PTE_DIRTY 0x40ull
#define PTE_NO_EXECUTE (1ull << 63)
#define EFER_NXE (1ull << 11)

static uint64_t *input, *output;

static unsigned call(uint64_t page, uint64_t flags)
{
	input[0] = SELF;
	input[1] = VP_SELF;
	input[2] = flags;
	input[3] = page;
	output[0] = output[1] = ~0ull;
	return hv_status(hv_call(CALL, (uint64_t)input, (uint64_t)output));
}

/* The result code. */
static unsigned result_of(uint64_t address, uint64_t flags)
{
	return call(address >> 12, flags) == HV_SUCCESS ? (unsigned)output[0] : 0xBAD;
}

static volatile uint64_t *entry_of(unsigned page)
{
	uint64_t table = *window_directory_entry() & 0x000FFFFFFFFFF000;

	return (volatile uint64_t *)table + page;
}

static void test_found(void)
{
	check_equal(result_of((uint64_t)input, READ | WRITE), FOUND, "RAM is found");
	check_equal(output[1], (uint64_t)input >> 12, "at its address");
	check_equal(output[0] >> 32, CACHE_WB, "write-back, and no overlay");
	window_map_clean(3, (uint64_t)output, PTE_PRESENT | PTE_UNCACHED);
	check_equal(result_of(WINDOW + 3 * PAGE_SIZE, READ), FOUND, "so is a page of the window");
	check_equal(output[0] >> 32, CACHE_UC, "which is not cached");
	check_equal(result_of(WINDOW + 3 * PAGE_SIZE, READ | EXEMPT), FOUND, "exempt from privileges, too");
	struct hv_file file = {{SELF, VP_SELF, READ, (uint64_t)input >> 12}};
	if (hv_has_edx(HV_EDX_XMM_OUTPUT)) {
		check_equal(hv_call_file(CALL | HV_CONTROL_FAST, &file), HV_SUCCESS, "the same in registers");
		check_equal(file.word[5], (uint64_t)input >> 12, "with the page in XMM1");
	}
}

static void test_not_found(void)
{
	window_map_clean(4, (uint64_t)output, 0);
	check_equal(result_of(WINDOW + 4 * PAGE_SIZE, READ), NOT_PRESENT, "a page that is not present");
	check_equal(result_of(1ull << 47, READ), NOT_PRESENT, "an address that is not canonical");
	window_map_clean(4, (uint64_t)output, PTE_PRESENT);
	check_equal(result_of(WINDOW + 4 * PAGE_SIZE, READ), FOUND, "a page to read");
	check_equal(result_of(WINDOW + 4 * PAGE_SIZE, WRITE), PRIVILEGE, "and not to write");
	window_map_clean(4, (uint64_t)output | 1ull << 51, PTE_PRESENT);
	check_equal(result_of(WINDOW + 4 * PAGE_SIZE, READ), memory_width() > 51 ? UNMAPPED : BAD_FLAGS,
		    "an address beyond the width");
	window_map_clean(4, 0xA0000000, PTE_PRESENT);
	check_equal(result_of(WINDOW + 4 * PAGE_SIZE, READ), UNMAPPED, "a place where nothing is");
}

static void test_execute(void)
{
	uint64_t efer = rdmsr(MSR_EFER);

	wrmsr(MSR_EFER, efer | EFER_NXE);
	window_map_clean(5, (uint64_t)output, PTE_PRESENT | PTE_NO_EXECUTE);
	check_equal(result_of(WINDOW + 5 * PAGE_SIZE, READ), FOUND, "a page without code is read");
	check_equal(result_of(WINDOW + 5 * PAGE_SIZE, EXECUTE), PRIVILEGE, "and not executed");
	wrmsr(MSR_EFER, efer & ~EFER_NXE);
	check_equal(result_of(WINDOW + 5 * PAGE_SIZE, READ), BAD_FLAGS,
		    "without EFER.NXE its bit is reserved");
	wrmsr(MSR_EFER, efer);
	window_map_clean(5, (uint64_t)output, PTE_PRESENT);
	check_equal(result_of(WINDOW + 5 * PAGE_SIZE, EXECUTE), FOUND, "a page with code is executed");
}

static void test_overlay(void)
{
	uint64_t page = (uint64_t)hv_hypercall_page();

	check_equal(result_of(page, READ | EXECUTE), FOUND, "the hypercall page is read and executed");
	check_equal(output[0] >> 32, CACHE_WB | OVERLAY, "it is an overlay");
	check_equal(result_of(page, WRITE), ILLEGAL_OVERLAY, "which cannot be written");
	check_equal(output[1], page >> 12, "and its place is told all the same");
}

static void test_marks(void)
{
	window_map_clean(6, (uint64_t)output, PTE_PRESENT | PTE_WRITABLE);
	result_of(WINDOW + 6 * PAGE_SIZE, READ | WRITE);
	check_equal(*entry_of(6) & (PTE_ACCESSED | PTE_DIRTY), 0, "looking leaves no trace");
	result_of(WINDOW + 6 * PAGE_SIZE, READ | SET_BITS);
	check_equal(*entry_of(6) & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED,
		    "unless asked: a read is marked");
	result_of(WINDOW + 6 * PAGE_SIZE, WRITE | SET_BITS);
	check_equal(*entry_of(6) & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED | PTE_DIRTY, "so is a write");
	window_map_clean(6, (uint64_t)output, PTE_PRESENT);
	result_of(WINDOW + 6 * PAGE_SIZE, WRITE | SET_BITS);
	check_equal(*entry_of(6) & (PTE_ACCESSED | PTE_DIRTY), 0, "what is refused is not marked");
}

static void test_refusals(void)
{
	uint64_t page = (uint64_t)input >> 12;

	check_equal(call(page, 0), HV_INVALID_PARAMETER, "no access to judge is refused");
	check_equal(call(page, EXEMPT), HV_INVALID_PARAMETER, "an exemption is none");
	check_equal(call(page, READ | 1ull << 20), HV_INVALID_PARAMETER, "an unknown flag is refused");
	check_equal(call(page, READ | 0x11ull << 56), HV_INVALID_PARAMETER, "trust level 1 is refused");
	check_equal(call(1ull << 52, READ), HV_INVALID_PARAMETER, "so is what is no page number");
	check_equal(call(page, READ | FLUSH_INHIBIT), HV_INVALID_VP_STATE,
		    "flushes are not held back for a VP that runs");
	input[0] = 0;
	check_equal(hv_call(CALL, (uint64_t)input, (uint64_t)output), HV_INVALID_PARTITION_ID,
		    "partition 0 does not exist");
}

void test_translate(void)
{
	input = page_alloc(1);
	output = page_alloc(1);
	test_found();
	test_not_found();
	test_execute();
	test_overlay();
	test_marks();
	test_refusals();
}
