/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the SynIC and the timers that use it, over virtual time: registers, messages and event flags from outside,
 * and a guest that takes, ends and overwrites what it likes.
 *
 * The input is a list of commands as in test/fuzz/guest.h. After each command these must hold for every VP:
 *	queues and the word `waiting` agree, and exactly what is queued is pending;
 *	behind a full slot of a SynIC that is on, whoever waits is announced in the slot;
 *	no unmasked SINT has an illegal vector, and the APIC knows the vectors that end by themselves;
 *	the machine's deadline is the earliest of what is armed;
 *	lazy EOI is not on while a message waits, unless the VP has been asked to look;
 *	an evaluation now would answer what the last one did, unless the VP has been asked to evaluate again.
 * After EOM no message is left behind an empty slot.
 */
#include "abi/hv_msr.h"
#include "core/apic.h"
#include "core/overlay.h"
#include "core/reftime.h"
#include "test/fuzz/guest.h"

#include <stddef.h>
#include <string.h>

#define VPS 2
#define SENDERS 5 /* messages, for each VP */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sender {
	struct hv_message content;
	struct synic_message message;
	unsigned sint;
};

static struct sender senders[VPS][SENDERS];

/* What the machine was told last, per VP. */
static struct apic_event told[VPS];

static const uint32_t numbers[] = {
	HV_X64_MSR_SCONTROL,
	HV_X64_MSR_SIEFP,
	HV_X64_MSR_SIMP,
	HV_X64_MSR_EOM,
	HV_X64_MSR_VP_ASSIST_PAGE,
	HV_X64_MSR_EOI,
	HV_X64_MSR_TPR,
	HV_X64_MSR_STIMER0_CONFIG,
	HV_X64_MSR_STIMER0_COUNT,
	HV_X64_MSR_STIMER1_CONFIG,
	HV_X64_MSR_STIMER1_COUNT,
	0x40000114 /* unhalted timer */,
	0x40000115,
};

#define NUMBER_COUNT (sizeof(numbers) / sizeof(numbers[0]))

static struct hv_message *slot_of(struct vp *vp, unsigned sint)
{
	struct hv_message *page = vp->synic.messages.frame;

	return &page[sint];
}

static bool is_target(const struct vp *vp)
{
	return synic_message_check(vp) == HV_STATUS_SUCCESS;
}

/* --- Invariants ----------------------------------------------------------------------------------------------- */

static unsigned queue_length(const struct synic_queue *queue)
{
	unsigned length = 0;
	const struct synic_message *last = NULL;

	for (const struct synic_message *at = queue->first; at != NULL; at = at->next) {
		CHECK(at->pending);
		CHECK(++length <= SENDERS + STIMER_COUNT);
		last = at;
	}
	CHECK(length == 0 || queue->last == last);
	return length;
}

static void check_queues(struct vp *vp)
{
	unsigned queued = 0, pending = 0;

	for (unsigned i = 0; i < SYNIC_SINT_COUNT; i++) {
		unsigned length = queue_length(&vp->synic.queue[i]);
		const struct hv_message *slot = slot_of(vp, i);

		CHECK((vp->synic.waiting >> i & 1) == (length != 0));
		CHECK(length == 0 || !is_target(vp) || slot->type == 0 || (slot->flags & 1) != 0);
		queued += length;
	}
	for (unsigned i = 0; i < SENDERS; i++) {
		pending += senders[vp->index][i].message.pending;
	}
	for (unsigned i = 0; i < STIMER_COUNT; i++) {
		pending += vp->stimer[i].message.pending;
	}
	CHECK(queued == pending);
}

static void check_sints(const struct vp *vp)
{
	uint64_t vectors[APIC_VECTOR_WORDS] = {0};

	for (unsigned i = 0; i < SYNIC_SINT_COUNT; i++) {
		uint64_t sint = vp->synic.sint[i];
		uint8_t vector = (uint8_t)sint;

		CHECK((sint & 0x10000) != 0 || vector >= 16);
		if ((sint & 0x70000) == 0x20000) {
			vectors[vector / 64] |= UINT64_C(1) << vector % 64;
		}
	}
	CHECK(memcmp(vectors, vp->apic.auto_eoi, sizeof(vectors)) == 0);
}

static void check_deadline(struct vp *vp)
{
	uint64_t next = unhalted_next(vp);

	for (unsigned i = 0; i < STIMER_COUNT; i++) {
		if (vp->stimer[i].deadline != UINT64_MAX) {
			uint64_t tsc = reftime_to_tsc(vp->partition, vp->stimer[i].deadline);

			next = tsc < next ? tsc : next;
		}
	}
	CHECK(vp->deadline == next);
	CHECK(fake_vp_machine(vp)->deadline == next);
}

static void check_lazy_eoi(const struct vp *vp)
{
	CHECK(!guest_is_settled(vp) || !vp->apic.eoi_assist_armed || vp->synic.waiting == 0);
}

/* --- Commands ------------------------------------------------------------------------------------------------- */

