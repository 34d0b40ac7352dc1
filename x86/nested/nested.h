/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Root's nested page table.
 *
 * Every address is mapped to itself, on first use and in the largest page possible, but for holes: the hypervisor's
 * memory and the APIC page. Overlays put other frames over single pages. The tables come from a fixed reserve, so a
 * guest that touches addresses all over cannot exhaust anything: when the reserve runs dry the identity mappings are
 * dropped and come back on use.
 *
 * Concurrency: one lock for the table. Mappings are added without a flush; removing needs one (nested_flush).
 */
#pragma once

#include "core/addr.h"
#include "core/machine.h"
#include "x86/backend.h"

#include <stdbool.h>
#include <stdint.h>

#define NESTED_GPA_BITS_MAX 48 /* what four levels of tables reach */

struct partition;
struct x86_vp;

/* Sets aside the tables; `overlay_count` overlays can then always be placed. False: no memory. */
bool nested_create(struct partition *partition, unsigned overlay_count, unsigned gpa_bits);

/* Physical address for the VP's control structure. */
uint64_t nested_root(void);

/* After a fault: maps the page if it may be mapped. True: the guest can try again. */
bool nested_map_identity(struct x86_vp *vp, gpn_t page, enum vp_access access);

/* machine_overlay_place and machine_nested_flush. */
void nested_overlay_place(gpn_t page, void *frame, enum machine_access access);
void nested_flush(struct x86_vp *caller);
