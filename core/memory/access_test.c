/* SPDX-License-Identifier: MPL-2.0 */
/* May an address be used? Each reason why not, in each kind of paging; memory types; accessed and dirty bits. */
#include "core/translate.h"

#include "abi/hv_msr.h"
#include "core/machine.h"
#include "core/msr.h"
#include "test/unit/unit.h"

#define BIT(n) (UINT64_C(1) << (n))

#define READ 1
#define WRITE 2
#define EXECUTE 4
#define SET_BITS 0x10

#define P BIT(0)
#define RW BIT(1)
#define US BIT(2)
#define PWT BIT(3)
#define PCD BIT(4)
#define A BIT(5)
#define D BIT(6)
#define PS BIT(7)
#define NX BIT(63)

/* Where the tables are, from the top: pages of the fake's RAM. */
#define TOP 10
#define SECOND 11
#define THIRD 12
#define LAST 13
#define DATA 20
#define PAGE(n) ((uint64_t)(n) << 12)
#define ADDRESS UINT64_C(0x40201003) /* entries 0, 1, 1, 1 */

static struct fake *fake;
static struct vp *vp;

static void set(enum hv_register_name name, uint64_t value)
{
	fake_register_set(vp, name, value);
}

static uint64_t *entry_64(unsigned page, unsigned index)
{
	return (uint64_t *)fake_ram_page(fake, gpn(page)) + index;
}

static uint32_t *entry_32(unsigned page, unsigned index)
{
	return (uint32_t *)fake_ram_page(fake, gpn(page)) + index;
}

static int prepare(void **state)
{
	if (unit_setup_one(state) != 0) {
		return -1;
	}
	fake = *state;
	vp = fake_vp(fake, 0);
	fake_cpuid_set(fake, 0x80000001, 0, (struct cpuid_result){.edx = 1u << 26});
	set(HV_X64_REGISTER_CR0, 0x80010001);
	set(HV_X64_REGISTER_CR3, PAGE(TOP));
	set(HV_X64_REGISTER_CR4, 0x20);
	set(HV_X64_REGISTER_EFER, 0xd00);
	set(HV_X64_REGISTER_RFLAGS, 2);
	set(HV_X64_REGISTER_PAT, UINT64_C(0x0007050600070401));
	*entry_64(TOP, 0) = PAGE(SECOND) | P | RW | US;
	*entry_64(SECOND, 1) = PAGE(THIRD) | P | RW | US;
	*entry_64(THIRD, 1) = PAGE(LAST) | P | RW | US;
	*entry_64(LAST, 1) = PAGE(DATA) | P | RW;
	return 0;
}

static struct hv_output_translate_virtual_address ask(uint64_t flags)
{
	return translate_access(vp, gva(ADDRESS), flags);
}

static uint32_t code(uint64_t flags)
{
	return ask(flags).result_code;
}

/* --- Four levels ---------------------------------------------------------------------------------------------- */

static void what_is_allowed_is_found(void **state)
{
	struct hv_output_translate_virtual_address answer = ask(READ | WRITE | EXECUTE);

	(void)state;
	assert_int_equal(answer.result_code, 0);
	assert_int_equal(answer.gpa_page, DATA);
	assert_int_equal(answer.cache_type, 1);
	assert_int_equal(answer.overlay_page, 0);
	assert_int_equal(answer.reserved, 0);
	assert_int_equal(fake_total(fake), 0);
}

static void what_is_not_present(void **state)
{
	static const unsigned tables[][2] = {{TOP, 0}, {SECOND, 1}, {THIRD, 1}, {LAST, 1}};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		*entry_64(tables[i][0], tables[i][1]) &= ~P;
		assert_int_equal(code(READ), 1);
		assert_int_equal(ask(READ).gpa_page, 0);
		*entry_64(tables[i][0], tables[i][1]) |= P;
	}
	assert_int_equal(code(READ), 0);
	assert_int_equal(translate_access(vp, gva(BIT(47)), READ).result_code, 1);
}

static void tables_out_of_reach(void **state)
{
	(void)state;
	*entry_64(THIRD, 1) = PAGE(FAKE_RAM_PAGES) | P | RW | US;
	assert_int_equal(code(READ), 4);
	set(HV_X64_REGISTER_CR3, PAGE(FAKE_RAM_PAGES));
	assert_int_equal(code(READ), 4);
}

