/* SPDX-License-Identifier: MPL-2.0 */
/* Reading instruction bytes in order, and the prefixes in front of the opcode. */
#pragma once

#include "core/insn.h"

#include <stdbool.h>
#include <stdint.h>

struct insn_cursor {
	const uint8_t *bytes;
	unsigned count; /* never more than INSN_BYTES_MAX */
	unsigned at;
};

struct insn_prefixes {
	uint8_t rex; /* 0: none */
	bool operand_size;
	bool address_size;
	bool lock;
};

#define INSN_REX_W 0x8
#define INSN_REX_R 0x4

struct insn_cursor insn_cursor_at(const uint8_t *bytes, unsigned count);
/* The next byte. False when there is none: the bytes ended, or the instruction would be too long. */
bool insn_fetch(struct insn_cursor *cursor, uint8_t *byte);
bool insn_skip(struct insn_cursor *cursor, unsigned count);
/* Takes one prefix if there is one at the cursor. */
bool insn_prefix(struct insn_cursor *cursor, enum insn_mode mode, struct insn_prefixes *prefixes);
