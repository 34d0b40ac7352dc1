/* SPDX-License-Identifier: MPL-2.0 */
/* The guest side of ports and connections, for tests. */
#include "test/unit/ports.h"

#include "core/msr.h"
#include "core/synic.h"
#include "test/unit/unit.h"

#include <string.h>

#define PAYLOAD_SIZE 240

struct partition *ports_child(struct fake *fake, uint64_t id, uint64_t privileges, uint32_t vp_count)
{
	struct partition *child = fake_child_create(fake, id, privileges | 1u << 5, vp_count);

	assert_non_null(child);
	assert_int_equal(msr_write(child->vp[0], 0x40000000, CALLER_GUEST_ID), MSR_DONE);
	assert_int_equal(msr_write(child->vp[0], 0x40000001, CALLER_HYPERCALL_PAGE << 12 | 1), MSR_DONE);
	return child;
}

void ports_receive(struct vp *vp)
{
	uint64_t pages = UINT64_C(0x10) + 2 * vp->index;

	synic_control_write(vp, 1);
	synic_event_flags_write(vp, (pages + 1) << 12 | 1);
	synic_messages_write(vp, pages << 12 | 1);
	assert_true(synic_sint_write(vp, 2, 0x52));
	unit_apic_enable(vp);
}

uint64_t ports_create(struct vp *vp, uint64_t owner, uint32_t id, uint64_t sender, uint32_t type,
		      uint64_t target, uint64_t flags)
{
	uint64_t words[7] = {owner, id, sender, type, target, flags, 0};

	return caller_call_with(vp, 0x95, words, sizeof(words));
}

uint64_t ports_connect(struct vp *vp, uint64_t owner, uint32_t id, uint64_t port_owner, uint32_t port_id,
		       uint32_t type, uint64_t info)
{
	uint64_t words[9] = {owner, id, port_owner, port_id, type, info};

	return caller_call_with(vp, 0x96, words, sizeof(words));
}

uint64_t ports_delete(struct vp *vp, uint64_t owner, uint32_t id)
{
	uint64_t words[2] = {owner, id};

	return caller_call_fast(vp, 0x58, words, sizeof(words));
}

uint64_t ports_disconnect(struct vp *vp, uint64_t owner, uint32_t id)
{
	uint64_t words[2] = {owner, id};

	return caller_call_fast(vp, 0x5b, words, sizeof(words));
}

static void payload_make(uint8_t payload[PAYLOAD_SIZE], uint32_t type)
{
	for (unsigned i = 0; i < PAYLOAD_SIZE; i++) {
		payload[i] = (uint8_t)(type + 3 * i);
	}
}

uint64_t ports_post(struct vp *vp, uint32_t connection, uint32_t type, uint32_t size)
{
	struct {
		uint32_t connection, padding, type, size;
		uint8_t payload[PAYLOAD_SIZE];
	} input = {connection, 0, type, size, {0}};

	payload_make(input.payload, type);
	return caller_call_with(vp, 0x5c, &input, sizeof(input));
}

uint64_t ports_signal(struct vp *vp, uint32_t connection, uint16_t flag)
{
	uint64_t word = (uint64_t)flag << 32 | connection;

	return caller_call_fast(vp, 0x5d, &word, sizeof(word));
}

uint32_t ports_take(struct vp *vp, uint32_t port, uint32_t size)
{
	uint8_t *slot = (uint8_t *)vp->synic.messages.frame + 2 * 256;
	uint8_t payload[PAYLOAD_SIZE];
	uint64_t origin;
	uint32_t type;

	memcpy(&type, slot, sizeof(type));
	if (type == 0) {
		return 0;
	}
	memcpy(&origin, slot + 8, sizeof(origin));
	payload_make(payload, type);
	assert_int_equal(slot[4], size);
	assert_int_equal(slot[6] | slot[7], 0);
	assert_int_equal(origin, port);
	assert_memory_equal(slot + 16, payload, size);
	memset(slot, 0, sizeof(type));
	if ((slot[5] & 1) != 0) {
		synic_rescan(vp);
	}
	return type;
}

bool ports_flag(struct vp *vp, unsigned flag)
{
	const uint8_t *flags = (const uint8_t *)vp->synic.event_flags.frame + 2 * 256;

	return (flags[flag / 8] >> flag % 8 & 1) != 0;
}
