/* SPDX-License-Identifier: MIT */
/*
 * The synthetic debug device, with a hypervisor that sends back what it gets (debug-channel=loopback), or without one.
 *
 * Checked: leaves 0x40000080 to 0x40000082 tell of it; its registers belong to the partition and keep what is written;
 * bytes come back whole and in order; the pending byte is set while something waits; the calls 0x0069 to 0x006B lead to
 * the same channel; sending is all or nothing; buffers that are none, that end in their middle, that may not be written,
 * devices and the hypervisor's memory are no success and harm nobody; two processors at once; the options as register
 * 0x260. Without the device its registers raise #GP and its leaves are zero.
 *
 * Says who: TLFS 5.0C, Appendix C, for the registers' numbers; Linux's KVM and QEMU's hv-syndbg for what is in them.
 * CHOICE of Verdigris, docs/decisions/0026-debug-device.md: what a bad buffer, a large size and both commands at once do.
 *
 * Run: --smp 2 --option debug-channel=loopback
 * Run: --smp 1
 * Covers: 0x400000F1, 0x400000F2, 0x400000F3, 0x400000F4, 0x400000F5, 0x400000FF, 0x40000003.EAX, 0x40000003.EDX,
 *         0x40000080.EAX, 0x40000080.EBX, 0x40000080.ECX, 0x40000080.EDX, 0x40000081.EAX, 0x40000082.EAX,
 *         HV_REGISTER_DEBUG_DEVICE_OPTIONS
 */
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define CONTROL 0x400000F1u
#define STATUS 0x400000F2u
#define SEND 0x400000F3u
#define RECEIVE 0x400000F4u
#define PENDING 0x400000F5u
#define OPTIONS 0x400000FFu

#define DO_SEND(size) (1ull | (uint64_t)(size) << 16)
#define DO_RECEIVE 2ull
#define SENT 1ull
#define RECEIVED(size) (4ull | (uint64_t)(size) << 16)

#define USE_HYPERCALLS 4u
#define REGISTER_OPTIONS 0x260u
#define CALL_GET 0x0050u
#define CALL_SET 0x0051u
#define CALL_POST 0x0069u
#define CALL_RETRIEVE 0x006Au
#define CALL_RESET 0x006Bu

#define LOCAL_APIC 0xFEE00000u
#define IO_APIC 0xFEC00000u

static uint8_t *out, *in, *flag;
static uint64_t *block, *answer;

static uint64_t act(uint64_t control)
{
	wrmsr(CONTROL, control);
	return rdmsr(STATUS);
}

static void fill(uint32_t seed, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		out[i] = (uint8_t)(seed + i * 7);
	}
}

static bool filled(const uint8_t *data, uint32_t seed, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (data[i] != (uint8_t)(seed + i * 7)) {
			return false;
		}
	}
	return true;
}

static uint8_t waits(void)
{
	return *(volatile uint8_t *)flag;
}

/* --- What tells of it ------------------------------------------------------------------------------------------- */

static void test_leaves(void)
{
	struct cpuid range = cpuid(0x40000080), interface = cpuid(0x40000081);
	struct cpuid properties = cpuid(0x40000082);

	check(range.eax >= 0x40000082 && range.eax < 0x40000100, "the stack's last leaf is 0x%x", range.eax);
	check(range.ebx == 0x7263694D && range.ecx == 0x666F736F && range.edx == 0x53562074,
	      "its vendor reads 'Microsoft VS'");
	check_equal(interface.eax, 0x31235356, "its interface is VS#1");
	check_equal(properties.eax & 2, 2, "leaf 0x40000082 says that there is a debug device");
	check_equal(properties.eax & 0xC, 0, "and nothing about I/O APICs and a confidential bus");
}

static void test_absent(void)
{
	static const uint32_t msrs[] = {CONTROL, STATUS, SEND, RECEIVE, PENDING, OPTIONS};
	unsigned answered = 0;
	struct cpuid properties = cpuid(0x40000082);

	for (unsigned i = 0; i < 6; i++) {
		answered += rdmsr_fault(msrs[i]) != FAULT_GP || wrmsr_safe(msrs[i], 0) != FAULT_GP;
	}
	check_equal(answered, 0, "without the device all six registers raise #GP, reading and writing");
	check_equal(properties.eax & 2, 0, "and no leaf says that there is one");
}

/* --- Registers -------------------------------------------------------------------------------------------------- */

