/* SPDX-License-Identifier: MIT */
/* The other instructions, and which is how frequent. See fuzzer.h. */
#include "fuzzer.h"

#include "../framework/apic.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/print.h"

/* Vectors that nothing else here uses. */
#define VECTOR_FIRST 0x40u
#define VECTOR_COUNT 16u

static void step_touch(struct stream *stream)
{
	uint64_t at = (uint64_t)playground.arena + stream_below(stream, ARENA_PAGES) * PAGE_SIZE;
	uint8_t how = stream_byte(stream);
	uint64_t value = stream_value(stream);

	/* Mostly where the hypervisor looks: the first word, message slots. */
	at += how < 128 ? (how & 15) * 256u : (how & 127) * 8u;
	TRACE(" touch %lx %lx", at, value);
	*(volatile uint64_t *)at = value;
}

static void step_look(struct stream *stream)
{
	uint64_t page = stream_page(stream);
	uint32_t value;

	/* Only what is mapped one to one; and reading registers of the I/O APIC changes nothing. */
	if (page < 0x200000000) {
		TRACE(" look %lx", page);
		read32_safe(page, &value);
	}
}

static void step_cpuid(struct stream *stream)
{
	static const uint32_t bases[] = {0, 0x40000000, 0x40000000, 0x80000000};
	uint32_t leaf = bases[stream_byte(stream) & 3] + (stream_byte(stream) & 31);
	uint32_t subleaf = stream_byte(stream) & 3;

	TRACE(" cpuid %x %x", leaf, subleaf);
	cpuid_sub(leaf, subleaf);
}

/* An interrupt for oneself, another or all, with a vector that is surely handled. */
static void step_ipi(struct stream *stream)
{
	static const uint32_t shorthands[] = {0, ICR_SELF, ICR_ALL, ICR_OTHERS};
	uint8_t pick = stream_byte(stream);
	uint32_t vector = VECTOR_FIRST + stream_byte(stream) % VECTOR_COUNT;
	uint32_t target = cpus[stream_byte(stream) % playground.processors].apic_id;

	TRACE(" ipi %x to %x", vector, target);
	if (apic_mode() != APIC_MODE_OFF) {
		apic_send(target, shorthands[pick & 3] | ICR_ASSERT | vector);
	}
}

/* Sleeps until an interrupt comes: its own, or the heartbeat. */
static void step_sleep(struct stream *stream)
{
	uint8_t how = stream_byte(stream);
	uint64_t ignored;

	if (!playground.has_heartbeat || apic_mode() == APIC_MODE_OFF) {
		return;
	}
	TRACE(" sleep %x", how);
	apic_send_self((uint8_t)(VECTOR_FIRST + how % VECTOR_COUNT));
	if ((how & 0x80) != 0) {
		rdmsr_safe(HV_MSR_GUEST_IDLE, &ignored);
	} else {
		halt_with_interrupts();
	}
}

static void user_hypercall(void *unused)
{
	struct call_registers registers = {.rcx = HV_CALL_LONG_SPIN | HV_CONTROL_FAST};

	(void)unused;
	call_64(&registers);
}

static void step_user(struct stream *stream)
{
	(void)stream;
	TRACE(" user");
	interrupts_off();
	user_call(user_hypercall, NULL);
}

/* Through the page, where it is. Not where another processor may move it meanwhile. */
static void step_page(struct stream *stream)
{
	uint64_t value = stream_value(stream);
	uint64_t page = 0;

	if (playground.processors > 1 || rdmsr_safe(HV_MSR_HYPERCALL, &page) != NO_FAULT || (page & 1) == 0) {
		return;
	}
	page &= ~(uint64_t)0xFFF;
	if (page != (uint64_t)hv_hypercall_page()) {
		return;
	}
	TRACE(" page %lx", value);
	hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, value, 0);
}

static void user_sidt(void *to)
{
	__asm__ volatile("sidt (%0)" ::"r"(to) : "memory");
}

/* Instructions that guests may not use, or not so: #UD or #GP, whatever the registers hold. And those that NPIEP forbids
 * user code. */
static void step_forbidden(struct stream *stream)
{
	uint64_t address = stream_page(stream);
	uint8_t which = stream_byte(stream);
	uint8_t *at = playground.arena + (which >> 4) % ARENA_PAGES * PAGE_SIZE + which;

	switch (which & 15) {
	case 0:
		__asm__ volatile("vmrun" ::"a"(address) : "memory");
		break;
	case 1:
		__asm__ volatile("vmload" ::"a"(address) : "memory");
		break;
	case 2:
		__asm__ volatile("vmsave" ::"a"(address) : "memory");
		break;
	case 3:
		__asm__ volatile("stgi" ::: "memory");
		break;
	case 4:
		__asm__ volatile("clgi" ::: "memory");
		break;
	case 5:
		__asm__ volatile("invlpga" ::"a"(address), "c"(0) : "memory");
		break;
	case 6:
		__asm__ volatile("monitor" ::"a"(address), "c"(0), "d"(0) : "memory");
		break;
	case 7:
		__asm__ volatile("rdpmc" ::"c"((uint32_t)address) : "rax", "rdx");
		break;
	case 8:
		__asm__ volatile("ud2");
		break;
	case 9:
		__asm__ volatile("sgdt (%0)" ::"r"(at) : "memory");
		break;
	case 10:
		__asm__ volatile("sldt (%0)" ::"r"(at) : "memory");
		break;
	case 11:
		__asm__ volatile("str %%rax" ::: "rax");
		break;
	case 12:
		interrupts_off();
		user_call(user_sidt, at);
		break;
	default:
		__asm__ volatile("wbinvd" ::: "memory");
		break;
	}
}

static void step_control_register(struct stream *stream)
{
	uint8_t how = stream_byte(stream);

	TRACE(" cr %x", how);
	if (how < 160) {
		write_cr8(how & 15);
	} else if (how < 224) {
		write_cr3(read_cr3());
	} else {
		invlpg(playground.arena + (how & 7) * PAGE_SIZE);
	}
}

void step_execute(struct stream *stream)
{
	uint8_t opcode = stream_byte(stream);
	bool open = (stream_byte(stream) & 1) != 0;

	if (open) {
		interrupts_on();
	}
	if (opcode < 112) {
		step_call(stream);
	} else if (opcode < 194) {
		step_msr(stream);
	} else if (opcode < 212) {
		step_touch(stream);
	} else if (opcode < 216) {
		step_look(stream);
	} else if (opcode < 224) {
		step_apic_page(stream);
	} else if (opcode < 230) {
		step_cpuid(stream);
	} else if (opcode < 238) {
		step_ipi(stream);
	} else if (opcode < 239) {
		step_sleep(stream);
	} else if (opcode < 241) {
		step_user(stream);
	} else if (opcode < 244) {
		step_page(stream);
	} else if (opcode < 248) {
		step_forbidden(stream);
	} else {
		step_control_register(stream);
	}
	interrupts_off();
}
