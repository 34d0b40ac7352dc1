/* SPDX-License-Identifier: MIT */
/*
 * TLB flushes by hypercall: whole address spaces (0x0002, 0x0013) and lists of ranges (0x0003, 0x0014), and the
 * address space switch (0x0001).
 *
 * Checked: every flag and the refusal of those that do not exist; empty masks; masks and sets with processors that do
 * not exist; address spaces that cannot be; ranges across the canonical hole and beyond; reps completed; and that when
 * the call returns the processors named do not use the old translation any more.
 *
 * Says who: TLFS 6.0b, HvCallFlushVirtualAddressSpace(Ex), HvCallFlushVirtualAddressList(Ex): flags 1 all processors,
 * 2 all address spaces, 4 non-global only (not for lists). A caller is told of an empty mask and of reserved flags by
 * INVALID_PARAMETER; addresses beyond the address space are ignored. TLFS 2.0a, HvSwitchVirtualAddressSpace.
 *
 * Covers: HvSwitchVirtualAddressSpace, HvFlushVirtualAddressSpace, HvFlushVirtualAddressList,
 *         HvCallFlushVirtualAddressSpaceEx, HvCallFlushVirtualAddressListEx, EXTENDED_GVA_RANGES,
 *         ENABLE_EXTENDED_GVA_RANGES_FOR_FLUSH_VA_LIST
 *
 * Run: --smp 1
 * Run: --smp 2
 * Run: --smp 4
 */
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define MAX_WORDS 512

static uint32_t vp_index[CPU_MAX];
static unsigned count;
static uint64_t self;

static void learn_index(void *index)
{
	*(uint32_t *)index = (uint32_t)rdmsr(HV_MSR_VP_INDEX);
}

static uint64_t flush_space(uint64_t space, uint64_t flags, uint64_t mask)
{
	uint64_t input[3] = {space, flags, mask};
	return hv_call_words(HV_CALL_FLUSH_SPACE, input, 3);
}

static uint64_t flush_list(uint64_t flags, uint64_t mask, const uint64_t *ranges, unsigned ranges_count)
{
	static uint64_t input[MAX_WORDS];

	input[0] = read_cr3();
	input[1] = flags;
	input[2] = mask;
	for (unsigned i = 0; i < ranges_count; i++) {
		input[3 + i] = ranges[i];
	}
	return hv_call_words(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(ranges_count), input, 3 + ranges_count);
}

/* `words` banks, and behind them a list if there is one. */
static uint64_t flush_ex(const uint64_t set[2], const uint64_t *banks, unsigned words, const uint64_t *range)
{
	static uint64_t input[MAX_WORDS];
	uint64_t control =
		range == NULL ? HV_CALL_FLUSH_SPACE_EX : HV_CALL_FLUSH_LIST_EX | HV_CONTROL_REPS(1);

	input[0] = read_cr3();
	input[1] = 0;
	input[2] = set[0];
	input[3] = set[1];
	for (unsigned i = 0; i < words; i++) {
		input[4 + i] = banks[i];
	}
	if (range != NULL) {
		input[4 + words] = *range;
	}
	return hv_call_words(control | HV_CONTROL_VARIABLE(words), input, 5 + words);
}

static void test_space_flags(void)
{
	uint64_t cr3 = read_cr3();

	for (unsigned flags = 0; flags < 8; flags++) {
		check_equal(flush_space(cr3, flags, self), HV_SUCCESS, "space flush with flags %u", flags);
	}
	check_equal(flush_space(cr3, HV_FLUSH_ALL_PROCESSORS, 0), HV_SUCCESS, "flag 1 needs no mask");
	check_equal(flush_space(~0ull, HV_FLUSH_ALL_SPACES, self), HV_SUCCESS,
		    "flag 2 needs no address space");
	check_equal(flush_space(cr3, 0, 0), HV_INVALID_PARAMETER, "an empty mask without flag 1 is refused");
	check_equal(flush_space(1ull << 63 | 1ull << 62, 0, self), HV_INVALID_PARAMETER,
		    "an address space that cannot be is refused");
	check_equal(flush_space(cr3, 0x10, self), HV_INVALID_PARAMETER, "flag 0x10 is refused");
	check_equal(flush_space(cr3, 1ull << 32, self), HV_INVALID_PARAMETER, "flag bit 32 is refused");
	check_equal(flush_space(cr3, 1ull << 63, self), HV_INVALID_PARAMETER, "flag bit 63 is refused");
}

