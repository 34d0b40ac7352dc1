/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the hypercall gate and all calls behind it: sequences of nearly valid calls (grammar/call.h), between which
 * pages are laid over others, memory vanishes, registers are written and time passes.
 *
 * An input begins with a byte for the privileges; then come steps, each a byte (7:4 what, 3:2 which VP, 1 the caller is
 * 32-bit code, 0 and 3:2 both set with it: it is not privileged) and what that step needs.
 *
 * After each call, and each part of one that is continued:
 *	the result is one that calls give, and names no more repetitions than there are;
 *	reserved bits, unknown codes and missing privileges have their own status;
 *	no register has changed that may not, and no memory but the block that the output address names;
 *	a call that is refused has done nothing at all, and has kept no page;
 *	a continued call has got further; no VP has missed a flush of its nested translations.
 */
#include "core/gate.h"
#include "abi/hv_hypercall.h"
#include "abi/hv_msr.h"
#include "abi/hv_page_vp_assist.h"
#include "abi/hv_privilege.h"
#include "core/msr.h"
#include "core/partition.h"
#include "fake/fake.h"
#include "test/fuzz/grammar/call.h"
#include "test/fuzz/grammar/state.h"
#include "test/fuzz/grammar/words.h"
#include "test/fuzz/input.h"

#include <stdlib.h>

#define VPS 3
#define RAM_PAGES 8
#define RAM_SIZE (RAM_PAGES * PAGE_SIZE)
#define STEPS_MAX 48
#define XMM_INPUT_REGISTERS 6
#define ENTRY_ACCESSED 0x20u
#define ENTRY_DIRTY 0x40u
#define CHECK_THAT(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- The machine ---------------------------------------------------------------------------------------------- */

static void call_words(struct fake *fake, uint16_t code, const uint64_t *words, size_t size)
{
	struct vp *vp = fake_vp(fake, 0);

	CHECK_THAT(fake_guest_write(fake, gpa(0x2000), words, size));
	vp->gpr[GPR_RCX] = code;
	vp->gpr[GPR_RDX] = 0x2000;
	vp->gpr[GPR_R8] = 0;
	CHECK_THAT(gate_hypercall(vp, true, true) == GATE_DONE);
}

/* What takes many calls: each VP has a SynIC that receives at SINT 2; ports 1, 2 and 3 are for messages, events and a
 * monitor, of VP 0, and the connections with these numbers lead to them. Without the privileges there is less. */
static void ports_make(struct fake *fake)
{
	for (uint32_t i = 0; i < VPS; i++) {
		(void)msr_write(fake_vp(fake, i), HV_X64_MSR_SCONTROL, 1);
		(void)msr_write(fake_vp(fake, i), HV_X64_MSR_SIMP, 0x6001);
		(void)msr_write(fake_vp(fake, i), HV_X64_MSR_SIEFP, 0x7001);
		(void)msr_write(fake_vp(fake, i), HV_X64_MSR_SINT2, 0x41);
	}
	for (uint64_t type = 1; type <= 3; type++) {
		uint64_t target = type == 3 ? 0x5000 : 2, flags = type == 2 ? 16 << 16 : 0;
		uint64_t port[8] = {UINT64_MAX, type, UINT64_MAX, type, target, flags};
		uint64_t connection[10] = {UINT64_MAX, type, UINT64_MAX, type, type, target & ~UINT64_C(7)};

		call_words(fake, HV_CALL_create_port, port, sizeof(port));
		call_words(fake, HV_CALL_connect_port, connection, sizeof(connection));
	}
}

/* Long mode, with page tables that begin in page 4. */
static void paging_make(struct fake *fake)
{
	static const uint64_t entries[] = {0x4007, 0x5007, 0x6083, 0x5027};

	for (uint32_t i = 0; i < VPS; i++) {
		fake_register_set(fake_vp(fake, i), HV_X64_REGISTER_CR0, 0x80010031);
		fake_register_set(fake_vp(fake, i), HV_X64_REGISTER_CR3, 0x4000);
		fake_register_set(fake_vp(fake, i), HV_X64_REGISTER_CR4, 0x20);
		fake_register_set(fake_vp(fake, i), HV_X64_REGISTER_EFER, 0xd01);
	}
	memcpy(fake_ram_page(fake, gpn(4)), entries, sizeof(entries));
}