static void test_registers(void)
{
	static const uint32_t words[] = {SEND, RECEIVE, PENDING, OPTIONS};
	unsigned wrong = 0;

	for (unsigned i = 0; i < 4; i++) {
		wrong += rdmsr(words[i]) != 0;
		wrmsr(words[i], 0xFFFFFFFFFFFFF000ull + i);
	}
	check_equal(wrong, 0, "buffers and options are zero at first");
	for (unsigned i = 0; i < 4; i++) {
		wrong += rdmsr(words[i]) != 0xFFFFFFFFFFFFF000ull + i;
		wrmsr(words[i], 0);
	}
	check_equal(wrong, 0, "they keep what is written");
	check_equal(rdmsr(STATUS), 0, "so is the status");
	check_equal(wrmsr_safe(STATUS, 0), FAULT_GP, "which cannot be written");
	wrmsr(CONTROL, 0xFFFC);
	check_equal(rdmsr(CONTROL), 0xFFFC, "the control register reads back");
	check_equal(rdmsr(STATUS), 0, "bits that mean nothing do nothing");
}

static void test_options(void)
{
	wrmsr(OPTIONS, USE_HYPERCALLS);
	check_equal(rdmsr(OPTIONS), USE_HYPERCALLS, "the options keep what is written");
	if (!hv_has_ebx(HV_EBX_VP_REGISTERS)) {
		skip("not advertised", "the options as a register of the VP");
		return;
	}
	block[0] = 0xFFFFFFFFFFFFFFFFull;
	block[1] = 0xFFFFFFFE;
	block[2] = REGISTER_OPTIONS;
	check_equal(hv_call(CALL_GET | HV_CONTROL_REPS(1), (uint64_t)block, (uint64_t)answer),
		    HV_CONTROL_REPS(1), "register 0x260 can be read");
	check_equal(answer[0], USE_HYPERCALLS, "and is the same");
	block[3] = 0;
	block[4] = 1;
	block[5] = 0;
	check_equal(hv_call(CALL_SET | HV_CONTROL_REPS(1), (uint64_t)block, 0), HV_CONTROL_REPS(1),
		    "it can be written");
	check_equal(rdmsr(OPTIONS), 1, "and is the same");
	wrmsr(OPTIONS, 0);
}

/* --- There and back --------------------------------------------------------------------------------------------- */

static void test_some(void)
{
	memory_fill(in, 0xCC, PAGE_SIZE);
	check_equal(act(DO_RECEIVE), 0, "nothing waits: nothing is received");
	check_equal(waits(), 0, "the pending byte says the same");
	check(memory_is(in, 0xCC, PAGE_SIZE), "the buffer is as it was");
	fill(1, 100);
	check_equal(act(DO_SEND(100)), SENT, "100 bytes are sent");
	check_equal(waits(), 1, "and come back: the pending byte is set");
	check_equal(act(DO_RECEIVE), RECEIVED(100), "100 are received");
	check(filled(in, 1, 100), "the same ones");
	check(memory_is(in + 100, 0xCC, PAGE_SIZE - 100), "and nothing behind them");
	check_equal(waits(), 0, "then nothing waits");
	check_equal(act(DO_SEND(0)), SENT, "nothing can be sent");
	check_equal(waits(), 0, "and does not come back");
	check_equal(act(DO_SEND(9) | DO_RECEIVE), SENT | RECEIVED(9), "both at once: it sends first");
}

/* Far more than any buffer holds, in pieces that do not divide it. */
static void test_many(void)
{
	uint32_t sent = 0, got = 0;
	bool right = true;

	for (unsigned round = 0; round < 40; round++) {
		for (uint32_t i = 0; i < 1000; i++) {
			out[i] = (uint8_t)((sent + i) * 31);
		}
		right = right && act(DO_SEND(1000)) == SENT;
		sent += 1000;
		wrmsr(RECEIVE, (uint64_t)in + PAGE_SIZE - 777);
		for (uint64_t status = act(DO_RECEIVE); (status & 4) != 0; status = act(DO_RECEIVE)) {
			for (uint32_t i = 0; i < status >> 16; i++, got++) {
				right = right && in[PAGE_SIZE - 777 + i] == (uint8_t)(got * 31);
			}
		}
	}
	wrmsr(RECEIVE, (uint64_t)in);
	check_equal(got, sent, "40000 bytes come back, up to 777 at once");
	check(right, "in order");
}

static void test_full(void)
{
	unsigned sends = 0;
	uint64_t back = 0;

	while (sends < 100 && act(DO_SEND(PAGE_SIZE)) == SENT) {
		sends++;
	}
	check_between(sends, 1, 99, "the channel is full after %u pages", sends);
	check_equal(act(DO_SEND(1)), 0, "then sending is no success");
	for (uint64_t status = act(DO_RECEIVE); (status & 4) != 0; status = act(DO_RECEIVE)) {
		back += status >> 16;
	}
	check_equal(back, (uint64_t)sends * PAGE_SIZE,
		    "what was sent comes back, and nothing of what was not");
	check_equal(waits(), 0, "then nothing waits");
}

