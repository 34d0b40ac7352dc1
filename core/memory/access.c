/* SPDX-License-Identifier: MPL-2.0 */
/*
 * May a VP use an address? What its own processor would say, from the tables of a software walk.
 *
 * The access is one of CPL 0, since only CPL 0 makes hypercalls. Protection keys are not looked at (CHOICE: the caller
 * holds them in a register that it can read itself). A page that is neither RAM nor an overlay is unmapped: so device
 * memory is to a partition whose parent emulates devices, and a partition without a parent can tell its own devices.
 *
 * Sources: AMD APM volume 2, "Page Translation and Protection"; TLFS 6.0b, "HvCallTranslateVirtualAddress".
 */
#include "core/cpuid.h"
#include "core/machine.h"
#include "core/overlay.h"
#include "core/translate.h"
#include "core/vp.h"

#include <stddef.h>

#define BIT(n) (UINT64_C(1) << (n))

#define CR0_WP BIT(16)
#define CR0_PG BIT(31)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)
#define RFLAGS_AC BIT(18)

#define ENTRY_WRITABLE BIT(1)
#define ENTRY_USER BIT(2)
#define ENTRY_WRITE_THROUGH BIT(3)
#define ENTRY_CACHE_DISABLE BIT(4)
#define ENTRY_ACCESSED BIT(5)
#define ENTRY_DIRTY BIT(6)
#define ENTRY_LARGE BIT(7)
#define ENTRY_PAT BIT(7)	/* of a page of 4 KiB */
#define ENTRY_LARGE_PAT BIT(12) /* of a larger one */
#define ENTRY_NO_EXECUTE BIT(63)

#define ADDRESS_BITS 52
#define PAE_POINTER_RESERVED (BIT(1) | BIT(2) | BIT(5) | BIT(6) | BIT(7) | BIT(8))
#define PAE_HIGH_RESERVED (UINT64_C(0x7ff) << ADDRESS_BITS)
#define LARGE_4M_RESERVED BIT(21)

#define CPUID_80000001_EDX_PAGE_1G BIT(26)
#define PAT_UNCACHED_MINUS 7

struct access {
	struct vp *vp;
	struct translate_mode mode;
	uint64_t flags;
	struct translate_walk walk;
};

static bool is_long(const struct access *access)
{
	return (access->mode.efer & EFER_LMA) != 0;
}

/* The four pointers of PAE paging outside long mode: no rights, no marks, reserved bits of their own. */
static bool is_pae_pointer(const struct access *access, const struct translate_step *step)
{
	return step->size == 8 && step->shift == 30 && !is_long(access);
}

static bool is_leaf(const struct access *access, unsigned i)
{
	return i == access->walk.count - 1;
}

/* --- Reserved bits -------------------------------------------------------------------------------------------- */

/* A large page's frame is aligned to its size; bit 12 belongs to its memory type. */
static uint64_t large_reserved(const struct access *access, const struct translate_step *step)
{
	uint64_t below_frame = ((BIT(step->shift) - 1) & ~(BIT(13) - 1));
	bool has_1g = (cpuid_answer(access->vp, 0x80000001, 0).edx & CPUID_80000001_EDX_PAGE_1G) != 0;

	return step->shift == 30 && !has_1g ? ENTRY_LARGE : below_frame;
}

static uint64_t wide_reserved(const struct access *access, const struct translate_step *step, bool leaf)
{
	unsigned gpa_bits = machine_gpa_bits(access->vp->partition);
	uint64_t reserved = (BIT(ADDRESS_BITS) - 1) & ~(BIT(gpa_bits) - 1);

	if (is_pae_pointer(access, step)) {
		return reserved | PAE_POINTER_RESERVED | PAE_HIGH_RESERVED | ENTRY_NO_EXECUTE;
	}
	if ((access->mode.efer & EFER_NXE) == 0) {
		reserved |= ENTRY_NO_EXECUTE;
	}
	if (!is_long(access)) {
		reserved |= PAE_HIGH_RESERVED;
	}
	return leaf && step->shift != 12 ? reserved | large_reserved(access, step) : reserved;
}