static struct fake *machine_make(struct input *input)
{
	struct fake_options options = fake_options_default();

	options.vp_count = VPS;
	options.ram_pages = RAM_PAGES;
	options.privileges = grammar_privileges(input) | HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS;
	struct fake *fake = fake_hv_create_with(&options);

	CHECK_THAT(fake != NULL);
	CHECK_THAT(msr_write(fake_vp(fake, 0), HV_X64_MSR_GUEST_OS_ID, 1) == MSR_DONE);
	CHECK_THAT(msr_write(fake_vp(fake, 0), HV_X64_MSR_HYPERCALL, 0x1001) == MSR_DONE);
	for (uint32_t i = 0; i < VPS; i++) {
		CHECK_THAT(msr_write(fake_vp(fake, i), 0x80f, 0x1ff) == MSR_DONE);
	}
	ports_make(fake);
	paging_make(fake);
	return fake;
}

/* --- What a call must not change ------------------------------------------------------------------------------ */

static struct {
	uint8_t ram[RAM_SIZE];
	uint8_t assist[VPS][PAGE_SIZE];
	uint8_t read_only[2][PAGE_SIZE]; /* the hypercall page, the reference TSC page */
	uint64_t gpr[GPR_COUNT];
} before;

static void remember(struct fake *fake, const struct vp *caller)
{
	for (uint64_t page = 0; page < RAM_PAGES; page++) {
		memcpy(before.ram + page * PAGE_SIZE, fake->ram_map + (2 * page + 1) * PAGE_SIZE, PAGE_SIZE);
	}
	for (uint32_t i = 0; i < VPS; i++) {
		memcpy(before.assist[i], fake_vp(fake, i)->assist.frame, PAGE_SIZE);
	}
	memcpy(before.read_only[0], fake_root(fake)->hypercall.frame, PAGE_SIZE);
	memcpy(before.read_only[1], fake_root(fake)->reference_tsc.frame, PAGE_SIZE);
	memcpy(before.gpr, caller->gpr, sizeof(before.gpr));
	state_remember(fake);
}

/* Where the call may write: nowhere, or the block at the output address. */
struct window {
	const uint8_t *start;
	size_t size;
};

static struct window output_window(struct fake *fake, const struct grammar_call *call)
{
	uint8_t *page = NULL;

	if (!hv_control_is_fast(call->control) && call->output_size != 0) {
		page = overlay_guest_page(fake_root(fake), gpn_of(gpa(call->output)), true);
	}
	if (page == NULL) {
		return (struct window){NULL, 0};
	}
	size_t left = PAGE_SIZE - gpa_page_offset(gpa(call->output));

	return (struct window){page + gpa_page_offset(gpa(call->output)),
			       call->output_size < left ? call->output_size : left};
}

/* Is the page what it was, but for the window if that lies in it? */
static bool page_same(const uint8_t *page, const uint8_t *old, struct window window)
{
	if (window.size == 0 || window.start < page || window.start >= page + PAGE_SIZE) {
		return memcmp(page, old, PAGE_SIZE) == 0;
	}
	size_t from = (size_t)(window.start - page);
	size_t to = from + window.size;

	return memcmp(page, old, from) == 0 && memcmp(page + to, old + to, PAGE_SIZE - to) == 0;
}

/* A translation may mark the entries that it used, wherever the page tables are. Entries are 4 or 8 bytes long. */
static void marks_take_over(const uint8_t *page, uint8_t *old)
{
	for (size_t i = 0; i < PAGE_SIZE; i += sizeof(uint32_t)) {
		old[i] |= page[i] & (ENTRY_ACCESSED | ENTRY_DIRTY);
	}
}

/* A look at the APIC's registers takes back the leave not to write EOI, which stands in the page's first word. */
static void leave_take_over(const uint8_t *page, uint8_t *old)
{
	old[0] &= (uint8_t)(page[0] | ~HV_APIC_ASSIST_NO_EOI_REQUIRED);
}

