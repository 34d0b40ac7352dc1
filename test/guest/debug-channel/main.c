/* SPDX-License-Identifier: MIT */
/*
 * The guest's end of a debug channel, with a hypervisor that sends back what it gets (debug-channel=loopback), or that
 * has no channel.
 *
 * Checked: bytes come back whole and in order, also across many calls; posting is all or nothing; what there is no room
 * for is refused; nothing to retrieve, nothing that has arrived, nothing to purge; counts and options; without a channel
 * every call is denied; breaking into the hypervisor's debugger does no harm.
 *
 * Says who: TLFS 2.0a, "Guest Debugging Support": HvPostDebugData, HvRetrieveDebugData, HvResetDebugSession; WDK 7,
 * HvInvokeHypervisorDebugger.
 *
 * Run: --option debug-channel=loopback
 * Run: --smp 1
 * Covers: HvPostDebugData, HvRetrieveDebugData, HvResetDebugSession, HvInvokeHypervisorDebugger, 0x40000003.EBX,
 *         0x40000003.EDX
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define CALL_INVOKE 0x000Au
#define CALL_POST 0x0069u
#define CALL_RETRIEVE 0x006Au
#define CALL_RESET 0x006Bu

#define LOOP 1u
#define TEST_ACTIVITY 2u
#define PURGE_IN 1u
#define PURGE_OUT 2u
#define MOST 4088u

#define INSUFFICIENT_BUFFERS 0x13u
#define NO_DATA 0x1Bu
#define INACTIVE 0x1Cu

struct block {
	uint32_t count, other;
	uint8_t data[MOST];
};

static struct block *in, *out;

static unsigned post(uint32_t count, uint32_t options)
{
	in->count = count;
	in->other = options;
	out->count = out->other = 0x5555;
	return hv_status(hv_call(CALL_POST, (uint64_t)in, (uint64_t)out));
}

static unsigned retrieve(uint32_t count, uint32_t options, uint64_t timeout)
{
	in->count = count;
	in->other = options;
	*(uint64_t *)in->data = timeout;
	out->count = out->other = 0x5555;
	return hv_status(hv_call(CALL_RETRIEVE, (uint64_t)in, (uint64_t)out));
}

static unsigned reset(uint32_t options)
{
	return hv_status(hv_call(CALL_RESET | HV_CONTROL_FAST, options, 0));
}

static void fill(uint8_t seed, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		in->data[i] = (uint8_t)(seed + i * 7);
	}
}

static bool filled(const uint8_t *data, uint8_t seed, uint32_t from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (data[i] != (uint8_t)(seed + (from + i) * 7)) {
			return false;
		}
	}
	return true;
}

static void test_parameters(void)
{
	check_equal(post(MOST + 1, 0), HV_INVALID_PARAMETER, "a post of 4089 bytes is refused");
	check_equal(post(1, 2), HV_INVALID_PARAMETER, "so is an unknown option");
	check_equal(retrieve(MOST + 1, 0, 0), HV_INVALID_PARAMETER, "so is retrieving as many");
	check_equal(retrieve(1, 4, 0), HV_INVALID_PARAMETER, "and an option of it");
	check_equal(reset(0), HV_INVALID_PARAMETER, "a reset of nothing is refused");
	check_equal(reset(4), HV_INVALID_PARAMETER, "and of something unknown");
}

static void test_nothing(void)
{
	check_equal(retrieve(MOST, 0, 0), NO_DATA, "nothing is there at first");
	check_equal(retrieve(MOST, TEST_ACTIVITY, 0), INACTIVE, "and nothing has arrived");
	check_equal(retrieve(MOST, LOOP, 1000), NO_DATA,
		    "waiting for a tenth of a millisecond changes nothing");
	check_equal(reset(PURGE_IN | PURGE_OUT), NO_DATA, "there is nothing to purge");
}

static void test_some(void)
{
	fill(1, 100);
	check_equal(post(100, LOOP), HV_SUCCESS, "100 bytes are posted");
	check_equal(out->count, 0, "and none of them waits: they are on their way back");
	check_equal(retrieve(40, TEST_ACTIVITY, 0), HV_SUCCESS, "40 are retrieved");
	check_equal(out->count, 40, "which the count says");
	check_equal(out->other, 60, "60 remain");
	check(filled(out->data, 1, 0, 40), "they are the first 40");
	check_equal(retrieve(0, 0, 0), HV_SUCCESS, "0 can be retrieved");
	check_equal(out->count, 0, "and are");
	check_equal(retrieve(MOST, TEST_ACTIVITY, 0), INACTIVE, "nothing has arrived since");
	check_equal(retrieve(MOST, 0, 0), HV_SUCCESS, "but there are more");
	check(out->count == 60 && out->other == 0 && filled(out->data, 1, 40, 60), "the other 60");
	check_equal(post(0, 0), HV_SUCCESS, "0 can be posted");
}

/* Far more than any buffer holds, in pieces that do not divide it. */
static void test_many(void)
{
	uint32_t sent = 0, got = 0;
	bool right = true;

	for (unsigned round = 0; round < 40; round++) {
		for (uint32_t i = 0; i < 1000; i++) {
			in->data[i] = (uint8_t)((sent + i) * 31);
		}
		right = right && post(1000, 0) == HV_SUCCESS;
		sent += 1000;
		while (retrieve(777, 0, 0) == HV_SUCCESS) {
			for (uint32_t i = 0; i < out->count; i++, got++) {
				right = right && out->data[i] == (uint8_t)(got * 31);
			}
		}
	}
	check_equal(got, sent, "40000 bytes come back");
	check(right, "in order");
}

