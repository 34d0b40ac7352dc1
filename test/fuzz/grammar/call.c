/* SPDX-License-Identifier: MPL-2.0 */
/* Calls from bytes. See call.h. The Makefile includes all of abi/hv_call_*.h, in which the blocks are described. */
#include "test/fuzz/grammar/call.h"

#include "abi/hv_hypercall.h"
#include "abi/hv_privilege.h"
#include "abi/hv_types.h"
#include "test/fuzz/grammar/fields.h"
#include "test/fuzz/grammar/words.h"

#include <stddef.h>
#include <string.h>

#define WORDS_MAX 48 /* of input that are taken from the fuzzer's bytes; what follows is zero */
#define PICK_EXTENDED 0xe0
#define PICK_ANY 0xf0
#define CODE_EXTENDED 0x8000
#define NOISE_BIT 0xfe
#define NOISE_ANY 0xff

#define FORM_FAST 0x01
#define FORM_LATER 0x20
#define FORM_ANY_HEADER 0x40
#define FORM_FAST_ANYWAY 0x80

enum kind {
	KIND_SIMPLE,
	KIND_REP,
};

static const struct grammar_row rows[] = {
#define HYPERCALL(code_, name, tlfs, kind, header, element, output, output_element, may_mask, privilege,     \
		  ...)                                                                                       \
	{                                                                                                    \
		.code = code_,                                                                               \
		.is_rep = KIND_##kind == KIND_REP,                                                           \
		.may = (may_mask),                                                                           \
		.header_size = sizeof(struct header),                                                        \
		.element_size = sizeof(struct element),                                                      \
		.output_size = sizeof(struct output),                                                        \
		.output_element_size = sizeof(struct output_element),                                        \
		.privileges = HV_PRIVILEGE_##privilege,                                                      \
	},
#include "abi/hypercalls.def"
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

const struct grammar_row *grammar_row(uint16_t code)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].code == code) {
			return &rows[i];
		}
	}
	return NULL;
}

/* By the code and not by the place in the table, so that a new row changes the meaning of few inputs. */
static uint16_t code_take(struct input *input)
{
	uint8_t pick = input_byte(input);
	uint16_t code = 0;

	if (pick >= PICK_ANY) {
		input_take(input, &code, sizeof(code));
		return code;
	}
	for (size_t i = 0; i < ROW_COUNT; i++) {
		bool extended = rows[i].code >= CODE_EXTENDED;
		uint8_t least = pick >= PICK_EXTENDED ? pick & 15 : pick;

		if (extended == (pick >= PICK_EXTENDED) && (rows[i].code & 0xff) >= least) {
			return rows[i].code;
		}
	}
	return rows[0].code;
}

static uint32_t fitting(const struct grammar_row *row, uint32_t header_size)
{
	uint32_t in = row->element_size != 0 ? (GRAMMAR_BLOCK_SIZE - header_size) / row->element_size : 4095;
	uint32_t out = row->output_element_size != 0
			       ? (GRAMMAR_BLOCK_SIZE - row->output_size) / row->output_element_size
			       : 4095;

	return in < out ? in : out;
}

static uint32_t count_take(struct input *input, const struct grammar_row *row, uint8_t form,
			   uint32_t header_size)
{
	uint16_t any = 0;

	switch (form >> 3 & 3) {
	case 0:
		return row->is_rep;
	case 1:
		return row->is_rep ? 1 + (input_byte(input) & 7) : 0;
	case 2:
		return row->is_rep ? fitting(row, header_size) : 0;
	default:
		input_take(input, &any, sizeof(any));
		return any & 0xfff;
	}
}

static uint32_t variable_take(struct input *input, const struct grammar_row *row, uint8_t form)
{
	if ((form & FORM_ANY_HEADER) != 0) {
		return input_byte(input);
	}
	return (row->may & HV_MAY_VAR_HEADER) != 0 ? form >> 1 & 3 : 0;
}

static void control_take(struct input *input, const struct grammar_row *row, struct grammar_call *call)
{
	uint8_t form = input_byte(input);
	uint32_t words = variable_take(input, row, form);
	uint32_t count = count_take(input, row, form, row->header_size + 8 * words);
	uint32_t start = (form & FORM_LATER) != 0 ? input_byte(input) : 0;

	if ((form & FORM_FAST_ANYWAY) != 0 || ((form & FORM_FAST) != 0 && (row->may & HV_MAY_FAST) != 0)) {
		call->control |= HV_CONTROL_FAST;
	}
	call->control |= (uint64_t)words << HV_CONTROL_VAR_HEADER_SHIFT |
			 (uint64_t)count << HV_CONTROL_REP_COUNT_SHIFT |
			 (uint64_t)start << HV_CONTROL_REP_START_SHIFT;
}

static void noise_take(struct input *input, struct grammar_call *call)
{
	uint8_t noise = input_byte(input);

	if (noise == NOISE_BIT) {
		call->control |= UINT64_C(1) << (input_byte(input) & 63);
	} else if (noise == NOISE_ANY) {
		call->control ^= input_word(input);
	}
}

/* What the control word asks for, whether or not that is allowed. */
static void sizes_set(struct grammar_call *call)
{
	const struct grammar_row *row = call->row;
	uint32_t count = hv_control_rep_count(call->control);

	if (row == NULL) {
		return;
	}
	call->input_size =
		row->header_size + hv_control_var_header_size(call->control) + count * row->element_size;
	call->output_size = row->output_size + count * row->output_element_size;
}

/* The kind of the word with this number: of the header, the variable header, or the list. */
static char kind_of(const struct grammar_call *call, uint32_t word)
{
	const struct grammar_fields *fields = grammar_fields(hv_control_code(call->control));
	size_t header = strlen(fields->header), element = strlen(fields->element);
	uint32_t list;

	if (call->row == NULL || word < header) {
		return word < header ? fields->header[word] : '.';
	}
	list = (call->row->header_size + hv_control_var_header_size(call->control)) / 8;
	return word < list || element == 0 ? '.' : fields->element[(word - list) % element];
}

static void block_take(struct input *input, struct grammar_call *call)
{
	uint32_t words = (call->input_size + 7) / 8;

	words = words < WORDS_MAX ? words : WORDS_MAX;
	for (uint32_t i = 0; i < words && input->size != 0; i++) {
		uint64_t word = grammar_field(input, kind_of(call, i));

		memcpy(call->block + 8 * i, &word, sizeof(word));
	}
	call->block_size = 8 * words;
}

/* A fast call's first words are in RDX and R8. */
static void parameters_take(struct input *input, struct grammar_call *call)
{
	if (hv_control_is_fast(call->control)) {
		block_take(input, call);
		memcpy(&call->input, call->block, 8);
		memcpy(&call->output, call->block + 8, 8);
		return;
	}
	call->input = grammar_place(input, call->input_size);
	call->output = grammar_place(input, call->output_size);
	block_take(input, call);
}

void grammar_call_take(struct input *input, struct grammar_call *call)
{
	uint16_t code = code_take(input);
	const struct grammar_row *row = grammar_row(code);

	memset(call, 0, sizeof(*call));
	call->control = code;
	control_take(input, row != NULL ? row : &rows[0], call);
	noise_take(input, call);
	call->row = grammar_row(hv_control_code(call->control));
	sizes_set(call);
	parameters_take(input, call);
}
