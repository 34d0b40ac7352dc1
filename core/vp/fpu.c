/* SPDX-License-Identifier: MPL-2.0 */
/*
 * x87 and SSE registers: pieces of 16 bytes of the image that FXSAVE64 makes.
 *
 * Bytes 0 to 15 of the image are HV_X64_FP_CONTROL_STATUS_REGISTER, 16 to 31 HV_X64_XMM_CONTROL_STATUS_REGISTER, field
 * by field. Source: AMD APM volume 2, "FXSAVE and FXRSTOR Instructions".
 */
#include "core/machine.h"
#include "core/vp.h"
#include "core/vp/registers_priv.h"
#include "lib/string.h"

#define MXCSR_OF(value) ((uint32_t)(value)->high)
#define MXCSR_MASK_OF(value) ((uint32_t)((value)->high >> 32))
#define MXCSR_MASK_DEFAULT UINT32_C(0xffbf) /* of processors that report none */
#define FP_RESERVED (UINT64_C(0xff) << 40)  /* behind the tag byte */
#define FP_HIGH_LEGAL UINT64_C(0xffff)	    /* sign and exponent: a register has 80 bits */

#define IMAGE_ST0 32
#define IMAGE_XMM0 160

struct image {
	uint8_t bytes[MACHINE_FPU_SIZE] __attribute__((aligned(16)));
};

bool register_get_fpu(struct register_access *access)
{
	struct image image;

	machine_fpu_get(access->vp, &image);
	memcpy(&access->value, &image.bytes[access->argument], sizeof(access->value));
	if (access->argument >= IMAGE_ST0 && access->argument < IMAGE_XMM0) {
		access->value.high &= FP_HIGH_LEGAL;
	}
	return true;
}

/* The mask of MXCSR is the processor's and stays. */
static bool mxcsr_is_legal(const struct image *image, struct hv_register_value *value)
{
	struct hv_register_value now;
	uint32_t mask;

	memcpy(&now, &image->bytes[16], sizeof(now));
	mask = MXCSR_MASK_OF(&now) != 0 ? MXCSR_MASK_OF(&now) : MXCSR_MASK_DEFAULT;
	value->high = MXCSR_OF(value) | (uint64_t)MXCSR_MASK_OF(&now) << 32;
	return (MXCSR_OF(value) & ~mask) == 0;
}

static bool piece_is_legal(const struct image *image, uint32_t place, struct hv_register_value *value)
{
	switch (place) {
	case 0:
		return (value->low & FP_RESERVED) == 0;
	case 16:
		return mxcsr_is_legal(image, value);
	default:
		return place >= IMAGE_XMM0 || (value->high & ~FP_HIGH_LEGAL) == 0;
	}
}

bool register_set_fpu(struct register_access *access)
{
	struct image image;

	machine_fpu_get(access->vp, &image);
	if (!piece_is_legal(&image, access->argument, &access->value)) {
		return false;
	}
	memcpy(&image.bytes[access->argument], &access->value, sizeof(access->value));
	machine_fpu_set(access->vp, &image);
	return true;
}
