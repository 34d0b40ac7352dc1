/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Segment and descriptor-table registers.
 *
 * AMD's processors enter a guest with nearly anything in these, Intel's are strict. CHOICE: what a processor could have
 * loaded itself, which suits both: Intel SDM volume 3, "Checks on Guest Segment Registers"; AMD APM volume 2,
 * "Segmented Virtual Memory".
 */
#include "core/machine.h"
#include "core/vp.h"
#include "core/vp/registers_priv.h"

#define TYPE_CODE 0x8
#define TYPE_WRITABLE 0x2 /* of data; of code: readable */
#define TYPE_LDT 0x2
#define TYPE_TSS_16 0x1
#define TYPE_TSS 0x9
#define TYPE_TSS_IS_BUSY 0x2

#define LIMIT_OF_BYTES UINT32_C(0xfffff)
#define LIMIT_OF_PAGES UINT32_C(0xfff) /* the low bits are ones */

static bool has(const struct hv_x64_segment_register *segment, uint16_t bits)
{
	return (segment->attributes & bits) == bits;
}

static unsigned type_of(const struct hv_x64_segment_register *segment)
{
	return segment->attributes & HV_X64_SEGMENT_TYPE_MASK;
}

static bool limit_is_legal(const struct hv_x64_segment_register *segment)
{
	return has(segment, HV_X64_SEGMENT_GRANULARITY) ? (segment->limit & LIMIT_OF_PAGES) == LIMIT_OF_PAGES
							: segment->limit <= LIMIT_OF_BYTES;
}

/* 64 bits of base are for FS, GS, LDTR and TR, which come last. */
static bool base_is_legal(enum hv_register_name name, uint64_t base, const struct translate_mode *mode)
{
	if (name >= HV_X64_REGISTER_FS && (mode->efer & EFER_LMA) != 0) {
		return address_is_canonical(base, mode->cr4);
	}
	return base <= UINT32_MAX;
}

static bool code_is_legal(const struct hv_x64_segment_register *segment, bool long_mode)
{
	if (!has(segment, HV_X64_SEGMENT_PRESENT | HV_X64_SEGMENT_NON_SYSTEM) ||
	    has(segment, HV_X64_SEGMENT_LONG | HV_X64_SEGMENT_DEFAULT)) {
		return false;
	}
	/* Is it a code segment, and for 64-bit code only where there is any? */
	return (type_of(segment) & TYPE_CODE) != 0 && (long_mode || !has(segment, HV_X64_SEGMENT_LONG));
}

/* A stack is data that can be written; the others also code that can be read. */
static bool data_is_legal(enum hv_register_name name, const struct hv_x64_segment_register *segment)
{
	unsigned type = type_of(segment);

	if (!has(segment, HV_X64_SEGMENT_NON_SYSTEM)) {
		return false;
	}
	if (name == HV_X64_REGISTER_SS) {
		return (type & (TYPE_CODE | TYPE_WRITABLE)) == TYPE_WRITABLE;
	}
	return (type & (TYPE_CODE | TYPE_WRITABLE)) != TYPE_CODE;
}

/* OBSERVED: QEMU (7.2 to 11.1) leaves a task that it has loaded marked as available, so both are taken. */
static bool task_is_legal(const struct hv_x64_segment_register *segment, bool long_mode)
{
	unsigned type = type_of(segment) & ~(unsigned)TYPE_TSS_IS_BUSY;

	if (!has(segment, HV_X64_SEGMENT_PRESENT) || has(segment, HV_X64_SEGMENT_NON_SYSTEM)) {
		return false;
	}
	return type == TYPE_TSS || (!long_mode && type == TYPE_TSS_16);
}

static bool kind_is_legal(enum hv_register_name name, const struct hv_x64_segment_register *segment,
			  bool long_mode)
{
	switch (name) {
	case HV_X64_REGISTER_CS:
		return code_is_legal(segment, long_mode);
	case HV_X64_REGISTER_TR:
		return task_is_legal(segment, long_mode);
	case HV_X64_REGISTER_LDTR:
		return !has(segment, HV_X64_SEGMENT_PRESENT) ||
		       (!has(segment, HV_X64_SEGMENT_NON_SYSTEM) && type_of(segment) == TYPE_LDT);
	default:
		return !has(segment, HV_X64_SEGMENT_PRESENT) || data_is_legal(name, segment);
	}
}

