/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The decoder against a table of real encodings, as an assembler writes them, in all three code sizes; then what it
 * must refuse. What the instructions do is in execute_test.c, and beside a real processor in native_test.c.
 */
#include "core/insn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define M16 INSN_MODE_16
#define M32 INSN_MODE_32
#define M64 INSN_MODE_64

/* Bytes in a string, without its NUL. */
#define B(text) (const uint8_t *)(text), sizeof(text) - 1

struct row {
	const char *assembly;
	enum insn_mode mode;
	const uint8_t *bytes;
	unsigned count;
	struct insn insn; /* but for the length, which is `count` */
};

static const struct row rows[] = {
	{"mov [rdi], eax", M64, B("\x89\x07"), {.kind = INSN_STORE, .size = 4, .register_size = 4}},
	{"mov [rdi], rax", M64, B("\x48\x89\x07"), {.kind = INSN_STORE, .size = 8, .register_size = 8}},
	{"mov [rdi], ax", M64, B("\x66\x89\x07"), {.kind = INSN_STORE, .size = 2, .register_size = 2}},
	{"mov [rdi], al", M64, B("\x88\x07"), {.kind = INSN_STORE, .size = 1, .register_size = 1}},
	{"mov [rdi], bh",
	 M64,
	 B("\x88\x3f"),
	 {.kind = INSN_STORE, .size = 1, .register_size = 1, .reg = 3, .high_byte = true}},
	{"mov [rdi], dil",
	 M64,
	 B("\x40\x88\x3f"),
	 {.kind = INSN_STORE, .size = 1, .register_size = 1, .reg = 7}},
	{"mov [rdi], r15b",
	 M64,
	 B("\x44\x88\x3f"),
	 {.kind = INSN_STORE, .size = 1, .register_size = 1, .reg = 15}},
	{"mov r9d, [rip+0x12345678]",
	 M64,
	 B("\x44\x8b\x0d\x78\x56\x34\x12"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 4, .reg = 9}},
	{"mov eax, [0xfee00030] (sib)",
	 M64,
	 B("\x8b\x04\x25\x30\x00\xe0\xfe"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 4}},
	{"mov ecx, [rsp]",
	 M64,
	 B("\x8b\x0c\x24"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 4, .reg = 1}},
	{"mov ecx, [rsp+8]",
	 M64,
	 B("\x8b\x4c\x24\x08"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 4, .reg = 1}},
	{"mov ecx, [rbp+rax*4]",
	 M64,
	 B("\x8b\x4c\x85\x00"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 4, .reg = 1}},
	{"mov ecx, [r13+r12*8-0x10000]",
	 M64,
	 B("\x43\x8b\x8c\xe5\x00\x00\xff\xff"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 4, .reg = 1}},
	{"mov ecx, [edi+0x7f]",
	 M64,
	 B("\x67\x8b\x4f\x7f"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 4, .reg = 1}},
	{"mov bl, [rdi]", M64, B("\x8a\x1f"), {.kind = INSN_LOAD, .size = 1, .register_size = 1, .reg = 3}},
	{"movabs eax, [...]",
	 M64,
	 B("\xa1\xb0\x00\xe0\xfe\x00\x00\x00\x00"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 4}},
	{"movabs [...], rax",
	 M64,
	 B("\x48\xa3\xb0\x00\xe0\xfe\x00\x00\x00\x00"),
	 {.kind = INSN_STORE, .size = 8, .register_size = 8}},
	{"mov al, [addr32]",
	 M64,
	 B("\x67\xa0\xb0\x00\xe0\xfe"),
	 {.kind = INSN_LOAD, .size = 1, .register_size = 1}},
	{"mov [addr], al",
	 M32,
	 B("\xa2\xb0\x00\xe0\xfe"),
	 {.kind = INSN_STORE, .size = 1, .register_size = 1}},
	{"mov eax, [addr16]", M32, B("\x67\xa1\xb0\x00"), {.kind = INSN_LOAD, .size = 4, .register_size = 4}},
	{"mov ax, [addr]", M16, B("\xa1\xb0\x00"), {.kind = INSN_LOAD, .size = 2, .register_size = 2}},
	{"mov eax, [addr32]",
	 M16,
	 B("\x66\x67\xa1\xb0\x00\xe0\xfe"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 4}},
	{"mov dword [rdi+0xb0], 0",
	 M64,
	 B("\xc7\x87\xb0\x00\x00\x00\x00\x00\x00\x00"),
	 {.kind = INSN_STORE, .size = 4, .register_size = 4, .has_immediate = true}},
	{"mov qword [rdi], -1",
	 M64,
	 B("\x48\xc7\x07\xff\xff\xff\xff"),
	 {.kind = INSN_STORE, .size = 8, .register_size = 8, .has_immediate = true, .immediate = UINT64_MAX}},
	{"mov word [rdi], 0x8000",
	 M64,
	 B("\x66\xc7\x07\x00\x80"),
	 {.kind = INSN_STORE,
	  .size = 2,
	  .register_size = 2,
	  .has_immediate = true,
	  .immediate = 0xffffffffffff8000}},
	{"mov byte [rdi], 0x7f",
	 M64,
	 B("\xc6\x07\x7f"),
	 {.kind = INSN_STORE, .size = 1, .register_size = 1, .has_immediate = true, .immediate = 0x7f}},
	{"mov [bx+si], cx",
	 M16,
	 B("\x89\x08"),
	 {.kind = INSN_STORE, .size = 2, .register_size = 2, .reg = 1}},
	{"mov [0x1234], cx",
	 M16,
	 B("\x89\x0e\x34\x12"),
	 {.kind = INSN_STORE, .size = 2, .register_size = 2, .reg = 1}},
	{"mov [bp+0], cx",
	 M16,
	 B("\x89\x4e\x00"),
	 {.kind = INSN_STORE, .size = 2, .register_size = 2, .reg = 1}},
	{"mov [bp+0x1234], ecx",
	 M16,
	 B("\x66\x89\x8e\x34\x12"),
	 {.kind = INSN_STORE, .size = 4, .register_size = 4, .reg = 1}},
	{"mov [eax+ecx], dx",
	 M16,
	 B("\x67\x89\x14\x08"),
	 {.kind = INSN_STORE, .size = 2, .register_size = 2, .reg = 2}},
	{"mov [0xfee00300], ecx",
	 M32,
	 B("\x89\x0d\x00\x03\xe0\xfe"),
	 {.kind = INSN_STORE, .size = 4, .register_size = 4, .reg = 1}},
	{"mov [bx+di+1], ecx",
	 M32,
	 B("\x67\x89\x49\x01"),
	 {.kind = INSN_STORE, .size = 4, .register_size = 4, .reg = 1}},
	{"movzx eax, byte [rdi]", M64, B("\x0f\xb6\x07"), {.kind = INSN_LOAD, .size = 1, .register_size = 4}},
	{"movzx rax, word [rdi]",
	 M64,
	 B("\x48\x0f\xb7\x07"),
	 {.kind = INSN_LOAD, .size = 2, .register_size = 8}},
	{"movzx ax, byte [rdi]",
	 M64,
	 B("\x66\x0f\xb6\x07"),
	 {.kind = INSN_LOAD, .size = 1, .register_size = 2}},
	{"movzx esi, byte [rdi]",
	 M64,
	 B("\x0f\xb6\x37"),
	 {.kind = INSN_LOAD, .size = 1, .register_size = 4, .reg = 6}},
	{"movsx eax, byte [rdi]",
	 M64,
	 B("\x0f\xbe\x07"),
	 {.kind = INSN_LOAD, .size = 1, .register_size = 4, .sign_extend = true}},
	{"movsx rax, word [rdi]",
	 M64,
	 B("\x48\x0f\xbf\x07"),
	 {.kind = INSN_LOAD, .size = 2, .register_size = 8, .sign_extend = true}},
	{"movsxd rax, dword [rdi]",
	 M64,
	 B("\x48\x63\x07"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 8, .sign_extend = true}},
	{"movsxd eax, dword [rdi]",
	 M64,
	 B("\x63\x07"),
	 {.kind = INSN_LOAD, .size = 4, .register_size = 4, .sign_extend = true}},
	{"or dword [rdi], 0x10000",
	 M64,
	 B("\x81\x0f\x00\x00\x01\x00"),
	 {.kind = INSN_ALU,
	  .alu = INSN_OR,
	  .size = 4,
	  .register_size = 4,
	  .has_immediate = true,
	  .immediate = 0x10000}},
	{"and dword [rdi], -2",
	 M64,
	 B("\x83\x27\xfe"),
	 {.kind = INSN_ALU,
	  .alu = INSN_AND,
	  .size = 4,
	  .register_size = 4,
	  .has_immediate = true,
	  .immediate = 0xfffffffffffffffe}},
	{"lock xor [rdi], ecx",
	 M64,
	 B("\xf0\x31\x0f"),
	 {.kind = INSN_ALU, .alu = INSN_XOR, .size = 4, .register_size = 4, .reg = 1}},
	{"add ecx, [rdi]",
	 M64,
	 B("\x03\x0f"),
	 {.kind = INSN_ALU, .alu = INSN_ADD, .size = 4, .register_size = 4, .reg = 1, .to_register = true}},
	{"sbb byte [rdi], 1",
	 M64,
	 B("\x80\x1f\x01"),
	 {.kind = INSN_ALU,
	  .alu = INSN_SBB,
	  .size = 1,
	  .register_size = 1,
	  .has_immediate = true,
	  .immediate = 1}},
	{"adc [rdi], ah",
	 M64,
	 B("\x10\x27"),
	 {.kind = INSN_ALU, .alu = INSN_ADC, .size = 1, .register_size = 1, .high_byte = true}},
	{"cmp [rdi], ecx",
	 M64,
	 B("\x39\x0f"),
	 {.kind = INSN_COMPARE, .alu = INSN_CMP, .size = 4, .register_size = 4, .reg = 1}},
	{"cmp cl, [rdi]",
	 M64,
	 B("\x3a\x0f"),
	 {.kind = INSN_COMPARE,
	  .alu = INSN_CMP,
	  .size = 1,
	  .register_size = 1,
	  .reg = 1,
	  .to_register = true}},
	{"cmp dword [rdi], 5",
	 M64,
	 B("\x83\x3f\x05"),
	 {.kind = INSN_COMPARE,
	  .alu = INSN_CMP,
	  .size = 4,
	  .register_size = 4,
	  .has_immediate = true,
	  .immediate = 5}},
	{"test [rdi], ecx",
	 M64,
	 B("\x85\x0f"),
	 {.kind = INSN_COMPARE, .alu = INSN_TEST, .size = 4, .register_size = 4, .reg = 1}},
	{"test byte [rdi+1], 0x10",
	 M64,
	 B("\xf6\x47\x01\x10"),
	 {.kind = INSN_COMPARE,
	  .alu = INSN_TEST,
	  .size = 1,
	  .register_size = 1,
	  .has_immediate = true,
	  .immediate = 0x10}},
	{"test dword [addr], 0x1000",
	 M32,
	 B("\xf7\x05\x00\x03\xe0\xfe\x00\x10\x00\x00"),
	 {.kind = INSN_COMPARE,
	  .alu = INSN_TEST,
	  .size = 4,
	  .register_size = 4,
	  .has_immediate = true,
	  .immediate = 0x1000}},
	{"test word [bx], 0x1000",
	 M16,
	 B("\xf7\x07\x00\x10"),
	 {.kind = INSN_COMPARE,
	  .alu = INSN_TEST,
	  .size = 2,
	  .register_size = 2,
	  .has_immediate = true,
	  .immediate = 0x1000}},
	{"xchg [rdi], eax", M64, B("\x87\x07"), {.kind = INSN_EXCHANGE, .size = 4, .register_size = 4}},
	{"lock xchg [rdi], ch",
	 M64,
	 B("\xf0\x86\x2f"),
	 {.kind = INSN_EXCHANGE, .size = 1, .register_size = 1, .reg = 1, .high_byte = true}},
	{"push qword [rdi]", M64, B("\xff\x37"), {.kind = INSN_PUSH, .size = 8, .register_size = 8}},
	{"push word [rdi]", M64, B("\x66\xff\x37"), {.kind = INSN_PUSH, .size = 2, .register_size = 2}},
	{"push dword [edi]", M32, B("\xff\x37"), {.kind = INSN_PUSH, .size = 4, .register_size = 4}},
	{"push word [bx]", M16, B("\xff\x37"), {.kind = INSN_PUSH, .size = 2, .register_size = 2}},
	{"gs mov [rax], ecx",
	 M64,
	 B("\x65\x89\x08"),
	 {.kind = INSN_STORE, .size = 4, .register_size = 4, .reg = 1}},
	{"a REX that does not count",
	 M64,
	 B("\x4c\x66\x89\x07"),
	 {.kind = INSN_STORE, .size = 2, .register_size = 2}},
};

