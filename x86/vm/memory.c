/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a nested fault means.
 *
 * Root owns the machine, so an address that is not mapped yet is mapped to itself, except two: the APIC page, which
 * is emulated, and the hypervisor's own memory. CHOICE: an access there, be it read, write or execute, is a #GP in
 * root, not all ones: whoever does it is wrong, and a fault names the instruction, where a made-up value would let
 * the error wander on.
 */
#include "x86/vm/memory.h"

#include "core/apic.h"
#include "core/hv.h"
#include "core/insn.h"
#include "core/partition.h"
#include "x86/backend.h"
#include "x86/mm/pool.h"
#include "x86/nested/nested.h"
#include "x86/vm/exit.h"
#include "x86/vm/fetch.h"
#include "x86/vm/push.h"
#include "x86/vm/vp.h"

#include <stdbool.h>
#include <stdint.h>

#define VECTOR_GP 13

static void refuse(struct x86_vp *vp, const char *what)
{
	static const char *const verbs[] = {"read", "write", "execute"};

	if (!vp->protected_logged) {
		vp->protected_logged = true;
		hv_log(vp->vp.partition->hv,
		       "VP %u tried to %s %s at GPA 0x%lx, RIP 0x%lx: #GP (reported once)", vp->vp.index,
		       verbs[vp->exit.access], what, vp->exit.gpa.value, vp->exit.rip);
	}
	backend->raise(vp, VECTOR_GP, 0);
}

/* Only an aligned 32-bit access reaches an APIC register. CHOICE: others read zero and write nothing. */
static uint64_t apic_page_load(struct x86_vp *vp, const struct insn *insn)
{
	unsigned offset = gpa_page_offset(vp->exit.gpa);

	return insn->kind == INSN_STORE || insn->size != 4 || offset % 4 != 0
		       ? 0
		       : apic_page_read(&vp->vp, offset);
}

static void apic_page_store(struct x86_vp *vp, const struct insn *insn, uint64_t value)
{
	unsigned offset = gpa_page_offset(vp->exit.gpa);

	if (insn->size == 4 && offset % 4 == 0) {
		apic_page_write(&vp->vp, offset, (uint32_t)value);
	}
}

static bool decode(struct x86_vp *vp, struct insn *insn)
{
	uint8_t bytes[INSN_BYTES_MAX];

	if (vp->exit.byte_count != 0) {
		return insn_decode(vp->exit.bytes, vp->exit.byte_count, fetch_mode(vp), insn);
	}
	return insn_decode(bytes, fetch_bytes(vp, bytes), fetch_mode(vp), insn);
}

static void apic_page_access(struct x86_vp *vp)
{
	struct insn insn;
	uint64_t rflags = vp->exit.rflags;
	uint64_t memory;

	if (!decode(vp, &insn) ||
	    (insn.kind == INSN_PUSH && !push(vp, insn.size, apic_page_load(vp, &insn)))) {
		refuse(vp, "the local APIC with an instruction that is not emulated,");
		return;
	}
	memory = apic_page_load(vp, &insn);
	if (insn_execute(&insn, vp->vp.gpr, &rflags, &memory)) {
		apic_page_store(vp, &insn, memory);
	}
	backend->register_set(vp, HV_X64_REGISTER_RFLAGS, rflags);
	vm_finish(vp, insn.length);
}

void memory_fault(struct x86_vp *vp)
{
	uint64_t address = vp->exit.gpa.value;

	if (nested_map_identity(vp, gpn_of(vp->exit.gpa), vp->exit.access)) {
		return;
	}
	if (gpn_of(vp->exit.gpa).value == gpn_of(gpa(APIC_BASE_DEFAULT)).value && vp->exit.by_instruction) {
		apic_page_access(vp);
	} else if (address - pool_region.base < pool_region.size) {
		refuse(vp, "the hypervisor's memory");
	} else {
		refuse(vp, "a page it may not,");
	}
}
