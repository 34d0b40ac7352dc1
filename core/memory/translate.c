/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A software page walk, for fetching the bytes of an instruction that has just been executed, and for HvCallTranslate
 * VirtualAddress.
 *
 * It answers where an address lies, not whether the guest may use it (access.c does): permission bits are not looked at,
 * because the processor has already fetched from there. Guests own every value here: the tables may change while they are read,
 * may point at each other or nowhere. So each entry is read once, through the page lookup that knows what exists.
 */
#include "core/translate.h"

#include "core/machine.h"
#include "core/overlay.h"
#include "core/vp.h"
#include "lib/string.h"

#define CR0_PG UINT64_C(0x80000000)
#define CR4_PSE UINT64_C(0x10)
#define CR4_PAE UINT64_C(0x20)
#define CR4_LA57 UINT64_C(0x1000)
#define EFER_LMA UINT64_C(0x400)

#define ENTRY_PRESENT UINT64_C(0x1)
#define ENTRY_LARGE UINT64_C(0x80)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

#define ADDRESS_32 UINT64_C(0xffffffff)

struct translate_mode translate_mode_of(struct vp *vp)
{
	return (struct translate_mode){
		.cr0 = machine_register_get(vp, HV_X64_REGISTER_CR0),
		.cr3 = machine_register_get(vp, HV_X64_REGISTER_CR3),
		.cr4 = machine_register_get(vp, HV_X64_REGISTER_CR4),
		.efer = machine_register_get(vp, HV_X64_REGISTER_EFER),
	};
}

/* Reads a naturally aligned table entry of 4 or 8 bytes and notes it. False: the walk ends here. */
static bool entry_read(struct vp *vp, struct translate_walk *walk, uint64_t address, unsigned size,
		       unsigned shift)
{
	const uint8_t *page = overlay_guest_page(vp->partition, gpn_of(gpa(address)), false);
	struct translate_step *step = &walk->step[walk->count];

	if (page == NULL) {
		walk->end = TRANSLATE_NO_TABLE;
		return false;
	}
	const void *slot = page + gpa_page_offset(gpa(address));

	step->address = gpa(address);
	step->size = (uint8_t)size;
	step->shift = (uint8_t)shift;
	step->entry = size == 8 ? __atomic_load_n((const uint64_t *)slot, __ATOMIC_RELAXED)
				: __atomic_load_n((const uint32_t *)slot, __ATOMIC_RELAXED);
	walk->end = TRANSLATE_NOT_PRESENT;
	walk->count++;
	return (step->entry & ENTRY_PRESENT) != 0;
}

static uint64_t last_entry(const struct translate_walk *walk)
{
	return walk->step[walk->count - 1].entry;
}

/* A page of 1 << shift bytes at the frame that the entry names. */
static void found(struct translate_walk *walk, uint64_t frame, unsigned shift, uint64_t address)
{
	uint64_t offset_mask = (UINT64_C(1) << shift) - 1;

	walk->address = gpa((frame & ~offset_mask) | (address & offset_mask));
	walk->end = TRANSLATE_FOUND;
}

/* --- 32-bit paging -------------------------------------------------------------------------------------------- */

/* A 4 MiB page has bits 39:32 of its address in bits 20:13 of the entry. */
static uint64_t frame_4m(uint64_t entry)
{
	return (entry & 0xffc00000) | (entry & 0x1fe000) << 19;
}

static void walk_32(struct vp *vp, const struct translate_mode *mode, uint64_t address,
		    struct translate_walk *walk)
{
	if (!entry_read(vp, walk, (mode->cr3 & 0xfffff000) + (address >> 22) * 4, 4, 22)) {
		return;
	}
	uint64_t entry = last_entry(walk);

	if ((entry & ENTRY_LARGE) != 0 && (mode->cr4 & CR4_PSE) != 0) {
		found(walk, frame_4m(entry), 22, address);
		return;
	}
	if (entry_read(vp, walk, (entry & 0xfffff000) + (address >> 12 & 0x3ff) * 4, 4, 12)) {
		found(walk, last_entry(walk) & 0xfffff000, 12, address);
	}
}