static void queue_or_forget(const struct command *command)
{
	struct sender *sender = &senders[command->vp->index][command->number % SENDERS];

	if (sender->message.pending) {
		if ((command->value & 1) != 0) {
			synic_message_forget(command->vp, sender->sint, &sender->message);
			CHECK(!sender->message.pending);
		}
		return;
	}
	sender->sint = command->number / SENDERS % SYNIC_SINT_COUNT;
	sender->content = (struct hv_message){.type = 1 + command->number, .payload_size = 8};
	sender->content.payload[0] = command->value;
	sender->message.content = &sender->content;
	synic_message_queue(command->vp, sender->sint, &sender->message);
	CHECK(!sender->message.pending || !is_target(command->vp) ||
	      slot_of(command->vp, sender->sint)->type != 0);
}

/* Past the queue: only when nobody waits, and then the slot has it. */
static void deliver_at_once(const struct command *command)
{
	uint64_t payload[30] = {command->value};
	unsigned sint = command->number % SYNIC_SINT_COUNT;
	struct synic_parcel parcel = {.type = 1 + command->number, .payload_size = 8, .payload = payload};
	bool waits = command->vp->synic.queue[sint].first != NULL;

	if (synic_message_deliver(command->vp, sint, &parcel)) {
		CHECK(!waits && is_target(command->vp));
		CHECK(slot_of(command->vp, sint)->type == parcel.type);
		CHECK(slot_of(command->vp, sint)->payload[0] == command->value);
	}
}

static void signal_event(const struct command *command)
{
	unsigned sint = command->number % SYNIC_SINT_COUNT;
	unsigned flag = (unsigned)(command->value % SYNIC_FLAG_COUNT);
	const uint8_t *page = command->vp->synic.event_flags.frame;

	if (synic_event_signal(command->vp, sint, flag) == HV_STATUS_SUCCESS) {
		CHECK((page[sint * 256 + flag / 8] >> flag % 8 & 1) != 0);
		CHECK((command->vp->synic.control & 1) != 0 &&
		      overlay_enabled(&command->vp->synic.event_flags));
	}
}

static void write_register(const struct command *command)
{
	(void)msr_write(command->vp, numbers[command->number % NUMBER_COUNT], command->value);
}

static void end_of_message(struct vp *vp)
{
	CHECK(msr_write(vp, HV_X64_MSR_EOM, 0) == MSR_DONE);
	for (unsigned i = 0; i < SYNIC_SINT_COUNT; i++) {
		CHECK(vp->synic.queue[i].first == NULL || !is_target(vp) || slot_of(vp, i)->type != 0);
	}
}

/* Anywhere in its pages, but for the flags of messages, whose state the checks follow. */
static void scribble(const struct command *command)
{
	uint8_t *messages = command->vp->synic.messages.frame;
	uint8_t *flags = command->vp->synic.event_flags.frame;
	unsigned at = (unsigned)(command->value % PAGE_SIZE);

	flags[at] = command->number;
	if (at % 256 != 5) {
		messages[at] = command->number;
	}
}

static void run_command(struct fake *fake, const struct command *command)
{
	struct vp *vp = command->vp;

	switch (command->operation % 14) {
	case 0 ... 1:
		write_register(command);
		break;
	case 2:
		(void)synic_sint_write(vp, command->number % SYNIC_SINT_COUNT, command->value);
		break;
	case 3 ... 4:
		queue_or_forget(command);
		break;
	case 5:
		signal_event(command);
		break;
	case 6:
		fake_advance(fake, command->value % (FAKE_TSC_HZ / 1000));
		break;
	case 7:
		slot_of(vp, command->number % SYNIC_SINT_COUNT)->type = 0;
		break;
	case 8:
		end_of_message(vp);
		break;
	case 9:
		scribble(command);
		break;
	case 10:
		guest_end_interrupt(vp);
		break;
	case 13:
		deliver_at_once(command);
		break;
	case 11:
		if (vp->activity == VP_RUNNING) {
			vp_halt(vp);
		}
		break;
	default:
		guest_enter(command, &told[vp->index]);
		break;
	}
}

static struct fake *machine(void)
{
	struct fake *fake = fake_hv_create(VPS, 16);
	uint64_t value = 0x1ff;

	CHECK(fake != NULL);
	memset(told, 0, sizeof(told));
	memset(senders, 0, sizeof(senders));
	for (uint32_t i = 0; i < VPS; i++) {
		fake_vp(fake, i)->activity = VP_RUNNING;
		CHECK(apic_msr_write(fake_vp(fake, i), 0x80f, value));
	}
	return fake;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct fake *fake = machine();

	while (input.size >= COMMAND_SIZE) {
		struct command command = command_take(&input, fake, VPS);

		run_command(fake, &command);
		for (uint32_t i = 0; i < VPS; i++) {
			check_queues(fake_vp(fake, i));
			check_sints(fake_vp(fake, i));
			check_deadline(fake_vp(fake, i));
			check_lazy_eoi(fake_vp(fake, i));
			guest_check_answer(fake_vp(fake, i), told[i]);
		}
	}
	fake_hv_destroy(fake);
	return 0;
}
