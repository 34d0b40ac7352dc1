/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is in the VMCB at VMRUN: exit.c, svm.c and x86/vm/run.c as they are, with everything around them made of nothing.
 *
 * On QEMU a flush that never reaches the VMCB does not show, because that processor forgets its translations at each
 * world switch. Here TLB_CONTROL is looked at where the processor would.
 */
#include "core/msr.h"
#include "x86/apic/local_apic.h"
#include "x86/backend.h"
#include "x86/mm/pool.h"
#include "x86/nested/nested.h"
#include "x86/panic.h"
#include "x86/svm/svm_priv.h"
#include "x86/vm/exit.h"
#include "x86/vm/interrupt.h"
#include "x86/vm/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

unsigned host_cr8_writes;
static struct vmcb vmcb;
static struct x86_vp vp;
static uint32_t asked_at_exit; /* requests that come while the exit is dealt with */
static struct apic_event next_event;
static char
	order[4]; /* what the last exit did: b and e, measuring begins and ends; x, the exit is dealt with */

/* --- What surrounds the files ----------------------------------------------------------------------------------- */

const struct backend *backend = &svm_backend;
const uint8_t svm_window_end[1];

static void note(char what)
{
	order[strlen(order)] = what;
}

void stats_exit_begins(struct vp *which)
{
	(void)which;
	note('b');
}

void stats_exit_ends(struct vp *which)
{
	(void)which;
	note('e');
}

void vm_exit(struct x86_vp *which)
{
	note('x');
	atomic_fetch_or(&which->vp.requests, asked_at_exit);
}

struct apic_event apic_evaluate(struct vp *which)
{
	atomic_fetch_and(&which->requests, ~(uint32_t)VP_REQUEST_INTERRUPT);
	return next_event;
}

void apic_accept(struct vp *which, struct apic_event event)
{
	(void)which;
	(void)event;
}

void vp_handle_requests(struct vp *which)
{
	(void)which;
}

bool vp_wake_up(struct vp *which, bool interrupts_enabled)
{
	(void)which;
	(void)interrupts_enabled;
	return true;
}

void interrupt_sleep(void)
{
	abort();
}

void local_apic_send(uint32_t apic_id, uint32_t command)
{
	(void)apic_id;
	(void)command;
	abort();
}

void local_apic_write(enum local_apic_register name, uint32_t value)
{
	(void)name;
	(void)value;
}

void panic_vp(struct vp *which, const char *format, ...)
{
	(void)which;
	(void)format;
	abort();
}

void *pool_alloc(unsigned count)
{
	assert_int_equal(count, 1);
	memset(&vmcb, 0, sizeof(vmcb));
	return &vmcb;
}

void *svm_msr_map(void)
{
	return &vmcb;
}

uint64_t nested_root(void)
{
	return 0;
}

void svm_loop(struct x86_vp *which)
{
	(void)which;
	abort();
}

void svm_window(void)
{
}

void svm_sleep(void)
{
}

uint64_t svm_register_get(struct x86_vp *which, enum hv_register_name name)
{
	(void)which;
	(void)name;
	return 0;
}

void svm_register_set(struct x86_vp *which, enum hv_register_name name, uint64_t value)
{
	(void)which;
	(void)name;
	(void)value;
}

uint64_t svm_segment_base(struct x86_vp *which, enum hv_register_name name)
{
	(void)which;
	(void)name;
	return 0;
}

void svm_segment_set(struct x86_vp *which, enum hv_register_name name, uint64_t base, uint64_t rest)
{
	(void)which;
	(void)name;
	(void)base;
	(void)rest;
}

/* --- Tests ------------------------------------------------------------------------------------------------------ */

static int setup(void **state)
{
	(void)state;
	memset(&vp, 0, sizeof(vp));
	svm_features = (struct svm_features){0};
	asked_at_exit = 0;
	host_cr8_writes = 0;
	next_event = (struct apic_event){.verdict = APIC_NOTHING};
	return svm_backend.vp_create(&vp) ? 0 : -1;
}

/* Until the next VMRUN; the exit is one that asks for nothing. */
static void leave_and_enter(void)
{
	vmcb.exit_code = VMCB_EXIT_INVD;
	vmcb.exit_event = 0;
	memset(order, 0, sizeof(order));
	vp.on_exit(&vp);
	assert_int_equal(vp.place, VP_IN_GUEST);
	assert_int_equal(vp.vp.requests, 0);
}

static void the_first_entry_flushes(void **state)
{
	(void)state;
	svm_prepare(&vp);
	assert_int_equal(vmcb.tlb_control, 1);
}

