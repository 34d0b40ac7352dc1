/* SPDX-License-Identifier: MIT */
/* HvGetVpRegisters (0x0050) of oneself: every register that TLFS 6.0b lists as supported, and what is refused. */
#include "../guest/framework/smp.h"
#include "registers.h"

#define OTHER_PARTITION 0x123456789ABCDEFull
#define MSR_FS_BASE 0xC0000100u

void conform_registers_get_rsp_rip(void)
{
	uint64_t here, page = (uint64_t)hv_hypercall_page();
	uint64_t rsp = register_get(NAME_RSP).low, rip = register_get(NAME_RIP).low;

	__asm__ volatile("movq %%rsp, %0" : "=r"(here));
	expect_between(rsp, here - PAGE_SIZE, here + PAGE_SIZE, "RSP, near that of the caller");
	expect_between(rip, page, page + PAGE_SIZE - 1, "RIP, in the hypercall page");
}

void conform_registers_get_rflags(void)
{
	uint64_t flags = register_get(NAME_RFLAGS).low;

	expect((flags & 2) != 0, "bit 1 of RFLAGS is set");
	expect_equal(flags & RFLAGS_IF, 0, "the interrupt flag, with interrupts disabled");
	expect_equal(flags & 0x3000, 0, "the I/O privilege level");
}

void conform_registers_get_cr3(void)
{
	expect_equal(register_get(NAME_CR3).low, read_cr3(), "CR3");
}

void conform_registers_get_cr8(void)
{
	write_cr8(11);
	expect_equal(register_get(NAME_CR8).low, 11, "CR8");
	write_cr8(0);
}

void conform_registers_get_dr7(void)
{
	uint64_t dr7;

	__asm__ volatile("movq %%dr7, %0" : "=r"(dr7));
	expect_equal(register_get(NAME_DR7).low, dr7, "DR7");
}

/* Base in the low half; limit, selector and attributes in the high one. */
static unsigned selector_of(struct value segment)
{
	return (unsigned)(segment.high >> 32 & 0xFFFF);
}

static unsigned attributes_of(struct value segment)
{
	return (unsigned)(segment.high >> 48);
}

void conform_registers_get_cs(void)
{
	struct value cs = register_get(NAME_CS);

	expect_equal(selector_of(cs), SELECTOR_CODE, "the selector");
	expect_equal(cs.low, 0, "the base");
	expect_equal(attributes_of(cs) & 0x2098, 0x2098, "present, no system segment, code, and 64-bit");
	expect_equal(attributes_of(cs) & 0x0060, 0, "the privilege level");
}

void conform_registers_get_data_segments(void)
{
	static const uint32_t names[] = {NAME_ES, NAME_SS, NAME_DS};
	uint16_t selectors[3];

	__asm__ volatile("movw %%es, %0" : "=r"(selectors[0]));
	__asm__ volatile("movw %%ss, %0" : "=r"(selectors[1]));
	__asm__ volatile("movw %%ds, %0" : "=r"(selectors[2]));
	for (unsigned i = 0; i < 3; i++) {
		expect_equal(selector_of(register_get(names[i])), selectors[i],
			     "the selector of register 0x%x", names[i]);
	}
}

void conform_registers_get_fs_gs(void)
{
	uint64_t before = rdmsr(MSR_FS_BASE);

	wrmsr(MSR_FS_BASE, 0x123456789000);
	expect_equal(register_get(NAME_FS).low, 0x123456789000, "the base of FS");
	expect_equal(register_get(NAME_GS).low, rdmsr(MSR_GS_BASE), "the base of GS");
	wrmsr(MSR_FS_BASE, before);
}

void conform_registers_get_tr_ldtr(void)
{
	uint16_t tr, ldtr;

	__asm__ volatile("str %0" : "=r"(tr));
	__asm__ volatile("sldt %0" : "=r"(ldtr));
	struct value task = register_get(NAME_TR);
	expect_equal(selector_of(task), tr, "the selector of TR");
	expect_equal(task.low, (uint64_t)this_cpu()->tss, "its base");
	/* OBSERVED: QEMU's software processor does not set the busy bit that LTR sets, so that no one above it sees it. */
	expect_equal(attributes_of(task) & 0x9D, 0x89, "a task state segment that is present");
	expect_equal(selector_of(register_get(NAME_LDTR)), ldtr, "the selector of LDTR");
}

struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

void conform_registers_get_tables(void)
{
	struct table gdt, idt;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	__asm__ volatile("sidt %0" : "=m"(idt));
	struct value gdtr = register_get(NAME_GDTR), idtr = register_get(NAME_IDTR);
	expect_equal(gdtr.high, gdt.base, "the base of GDTR");
	expect_equal(gdtr.low >> 48, gdt.limit, "its limit");
	expect_equal(idtr.high, idt.base, "the base of IDTR");
	expect_equal(idtr.low >> 48, idt.limit, "its limit");
}

