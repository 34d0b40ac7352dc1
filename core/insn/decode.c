/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The instructions with which kernels reach a page of device registers: moves, arithmetic with a memory operand, TEST,
 * XCHG and PUSH. Everything else is refused, and so is a register operand where memory must be.
 *
 * One row of `forms` stands for one opcode. The address is only skipped: the processor has already said what it was.
 */
#include "insn_priv.h"

#include <stddef.h>

enum immediate {
	IMMEDIATE_NONE,
	IMMEDIATE_8,	/* one byte, sign-extended */
	IMMEDIATE_FULL, /* as wide as the operand, at most four bytes, sign-extended */
};

enum form_flags {
	TWO_BYTES = 1u << 0, /* behind 0f */
	BYTE = 1u << 1,	     /* the memory operand has one byte */
	WORD = 1u << 2,	     /* two bytes, whatever the operand size */
	SIGNED = 1u << 3,
	TO_REGISTER = 1u << 4,
	OFFSET = 1u << 5,    /* no ModRM: RAX, and the address as a number */
	GROUP_ALU = 1u << 6, /* the reg field of ModRM chooses the operation */
	GROUP_0 = 1u << 7,   /* the reg field must be 0 */
	GROUP_0_1 = 1u << 8, /* 0 or 1 */
	GROUP_6 = 1u << 9,   /* 6 */
	WIDENING = 1u << 10, /* the register is as wide as the operand size, the memory is not */
	ONLY_64 = 1u << 11,  /* another instruction outside 64-bit mode */
};

struct form {
	uint8_t opcode;
	enum insn_kind kind;
	enum immediate immediate;
	unsigned flags;
	enum insn_alu alu;
};

static const struct form forms[] = {
	{0x63, INSN_LOAD, IMMEDIATE_NONE, SIGNED | WIDENING | ONLY_64, INSN_ADD}, /* MOVSXD */
	{0x80, INSN_ALU, IMMEDIATE_8, BYTE | GROUP_ALU, INSN_ADD},
	{0x81, INSN_ALU, IMMEDIATE_FULL, GROUP_ALU, INSN_ADD},
	{0x83, INSN_ALU, IMMEDIATE_8, GROUP_ALU, INSN_ADD},
	{0x84, INSN_COMPARE, IMMEDIATE_NONE, BYTE, INSN_TEST},
	{0x85, INSN_COMPARE, IMMEDIATE_NONE, 0, INSN_TEST},
	{0x86, INSN_EXCHANGE, IMMEDIATE_NONE, BYTE, INSN_ADD},
	{0x87, INSN_EXCHANGE, IMMEDIATE_NONE, 0, INSN_ADD},
	{0x88, INSN_STORE, IMMEDIATE_NONE, BYTE, INSN_ADD},
	{0x89, INSN_STORE, IMMEDIATE_NONE, 0, INSN_ADD},
	{0x8a, INSN_LOAD, IMMEDIATE_NONE, BYTE, INSN_ADD},
	{0x8b, INSN_LOAD, IMMEDIATE_NONE, 0, INSN_ADD},
	{0xa0, INSN_LOAD, IMMEDIATE_NONE, BYTE | OFFSET, INSN_ADD},
	{0xa1, INSN_LOAD, IMMEDIATE_NONE, OFFSET, INSN_ADD},
	{0xa2, INSN_STORE, IMMEDIATE_NONE, BYTE | OFFSET, INSN_ADD},
	{0xa3, INSN_STORE, IMMEDIATE_NONE, OFFSET, INSN_ADD},
	{0xc6, INSN_STORE, IMMEDIATE_8, BYTE | GROUP_0, INSN_ADD},
	{0xc7, INSN_STORE, IMMEDIATE_FULL, GROUP_0, INSN_ADD},
	{0xf6, INSN_COMPARE, IMMEDIATE_8, BYTE | GROUP_0_1, INSN_TEST},
	{0xf7, INSN_COMPARE, IMMEDIATE_FULL, GROUP_0_1, INSN_TEST},
	{0xff, INSN_PUSH, IMMEDIATE_NONE, GROUP_6, INSN_ADD},
	{0xb6, INSN_LOAD, IMMEDIATE_NONE, TWO_BYTES | BYTE | WIDENING, INSN_ADD},
	{0xb7, INSN_LOAD, IMMEDIATE_NONE, TWO_BYTES | WORD | WIDENING, INSN_ADD},
	{0xbe, INSN_LOAD, IMMEDIATE_NONE, TWO_BYTES | BYTE | WIDENING | SIGNED, INSN_ADD},
	{0xbf, INSN_LOAD, IMMEDIATE_NONE, TWO_BYTES | WORD | WIDENING | SIGNED, INSN_ADD},
};

