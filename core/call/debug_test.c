/* SPDX-License-Identifier: MPL-2.0 */
/* HvInvokeHypervisorDebugger, HvPostDebugData, HvRetrieveDebugData, HvResetDebugSession: their blocks and statuses. */
#include "core/debug.h"

#include "abi/hv_hypercall.h"
#include "test/unit/caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct block {
	uint32_t count, other;
	union {
		uint64_t timeout;
		uint8_t data[4088];
	};
};

static struct block in, out;

static struct fake *machine_with_channel(void)
{
	struct fake *fake = caller_machine(1, UINT64_C(1) << 43);

	assert_true(debug_channel_open(fake_root(fake), true));
	memset(&in, 0, sizeof(in));
	return fake;
}

static uint64_t call(struct fake *fake, uint16_t code, uint32_t count, uint32_t options)
{
	in.count = count;
	in.other = options;
	uint64_t status = caller_call_with(fake_vp(fake, 0), code, &in, sizeof(in));

	assert_true(fake_guest_read(fake, CALLER_OUTPUT, &out, sizeof(out)));
	return status;
}

static uint64_t reset(struct fake *fake, uint64_t options)
{
	return caller_call_fast(fake_vp(fake, 0), 0x6b, &options, sizeof(options));
}

static void data_goes_out_and_comes_back(void **state)
{
	struct fake *fake = machine_with_channel();

	(void)state;
	memcpy(in.data, "debugger", 8);
	assert_int_equal(call(fake, 0x69, 8, 1), 0);
	assert_int_equal(out.count, 0);
	in.timeout = 1000;
	assert_int_equal(call(fake, 0x6a, 5, 3), 0);
	assert_int_equal(out.count, 5);
	assert_int_equal(out.other, 3);
	assert_memory_equal(out.data, "debug\0\0\0", 8);
	assert_int_equal(reset(fake, 3), 0);
	assert_int_equal(call(fake, 0x6a, 5, 0), 0x1b);
	assert_int_equal(call(fake, 0x6a, 5, 2), 0x1c);
	assert_int_equal(reset(fake, 3), 0x1b);
	fake_hv_destroy(fake);
}

static void as_much_as_a_page_holds(void **state)
{
	struct fake *fake = machine_with_channel();

	(void)state;
	for (unsigned i = 0; i < sizeof(in.data); i++) {
		in.data[i] = (uint8_t)(i * 11);
	}
	assert_int_equal(call(fake, 0x69, 4088, 0), 0);
	assert_int_equal(call(fake, 0x6a, 4088, 0), 0);
	assert_int_equal(out.count, 4088);
	for (unsigned i = 0; i < sizeof(in.data); i++) {
		assert_int_equal(out.data[i], (uint8_t)(i * 11));
	}
	assert_int_equal(call(fake, 0x69, 4089, 0), 5);
	assert_int_equal(call(fake, 0x6a, 4089, 0), 5);
	fake_hv_destroy(fake);
}

static void a_full_channel_refuses(void **state)
{
	struct fake *fake = machine_with_channel();

	(void)state;
	assert_int_equal(call(fake, 0x69, 4088, 0), 0);
	assert_int_equal(call(fake, 0x69, 4088, 0), 0);
	fake_snapshot(fake);
	assert_int_equal(call(fake, 0x69, 4088, 1), 0x13);
	assert_true(fake_unchanged_except(fake, CALLER_INPUT, sizeof(in)));
	fake_hv_destroy(fake);
}

static void options_are_checked(void **state)
{
	struct fake *fake = machine_with_channel();

	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t option = UINT32_C(1) << bit;

		assert_int_equal(call(fake, 0x69, 0, option), bit == 0 ? 0 : 5);
		assert_int_equal(call(fake, 0x6a, 0, option), bit == 0 ? 0x1b : bit == 1 ? 0x1c : 5);
		assert_int_equal(reset(fake, option), bit <= 1 ? 0x1b : 5);
	}
	assert_int_equal(reset(fake, 0), 5);
	fake_hv_destroy(fake);
}

static void without_a_channel_they_are_denied(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_C(1) << 43);

	(void)state;
	assert_int_equal(call(fake, 0x69, 0, 0), 8);
	assert_int_equal(call(fake, 0x6a, 0, 0), 8);
	assert_int_equal(reset(fake, 1), 8);
	/* What is wrong in any case is told first. */
	assert_int_equal(call(fake, 0x69, 4089, 0), 5);
	fake_hv_destroy(fake);
}

/* SPEC: "guest debugging support is not present": what bit 1 of 0x40000003 EDX tells. */
static void without_the_feature_they_are_unavailable(void **state)
{
	struct fake *fake = machine_with_channel();

	(void)state;
	fake_root(fake)->features &= ~UINT32_C(2);
	assert_int_equal(call(fake, 0x69, 4089, 0), 0x1e);
	assert_int_equal(call(fake, 0x6a, 1, 0), 0x1e);
	assert_int_equal(reset(fake, 0), 0x1e);
	fake_root(fake)->features = 2;
	assert_int_equal(call(fake, 0x69, 1, 0), 0);
	fake_hv_destroy(fake);
}

static void blocks_are_pages(void **state)
{
	struct fake *fake = machine_with_channel();

	(void)state;
	assert_int_equal(caller_call(fake_vp(fake, 0), 0x69, 0x2008, 0x3000), 4);
	assert_int_equal(caller_call(fake_vp(fake, 0), 0x6a, 0x2000, 0x3008), 4);
	fake_hv_destroy(fake);
}

static void no_debugger_is_attached(void **state)
{
	struct fake *fake = caller_machine(1, 0);
	const uint64_t reason[2] = {1, 2};

	(void)state;
	assert_int_equal(caller_call_fast(fake_vp(fake, 0), 0x0a, reason, sizeof(reason)), 0);
	assert_int_equal(caller_call_with(fake_vp(fake, 0), 0x0a, reason, sizeof(reason)), 0);
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_goes_out_and_comes_back),
		cmocka_unit_test(as_much_as_a_page_holds),
		cmocka_unit_test(a_full_channel_refuses),
		cmocka_unit_test(options_are_checked),
		cmocka_unit_test(without_a_channel_they_are_denied),
		cmocka_unit_test(without_the_feature_they_are_unavailable),
		cmocka_unit_test(blocks_are_pages),
		cmocka_unit_test(no_debugger_is_attached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
