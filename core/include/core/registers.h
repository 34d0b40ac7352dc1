/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A virtual processor's registers by their TLFS names (abi/registers.def), as hypercalls read and write them.
 *
 * Setting judges like a processor would, and never lets through what the machine could not run with. To be called by
 * the LP that runs the VP.
 */
#pragma once

#include "abi/hv_call_registers.h"
#include "abi/hv_status.h"

#include <stdbool.h>
#include <stdint.h>

struct vp;

/* HV_STATUS_UNKNOWN_REGISTER_NAME: there is no such register, or none here.
 * HV_STATUS_INVALID_PARAMETER: it cannot be read, or be written, or takes no such value. */
enum hv_status vp_register_get(struct vp *vp, uint32_t name, struct hv_register_value *value);
enum hv_status vp_register_set(struct vp *vp, uint32_t name, const struct hv_register_value *value);

/* What a VP may be started with: could a processor be in this state? From any LP; `vp` is the one to be started. */
bool vp_context_is_legal(struct vp *vp, const struct hv_initial_vp_context *context);
/* Loads a legal context. */
void vp_context_load(struct vp *vp, const struct hv_initial_vp_context *context);