static void an_entry_without_a_request_does_not(void **state)
{
	(void)state;
	svm_prepare(&vp);
	leave_and_enter();
	assert_int_equal(vmcb.tlb_control, 0);
}

static void a_requested_flush_reaches_the_processor(void **state)
{
	(void)state;
	leave_and_enter();
	atomic_fetch_or(&vp.vp.requests, VP_REQUEST_TLB_FLUSH);
	leave_and_enter();
	assert_int_equal(vmcb.tlb_control, 1);
	leave_and_enter();
	assert_int_equal(vmcb.tlb_control, 0);
}

static void so_does_one_that_comes_during_an_exit(void **state)
{
	(void)state;
	leave_and_enter();
	asked_at_exit = VP_REQUEST_TLB_FLUSH;
	leave_and_enter();
	assert_int_equal(vmcb.tlb_control, 1);
}

/* With flush-by-ASID the guest's own entries suffice. */
static void the_processor_may_flush_by_asid(void **state)
{
	(void)state;
	svm_features.flush_by_asid = true;
	leave_and_enter();
	atomic_fetch_or(&vp.vp.requests, VP_REQUEST_TLB_FLUSH);
	leave_and_enter();
	assert_int_equal(vmcb.tlb_control, 3);
}

static void init_forgets_events(void **state)
{
	(void)state;
	next_event = (struct apic_event){.verdict = APIC_DELIVER, .vector = 0x51};
	atomic_fetch_or(&vp.vp.requests, VP_REQUEST_INTERRUPT);
	leave_and_enter();
	assert_true((vmcb.interrupt_control & VMCB_V_IRQ) != 0);
	assert_int_equal(vmcb.interrupt_control >> VMCB_V_VECTOR_SHIFT & 0xff, 0x51);
	svm_backend.raise(&vp, 13, 0);
	vmcb.interrupt_state = VMCB_INTERRUPT_SHADOW;
	svm_backend.forget_events(&vp);
	assert_int_equal(vmcb.event, 0);
	assert_int_equal(vmcb.interrupt_state, 0);
	assert_int_equal(vmcb.interrupt_control & VMCB_V_IRQ, 0);
	assert_int_equal(vp.armed.verdict, APIC_NOTHING);
}

/* Interrupts that wait make writes of CR8 exit: see arm_interrupt. */
static void cr8_exits_while_an_interrupt_waits(void **state)
{
	static const enum apic_verdict verdicts[] = {APIC_DELIVER, APIC_BLOCKED, APIC_NOTHING};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		next_event = (struct apic_event){.verdict = verdicts[i], .vector = 0x51};
		atomic_fetch_or(&vp.vp.requests, VP_REQUEST_INTERRUPT);
		leave_and_enter();
		assert_int_equal((vmcb.intercept_cr & VMCB_CR_WRITE(8)) != 0, verdicts[i] != APIC_NOTHING);
	}
}

/* Written to make QEMU look at the physical APIC again: see note_accepted. */
static void after_a_virtual_interrupt_the_physical_apic_is_asked(void **state)
{
	(void)state;
	leave_and_enter();
	assert_int_equal(host_cr8_writes, 0);
	next_event = (struct apic_event){.verdict = APIC_DELIVER, .vector = 0x51};
	atomic_fetch_or(&vp.vp.requests, VP_REQUEST_INTERRUPT);
	leave_and_enter();
	assert_int_equal(host_cr8_writes, 0);
	leave_and_enter();
	assert_int_equal(host_cr8_writes, 1);
}

static void exits_are_measured_on_request(void **state)
{
	(void)state;
	leave_and_enter();
	assert_string_equal(order, "x");
	svm_backend.measure(&vp, true);
	leave_and_enter();
	assert_string_equal(order, "bxe");
	svm_backend.measure(&vp, false);
	leave_and_enter();
	assert_string_equal(order, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_entry_flushes, setup),
		cmocka_unit_test_setup(an_entry_without_a_request_does_not, setup),
		cmocka_unit_test_setup(a_requested_flush_reaches_the_processor, setup),
		cmocka_unit_test_setup(so_does_one_that_comes_during_an_exit, setup),
		cmocka_unit_test_setup(the_processor_may_flush_by_asid, setup),
		cmocka_unit_test_setup(init_forgets_events, setup),
		cmocka_unit_test_setup(after_a_virtual_interrupt_the_physical_apic_is_asked, setup),
		cmocka_unit_test_setup(exits_are_measured_on_request, setup),
		cmocka_unit_test_setup(cr8_exits_while_an_interrupt_waits, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