static void pages_out_of_reach(void **state)
{
	(void)state;
	*entry_64(LAST, 1) = PAGE(FAKE_RAM_PAGES) | P | RW;
	assert_int_equal(code(READ), 4);
	assert_int_equal(ask(READ).gpa_page, FAKE_RAM_PAGES);
}

static void read_only_at_any_level(void **state)
{
	static const unsigned tables[][2] = {{TOP, 0}, {SECOND, 1}, {THIRD, 1}, {LAST, 1}};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		*entry_64(tables[i][0], tables[i][1]) &= ~RW;
		assert_int_equal(code(READ | EXECUTE), 0);
		assert_int_equal(code(WRITE), 2);
		set(HV_X64_REGISTER_CR0, 0x80000001); /* WP is off */
		assert_int_equal(code(WRITE), 0);
		set(HV_X64_REGISTER_CR0, 0x80010001);
		*entry_64(tables[i][0], tables[i][1]) |= RW;
	}
}

static void no_execution_at_any_level(void **state)
{
	static const unsigned tables[][2] = {{TOP, 0}, {SECOND, 1}, {THIRD, 1}, {LAST, 1}};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		*entry_64(tables[i][0], tables[i][1]) |= NX;
		assert_int_equal(code(READ | WRITE), 0);
		assert_int_equal(code(EXECUTE), 2);
		set(HV_X64_REGISTER_EFER, 0x500); /* the bit is reserved */
		assert_int_equal(code(READ), 3);
		set(HV_X64_REGISTER_EFER, 0xd00);
		*entry_64(tables[i][0], tables[i][1]) &= ~NX;
	}
}

static void user_pages(void **state)
{
	(void)state;
	*entry_64(LAST, 1) |= US;
	assert_int_equal(code(READ | WRITE | EXECUTE), 0);
	set(HV_X64_REGISTER_CR4, 0x20 | BIT(20)); /* SMEP */
	assert_int_equal(code(READ | WRITE), 0);
	assert_int_equal(code(EXECUTE), 2);
	set(HV_X64_REGISTER_CR4, 0x20 | BIT(21)); /* SMAP */
	assert_int_equal(code(EXECUTE), 0);
	assert_int_equal(code(READ), 2);
	assert_int_equal(code(WRITE), 2);
	set(HV_X64_REGISTER_RFLAGS, 2 | BIT(18)); /* AC */
	assert_int_equal(code(READ | WRITE), 0);
	set(HV_X64_REGISTER_RFLAGS, 2);
	*entry_64(SECOND, 1) &= ~US; /* not a user page after all */
	assert_int_equal(code(READ | WRITE), 0);
	set(HV_X64_REGISTER_CR4, 0x20 | BIT(20));
	assert_int_equal(code(EXECUTE), 0);
}

static void reserved_bits(void **state)
{
	static const unsigned tables[][2] = {{TOP, 0}, {SECOND, 1}, {THIRD, 1}, {LAST, 1}};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t *entry = entry_64(tables[i][0], tables[i][1]);
		uint64_t good = *entry;

		for (unsigned bit = 52; bit < 63; bit++) {
			*entry = good | BIT(bit); /* free for the guest */
			assert_int_equal(code(READ), 0);
		}
		*entry = good;
	}
	for (unsigned bit = 40; bit < 52; bit++) { /* in a table's entry there would be no table either */
		*entry_64(LAST, 1) = PAGE(DATA) | P | RW | BIT(bit);
		assert_int_equal(code(READ), 3);
	}
	*entry_64(LAST, 1) = PAGE(DATA) | P | RW;
	*entry_64(TOP, 0) |= PS;
	assert_int_equal(code(READ), 3);
}

static void large_pages(void **state)
{
	(void)state;
	*entry_64(THIRD, 1) = P | RW | PS;
	assert_int_equal(code(READ), 0);
	assert_int_equal(ask(READ).gpa_page, 1);
	for (unsigned bit = 13; bit < 21; bit++) {
		*entry_64(THIRD, 1) = P | RW | PS | BIT(bit);
		assert_int_equal(code(READ), 3);
	}
	*entry_64(THIRD, 1) = P | RW | PS | BIT(12);
	assert_int_equal(ask(READ).cache_type, 6); /* PAT entry 4 */
	/* 1 GiB: the address lies 2 MiB and a page behind its beginning, where there is no RAM. */
	*entry_64(SECOND, 1) = P | RW | PS;
	assert_int_equal(code(READ), 4);
	assert_int_equal(ask(READ).gpa_page, 0x201);
	for (unsigned bit = 13; bit < 30; bit++) {
		*entry_64(SECOND, 1) = P | RW | PS | BIT(bit);
		assert_int_equal(code(READ), 3);
	}
	*entry_64(SECOND, 1) = P | RW | PS;
	fake_cpuid_set(fake, 0x80000001, 0, (struct cpuid_result){0});
	assert_int_equal(code(READ), 3);
}

