/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Plays the guest side of a hypercall for tests: registers and memory in, result out.
 *
 * The guest's memory as these functions use it: page 1 is the hypercall page, page 2 holds input, page 3 output.
 */
#pragma once

#include "core/gate.h"
#include "fake/fake.h"

#include <stddef.h>
#include <stdint.h>

#define CALLER_HYPERCALL_PAGE 1
#define CALLER_INPUT gpa(0x2000)
#define CALLER_OUTPUT gpa(0x3000)
#define CALLER_GUEST_ID UINT64_C(0x8100000703040000)

/* A machine whose guest has said who it is and enabled its hypercall page. */
struct fake *caller_machine(uint32_t vp_count, uint64_t privileges);

uint64_t caller_control(uint16_t code, uint32_t variable_words, uint32_t rep_count, uint32_t rep_start);

/* Calls from 64-bit code at CPL 0. Fails the test unless the call is done and no register but RAX has changed. */
uint64_t caller_call(struct vp *vp, uint64_t control, uint64_t input, uint64_t output);
/* The same; `data` is put where CALLER_INPUT is. */
uint64_t caller_call_with(struct vp *vp, uint64_t control, const void *data, size_t size);
/* The same, with input in registers: RDX, R8, then XMM. */
uint64_t caller_call_fast(struct vp *vp, uint64_t control, const void *data, size_t size);
