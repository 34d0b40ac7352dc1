/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes ports and connections between two partitions: any calls about them by either, messages and events through them,
 * guests that take their messages or switch their SynIC off, monitors' pages with anything in them, over virtual time.
 *
 * The input is a list of commands of 8 bytes: operation (bit 7: which partition calls, bit 6: which of its VPs), then what
 * the operation makes of the others. Numbers of ports and connections are few, so that commands meet.
 * Each message carries a number of its own. It must hold that
 *	every status is one that its call may give;
 *	out of one slot the numbers come in the order in which they were sent, each once, none that was refused, and none
 *	that waited when its port was deleted;
 *	in the end, when all SynICs are on and all slots have been emptied, every other message that was accepted has
 *	come, and when all ports and connections are gone, so is all of their memory.
 */
#include "abi/hv_hypercall.h"
#include "core/gate.h"
#include "core/msr.h"
#include "core/partition.h"
#include "core/synic/port_priv.h"
#include "fake/fake.h"
#include "test/fuzz/input.h"
#include "lib/check.h"

#include <stddef.h>
#include <string.h>

#define VPS 2
#define PARTITIONS 2
#define ALL_VPS (VPS * PARTITIONS)
#define IDS 6
#define SINTS 16
#define COMMAND_SIZE 8
#define MESSAGES_MAX 4096
#define RAM_PAGES 4
#define INPUT_PAGE 2
#define OUTPUT_ADDRESS 0x3000
#define MONITOR_PAGE 40 /* this one and those behind it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum fate {
	REFUSED,
	WAITS,
	IN_SLOT,
	TAKEN,
	LOST,
};

struct message {
	enum fate fate;
	unsigned owner; /* of the port */
	uint32_t port;
};

struct world {
	struct fake *fake;
	struct partition *partition[PARTITIONS];
	struct message message[MESSAGES_MAX];
	uint32_t message_count;
	uint32_t last_taken[ALL_VPS][SINTS];
};

/* Who calls, and the bytes behind the operation. */
struct command {
	struct vp *vp;
	uint8_t operation;
	uint8_t byte[COMMAND_SIZE - 1];
};

/* --- Making the machine --------------------------------------------------------------------------------------- */

static void synic_on(struct vp *vp)
{
	uint64_t page = UINT64_C(0x10) + 4 * (vp->partition->id & 1) + 2 * vp->index;

	CHECK(msr_write(vp, 0x40000080, 1) == MSR_DONE);
	CHECK(msr_write(vp, 0x40000082, page << 12 | 1) == MSR_DONE);
	CHECK(msr_write(vp, 0x40000083, (page + 1) << 12 | 1) == MSR_DONE);
	for (uint32_t i = 1; i < SINTS; i++) {
		CHECK(msr_write(vp, 0x40000090 + i, 0x40 + i) == MSR_DONE);
	}
}

static struct vp *vp_of(const struct world *world, unsigned index)
{
	return world->partition[index / VPS]->vp[index % VPS];
}

static void world_make(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->fake = fake_hv_create(VPS, RAM_PAGES);
	CHECK(world->fake != NULL);
	world->partition[0] = fake_root(world->fake);
	world->partition[1] = fake_child_create(world->fake, 2, UINT64_MAX, VPS);
	CHECK(world->partition[1] != NULL);
	for (unsigned i = 0; i < ALL_VPS; i++) {
		struct vp *vp = vp_of(world, i);

		vp->activity = VP_RUNNING;
		CHECK(msr_write(vp, 0x40000000, 1) == MSR_DONE);
		CHECK(msr_write(vp, 0x40000001, 0x1001) == MSR_DONE);
		CHECK(msr_write(vp, 0x80f, 0x1ff) == MSR_DONE);
		synic_on(vp);
	}
}

/* --- Calls ---------------------------------------------------------------------------------------------------- */

static uint64_t call(struct world *world, struct vp *vp, uint64_t control, const void *input, size_t size)
{
	memcpy(fake_ram_page(world->fake, gpn(INPUT_PAGE)), input, size);
	vp->gpr[GPR_RCX] = control;
	vp->gpr[GPR_RDX] = INPUT_PAGE << PAGE_SHIFT;
	vp->gpr[GPR_R8] = OUTPUT_ADDRESS;
	if ((control & HV_CONTROL_FAST) != 0) {
		uint64_t words[2] = {0};

		memcpy(words, input, size);
		vp->gpr[GPR_RDX] = words[0];
		vp->gpr[GPR_R8] = words[1];
	}
	CHECK(gate_hypercall(vp, true, true) == GATE_DONE);
	CHECK(!fake_nested_stale(world->fake));
	return vp->gpr[GPR_RAX];
}