static void memory_check(struct fake *fake, struct window window, bool translates)
{
	for (uint64_t page = 0; page < RAM_PAGES; page++) {
		const uint8_t *ram = fake->ram_map + (2 * page + 1) * PAGE_SIZE;
		uint8_t *old = before.ram + page * PAGE_SIZE;

		if (translates) {
			marks_take_over(ram, old);
		}
		CHECK_THAT(page_same(ram, old, window));
	}
	for (uint32_t i = 0; i < VPS; i++) {
		leave_take_over(fake_vp(fake, i)->assist.frame, before.assist[i]);
		CHECK_THAT(page_same(fake_vp(fake, i)->assist.frame, before.assist[i], window));
	}
	CHECK_THAT(memcmp(fake_root(fake)->hypercall.frame, before.read_only[0], PAGE_SIZE) == 0);
	CHECK_THAT(memcmp(fake_root(fake)->reference_tsc.frame, before.read_only[1], PAGE_SIZE) == 0);
}

/* --- The result ----------------------------------------------------------------------------------------------- */

static bool is_status(uint64_t status)
{
	switch (status) {
#define HV_STATUS(number, name, source) case number:
#include "abi/status.def"
		return true;
	default:
		return false;
	}
}

/* The refusals that need no knowledge of what the call means. */
static void early_refusals_check(struct fake *fake, const struct grammar_call *call, uint64_t status)
{
	if ((call->control & (HV_CONTROL_RESERVED_MASK | HV_CONTROL_NESTED)) != 0) {
		CHECK_THAT(status == HV_STATUS_INVALID_HYPERCALL_INPUT);
	} else if (call->row == NULL) {
		CHECK_THAT(status == HV_STATUS_INVALID_HYPERCALL_CODE);
	} else if (!partition_has(fake_root(fake), call->row->privileges)) {
		CHECK_THAT(status == HV_STATUS_ACCESS_DENIED);
	} else {
		uint32_t count = hv_control_rep_count(call->control);
		uint32_t start = hv_control_rep_start(call->control);
		bool counted = call->row->is_rep ? start < count : (count | start) == 0;

		CHECK_THAT(counted || status == HV_STATUS_INVALID_HYPERCALL_INPUT);
	}
}

static void result_check(uint64_t value, uint64_t control)
{
	uint64_t reps = (value & HV_RESULT_REPS_MASK) >> HV_RESULT_REPS_SHIFT;

	CHECK_THAT((value & ~(HV_RESULT_STATUS_MASK | HV_RESULT_REPS_MASK)) == 0);
	CHECK_THAT(is_status(value & HV_RESULT_STATUS_MASK));
	CHECK_THAT(reps <= hv_control_rep_count(control));
	CHECK_THAT((value & HV_RESULT_STATUS_MASK) != HV_STATUS_SUCCESS ||
		   reps == hv_control_rep_count(control));
}

/* --- A call --------------------------------------------------------------------------------------------------- */

struct caller {
	struct vp *vp;
	bool long_mode, privileged;
};

static void registers_set(const struct caller *caller, const struct grammar_call *call)
{
	uint64_t *gpr = caller->vp->gpr;

	for (unsigned i = 0; i < GPR_COUNT; i++) {
		gpr[i] = UINT64_C(0x0101010101010101) * i;
	}
	if (caller->long_mode) {
		gpr[GPR_RCX] = call->control;
		gpr[GPR_RDX] = call->input;
		gpr[GPR_R8] = call->output;
		return;
	}
	gpr[GPR_RDX] = call->control >> 32;
	gpr[GPR_RAX] = call->control & UINT32_MAX;
	gpr[GPR_RBX] = call->input >> 32;
	gpr[GPR_RCX] = call->input & UINT32_MAX;
	gpr[GPR_RDI] = call->output >> 32;
	gpr[GPR_RSI] = call->output & UINT32_MAX;
}

