/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the hypercall gate: any control word, any registers, any memory, from 64-bit and 32-bit code.
 *
 * An input is a row of calls: a byte (bit 0: 64-bit code, bit 1: which VP, bits 4:2: how much of page 2 is replaced, in
 * units of 32 bytes), control, two parameters, the bytes for page 2, which are also what XMM registers hold.
 * After each call: the status is one of those that calls may give, a continued call has got further, no register has
 * changed that may not, and no memory but the page that the output address names.
 */
#include "core/gate.h"
#include "abi/hv_hypercall.h"
#include "abi/hv_msr.h"
#include "abi/hv_privilege.h"
#include "core/msr.h"
#include "fake/fake.h"
#include "test/fuzz/input.h"

#include <stdlib.h>

#define RAM_PAGES 8
#define CALLS_MAX 32
#define CHECK_THAT(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake *machine_make(void)
{
	struct fake_options options = fake_options_default();

	options.vp_count = 2;
	options.ram_pages = RAM_PAGES;
	struct fake *fake = fake_hv_create_with(&options);

	CHECK_THAT(fake != NULL);
	CHECK_THAT(msr_write(fake_vp(fake, 0), HV_X64_MSR_GUEST_OS_ID, 1) == MSR_DONE);
	CHECK_THAT(msr_write(fake_vp(fake, 0), HV_X64_MSR_HYPERCALL, 0x1001) == MSR_DONE);
	CHECK_THAT(msr_write(fake_vp(fake, 0), HV_X64_MSR_VP_ASSIST_PAGE, 0x3001) == MSR_DONE);
	for (uint32_t i = 0; i < options.vp_count; i++) {
		CHECK_THAT(msr_write(fake_vp(fake, i), 0x80f, 0x1ff) == MSR_DONE);
	}
	return fake;
}

struct request {
	bool long_mode;
	uint64_t control, input, output;
};

static void registers_set(struct vp *vp, const struct request *request)
{
	for (unsigned i = 0; i < GPR_COUNT; i++) {
		vp->gpr[i] = UINT64_C(0x0101010101010101) * i;
	}
	if (request->long_mode) {
		vp->gpr[GPR_RCX] = request->control;
		vp->gpr[GPR_RDX] = request->input;
		vp->gpr[GPR_R8] = request->output;
	} else {
		vp->gpr[GPR_RDX] = request->control >> 32;
		vp->gpr[GPR_RAX] = request->control & UINT32_MAX;
		vp->gpr[GPR_RBX] = request->input >> 32;
		vp->gpr[GPR_RCX] = request->input & UINT32_MAX;
		vp->gpr[GPR_RDI] = request->output >> 32;
		vp->gpr[GPR_RSI] = request->output & UINT32_MAX;
	}
}

static bool may_change(const struct request *request, unsigned gpr, enum gate_result result)
{
	if (!request->long_mode) {
		return gpr == GPR_RAX || gpr == GPR_RDX;
	}
	return gpr == (result == GATE_CONTINUE ? GPR_RCX : GPR_RAX);
}

static void registers_check(const struct vp *vp, const uint64_t *before, const struct request *request,
			    enum gate_result result)
{
	for (unsigned i = 0; i < GPR_COUNT; i++) {
		CHECK_THAT(vp->gpr[i] == before[i] || may_change(request, i, result));
	}
}

static uint64_t result_of(const struct vp *vp, const struct request *request)
{
	return request->long_mode ? vp->gpr[GPR_RAX] : vp->gpr[GPR_RDX] << 32 | vp->gpr[GPR_RAX];
}

static void result_check(uint64_t value, uint64_t control)
{
	uint64_t status = value & HV_RESULT_STATUS_MASK;
	uint64_t reps = (value & HV_RESULT_REPS_MASK) >> HV_RESULT_REPS_SHIFT;

	CHECK_THAT((value & ~(HV_RESULT_STATUS_MASK | HV_RESULT_REPS_MASK)) == 0);
	CHECK_THAT(status == HV_STATUS_SUCCESS ||
		   (status >= HV_STATUS_INVALID_HYPERCALL_CODE && status <= HV_STATUS_ACCESS_DENIED));
	CHECK_THAT(reps <= hv_control_rep_count(control));
	CHECK_THAT(status != HV_STATUS_SUCCESS || reps == hv_control_rep_count(control));
}

static void memory_remember(struct fake *fake, uint8_t *copy)
{
	for (uint64_t page = 0; page < RAM_PAGES; page++) {
		memcpy(copy + page * PAGE_SIZE, fake_ram_page(fake, gpn(page)), PAGE_SIZE);
	}
}

static void memory_check(struct fake *fake, const uint8_t *copy, const struct request *request)
{
	for (uint64_t page = 0; page < RAM_PAGES; page++) {
		CHECK_THAT(page == request->output >> PAGE_SHIFT ||
			   memcmp(copy + page * PAGE_SIZE, fake_ram_page(fake, gpn(page)), PAGE_SIZE) == 0);
	}
}

static void call_make(struct vp *vp, const struct request *request)
{
	uint64_t before[GPR_COUNT];
	uint32_t reached = hv_control_rep_start(request->control);
	enum gate_result result;

	registers_set(vp, request);
	memcpy(before, vp->gpr, sizeof(before));
	while ((result = gate_hypercall(vp, true, request->long_mode)) == GATE_CONTINUE) {
		uint64_t control = request->long_mode ? vp->gpr[GPR_RCX] : result_of(vp, request);

		registers_check(vp, before, request, result);
		CHECK_THAT(hv_control_rep_start(control) > reached);
		reached = hv_control_rep_start(control);
		memcpy(before, vp->gpr, sizeof(before));
	}
	CHECK_THAT(result == GATE_DONE);
	registers_check(vp, before, request, result);
	result_check(result_of(vp, request), request->control);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t memory[RAM_PAGES * PAGE_SIZE];
	struct fake *fake = machine_make();
	struct input input = {data, size};

	for (unsigned call = 0; call < CALLS_MAX && input.size != 0; call++) {
		uint8_t how = input_byte(&input);
		struct vp *vp = fake_vp(fake, how >> 1 & 1);
		struct request request = {.long_mode = (how & 1) != 0};
		uint8_t block[7 * 32] = {0};

		request.control = input_word(&input);
		request.input = input_word(&input);
		request.output = input_word(&input);
		input_take(&input, block, (how >> 2 & 7) * 32u);
		memcpy(fake_ram_page(fake, gpn(2)), block, sizeof(block));
		for (unsigned i = 0; i < 6; i++) {
			fake_xmm_set(vp, i, block + 16 * (size_t)i);
		}
		memory_remember(fake, memory);
		call_make(vp, &request);
		memory_check(fake, memory, &request);
	}
	CHECK_THAT(!fake_nested_stale(fake));
	fake_hv_destroy(fake);
	return 0;
}