/* Mostly one of the two, now and then nobody. */
static uint64_t partition_named(uint8_t byte)
{
	static const uint64_t names[] = {1, 2, UINT64_MAX, 1, 2, UINT64_MAX, 2, 3};

	return names[byte % 8];
}

static uint32_t id_named(uint8_t byte)
{
	return byte == 0xff ? 0x1000001 : byte % IDS;
}

static void expect(uint64_t status, uint32_t allowed)
{
	CHECK(status < 32 && (allowed >> status & 1) != 0);
}

#define MASK(status) (UINT32_C(1) << HV_STATUS_##status)
#define NAMING                                                                                               \
	(MASK(SUCCESS) | MASK(ACCESS_DENIED) | MASK(INVALID_PARTITION_ID) | MASK(INVALID_PORT_ID) |          \
	 MASK(INVALID_CONNECTION_ID))

static void create(struct world *world, const struct command *command)
{
	const uint8_t *byte = command->byte;
	uint32_t type = byte[3] % 4 + (byte[3] == 0xff ? 3u : 0u);
	uint32_t vp = byte[5] % 4 == 3 ? UINT32_MAX : byte[5] % 4;
	uint64_t target = (uint64_t)vp << 32 | byte[4] % 17u;
	uint64_t flags = type == 2 ? (uint64_t)(byte[6] % 8u) << 16 | (byte[6] * 16u) : byte[6] == 0xff;

	if (type == 3) {
		target = ((uint64_t)MONITOR_PAGE + byte[4] % 8u) << PAGE_SHIFT | (byte[5] == 0xff);
	}
	uint64_t words[7] = {partition_named(byte[0]),
			     id_named(byte[1]),
			     partition_named(byte[2]),
			     type,
			     target,
			     flags,
			     0};

	expect(call(world, command->vp, (byte[2] & 0x80) != 0 ? 0x95 : 0x57, words, 56),
	       NAMING | MASK(INVALID_PARAMETER) | MASK(INVALID_VP_INDEX) | MASK(INVALID_ALIGNMENT) |
		       MASK(NO_RESOURCES));
}

static void connect(struct world *world, const struct command *command)
{
	const uint8_t *byte = command->byte;
	uint32_t type = byte[4] % 4;
	uint64_t info = ((uint64_t)MONITOR_PAGE + byte[5] % 8u) << PAGE_SHIFT;
	uint64_t words[9] = {partition_named(byte[0]),
			     id_named(byte[1]),
			     partition_named(byte[2]),
			     id_named(byte[3]),
			     type,
			     type == 3 ? info : byte[5] == 0xff};

	if ((byte[4] & 0x80) != 0) { /* version 1 has no type */
		words[4] = words[5];
	}
	expect(call(world, command->vp, (byte[4] & 0x80) != 0 ? 0x59 : 0x96, words, 72),
	       NAMING | MASK(INVALID_PARAMETER) | MASK(INVALID_ALIGNMENT) | MASK(NO_RESOURCES));
}

static void property(struct world *world, const struct command *command)
{
	const uint8_t *byte = command->byte;
	uint64_t words[4] = {partition_named(byte[0]), id_named(byte[1]), byte[2] % 3u,
			     byte[3] % 4 == 3 ? UINT32_MAX : byte[3] % 4};

	expect(call(world, command->vp, (byte[2] & 0x80) != 0 ? 0x70 : 0x5a, words, 32),
	       NAMING | MASK(UNKNOWN_PROPERTY) | MASK(PROPERTY_VALUE_OUT_OF_RANGE));
}

static void signal(struct world *world, const struct command *command)
{
	uint64_t word = (uint64_t)(command->byte[1] % 16u) << 32 | id_named(command->byte[0]);

	expect(call(world, command->vp, (command->byte[2] & 1) != 0 ? 0x1005d : 0x5d, &word, 8),
	       MASK(SUCCESS) | MASK(INVALID_CONNECTION_ID) | MASK(INVALID_PORT_ID) | MASK(INVALID_PARAMETER) |
		       MASK(INVALID_VP_INDEX) | MASK(INVALID_SYNIC_STATE));
}

