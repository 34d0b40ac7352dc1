/* SPDX-License-Identifier: MIT */
/*
 * The synthetic debug device, as far as it can be seen without knowing who is at its other end.
 *
 * The specification has the numbers of the registers; what is in them is from Linux's KVM and QEMU's hv-syndbg. Where a
 * requirement needs somebody who takes bytes, or sends them back, and there is nobody, it is skipped.
 */
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"
#include "tools.h"

#define STACK_INTERFACE 0x40000081u
#define STACK_PROPERTIES 0x40000082u
#define INTERFACE_VS1 0x31235356u
#define HAS_DEBUG_DEVICE 0x2u

#define DO_SEND_8 (0x1ull | 8ull << 16)
#define DO_RECEIVE 0x2ull
#define SENT 0x1ull
#define RECEIVED 0x4ull
#define ROUNDS 64 /* what somebody may have sent us before has an end */

static uint64_t act(uint64_t control)
{
	wrmsr(MSR_DEBUG_CONTROL, control);
	return rdmsr(MSR_DEBUG_STATUS);
}

static volatile uint8_t *device_begin(void)
{
	memory_fill(scratch(0), 0x5A, PAGE_SIZE);
	memory_fill(scratch(2), 0, PAGE_SIZE);
	wrmsr(MSR_DEBUG_SEND, (uint64_t)scratch(0));
	wrmsr(MSR_DEBUG_RECEIVE, (uint64_t)scratch(1));
	wrmsr(MSR_DEBUG_PENDING, (uint64_t)scratch(2));
	return scratch(2);
}

static void device_end(void)
{
	wrmsr(MSR_DEBUG_SEND, 0);
	wrmsr(MSR_DEBUG_RECEIVE, 0);
	wrmsr(MSR_DEBUG_PENDING, 0);
}

/* Receives until nothing comes. The status of the last time. */
static uint64_t drain(void)
{
	uint64_t status = act(DO_RECEIVE);

	for (unsigned i = 0; i < ROUNDS && (status & RECEIVED) != 0; i++) {
		status = act(DO_RECEIVE);
	}
	return status;
}

void conform_msr_debug_device_told(void)
{
	static const uint32_t msrs[] = {MSR_DEBUG_CONTROL, MSR_DEBUG_STATUS, MSR_DEBUG_SEND,
					MSR_DEBUG_RECEIVE, MSR_DEBUG_PENDING};

	if (cpuid(STACK_INTERFACE).eax != INTERFACE_VS1 ||
	    (cpuid(STACK_PROPERTIES).eax & HAS_DEBUG_DEVICE) == 0) {
		skip_requirement("no leaf tells of a debug device");
		return;
	}
	for (unsigned i = 0; i < COUNT_OF(msrs); i++) {
		expect_equal(rdmsr_fault(msrs[i]), NO_FAULT, "reading register 0x%x", msrs[i]);
	}
}

void conform_msr_debug_device_registers(void)
{
	for (uint32_t msr = MSR_DEBUG_CONTROL; msr <= MSR_DEBUG_PENDING; msr++) {
		expect_equal(rdmsr_fault(msr), NO_FAULT, "reading register 0x%x", msr);
	}
	expect_equal(rdmsr_fault(MSR_DEBUG_OPTIONS), NO_FAULT, "reading the debug device options");
}

void conform_msr_debug_device_buffers(void)
{
	device_begin();
	expect_equal(rdmsr(MSR_DEBUG_SEND), (uint64_t)scratch(0), "SYNTH_DEBUG_SEND_BUFFER");
	expect_equal(rdmsr(MSR_DEBUG_RECEIVE), (uint64_t)scratch(1), "SYNTH_DEBUG_RECEIVE_BUFFER");
	expect_equal(rdmsr(MSR_DEBUG_PENDING), (uint64_t)scratch(2), "SYNTH_DEBUG_PENDING_BUFFER");
	device_end();
	expect_equal(rdmsr(MSR_DEBUG_SEND), 0, "SYNTH_DEBUG_SEND_BUFFER, changed,");
}

static void read_buffer(void *value)
{
	*(uint64_t *)value = rdmsr(MSR_DEBUG_SEND);
}

void conform_msr_debug_device_shared(void)
{
	uint64_t theirs = 0;

	device_begin();
	smp_run(1, read_buffer, &theirs);
	expect_equal(theirs, (uint64_t)scratch(0), "SYNTH_DEBUG_SEND_BUFFER of another processor");
	device_end();
}

void conform_msr_debug_device_nothing(void)
{
	device_begin();
	uint64_t status = drain();

	if ((status & RECEIVED) != 0) {
		skip_requirement("the other end does not stop sending");
	} else {
		expect_equal(status & SENT, 0, "receiving says nothing about sending: bit 0 of the status");
		expect_equal(status >> 16, 0, "the size of what was not received");
	}
	device_end();
}

void conform_msr_debug_device_send(void)
{
	device_begin();
	uint64_t status = act(DO_SEND_8);

	if ((status & SENT) == 0) {
		skip_requirement("nobody takes what is sent: status 0x%lx", status);
	} else {
		expect_equal(status & RECEIVED, 0,
			     "sending says nothing about receiving: bit 2 of the status");
	}
	drain();
	device_end();
}

/* Only where what is sent comes back at once. */
void conform_msr_debug_device_pending(void)
{
	volatile uint8_t *waits = device_begin();

	if ((drain() & RECEIVED) != 0 || (act(DO_SEND_8) & SENT) == 0 || (act(DO_RECEIVE) & RECEIVED) == 0) {
		skip_requirement("what is sent does not come back at once");
		device_end();
		return;
	}
	act(DO_SEND_8);
	expect(*waits != 0, "while something waits the pending byte is set");
	uint64_t status = act(DO_RECEIVE);

	expect(status & RECEIVED, "and something is received: status 0x%lx", status);
	expect_equal(status >> 16 & 0xFFFF, 8, "the number of bytes received");
	expect(memory_is(scratch(1), 0x5A, 8), "they are those that were sent");
	expect_equal(*waits, 0, "afterwards the pending byte");
	device_end();
}