struct decoder {
	struct insn_cursor cursor;
	enum insn_mode mode;
	struct insn_prefixes prefixes;
	struct form form;
	uint8_t mod, reg, rm; /* of ModRM */
};

static bool has(const struct decoder *decoder, unsigned flag)
{
	return (decoder->form.flags & flag) != 0;
}

/* --- Sizes ---------------------------------------------------------------------------------------------------- */

static unsigned operand_size(const struct decoder *decoder)
{
	if (decoder->mode == INSN_MODE_64 && (decoder->prefixes.rex & INSN_REX_W) != 0) {
		return 8;
	}
	return (decoder->mode == INSN_MODE_16) != decoder->prefixes.operand_size ? 2 : 4;
}

static unsigned address_size(const struct decoder *decoder)
{
	if (decoder->mode == INSN_MODE_64) {
		return decoder->prefixes.address_size ? 4 : 8;
	}
	return (decoder->mode == INSN_MODE_16) != decoder->prefixes.address_size ? 2 : 4;
}

/* In 64-bit mode PUSH moves 8 bytes even without REX. */
static unsigned push_size(const struct decoder *decoder)
{
	if (decoder->mode == INSN_MODE_64) {
		return decoder->prefixes.operand_size ? 2 : 8;
	}
	return operand_size(decoder);
}

static unsigned memory_size(const struct decoder *decoder)
{
	unsigned full = operand_size(decoder);

	if (has(decoder, BYTE)) {
		return 1;
	}
	if (has(decoder, WORD)) {
		return 2;
	}
	if (decoder->form.kind == INSN_PUSH) {
		return push_size(decoder);
	}
	/* MOVSXD widens four bytes at most. */
	return has(decoder, WIDENING) && full == 8 ? 4 : full;
}

/* --- Opcode --------------------------------------------------------------------------------------------------- */

/* 00 to 3b: eight operations, each with byte and full size, towards memory and towards the register. */
static bool arithmetic_form(uint8_t opcode, struct form *form)
{
	if (opcode >= 0x40 || (opcode & 7) > 3) {
		return false;
	}
	*form = (struct form){
		.opcode = opcode,
		.kind = INSN_ALU,
		.flags = ((opcode & 1) == 0 ? BYTE : 0) | ((opcode & 2) != 0 ? TO_REGISTER : 0),
		.alu = (enum insn_alu)(opcode >> 3),
	};
	return true;
}

static bool listed_form(uint8_t opcode, bool two_bytes, struct form *form)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].opcode == opcode && ((forms[i].flags & TWO_BYTES) != 0) == two_bytes) {
			*form = forms[i];
			return true;
		}
	}
	return false;
}

static bool decode_opcode(struct decoder *decoder)
{
	uint8_t opcode;

	while (insn_prefix(&decoder->cursor, decoder->mode, &decoder->prefixes)) {
	}
	if (!insn_fetch(&decoder->cursor, &opcode)) {
		return false;
	}
	if (opcode == 0x0f) {
		return insn_fetch(&decoder->cursor, &opcode) && listed_form(opcode, true, &decoder->form);
	}
	return arithmetic_form(opcode, &decoder->form) || listed_form(opcode, false, &decoder->form);
}

/* --- ModRM and address ---------------------------------------------------------------------------------------- */

static bool group_legal(const struct decoder *decoder)
{
	unsigned reg = decoder->reg;

	if ((has(decoder, GROUP_0) && reg != 0) || (has(decoder, GROUP_0_1) && reg > 1)) {
		return false;
	}
	return !has(decoder, GROUP_6) || reg == 6;
}

static bool skip_address_16(struct decoder *decoder)
{
	static const unsigned displacement[3] = {0, 1, 2};

	if (decoder->mod == 0 && decoder->rm == 6) {
		return insn_skip(&decoder->cursor, 2);
	}
	return insn_skip(&decoder->cursor, displacement[decoder->mod]);
}

