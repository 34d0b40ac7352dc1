/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Breakpoint addresses and XCR0, read and written where they are. The exit has switched the breakpoints themselves off.
 */
#include "x86/cpu/guest_registers.h"

#include "x86/cpu/instructions.h"

#define CR4_OSXSAVE (UINT64_C(1) << 18)

/* XGETBV and XSETBV want OSXSAVE; nothing else of the hypervisor does. */
static uint64_t xfem_get(void)
{
	uint64_t cr4 = cpu_read_cr4();

	cpu_write_cr4(cr4 | CR4_OSXSAVE);
	uint64_t value = cpu_xgetbv();

	cpu_write_cr4(cr4);
	return value;
}

static void xfem_set(uint64_t value)
{
	uint64_t cr4 = cpu_read_cr4();

	cpu_write_cr4(cr4 | CR4_OSXSAVE);
	cpu_xsetbv_safe(value);
	cpu_write_cr4(cr4);
}

bool guest_register_get(enum hv_register_name name, uint64_t *value)
{
	switch (name) {
	case HV_X64_REGISTER_DR0:
		*value = cpu_read_dr0();
		return true;
	case HV_X64_REGISTER_DR1:
		*value = cpu_read_dr1();
		return true;
	case HV_X64_REGISTER_DR2:
		*value = cpu_read_dr2();
		return true;
	case HV_X64_REGISTER_DR3:
		*value = cpu_read_dr3();
		return true;
	case HV_X64_REGISTER_XFEM:
		*value = xfem_get();
		return true;
	default:
		return false;
	}
}

bool guest_register_set(enum hv_register_name name, uint64_t value)
{
	switch (name) {
	case HV_X64_REGISTER_DR0:
		cpu_write_dr0(value);
		return true;
	case HV_X64_REGISTER_DR1:
		cpu_write_dr1(value);
		return true;
	case HV_X64_REGISTER_DR2:
		cpu_write_dr2(value);
		return true;
	case HV_X64_REGISTER_DR3:
		cpu_write_dr3(value);
		return true;
	case HV_X64_REGISTER_XFEM:
		xfem_set(value);
		return true;
	default:
		return false;
	}
}
