/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The decoder and the executor against the processor that runs the test: instructions are put together at random from
 * the opcodes that the decoder knows, executed natively on a scratch word, and carried out by us on a copy. Registers,
 * flags, memory and the length must agree. PUSH is left out (it would move the stack under the test).
 */
#include "core/insn.h"

#include "test/unit/native.h"
#include "test/unit/unit.h"

#include <string.h>

#include <sys/mman.h>

#define ROUNDS 200000
#define FLAGS_ARITHMETIC UINT64_C(0x8d5)
#define FLAG_AUXILIARY UINT64_C(0x10)
#define RDI 7
#define RSP 4

struct code {
	uint8_t bytes[32];
	unsigned size;
};

static void emit(struct code *code, uint64_t value, unsigned size)
{
	memcpy(code->bytes + code->size, &value, size);
	code->size += size;
}

static uint8_t pick_opcode(uint64_t random, bool *two_bytes)
{
	static const uint8_t one[] = {0x63, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87,
				      0x88, 0x89, 0x8a, 0x8b, 0xc6, 0xc7, 0xf6, 0xf7};
	static const uint8_t two[] = {0xb6, 0xb7, 0xbe, 0xbf};

	*two_bytes = random % 8 == 0;
	if (*two_bytes) {
		return two[random / 8 % sizeof(two)];
	}
	if (random % 8 < 4) {
		return (uint8_t)(random / 8 % 8 * 8 + random / 64 % 4);
	}
	return one[random / 8 % sizeof(one)];
}

/* [rdi], [rdi + 0 as a byte], [rdi + 0 as four bytes], or the same with an index-free SIB byte. */
static void emit_address(struct code *code, uint64_t random, unsigned reg)
{
	unsigned mod = (unsigned)(random % 3);
	bool sib = random / 4 % 2 != 0;

	emit(code, mod << 6 | reg << 3 | (sib ? 4 : RDI), 1);
	if (sib) {
		emit(code, 0x20 | RDI, 1);
	}
	emit(code, 0, mod == 0 ? 0 : mod == 1 ? 1 : 4);
}

static unsigned immediate_size(uint8_t opcode, bool two_bytes, bool word)
{
	if (two_bytes) {
		return 0;
	}
	switch (opcode) {
	case 0x80:
	case 0x83:
	case 0xc6:
	case 0xf6:
		return 1;
	case 0x81:
	case 0xc7:
	case 0xf7:
		return word ? 2 : 4;
	default:
		return 0;
	}
}

static unsigned pick_reg(uint8_t opcode, uint64_t random)
{
	if (opcode == 0xc6 || opcode == 0xc7) {
		return 0;
	}
	if (opcode == 0xf6 || opcode == 0xf7) {
		return (unsigned)(random % 2);
	}
	return (unsigned)(random % 8);
}

/* One instruction and a RET behind it. */
static struct code make(uint64_t *seed)
{
	struct code code = {.size = 0};
	bool two_bytes;
	bool operand_prefix = unit_random(seed) % 4 == 0;
	uint64_t rex = unit_random(seed) % 2 == 0 ? 0x40 | (unit_random(seed) & 0xc) : 0;
	uint8_t opcode = pick_opcode(unit_random(seed), &two_bytes);

	if (operand_prefix) {
		emit(&code, 0x66, 1);
	}
	emit(&code, rex, rex != 0 ? 1 : 0);
	if (two_bytes) {
		emit(&code, 0x0f, 1);
	}
	emit(&code, opcode, 1);
	emit_address(&code, unit_random(seed), pick_reg(opcode, unit_random(seed)));
	emit(&code, unit_random(seed), immediate_size(opcode, two_bytes, operand_prefix && (rex & 8) == 0));
	return code;
}

/* REX may name SPL and RSP: those would take the stack away. */
static bool harmless(const struct insn *insn)
{
	return insn->reg != RSP || insn->has_immediate;
}

static bool is_logical(const struct insn *insn)
{
	return insn->alu == INSN_AND || insn->alu == INSN_OR || insn->alu == INSN_XOR ||
	       insn->alu == INSN_TEST;
}

static void compare(const struct code *code, void *page, uint64_t *seed)
{
	struct insn insn;
	struct native native = {.rflags = 0x202 | (unit_random(seed) & FLAGS_ARITHMETIC)};
	uint64_t scratch = unit_random(seed), memory = scratch;

	assert_true(insn_decode(code->bytes, sizeof(code->bytes), INSN_MODE_64, &insn));
	assert_int_equal(insn.length, code->size);
	if (!harmless(&insn)) {
		return;
	}
	for (unsigned i = 0; i < 16; i++) {
		native.gpr[i] = unit_random(seed) >> unit_random(seed) % 64;
	}
	native.gpr[RDI] = (uint64_t)(uintptr_t)&scratch;
	struct native ours = native;

	memcpy(page, code->bytes, code->size);
	((uint8_t *)page)[code->size] = 0xc3;
	native_call(&native, page);
	uint64_t value = memory;

	if (insn_execute(&insn, ours.gpr, &ours.rflags, &value)) {
		memcpy(&memory, &value, insn.size);
	}
	uint64_t undefined = is_logical(&insn) ? FLAG_AUXILIARY : 0;

	assert_memory_equal(native.gpr, ours.gpr, sizeof(native.gpr));
	assert_int_equal(native.rflags & ~undefined, ours.rflags & ~undefined);
	assert_int_equal(scratch, memory);
}

static void the_processor_agrees(void **state)
{
	(void)state;
	uint64_t seed = 6364136223846793005;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED) {
		skip(); /* This host does not let a program write code. */
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct code code = make(&seed);

		compare(&code, page, &seed);
	}
	munmap(page, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_processor_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
