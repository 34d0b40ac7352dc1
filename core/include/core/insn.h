/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Instruction decoding: lengths of the instructions that exit, and the forms of memory access that the xAPIC page
 * needs. Pure: bytes in, description out. Guests choose the bytes, so every decoder is fuzzed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define INSN_BYTES_MAX 15

enum insn_mode { /* size of code: CS.L and CS.D */
	INSN_MODE_16,
	INSN_MODE_32,
	INSN_MODE_64,
};

/* Length of the instruction at `bytes` if, behind any legal prefixes, it has exactly this opcode; 0 if not.
 * `opcode` is 1 to 3 bytes, e.g. 0f a2. */
unsigned insn_length_of(const uint8_t *bytes, unsigned count, enum insn_mode mode, const uint8_t *opcode,
			unsigned opcode_size);

enum insn_kind {
	INSN_LOAD,  /* reg = mem (zero- or sign-extended) */
	INSN_STORE, /* mem = reg or imm */
	INSN_ALU,   /* mem = mem op source, flags change; or reg = reg op mem when `to_register` */
	INSN_COMPARE, /* flags of mem - source (or source - mem when `to_register`); TEST: flags of mem & source */
	INSN_EXCHANGE,
	INSN_PUSH, /* push m */
};

enum insn_alu {
	INSN_ADD,
	INSN_OR,
	INSN_ADC,
	INSN_SBB,
	INSN_AND,
	INSN_SUB,
	INSN_XOR,
	INSN_CMP,
	INSN_TEST
};

struct insn {
	enum insn_kind kind;
	enum insn_alu alu;
	uint8_t length;	       /* bytes, 1 to 15 */
	uint8_t size;	       /* of the memory operand: 1, 2, 4 or 8 bytes */
	uint8_t register_size; /* of the register operand: 1, 2, 4 or 8 */
	bool sign_extend;      /* loads: MOVSX */
	bool has_immediate;    /* source is `immediate`, not a register */
	bool to_register;
	bool high_byte;	    /* the register operand is AH, CH, DH or BH: bits 15:8 of `reg` */
	uint8_t reg;	    /* GPR index of the register operand */
	uint64_t immediate; /* sign-extended to 64 bits */
};

/* Decodes MOV (88 89 8A 8B A0-A3 C6 C7), MOVZX, MOVSX, the ALU operations with a memory operand, TEST, XCHG and PUSH.
 * False: some other instruction, or not enough bytes. */
bool insn_decode(const uint8_t *bytes, unsigned count, enum insn_mode mode, struct insn *insn);

/* Executes a decoded access: the caller reads memory into `memory` first (for all but INSN_STORE) and writes it back
 * when the function returns true. Changes gpr[] and rflags as the instruction would. INSN_PUSH leaves the value to be
 * pushed in *memory and returns false. */
bool insn_execute(const struct insn *insn, uint64_t gpr[16], uint64_t *rflags, uint64_t *memory);
