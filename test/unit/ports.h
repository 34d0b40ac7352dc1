/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The guest side of ports and connections, for tests: hypercalls with the numbers of the specification, a SynIC that
 * receives, and what lies in its pages.
 */
#pragma once

#include "test/unit/caller.h"

#include <stdbool.h>
#include <stdint.h>

#define PORTS_SELF UINT64_MAX
#define PORTS_ANY_VP UINT32_MAX
#define PORTS_MESSAGE 1
#define PORTS_EVENT 2
#define PORTS_MONITOR 3

/* A further partition that can make hypercalls. */
struct partition *ports_child(struct fake *fake, uint64_t id, uint64_t privileges, uint32_t vp_count);

/* SynIC, SIMP and SIEFP on, SINT 2 unmasked with vector 0x52, APIC enabled. */
void ports_receive(struct vp *vp);

/* 0x0095 and 0x0096, all they do not name being 0. `target`: SINT and VP, or a monitor's address; `flags`: first and
 * count. */
uint64_t ports_create(struct vp *vp, uint64_t owner, uint32_t id, uint64_t sender, uint32_t type,
		      uint64_t target, uint64_t flags);
uint64_t ports_connect(struct vp *vp, uint64_t owner, uint32_t id, uint64_t port_owner, uint32_t port_id,
		       uint32_t type, uint64_t info);
/* 0x0058 and 0x005B, fast. */
uint64_t ports_delete(struct vp *vp, uint64_t owner, uint32_t id);
uint64_t ports_disconnect(struct vp *vp, uint64_t owner, uint32_t id);

#define PORTS_TARGET(sint, vp) ((uint64_t)(vp) << 32 | (sint))
#define PORTS_FLAGS(first, count) ((uint64_t)(count) << 16 | (first))

/* 0x005C: a message whose payload is made of its type. 0x005D, fast. */
uint64_t ports_post(struct vp *vp, uint32_t connection, uint32_t type, uint32_t size);
uint64_t ports_signal(struct vp *vp, uint32_t connection, uint16_t flag);

/* Takes the message out of the slot of SINT 2: its type, 0 for none. Checks header and payload; EOM if one was asked for. */
uint32_t ports_take(struct vp *vp, uint32_t port, uint32_t size);
/* Is flag set for SINT 2? */
bool ports_flag(struct vp *vp, unsigned flag);
