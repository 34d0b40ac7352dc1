/* SPDX-License-Identifier: MPL-2.0 */
/* What decoded instructions do to registers, flags and memory: one case per rule. native_test.c asks a processor. */
#include "core/insn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CF UINT64_C(0x001)
#define PF UINT64_C(0x004)
#define AF UINT64_C(0x010)
#define ZF UINT64_C(0x040)
#define SF UINT64_C(0x080)
#define OF UINT64_C(0x800)
#define OTHER_FLAGS UINT64_C(0x247702) /* must survive */

struct machine {
	uint64_t gpr[16];
	uint64_t rflags;
	uint64_t memory;
};

static struct machine fresh(uint64_t memory, uint64_t value)
{
	struct machine machine = {.rflags = OTHER_FLAGS, .memory = memory};

	for (unsigned i = 0; i < 16; i++) {
		machine.gpr[i] = value;
	}
	return machine;
}

static bool execute(struct machine *machine, struct insn insn)
{
	return insn_execute(&insn, machine->gpr, &machine->rflags, &machine->memory);
}

static void loads_fill_registers_as_the_size_says(void **state)
{
	(void)state;
	static const struct {
		struct insn insn;
		uint64_t expected;
	} cases[] = {
		{{.size = 1, .register_size = 1, .reg = 5}, 0xffffffffffffff88},
		{{.size = 1, .register_size = 1, .reg = 5, .high_byte = true}, 0xffffffffffff88ff},
		{{.size = 2, .register_size = 2, .reg = 5}, 0xffffffffffff8788},
		{{.size = 4, .register_size = 4, .reg = 5}, 0x85868788},
		{{.size = 8, .register_size = 8, .reg = 5}, 0x8182838485868788},
		{{.size = 1, .register_size = 4, .reg = 5}, 0x88},
		{{.size = 1, .register_size = 2, .reg = 5}, 0xffffffffffff0088},
		{{.size = 2, .register_size = 8, .reg = 5}, 0x8788},
		{{.size = 1, .register_size = 2, .reg = 5, .sign_extend = true}, 0xffffffffffffff88},
		{{.size = 1, .register_size = 4, .reg = 5, .sign_extend = true}, 0xffffff88},
		{{.size = 2, .register_size = 8, .reg = 5, .sign_extend = true}, 0xffffffffffff8788},
		{{.size = 4, .register_size = 8, .reg = 5, .sign_extend = true}, 0xffffffff85868788},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine machine = fresh(0x8182838485868788, UINT64_MAX);
		struct insn insn = cases[i].insn;

		insn.kind = INSN_LOAD;
		assert_false(execute(&machine, insn));
		assert_int_equal(machine.gpr[5], cases[i].expected);
		assert_int_equal(machine.gpr[4], UINT64_MAX);
		assert_int_equal(machine.rflags, OTHER_FLAGS);
	}
	/* Positive values gain zeros. */
	struct machine machine = fresh(0x7f, UINT64_MAX);

	assert_false(execute(
		&machine,
		(struct insn){.kind = INSN_LOAD, .size = 1, .register_size = 8, .sign_extend = true}));
	assert_int_equal(machine.gpr[0], 0x7f);
}

static void stores_give_registers_or_numbers(void **state)
{
	(void)state;
	struct machine machine = fresh(0, 0x1122334455667788);

	assert_true(
		execute(&machine,
			(struct insn){.kind = INSN_STORE, .size = 1, .register_size = 1, .high_byte = true}));
	assert_int_equal(machine.memory, 0x77);
	assert_true(execute(&machine,
			    (struct insn){.kind = INSN_STORE, .size = 4, .register_size = 4, .reg = 9}));
	assert_int_equal(machine.memory, 0x55667788);
	assert_true(execute(&machine,
			    (struct insn){.kind = INSN_STORE, .size = 8, .register_size = 8, .reg = 15}));
	assert_int_equal(machine.memory, 0x1122334455667788);
	assert_true(execute(&machine, (struct insn){.kind = INSN_STORE,
						    .size = 2,
						    .has_immediate = true,
						    .immediate = UINT64_MAX}));
	assert_int_equal(machine.memory, 0xffff);
}

