/* SPDX-License-Identifier: MPL-2.0 */
/*
 * MOV to CR8, which is intercepted only while an interrupt waits for the TPR to fall.
 */
#pragma once

struct x86_vp;

/* Carries the instruction out: VP_EXIT_TPR_WRITE. */
void tpr_write(struct x86_vp *vp);
