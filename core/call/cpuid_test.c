/* SPDX-License-Identifier: MPL-2.0 */
/* HvCallGetVpCpuidValues: it answers what CPUID would, element by element, about oneself alone, and can be continued. */
#include "core/cpuid.h"
#include "test/unit/caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define GET_CPUID 0x00f4
#define SELF UINT64_MAX
#define SELF_VP UINT32_C(0xfffffffe)
#define COUNT 5

enum {
	INVALID_PARAMETER = 5,
	INVALID_PARTITION = 0xd,
	INVALID_VP_INDEX = 0xe,
	INVALID_VP_STATE = 0x15,
};

struct question {
	uint64_t partition;
	uint32_t vp, flags;
	uint64_t reserved;
	uint32_t leaf[256][2];
};

static const uint32_t leaves[COUNT][2] = {
	{1, 0}, {0x40000003, 7}, {0xd, 2}, {0x8000001e, 0}, {0x40000001, 0}};

static struct fake *machine(void)
{
	struct fake *fake = caller_machine(4, 0);

	fake_cpuid_set(fake, 1, 0, (struct cpuid_result){1, 2, 3, 4});
	fake_cpuid_set(fake, 0xd, 2, (struct cpuid_result){5, 6, 7, 8});
	fake_cpuid_set(fake, 0x8000001e, 0, (struct cpuid_result){9, 10, 11, 12});
	return fake;
}

static uint64_t ask(struct fake *fake, uint32_t vp, const struct question *question, uint32_t count)
{
	return caller_call_with(fake_vp(fake, vp), caller_control(GET_CPUID, 0, count, 0), question,
				24 + 8 * (size_t)count);
}

static struct cpuid_result answer_at(struct fake *fake, uint32_t index)
{
	struct cpuid_result result;

	assert_true(fake_guest_read(fake, gpa(CALLER_OUTPUT.value + 16 * (uint64_t)index), &result,
				    sizeof(result)));
	return result;
}

static struct question ordinary(void)
{
	struct question question = {.partition = SELF, .vp = SELF_VP};

	memcpy(question.leaf, leaves, sizeof(leaves));
	return question;
}

static void it_answers_as_the_instruction_would(void **state)
{
	struct fake *fake = machine();
	struct question question = ordinary();

	(void)state;
	for (uint32_t vp = 0; vp < 4; vp++) {
		for (uint32_t flags = 0; flags < 4; flags++) {
			question.flags = flags;
			question.vp = flags < 2 ? SELF_VP : vp;
			question.partition = flags < 2 ? SELF : 1;
			assert_int_equal(ask(fake, vp, &question, COUNT), (uint64_t)COUNT << 32);
			for (uint32_t i = 0; i < COUNT; i++) {
				struct cpuid_result wanted =
					cpuid_answer(fake_vp(fake, vp), leaves[i][0], leaves[i][1]);
				struct cpuid_result got = answer_at(fake, i);

				assert_memory_equal(&got, &wanted, sizeof(got));
			}
			/* The APIC's id is this VP's. */
			assert_int_equal(answer_at(fake, 0).ebx >> 24, vp);
			assert_int_equal(answer_at(fake, 4).eax, 0x31237648);
		}
	}
	fake_hv_destroy(fake);
}

static void what_is_refused(void **state)
{
	struct fake *fake = machine();
	struct question question = ordinary();

	(void)state;
	question.partition = 2;
	assert_int_equal(ask(fake, 0, &question, COUNT), INVALID_PARTITION);
	question = ordinary();
	question.vp = 4;
	assert_int_equal(ask(fake, 0, &question, COUNT), INVALID_VP_INDEX);
	question.vp = 1;
	assert_int_equal(ask(fake, 0, &question, COUNT), INVALID_VP_STATE);
	for (unsigned bit = 2; bit < 32; bit++) {
		question = ordinary();
		question.flags = UINT32_C(1) << bit;
		assert_int_equal(ask(fake, 0, &question, COUNT), INVALID_PARAMETER);
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		question = ordinary();
		question.reserved = UINT64_C(1) << bit;
		assert_int_equal(ask(fake, 0, &question, COUNT), INVALID_PARAMETER);
	}
	fake_hv_destroy(fake);
}

/* The clock moves at each look: a few elements fit 50 microseconds. */
static void a_long_list_is_continued(void **state)
{
	struct fake *fake = machine();
	struct vp *vp = fake_vp(fake, 0);
	struct question question = ordinary();
	unsigned parts = 0;
	enum gate_result result;

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		question.leaf[i][0] = i % 2 == 0 ? 0x40000000 : 0x40000001;
	}
	assert_true(fake_guest_write(fake, CALLER_INPUT, &question, sizeof(question)));
	fake->tsc_step = FAKE_TSC_HZ / 20000 / 100;
	vp->gpr[GPR_RCX] = caller_control(GET_CPUID, 0, 256, 0);
	vp->gpr[GPR_RDX] = CALLER_INPUT.value;
	vp->gpr[GPR_R8] = CALLER_OUTPUT.value;
	while ((result = gate_hypercall(vp, true, true)) == GATE_CONTINUE) {
		parts++;
	}
	assert_int_equal(result, GATE_DONE);
	assert_in_range(parts, 2, 3);
	assert_int_equal(vp->gpr[GPR_RAX], UINT64_C(256) << 32);
	for (unsigned i = 0; i < 256; i++) {
		assert_int_equal(answer_at(fake, i).eax, i % 2 == 0 ? 0x40000006 : 0x31237648);
	}
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_answers_as_the_instruction_would),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(a_long_list_is_continued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