static const struct {
	uint32_t name, msr;
	const char *text;
} msrs[] = {
	{NAME_EFER, 0xC0000080, "EFER"},     {NAME_KERNEL_GS_BASE, 0xC0000102, "KERNEL_GS_BASE"},
	{NAME_APIC_BASE, 0x1B, "APIC_BASE"}, {NAME_SYSENTER_CS, 0x174, "SYSENTER_CS"},
	{NAME_STAR, 0xC0000081, "STAR"},     {NAME_LSTAR, 0xC0000082, "LSTAR"},
	{NAME_CSTAR, 0xC0000083, "CSTAR"},   {NAME_SFMASK, 0xC0000084, "SFMASK"},
};

void conform_registers_get_msrs(void)
{
	wrmsr(0xC0000082, 0xFFFF800012345678);
	for (unsigned i = 0; i < COUNT_OF(msrs); i++) {
		expect_equal(register_get(msrs[i].name).low, rdmsr(msrs[i].msr), "%s", msrs[i].text);
	}
	wrmsr(0xC0000082, 0);
}

void conform_registers_get_vp_assist_page(void)
{
	wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)scratch(0) | HV_MSR_ENABLE);
	expect_equal(register_get(NAME_VP_ASSIST_PAGE).low, rdmsr(HV_MSR_VP_ASSIST_PAGE), "VP_ASSIST_PAGE");
	wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
}

void conform_registers_get_extended_to_128_bits(void)
{
	static const uint32_t names[] = {NAME_RSP, NAME_CR3, NAME_CR8, NAME_EFER, NAME_STAR};

	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		expect_equal(register_get(names[i]).high, 0, "the upper half of register 0x%x", names[i]);
	}
}

void conform_registers_get_several(void)
{
	static const uint32_t names[3] = {NAME_CR3, NAME_EFER, NAME_APIC_BASE};
	uint64_t result = registers_get(names, 3);

	expect_equal(hv_status(result), HV_SUCCESS, "three registers in one call");
	expect_equal(hv_reps(result), 3, "reps completed");
	expect_equal(output_word(0), read_cr3(), "the first");
	expect_equal(output_word(2), rdmsr(MSR_EFER), "the second");
	expect_equal(output_word(4), rdmsr(MSR_APIC_BASE), "the third");
}

void conform_registers_get_from_start_index(void)
{
	const uint64_t words[4] = {PARTITION_SELF, VP_SELF, NAME_UNKNOWN | (uint64_t)NAME_CR3 << 32, 0};
	uint64_t control = CALL_GET_VP_REGISTERS | HV_CONTROL_REPS(2) | HV_CONTROL_START(1);
	uint64_t result = call_blocks(control, words, 4);

	expect_equal(hv_status(result), HV_SUCCESS, "from the second element on, behind an unknown name");
	expect_equal(hv_reps(result), 2, "reps completed");
	expect_equal(output_word(2), read_cr3(), "the second value");
	expect_equal(output_word(0), 0xEEEEEEEEEEEEEEEE, "the first value, which is not written");
}

void conform_registers_get_unknown(void)
{
	const uint32_t name = NAME_UNKNOWN;

	expect_bad_name(registers_get(&name, 1), "a name that no register has");
}

void conform_registers_get_second_unknown(void)
{
	static const uint32_t names[3] = {NAME_CR3, NAME_UNKNOWN, NAME_EFER};
	uint64_t result = registers_get(names, 3);

	expect_bad_name(result, "a list whose second name no register has");
	expect_equal(hv_reps(result), 1, "reps completed");
}

static uint64_t get_of(uint64_t partition, uint64_t vp)
{
	const uint64_t words[3] = {partition, vp, NAME_CR3};

	return call_blocks(CALL_GET_VP_REGISTERS | HV_CONTROL_REPS(1), words, 3);
}

void conform_registers_get_by_index(void)
{
	expect_equal(hv_status(get_of(PARTITION_SELF, rdmsr(HV_MSR_VP_INDEX))), HV_SUCCESS,
		     "the VP's index in place of the name for oneself");
	expect_equal(output_word(0), read_cr3(), "CR3");
}

void conform_registers_get_absent_vp(void)
{
	expect_equal(hv_status(get_of(PARTITION_SELF, 0x7FFF)), STATUS_INVALID_VP_INDEX, "VP 32767");
	expect_equal(hv_status(get_of(PARTITION_SELF, 0xFFFFFFFF)), STATUS_INVALID_VP_INDEX, "any VP");
}

void conform_registers_get_other_partition(void)
{
	unsigned status = hv_status(get_of(OTHER_PARTITION, VP_SELF));

	expect(status == HV_ACCESS_DENIED || status == STATUS_INVALID_PARTITION_ID,
	       "a partition that does not exist: status 0x%x", status);
}

void conform_registers_get_reserved(void)
{
	observe("ones in bytes 13 to 15 of the header: status 0x%x",
		hv_status(get_of(PARTITION_SELF, VP_SELF | 0xABCDEFull << 40)));
}

void conform_registers_get_vtl(void)
{
	if (has_privilege(48)) {
		skip_requirement("the partition has VSM");
		return;
	}
	expect_refused(get_of(PARTITION_SELF, VP_SELF | 0x11ull << 32), "VTL 1, which is not there");
}

void conform_registers_get_of_other_vp(void)
{
	uint64_t result = get_of(PARTITION_SELF, vp_index_of(1));

	observe("a register of another VP, which runs: status 0x%x", hv_status(result));
}
