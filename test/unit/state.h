/* SPDX-License-Identifier: MPL-2.0 */
/* For the tests of registers: a fake VP in 64-bit mode, on a processor with the usual features. */
#pragma once

#include "core/registers.h"
#include "test/unit/unit.h"

#define STATE_CR0 UINT64_C(0x80010033)
#define STATE_CR3 UINT64_C(0x5000)
#define STATE_CR4 UINT64_C(0x620)
#define STATE_EFER UINT64_C(0x500)
#define STATE_CS UINT64_C(0xa09b0008ffffffff)

static inline void state_prepare(struct fake *fake)
{
	struct vp *vp = fake_vp(fake, 0);

	/* FPU, VME, DE, PSE, TSC, PAE, MCE, PGE, FXSR, SSE; PCID, XSAVE. FSGSBASE, SMEP, SMAP; UMIP, PKU, LA57. */
	fake_cpuid_set(fake, 1, 0, (struct cpuid_result){.ecx = 1u << 17 | 1u << 26, .edx = 0x030020df});
	fake_cpuid_set(
		fake, 7, 0,
		(struct cpuid_result){.ebx = 1u | 1u << 7 | 1u << 20, .ecx = 1u << 2 | 1u << 3 | 1u << 16});
	fake_cpuid_set(fake, 0xd, 0, (struct cpuid_result){.eax = 0x602ff});
	fake_register_set(vp, HV_X64_REGISTER_CR0, STATE_CR0);
	fake_register_set(vp, HV_X64_REGISTER_CR3, STATE_CR3);
	fake_register_set(vp, HV_X64_REGISTER_CR4, STATE_CR4);
	fake_register_set(vp, HV_X64_REGISTER_EFER, STATE_EFER);
	fake_register_set(vp, HV_X64_REGISTER_CS, STATE_CS);
	fake_register_set(vp, HV_X64_REGISTER_RFLAGS, 2);
	fake_records_clear(fake);
}

/* Protected mode without paging, 32-bit code. */
static inline void state_prepare_32(struct fake *fake)
{
	struct vp *vp = fake_vp(fake, 0);

	state_prepare(fake);
	fake_register_set(vp, HV_X64_REGISTER_CR0, 0x33);
	fake_register_set(vp, HV_X64_REGISTER_CR3, 0);
	fake_register_set(vp, HV_X64_REGISTER_CR4, 0);
	fake_register_set(vp, HV_X64_REGISTER_EFER, 0);
	fake_register_set(vp, HV_X64_REGISTER_CS, UINT64_C(0xc09b0008ffffffff));
}

static inline void state_takes(struct fake *fake, uint32_t name, uint64_t low, uint64_t high)
{
	struct hv_register_value value = {low, high};

	assert_int_equal(vp_register_set(fake_vp(fake, 0), name, &value), 0);
}

/* Refused, and nothing has happened. */
static inline void state_refuses(struct fake *fake, uint32_t name, uint64_t low, uint64_t high)
{
	struct hv_register_value value = {low, high};

	fake_records_clear(fake);
	assert_int_equal(vp_register_set(fake_vp(fake, 0), name, &value), 5);
	assert_int_equal(fake_total(fake), 0);
}

static inline struct hv_register_value state_get(struct fake *fake, uint32_t name)
{
	struct hv_register_value value = {0, 0};

	assert_int_equal(vp_register_get(fake_vp(fake, 0), name, &value), 0);
	return value;
}
