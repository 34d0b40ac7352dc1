/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Instruction bytes at the guest's RIP, for processors that tell neither an instruction's length nor its bytes.
 */
#pragma once

#include "core/addr.h"
#include "core/insn.h"
#include "x86/vm/vp.h"

#include <stdint.h>

/* Opcodes of the instructions that exit, first byte lowest, and how long they are. */
#define FETCH_CPUID 0xa20fu, 2
#define FETCH_RDMSR 0x320fu, 2
#define FETCH_WRMSR 0x300fu, 2
#define FETCH_HLT 0xf4u, 1
#define FETCH_INVD 0x080fu, 2
#define FETCH_VMMCALL 0xd9010fu, 3

/* Where the page of `rip` is remembered. Four neighbouring pages have different places, each with a place beside it for
 * the page that was there before. */
static inline unsigned fetch_place(uint64_t rip)
{
	return (rip >> PAGE_SHIFT) * 2 % CODE_PAGE_COUNT;
}

/* The first bytes at RIP, when its page is a remembered one; otherwise zeros, which are none of the above. */
static inline uint32_t fetch_remembered(const struct x86_vp *vp)
{
	const struct vp_exit *exit = &vp->exit;
	const struct code_page *code = &vp->code[fetch_place(exit->rip)];
	uint64_t offset = exit->rip - code->page;
	uint32_t bytes;

	if (offset > PAGE_SIZE - sizeof(bytes) || exit->cr3 != code->cr3) {
		return 0;
	}
	__builtin_memcpy(&bytes, code->bytes + offset, sizeof(bytes));
	return bytes;
}

/* The same when they are not remembered there: walks the guest's page tables. */
unsigned fetch_length_slowly(struct x86_vp *vp, uint32_t opcode, unsigned size);

/* Length of the instruction at RIP, which must be the one given, perhaps behind prefixes. When the bytes cannot be
 * read or are another instruction (another processor has rewritten them meanwhile) the plain length. */
static inline unsigned fetch_length(struct x86_vp *vp, uint32_t opcode, unsigned size)
{
	if (vp->exit.length != 0) {
		return vp->exit.length;
	}
	if ((fetch_remembered(vp) & ((1u << 8 * size) - 1)) == opcode) {
		return size;
	}
	return fetch_length_slowly(vp, opcode, size);
}

/* Up to 15 bytes at RIP; returns how many could be read. */
unsigned fetch_bytes(struct x86_vp *vp, uint8_t bytes[INSN_BYTES_MAX]);

/* The size of code at RIP. */
enum insn_mode fetch_mode(struct x86_vp *vp);
