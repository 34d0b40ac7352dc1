/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The words of those calls that ask for more than numbers. See fields.h.
 *
 *	s  a partition id		v  VP index and trust level	i  id of a port or connection
 *	t  type of a port		g  SINT and target VP		f  base flag and number of flags
 *	m  message type and size	e  connection and flag		n  two names of registers
 *	a  one name of a register	0  zero				.  anything
 */
#include "test/fuzz/grammar/fields.h"

#include "test/fuzz/grammar/words.h"

#include <stddef.h>

#define FIELD_ANY 0xe8
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct grammar_fields table[] = {
	{0x0050, "sv", "n"},	   {0x0051, "sv", "a0.."}, {0x0052, "sv..", ""}, {0x0057, "sistgf", ""},
	{0x0058, "si", ""},	   {0x0059, "sisi.", ""},  {0x005a, "si.", ""},	 {0x005b, "si", ""},
	{0x005c, "im....", ""},	   {0x005d, "e", ""},	   {0x0070, "si..", ""}, {0x0095, "sistgf0", ""},
	{0x0096, "sisit...0", ""}, {0x0099, "sv", ""},	   {0x009a, "s0", "."},
};

static const uint32_t register_names[] = {
#define HV_REGISTER(number, ...) (number),
#include "abi/registers.def"
};

const struct grammar_fields *grammar_fields(uint16_t code)
{
	static const struct grammar_fields none = {0, "", ""};

	for (size_t i = 0; i < COUNT(table); i++) {
		if (table[i].code == code) {
			return &table[i];
		}
	}
	return &none;
}

static uint64_t partition_take(uint8_t pick)
{
	static const uint64_t ids[] = {1, 0, 2, UINT64_MAX - 1};

	return pick < 0xa0 ? UINT64_MAX : ids[pick & 3];
}

static uint64_t vp_take(uint8_t pick)
{
	static const uint64_t indexes[] = {0xfffffffe, 0, 1, 2, 3, 0xffffffff};
	static const uint64_t levels[] = {0, 0, 0, 0, 0, 0, 0x10, 1};

	return indexes[pick % COUNT(indexes)] | levels[pick >> 5] << 32;
}

static uint64_t target_take(uint8_t pick)
{
	static const uint64_t indexes[] = {0, 1, 2, 0xffffffff, 3};
	uint64_t sint = (pick & 1) != 0 ? 2 : pick >> 1 & 15;

	return sint | indexes[(pick >> 5) % COUNT(indexes)] << 32;
}

static uint64_t flags_take(struct input *input, uint8_t pick)
{
	uint64_t base = (pick & 1) != 0 ? 2047 : pick >> 1;
	uint8_t count = input_byte(input);

	return base | (count < 0xf0 ? count : UINT64_C(2048)) << 16;
}

static uint64_t message_take(struct input *input, uint8_t pick)
{
	return pick | (pick >= 0xd0 ? UINT64_C(1) << 31 : 0) | (uint64_t)input_byte(input) << 32;
}

static uint64_t name_take(struct input *input, uint8_t pick)
{
	return register_names[(pick << 8 | input_byte(input)) % COUNT(register_names)];
}

uint64_t grammar_field(struct input *input, char kind)
{
	static const uint8_t port_types[] = {1, 2, 3, 1, 2, 3, 4, 0};

	if (kind == '.') {
		return grammar_word(input);
	}
	uint8_t pick = input_byte(input);

	if (pick >= FIELD_ANY) {
		return grammar_word(input);
	}
	switch (kind) {
	case 's':
		return partition_take(pick);
	case 'v':
		return vp_take(pick);
	case 'i':
		return (pick & 7u) | (pick >= 0xd0 ? UINT64_C(1) << 24 : 0);
	case 't':
		return port_types[pick & 7];
	case 'g':
		return target_take(pick);
	case 'f':
		return flags_take(input, pick);
	case 'm':
		return message_take(input, pick);
	case 'e':
		return (pick & 7u) | (uint64_t)input_byte(input) << 32;
	case 'n':
		return name_take(input, pick) | name_take(input, input_byte(input)) << 32;
	case 'a':
		return name_take(input, pick);
	default:
		return 0;
	}
}