static bool reserved_bits_are_clear(const struct access *access)
{
	for (unsigned i = 0; i < access->walk.count; i++) {
		const struct translate_step *step = &access->walk.step[i];
		uint64_t reserved;

		if (step->size == 8) {
			reserved = wide_reserved(access, step, is_leaf(access, i));
		} else {
			reserved = step->shift == 22 && is_leaf(access, i) ? LARGE_4M_RESERVED : 0;
		}
		if ((step->entry & reserved) != 0) {
			return false;
		}
	}
	return true;
}

/* --- Rights --------------------------------------------------------------------------------------------------- */

struct rights {
	bool writable, user, executable;
};

static struct rights rights_of(const struct access *access)
{
	struct rights rights = {true, true, true};

	for (unsigned i = 0; i < access->walk.count; i++) {
		const struct translate_step *step = &access->walk.step[i];

		if (!is_pae_pointer(access, step)) {
			rights.writable = rights.writable && (step->entry & ENTRY_WRITABLE) != 0;
			rights.user = rights.user && (step->entry & ENTRY_USER) != 0;
			rights.executable = rights.executable && (step->entry & ENTRY_NO_EXECUTE) == 0;
		}
	}
	return rights;
}

/* At CPL 0: user pages may be out of bounds, read-only ones may not. Without paging everything is allowed. */
static bool rights_suffice(const struct access *access)
{
	const struct translate_mode *mode = &access->mode;
	struct rights rights = rights_of(access);
	uint64_t rflags = machine_register_get(access->vp, HV_X64_REGISTER_RFLAGS);
	bool data = (access->flags & (HV_TRANSLATE_GVA_VALIDATE_READ | HV_TRANSLATE_GVA_VALIDATE_WRITE)) != 0;

	if ((mode->cr0 & CR0_PG) == 0) {
		return true;
	}
	if (data && rights.user && (mode->cr4 & CR4_SMAP) != 0 && (rflags & RFLAGS_AC) == 0) {
		return false;
	}
	if ((access->flags & HV_TRANSLATE_GVA_VALIDATE_WRITE) != 0 && !rights.writable &&
	    (mode->cr0 & CR0_WP) != 0) {
		return false;
	}
	if ((access->flags & HV_TRANSLATE_GVA_VALIDATE_EXECUTE) == 0) {
		return true;
	}
	return rights.executable && !(rights.user && (mode->cr4 & CR4_SMEP) != 0);
}

/* --- The page itself ------------------------------------------------------------------------------------------ */

static uint8_t cache_type(const struct access *access)
{
	uint64_t pat = machine_register_get(access->vp, HV_X64_REGISTER_PAT);
	unsigned index = 0;

	if (access->walk.count == 0) {
		return HV_CACHE_TYPE_WRITE_BACK;
	}
	const struct translate_step *leaf = &access->walk.step[access->walk.count - 1];

	index |= (leaf->entry & ENTRY_WRITE_THROUGH) != 0 ? 1 : 0;
	index |= (leaf->entry & ENTRY_CACHE_DISABLE) != 0 ? 2 : 0;
	index |= (leaf->entry & (leaf->shift == 12 ? ENTRY_PAT : ENTRY_LARGE_PAT)) != 0 ? 4 : 0;
	uint8_t type = (uint8_t)(pat >> (8 * index)) & 7;

	return type == PAT_UNCACHED_MINUS ? HV_CACHE_TYPE_UNCACHED : type;
}

static bool overlay_allows(enum machine_access kind, uint64_t flags)
{
	uint64_t denied = kind == MACHINE_ACCESS_READ_EXECUTE ? HV_TRANSLATE_GVA_VALIDATE_WRITE
							      : HV_TRANSLATE_GVA_VALIDATE_EXECUTE;

	return (flags & denied) == 0;
}

