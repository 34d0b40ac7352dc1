/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Decodes MOV CR8, register: 0F 22 /0 with REX.R, or behind LOCK as MOV CR0 (AMD's alternative encoding for code
 * without REX). Source: AMD APM volume 3, "MOV CRn".
 */
#include "x86/vm/tpr.h"

#include "core/apic.h"
#include "core/vp.h"
#include "x86/backend.h"
#include "x86/panic.h"
#include "x86/vm/exit.h"
#include "x86/vm/fetch.h"
#include "x86/vm/vp.h"

#include <stdbool.h>
#include <stdint.h>

#define VECTOR_GP 13
#define CR8_MAX 15

static bool is_legacy_prefix(uint8_t byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66:
	case 0x67:
	case 0xf0:
	case 0xf2:
	case 0xf3:
		return true;
	default:
		return false;
	}
}

/* Index of the source register, and the instruction's length; -1 when it is something else. */
static int decode(const uint8_t *bytes, unsigned count, bool code64, unsigned *length)
{
	unsigned at = 0;
	uint8_t rex = 0;

	while (at < count && is_legacy_prefix(bytes[at])) {
		at++;
	}
	if (code64 && at < count && (bytes[at] & 0xf0) == 0x40) {
		rex = bytes[at++];
	}
	if (at + 3 > count || bytes[at] != 0x0f || bytes[at + 1] != 0x22) {
		return -1;
	}
	*length = at + 3;
	return (bytes[at + 2] & 7) | (rex & 1) << 3;
}

void tpr_write(struct x86_vp *vp)
{
	uint8_t bytes[INSN_BYTES_MAX];
	unsigned length;
	int source = decode(bytes, fetch_bytes(vp, bytes), fetch_mode(vp) == INSN_MODE_64, &length);

	if (source < 0) {
		return; /* another processor has rewritten the code meanwhile: run it again */
	}
	if (vp->vp.gpr[source] > CR8_MAX) {
		backend->raise(vp, VECTOR_GP, 0);
		return;
	}
	apic_tpr_set(&vp->vp, (uint32_t)vp->vp.gpr[source] << 4);
	vm_finish(vp, length);
}