static void arithmetic_and_its_flags(void **state)
{
	(void)state;
	static const struct {
		enum insn_alu alu;
		unsigned size;
		uint64_t memory, source, carry, result, flags;
	} cases[] = {
		{INSN_ADD, 1, 0x7f, 0x01, 0, 0x80, OF | SF | AF},
		{INSN_ADD, 1, 0xff, 0x01, 0, 0x00, CF | ZF | AF | PF},
		{INSN_ADD, 4, 0xffffffff, 1, CF, 0, CF | ZF | AF | PF},
		{INSN_ADD, 8, 0x7fffffffffffffff, 1, 0, 0x8000000000000000, OF | SF | AF | PF},
		{INSN_ADC, 2, 0xffff, 0, CF, 0, CF | ZF | AF | PF},
		{INSN_ADC, 2, 0x10, 0x01, 0, 0x11, PF},
		{INSN_SUB, 1, 0x80, 0x01, 0, 0x7f, OF | AF},
		{INSN_SUB, 4, 0, 1, 0, 0xffffffff, CF | SF | AF | PF},
		{INSN_SBB, 8, 0, UINT64_MAX, CF, 0, CF | ZF | AF | PF},
		{INSN_SBB, 1, 5, 2, CF, 2, 0},
		{INSN_AND, 4, 0xff00ff00, 0x0ff00ff0, CF, 0x0f000f00, PF},
		{INSN_OR, 2, 0x8000, 0x0001, 0, 0x8001, SF},
		{INSN_XOR, 8, 0x1234, 0x1234, CF, 0, ZF | PF},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct insn insn = {.kind = INSN_ALU, .alu = cases[i].alu, .size = (uint8_t)cases[i].size};
		struct machine machine = fresh(cases[i].memory, cases[i].source);

		insn.register_size = insn.size;
		machine.rflags |= cases[i].carry;
		assert_true(execute(&machine, insn));
		assert_int_equal(machine.memory, cases[i].result);
		assert_int_equal(machine.rflags, OTHER_FLAGS | cases[i].flags);
		assert_int_equal(machine.gpr[0], cases[i].source);
	}
}

static void towards_the_register_the_sides_change(void **state)
{
	(void)state;
	struct machine machine = fresh(1, 0x1111111100000003);
	struct insn insn = {.kind = INSN_ALU,
			    .alu = INSN_SUB,
			    .size = 4,
			    .register_size = 4,
			    .reg = 2,
			    .to_register = true};

	assert_false(execute(&machine, insn));
	assert_int_equal(machine.gpr[2], 2);
	assert_int_equal(machine.memory, 1);
	insn.size = insn.register_size = 1;
	insn.high_byte = true;
	assert_false(execute(&machine, insn));
	assert_int_equal(machine.gpr[2], 0xff02);
}

static void comparing_changes_flags_only(void **state)
{
	(void)state;
	struct machine machine = fresh(5, 5);
	struct insn insn = {.kind = INSN_COMPARE, .alu = INSN_CMP, .size = 4, .register_size = 4};

	assert_false(execute(&machine, insn));
	assert_int_equal(machine.rflags, OTHER_FLAGS | ZF | PF);
	insn.has_immediate = true;
	insn.immediate = 6;
	assert_false(execute(&machine, insn));
	assert_int_equal(machine.rflags, OTHER_FLAGS | CF | SF | AF | PF);
	insn.alu = INSN_TEST;
	insn.immediate = 2;
	assert_false(execute(&machine, insn));
	assert_int_equal(machine.rflags, OTHER_FLAGS | ZF | PF);
	insn = (struct insn){
		.kind = INSN_COMPARE, .alu = INSN_CMP, .size = 4, .register_size = 4, .to_register = true};
	machine.memory = 6;
	assert_false(execute(&machine, insn));
	assert_int_equal(machine.rflags, OTHER_FLAGS | CF | SF | AF | PF);
	assert_int_equal(machine.memory, 6);
	assert_int_equal(machine.gpr[0], 5);
}

static void exchange_and_push(void **state)
{
	(void)state;
	struct machine machine = fresh(0xaaaaaaaabbbbccdd, 0x1122334455667788);

	assert_true(execute(&machine,
			    (struct insn){.kind = INSN_EXCHANGE, .size = 2, .register_size = 2, .reg = 3}));
	assert_int_equal(machine.gpr[3], 0x112233445566ccdd);
	assert_int_equal(machine.memory, 0x7788);
	machine.memory = 0xffffffff12345678;
	assert_false(execute(&machine, (struct insn){.kind = INSN_PUSH, .size = 2, .register_size = 2}));
	assert_int_equal(machine.memory, 0x5678);
	assert_int_equal(machine.rflags, OTHER_FLAGS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_fill_registers_as_the_size_says),
		cmocka_unit_test(stores_give_registers_or_numbers),
		cmocka_unit_test(arithmetic_and_its_flags),
		cmocka_unit_test(towards_the_register_the_sides_change),
		cmocka_unit_test(comparing_changes_flags_only),
		cmocka_unit_test(exchange_and_push),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