static void five_levels(void **state)
{
	(void)state;
	set(HV_X64_REGISTER_CR4, 0x20 | BIT(12));
	set(HV_X64_REGISTER_CR3, PAGE(14));
	*entry_64(14, 0) = PAGE(TOP) | P | RW;
	assert_int_equal(code(READ | WRITE), 0);
	*entry_64(14, 0) |= PS;
	assert_int_equal(code(READ), 3);
}

/* --- Memory types --------------------------------------------------------------------------------------------- */

/* PAT: WC, WT, UC-, UC; WB, WP, UC-, UC. */
static void memory_types_come_from_the_pat(void **state)
{
	static const uint8_t types[8] = {1, 4, 0, 0, 6, 5, 0, 0};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		*entry_64(LAST, 1) = PAGE(DATA) | P | ((i & 1) != 0 ? PWT : 0) | ((i & 2) != 0 ? PCD : 0) |
				     ((i & 4) != 0 ? PS : 0);
		assert_int_equal(ask(READ).cache_type, types[i]);
	}
}

/* --- Other kinds of paging ------------------------------------------------------------------------------------ */

static void without_paging(void **state)
{
	struct hv_output_translate_virtual_address answer;

	(void)state;
	set(HV_X64_REGISTER_CR0, 1);
	set(HV_X64_REGISTER_CR4, BIT(20) | BIT(21));
	answer = translate_access(vp, gva(PAGE(DATA)), READ | WRITE | EXECUTE | SET_BITS);
	assert_int_equal(answer.result_code, 0);
	assert_int_equal(answer.gpa_page, DATA);
	assert_int_equal(answer.cache_type, 6);
}

static void pae_paging(void **state)
{
	(void)state;
	set(HV_X64_REGISTER_EFER, 0x800);
	set(HV_X64_REGISTER_CR3, PAGE(SECOND)); /* its entry 1 covers the second GiB */
	*entry_64(SECOND, 1) = PAGE(THIRD) | P;
	*entry_64(THIRD, 1) &= ~US;
	assert_int_equal(code(READ | WRITE | EXECUTE), 0); /* a pointer takes no right away */
	for (unsigned bit = 1; bit < 64; bit++) {
		bool reserved = bit == 1 || bit == 2 || (bit >= 5 && bit <= 8) || bit >= 40;
		bool elsewhere = bit >= 12 && bit < 52;

		*entry_64(SECOND, 1) = PAGE(THIRD) | P | BIT(bit);
		if (!elsewhere) {
			assert_int_equal(code(READ), reserved ? 3 : 0);
		}
	}
	*entry_64(SECOND, 1) = PAGE(THIRD) | P;
	for (unsigned bit = 52; bit < 63; bit++) {
		*entry_64(LAST, 1) = PAGE(DATA) | P | RW | BIT(bit);
		assert_int_equal(code(READ), 3);
	}
	*entry_64(LAST, 1) = PAGE(DATA) | P | RW;
	*entry_64(SECOND, 1) = P; /* not the table, but whatever is at 0 */
	assert_int_equal(code(READ), 1);
}

static void pae_paging_marks_no_pointer(void **state)
{
	(void)state;
	set(HV_X64_REGISTER_EFER, 0x800);
	set(HV_X64_REGISTER_CR3, PAGE(SECOND));
	*entry_64(SECOND, 1) = PAGE(THIRD) | P;
	assert_int_equal(code(WRITE | SET_BITS), 0);
	assert_int_equal(*entry_64(SECOND, 1), PAGE(THIRD) | P);
	assert_int_equal(*entry_64(THIRD, 1) & (A | D), A);
	assert_int_equal(*entry_64(LAST, 1) & (A | D), A | D);
}