static uint64_t result_of(const struct caller *caller)
{
	const uint64_t *gpr = caller->vp->gpr;

	return caller->long_mode ? gpr[GPR_RAX] : gpr[GPR_RDX] << 32 | (gpr[GPR_RAX] & UINT32_MAX);
}

/* Where the control word of a continued call is. */
static uint64_t control_of(const struct caller *caller)
{
	return caller->long_mode ? caller->vp->gpr[GPR_RCX] : result_of(caller);
}

static bool may_change(const struct caller *caller, unsigned gpr, enum gate_result result)
{
	if (result == GATE_UNDEFINED) {
		return false;
	}
	if (!caller->long_mode) {
		return gpr == GPR_RAX || gpr == GPR_RDX;
	}
	return gpr == (result == GATE_CONTINUE ? GPR_RCX : GPR_RAX);
}

/* A call may set the caller's registers (0x0051, to itself); other calls answer in those of the result alone. */
static void registers_check(const struct caller *caller, enum gate_result result, bool refused)
{
	uint16_t code = hv_control_code(caller->long_mode ? before.gpr[GPR_RCX] : before.gpr[GPR_RAX]);
	bool sets = code == HV_CALL_set_vp_registers && !refused;
	bool fast_output = caller->long_mode && hv_control_is_fast(before.gpr[GPR_RCX]) && !refused;

	for (unsigned i = 0; i < GPR_COUNT; i++) {
		bool answers = fast_output && (i == GPR_RDX || i == GPR_R8);

		CHECK_THAT(sets || answers || caller->vp->gpr[i] == before.gpr[i] ||
			   may_change(caller, i, result));
	}
}

static void part_check(struct fake *fake, const struct caller *caller, const struct grammar_call *call,
		       struct window window, enum gate_result result, uint32_t start)
{
	uint64_t value = result_of(caller);
	uint32_t reps = (uint32_t)((value & HV_RESULT_REPS_MASK) >> HV_RESULT_REPS_SHIFT);
	bool refused = result == GATE_UNDEFINED;

	if (result == GATE_DONE) {
		result_check(value, call->control);
		early_refusals_check(fake, call, value & HV_RESULT_STATUS_MASK);
		refused =
			(value & HV_RESULT_STATUS_MASK) != HV_STATUS_SUCCESS && (reps == start || reps == 0);
	}
	if (refused) {
		state_check_same(fake);
		window.size = 0;
	}
	registers_check(caller, result, refused);
	memory_check(fake, window,
		     !refused && hv_control_code(call->control) == HV_CALL_translate_virtual_address);
	state_check_sound(fake);
}

static void call_make(struct fake *fake, const struct caller *caller, const struct grammar_call *call)
{
	uint32_t start = hv_control_rep_start(call->control);
	enum gate_result result;

	registers_set(caller, call);
	do {
		/* A call that sets registers may switch off the page in the middle of its list. */
		bool possible = caller->privileged && overlay_enabled(&fake_root(fake)->hypercall);
		struct window window = output_window(fake, call);

		remember(fake, caller->vp);
		result = gate_hypercall(caller->vp, caller->privileged, caller->long_mode);
		/* A fast call may also be of a form that the partition is not offered. */
		CHECK_THAT(result == GATE_UNDEFINED ? !possible || hv_control_is_fast(call->control)
						    : possible);
		part_check(fake, caller, call, window, result, start);
		if (result == GATE_CONTINUE) {
			uint64_t control = control_of(caller);

			CHECK_THAT(hv_control_rep_start(control) > start);
			CHECK_THAT(hv_control_with_rep_start(control, 0) ==
				   hv_control_with_rep_start(call->control, 0));
			start = hv_control_rep_start(control);
		}
	} while (result == GATE_CONTINUE);
}

/* --- Steps ---------------------------------------------------------------------------------------------------- */

/* As far as the guest can write there: the rest of a block that runs off the page is zero or what was there. */
static void block_place(struct fake *fake, const struct grammar_call *call)
{
	gpa_t address = gpa(call->input);
	uint32_t left = PAGE_SIZE - gpa_page_offset(address);
	uint32_t size = call->block_size < left ? call->block_size : left;

	(void)fake_guest_write(fake, address, call->block, size);
}