static void test_full(void)
{
	unsigned posts = 0;
	uint32_t back = 0;

	fill(3, MOST);
	while (posts < 100 && post(MOST, 0) == HV_SUCCESS) {
		posts++;
	}
	check_between(posts, 1, 99, "the channel is full after %u posts of 4088 bytes", posts);
	check_equal(post(MOST, LOOP), INSUFFICIENT_BUFFERS, "then a post is refused");
	check_equal(out->count, 0x5555, "and gives no output");
	while (retrieve(MOST, 0, 0) == HV_SUCCESS) {
		back += out->count;
	}
	check_equal(back, posts * MOST, "what was posted comes back, and nothing of what was refused");
	fill(5, 10);
	check_equal(post(10, 0), HV_SUCCESS, "a full channel can be used again");
	check_equal(reset(PURGE_IN), HV_SUCCESS, "and be purged");
	check_equal(retrieve(MOST, 0, 0), NO_DATA, "then it is empty");
}

static void test_alignment(void)
{
	check_equal(hv_status(hv_call(CALL_POST, (uint64_t)in + 8, (uint64_t)out)), HV_INVALID_ALIGNMENT,
		    "a block that is no page is refused");
	check_equal(hv_status(hv_call(CALL_RETRIEVE, (uint64_t)in, (uint64_t)out + 8)), HV_INVALID_ALIGNMENT,
		    "also as output");
}

void test_main(void)
{
	in = page_alloc(1);
	out = page_alloc(1);
	if (!hv_enable_hypercalls() || !hv_has_ebx(HV_EBX_DEBUGGING)) {
		skip("not advertised", "the debug channel");
		return;
	}
	check(hv_has_edx(HV_EDX_GUEST_DEBUGGING), "support for debugging guests is told");
	check_equal(hv_call(CALL_INVOKE | HV_CONTROL_FAST, 1, 2), HV_SUCCESS,
		    "breaking into the hypervisor's debugger does no harm");
	test_parameters();
	if (post(0, 0) == HV_OPERATION_DENIED) {
		check_equal(retrieve(1, 0, 0), HV_OPERATION_DENIED, "without a channel nothing is retrieved");
		check_equal(reset(PURGE_IN), HV_OPERATION_DENIED, "nor purged");
		return;
	}
	test_nothing();
	test_some();
	test_many();
	test_full();
	test_alignment();
}
