/* SPDX-License-Identifier: MPL-2.0 */
/* Lengths of the instructions that exit, with and without prefixes. The bytes are what an assembler makes. */
#include "core/insn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint8_t cpuid[] = {0x0f, 0xa2};
static const uint8_t hlt[] = {0xf4};
static const uint8_t vmmcall[] = {0x0f, 0x01, 0xd9};
static const uint8_t pause_opcode[] = {0xf3, 0x90};

static unsigned length(enum insn_mode mode, const char *bytes, unsigned count, const uint8_t *opcode,
		       unsigned size)
{
	return insn_length_of((const uint8_t *)bytes, count, mode, opcode, size);
}

static void bare_opcodes(void **state)
{
	(void)state;
	for (enum insn_mode mode = INSN_MODE_16; mode <= INSN_MODE_64; mode++) {
		assert_int_equal(length(mode, "\x0f\xa2", 2, cpuid, 2), 2);
		assert_int_equal(length(mode, "\xf4\xcc", 2, hlt, 1), 1);
		assert_int_equal(length(mode, "\x0f\x01\xd9\xcc", 4, vmmcall, 3), 3);
		assert_int_equal(length(mode, "\x0f\xa3", 2, cpuid, 2), 0);
		assert_int_equal(length(mode, "\x0f\x01\xd8", 3, vmmcall, 3), 0);
	}
}

static void prefixes_count(void **state)
{
	(void)state;
	static const char prefixes[] = "\x66\x67\xf2\xf3\x26\x2e\x36\x3e\x64\x65";

	for (enum insn_mode mode = INSN_MODE_16; mode <= INSN_MODE_64; mode++) {
		for (unsigned i = 0; i < sizeof(prefixes) - 1; i++) {
			char bytes[4] = {prefixes[i], prefixes[i], 0x0f, (char)0xa2};

			assert_int_equal(length(mode, bytes, 4, cpuid, 2), 4);
			assert_int_equal(length(mode, bytes + 1, 3, cpuid, 2), 3);
		}
	}
}

static void rex_is_a_prefix_in_64_bit_code_only(void **state)
{
	(void)state;
	for (unsigned rex = 0x40; rex <= 0x4f; rex++) {
		char bytes[3] = {(char)rex, 0x0f, (char)0xa2};

		assert_int_equal(length(INSN_MODE_64, bytes, 3, cpuid, 2), 3);
		assert_int_equal(length(INSN_MODE_32, bytes, 3, cpuid, 2), 0);
		assert_int_equal(length(INSN_MODE_16, bytes, 3, cpuid, 2), 0);
	}
	/* Wasted before another prefix, but legal. */
	assert_int_equal(length(INSN_MODE_64, "\x48\x66\x0f\xa2", 4, cpuid, 2), 4);
}

static void lock_is_refused(void **state)
{
	(void)state;
	assert_int_equal(length(INSN_MODE_64, "\xf0\x0f\xa2", 3, cpuid, 2), 0);
	assert_int_equal(length(INSN_MODE_64, "\x66\xf0\xf4", 3, hlt, 1), 0);
}

static void an_opcode_may_begin_like_a_prefix(void **state)
{
	(void)state;
	assert_int_equal(length(INSN_MODE_64, "\xf3\x90", 2, pause_opcode, 2), 2);
	assert_int_equal(length(INSN_MODE_64, "\x2e\xf3\x90", 3, pause_opcode, 2), 3);
	assert_int_equal(length(INSN_MODE_64, "\x90", 1, pause_opcode, 2), 0);
}

static void no_byte_beyond_the_count_or_the_fifteenth(void **state)
{
	(void)state;
	static const char longest[] = "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\xa2";
	static const char too_long[] = "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\xa2";

	assert_int_equal(length(INSN_MODE_64, longest, 15, cpuid, 2), 15);
	assert_int_equal(length(INSN_MODE_64, too_long, 16, cpuid, 2), 0);
	assert_int_equal(length(INSN_MODE_64, longest, 14, cpuid, 2), 0);
	assert_int_equal(length(INSN_MODE_64, longest, 5, cpuid, 2), 0);
	assert_int_equal(length(INSN_MODE_64, longest, 0, cpuid, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_opcodes),
		cmocka_unit_test(prefixes_count),
		cmocka_unit_test(rex_is_a_prefix_in_64_bit_code_only),
		cmocka_unit_test(lock_is_refused),
		cmocka_unit_test(an_opcode_may_begin_like_a_prefix),
		cmocka_unit_test(no_byte_beyond_the_count_or_the_fifteenth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
