/* SPDX-License-Identifier: MIT */
/* HvSetVpRegisters (0x0051) of oneself. */
#include "registers.h"

#define MSR_FS_BASE 0xC0000100u

static const struct {
	uint32_t name, msr;
	uint64_t value;
	const char *text;
} msrs[] = {
	{NAME_KERNEL_GS_BASE, 0xC0000102, 0xFFFF800000112233, "KERNEL_GS_BASE"},
	{NAME_SYSENTER_CS, 0x174, 0x1234, "SYSENTER_CS"},
	{NAME_STAR, 0xC0000081, 0x0023001000000000, "STAR"},
	{NAME_LSTAR, 0xC0000082, 0xFFFF800000445566, "LSTAR"},
	{NAME_CSTAR, 0xC0000083, 0xFFFF800000778899, "CSTAR"},
	{NAME_SFMASK, 0xC0000084, 0x47700, "SFMASK"},
};

void conform_registers_set_msrs(void)
{
	for (unsigned i = 0; i < COUNT_OF(msrs); i++) {
		uint64_t before = rdmsr(msrs[i].msr), result = register_set(msrs[i].name, msrs[i].value, 0);
		expect_equal(hv_status(result), HV_SUCCESS, "setting %s", msrs[i].text);
		expect_equal(hv_reps(result), 1, "reps completed");
		expect_equal(rdmsr(msrs[i].msr), msrs[i].value, "%s then", msrs[i].text);
		wrmsr(msrs[i].msr, before);
	}
}

void conform_registers_set_cr8(void)
{
	expect_equal(hv_status(register_set(NAME_CR8, 6, 0)), HV_SUCCESS, "setting CR8");
	expect_equal(read_cr8(), 6, "CR8 then");
	write_cr8(0);
}

void conform_registers_set_dr7(void)
{
	uint64_t dr7;

	expect_equal(hv_status(register_set(NAME_DR7, 0xD0400, 0)), HV_SUCCESS, "setting DR7");
	__asm__ volatile("movq %%dr7, %0" : "=r"(dr7));
	expect_equal(dr7, 0xD0400, "DR7 then");
	__asm__ volatile("movq %0, %%dr7" ::"r"(0x400ull));
}

void conform_registers_set_fs(void)
{
	uint64_t before = rdmsr(MSR_FS_BASE);
	struct value fs = register_get(NAME_FS);

	expect_equal(hv_status(register_set(NAME_FS, 0x7654321000, fs.high)), HV_SUCCESS, "setting FS");
	expect_equal(rdmsr(MSR_FS_BASE), 0x7654321000, "its base then");
	wrmsr(MSR_FS_BASE, before);
}

void conform_registers_set_several(void)
{
	const uint64_t words[2 + 8] = {PARTITION_SELF, VP_SELF, NAME_LSTAR,	    0, 0xFFFF800000111111, 0,
				       NAME_CSTAR,     0,	0xFFFF800000222222, 0};
	uint64_t result = call_blocks(CALL_SET_VP_REGISTERS | HV_CONTROL_REPS(2), words, 10);

	expect_equal(hv_status(result), HV_SUCCESS, "two registers in one call, 32 bytes each");
	expect_equal(hv_reps(result), 2, "reps completed");
	expect_equal(rdmsr(0xC0000082), 0xFFFF800000111111, "LSTAR then");
	expect_equal(rdmsr(0xC0000083), 0xFFFF800000222222, "CSTAR then");
}

void conform_registers_set_second_unknown(void)
{
	const uint64_t words[2 + 12] = {PARTITION_SELF,	    VP_SELF, NAME_LSTAR, 0, 0xFFFF800000333333, 0,
					NAME_UNKNOWN,	    0,	     1,		 0, NAME_CSTAR,		0,
					0xFFFF800000444444, 0};

	wrmsr(0xC0000083, 0);
	uint64_t result = call_blocks(CALL_SET_VP_REGISTERS | HV_CONTROL_REPS(3), words, 14);
	expect_bad_name(result, "a list whose second name no register has");
	expect_equal(hv_reps(result), 1, "reps completed");
	expect_equal(rdmsr(0xC0000082), 0xFFFF800000333333, "the first, which is set");
	expect_equal(rdmsr(0xC0000083), 0, "the third, which is not");
}

void conform_registers_set_unknown(void)
{
	expect_bad_name(register_set(NAME_UNKNOWN, 0, 0), "a name that no register has");
}

void conform_registers_set_read_only(void)
{
	uint64_t index = rdmsr(HV_MSR_VP_INDEX);

	expect_equal(hv_status(register_set(NAME_VP_INDEX, index + 1, 0)), HV_INVALID_PARAMETER,
		     "setting the VP index");
	expect_equal(rdmsr(HV_MSR_VP_INDEX), index, "the index then");
}

void conform_registers_set_reserved_bits(void)
{
	uint64_t efer = rdmsr(MSR_EFER);

	expect_bad_value(register_set(NAME_EFER, efer | 1ull << 63, 0), "EFER with reserved bit 63");
	expect_bad_value(register_set(NAME_CR8, 0x10, 0), "CR8 with reserved bit 4");
	expect_equal(rdmsr(MSR_EFER), efer, "EFER then");
	expect_equal(read_cr8(), 0, "CR8 then");
}

void conform_registers_set_beyond_64_bits(void)
{
	uint64_t before = rdmsr(0xC0000082);

	expect_bad_value(register_set(NAME_LSTAR, 0x1000, 1), "LSTAR with bit 64 set");
	expect_equal(rdmsr(0xC0000082), before, "LSTAR then");
}

void conform_registers_set_absent_vp(void)
{
	const uint64_t words[6] = {PARTITION_SELF, 0x7FFF, NAME_LSTAR, 0, 0, 0};
	uint64_t result = call_blocks(CALL_SET_VP_REGISTERS | HV_CONTROL_REPS(1), words, 6);

	expect_equal(hv_status(result), STATUS_INVALID_VP_INDEX, "VP 32767");
}

void conform_registers_set_vp_assist_page(void)
{
	uint64_t value = (uint64_t)scratch(0) | HV_MSR_ENABLE;

	expect_equal(hv_status(register_set(NAME_VP_ASSIST_PAGE, value, 0)), HV_SUCCESS,
		     "setting VP_ASSIST_PAGE");
	expect_equal(rdmsr(HV_MSR_VP_ASSIST_PAGE), value, "the MSR then");
	wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
}