static void paging_of_32_bits(void **state)
{
	(void)state;
	set(HV_X64_REGISTER_EFER, 0);
	set(HV_X64_REGISTER_CR4, 0x10);
	*entry_32(TOP, 0x100) = (uint32_t)(PAGE(SECOND) | P | RW | US | BIT(21));
	assert_int_equal(code(READ), 4); /* that bit is part of a table's address */
	*entry_32(TOP, 0x100) = (uint32_t)(PAGE(SECOND) | P | RW | US);
	*entry_32(SECOND, 0x201) = (uint32_t)(PAGE(DATA) | P);
	assert_int_equal(code(READ | EXECUTE | SET_BITS), 0);
	assert_int_equal(ask(READ).gpa_page, DATA);
	assert_int_equal(code(WRITE | SET_BITS), 2);
	assert_int_equal(*entry_32(TOP, 0x100) & (A | D), A);
	assert_int_equal(*entry_32(SECOND, 0x201) & (A | D), A);
	*entry_32(TOP, 0x100) = (uint32_t)(P | RW | PS);
	assert_int_equal(code(READ), 4);
	assert_int_equal(ask(READ).gpa_page, 0x201);
	*entry_32(TOP, 0x100) = (uint32_t)(P | RW | PS | BIT(21));
	assert_int_equal(code(READ), 3);
}

/* --- Overlays ------------------------------------------------------------------------------------------------- */

static void overlays_have_rights_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(msr_write(vp, HV_X64_MSR_REFERENCE_TSC, PAGE(DATA) | 1), MSR_DONE);
	assert_int_equal(code(READ | EXECUTE), 0);
	assert_int_equal(ask(READ).overlay_page, 1);
	assert_int_equal(code(WRITE), 7);
	assert_int_equal(ask(WRITE).overlay_page, 1);
	assert_int_equal(ask(WRITE).gpa_page, DATA);
	assert_int_equal(msr_write(vp, HV_X64_MSR_REFERENCE_TSC, 0), MSR_DONE);
	assert_int_equal(msr_write(vp, HV_X64_MSR_VP_ASSIST_PAGE, PAGE(DATA) | 1), MSR_DONE);
	assert_int_equal(code(READ | WRITE), 0);
	assert_int_equal(code(EXECUTE), 7);
}

/* --- Accessed and dirty --------------------------------------------------------------------------------------- */

static void marks_are_made_when_asked_for(void **state)
{
	(void)state;
	fake_snapshot(fake);
	assert_int_equal(code(READ | WRITE), 0);
	assert_int_equal(code(WRITE | EXECUTE), 0);
	assert_true(fake_unchanged(fake));
	assert_int_equal(code(READ | SET_BITS), 0);
	assert_int_equal(*entry_64(TOP, 0), PAGE(SECOND) | P | RW | US | A);
	assert_int_equal(*entry_64(LAST, 1), PAGE(DATA) | P | RW | A);
	assert_int_equal(code(WRITE | SET_BITS), 0);
	assert_int_equal(*entry_64(THIRD, 1), PAGE(LAST) | P | RW | US | A);
	assert_int_equal(*entry_64(LAST, 1), PAGE(DATA) | P | RW | A | D);
}

static void what_is_refused_is_not_marked(void **state)
{
	(void)state;
	*entry_64(LAST, 1) = PAGE(FAKE_RAM_PAGES) | P | RW;
	fake_snapshot(fake);
	assert_int_equal(code(WRITE | SET_BITS), 4);
	assert_true(fake_unchanged(fake));
}

/* A table under an overlay that the guest cannot write. */
static void tables_that_cannot_be_written_are_left(void **state)
{
	uint64_t *frame = vp->partition->reference_tsc.frame;

	(void)state;
	assert_int_equal(msr_write(vp, HV_X64_MSR_REFERENCE_TSC, PAGE(LAST) | 1), MSR_DONE);
	frame[1] = PAGE(DATA) | P | RW;
	assert_int_equal(code(READ | WRITE | SET_BITS), 0);
	assert_int_equal(frame[1], PAGE(DATA) | P | RW);
	assert_int_equal(*entry_64(THIRD, 1) & A, A);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, prepare, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_allowed_is_found),
		TEST(what_is_not_present),
		TEST(tables_out_of_reach),
		TEST(pages_out_of_reach),
		TEST(read_only_at_any_level),
		TEST(no_execution_at_any_level),
		TEST(user_pages),
		TEST(reserved_bits),
		TEST(large_pages),
		TEST(five_levels),
		TEST(memory_types_come_from_the_pat),
		TEST(without_paging),
		TEST(pae_paging),
		TEST(pae_paging_marks_no_pointer),
		TEST(paging_of_32_bits),
		TEST(overlays_have_rights_of_their_own),
		TEST(marks_are_made_when_asked_for),
		TEST(what_is_refused_is_not_marked),
		TEST(tables_that_cannot_be_written_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