/* --- The other door --------------------------------------------------------------------------------------------- */

static void test_calls(void)
{
	if (!hv_has_ebx(HV_EBX_DEBUGGING)) {
		skip("not advertised", "the calls for the debug channel");
		return;
	}
	block[0] = 16;
	block[1] = 0x1122334455667788;
	block[2] = 0x99AABBCCDDEEFF00;
	check_equal(hv_call(CALL_POST, (uint64_t)block, (uint64_t)answer), HV_SUCCESS,
		    "16 bytes are posted by call");
	check_equal(waits(), 1, "the pending byte is set");
	check_equal(act(DO_RECEIVE), RECEIVED(16), "the device receives them");
	check(((uint64_t *)in)[0] == block[1] && ((uint64_t *)in)[1] == block[2], "the same ones");
	fill(9, 20);
	check_equal(act(DO_SEND(20)), SENT, "20 are sent");
	block[0] = 12;
	block[1] = 0;
	check_equal(hv_call(CALL_RETRIEVE, (uint64_t)block, (uint64_t)answer), HV_SUCCESS,
		    "and retrieved by call");
	check(answer[0] == (12 | 8ull << 32) && filled((uint8_t *)&answer[1], 9, 12),
	      "the first 12, and 8 remain");
	check_equal(waits(), 1, "which the pending byte says");
	check_equal(hv_call(CALL_RESET | HV_CONTROL_FAST, 1, 0), HV_SUCCESS, "they are purged");
	check_equal(waits(), 0, "and it is cleared");
}

/* --- Buffers ---------------------------------------------------------------------------------------------------- */

static void test_ends(void)
{
	check_equal(act(DO_SEND(PAGE_SIZE + 1)), 0, "more than a page is not sent");
	check_equal(act(DO_SEND(0xFFFF)), 0, "nor 65535 bytes");
	wrmsr(SEND, (uint64_t)out + PAGE_SIZE - 10);
	check_equal(act(DO_SEND(11)), 0, "nor what goes beyond the page");
	check_equal(act(DO_SEND(10)), SENT, "what reaches its end is");
	wrmsr(SEND, (uint64_t)out);
	memory_fill(in, 0xCC, 2 * PAGE_SIZE);
	wrmsr(RECEIVE, (uint64_t)in + PAGE_SIZE - 4);
	check_equal(act(DO_RECEIVE), RECEIVED(4), "as much is received as the page has room for");
	check(memory_is(in, 0xCC, PAGE_SIZE - 4) && memory_is(in + PAGE_SIZE, 0xCC, PAGE_SIZE),
	      "and nothing is written beside it");
	wrmsr(RECEIVE, (uint64_t)in);
	check_equal(act(DO_RECEIVE), RECEIVED(6), "the rest comes later");
}

static uint64_t hypervisor_memory(void)
{
	struct memory_range range;

	for (unsigned i = 0; memory_range_get(i, &range); i++) {
		if (range.type != MEMORY_USABLE && range.size >= 0x100000 && range.start >= 0x100000 &&
		    range.start <= memory_top() && range.start + range.size <= 0xC0000000) {
			return range.start;
		}
	}
	return 0;
}

static void test_no_buffer(uint64_t address, const char *what)
{
	wrmsr(SEND, address);
	check_equal(act(DO_SEND(8)), 0, "%s is not sent", what);
	wrmsr(SEND, (uint64_t)out);
	check_equal(act(DO_SEND(8)), SENT, "8 bytes are");
	wrmsr(RECEIVE, address);
	check_equal(act(DO_RECEIVE), 0, "and not received into %s", what);
	wrmsr(PENDING, address + 8);
	wrmsr(PENDING, (uint64_t)flag);
	check_equal(waits(), 1, "nor lost");
	wrmsr(RECEIVE, (uint64_t)in);
	check_equal(act(DO_RECEIVE), RECEIVED(8), "they come where there is a buffer");
}

static void test_bad_buffers(void)
{
	test_no_buffer(0, "address 0");
	test_no_buffer((1ull << memory_width()) - PAGE_SIZE, "the last page of the address width");
	test_no_buffer(1ull << 62, "an impossible address");
	test_no_buffer(LOCAL_APIC, "the local APIC");
	test_no_buffer(IO_APIC, "the I/O APIC");
	if (hypervisor_memory() != 0) {
		test_no_buffer(hypervisor_memory(), "the hypervisor's memory");
	}
}

