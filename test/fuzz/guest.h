/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The guests of fuzzers whose input is a list of commands of 11 bytes: operation, VP, a 64-bit value and a number.
 *
 * A fuzzer keeps what the machine was `told` last, per VP: the answer of the last evaluation that the guest has not
 * taken since.
 */
#pragma once

#include "core/apic.h"
#include "core/vp.h"
#include "fake/fake.h"
#include "test/fuzz/input.h"
#include "lib/check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define COMMAND_SIZE 11

struct command {
	uint8_t operation;
	struct vp *vp;
	uint64_t value;
	uint8_t number;
};

static inline struct command command_take(struct input *input, struct fake *fake, uint32_t vp_count)
{
	struct command command = {.operation = input_byte(input)};

	command.vp = fake_vp(fake, input_byte(input) % vp_count);
	command.value = input_word(input);
	command.number = input_byte(input);
	return command;
}

/* Takes what it is told of, and says so at the next exit. */
static inline void guest_take(struct vp *vp, struct apic_event *told)
{
	apic_accept(vp, *told);
	*told = (struct apic_event){.verdict = APIC_NOTHING};
}

/* The way into the guest, which takes an interrupt if the command's value is odd. */
static inline void guest_enter(const struct command *command, struct apic_event *told)
{
	struct vp *vp = command->vp;
	bool takes = (command->value & 1) != 0;

	vp_handle_requests(vp);
	if (!vp_wake_up(vp, takes)) {
		return;
	}
	vp->nmi_pending = false;
	*told = apic_evaluate(vp);
	if (takes && told->verdict == APIC_DELIVER) {
		guest_take(vp, told);
	}
}

/* The end of an interrupt, by the assist page where that suffices. */
static inline void guest_end_interrupt(struct vp *vp)
{
	uint32_t *assist = vp->assist.frame;
	uint32_t before = *assist;

	*assist = before & ~1u;
	if ((before & 1) == 0) {
		apic_eoi(vp);
	}
}

/* It runs, and nobody has asked for a new evaluation. */
static inline bool guest_is_settled(const struct vp *vp)
{
	return (vp->requests & VP_REQUEST_INTERRUPT) == 0 && vp->activity == VP_RUNNING;
}

static inline bool same_answer(struct apic_event left, struct apic_event right)
{
	return left.verdict == right.verdict && left.legacy == right.legacy &&
	       left.followed == right.followed &&
	       (left.verdict == APIC_NOTHING || left.vector == right.vector);
}

/* An evaluation now would answer the same. It is made on trial: the VP and its assist word are put back. */
static inline void guest_check_answer(struct vp *vp, struct apic_event told)
{
	uint32_t *assist = vp->assist.frame;
	uint32_t saved_assist = *assist;
	struct vp saved;

	if (!guest_is_settled(vp)) {
		return;
	}
	memcpy(&saved, vp, sizeof(saved));
	CHECK(same_answer(apic_evaluate(vp), told));
	memcpy(vp, &saved, sizeof(saved));
	*assist = saved_assist;
}
