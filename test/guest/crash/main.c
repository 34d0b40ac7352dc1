/* SPDX-License-Identifier: MIT */
/*
 * The guest crash registers: parameters P0 to P4 (0x40000100-104) and control (0x40000105).
 *
 * Checked: control reads as what can be done, notification (bit 63) and message (bit 62); the parameters keep all 64
 * bits; notifications with messages that point nowhere, are too long or straddle memory's end do no harm; a message
 * arrives on the hypervisor's console, which the runner checks.
 *
 * Says who: TLFS 6.0b, "Guest crash enlightenment". GUEST: Linux hands over the end of its log: P3 its address,
 * P4 its length, then writes both bits.
 *
 * Covers: 0x40000100, 0x40000101, 0x40000102, 0x40000103, 0x40000104, 0x40000105
 *
 * Log: verdigris guest test: crash text 4711
 * Log: second line of it
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define CRASH_NOTIFY (1ull << 63)
#define CRASH_MESSAGE (1ull << 62)
#define PARAMETERS 5

static const char text[] = "verdigris guest test: crash text 4711\nsecond line of it\n";

static void test_parameters(void)
{
	static const uint64_t values[] = {0, ~0ull, 0x0123456789ABCDEF};

	for (unsigned i = 0; i < PARAMETERS; i++) {
		bool good = true;
		for (unsigned v = 0; v < 3; v++) {
			wrmsr(HV_MSR_CRASH_P0 + i, values[v] + i);
			good = good && rdmsr(HV_MSR_CRASH_P0 + i) == values[v] + i;
		}
		check(good, "P%u keeps 64 bits", i);
	}
	bool separate = true;
	for (unsigned i = 0; i < PARAMETERS; i++) {
		separate = separate && rdmsr(HV_MSR_CRASH_P0 + i) == values[2] + i;
	}
	check(separate, "the five are separate");
}

static void notify(uint64_t address, uint64_t length)
{
	wrmsr_safe(HV_MSR_CRASH_P0 + 3, address);
	wrmsr_safe(HV_MSR_CRASH_P0 + 4, length);
	wrmsr_safe(HV_MSR_CRASH_CTL, CRASH_NOTIFY | CRASH_MESSAGE);
}

struct hostile {
	uint64_t address;
	uint64_t length;
	const char *what;
};

static const struct hostile hostiles[] = {
	{0xFFFFFFFFFFFFF000, 4096, "the last page of the address space"},
	{0xFFFFFFFFFFFFFFFF, ~0ull, "everything from the last byte on"},
	{1ull << 52, 4096, "an address of 53 bits"},
	{0xFEE00000, 4096, "the APIC"},
	{0xFEC00000, 64, "the I/O APIC"},
	{0xA0000000, 4096, "a hole"},
	{0x100000, ~0ull, "a length of 64 bits"},
	{0x100000, 4097, "a length beyond a page"},
	{0x100000, 0, "no length"},
};

static void test_hostile(void)
{
	for (unsigned i = 0; i < sizeof(hostiles) / sizeof(hostiles[0]); i++) {
		notify(hostiles[i].address, hostiles[i].length);
		check_equal(cpuid(HV_LEAF_INTERFACE).eax, 0x31237648, "a message at %s does no harm",
			    hostiles[i].what);
	}
	notify(memory_top() - 8, 4096);
	check(true, "nor does one across the end of memory");
	wrmsr_safe(HV_MSR_CRASH_CTL, 0);
	check(true, "nor a write of 0");
}

static void test_message(uint64_t capabilities)
{
	char *message = page_alloc(1);

	if ((capabilities & CRASH_MESSAGE) == 0) {
		skip("control bit 62 is clear", "messages");
		return;
	}
	for (unsigned i = 0; i < sizeof(text); i++) {
		((volatile char *)message)[i] = text[i];
	}
	for (unsigned i = 0; i < 3; i++) {
		wrmsr(HV_MSR_CRASH_P0 + i, 0);
	}
	notify((uint64_t)message, sizeof(text) - 1);
	check_equal(rdmsr(HV_MSR_CRASH_P0 + 3), (uint64_t)message, "P3 still reads as the message's address");
	check_equal(rdmsr(HV_MSR_CRASH_CTL), capabilities, "control reads as before");
}

void test_main(void)
{
	if (!hv_has_edx(HV_EDX_CRASH)) {
		skip("not advertised", "crash registers");
		return;
	}
	uint64_t capabilities = rdmsr(HV_MSR_CRASH_CTL);
	check((capabilities & CRASH_NOTIFY) != 0, "control offers notification");
	check_equal(capabilities & ~(CRASH_NOTIFY | CRASH_MESSAGE), 0, "and nothing unknown");
	test_parameters();
	test_hostile();
	test_message(capabilities);
}
