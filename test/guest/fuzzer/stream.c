/* SPDX-License-Identifier: MIT */
/*
 * The program: bytes from a generator of repeatable random numbers, and what is made of them. See fuzzer.h.
 *
 * The generator is splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014); the
 * checksum is FNV-1a.
 */
#include "fuzzer.h"

#include "../framework/hv.h"
#include "../framework/memory.h"

#define GOLDEN 0x9E3779B97F4A7C15u
#define FNV_START 0xCBF29CE484222325u
#define FNV_PRIME 0x100000001B3u

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
	value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
	return value ^ (value >> 31);
}

void stream_begin(struct stream *stream, uint64_t seed, uint64_t program, unsigned processor)
{
	stream->state = mix(seed + GOLDEN) ^ mix(program * CPU_MAX + processor + 1);
	stream->left = 0;
	if (stream->checksum == 0) {
		stream->checksum = FNV_START;
	}
}

uint8_t stream_byte(struct stream *stream)
{
	if (stream->left == 0) {
		stream->state += GOLDEN;
		stream->bits = mix(stream->state);
		stream->left = 8;
	}
	uint8_t byte = (uint8_t)stream->bits;

	stream->bits >>= 8;
	stream->left--;
	stream->checksum = (stream->checksum ^ byte) * FNV_PRIME;
	return byte;
}

uint64_t stream_word(struct stream *stream)
{
	uint64_t word = 0;

	for (unsigned i = 0; i < 8; i++) {
		word = word << 8 | stream_byte(stream);
	}
	return word;
}

unsigned stream_below(struct stream *stream, unsigned count)
{
	unsigned value = stream_byte(stream);

	value = value << 8 | stream_byte(stream);
	return value % count;
}

uint64_t stream_page(struct stream *stream)
{
	static const uint64_t elsewhere[] = {
		0xFEE00000,	    /* the local APIC */
		0xFEC00000,	    /* the I/O APIC */
		0x000A0000,	    /* video memory */
		0x000F0000,	    /* the BIOS */
		0xFFFFF000,	    /* the last page below 4 GiB */
		0xA0000000,	    /* nothing */
		0x00000000,	    /* page 0 */
		0xFFFFFF000,	    /* the last page of 36 bits */
		0xFFFFFFF000,	    /* the last page of 40 bits */
		0x10000000000,	    /* the first of 41 */
		0x8000000000000000, /* an impossible address */
		0xFFFFFFFFFFFFF000, /* the highest page number */
	};
	uint8_t pick = stream_byte(stream);

	if (pick < 128) {
		return (uint64_t)playground.arena + pick % ARENA_PAGES * PAGE_SIZE;
	}
	if (pick < 176) {
		return (uint64_t)playground.witness + pick % WITNESS_PAGES * PAGE_SIZE;
	}
	if (pick < 192 && playground.hypervisor_memory != 0) {
		return playground.hypervisor_memory;
	}
	return elsewhere[pick % COUNT(elsewhere)];
}

/* Never in memory that is ours but not the arena's. */
static uint64_t far_place(uint8_t pick)
{
	static const uint64_t places[] = {0xFEE00000,	      0xFEC00000,	  0x000A0000,
					  0xA0000000,	      0xFFFFFFF000,	  0x10000000000,
					  0x8000000000000000, 0xFFFFFFFFFFFFFFF8, 0xFFFFF000};

	return pick % 16 == 0 && playground.hypervisor_memory != 0 ? playground.hypervisor_memory
								   : places[pick % COUNT(places)];
}

uint64_t stream_place(struct stream *stream, unsigned size)
{
	uint8_t pick = stream_byte(stream);
	uint8_t detail = stream_byte(stream);
	uint64_t page = (uint64_t)playground.arena + (pick & 15) % (ARENA_PAGES - 1) * PAGE_SIZE;
	uint64_t last = size < PAGE_SIZE ? (PAGE_SIZE - size) & ~7u : 0;

	switch (pick >> 4) {
	case 15:
		return far_place(detail);
	case 14:
		return page + 4;
	case 13:
		return page + last + 8; /* over the page's end by a word */
	case 12:
	case 11:
		return page + last;
	case 10:
	case 9:
	case 8:
		return page + detail * 8;
	default:
		return page;
	}
}

