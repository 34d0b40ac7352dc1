/* SPDX-License-Identifier: MPL-2.0 */
/* Plausible numbers, pages and places. See words.h. */
#include "test/fuzz/grammar/words.h"

#include "abi/hv_cpuid.h"

#define PAGE UINT64_C(4096)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint64_t special[32] = {
	UINT64_MAX,		      /* partition id SELF, all VPs, everything */
	0xfffffffe,		      /* VP index SELF */
	0xffffffff,		      /* any VP */
	UINT64_C(0xfffffffeffffffff), /* both */
	UINT64_C(0xffffffff00000000), /* any VP, in the upper half */
	UINT64_C(0xfffffffe00000000), /* SELF in the upper half */
	UINT64_C(0x8000000000000000), /* the sign */
	UINT64_C(0xc000000000000000), /* crash: notify, with a text */
	UINT64_C(0x7fffffffffffffff), /* beyond any time */
	UINT64_C(0xffff800000000000), /* the first canonical address of the upper half */
	UINT64_C(0x0000800000000000), /* the first that is not canonical */
	UINT64_C(0xfffffffffffff000), /* the last page */
	UINT64_C(0x0000010000000000), /* the first address of 41 bits */
	UINT64_C(0x000000fffffff000), /* the last page of 40 bits */
	0x00010041,		      /* a masked SINT, a masked LVT */
	0x00020041,		      /* auto-EOI, a periodic LVT */
	0x00001d41,		      /* a direct timer, enabled */
	0x00001419,		      /* direct, auto-enabled */
	0x0003000d,		      /* message mode, SINT 3 */
	0x000c0041,		      /* ICR: all others */
	0x00040041,		      /* ICR: self */
	0x00000500,		      /* ICR: INIT */
	0x00000608,		      /* ICR: start-up */
	0x00000400,		      /* ICR: NMI */
	0x00004000,		      /* ICR: assert */
	0x80000010,		      /* message type: timer expired */
	0x00020000,		      /* register names: RAX */
	0x00040000,		      /* CR0 */
	0x00090000,		      /* VP index */
	0x000a0010,		      /* SCONTROL */
	10000,			      /* a millisecond */
	500,			      /* 50 microseconds */
};

uint64_t grammar_page(uint8_t pick)
{
	static const uint64_t pages[16] = {
		2,
		3,
		4,
		5,
		6,
		7,
		1,
		0,
		8, /* just beyond memory */
		9,
		0xfec00,
		0xfee00,
		(UINT64_C(1) << 28) - 1, /* the last of a machine with 40 bits */
		UINT64_C(1) << 28,
		(UINT64_C(1) << 52) - 1,
		UINT64_C(1) << 51,
	};

	return pages[pick % COUNT(pages)];
}

uint64_t grammar_place(struct input *input, uint32_t size)
{
	uint8_t pick = input_byte(input);
	uint64_t page = grammar_page(pick & 15) * PAGE;
	uint64_t last = size < PAGE ? (PAGE - size) & ~UINT64_C(7) : 0;

	switch (pick >> 4) {
	case 0:
	case 1:
	case 2:
	case 3:
		return page;
	case 4:
		return page + 8;
	case 5:
		return page + last;
	case 6:
		return page + last + 8;
	case 7:
		return page + 4;
	case 8:
		return page + PAGE - 8;
	case 9:
		return page + (input_byte(input) & 0xff);
	case 10:
		return grammar_word(input);
	default:
		return page + input_byte(input) * UINT64_C(8);
	}
}

uint64_t grammar_word(struct input *input)
{
	uint8_t kind = input_byte(input);

	switch (kind >> 4) {
	case 0:
	case 1:
	case 2:
	case 3:
		return kind;
	case 4:
	case 5:
		return special[kind & 31];
	case 6:
	case 7:
		return grammar_place(input, 8) | (kind & 1);
	case 8:
	case 9:
	case 10:
	case 11:
		return (uint64_t)(kind & 63) << 32 | input_byte(input);
	case 12:
	case 13:
	case 14:
		return UINT64_C(1) << (input_byte(input) & 63);
	default:
		return input_word(input);
	}
}

uint64_t grammar_privileges(struct input *input)
{
	uint8_t pick = input_byte(input);

	switch (pick & 3) {
	case 0:
		return UINT64_MAX;
	case 1:
		return HV_PRIVILEGES_OFFERED;
	case 2:
		return UINT64_MAX & ~(UINT64_C(1) << (pick >> 2));
	default:
		return input_word(input);
	}
}
