/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The rows of hypercalls.def as the gate reads them, and what must be true of every row.
 *
 * A code that two rows claim, or that lies beyond the table, does not compile: each row initialises its own element.
 */
#include "core/call/call_priv.h"

#include "abi/hv_privilege.h"
#include "core/addr.h"

#include <stddef.h>

enum call_kind {
	CALL_KIND_SIMPLE,
	CALL_KIND_REP,
};

/* clang-format off */
#define CALL_ARGUMENTS(header_tag, element_tag, output_tag, output_element_tag) \
	call \
	CALL_BLOCK(header_tag, call->header) \
	CALL_BLOCK(element_tag, call->elements) \
	CALL_BLOCK(output_tag, call->output) \
	CALL_BLOCK(output_element_tag, call->output_elements)
/* clang-format on */

/* Hands the blocks to the handler under their types. */
#define HYPERCALL(code, name, tlfs, kind, header_tag, element_tag, output_tag, output_element_tag, ...)      \
	static enum hv_status enter_##name(struct call *call)                                                \
	{                                                                                                    \
		return hvcall_##name(                                                                        \
			CALL_ARGUMENTS(header_tag, element_tag, output_tag, output_element_tag));            \
	}
#include "abi/hypercalls.def"

#define HYPERCALL(code, name, tlfs, kind, header_tag, element_tag, output_tag, output_element_tag, ...)      \
	static_assert((CALL_KIND_##kind == CALL_KIND_REP) ==                                                 \
			      (sizeof(struct element_tag) + sizeof(struct output_element_tag) != 0),         \
		      tlfs ": lists belong to rep calls");                                                   \
	static_assert(sizeof(struct header_tag) % 8 == 0 && sizeof(struct output_tag) % 8 == 0,              \
		      tlfs ": what follows a header starts on a multiple of 8");                             \
	static_assert(sizeof(struct header_tag) + sizeof(struct element_tag) <= PAGE_SIZE &&                 \
			      sizeof(struct output_tag) + sizeof(struct output_element_tag) <= PAGE_SIZE,    \
		      tlfs ": a header and one element fit a page");
#include "abi/hypercalls.def"

#define HYPERCALL(code, name, tlfs, kind, header_tag, element_tag, output_tag, output_element_tag, may_mask, \
		  privilege, ...)                                                                            \
	[CALL_ROW_INDEX(code)] = {                                                                           \
		.enter = enter_##name,                                                                       \
		.privileges = HV_PRIVILEGE_##privilege,                                                      \
		.header_size = sizeof(struct header_tag),                                                    \
		.element_size = sizeof(struct element_tag),                                                  \
		.output_size = sizeof(struct output_tag),                                                    \
		.output_element_size = sizeof(struct output_element_tag),                                    \
		.is_rep = CALL_KIND_##kind == CALL_KIND_REP,                                                 \
		.fits_registers = CALL_KIND_##kind == CALL_KIND_SIMPLE && ((may_mask)&HV_MAY_FAST) != 0 &&   \
				  sizeof(struct header_tag) <= HV_FAST_INPUT_SIZE &&                         \
				  sizeof(struct output_tag) == 0,                                            \
		.has_no_blocks = CALL_KIND_##kind == CALL_KIND_SIMPLE &&                                     \
				 sizeof(struct header_tag) + sizeof(struct output_tag) == 0,                 \
		.has_input_only = CALL_KIND_##kind == CALL_KIND_SIMPLE && sizeof(struct header_tag) != 0 &&  \
				  sizeof(struct output_tag) == 0,                                            \
		.may = (may_mask),                                                                           \
	},

const struct call_row call_rows[CALL_ROW_COUNT] = {
#include "abi/hypercalls.def"
};
