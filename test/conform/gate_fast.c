/* SPDX-License-Identifier: MIT */
/* Input and output in registers: two of them, and with XMM0 to XMM5 up to 112 bytes. */
#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"
#include "gate_registers.h"

#define VECTOR 0x62
#define SIMPLE (HV_CALL_LONG_SPIN | HV_CONTROL_FAST)
#define SPACE (HV_CALL_FLUSH_SPACE | HV_CONTROL_FAST)
#define LIST (HV_CALL_FLUSH_LIST | HV_CONTROL_FAST)
#define MOST_REPS 11 /* 24 bytes and 11 words are 112 bytes */

static struct registers in, out;

static uint64_t call(void)
{
	registers_call(&in, &out);
	return out.gpr[REGISTER_RAX];
}

void conform_gate_fast(void)
{
	expect_equal(hv_status(hv_call(SIMPLE, 1, 0)), HV_SUCCESS, "a call with its input in RDX");
	expect_equal(hv_status(hv_call(SIMPLE, 0x7FFFFFF3, ~0ull)), HV_SUCCESS,
		     "what is no address is not taken for one");
}

/* The same input in memory and in registers has the same answer, whatever that is. */
static void expect_same_answer(uint64_t flags, uint64_t mask, const char *what)
{
	const uint64_t words[3] = {read_cr3(), flags, mask};
	unsigned in_memory = hv_status(call_blocks(HV_CALL_FLUSH_SPACE, words, 3));

	registers_prepare(&in, SPACE, words[0], words[1]);
	in.xmm[0] = words[2];
	expect_equal(hv_status(call()), in_memory, "%s: status in registers as in memory", what);
}

void conform_gate_xmm_input(void)
{
	registers_prepare(&in, SPACE, read_cr3(), 0);
	in.xmm[0] = vp_bit_of(0);
	expect_equal(hv_status(call()), HV_SUCCESS, "a flush with its processor mask in XMM0");
	expect_same_answer(0, 0, "an empty mask");
}

void conform_gate_xmm_input_flags_in_r8(void)
{
	expect_same_answer(HV_FLUSH_ALL_PROCESSORS, 0, "flag 1");
	expect_same_answer(1ull << 62, vp_bit_of(0), "a reserved flag");
}

static void prepare_list(unsigned reps)
{
	registers_prepare(&in, LIST | HV_CONTROL_REPS(reps), read_cr3(), 0);
	in.xmm[0] = vp_bit_of(0);
	for (unsigned i = 1; i < 12; i++) {
		in.xmm[i] = (uint64_t)i << 20;
	}
}

void conform_gate_xmm_input_list(void)
{
	prepare_list(1);
	expect_equal(call(), HV_CONTROL_REPS(1), "a list of one range in XMM0");
	prepare_list(MOST_REPS);
	expect_equal(call(), HV_CONTROL_REPS(MOST_REPS), "a list that fills XMM5");
}

void conform_gate_xmm_input_too_large(void)
{
	prepare_list(MOST_REPS + 1);
	expect_refused(call(), "a list that needs 120 bytes");
}

void conform_gate_xmm_input_variable(void)
{
	registers_prepare(&in, HV_CALL_SEND_IPI_EX | HV_CONTROL_FAST | HV_CONTROL_VARIABLE(1), VECTOR,
			  HV_SET_SPARSE);
	in.xmm[0] = 1;
	in.xmm[1] = vp_bit_of(0);
	irq_forget();
	expect_equal(hv_status(call()), HV_SUCCESS, "an IPI with its processor set in XMM0");
	interrupts_on();
	interrupts_off();
	expect_equal(this_cpu()->irq_count[VECTOR], 1, "interrupts that came of it");
}

void conform_gate_xmm_input_unchanged(void)
{
	prepare_list(MOST_REPS);
	call();
	registers_expect_same(&in, &out, true);
}

static void call_guarded(void *unused)
{
	(void)unused;
	call();
}

void conform_gate_xmm_input_unadvertised(void)
{
	if ((cpuid(HV_LEAF_FEATURES).edx & HV_EDX_XMM_INPUT) != 0) {
		skip_requirement("it is advertised");
		return;
	}
	registers_prepare(&in, SPACE, read_cr3(), 0);
	in.xmm[0] = vp_bit_of(0);
	expect_equal(guarded_call(call_guarded, NULL), FAULT_UD, "input in XMM registers raises #UD");
}

void conform_gate_xmm_output_unadvertised(void)
{
	if ((cpuid(HV_LEAF_FEATURES).edx & 1u << 15) != 0) {
		skip_requirement("it is advertised");
		return;
	}
	registers_prepare(&in, HV_CALL_GET_PARTITION_ID | HV_CONTROL_FAST, 0, 0);
	expect_equal(guarded_call(call_guarded, NULL), FAULT_UD, "output in registers raises #UD");
}

/* Without input the output begins in the first register that input could be in. */
void conform_gate_xmm_output(void)
{
	uint64_t status = hv_status(call_blocks(HV_CALL_GET_PARTITION_ID, NULL, 0));

	registers_prepare(&in, HV_CALL_GET_PARTITION_ID | HV_CONTROL_FAST, 0x1111, 0x2222);
	expect_equal(hv_status(call()), status, "HvGetPartitionId in registers: status as in memory");
	expect_equal(out.gpr[REGISTER_RDX], output_word(0), "RDX is the id");
}

/* A header of 16 bytes, one name in XMM0, and the value in the next register. */
void conform_gate_xmm_output_list(void)
{
	registers_prepare(&in, CALL_GET_VP_REGISTERS | HV_CONTROL_FAST | HV_CONTROL_REPS(1), PARTITION_SELF,
			  VP_SELF);
	in.xmm[0] = 0x00040002; /* HvX64RegisterCr3 */
	expect_equal(call(), HV_CONTROL_REPS(1), "HvGetVpRegisters of one register, in registers");
	expect_equal(out.xmm[2], read_cr3(), "the low half of XMM1 is CR3");
	expect_equal(out.xmm[3], 0, "its high half is zero");
	expect_equal(out.xmm[0], in.xmm[0], "XMM0 still holds the name");
}