static void disconnect(struct world *world, const struct command *command)
{
	uint64_t words[2] = {partition_named(command->byte[0]), id_named(command->byte[1])};

	expect(call(world, command->vp, (command->byte[2] & 1) != 0 ? 0x1005b : 0x5b, words, 16), NAMING);
}

/* --- Messages ------------------------------------------------------------------------------------------------- */

static struct hv_message *slot_of(struct vp *vp, unsigned sint)
{
	return (struct hv_message *)vp->synic.messages.frame + sint;
}

/* What has reached a slot can no longer be lost. */
static void slots_note(struct world *world)
{
	for (unsigned i = 0; i < ALL_VPS * SINTS; i++) {
		const struct hv_message *slot = slot_of(vp_of(world, i / SINTS), i % SINTS);

		if (slot->type != 0) {
			struct message *message = &world->message[slot->payload[0]];

			CHECK(message->fate == WAITS || message->fate == IN_SLOT);
			CHECK(slot->origin == message->port);
			message->fate = IN_SLOT;
		}
	}
}

/* Where the port behind the caller's connection is: asked of the core, since it is not what is tested. */
static bool port_of(struct vp *vp, uint32_t connection, struct message *message)
{
	const struct connection *found = connection_find(&vp->partition->ports, connection);

	if (found == NULL || found->port == NULL) {
		return false;
	}
	message->owner = (unsigned)found->port->partition->id;
	message->port = found->port->id;
	return true;
}

static void post(struct world *world, const struct command *command)
{
	const uint8_t *byte = command->byte;
	struct hv_input_post_message input = {
		.connection_id = id_named(byte[0]),
		.message_type = byte[1] % 8 == 7 ? 0x80000001 : byte[1] % 8u,
		.payload_size = 8 + (byte[2] == 0xff ? 233u : byte[2] % 233u),
	};
	struct message *message = &world->message[world->message_count];

	if (world->message_count == MESSAGES_MAX) {
		return;
	}
	input.payload[0] = world->message_count;
	uint64_t status = call(world, command->vp, 0x5c, &input, sizeof(input));

	expect(status, MASK(SUCCESS) | MASK(INVALID_CONNECTION_ID) | MASK(INVALID_PORT_ID) |
			       MASK(INVALID_PARAMETER) | MASK(INVALID_VP_INDEX) | MASK(INVALID_SYNIC_STATE) |
			       MASK(INSUFFICIENT_BUFFERS));
	if (status == HV_STATUS_SUCCESS) {
		CHECK(port_of(command->vp, input.connection_id, message));
		message->fate = WAITS;
		world->message_count++;
	}
}

static void delete (struct world *world, const struct command *command)
{
	uint64_t words[2] = {partition_named(command->byte[0]), id_named(command->byte[1])};
	uint64_t owner = words[0] == UINT64_MAX ? command->vp->partition->id : words[0];

	slots_note(world);
	uint64_t status = call(world, command->vp, (command->byte[2] & 1) != 0 ? 0x10058 : 0x58, words, 16);

	expect(status, NAMING);
	for (uint32_t i = 0; i < world->message_count && status == HV_STATUS_SUCCESS; i++) {
		struct message *message = &world->message[i];

		if (message->fate == WAITS && message->owner == owner && message->port == words[1]) {
			message->fate = LOST;
		}
	}
}

/* The guest empties a slot and says so. */
static bool take(struct world *world, unsigned vp_number, unsigned sint)
{
	struct vp *vp = vp_of(world, vp_number);
	struct hv_message *slot = slot_of(vp, sint);
	uint32_t *last = &world->last_taken[vp_number][sint];

	if (slot->type == 0) {
		return false;
	}
	uint64_t number = slot->payload[0];

	slots_note(world);
	CHECK(number < world->message_count && world->message[number].fate == IN_SLOT);
	CHECK(number + 1 > *last);
	CHECK(slot->payload_size >= 8 && slot->payload_size <= 240);
	*last = (uint32_t)number + 1;
	world->message[number].fate = TAKEN;
	slot->type = 0;
	CHECK(msr_write(vp, 0x40000084, 0) == MSR_DONE);
	return true;
}