static enum hv_translate_gva_result page_judge(const struct access *access, bool *is_overlay)
{
	struct partition *partition = access->vp->partition;
	gpn_t page = gpn_of(access->walk.address);
	enum machine_access kind;

	*is_overlay = overlay_covers(partition, page, &kind);
	if (*is_overlay) {
		return overlay_allows(kind, access->flags) ? HV_TRANSLATE_GVA_SUCCESS
							   : HV_TRANSLATE_GVA_GPA_ILLEGAL_OVERLAY_ACCESS;
	}
	return machine_guest_page(partition, page) != NULL ? HV_TRANSLATE_GVA_SUCCESS
							   : HV_TRANSLATE_GVA_GPA_UNMAPPED;
}

static enum hv_translate_gva_result tables_judge(const struct access *access)
{
	switch (access->walk.end) {
	case TRANSLATE_NOT_PRESENT:
		return HV_TRANSLATE_GVA_PAGE_NOT_PRESENT;
	case TRANSLATE_NO_TABLE:
		return HV_TRANSLATE_GVA_GPA_UNMAPPED;
	case TRANSLATE_NO_LARGE:
		return HV_TRANSLATE_GVA_INVALID_PAGE_TABLE_FLAGS;
	case TRANSLATE_FOUND:
		break;
	}
	if (!reserved_bits_are_clear(access)) {
		return HV_TRANSLATE_GVA_INVALID_PAGE_TABLE_FLAGS;
	}
	return rights_suffice(access) ? HV_TRANSLATE_GVA_SUCCESS : HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION;
}

/* --- Accessed and dirty --------------------------------------------------------------------------------------- */

/* An entry that has changed since the walk, or that lies where the guest cannot write, is left alone. */
static void mark(const struct access *access, const struct translate_step *step, uint64_t bits)
{
	uint8_t *page = overlay_guest_page(access->vp->partition, gpn_of(step->address), true);
	uint64_t old = step->entry;

	if (page == NULL) {
		return;
	}
	void *slot = page + gpa_page_offset(step->address);

	if (step->size == 8) {
		__atomic_compare_exchange_n((uint64_t *)slot, &old, old | bits, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED);
	} else {
		uint32_t old_32 = (uint32_t)old;

		__atomic_compare_exchange_n((uint32_t *)slot, &old_32, old_32 | (uint32_t)bits, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	}
}

static void mark_tables(const struct access *access)
{
	bool write = (access->flags & HV_TRANSLATE_GVA_VALIDATE_WRITE) != 0;

	for (unsigned i = 0; i < access->walk.count; i++) {
		const struct translate_step *step = &access->walk.step[i];

		if (!is_pae_pointer(access, step)) {
			mark(access, step,
			     is_leaf(access, i) && write ? ENTRY_ACCESSED | ENTRY_DIRTY : ENTRY_ACCESSED);
		}
	}
}

struct hv_output_translate_virtual_address translate_access(struct vp *vp, gva_t address, uint64_t flags)
{
	struct access access = {.vp = vp, .mode = translate_mode_of(vp), .flags = flags};
	struct hv_output_translate_virtual_address answer = {0};
	enum hv_translate_gva_result result;
	bool is_overlay = false;

	translate_walk(vp, &access.mode, address, &access.walk);
	result = tables_judge(&access);
	if (result == HV_TRANSLATE_GVA_SUCCESS) {
		result = page_judge(&access, &is_overlay);
		answer.cache_type = cache_type(&access);
		answer.overlay_page = is_overlay;
		answer.gpa_page = gpn_of(access.walk.address).value;
	}
	if (result == HV_TRANSLATE_GVA_SUCCESS && (flags & HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS) != 0) {
		mark_tables(&access);
	}
	answer.result_code = result;
	return answer;
}
