/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is in the VMCB at VMRUN: exit.c, npiep.c, svm.c and x86/vm/run.c as they are, with everything around them made of nothing.
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

/* The entry of npiep.c: what the VMCB is then, and what the guest leaves in it. */
static unsigned entries;
static struct vmcb entered;
static struct {
	uint64_t exit_code, info_1, info_2, dr6;
} inner;

void svm_enter(struct x86_vp *which)
{
	assert_int_equal(which->place, VP_IN_GUEST);
	entries++;
	entered = vmcb;
	vmcb.exit_code = inner.exit_code;
	vmcb.exit_info_1 = inner.info_1;
	vmcb.exit_info_2 = inner.info_2;
	vmcb.dr6 |= inner.dr6;
	vmcb.rax = 0x77;
	vmcb.rsp = 0x88;
	if (inner.exit_code == 0x41) {
		vmcb.rflags &= ~UINT64_C(0x10000); /* RF goes when an instruction is done */
	}
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

static void handle_exit(void)
{
	memset(order, 0, sizeof(order));
	vp.on_exit(&vp);
	assert_int_equal(vp.place, VP_IN_GUEST);
}

/* Until the next VMRUN; the exit is one that asks for nothing. */
static void leave_and_enter(void)
{
	vmcb.exit_code = VMCB_EXIT_INVD;
	vmcb.exit_event = 0;
	handle_exit();
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

/* --- Instructions that user code may not execute ---------------------------------------------------------------- */

#define EXIT_SIDT 0x66
#define EXIT_SGDT 0x67
#define EXIT_STR 0x69
#define EXIT_DB 0x41
#define TF UINT64_C(0x100)
#define RF UINT64_C(0x10000)
#define BS UINT64_C(0x4000)
#define ALL_FOUR 0x3c0u

/* The guest has executed one of them; the entry that it gets for it ends with this exit. */
static void store(uint64_t code, uint8_t cpl, uint64_t end)
{
	entries = 0;
	inner.exit_code = end;
	vmcb.exit_code = code;
	vmcb.exit_event = 0;
	vmcb.cpl = cpl;
	handle_exit();
}

static int setup_npiep(void **state)
{
	memset(&inner, 0, sizeof(inner));
	if (setup(state) != 0) {
		return -1;
	}
	vmcb.rflags = 0x202;
	vmcb.dr6 = 0xffff0ff0;
	vmcb.dr7 = 0x400;
	svm_backend.npiep_set(&vp, 15);
	return 0;
}

static void each_bit_has_its_intercept(void **state)
{
	static const uint32_t bits[] = {1u << 7, 1u << 6, 1u << 8, 1u << 9}; /* SGDT, SIDT, SLDT, STR */

	(void)state;
	svm_backend.npiep_set(&vp, 0);
	uint32_t others = vmcb.intercept_1;

	assert_int_equal(others & ALL_FOUR, 0);
	for (uint64_t value = 0; value < 16; value++) {
		uint32_t wanted = others;

		for (unsigned i = 0; i < 4; i++) {
			wanted |= (value >> i & 1) != 0 ? bits[i] : 0;
		}
		svm_backend.npiep_set(&vp, value);
		assert_int_equal(vmcb.intercept_1, wanted);
	}
}

static void user_code_gets_a_fault(void **state)
{
	(void)state;
	for (uint8_t cpl = 1; cpl <= 3; cpl++) {
		store(EXIT_SGDT, cpl, EXIT_DB);
		assert_int_equal(vp.exit.kind, VP_EXIT_PROTECTED);
		assert_int_equal(entries, 0);
	}
}

static void the_kernel_gets_one_instruction(void **state)
{
	(void)state;
	uint32_t intercepts = vmcb.intercept_1, exceptions = vmcb.intercept_exceptions;

	assert_int_equal(intercepts & ALL_FOUR, ALL_FOUR);
	for (uint64_t code = EXIT_SIDT; code <= EXIT_STR; code++) {
		inner.dr6 = BS;
		store(code, 0, EXIT_DB);
		assert_int_equal(entries, 1);
		assert_int_equal(entered.rflags, 0x202 | TF | RF);
		assert_int_equal(entered.intercept_1, intercepts & ~ALL_FOUR);
		assert_int_equal(entered.intercept_exceptions, exceptions | 1u << 12 | 1u << 13 | 1u << 14);
		assert_int_equal(entered.event, 0);
		assert_int_equal(vp.exit.kind, VP_EXIT_RESUME);
		assert_int_equal(vmcb.rflags, 0x202);
		assert_int_equal(vmcb.dr6, 0xffff0ff0);
		assert_int_equal(vmcb.intercept_1, intercepts);
		assert_int_equal(vmcb.intercept_exceptions, exceptions);
		assert_int_equal(vmcb.event, 0);
		assert_int_equal(vp.vp.gpr[GPR_RAX], 0x77);
		assert_int_equal(vp.vp.gpr[GPR_RSP], 0x88);
	}
}

static void a_virtual_interrupt_waits_for_it(void **state)
{
	(void)state;
	next_event = (struct apic_event){.verdict = APIC_DELIVER, .vector = 0x51};
	atomic_fetch_or(&vp.vp.requests, VP_REQUEST_INTERRUPT);
	leave_and_enter();
	assert_true((vmcb.interrupt_control & VMCB_V_IRQ) != 0);
	store(EXIT_SGDT, 0, EXIT_DB);
	assert_int_equal(entered.interrupt_control & VMCB_V_IRQ, 0);
	assert_true((vmcb.interrupt_control & VMCB_V_IRQ) != 0);
	assert_int_equal(vp.armed.verdict, APIC_DELIVER);
}

static void its_faults_are_the_guests(void **state)
{
	(void)state;
	vmcb.cr2 = 5;
	for (uint64_t vector = 12; vector <= 14; vector++) {
		vmcb.dr6 = 0xffff0ff5;
		inner.info_1 = 2;
		inner.info_2 = UINT64_C(0xffff800000001000);
		vmcb.rflags = 0x202;
		store(EXIT_SGDT, 0, 0x40 + vector);
		assert_int_equal(vmcb.event, UINT64_C(0x280000b00) | vector);
		assert_int_equal(vmcb.cr2, vector == 14 ? UINT64_C(0xffff800000001000) : 5);
		assert_int_equal(vmcb.rflags, 0x202 | RF);
		assert_int_equal(vp.exit.kind, VP_EXIT_RESUME);
		assert_int_equal(vmcb.dr6, 0xffff0ff5);
	}
}

/* DR7; what the processor finds; is the trap the guest's? */
static void breakpoints_of_the_guest_strike(void **state)
{
	static const struct {
		uint64_t dr7, found;
		bool strikes;
	} cases[] = {
		{0x10001, 1, true},  {0x10002, 1, true},   {0x30001, 1, true},	   {0x10000, 1, false},
		{0x00001, 1, false}, {0x10001, 2, false},  {0x10000080, 8, true},  {0x10000040, 8, true},
		{0x10000, 8, false}, {0x1000010, 4, true}, {0x11000010, 8, false}, {0x10001, 0, false},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned old = 0; old < 2; old++) {
			uint64_t dr6 = 0xffff0ff0 | (old != 0 ? BS | 0xf : 0);

			vmcb.dr6 = dr6;
			vmcb.dr7 = cases[i].dr7;
			inner.dr6 = BS | cases[i].found;
			store(EXIT_SGDT, 0, EXIT_DB);
			assert_int_equal(entered.dr6 & 0xf, 0);
			assert_int_equal(vmcb.event, cases[i].strikes ? UINT64_C(0x80000301) : 0);
			assert_int_equal(vmcb.dr6,
					 cases[i].strikes ? (dr6 & ~UINT64_C(0xf)) | cases[i].found : dr6);
		}
	}
}

static void a_guest_that_steps_goes_on_stepping(void **state)
{
	(void)state;
	vmcb.rflags = 0x202 | TF;
	vmcb.dr6 = 0xffff0ff1;
	inner.dr6 = BS;
	store(EXIT_SGDT, 0, EXIT_DB);
	assert_int_equal(entered.dr6, 0xffff0ff1);
	assert_int_equal(vmcb.rflags, 0x202 | TF);
	assert_int_equal(vmcb.dr6, 0xffff4ff1);
	assert_int_equal(vmcb.event, UINT64_C(0x80000301));
}

static void what_comes_first_leaves_no_trace(void **state)
{
	static const uint64_t codes[] = {0x60, 0x61, 0x64, 0x72, 0x43};

	(void)state;
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		for (uint64_t kept = 0; kept <= RF; kept += RF) {
			vmcb.rflags = 0x202 | kept;
			vmcb.dr6 = 0xffff0fff;
			store(EXIT_SGDT, 0, codes[i]);
			assert_int_equal(vmcb.rflags, 0x202 | kept);
			assert_int_equal(vmcb.dr6, 0xffff0fff);
			assert_int_equal(vmcb.event, 0);
			assert_int_equal(vp.exit.kind, VP_EXIT_RESUME);
		}
	}
}

