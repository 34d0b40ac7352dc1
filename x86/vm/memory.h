/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Nested faults: the APIC page, memory that is mapped on first use, and memory that is not the guest's.
 */
#pragma once

struct x86_vp;

/* VP_EXIT_MEMORY */
void memory_fault(struct x86_vp *vp);
