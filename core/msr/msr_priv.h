/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Private to core/msr/: one access to an MSR, and the handlers of the synthetic ones, made from msrs.def.
 *
 * A row with handler `x` has msr_read_x if it may be read and msr_write_x if it may be written. Rows that share a
 * handler differ in `index`. The privilege is checked before the handler is called.
 */
#pragma once

#include "core/msr.h"

#include <stdint.h>

struct msr_access {
	struct vp *vp;	/* the VP that executes RDMSR or WRMSR */
	unsigned index; /* which of several alike */
	uint64_t value; /* to be written, or where a read leaves its answer */
};

/* A handler that several rows share is declared by the row with index 0. */
#define MSR_DECLARE_0(access, handler) MSR_DECLARE_##access(handler)
#define MSR_DECLARE_1(access, handler)
#define MSR_DECLARE_2(access, handler)
#define MSR_DECLARE_3(access, handler)
#define MSR_DECLARE_4(access, handler)
#define MSR_DECLARE_5(access, handler)
#define MSR_DECLARE_6(access, handler)
#define MSR_DECLARE_7(access, handler)
#define MSR_DECLARE_8(access, handler)
#define MSR_DECLARE_9(access, handler)
#define MSR_DECLARE_10(access, handler)
#define MSR_DECLARE_11(access, handler)
#define MSR_DECLARE_12(access, handler)
#define MSR_DECLARE_13(access, handler)
#define MSR_DECLARE_14(access, handler)
#define MSR_DECLARE_15(access, handler)
#define MSR_DECLARE_R(handler) enum msr_result msr_read_##handler(struct msr_access *access);
#define MSR_DECLARE_W(handler) enum msr_result msr_write_##handler(struct msr_access *access);
#define MSR_DECLARE_RW(handler) MSR_DECLARE_R(handler) MSR_DECLARE_W(handler)

#define HV_MSR(number, index, name, scope, access, privilege, handler, ...)                                  \
	MSR_DECLARE_##index(access, handler)
#include "abi/msrs.def"

/* Numbers 0x40000000 to 0x40001fff (synthetic.c) and those of the processor itself (processor.c). */
enum msr_result msr_synthetic_read(struct msr_access *access, uint32_t number);
enum msr_result msr_synthetic_write(struct msr_access *access, uint32_t number);
enum msr_result msr_processor_read(struct msr_access *access, uint32_t number);
enum msr_result msr_processor_write(struct msr_access *access, uint32_t number);