/* Not memcmp: the struct has gaps. */
static bool same(const struct insn *a, const struct insn *b)
{
	return a->kind == b->kind && a->alu == b->alu && a->size == b->size &&
	       a->register_size == b->register_size && a->sign_extend == b->sign_extend &&
	       a->has_immediate == b->has_immediate && a->to_register == b->to_register &&
	       a->high_byte == b->high_byte && a->reg == b->reg && a->immediate == b->immediate;
}

static void assert_same(const struct row *row, const struct insn *found)
{
	if (!same(&row->insn, found) || found->length != row->count) {
		print_error("%s: kind %d alu %d length %u size %u/%u reg %u flags %d%d%d%d immediate %llx\n",
			    row->assembly, found->kind, found->alu, found->length, found->size,
			    found->register_size, found->reg, found->sign_extend, found->has_immediate,
			    found->to_register, found->high_byte, (unsigned long long)found->immediate);
		fail();
	}
}

static void real_encodings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct insn found;

		memset(&found, 0xff, sizeof(found));
		assert_true(insn_decode(rows[i].bytes, rows[i].count, rows[i].mode, &found));
		assert_same(&rows[i], &found);
	}
}

static void not_a_byte_less_and_not_a_byte_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t longer[INSN_BYTES_MAX + 5];
		struct insn found;

		for (unsigned count = 0; count < rows[i].count; count++) {
			assert_false(insn_decode(rows[i].bytes, count, rows[i].mode, &found));
		}
		memset(longer, 0xf4, sizeof(longer));
		memcpy(longer, rows[i].bytes, rows[i].count);
		assert_true(insn_decode(longer, sizeof(longer), rows[i].mode, &found));
		assert_int_equal(found.length, rows[i].count);
	}
}

