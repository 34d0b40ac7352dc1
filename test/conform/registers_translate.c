/* SPDX-License-Identifier: MIT */
/*
 * HvTranslateVirtualAddress (0x0052) of oneself.
 *
 * The chapter on the call says that only a parent may make it, the table of all calls says anybody. So a partition
 * that is denied it on itself is no mistake.
 */
#include "../guest/framework/memory.h"
#include "tools.h"

#define READ 0x01u
#define WRITE 0x02u
#define EXECUTE 0x04u
#define SET_BITS 0x10u
#define PTE_ACCESSED 0x20u
#define PTE_DIRTY 0x40u
#define PTE_RESERVED (1ull << 51)

#define RESULT_SUCCESS 0u
#define RESULT_NOT_PRESENT 1u
#define RESULT_PRIVILEGE 2u
#define RESULT_PAGE_TABLE_FLAGS 3u
#define CACHE_WRITE_BACK 6u
#define WINDOW_PAGE 11

struct translation {
	unsigned status, code, cache;
	bool overlay, there;
	uint64_t page;
};

static struct translation translate(uint64_t flags, uint64_t address)
{
	const uint64_t words[4] = {PARTITION_SELF, VP_SELF, flags, address >> 12};
	uint64_t result = call_blocks(CALL_TRANSLATE, words, 4), word = output_word(0);
	struct translation translation = {
		.status = hv_status(result),
		.code = (unsigned)word,
		.cache = (unsigned)(word >> 32 & 0xFF),
		.overlay = (word >> 40 & 1) != 0,
		.page = output_word(1),
	};

	translation.there = translation.status != HV_ACCESS_DENIED && translation.status != HV_INVALID_CODE;
	if (!translation.there) {
		observe("a partition may not translate its own addresses: status 0x%x", translation.status);
	}
	return translation;
}

/* Expects a call that works and a translation that ends with this code. */
static struct translation expect_code(uint64_t flags, uint64_t address, unsigned code, const char *what)
{
	struct translation translation = translate(flags, address);

	if (translation.there) {
		expect_equal(translation.status, HV_SUCCESS, "the call for %s", what);
		expect_equal(translation.code, code, "the result code for %s", what);
	}
	return translation;
}

void conform_registers_translate(void)
{
	volatile void *window =
		window_map_clean(WINDOW_PAGE, (uint64_t)scratch(0), PTE_PRESENT | PTE_WRITABLE);
	struct translation translation =
		expect_code(READ | WRITE, (uint64_t)window, RESULT_SUCCESS, "a page");

	if (translation.there) {
		expect_equal(translation.page, (uint64_t)scratch(0) >> 12, "its page");
		expect(!translation.overlay, "it is no overlay");
		expect_equal(translation.cache, CACHE_WRITE_BACK, "the cache type");
	}
}

void conform_registers_translate_large_page(void)
{
	uint64_t address = (uint64_t)scratch(0) + 5 * PAGE_SIZE;
	struct translation translation =
		expect_code(EXECUTE, address, RESULT_SUCCESS, "a part of a large page");

	if (translation.there) {
		expect_equal(translation.page, address >> 12, "its page");
	}
}

void conform_registers_translate_overlay(void)
{
	struct translation translation =
		expect_code(EXECUTE, (uint64_t)hv_hypercall_page(), RESULT_SUCCESS, "the hypercall page");

	if (translation.there) {
		expect(translation.overlay, "it is an overlay");
		expect_equal(translation.page, (uint64_t)hv_hypercall_page() >> 12, "its page");
	}
}

void conform_registers_translate_not_present(void)
{
	volatile void *window = window_map_clean(WINDOW_PAGE, (uint64_t)scratch(0), 0);

	expect_code(READ, (uint64_t)window, RESULT_NOT_PRESENT, "a page that is not present");
}

void conform_registers_translate_not_canonical(void)
{
	expect_code(READ, 0x0001000000000000, RESULT_NOT_PRESENT, "an address that is not canonical");
}

void conform_registers_translate_read_only(void)
{
	volatile void *window = window_map_clean(WINDOW_PAGE, (uint64_t)scratch(0), PTE_PRESENT);

	expect_code(READ, (uint64_t)window, RESULT_SUCCESS, "reading a read-only page");
	expect_code(WRITE, (uint64_t)window, RESULT_PRIVILEGE, "writing to it");
}

void conform_registers_translate_reserved_bit(void)
{
	if (memory_width() >= 52) {
		skip_requirement("no address bit of a page table entry is reserved");
		return;
	}
	volatile void *window =
		window_map_clean(WINDOW_PAGE, (uint64_t)scratch(0) | PTE_RESERVED, PTE_PRESENT);
	expect_code(READ, (uint64_t)window, RESULT_PAGE_TABLE_FLAGS, "an entry with a reserved bit");
	window_map_clean(WINDOW_PAGE, 0, 0);
}

/* The entry is read through the directory that covers the window. */
static uint64_t entry_of_window(void)
{
	const volatile uint64_t *table =
		(const volatile uint64_t *)(*window_directory_entry() & 0xFFFFFFFFFF000ull);

	return table[WINDOW_PAGE];
}

void conform_registers_translate_page_table_bits(void)
{
	volatile void *window =
		window_map_clean(WINDOW_PAGE, (uint64_t)scratch(0), PTE_PRESENT | PTE_WRITABLE);

	if (!expect_code(READ, (uint64_t)window, RESULT_SUCCESS, "without the flag").there) {
		return;
	}
	expect_equal(entry_of_window() & (PTE_ACCESSED | PTE_DIRTY), 0, "accessed and dirty bit");
	expect_code(READ | SET_BITS, (uint64_t)window, RESULT_SUCCESS, "with the flag, to read");
	expect_equal(entry_of_window() & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED, "accessed and dirty bit");
	expect_code(WRITE | SET_BITS, (uint64_t)window, RESULT_SUCCESS, "with the flag, to write");
	expect_equal(entry_of_window() & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED | PTE_DIRTY,
		     "accessed and dirty bit");
}

void conform_registers_translate_no_access(void)
{
	struct translation translation = translate(0, (uint64_t)scratch(0));

	if (translation.there) {
		expect_equal(translation.status, HV_INVALID_PARAMETER,
			     "neither to read nor to write nor to execute");
	}
}

void conform_registers_translate_reserved_flags(void)
{
	struct translation translation = translate(READ | 1ull << 30, (uint64_t)scratch(0));

	if (translation.there) {
		expect_equal(translation.status, HV_INVALID_PARAMETER, "flag bit 30");
		expect_equal(translate(READ | 1ull << 55, (uint64_t)scratch(0)).status, HV_INVALID_PARAMETER,
			     "flag bit 55");
	}
}