static void a_nested_fault_is_handled(void **state)
{
	(void)state;
	inner.info_1 = 6;
	inner.info_2 = 0x12345000;
	store(EXIT_SGDT, 0, 0x400);
	assert_int_equal(vp.exit.kind, VP_EXIT_MEMORY);
	assert_int_equal(vp.exit.gpa.value, 0x12345000);
	assert_int_equal(vp.exit.access, VP_ACCESS_WRITE);
	assert_true(vp.exit.by_instruction);
	assert_int_equal(vmcb.rflags, 0x202);
}

/* A flush may not wait for even one instruction. An NMI may, or one that waits for its turn would be in the way for ever. */
static void only_a_flush_goes_first(void **state)
{
	(void)state;
	atomic_fetch_or(&vp.vp.requests, VP_REQUEST_TLB_FLUSH);
	store(EXIT_SGDT, 0, EXIT_DB);
	assert_int_equal(entries, 0);
	assert_int_equal(vp.exit.kind, VP_EXIT_RESUME);
	assert_int_equal(vmcb.tlb_control, 1);
	vp.vp.nmi_pending = true;
	vp.nmi_blocked = true;
	store(EXIT_SGDT, 0, EXIT_DB);
	assert_int_equal(entries, 1);
	assert_int_equal(entered.tlb_control, 0);
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
		cmocka_unit_test_setup(each_bit_has_its_intercept, setup_npiep),
		cmocka_unit_test_setup(user_code_gets_a_fault, setup_npiep),
		cmocka_unit_test_setup(the_kernel_gets_one_instruction, setup_npiep),
		cmocka_unit_test_setup(a_virtual_interrupt_waits_for_it, setup_npiep),
		cmocka_unit_test_setup(its_faults_are_the_guests, setup_npiep),
		cmocka_unit_test_setup(breakpoints_of_the_guest_strike, setup_npiep),
		cmocka_unit_test_setup(a_guest_that_steps_goes_on_stepping, setup_npiep),
		cmocka_unit_test_setup(what_comes_first_leaves_no_trace, setup_npiep),
		cmocka_unit_test_setup(a_nested_fault_is_handled, setup_npiep),
		cmocka_unit_test_setup(only_a_flush_goes_first, setup_npiep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
