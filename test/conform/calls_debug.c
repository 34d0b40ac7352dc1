/* SPDX-License-Identifier: MIT */
/* Debug sessions: HvPostDebugData (0x0069), HvRetrieveDebugData (0x006A), HvResetDebugSession (0x006B). */
#include "tools.h"

#define MOST 4088u
#define LOOP 1u
#define TEST_ACTIVITY 2u
#define PURGE_BOTH 3u
#define COUNT_AND_OPTIONS(count, options) ((uint64_t)(count) | (uint64_t)(options) << 32)

/* There may be no debugger's connection behind the privilege: then nothing can be tested. */
static bool session(void)
{
	const uint64_t words[2] = {COUNT_AND_OPTIONS(0, 0), 0};
	unsigned status = hv_status(call_blocks(CALL_POST_DEBUG, words, 2));

	if (status == STATUS_FEATURE_UNAVAILABLE || status == STATUS_OPERATION_DENIED ||
	    status == HV_INVALID_CODE) {
		skip_requirement("there is no debug session: status 0x%x", status);
		return false;
	}
	return true;
}

static uint64_t post(unsigned count, unsigned options)
{
	uint64_t words[512] = {COUNT_AND_OPTIONS(count, options)};

	for (unsigned i = 1; i < 512; i++) {
		words[i] = 0x6D726F666E6F6376; /* text, should somebody look at it */
	}
	return call_blocks(CALL_POST_DEBUG, words, 512);
}

static uint64_t retrieve(unsigned count, unsigned options)
{
	const uint64_t words[2] = {COUNT_AND_OPTIONS(count, options), 0};

	return call_blocks(CALL_RETRIEVE_DEBUG, words, 2);
}

static uint64_t reset(uint64_t options)
{
	return call_blocks(CALL_RESET_DEBUG, &options, 1);
}

void conform_calls_debug_post_query(void)
{
	if (session()) {
		expect_equal(hv_status(post(0, 0)), HV_SUCCESS, "posting nothing asks for what is pending");
		remark("%lu bytes are pending", output_word(0) & 0xFFFFFFFF);
	}
}

void conform_calls_debug_post(void)
{
	if (!session()) {
		return;
	}
	uint64_t result = post(8, 0);
	expect_equal(hv_status(result), HV_SUCCESS, "posting 8 bytes");
	expect_between(output_word(0) & 0xFFFFFFFF, 0, 1u << 30, "the number of bytes pending");
	expect_equal(hv_status(post(8, LOOP)), HV_SUCCESS, "with the option to say that one will try again");
}

void conform_calls_debug_post_too_much(void)
{
	if (session()) {
		expect_equal(hv_status(post(MOST + 1, 0)), HV_INVALID_PARAMETER, "posting 4089 bytes");
		expect_equal(hv_status(post(0xFFFFFFFF, 0)), HV_INVALID_PARAMETER, "posting 4 GiB");
	}
}

void conform_calls_debug_post_options(void)
{
	if (session()) {
		expect_equal(hv_status(post(0, 2)), HV_INVALID_PARAMETER, "posting with option 2");
		expect_equal(hv_status(post(0, 1u << 31)), HV_INVALID_PARAMETER,
			     "posting with option bit 31");
	}
}

void conform_calls_debug_retrieve_nothing(void)
{
	if (!session()) {
		return;
	}
	reset(PURGE_BOTH);
	expect_equal(hv_status(retrieve(MOST, 0)), STATUS_NO_DATA, "retrieving where nothing was received");
}

void conform_calls_debug_retrieve_too_much(void)
{
	if (session()) {
		expect_equal(hv_status(retrieve(MOST + 1, 0)), HV_INVALID_PARAMETER, "retrieving 4089 bytes");
	}
}

void conform_calls_debug_retrieve_options(void)
{
	if (session()) {
		expect_equal(hv_status(retrieve(0, 4)), HV_INVALID_PARAMETER, "retrieving with option 4");
	}
}

void conform_calls_debug_retrieve_activity(void)
{
	if (!session()) {
		return;
	}
	retrieve(MOST, 0);
	expect_equal(hv_status(retrieve(MOST, TEST_ACTIVITY)), STATUS_INACTIVE,
		     "nothing was received since the last time");
}

void conform_calls_debug_reset_options(void)
{
	if (session()) {
		expect_equal(hv_status(reset(0)), HV_INVALID_PARAMETER, "a reset of neither direction");
		expect_equal(hv_status(reset(4)), HV_INVALID_PARAMETER, "a reset with option 4");
		expect_equal(hv_status(reset(7)), HV_INVALID_PARAMETER, "a reset with options 1, 2 and 4");
	}
}

void conform_calls_debug_reset_twice(void)
{
	if (!session()) {
		return;
	}
	unsigned first = hv_status(reset(PURGE_BOTH));
	expect(first == HV_SUCCESS || first == STATUS_NO_DATA, "a reset of both directions: status 0x%x",
	       first);
	expect_equal(hv_status(reset(PURGE_BOTH)), STATUS_NO_DATA, "a second one finds nothing to purge");
}

void conform_calls_debug_reset_fast(void)
{
	if (session()) {
		expect_equal(hv_status(hv_call(CALL_RESET_DEBUG | HV_CONTROL_FAST, 0, 0)),
			     HV_INVALID_PARAMETER,
			     "with its input in a register, a reset of neither direction");
	}
}
