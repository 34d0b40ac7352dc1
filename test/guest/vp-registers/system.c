/* SPDX-License-Identifier: MIT */
/* Control, debug, segment and table registers. See main.c. */
#include "names.h"

#include "../framework/cpu.h"
#include "../framework/memory.h"
#include "../framework/tap.h"

#define MOVE_FROM(reg)                                                                                       \
	({                                                                                                   \
		uint64_t moved;                                                                              \
		__asm__ volatile("movq %%" reg ", %0" : "=r"(moved)::"memory");                              \
		moved;                                                                                       \
	})
#define MOVE_TO(reg, value) __asm__ volatile("movq %0, %%" reg ::"r"((uint64_t)(value)) : "memory")

static void check_refused(uint32_t name, uint64_t low, uint64_t high, const char *what)
{
	struct value before = {0, 0}, after = {1, 1};

	register_get(name, &before);
	check_equal(register_set(name, low, high), HV_INVALID_PARAMETER, "%s is refused", what);
	register_get(name, &after);
	check(before.low == after.low && before.high == after.high, "%s changes nothing", what);
}

static void test_control(void)
{
	uint64_t cr0 = MOVE_FROM("cr0"), cr4 = read_cr4();

	check_equal(register_low(REG_CR0), cr0, "CR0");
	check_equal(register_low(REG_CR3), read_cr3(), "CR3");
	check_equal(register_low(REG_CR4), cr4, "CR4");
	MOVE_TO("cr2", 0x123456789A);
	check_equal(register_low(REG_CR2), 0x123456789A, "CR2");
	check_equal(register_set(REG_CR2, 0xFEDCBA9876543210, 0), HV_SUCCESS, "CR2 is written");
	check_equal(MOVE_FROM("cr2"), 0xFEDCBA9876543210, "and read");
	write_cr8(5);
	check_equal(register_low(REG_CR8), 5, "CR8");
	check_equal(register_low(REG_TPR), 0x50, "and the TPR, which is the same");
	check_equal(register_set(REG_CR8, 0, 0), HV_SUCCESS, "CR8 is written");
	check_equal(read_cr8(), 0, "and read");
	check_equal(register_set(REG_CR0, cr0 ^ 1u << 18, 0), HV_SUCCESS, "CR0.AM is turned over");
	check_equal(MOVE_FROM("cr0"), cr0 ^ 1u << 18, "and nothing else");
	check_equal(register_set(REG_CR0, cr0, 0), HV_SUCCESS, "and back");
	check_equal(register_set(REG_CR4, cr4 ^ 1u << 8, 0), HV_SUCCESS, "CR4.PCE is turned over");
	check_equal(read_cr4(), cr4 ^ 1u << 8, "and nothing else");
	check_equal(register_set(REG_CR4, cr4, 0), HV_SUCCESS, "and back");
}

static void test_control_refusals(void)
{
	uint64_t cr0 = MOVE_FROM("cr0"), cr4 = read_cr4(), efer = rdmsr(MSR_EFER);

	check_refused(REG_CR0, cr0 & ~1ull, 0, "CR0 without protection");
	check_refused(REG_CR0, cr0 & ~(1ull << 31), 0, "CR0 without paging in 64-bit code");
	check_refused(REG_CR0, (cr0 | 1u << 29) & ~(1ull << 30), 0, "CR0 with NW and without CD");
	check_refused(REG_CR0, cr0 | 1ull << 32, 0, "CR0 with bit 32");
	check_refused(REG_CR4, cr4 & ~(1ull << 5), 0, "CR4 without PAE");
	check_refused(REG_CR4, cr4 | 1ull << 31, 0, "CR4 with bit 31");
	check_refused(REG_CR4, cr4 | 1ull << 13, 0, "CR4 with VMXE");
	check_refused(REG_CR3, read_cr3() | 1ull << memory_width(), 0, "CR3 beyond the width");
	check_refused(REG_CR8, 16, 0, "CR8 of 16");
	check_refused(REG_EFER, efer & ~(1ull << 8), 0, "EFER without LME");
	check_refused(REG_EFER, efer & ~(1ull << 10), 0, "EFER without LMA");
	check_refused(REG_EFER, efer | 1ull << 12, 0, "EFER with SVME");
	check_refused(REG_EFER, efer | 1ull << 63, 0, "EFER with bit 63");
	check_refused(REG_PAT, 0x0007040600070402, 0, "PAT with memory type 2");
	check_refused(REG_DR6, 1ull << 32, 0, "DR6 with bit 32");
	check_refused(REG_DR7, 1ull << 32, 0, "DR7 with bit 32");
	check_refused(REG_LSTAR, 1ull << 60, 0, "an LSTAR that is not canonical");
	check_refused(REG_KERNEL_GS_BASE, 1ull << 60, 0, "a KERNEL_GS_BASE that is not canonical");
}

/* Another address space, while the call that asks for it is made. */
static void test_cr3(void)
{
	uint64_t own = read_cr3(), other = (uint64_t)address_space_copy();

	check_equal(register_set(REG_CR3, other, 0), HV_SUCCESS, "CR3 is written");
	check_equal(read_cr3(), other, "and the processor is in the other address space");
	check_equal(register_set(REG_CR3, own, 0), HV_SUCCESS, "and back");
}

