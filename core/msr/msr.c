/* SPDX-License-Identifier: MPL-2.0 */
/* Whose register is it: the hypervisor's, the APIC's or the processor's? */
#include "core/msr.h"

#include "abi/hv_msr.h"
#include "core/apic.h"
#include "core/msr/msr_priv.h"

#define MSR_APIC_BASE 0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC_FIRST 0x800
#define MSR_X2APIC_LAST 0x8ff

static bool is_synthetic(uint32_t number)
{
	return number >= HV_X64_MSR_FIRST && number <= HV_X64_MSR_LAST;
}

static bool is_apic(uint32_t number)
{
	return (number >= MSR_X2APIC_FIRST && number <= MSR_X2APIC_LAST) || number == MSR_APIC_BASE ||
	       number == MSR_TSC_DEADLINE;
}

enum msr_result msr_read(struct vp *vp, uint32_t number, uint64_t *value)
{
	struct msr_access access = {.vp = vp};
	enum msr_result result;

	if (is_apic(number)) {
		return apic_msr_read(vp, number, value) ? MSR_DONE : MSR_FAULT;
	}
	result = is_synthetic(number) ? msr_synthetic_read(&access, number)
				      : msr_processor_read(&access, number);
	*value = access.value;
	return result;
}

enum msr_result msr_write(struct vp *vp, uint32_t number, uint64_t value)
{
	struct msr_access access = {.vp = vp, .value = value};

	if (is_apic(number)) {
		return apic_msr_write(vp, number, value) ? MSR_DONE : MSR_FAULT;
	}
	return is_synthetic(number) ? msr_synthetic_write(&access, number)
				    : msr_processor_write(&access, number);
}
