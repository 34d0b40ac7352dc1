/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How long is the instruction that has just exited? On processors that do not save the next instruction pointer the
 * machine asks this with the opcode that the exit stands for.
 */
#include "insn_priv.h"

struct insn_cursor insn_cursor_at(const uint8_t *bytes, unsigned count)
{
	return (struct insn_cursor){
		.bytes = bytes,
		.count = count < INSN_BYTES_MAX ? count : INSN_BYTES_MAX,
	};
}

bool insn_fetch(struct insn_cursor *cursor, uint8_t *byte)
{
	if (cursor->at >= cursor->count) {
		return false;
	}
	*byte = cursor->bytes[cursor->at++];
	return true;
}

bool insn_skip(struct insn_cursor *cursor, unsigned count)
{
	if (count > cursor->count - cursor->at) {
		return false;
	}
	cursor->at += count;
	return true;
}

static bool legacy_prefix(uint8_t byte, struct insn_prefixes *prefixes)
{
	switch (byte) {
	case 0x66:
		prefixes->operand_size = true;
		return true;
	case 0x67:
		prefixes->address_size = true;
		return true;
	case 0xf0:
		prefixes->lock = true;
		return true;
	case 0xf2: /* repeat prefixes and segments mean nothing here */
	case 0xf3:
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
		return true;
	default:
		return false;
	}
}

bool insn_prefix(struct insn_cursor *cursor, enum insn_mode mode, struct insn_prefixes *prefixes)
{
	if (cursor->at >= cursor->count) {
		return false;
	}
	uint8_t byte = cursor->bytes[cursor->at];

	if (legacy_prefix(byte, prefixes)) {
		prefixes->rex = 0; /* A REX prefix counts only directly before the opcode. */
		cursor->at++;
		return true;
	}
	if (mode == INSN_MODE_64 && (byte & 0xf0) == 0x40) {
		prefixes->rex = byte;
		cursor->at++;
		return true;
	}
	return false;
}

static bool opcode_at(const struct insn_cursor *cursor, const uint8_t *opcode, unsigned opcode_size)
{
	if (opcode_size > cursor->count - cursor->at) {
		return false;
	}
	for (unsigned i = 0; i < opcode_size; i++) {
		if (cursor->bytes[cursor->at + i] != opcode[i]) {
			return false;
		}
	}
	return true;
}

/* None of the instructions that this is used for takes a LOCK prefix. */
unsigned insn_length_of(const uint8_t *bytes, unsigned count, enum insn_mode mode, const uint8_t *opcode,
			unsigned opcode_size)
{
	struct insn_cursor cursor = insn_cursor_at(bytes, count);
	struct insn_prefixes prefixes = {0};

	while (!opcode_at(&cursor, opcode, opcode_size)) {
		if (!insn_prefix(&cursor, mode, &prefixes)) {
			return 0;
		}
	}
	return prefixes.lock ? 0 : cursor.at + opcode_size;
}
