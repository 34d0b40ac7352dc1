/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Finds an exiting instruction's length.
 *
 * The common case must be cheap: the pages that held RIP are remembered with the address space it was found in, and the
 * bytes there are compared with the plain instruction. Everything else (prefixes, page ends, another page) walks the
 * guest's page tables.
 */
#include "x86/vm/fetch.h"

#include "abi/hv_register.h"
#include "core/insn.h"
#include "core/overlay.h"
#include "core/translate.h"
#include "x86/backend.h"
#include "x86/vm/vp.h"
#include "lib/string.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EFER_LMA (UINT64_C(1) << 10)
#define CS_LONG (UINT64_C(1) << (48 + 13))
#define CS_DEFAULT (UINT64_C(1) << (48 + 14))

enum insn_mode fetch_mode(struct x86_vp *vp)
{
	uint64_t cs = backend->register_get(vp, HV_X64_REGISTER_CS);

	if ((cs & CS_LONG) != 0 && (backend->register_get(vp, HV_X64_REGISTER_EFER) & EFER_LMA) != 0) {
		return INSN_MODE_64;
	}
	return (cs & CS_DEFAULT) != 0 ? INSN_MODE_32 : INSN_MODE_16;
}

static uint64_t linear_rip(struct x86_vp *vp)
{
	uint64_t rip = vp->exit.rip;

	if (fetch_mode(vp) == INSN_MODE_64) {
		return rip;
	}
	return (uint32_t)(rip + backend->segment_base(vp, HV_X64_REGISTER_CS));
}

unsigned fetch_bytes(struct x86_vp *vp, uint8_t bytes[INSN_BYTES_MAX])
{
	struct translate_mode mode = translate_mode_of(&vp->vp);

	return translate_read(&vp->vp, &mode, gva(linear_rip(vp)), bytes, INSN_BYTES_MAX);
}

/* Remembers the page of `rip`. Only 64-bit code: its linear address is RIP. */
static void remember(struct x86_vp *vp, uint64_t rip)
{
	struct translate_mode mode = translate_mode_of(&vp->vp);
	struct code_page *code = &vp->code[fetch_place(rip)];
	gpa_t address;

	code->page = CODE_PAGE_NONE;
	if (fetch_mode(vp) == INSN_MODE_64 &&
	    translate_gva(&vp->vp, &mode, gva(rip & ~PAGE_OFFSET_MASK), &address)) {
		const uint8_t *bytes = overlay_guest_page(vp->vp.partition, gpn_of(address), false);

		if (bytes != NULL) {
			*code = (struct code_page){mode.cr3, rip & ~PAGE_OFFSET_MASK, bytes};
		}
	}
}

static unsigned length_by_decoding(struct x86_vp *vp, uint32_t opcode, unsigned size)
{
	uint8_t bytes[INSN_BYTES_MAX];
	unsigned count = fetch_bytes(vp, bytes);
	unsigned length = insn_length_of(bytes, count, fetch_mode(vp), (const uint8_t *)&opcode, size);

	return length != 0 ? length : size;
}

/* Two pages that want the same place: the one that had to give way waits in the place beside it, and they change places
 * when it is asked for again. So the hypercall page and a page of code never fight. */
static void change_places(struct x86_vp *vp)
{
	unsigned place = fetch_place(vp->exit.rip);
	struct code_page first = vp->code[place];

	vp->code[place] = vp->code[place ^ 1];
	vp->code[place ^ 1] = first;
}

unsigned fetch_length_slowly(struct x86_vp *vp, uint32_t opcode, unsigned size)
{
	uint32_t mask = (1u << 8 * size) - 1;

	change_places(vp);
	if ((fetch_remembered(vp) & mask) == opcode) {
		return size;
	}
	remember(vp, vp->exit.rip);
	return (fetch_remembered(vp) & mask) == opcode ? size : length_by_decoding(vp, opcode, size);
}
