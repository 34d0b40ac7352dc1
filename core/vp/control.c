/* SPDX-License-Identifier: MPL-2.0 */
/*
 * RFLAGS, the control and debug registers, EFER and XFEM: which values a processor would take.
 *
 * The rules are those of MOV to the register and of WRMSR, so that no value gets in that the machine could not enter
 * the guest with. CHOICE: a VP that sets its own registers stays in the mode in which it made the call: protected mode
 * is not left, nor 64-bit mode. Virtual-8086 mode is not entered.
 *
 * Sources: AMD APM volume 2, "System Resources", "Canonicalization and Consistency Checks"; Intel SDM volume 3, "System
 * Architecture Overview"; volume 1, "Managing State Using the XSAVE Feature Set".
 */
#include "core/apic.h"
#include "core/cpuid.h"
#include "core/machine.h"
#include "core/msr.h"
#include "core/vp.h"
#include "core/vp/registers_priv.h"

#define BIT(n) (UINT64_C(1) << (n))

/* CF, 1, PF, AF, ZF, SF, TF, IF, DF, OF, IOPL, NT, RF, AC, VIF, VIP, ID. */
#define RFLAGS_LEGAL UINT64_C(0x3d7fd7)
#define RFLAGS_ONE BIT(1)

#define CR0_ET BIT(4)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
/* PE, MP, EM, TS, ET, NE, WP, AM, NW, CD, PG. */
#define CR0_LEGAL UINT64_C(0xe005003f)

#define CR4_PCIDE BIT(17)
#define CR3_PCID_MASK UINT64_C(0xfff)

#define DR6_ONES UINT64_C(0xffff0ff0)
#define DR7_ONES BIT(10)
#define DR7_ZEROS (BIT(11) | BIT(12) | BIT(14) | BIT(15))

#define CR8_MASK UINT64_C(0xf)

#define LEAF_XSAVE 0x0000000d
#define LEAF1_ECX_XSAVE BIT(26)
#define XFEM_X87 BIT(0)
#define XFEM_SSE BIT(1)
#define XFEM_AVX BIT(2)
#define XFEM_BOUNDS (BIT(3) | BIT(4))
#define XFEM_AVX512 (BIT(5) | BIT(6) | BIT(7))
#define XFEM_TILES (BIT(17) | BIT(18))

/* --- Values by themselves ------------------------------------------------------------------------------------- */

bool rflags_is_legal(uint64_t value)
{
	return (value & ~RFLAGS_LEGAL) == 0 && (value & RFLAGS_ONE) != 0;
}

bool cr0_is_legal(uint64_t value)
{
	bool paging_without_protection = (value & (CR0_PG | CR0_PE)) == CR0_PG;
	bool not_write_through_without_disable = (value & (CR0_NW | CR0_CD)) == CR0_NW;

	return (value & ~CR0_LEGAL) == 0 && !paging_without_protection && !not_write_through_without_disable;
}

/* A bit of CR4 exists when CPUID shows its feature. */
struct cr4_feature {
	uint64_t bits; /* of CR4 */
	uint32_t leaf;
	unsigned reg; /* 0: EBX, 1: ECX, 2: EDX */
	unsigned bit;
};

static const struct cr4_feature cr4_features[] = {
	{BIT(0) | BIT(1), 1, 2, 1}, /* VME, PVI */
	{BIT(2), 1, 2, 4},	    /* TSD */
	{BIT(3), 1, 2, 2},	    /* DE */
	{BIT(4), 1, 2, 3},	    /* PSE */
	{BIT(5), 1, 2, 6},	    /* PAE */
	{BIT(6), 1, 2, 7},	    /* MCE */
	{BIT(7), 1, 2, 13},	    /* PGE */
	{BIT(8), 1, 2, 0},	    /* PCE: with the FPU, as old as it */
	{BIT(9), 1, 2, 24},	    /* OSFXSR */
	{BIT(10), 1, 2, 25},	    /* OSXMMEXCPT */
	{BIT(11), 7, 1, 2},	    /* UMIP */
	{BIT(12), 7, 1, 16},	    /* LA57 */
	{BIT(16), 7, 0, 0},	    /* FSGSBASE */
	{BIT(17), 1, 1, 17},	    /* PCIDE */
	{BIT(18), 1, 1, 26},	    /* OSXSAVE */
	{BIT(20), 7, 0, 7},	    /* SMEP */
	{BIT(21), 7, 0, 20},	    /* SMAP */
	{BIT(22), 7, 1, 3},	    /* PKE */
};

