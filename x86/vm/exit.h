/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is done about each kind of exit, the same for all vendors.
 */
#pragma once

struct x86_vp;

/* RIP goes past an instruction that was carried out here; a guest that single-steps gets its trap. */
void vm_finish(struct x86_vp *vp, unsigned length);

/* Deals with vp->exit. */
void vm_exit(struct x86_vp *vp);