/* --- Tables of 512 entries ------------------------------------------------------------------------------------ */

/* Goes down from the table whose entries cover 1 << shift bytes each. Large pages exist at 2 MiB and 1 GiB; the PAE
 * walk starts below its topmost table, which has none. */
static void walk_tables(struct vp *vp, uint64_t table, unsigned shift, uint64_t address,
			struct translate_walk *walk)
{
	for (;; shift -= 9) {
		if (!entry_read(vp, walk, (table & ENTRY_ADDRESS) + (address >> shift & 0x1ff) * 8, 8,
				shift)) {
			return;
		}
		uint64_t entry = last_entry(walk);
		bool large = (entry & ENTRY_LARGE) != 0 && shift != 12;

		/* Is it a large page where there can be none? */
		if (large && shift > 30) {
			walk->end = TRANSLATE_NO_LARGE;
			return;
		}
		if (large || shift == 12) {
			found(walk, entry & ENTRY_ADDRESS, shift, address);
			return;
		}
		table = entry;
	}
}

static void walk_pae(struct vp *vp, const struct translate_mode *mode, uint64_t address,
		     struct translate_walk *walk)
{
	if (entry_read(vp, walk, (mode->cr3 & 0xffffffe0) + (address >> 30) * 8, 8, 30)) {
		walk_tables(vp, last_entry(walk), 21, address, walk);
	}
}

/* The topmost tables' entries cover 2^39 bytes with four levels and 2^48 with five; all higher bits of an address
 * must equal the highest one that is translated. */
static void walk_long(struct vp *vp, const struct translate_mode *mode, uint64_t address,
		      struct translate_walk *walk)
{
	unsigned shift = (mode->cr4 & CR4_LA57) != 0 ? 48 : 39;
	uint64_t upper = address >> (shift + 8);
	bool canonical = upper == 0 || upper == UINT64_MAX >> (shift + 8);

	if (canonical) {
		walk_tables(vp, mode->cr3, shift, address, walk);
	}
}

/* --- All modes ------------------------------------------------------------------------------------------------ */

void translate_walk(struct vp *vp, const struct translate_mode *mode, gva_t address,
		    struct translate_walk *walk)
{
	walk->count = 0;
	walk->address = gpa(0);
	walk->end = TRANSLATE_NOT_PRESENT;
	if ((mode->cr0 & CR0_PG) == 0) {
		walk->address = gpa(address.value & ADDRESS_32);
		walk->end = TRANSLATE_FOUND;
	} else if ((mode->efer & EFER_LMA) != 0) {
		walk_long(vp, mode, address.value, walk);
	} else if ((mode->cr4 & CR4_PAE) != 0) {
		walk_pae(vp, mode, address.value & ADDRESS_32, walk);
	} else {
		walk_32(vp, mode, address.value & ADDRESS_32, walk);
	}
}

bool translate_gva(struct vp *vp, const struct translate_mode *mode, gva_t address, gpa_t *result)
{
	struct translate_walk walk;

	translate_walk(vp, mode, address, &walk);
	*result = walk.address;
	return walk.end == TRANSLATE_FOUND;
}

/* Bytes at `address` that lie on its page, at most `size`; NULL when there are none to be had. */
static const uint8_t *reach(struct vp *vp, const struct translate_mode *mode, gva_t address, unsigned *size)
{
	gpa_t place;

	if (!translate_gva(vp, mode, address, &place)) {
		return NULL;
	}
	const uint8_t *page = overlay_guest_page(vp->partition, gpn_of(place), false);

	if (page == NULL) {
		return NULL;
	}
	unsigned left = PAGE_SIZE - gpa_page_offset(place);

	*size = *size < left ? *size : left;
	return page + gpa_page_offset(place);
}

unsigned translate_read(struct vp *vp, const struct translate_mode *mode, gva_t address, void *out,
			unsigned size)
{
	unsigned done = 0;

	while (done < size) {
		unsigned chunk = size - done;
		const uint8_t *bytes = reach(vp, mode, gva(address.value + done), &chunk);

		if (bytes == NULL) {
			break;
		}
		memcpy((uint8_t *)out + done, bytes, chunk);
		done += chunk;
	}
	return done;
}