static bool has_feature(const struct cpuid_result *leaf, const struct cr4_feature *feature)
{
	const uint32_t registers[] = {leaf->ebx, leaf->ecx, leaf->edx};

	return (registers[feature->reg] >> feature->bit & 1) != 0;
}

bool cr4_is_legal(struct vp *vp, uint64_t value)
{
	struct cpuid_result leaf_1 = cpuid_answer(vp, 1, 0);
	struct cpuid_result leaf_7 = cpuid_answer(vp, 7, 0);
	uint64_t legal = 0;

	for (unsigned i = 0; i < sizeof(cr4_features) / sizeof(cr4_features[0]); i++) {
		if (has_feature(cr4_features[i].leaf == 1 ? &leaf_1 : &leaf_7, &cr4_features[i])) {
			legal |= cr4_features[i].bits;
		}
	}
	return (value & ~legal) == 0;
}

bool efer_is_legal(struct vp *vp, uint64_t value)
{
	return (value & ~msr_efer_legal(vp)) == 0;
}

/* All bits above the highest one that is translated equal it. */
bool address_is_canonical(uint64_t address, uint64_t cr4)
{
	unsigned unused = (cr4 & CR4_LA57) != 0 ? 7 : 16;

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

/* --- Values together ------------------------------------------------------------------------------------------ */

bool mode_complete(struct vp *vp, struct translate_mode *mode)
{
	bool long_mode = (mode->efer & EFER_LME) != 0 && (mode->cr0 & CR0_PG) != 0;
	unsigned cr3_bits = long_mode ? machine_gpa_bits(vp->partition) : 32;

	mode->efer = (mode->efer & ~EFER_LMA) | (long_mode ? EFER_LMA : 0);
	if (mode->cr3 >> cr3_bits != 0) {
		return false;
	}
	return long_mode ? (mode->cr4 & CR4_PAE) != 0 : (mode->cr4 & CR4_PCIDE) == 0;
}

/* Does the VP stay where it can make the call that sets its registers? */
static bool mode_is_kept(const struct translate_mode *from, const struct translate_mode *to,
			 bool code_is_64_bit)
{
	bool leaves_long_mode = (to->efer & EFER_LMA) == 0 && (from->efer & EFER_LMA) != 0;

	return (to->cr0 & CR0_PE) != 0 && !(code_is_64_bit && leaves_long_mode);
}

static bool code_is_64_bit(struct vp *vp)
{
	uint64_t attributes = machine_register_get(vp, HV_X64_REGISTER_CS) >> 48;

	return (attributes & HV_X64_SEGMENT_LONG) != 0;
}

/* The new mode differs from the present one in one register, which is legal by itself. Writes what changes: that
 * register, and EFER if long mode begins or ends with it. */
static bool mode_change(struct vp *vp, struct translate_mode to, enum hv_register_name name, uint64_t value)
{
	struct translate_mode from = translate_mode_of(vp);
	bool was_64_bit = code_is_64_bit(vp);
	bool begins = (from.cr0 & CR0_PG) == 0 && (to.cr0 & CR0_PG) != 0;

	if (!mode_complete(vp, &to) || !mode_is_kept(&from, &to, was_64_bit)) {
		return false;
	}
	/* Does long mode begin in a code segment that means something else there, or do the tables change their depth? */
	if ((begins && (to.efer & EFER_LMA) != 0 && was_64_bit) ||
	    ((from.efer & EFER_LMA) != 0 && ((from.cr4 ^ to.cr4) & CR4_LA57) != 0)) {
		return false;
	}
	machine_register_set(vp, name, value);
	if (to.efer != from.efer) {
		machine_register_set(vp, HV_X64_REGISTER_EFER, to.efer);
	}
	return true;
}

bool register_set_cr0(struct register_access *access)
{
	struct translate_mode to = translate_mode_of(access->vp);

	to.cr0 = access->value.low | CR0_ET;
	return cr0_is_legal(to.cr0) && mode_change(access->vp, to, HV_X64_REGISTER_CR0, to.cr0);
}

bool register_set_cr3(struct register_access *access)
{
	struct translate_mode to = translate_mode_of(access->vp);

	to.cr3 = access->value.low;
	return mode_change(access->vp, to, HV_X64_REGISTER_CR3, to.cr3);
}

bool register_set_cr4(struct register_access *access)
{
	struct translate_mode to = translate_mode_of(access->vp);
	bool identifiers_begin = (access->value.low & ~to.cr4 & CR4_PCIDE) != 0;

	/* Would the present address space get an identifier that nobody chose? */
	if (!cr4_is_legal(access->vp, access->value.low) ||
	    (identifiers_begin && (to.cr3 & CR3_PCID_MASK) != 0)) {
		return false;
	}
	to.cr4 = access->value.low;
	return mode_change(access->vp, to, HV_X64_REGISTER_CR4, to.cr4);
}

/* LMA is the processor's: it may be given as it is. */
bool register_set_efer(struct register_access *access)
{
	struct vp *vp = access->vp;
	struct translate_mode mode = translate_mode_of(vp);
	uint64_t changed = access->value.low ^ mode.efer;
	bool paging = (mode.cr0 & CR0_PG) != 0;

	if (!efer_is_legal(vp, access->value.low) || (changed & EFER_LMA) != 0 ||
	    (paging && (changed & EFER_LME) != 0)) {
		return false;
	}
	machine_register_set(vp, HV_X64_REGISTER_EFER, access->value.low);
	return true;
}

/* --- Others --------------------------------------------------------------------------------------------------- */

bool register_set_rflags(struct register_access *access)
{
	if (!rflags_is_legal(access->value.low)) {
		return false;
	}
	machine_register_set(access->vp, HV_X64_REGISTER_RFLAGS, access->value.low);
	return true;
}

bool register_get_cr8(struct register_access *access)
{
	access->value.low = access->vp->apic.tpr >> 4;
	return true;
}

bool register_set_cr8(struct register_access *access)
{
	if ((access->value.low & ~CR8_MASK) != 0) {
		return false;
	}
	apic_tpr_set(access->vp, (uint32_t)access->value.low << 4);
	return true;
}

/* As MOV to the register: bits without meaning keep the value that they always have. */
bool register_set_dr6(struct register_access *access)
{
	if (access->value.low >> 32 != 0) {
		return false;
	}
	machine_register_set(access->vp, HV_X64_REGISTER_DR6, (access->value.low | DR6_ONES) & ~BIT(12));
	return true;
}

bool register_set_dr7(struct register_access *access)
{
	if (access->value.low >> 32 != 0) {
		return false;
	}
	machine_register_set(access->vp, HV_X64_REGISTER_DR7, (access->value.low | DR7_ONES) & ~DR7_ZEROS);
	return true;
}

bool register_set_canonical(struct register_access *access)
{
	uint64_t cr4 = machine_register_get(access->vp, HV_X64_REGISTER_CR4);

	if (!address_is_canonical(access->value.low, cr4)) {
		return false;
	}
	machine_register_set(access->vp, access->name, access->value.low);
	return true;
}

/* --- XFEM: which states XSAVE manages -------------------------------------------------------------------------- */

static bool has_xsave(struct vp *vp)
{
	return (cpuid_answer(vp, 1, 0).ecx & LEAF1_ECX_XSAVE) != 0;
}

static bool all_or_none(uint64_t value, uint64_t bits)
{
	return (value & bits) == 0 || (value & bits) == bits;
}

static bool xfem_is_legal(struct vp *vp, uint64_t value)
{
	struct cpuid_result leaf = cpuid_answer(vp, LEAF_XSAVE, 0);
	uint64_t legal = (uint64_t)leaf.edx << 32 | leaf.eax;
	bool wide = (value & XFEM_AVX) != 0;

	if ((value & ~legal) != 0 || (value & XFEM_X87) == 0) {
		return false;
	}
	if (wide && (value & XFEM_SSE) == 0) {
		return false;
	}
	return all_or_none(value, XFEM_BOUNDS) && all_or_none(value, XFEM_TILES) &&
	       all_or_none(value, XFEM_AVX512) && (wide || (value & XFEM_AVX512) == 0);
}

bool register_get_xfem(struct register_access *access)
{
	if (!has_xsave(access->vp)) {
		return false;
	}
	access->value.low = machine_register_get(access->vp, HV_X64_REGISTER_XFEM);
	return true;
}

bool register_set_xfem(struct register_access *access)
{
	if (!has_xsave(access->vp) || !xfem_is_legal(access->vp, access->value.low)) {
		return false;
	}
	machine_register_set(access->vp, HV_X64_REGISTER_XFEM, access->value.low);
	return true;
}