static void test_list(void)
{
	static uint64_t many[509];
	static const uint64_t strange[] = {
		0x00007FFFFFFFF000 | 0xFFF, 0x0000800000000000 | 0xFFF, 0x8000000000000000,
		0xFFFF7FFFFFFFF000 | 0xFFF, 0xFFFFFFFFFFFFF000 | 0xFFF, 0x0000000000000FFF,
		0x00007FFFFFF00000 | 0xFFF,
	};
	unsigned strange_count = sizeof(strange) / sizeof(strange[0]);

	for (unsigned i = 0; i < 509; i++) {
		many[i] = (uint64_t)i << 20 | (i % 16);
	}
	check_equal(flush_list(0, self, many, 1), HV_CONTROL_REPS(1),
		    "a list of one range: one rep completed");
	check_equal(flush_list(0, self, many, 509), HV_CONTROL_REPS(509), "a page full: 509 reps completed");
	check_equal(flush_list(HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_SPACES, 0, many, 5), HV_CONTROL_REPS(5),
		    "flags 1 and 2 are accepted for lists");
	check_equal(flush_list(0, self, strange, strange_count), HV_CONTROL_REPS(strange_count),
		    "ranges around the canonical hole and the end are worked off");
	check_equal(hv_status(flush_list(HV_FLUSH_NON_GLOBAL, self, many, 1)), HV_INVALID_PARAMETER,
		    "flag 4 is refused for lists");
	check_equal(hv_status(flush_list(0x20, self, many, 1)), HV_INVALID_PARAMETER, "flag 0x20 is refused");
	check_equal(hv_status(flush_list(0, 0, many, 1)), HV_INVALID_PARAMETER, "an empty mask is refused");
	check_equal(hv_reps(flush_list(0, 0, many, 7)), 0, "and no rep is said to be completed");
}

static void test_start_index(void)
{
	static uint64_t input[MAX_WORDS];

	input[0] = read_cr3();
	input[2] = self;
	for (unsigned i = 3; i < MAX_WORDS; i++) {
		input[i] = (uint64_t)i << 12;
	}
	uint64_t control = HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(20);
	check_equal(hv_call_words(control | HV_CONTROL_START(15), input, 23), HV_CONTROL_REPS(20),
		    "starting at rep 15 of 20 completes 20");
}

static void test_ex(void)
{
	uint64_t range = 0x123000, banks[64] = {self};
	const uint64_t sparse[2] = {HV_SET_SPARSE, 1}, all[2] = {HV_SET_ALL, 0}, unknown[2] = {2, 1};
	const uint64_t two[2] = {HV_SET_SPARSE, 3};

	check_equal(flush_ex(sparse, banks, 1, NULL), HV_SUCCESS, "space flush with a sparse set");
	check_equal(flush_ex(all, banks, 0, NULL), HV_SUCCESS, "space flush with the format 'all'");
	check_equal(flush_ex(sparse, banks, 1, &range), HV_CONTROL_REPS(1), "list flush with a sparse set");
	check_equal(flush_ex(all, banks, 0, &range), HV_CONTROL_REPS(1), "list flush with the format 'all'");
	check_equal(flush_ex(unknown, banks, 1, NULL), HV_INVALID_PARAMETER, "an unknown format is refused");
	check_equal(hv_status(flush_ex(unknown, banks, 1, &range)), HV_INVALID_PARAMETER, "for lists, too");
	check(hv_status(flush_ex(two, banks, 1, NULL)) != HV_SUCCESS, "more banks than words are refused");
	check(hv_status(flush_ex(two, banks, 1, &range)) != HV_SUCCESS, "for lists, too");
}

/* Bit 3 of the flags: ranges of large pages, where leaf 0x40000003 EDX bit 14 and EBX bit 15 say so. */
static void test_extended_ranges(void)
{
	static const uint64_t ranges[3] = {0x123000 | 0x7FF, 0x40000000 | 0x800 | 3, 0x80000000 | 0x1800};
	unsigned wanted = HV_INVALID_PARAMETER;

	if (hv_has_edx(1u << 14) && hv_has_ebx(1u << 15)) {
		check_equal(flush_list(0x8, self, ranges, 3), HV_CONTROL_REPS(3),
			    "ranges of large pages: three reps completed");
		wanted = HV_SUCCESS;
	}
	check_equal(hv_status(flush_list(0x8, self, ranges, 1)), wanted, "flag 8 is as it is offered");
	check_equal(flush_space(read_cr3(), 0x8, self), HV_INVALID_PARAMETER,
		    "there is none for whole spaces");
}

static void test_nonexistent(void)
{
	uint64_t range = 0x123000, banks[64];
	const uint64_t full[2] = {HV_SET_SPARSE, ~0ull}, last[2] = {HV_SET_SPARSE, 1ull << 63};

	for (unsigned i = 0; i < 64; i++) {
		banks[i] = ~0ull;
	}
	flush_space(read_cr3(), 0, ~0ull);
	flush_space(read_cr3(), 0, 1ull << 63);
	flush_list(0, ~0ull, &range, 1);
	flush_ex(full, banks, 64, NULL);
	flush_ex(full, banks, 64, &range);
	flush_ex(last, banks, 1, NULL);
	flush_ex(last, banks, 1, &range);
	check_equal(flush_space(read_cr3(), 0, self), HV_SUCCESS, "processors that do not exist do no harm");
}