/* The hypercall page can be read and not written. */
static void test_overlay(void)
{
	uint8_t *page = hv_hypercall_page();
	uint8_t first = page[0];

	wrmsr(SEND, (uint64_t)page);
	check_equal(act(DO_SEND(PAGE_SIZE)), SENT, "the hypercall page is sent");
	wrmsr(RECEIVE, (uint64_t)page);
	wrmsr(PENDING, (uint64_t)page);
	check_equal(act(DO_RECEIVE), 0, "and not received into");
	check(page[0] == first, "nor is a byte in it set");
	wrmsr(SEND, (uint64_t)out);
	wrmsr(RECEIVE, (uint64_t)in);
	check_equal(act(DO_RECEIVE), RECEIVED(PAGE_SIZE), "it comes back");
	bool equal = true;
	for (unsigned i = 0; i < PAGE_SIZE; i++) {
		equal = equal && in[i] == page[i];
	}
	check(equal, "as it is");
	wrmsr(PENDING, (uint64_t)flag);
}

static void test_pending(void)
{
	flag[0] = flag[1] = 0xCC;
	wrmsr(PENDING, (uint64_t)flag + 1);
	check(flag[0] == 0xCC && flag[1] == 0, "the pending byte is shown where it is put, and only there");
	fill(4, 4);
	act(DO_SEND(4));
	check(flag[0] == 0xCC && flag[1] == 1, "it is set there");
	wrmsr(PENDING, 0);
	act(DO_RECEIVE);
	check(flag[1] == 1, "at address 0 nothing is shown any more");
	wrmsr(PENDING, (uint64_t)flag);
	check_equal(waits(), 0, "back in its place it tells the truth at once");
}

/* --- Two processors --------------------------------------------------------------------------------------------- */

static void other_receives(void *status)
{
	*(uint64_t *)status = act(DO_RECEIVE);
}

static volatile bool stop;

static void other_hammers(void *rounds)
{
	while (!stop) {
		wrmsr(PENDING, (uint64_t)flag + 64 + *(unsigned *)rounds % 32);
		act(DO_SEND(*(unsigned *)rounds % 200) | DO_RECEIVE);
		++*(unsigned *)rounds;
	}
}

static void test_processors(void)
{
	static unsigned theirs;
	unsigned mine = 0;
	uint64_t status = 0;

	if (smp_start() < 2) {
		skip("one processor", "another one uses the device");
		return;
	}
	fill(3, 30);
	act(DO_SEND(30));
	smp_run(1, other_receives, &status);
	check_equal(status, RECEIVED(30), "another processor receives what this one sent");
	check(filled(in, 3, 30), "in the same buffer");
	check_equal(rdmsr(STATUS), RECEIVED(30), "this one sees its status");
	smp_post(1, other_hammers, &theirs);
	for (uint64_t end = rdtsc() + 400000000; rdtsc() < end && mine < 3000; mine++) {
		wrmsr(PENDING, (uint64_t)flag + 128 + mine % 32);
		act(DO_SEND(mine % 300) | DO_RECEIVE);
	}
	stop = true;
	check(smp_wait(1, 10000), "two use it at once, %u and %u times", mine, theirs);
	while (act(DO_RECEIVE) != 0) {
	}
	wrmsr(PENDING, (uint64_t)flag);
	fill(8, 50);
	check_equal(act(DO_SEND(50)), SENT, "afterwards it works as before");
	check_equal(waits(), 1, "pending byte and all");
	check_equal(act(DO_RECEIVE), RECEIVED(50), "and what is sent comes back");
	check(filled(in, 8, 50), "as it was");
}

/* Whoever is at the other end: only one that sends back at once can be tested with. */
static bool is_loop(void)
{
	uint64_t status;

	wrmsr(SEND, (uint64_t)out);
	wrmsr(RECEIVE, (uint64_t)in);
	act(DO_SEND(1));
	status = act(DO_RECEIVE);
	wrmsr(SEND, 0);
	wrmsr(RECEIVE, 0);
	return status == RECEIVED(1);
}

void test_main(void)
{
	out = page_alloc(1);
	in = page_alloc(2);
	flag = page_alloc(1);
	block = page_alloc(1);
	answer = page_alloc(1);
	if (!hv_enable_hypercalls() || !hv_has_eax(HV_EAX_DEBUG_MSRS) || !hv_has_edx(HV_EDX_DEBUG_MSRS)) {
		if (hv_present()) {
			test_absent();
		}
		skip("not advertised", "the debug device");
		return;
	}
	test_leaves();
	test_registers();
	test_options();
	if (!is_loop()) {
		skip("nobody sends back", "data through the debug device");
		return;
	}
	wrmsr(SEND, (uint64_t)out);
	wrmsr(RECEIVE, (uint64_t)in);
	wrmsr(PENDING, (uint64_t)flag);
	test_some();
	test_many();
	test_full();
	test_calls();
	test_ends();
	test_bad_buffers();
	test_overlay();
	test_pending();
	test_processors();
}