static void step_call(struct fake *fake, struct input *input, uint8_t how)
{
	static struct grammar_call call;
	struct caller caller = {
		.vp = fake_vp(fake, (how >> 2 & 3) % VPS),
		.long_mode = (how & 2) == 0,
		.privileged = (how & 0xf) != 0xf,
	};

	grammar_call_take(input, &call);
	if (!hv_control_is_fast(call.control)) {
		block_place(fake, &call);
	}
	for (unsigned i = 0; i < XMM_INPUT_REGISTERS; i++) {
		fake_xmm_set(caller.vp, i, call.block + 16 * (size_t)(i + 1));
	}
	call_make(fake, &caller, &call);
}

static const uint32_t page_msrs[] = {
	HV_X64_MSR_VP_ASSIST_PAGE, HV_X64_MSR_REFERENCE_TSC, HV_X64_MSR_HYPERCALL, HV_X64_MSR_SIMP,
	HV_X64_MSR_SIEFP,	   HV_X64_MSR_SCONTROL,	     HV_X64_MSR_SINT2,	   HV_X64_MSR_GUEST_OS_ID,
};

static void step_page(struct vp *vp, struct input *input)
{
	uint32_t number = page_msrs[input_byte(input) % 8];
	uint64_t value = input_byte(input);

	if (number == HV_X64_MSR_SCONTROL || number == HV_X64_MSR_SINT2 || number == HV_X64_MSR_GUEST_OS_ID) {
		(void)msr_write(vp, number, value);
		return;
	}
	(void)msr_write(vp, number, grammar_page(value & 15) << PAGE_SHIFT | (value < 0xf0));
}

/* The guest writes: a message slot is emptied, a page table changes, another processor is faster. */
static void step_poke(struct fake *fake, struct input *input)
{
	gpa_t address = gpa(grammar_place(input, 8));
	uint64_t value = grammar_word(input);

	(void)fake_guest_write(fake, address, &value, sizeof(value));
}

static void step_time(struct fake *fake, uint8_t pick)
{
	static const uint64_t steps[] = {0, 0, 1, FAKE_TSC_HZ / 1000000, FAKE_TSC_HZ / 20000, FAKE_TSC_HZ};

	fake->tsc_step = steps[pick % 6];
	fake_advance(fake, UINT64_C(1) << (pick >> 3));
}

static void step_enter(struct fake *fake, uint8_t pick)
{
	for (uint32_t i = 0; i < VPS; i++) {
		if ((pick >> i & 1) != 0) {
			(void)fake_vp_enter(fake_vp(fake, i), (pick & 0x80) == 0);
		}
	}
}

static void step_msr(struct vp *vp, struct input *input)
{
	static const uint32_t numbers[] = {
#define HV_MSR(number, ...) (number),
#include "abi/msrs.def"
	};
	uint32_t number = numbers[input_byte(input) % (sizeof(numbers) / sizeof(numbers[0]))];

	(void)msr_write(vp, number, grammar_word(input));
}

static void step(struct fake *fake, struct input *input)
{
	uint8_t how = input_byte(input);
	struct vp *vp = fake_vp(fake, (how >> 2 & 3) % VPS);

	switch (how >> 4) {
	case 9:
		step_poke(fake, input);
		break;
	case 10:
		step_page(vp, input);
		break;
	case 11:
		fake_ram_hole_set(fake, gpn(how & 7), (how & 8) != 0);
		break;
	case 12:
		step_time(fake, input_byte(input));
		break;
	case 13:
		step_enter(fake, input_byte(input));
		break;
	case 14:
		step_msr(vp, input);
		break;
	case 15:
		fake->frames_until_failure = (how & 1) != 0 ? UINT32_MAX : how >> 1 & 7;
		break;
	default:
		step_call(fake, input, how);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct fake *fake = machine_make(&input);

	for (unsigned i = 0; i < STEPS_MAX && input.size != 0; i++) {
		step(fake, &input);
	}
	fake_hv_destroy(fake);
	return 0;
}
