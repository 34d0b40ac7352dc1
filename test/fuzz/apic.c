/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the virtual APIC and both kinds of timers through everything a guest and its devices can do to them.
 *
 * The input is a list of commands as in test/fuzz/guest.h. After each command these must hold for every VP:
 *	no illegal vector is requested, offered or in service;
 *	the machine's deadline is the earliest of what is armed;
 *	an evaluation now would answer what the last one did, unless the VP has been asked to evaluate again.
 */
#include "core/apic.h"

#include "core/overlay.h"
#include "core/reftime.h"
#include "core/stimer.h"
#include "test/fuzz/guest.h"

#include <stddef.h>
#include <string.h>

#define VPS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the machine was told last, per VP. */
static struct apic_event told[VPS];

/* --- Invariants ----------------------------------------------------------------------------------------------- */

static void check_vectors(const struct vp *vp)
{
	const struct apic *apic = &vp->apic;

	CHECK((apic->irr[0] & 0xffff) == 0 && (apic->isr[0] & 0xffff) == 0);
	CHECK(apic->offered.verdict != APIC_DELIVER || apic->offered.legacy || apic->offered.vector >= 16);
	CHECK(apic->tpr <= 0xff && (apic->command & 0x1000) == 0);
}

/*
 * Nothing here runs the unhalted timer or a monitor; test/fuzz/synic.c has the former. The machine's clock may be set too
 * early: VP_REQUEST_DEADLINE from somebody else than that clock expires a timer before it. That costs an exit, and no more.
 */
static void check_deadline(struct vp *vp)
{
	uint64_t next = apic_timer_next(vp);
	uint64_t reference = stimer_next(vp);

	if (reference != UINT64_MAX) {
		uint64_t tsc = reftime_to_tsc(vp->partition, reference);

		next = tsc < next ? tsc : next;
	}
	CHECK(vp->deadline == next);
	CHECK(fake_vp_machine(vp)->deadline <= next);
}

/* --- Commands ------------------------------------------------------------------------------------------------- */

/* An entry that the machine makes without a new evaluation, and in which the guest takes what was offered before. */
static void take_late(struct vp *vp)
{
	if (told[vp->index].verdict == APIC_DELIVER && vp->apic.offered.verdict == APIC_DELIVER) {
		guest_take(vp, &told[vp->index]);
	}
}

static void sleep_or_request(const struct command *command)
{
	switch (command->number % 4) {
	case 0:
		vp_halt(command->vp);
		break;
	case 1:
		vp_idle(command->vp);
		break;
	default:
		vp_request(command->vp, (uint32_t)command->value & 0x3f);
		break;
	}
}

static void run_command(struct fake *fake, const struct command *command)
{
	uint64_t ignored;

	switch (command->operation % 16) {
	case 0:
		(void)apic_msr_write(command->vp, 0x800u + command->number, command->value);
		break;
	case 1:
		(void)apic_msr_read(command->vp, 0x800u + command->number, &ignored);
		break;
	case 2:
		(void)apic_msr_write(command->vp, command->number % 2 == 0 ? 0x1b : 0x6e0, command->value);
		break;
	case 3:
		apic_page_write(command->vp, command->number * 16u, (uint32_t)command->value);
		break;
	case 4:
		(void)apic_page_read(command->vp, command->number * 16u);
		break;
	case 5:
		(void)apic_raise(command->vp, command->number, (command->value & 1) != 0);
		break;
	case 6:
		apic_raise_legacy(command->vp, command->number);
		break;
	case 7:
		(void)stimer_config_write(command->vp, command->number % 4, command->value);
		break;
	case 8:
		(void)stimer_count_write(command->vp, command->number % 4, command->value);
		break;
	case 9:
		fake_advance(fake, command->value % (16 * FAKE_TSC_HZ / 1000));
		break;
	case 10:
		overlay_set(command->vp, &command->vp->assist, command->value);
		break;
	case 11:
		guest_end_interrupt(command->vp);
		break;
	case 12:
		apic_command(command->vp, command->value);
		break;
	case 13:
		sleep_or_request(command);
		break;
	case 14:
		take_late(command->vp);
		break;
	default:
		guest_enter(command, &told[command->vp->index]);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct fake *fake = fake_hv_create(VPS, 4);

	CHECK(fake != NULL);
	memset(told, 0, sizeof(told));
	while (input.size >= COMMAND_SIZE) {
		struct command command = command_take(&input, fake, VPS);

		run_command(fake, &command);
		for (uint32_t i = 0; i < VPS; i++) {
			check_vectors(fake_vp(fake, i));
			check_deadline(fake_vp(fake, i));
			guest_check_answer(fake_vp(fake, i), told[i]);
		}
	}
	fake_hv_destroy(fake);
	return 0;
}