static void test_debug(void)
{
	for (unsigned i = 0; i < 4; i++) {
		check_equal(register_set(REG_DR0 + i, 0x1000 * (i + 1), 0), HV_SUCCESS, "DR%u is written", i);
	}
	check_equal(MOVE_FROM("dr0"), 0x1000, "DR0 is read");
	check_equal(MOVE_FROM("dr1"), 0x2000, "DR1 is read");
	check_equal(MOVE_FROM("dr2"), 0x3000, "DR2 is read");
	check_equal(MOVE_FROM("dr3"), 0x4000, "DR3 is read");
	MOVE_TO("dr1", 0xABCDEF);
	check_equal(register_low(REG_DR0 + 1), 0xABCDEF, "DR1 by hypercall");
	check_equal(register_set(REG_DR6, 0, 0), HV_SUCCESS, "DR6 is written");
	check_equal(MOVE_FROM("dr6") & 0xFFFF, 0x0FF0, "bits without meaning are what they always are");
	check_equal(register_low(REG_DR6), MOVE_FROM("dr6"), "DR6");
	check_equal(register_low(REG_DR7), MOVE_FROM("dr7"), "DR7");
	check_equal(register_set(REG_DR7, 0, 0), HV_SUCCESS, "DR7 is written");
	check_equal(MOVE_FROM("dr7"), 0x400, "and read");
}

/* --- segments --- */

#define ATTRIBUTES(value) ((value).high >> 48)
#define SELECTOR(value) ((value).high >> 32 & 0xFFFF)
#define REST(attributes, selector, limit)                                                                    \
	((uint64_t)(attributes) << 48 | (uint64_t)(selector) << 32 | (uint32_t)(limit))

static void test_segments(void)
{
	struct value value = {0, 0};
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) table;

	register_get(REG_CS, &value);
	check_equal(SELECTOR(value), SELECTOR_CODE, "CS: selector");
	check_equal(ATTRIBUTES(value) & 0xF0FE, 0xA09A, "CS: a present 64-bit code segment");
	register_get(REG_SS, &value);
	check_equal(SELECTOR(value), SELECTOR_DATA, "SS: selector");
	register_get(REG_TR, &value);
	check_equal(SELECTOR(value), SELECTOR_TSS, "TR: selector");
	check_equal(ATTRIBUTES(value) & 0xFD, 0x89, "TR: a present task");
	check_equal(value.low, (uint64_t)this_cpu()->tss, "TR: base");
	register_get(REG_GS, &value);
	check_equal(value.low, rdmsr(MSR_GS_BASE), "GS: base");
	__asm__ volatile("sgdt %0" : "=m"(table));
	register_get(REG_GDTR, &value);
	check_equal(value.high, table.base, "GDTR: base");
	check_equal(value.low >> 48, table.limit, "GDTR: limit");
	check_equal(register_set(REG_GDTR, value.low, value.high), HV_SUCCESS, "GDTR is written as it is");
	__asm__ volatile("sidt %0" : "=m"(table));
	register_get(REG_IDTR, &value);
	check_equal(value.high, table.base, "IDTR: base");
	check_equal(value.low >> 48, table.limit, "IDTR: limit");
	check_equal(register_set(REG_IDTR, value.low, value.high), HV_SUCCESS, "IDTR is written as it is");
}

static void test_segments_set(void)
{
	static const uint32_t names[] = {REG_ES, REG_CS, REG_SS, REG_DS, REG_FS, REG_GS, REG_LDTR, REG_TR};
	struct value value = {0, 0};
	uint64_t good = 0;

	for (unsigned i = 0; i < 8; i++) {
		register_get(names[i], &value);
		good += register_set(names[i], value.low, value.high) == HV_SUCCESS;
	}
	check_equal(good, 8, "eight segments are written as they are");
	register_get(REG_FS, &value);
	check_equal(register_set(REG_FS, 0xFFFF800012345000, value.high), HV_SUCCESS, "FS gets another base");
	check_equal(rdmsr(0xC0000100), 0xFFFF800012345000, "which its MSR shows");
	check_refused(REG_FS, 1ull << 60, value.high, "an FS base that is not canonical");
	check_equal(register_set(REG_FS, 0, value.high), HV_SUCCESS, "and back");
	check_refused(REG_CS, 0, REST(0xA01B, 8, 0xFFFFFFFF), "CS that is not present");
	check_refused(REG_CS, 0, REST(0xA093, 8, 0xFFFFFFFF), "CS of data");
	check_refused(REG_CS, 0, REST(0xE09B, 8, 0xFFFFFFFF), "CS with L and D");
	check_refused(REG_CS, 0, REST(0xC09B, 8, 0xFFFFFFFF), "CS of 32-bit code");
	check_refused(REG_CS, 0, REST(0xA0FB, 8, 0xFFFFFFFF), "CS of CPL 3");
	check_refused(REG_CS, 0, REST(0xA19B, 8, 0xFFFFFFFF), "CS with a reserved bit");
	check_refused(REG_SS, 0, REST(0xC0F3, 16, 0xFFFFFFFF), "SS of CPL 3");
	check_refused(REG_SS, 0, REST(0xC091, 16, 0xFFFFFFFF), "SS that cannot be written");
	check_refused(REG_DS, 0, REST(0xC093, 16, 0xFFFFF000), "a limit in pages that does not end with one");
	check_refused(REG_DS, 0, REST(0x4093, 16, 0x100000), "a limit in bytes beyond 1 MiB");
	check_refused(REG_TR, 0, 0, "TR of nothing");
	check_refused(REG_TR, 0, REST(0x83, SELECTOR_TSS, 0x67), "TR of a 16-bit task in long mode");
	check_refused(REG_LDTR, 0, REST(0x89, 8, 0x67), "LDTR of a task");
	check_refused(REG_GDTR, 0, 1ull << 60, "a GDTR base that is not canonical");
}

void test_system_registers(void)
{
	test_control();
	test_control_refusals();
	test_cr3();
	test_debug();
	test_segments();
	test_segments_set();
}