static void fifteen_bytes_are_the_most(void **state)
{
	(void)state;
	uint8_t bytes[20];
	struct insn found;

	memset(bytes, 0x2e, sizeof(bytes));
	memcpy(bytes + 13, "\x89\x07", 2);
	assert_true(insn_decode(bytes, sizeof(bytes), M64, &found));
	assert_int_equal(found.length, 15);
	memmove(bytes + 1, bytes, sizeof(bytes) - 1);
	assert_false(insn_decode(bytes, sizeof(bytes), M64, &found));
}

static void what_it_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *why;
		enum insn_mode mode;
		const uint8_t *bytes;
		unsigned count;
	} refused[] = {
		{"a register, not memory", M64, B("\x89\xc8")},
		{"the same in 16-bit code", M16, B("\x89\xc8")},
		{"movsxd is arpl in 32-bit code", M32, B("\x63\x07")},
		{"a segment push", M32, B("\x06")},
		{"das", M32, B("\x27")},
		{"add al, imm8", M64, B("\x04\x01")},
		{"c6 /1", M64, B("\xc6\x0f\x00")},
		{"c7 /7", M64, B("\xc7\x3f\x00\x00\x00\x00")},
		{"f7 /2 (not)", M64, B("\xf7\x17\x00\x00\x00\x00")},
		{"f6 /4 (mul)", M64, B("\xf6\x27\x00")},
		{"ff /0 (inc)", M64, B("\xff\x07")},
		{"ff /2 (call)", M64, B("\xff\x17")},
		{"0f 89 (jns)", M64, B("\x0f\x89\x00\x00\x00\x00")},
		{"0f without more", M64, B("\x0f")},
		{"0f b6 without ModRM", M64, B("\x0f\xb6")},
		{"b6 (mov dh, imm8)", M64, B("\xb6\x07")},
		{"string move", M64, B("\xf3\xa4")},
		{"lock mov", M64, B("\xf0\x89\x07")},
		{"lock add to register", M64, B("\xf0\x03\x07")},
		{"lock cmp", M64, B("\xf0\x39\x07")},
		{"lock test", M64, B("\xf0\x85\x07")},
		{"lock push", M64, B("\xf0\xff\x37")},
		{"prefixes only", M64, B("\x66\x67\x48")},
		{"inc in 32-bit code, no REX", M32, B("\x48\x89\x07")},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct insn found;

		if (insn_decode(refused[i].bytes, refused[i].count, refused[i].mode, &found)) {
			print_error("%s: accepted\n", refused[i].why);
			fail();
		}
	}
}

