/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the instruction decoder. First byte: code size; the rest: instruction bytes.
 *
 * A decoded instruction must describe something that exists, must not depend on bytes beyond its length, must need
 * all of them, and must execute without leaving its operands.
 */
#include "core/insn.h"

#include "lib/check.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_size(unsigned size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static void check_description(const struct insn *insn, unsigned count)
{
	CHECK(insn->length >= 2 && insn->length <= INSN_BYTES_MAX && insn->length <= count);
	CHECK(is_size(insn->size) && is_size(insn->register_size) && insn->register_size >= insn->size);
	CHECK(insn->reg < 16 && (!insn->high_byte || (insn->reg < 4 && insn->register_size == 1)));
	CHECK(insn->kind <= INSN_PUSH && insn->alu <= INSN_TEST);
}

/* The copy is exactly as long as the instruction, so that the sanitizer sees a read beyond it. */
static void check_extent(const uint8_t *bytes, enum insn_mode mode, const struct insn *insn)
{
	uint8_t *exact = malloc(insn->length);
	struct insn again;

	CHECK(exact != NULL);
	memcpy(exact, bytes, insn->length);
	CHECK(insn_decode(exact, insn->length, mode, &again));
	CHECK(again.kind == insn->kind && again.length == insn->length && again.size == insn->size &&
	      again.reg == insn->reg && again.immediate == insn->immediate);
	for (unsigned count = 0; count < insn->length; count++) {
		CHECK(!insn_decode(exact, count, mode, &again));
	}
	free(exact);
}

static void check_execution(const struct insn *insn)
{
	uint64_t gpr[16], rflags = 0x202, memory = 0x8899aabbccddeeff;

	for (unsigned i = 0; i < 16; i++) {
		gpr[i] = UINT64_C(0x1111111111111111) * i;
	}
	bool writes = insn_execute(insn, gpr, &rflags, &memory);

	CHECK(!writes || (insn->kind != INSN_LOAD && insn->kind != INSN_COMPARE && insn->kind != INSN_PUSH));
	CHECK((rflags & ~UINT64_C(0x8d5)) == 0x202);
	for (unsigned i = 0; i < 16; i++) {
		CHECK(i == insn->reg || gpr[i] == UINT64_C(0x1111111111111111) * i);
	}
}

static void check_length_of(const uint8_t *bytes, unsigned count, enum insn_mode mode)
{
	static const uint8_t opcodes[][3] = {
		{0x0f, 0xa2, 0}, {0xf4, 0, 0}, {0x0f, 0x01, 0xd9}, {0xf3, 0x90, 0}};
	static const unsigned sizes[] = {2, 1, 3, 2};

	for (unsigned i = 0; i < 4; i++) {
		unsigned length = insn_length_of(bytes, count, mode, opcodes[i], sizes[i]);

		CHECK(length <= count && length <= INSN_BYTES_MAX);
		CHECK(length == 0 || memcmp(bytes + length - sizes[i], opcodes[i], sizes[i]) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct insn insn;

	if (size < 1) {
		return 0;
	}
	enum insn_mode mode = (enum insn_mode)(data[0] % 3);
	const uint8_t *bytes = data + 1;
	unsigned count = (unsigned)(size - 1);

	check_length_of(bytes, count, mode);
	if (insn_decode(bytes, count, mode, &insn)) {
		check_description(&insn, count);
		check_extent(bytes, mode, &insn);
		check_execution(&insn);
	}
	return 0;
}