bool segment_is_legal(enum hv_register_name name, const struct hv_x64_segment_register *segment,
		      const struct translate_mode *mode)
{
	bool long_mode = (mode->efer & EFER_LMA) != 0;

	if ((segment->attributes & HV_X64_SEGMENT_RESERVED_MASK) != 0 ||
	    !base_is_legal(name, segment->base, mode)) {
		return false;
	}
	/* Without a present segment its limit means nothing. */
	if (has(segment, HV_X64_SEGMENT_PRESENT) && !limit_is_legal(segment)) {
		return false;
	}
	return kind_is_legal(name, segment, long_mode);
}

bool table_is_legal(const struct hv_x64_table_register *table, const struct translate_mode *mode)
{
	return (mode->efer & EFER_LMA) != 0 ? address_is_canonical(table->base, mode->cr4)
					    : table->base <= UINT32_MAX;
}

/* --- Loading and reading -------------------------------------------------------------------------------------- */

/* A task in TR is busy, as Intel's processors insist. */
void segment_load(struct vp *vp, enum hv_register_name name, const struct hv_x64_segment_register *segment)
{
	uint64_t busy = name == HV_X64_REGISTER_TR ? TYPE_TSS_IS_BUSY : 0;

	machine_segment_set(vp, name, segment->base,
			    (segment->attributes | busy) << 48 | (uint64_t)segment->selector << 32 |
				    segment->limit);
}

void table_load(struct vp *vp, enum hv_register_name name, const struct hv_x64_table_register *table)
{
	machine_segment_set(vp, name, table->base, table->limit);
}

bool register_get_segment(struct register_access *access)
{
	access->value.low = machine_segment_base(access->vp, access->name);
	access->value.high = machine_register_get(access->vp, access->name);
	return true;
}

/* The value has its limit in bits 63:48 of the first half. */
bool register_get_table(struct register_access *access)
{
	uint64_t limit = machine_register_get(access->vp, access->name) & UINT16_MAX;

	access->value.low = limit << 48;
	access->value.high = machine_segment_base(access->vp, access->name);
	return true;
}

static struct hv_x64_segment_register segment_of(const struct hv_register_value *value)
{
	return (struct hv_x64_segment_register){
		.base = value->low,
		.limit = (uint32_t)value->high,
		.selector = (uint16_t)(value->high >> 32),
		.attributes = (uint16_t)(value->high >> 48),
	};
}

/* A VP that sets its own code or stack segment stays at CPL 0 and in code of the size that it is in. */
static bool segment_suits_caller(struct vp *vp, enum hv_register_name name,
				 const struct hv_x64_segment_register *segment)
{
	uint16_t now = (uint16_t)(machine_register_get(vp, HV_X64_REGISTER_CS) >> 48);

	if (name == HV_X64_REGISTER_CS && ((now ^ segment->attributes) & HV_X64_SEGMENT_LONG) != 0) {
		return false;
	}
	return (name != HV_X64_REGISTER_CS && name != HV_X64_REGISTER_SS) ||
	       (segment->attributes & HV_X64_SEGMENT_DPL_MASK) == 0;
}

bool register_set_segment(struct register_access *access)
{
	struct translate_mode mode = translate_mode_of(access->vp);
	struct hv_x64_segment_register segment = segment_of(&access->value);

	if (!segment_is_legal(access->name, &segment, &mode) ||
	    !segment_suits_caller(access->vp, access->name, &segment)) {
		return false;
	}
	segment_load(access->vp, access->name, &segment);
	return true;
}

bool register_set_table(struct register_access *access)
{
	struct translate_mode mode = translate_mode_of(access->vp);
	struct hv_x64_table_register table = {.limit = (uint16_t)(access->value.low >> 48),
					      .base = access->value.high};

	if (!table_is_legal(&table, &mode)) {
		return false;
	}
	table_load(access->vp, access->name, &table);
	return true;
}
