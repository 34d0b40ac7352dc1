/* SPDX-License-Identifier: MIT */
/*
 * Signalling events. TLFS 6.0b, 11.5, 11.10.5 and 11.11.2.
 *
 * QEMU's test device ends the machine when it cannot set a flag, so what is to be refused is not tried on it.
 */
#include "conform.h"
#include "ports_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

#define LINK 0x29u /* and so the only flag of a link */
#define PORT 0x31u
#define SINT 7u
#define UNKNOWN 0x7Bu

static bool begin(void)
{
	if (!link_here()) {
		return false;
	}
	synic_on();
	sint_set(SINT, VECTOR);
	return link_event(LINK, SINT, vp_index_of(0));
}

/* A port with these flags, connected by its own number. */
static bool begin_with_flags(uint16_t base, uint16_t count)
{
	struct port_request request;

	if (!link_is_port()) {
		skip_requirement("this partition may not make ports");
		return false;
	}
	if (!ports_here()) {
		return false;
	}
	synic_on();
	sint_set(SINT, VECTOR);
	request = event_port(PORT, SINT);
	request.base = base;
	request.count = count;
	return expect_equal(port_create(&request), HV_SUCCESS, "an event port") &&
	       expect_equal(port_connect(PORT, PORT, PORT_EVENT), HV_SUCCESS, "connecting it");
}

static unsigned flags_set(void)
{
	unsigned count = 0;

	for (unsigned bit = 0; bit < 8 * PAGE_SIZE; bit++) {
		count += ((volatile uint8_t *)sief_page())[bit / 8] >> bit % 8 & 1;
	}
	return count;
}

void conform_ports_signal_sets_flag(void)
{
	if (begin()) {
		expect_equal(signal_event(LINK, 0), HV_SUCCESS, "signalling");
		expect(flag_comes(SINT, LINK), "the flag is set");
		expect_equal(flags_set(), 1, "flags set in the page");
		expect(interrupt_comes(VECTOR, 1), "it interrupts");
	}
}

void conform_ports_signal_fast(void)
{
	if (begin()) {
		expect_equal(signal_fast(LINK, 0), HV_SUCCESS, "signalling by a fast call");
		expect(flag_comes(SINT, LINK), "the flag is set");
	}
}

void conform_ports_signal_positions(void)
{
	static const uint16_t flags[] = {0, 7, 8, 63, 64, 1000, 2046};

	if (!begin_with_flags(0, FLAGS_PER_SINT - 1)) {
		return;
	}
	for (unsigned i = 0; i < COUNT_OF(flags); i++) {
		expect_equal(signal_event(PORT, flags[i]), HV_SUCCESS, "flag %u", flags[i]);
		expect_equal(event_flags(SINT)[flags[i] / 8], 1u << flags[i] % 8, "byte %u", flags[i] / 8);
		event_flags(SINT)[flags[i] / 8] = 0;
	}
	expect_equal(flags_set(), 0, "flags set elsewhere");
}

void conform_ports_signal_base(void)
{
	if (begin_with_flags(100, 10)) {
		expect_equal(signal_event(PORT, 0), HV_SUCCESS, "the first flag");
		expect_equal(signal_event(PORT, 9), HV_SUCCESS, "the last flag");
		expect(flag_is_set(SINT, 100), "flag 100 is set");
		expect(flag_is_set(SINT, 109), "flag 109 is set");
		expect_equal(flags_set(), 2, "flags set in the page");
	}
}

void conform_ports_signal_once(void)
{
	if (begin()) {
		expect_equal(signal_event(LINK, 0), HV_SUCCESS, "signalling");
		expect(interrupt_comes(VECTOR, 1), "it interrupts");
		expect_equal(signal_event(LINK, 0), HV_SUCCESS, "signalling while the flag is set");
		let_interrupts_in();
		expect_equal(taken(VECTOR), 1, "interrupts");
	}
}

void conform_ports_signal_again(void)
{
	if (begin()) {
		expect_equal(signal_event(LINK, 0), HV_SUCCESS, "signalling");
		expect(interrupt_comes(VECTOR, 1), "it interrupts");
		__atomic_fetch_and(&event_flags(SINT)[LINK / 8], 0, __ATOMIC_SEQ_CST);
		expect_equal(signal_event(LINK, 0), HV_SUCCESS, "signalling after the flag was cleared");
		expect(interrupt_comes(VECTOR, 2), "it interrupts again");
	}
}

void conform_ports_signal_each_flag(void)
{
	if (begin_with_flags(0, 64)) {
		expect_equal(signal_event(PORT, 3), HV_SUCCESS, "one flag");
		expect(interrupt_comes(VECTOR, 1), "it interrupts");
		expect_equal(signal_event(PORT, 4), HV_SUCCESS, "another one, while that is set");
		expect(interrupt_comes(VECTOR, 2), "it interrupts, too");
	}
}