/* --- does it flush? --- */

static volatile uint32_t asked, answered, seen_value;
static volatile bool stop_reading;

/* Reads through the window all the time, so that its TLB is warm, and answers with what it read after the question. */
static void read_window(void *address)
{
	while (!stop_reading) {
		uint32_t question = __atomic_load_n(&asked, __ATOMIC_SEQ_CST);
		seen_value = *(volatile uint32_t *)address;
		__atomic_store_n(&answered, question, __ATOMIC_SEQ_CST);
	}
}

static uint32_t value_elsewhere(void)
{
	uint32_t question = __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);

	if (!WAIT_FOR(__atomic_load_n(&answered, __ATOMIC_SEQ_CST) == question, 5000)) {
		return 0;
	}
	return seen_value;
}

static uint64_t flush_by(unsigned way, uint64_t mask, volatile void *address)
{
	uint64_t range = (uint64_t)address;
	const uint64_t sparse[2] = {HV_SET_SPARSE, 1};

	switch (way) {
	case 0:
		return flush_space(read_cr3(), 0, mask);
	case 1:
		return flush_space(0, HV_FLUSH_ALL_SPACES, mask);
	case 2:
		return flush_list(0, mask, &range, 1);
	case 3:
		return flush_ex(sparse, &mask, 1, NULL);
	default:
		return flush_ex(sparse, &mask, 1, &range);
	}
}

static const char *const ways[] = {"space", "all spaces", "list", "space with a set", "list with a set"};

static void test_flushing(unsigned target)
{
	uint32_t *pages[2] = {page_alloc(1), page_alloc(1)};
	volatile uint32_t *window = window_map_clean(7, (uint64_t)pages[0], PTE_PRESENT | PTE_WRITABLE);
	uint64_t mask = 1ull << vp_index[target];

	*pages[0] = 0xAAAA;
	*pages[1] = 0xBBBB;
	stop_reading = false;
	if (target != 0) {
		smp_post(target, read_window, (void *)(uint64_t)window);
	}
	for (unsigned way = 0; way < 5; way++) {
		bool good = true;
		for (unsigned i = 0; i < 20; i++) {
			uint32_t wanted = (i & 1) != 0 ? 0xAAAA : 0xBBBB;
			*window;
			window_map(7, (uint64_t)pages[wanted == 0xBBBB], PTE_PRESENT | PTE_WRITABLE);
			flush_by(way, mask, window);
			good = good && (target != 0 ? value_elsewhere() : *window) == wanted;
		}
		check(good, "processor %u uses new translations after a flush by %s", target, ways[way]);
	}
	stop_reading = true;
	if (target != 0 && !smp_wait(target, 5000)) {
		tap_bail("processor %u does not stop reading", target);
	}
}

static void test_switch(void)
{
	uint64_t old = read_cr3(), other = (uint64_t)address_space_copy();

	check_equal(hv_call(HV_CALL_SWITCH_ADDRESS_SPACE | HV_CONTROL_FAST, other, 0), HV_SUCCESS,
		    "switching the address space succeeds");
	check_equal(read_cr3(), other, "CR3 is the new one");
	check_equal(hv_call_words(HV_CALL_SWITCH_ADDRESS_SPACE, &old, 1), HV_SUCCESS, "in memory, too");
	check_equal(read_cr3(), old, "CR3 is the old one again");
	check_equal(hv_call(HV_CALL_SWITCH_ADDRESS_SPACE | HV_CONTROL_FAST, 1ull << 62, 0),
		    HV_INVALID_PARAMETER, "a value with reserved bits is refused");
	check_equal(read_cr3(), old, "and CR3 stays");
}

void test_main(void)
{
	if (!hv_enable_hypercalls() || !hv_has_hint(HV_HINT_REMOTE_FLUSH | HV_HINT_EX_MASKS)) {
		skip("not advertised", "TLB flushes by hypercall");
		return;
	}
	count = smp_start();
	learn_index(&vp_index[0]);
	for (unsigned i = 1; i < count; i++) {
		smp_run(i, learn_index, &vp_index[i]);
	}
	self = 1ull << vp_index[0];
	test_space_flags();
	test_list();
	test_start_index();
	test_extended_ranges();
	test_ex();
	test_nonexistent();
	test_switch();
	for (unsigned i = 0; i < count; i++) {
		test_flushing(i);
	}
}