static void every_arithmetic_opcode(void **state)
{
	(void)state;
	for (unsigned opcode = 0; opcode < 0x40; opcode++) {
		uint8_t bytes[2] = {(uint8_t)opcode, 0x07};
		struct insn found;
		bool expected = (opcode & 7) < 4;

		assert_int_equal(insn_decode(bytes, 2, M64, &found), expected);
		if (expected) {
			assert_int_equal(found.alu, opcode / 8);
			assert_int_equal(found.kind, opcode / 8 == 7 ? INSN_COMPARE : INSN_ALU);
			assert_int_equal(found.size, opcode % 2 == 0 ? 1 : 4);
			assert_int_equal(found.to_register, (opcode & 2) != 0);
		}
	}
	for (unsigned operation = 0; operation < 8; operation++) {
		uint8_t bytes[3] = {0x83, (uint8_t)(operation << 3 | 7), 1};
		struct insn found;

		assert_true(insn_decode(bytes, 3, M64, &found));
		assert_int_equal(found.alu, operation);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_encodings),
		cmocka_unit_test(not_a_byte_less_and_not_a_byte_more),
		cmocka_unit_test(fifteen_bytes_are_the_most),
		cmocka_unit_test(what_it_refuses),
		cmocka_unit_test(every_arithmetic_opcode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