void conform_ports_signal_beyond(void)
{
	if (begin_with_flags(100, 10)) {
		expect_equal(signal_event(PORT, 10), HV_INVALID_PARAMETER, "the flag behind the last");
		expect_equal(signal_event(PORT, 0xFFFF), HV_INVALID_PARAMETER, "flag 65535");
		expect_equal(flags_set(), 0, "flags set in the page");
	}
}

void conform_ports_signal_unknown(void)
{
	expect_equal(signal_event(UNKNOWN, 0), STATUS_INVALID_CONNECTION_ID,
		     "a connection that does not exist");
}

void conform_ports_signal_reserved_id_bits(void)
{
	if (begin_with_flags(0, 64)) {
		expect_equal(signal_event(0x1000000 | PORT, 0), STATUS_INVALID_CONNECTION_ID,
			     "a connection's id with bit 24 set");
	}
}

void conform_ports_signal_disconnected(void)
{
	if (begin_with_flags(0, 64)) {
		port_disconnect(PORT);
		expect_equal(signal_event(PORT, 0), STATUS_INVALID_CONNECTION_ID,
			     "a connection that is no more");
	}
}

void conform_ports_signal_to_deleted(void)
{
	if (begin_with_flags(0, 64)) {
		port_delete(PORT);
		expect_equal(signal_event(PORT, 0), STATUS_INVALID_PORT_ID,
			     "a connection whose port is deleted");
	}
}

void conform_ports_signal_to_message_port(void)
{
	if (!link_is_port()) {
		skip_requirement("this partition may not make ports");
	} else if (link_here() && link_message(PORT, SINT, vp_index_of(0))) {
		synic_on();
		expect_equal(signal_event(PORT, 0), STATUS_INVALID_PORT_ID, "a message port");
	}
}

void conform_ports_signal_masked(void)
{
	if (begin_with_flags(0, 64)) {
		sint_set(SINT, SINT_MASKED | VECTOR);
		expect_equal(signal_event(PORT, 0), STATUS_INVALID_SYNIC_STATE, "signalling a masked SINT");
		let_interrupts_in();
		expect_equal(taken(VECTOR), 0, "interrupts");
	}
}

void conform_ports_signal_polling(void)
{
	if (begin_with_flags(0, 64)) {
		sint_set(SINT, SINT_POLLING | SINT_MASKED | VECTOR);
		expect_equal(signal_event(PORT, 0), HV_SUCCESS, "signalling a SINT with Polling");
		expect(flag_comes(SINT, 0), "the flag is set");
		let_interrupts_in();
		expect_equal(taken(VECTOR), 0, "interrupts");
	}
}

void conform_ports_signal_synic_disabled(void)
{
	if (begin_with_flags(0, 64)) {
		wrmsr(MSR_SCONTROL, 0);
		expect_equal(signal_event(PORT, 0), STATUS_INVALID_SYNIC_STATE,
			     "signalling with SCONTROL.Enable clear");
		wrmsr(MSR_SCONTROL, 1);
		expect_equal(flags_set(), 0, "flags set in the page");
	}
}

void conform_ports_signal_siefp_disabled(void)
{
	if (begin_with_flags(0, 64)) {
		wrmsr(MSR_SIEFP, 0);
		expect_equal(signal_event(PORT, 0), STATUS_INVALID_SYNIC_STATE,
			     "signalling with SIEFP.Enable clear");
	}
}

static volatile bool there_set;

static void synic_on_there(void *unused)
{
	(void)unused;
	synic_on();
	sint_set(SINT, VECTOR);
}

static void look_there(void *unused)
{
	(void)unused;
	there_set = flag_comes(SINT, LINK);
}

void conform_ports_signal_to_other_vp(void)
{
	uint32_t before;

	if (!link_here()) {
		return;
	}
	smp_run(1, synic_on_there, NULL);
	synic_on();
	sint_set(SINT, VECTOR);
	before = cpus[1].irq_count[VECTOR];
	if (link_event(LINK, SINT, vp_index_of(1))) {
		expect_equal(signal_event(LINK, 0), HV_SUCCESS, "signalling another VP");
		smp_run(1, look_there, NULL);
		expect(there_set, "the flag is set there");
		expect(WAIT_FOR(cpus[1].irq_count[VECTOR] == before + 1, PATIENCE_MS), "it interrupts there");
		let_interrupts_in();
		expect_equal(flags_set(), 0, "flags set in our page");
		expect_equal(taken(VECTOR), 0, "interrupts here");
	}
}

void conform_ports_signal_to_any_vp(void)
{
	if (!link_is_port()) {
		skip_requirement("this partition may not make ports");
	} else if (link_here() && link_event(LINK, SINT, ANY_VP)) {
		synic_on();
		sint_set(SINT, VECTOR);
		expect_equal(signal_event(LINK, 0), HV_SUCCESS, "signalling any VP, of which one is able");
		expect(flag_comes(SINT, LINK), "the flag is set there");
	}
}