uint64_t stream_value(struct stream *stream)
{
	static const uint64_t special[] = {
		UINT64_MAX,
		0xFFFFFFFE,
		0xFFFFFFFF,
		0x8000000000000000,
		0x7FFFFFFFFFFFFFFF,
		0xFFFFFFFF00000000,
		0x10000,
		0x20041,
		0x30000,
		0x41,
		0x1419,
		0x1D41,
		0x3000D,
		0x80000010,
		0x90000,
		0xA0010,
		10000,
		0x800000000000,
		0xC0041,
		0x40041,
		0x400,
		0xFFF,
		0x1000,
		0xFFFFFFFFFFFFF000,
	};
	uint8_t pick = stream_byte(stream);

	switch (pick >> 5) {
	case 0:
	case 1:
		return pick & 63;
	case 2:
		return special[stream_byte(stream) % COUNT(special)];
	case 3:
		return stream_page(stream) | (pick & 1);
	case 4:
		return (uint64_t)1 << (pick & 31) << (stream_byte(stream) & 31);
	case 5:
		return (uint64_t)stream_byte(stream) << 32 | stream_byte(stream);
	case 6:
		return stream_byte(stream) * 1000u;
	default:
		return stream_word(stream);
	}
}

/* --- Fields ---------------------------------------------------------------------------------------------------- */

#define FIELD_ANY 0xE0 /* from here on the word is not what it should be */

static uint64_t one_of(const uint64_t *values, unsigned count, uint8_t pick)
{
	return values[pick % count];
}
#define ONE_OF(pick, ...)                                                                                    \
	one_of((const uint64_t[]){__VA_ARGS__}, COUNT(((const uint64_t[]){__VA_ARGS__})), pick)

/* Names as tables group them: general, control, debug, x87, system, synthetic, and what lies between. */
static uint64_t register_name(struct stream *stream, uint8_t pick)
{
	return ONE_OF(pick, 0x00020000, 0x00020010, 0x00040000, 0x00050000, 0x00060000, 0x00070000,
		      0x00080000, 0x00090000, 0x000A0000, 0x000A0010, 0x000B0000, 0x00000200, 0x000D0000) +
	       stream_byte(stream) % 24;
}

uint64_t stream_field(struct stream *stream, char kind)
{
	uint8_t pick = stream_byte(stream);
	uint8_t more = stream_byte(stream);

	if (pick >= FIELD_ANY) {
		return stream_value(stream);
	}
	switch (kind) {
	case 's':
		return pick < 176 ? UINT64_MAX : ONE_OF(pick, 1, 0, 2, UINT64_MAX - 1);
	case 'v':
		return ONE_OF(pick, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 1, 2, 0xFFFFFFFF) |
		       ONE_OF(more, 0, 0, 0, 0, 0, 0, 0x10, 1) << 32;
	case 'i':
		return (pick & 3u) | ONE_OF(more, 0, 0, 0, 0, 0, 0, 0, 0, 4, 8, 1 << 24);
	case 'j':
		return (pick < 8 ? pick & 3u : 4u + (pick & 3u)) | ONE_OF(more, 0, 0, 0, 0, 0, 0, 0, 1 << 24);
	case 't':
		return ONE_OF(pick, 1, 2, 3, 0, 1, 2, 3, 4);
	case 'g':
		return ONE_OF(pick, 2, 2, 1, 3, 15, 0, 16) | ONE_OF(more, 0, 0, 1, 0xFFFFFFFF, 2) << 32;
	case 'f':
		return ONE_OF(pick, 0, 1, 16, 2047, 2048) | ONE_OF(more, 1, 16, 2048, 0, 2032) << 16;
	case 'm':
		return (pick & 127u) | (uint64_t)(more < 248 ? more % 241u : more) << 32;
	case 'e':
		return ((pick & 4) != 0 ? 2 : pick & 3u) | (uint64_t)(more & 31u) << 32;
	case 'p':
		return (pick & 4) != 0 ? 1 : pick & 3u;
	case 'n':
		return register_name(stream, pick) | register_name(stream, more) << 32;
	case 'x':
		return ONE_OF(pick, 0x40, 0x41, 0x42, 0xFF, 0x10, 0x0F, 0x20) |
		       ONE_OF(more, 0, 0, 0, 0, 0x10, 1) << 32;
	case 'c':
		return ONE_OF(pick, 0x1000, 0x2000, 0x123000, 1ull << 52);
	case 'F':
		return pick & (more < 224 ? 7u : 255u);
	case 'S':
		return ONE_OF(pick, 1, 1, 3, 0, 5, 1ull << 63, UINT64_MAX);
	default:
		return kind == '0' ? 0 : stream_value(stream);
	}
}