/* --- What else guests do -------------------------------------------------------------------------------------- */

static void registers(struct world *world, const struct command *command)
{
	uint8_t value = command->byte[1];
	uint32_t sint = 0x40000090 + command->byte[2] % SINTS;
	uint64_t msr;

	(void)world;
	switch (command->byte[0] % 4) {
	case 0:
		CHECK(msr_write(command->vp, 0x40000080, value & 1) == MSR_DONE);
		break;
	case 1:
	case 2:
		CHECK(msr_read(command->vp, 0x40000081 + command->byte[0] % 4, &msr) == MSR_DONE);
		msr = (msr & ~UINT64_C(1)) | (value & 1);
		CHECK(msr_write(command->vp, 0x40000081 + command->byte[0] % 4, msr) == MSR_DONE);
		break;
	default:
		CHECK(msr_write(command->vp, sint, (value & 7u) << 16 | 0x50) == MSR_DONE);
		break;
	}
}

/* Whatever page is placed there, at any of its interesting places. */
static void monitor(struct world *world, const struct command *command)
{
	static const uint16_t places[] = {0, 8, 12, 0x240, 0x440, 0x444, 0x40, 0x10};
	const uint8_t *byte = command->byte;
	uint8_t *page = fake_overlay_of(command->vp->partition, gpn(MONITOR_PAGE + byte[0] % 8u));

	(void)world;
	if (page != NULL) {
		memcpy(page + places[byte[1] % 8] + 4 * (byte[2] % 8u), &byte[3], 4);
	}
}

static void enter(struct world *world, const struct command *command)
{
	(void)world;
	(void)fake_vp_enter(command->vp, (command->byte[0] & 1) != 0);
	if ((command->byte[0] & 2) != 0) {
		apic_eoi(command->vp);
	}
}

static void run_command(struct world *world, const struct command *command)
{
	switch (command->operation % 16) {
	case 0:
	case 1:
		create(world, command);
		break;
	case 2:
	case 3:
		connect(world, command);
		break;
	case 4:
		delete (world, command);
		break;
	case 5:
		disconnect(world, command);
		break;
	case 6:
		property(world, command);
		break;
	case 7:
		signal(world, command);
		break;
	case 8:
		registers(world, command);
		break;
	case 9:
		monitor(world, command);
		break;
	case 10:
		fake_advance_units(world->fake, command->byte[0] * 64u);
		break;
	case 11:
		enter(world, command);
		break;
	case 12:
	case 13:
		(void)take(world, command->byte[0] % ALL_VPS, command->byte[1] % SINTS);
		break;
	default:
		post(world, command);
		break;
	}
}

/* --- The end -------------------------------------------------------------------------------------------------- */

static void drain(struct world *world)
{
	bool taken = true;

	for (unsigned i = 0; i < ALL_VPS; i++) {
		synic_on(vp_of(world, i));
	}
	while (taken) {
		taken = false;
		for (unsigned i = 0; i < ALL_VPS * SINTS; i++) {
			taken |= take(world, i / SINTS, i % SINTS);
		}
	}
	for (uint32_t i = 0; i < world->message_count; i++) {
		CHECK(world->message[i].fate == TAKEN || world->message[i].fate == LOST);
	}
}

static void unmake(struct world *world)
{
	struct vp *root = vp_of(world, 0);

	for (uint64_t i = 0; i < PARTITIONS * IDS; i++) {
		uint64_t words[2] = {1 + i / IDS, i % IDS};

		(void)call(world, root, 0x58, words, 16);
		(void)call(world, root, 0x5b, words, 16);
	}
	for (unsigned i = 0; i < PARTITIONS; i++) {
		CHECK(world->partition[i]->ports.ports == NULL &&
		      world->partition[i]->ports.connections == NULL);
		CHECK(world->partition[i]->ports.monitor_overlays == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	struct input input = {data, size};

	world_make(&world);
	unsigned frames = world.fake->frame_count;

	while (input.size >= COMMAND_SIZE) {
		struct command command = {.operation = input_byte(&input)};

		command.vp = vp_of(&world, command.operation >> 6);
		input_take(&input, command.byte, sizeof(command.byte));
		run_command(&world, &command);
	}
	drain(&world);
	unmake(&world);
	CHECK(world.fake->frame_count == frames);
	fake_hv_destroy(world.fake);
	return 0;
}
