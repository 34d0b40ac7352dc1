/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Private to core/call/: the handlers' prototypes and the rows that the gate reads, both made from hypercalls.def.
 *
 * A handler is called `hvcall_<name>`. Its parameters are the call and those blocks that its row names, in the row's
 * order and with their types: `input` (header), `list` (input elements), `output` (header), `output_list`. All of them
 * are private copies; the gate has checked the caller's privilege, the control word, and every size and address.
 *
 * A rep handler counts in call->reps_done the elements that it has finished. It returns HV_STATUS_SUCCESS when all are
 * done or when call->time_limit has passed after at least one (or, for an element that puts the VP to sleep, behind it), or
 * the status of the element that failed.
 */
#pragma once

#include "abi/hv_call_cpuid.h"
#include "abi/hv_call_debug.h"
#include "abi/hv_call_extended.h"
#include "abi/hv_call_ipi.h"
#include "abi/hv_call_memory.h"
#include "abi/hv_call_message.h"
#include "abi/hv_call_misc.h"
#include "abi/hv_call_port.h"
#include "abi/hv_call_registers.h"
#include "abi/hv_call_tlb.h"
#include "abi/hv_types.h"
#include "core/gate.h"

#include <stdint.h>

/*
 * CALL_BLOCK(tag, x) is `, x` for a block and nothing for the block `hv_none`. How: pasting the tag behind
 * CALL_ABSENT_ gives two macro arguments for hv_none and one for every other tag, so that the second argument which
 * CALL_SECOND picks is 1 for hv_none and 0 for all others.
 */
#define CALL_ABSENT_hv_none ~, 1
#define CALL_SECOND(first, second, ...) second
#define CALL_CHOOSE(...) CALL_SECOND(__VA_ARGS__, 0, ~)
#define CALL_IS_ABSENT(tag) CALL_CHOOSE(CALL_ABSENT_##tag)
#define CALL_BLOCK_1(x)
#define CALL_BLOCK_0(x) , x
#define CALL_PASTE_EXPANDED(a, b) a##b
#define CALL_PASTE(a, b) CALL_PASTE_EXPANDED(a, b)
#define CALL_BLOCK(tag, x) CALL_PASTE(CALL_BLOCK_, CALL_IS_ABSENT(tag))(x)

/* clang-format off */
#define CALL_PARAMETERS(header_tag, element_tag, output_tag, output_element_tag) \
	struct call *call \
	CALL_BLOCK(header_tag, const struct header_tag *input) \
	CALL_BLOCK(element_tag, const struct element_tag *list) \
	CALL_BLOCK(output_tag, struct output_tag *output) \
	CALL_BLOCK(output_element_tag, struct output_element_tag *output_list)
/* clang-format on */

#define HYPERCALL(code, name, tlfs, kind, header_tag, element_tag, output_tag, output_element_tag, ...)      \
	enum hv_status hvcall_##name(                                                                        \
		CALL_PARAMETERS(header_tag, element_tag, output_tag, output_element_tag));
#include "abi/hypercalls.def"

/* What the gate has to know about a call. */
struct call_row {
	enum hv_status (*enter)(struct call *call); /* NULL: no such call */
	uint64_t privileges;			    /* all of them are needed */
	uint16_t header_size;			    /* bytes, as all sizes here; headers are multiples of 8 */
	uint16_t element_size;
	uint16_t output_size;
	uint16_t output_element_size;
	bool is_rep;
	bool fits_registers; /* simple, may be fast, no output, header of at most 16 bytes */
	bool has_no_blocks;  /* simple, no input, no output */
	bool has_input_only; /* simple, input, no output */
	uint8_t may;	     /* enum hv_may */
};

/* Two ranges of codes have rows, the low ones and the extended ones; all other codes are found to be unknown. */
#define CALL_LOW_COUNT 0x140
#define CALL_EXTENDED_FIRST 0x8000
#define CALL_EXTENDED_COUNT 16
#define CALL_ROW_COUNT (CALL_LOW_COUNT + CALL_EXTENDED_COUNT)

/* Where the row of a code is; CALL_ROW_COUNT, beyond the table, when the code is in neither range. */
#define CALL_ROW_INDEX(code)                                                                                 \
	((code) < CALL_LOW_COUNT ? (code)                                                                    \
	 : (code) >= CALL_EXTENDED_FIRST && (code) < CALL_EXTENDED_FIRST + CALL_EXTENDED_COUNT               \
		 ? (code)-CALL_EXTENDED_FIRST + CALL_LOW_COUNT                                               \
		 : CALL_ROW_COUNT)

static inline uint32_t call_row_index(uint16_t code)
{
	return CALL_ROW_INDEX((uint32_t)code);
}

/* Who a call is about, when it may be the caller's own partition alone (target.c). */
enum hv_status call_check_own_partition(const struct call *call, uint64_t partition_id);
/* A VP of the caller's partition: its index, also for HV_VP_INDEX_SELF. */
enum hv_status call_find_own_vp(const struct call *call, uint32_t vp_index, uint32_t *index);

extern const struct call_row call_rows[CALL_ROW_COUNT];

/* As gate_hypercall, for any table of CALL_ROW_COUNT rows: tests bring their own calls. */
enum gate_result gate_hypercall_from(const struct call_row *rows, struct vp *vp, bool privileged,
				     bool long_mode);