static bool skip_address_32(struct decoder *decoder)
{
	static const unsigned displacement[3] = {0, 1, 4};
	uint8_t base = decoder->rm;

	if (base == 4) {
		if (!insn_fetch(&decoder->cursor, &base)) {
			return false;
		}
		base &= 7;
	}
	if (decoder->mod == 0 && base == 5) {
		return insn_skip(&decoder->cursor, 4);
	}
	return insn_skip(&decoder->cursor, displacement[decoder->mod]);
}

static bool decode_modrm(struct decoder *decoder)
{
	uint8_t modrm;

	if (!insn_fetch(&decoder->cursor, &modrm)) {
		return false;
	}
	decoder->mod = modrm >> 6;
	decoder->reg = modrm >> 3 & 7;
	decoder->rm = modrm & 7;
	/* Is it memory at all, and the right member of its group? */
	if (decoder->mod == 3 || !group_legal(decoder)) {
		return false;
	}
	return address_size(decoder) == 2 ? skip_address_16(decoder) : skip_address_32(decoder);
}

static bool decode_address(struct decoder *decoder)
{
	if (has(decoder, OFFSET)) {
		return insn_skip(&decoder->cursor, address_size(decoder));
	}
	return decode_modrm(decoder);
}

/* --- Immediate ------------------------------------------------------------------------------------------------ */

static uint64_t sign_extend(uint64_t value, unsigned size)
{
	unsigned unused = 64 - 8 * size;

	return (uint64_t)((int64_t)(value << unused) >> unused);
}

static bool decode_immediate(struct decoder *decoder, struct insn *insn)
{
	unsigned size = 1;
	uint64_t value = 0;

	if (decoder->form.immediate == IMMEDIATE_NONE) {
		return true;
	}
	if (decoder->form.immediate == IMMEDIATE_FULL) {
		size = operand_size(decoder) == 2 ? 2 : 4;
	}
	for (unsigned i = 0; i < size; i++) {
		uint8_t byte;

		if (!insn_fetch(&decoder->cursor, &byte)) {
			return false;
		}
		value |= (uint64_t)byte << 8 * i;
	}
	insn->has_immediate = true;
	insn->immediate = sign_extend(value, size);
	return true;
}

/* --- All ------------------------------------------------------------------------------------------------------ */

static void describe_operation(const struct decoder *decoder, struct insn *insn)
{
	insn->kind = decoder->form.kind;
	insn->alu = has(decoder, GROUP_ALU) ? (enum insn_alu)decoder->reg : decoder->form.alu;
	if (insn->kind == INSN_ALU && insn->alu == INSN_CMP) {
		insn->kind = INSN_COMPARE;
	}
	insn->size = (uint8_t)memory_size(decoder);
	insn->register_size = has(decoder, WIDENING) ? (uint8_t)operand_size(decoder) : insn->size;
	insn->sign_extend = has(decoder, SIGNED);
	insn->to_register = has(decoder, TO_REGISTER);
	insn->length = (uint8_t)decoder->cursor.at;
}

/* Without REX the byte registers 4 to 7 are the second bytes of registers 0 to 3. */
static void describe_register(const struct decoder *decoder, struct insn *insn)
{
	if (has(decoder, OFFSET) || insn->has_immediate || insn->kind == INSN_PUSH) {
		return;
	}
	insn->reg = decoder->reg;
	if ((decoder->prefixes.rex & INSN_REX_R) != 0) {
		insn->reg += 8;
	}
	if (insn->register_size == 1 && decoder->prefixes.rex == 0 && insn->reg >= 4) {
		insn->high_byte = true;
		insn->reg -= 4;
	}
}

/* Processors refuse LOCK in front of anything that does not change memory in place. */
static bool lock_legal(const struct insn *insn)
{
	return insn->kind == INSN_EXCHANGE || (insn->kind == INSN_ALU && !insn->to_register);
}

bool insn_decode(const uint8_t *bytes, unsigned count, enum insn_mode mode, struct insn *insn)
{
	struct decoder decoder = {.cursor = insn_cursor_at(bytes, count), .mode = mode};

	*insn = (struct insn){0};
	if (!decode_opcode(&decoder) || (has(&decoder, ONLY_64) && mode != INSN_MODE_64)) {
		return false;
	}
	if (!decode_address(&decoder) || !decode_immediate(&decoder, insn)) {
		return false;
	}
	describe_operation(&decoder, insn);
	describe_register(&decoder, insn);
	return !decoder.prefixes.lock || lock_legal(insn);
}
