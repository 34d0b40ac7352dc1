/* SPDX-License-Identifier: MIT */
/*
 * HvStartVirtualProcessor (0x0099): a processor that INIT has put to waiting starts with the registers one likes.
 *
 * Processor 1 of the framework is taken for it and started again in the ordinary way afterwards.
 */
#include "../guest/framework/clock.h"
#include "processors.h"

#define OTHER_PARTITION 0x123456789ABCDEFull
#define CONTEXT_WORDS 30 /* header of 16 bytes and 224 of context */

/* Places of the context's words in the input. */
enum {
	RIP = 2,
	RSP = 3,
	RFLAGS = 4,
	SEGMENTS = 5, /* CS DS ES FS GS SS TR LDTR, two words each */
	IDTR = 21,
	GDTR = 23,
	EFER = 25,
	CR0 = 26,
	CR3 = 27,
	CR4 = 28,
	PAT = 29,
};

#define SEGMENT(selector, attributes)                                                                        \
	(0xFFFFFFFFull | (uint64_t)(selector) << 32 | (uint64_t)(attributes) << 48)
#define CODE_64 0xA09Bu
#define DATA 0xC093u
#define BUSY_TSS 0x008Bu
#define LDT 0x0082u
#define PAT_OF_RESET 0x0007040600070406ull

/* What the started processor found; offsets as in the assembly below. */
struct arrival {
	volatile uint64_t rsp, rflags, cr0, cr3, cr4, cs, ss, gdt_base, idt_base, efer, pat, done;
	volatile uint8_t table[16];
};

static struct arrival arrival;
static uint64_t stack[64];

/* Where it starts: no C before this is over. */
__attribute__((naked)) static void arrive(void)
{
	__asm__ volatile("leaq %0, %%rbx\n"
			 "movq %%rsp, (%%rbx)\n pushfq\n popq 8(%%rbx)\n"
			 "movq %%cr0, %%rax\n movq %%rax, 16(%%rbx)\n"
			 "movq %%cr3, %%rax\n movq %%rax, 24(%%rbx)\n"
			 "movq %%cr4, %%rax\n movq %%rax, 32(%%rbx)\n"
			 "xorl %%eax, %%eax\n movw %%cs, %%ax\n movq %%rax, 40(%%rbx)\n"
			 "movw %%ss, %%ax\n movq %%rax, 48(%%rbx)\n"
			 "sgdt 96(%%rbx)\n movq 98(%%rbx), %%rax\n movq %%rax, 56(%%rbx)\n"
			 "sidt 96(%%rbx)\n movq 98(%%rbx), %%rax\n movq %%rax, 64(%%rbx)\n"
			 "movl $0xC0000080, %%ecx\n rdmsr\n movl %%eax, 72(%%rbx)\n movl %%edx, 76(%%rbx)\n"
			 "movl $0x277, %%ecx\n rdmsr\n movl %%eax, 80(%%rbx)\n movl %%edx, 84(%%rbx)\n"
			 "movq $1, 88(%%rbx)\n"
			 "1: cli\n hlt\n jmp 1b\n" ::"m"(arrival));
}

struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/* This processor's own state, with another RIP and RSP. */
static void context_fill(uint64_t words[CONTEXT_WORDS], uint64_t partition, uint64_t vp)
{
	struct table gdt, idt;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	__asm__ volatile("sidt %0" : "=m"(idt));
	for (unsigned i = 0; i < CONTEXT_WORDS; i++) {
		words[i] = 0;
	}
	words[0] = partition;
	words[1] = vp;
	words[RIP] = (uint64_t)arrive;
	words[RSP] = (uint64_t)&stack[64];
	words[RFLAGS] = 2;
	for (unsigned i = 0; i < 6; i++) {
		words[SEGMENTS + 2 * i + 1] =
			i == 0 ? SEGMENT(SELECTOR_CODE, CODE_64) : SEGMENT(SELECTOR_DATA, DATA);
	}
	words[SEGMENTS + 12] = (uint64_t)this_cpu()->tss;
	words[SEGMENTS + 13] = 103 | (uint64_t)SELECTOR_TSS << 32 | (uint64_t)BUSY_TSS << 48;
	words[SEGMENTS + 15] = 0xFFFF | (uint64_t)LDT << 48;
	words[IDTR] = (uint64_t)idt.limit << 48;
	words[IDTR + 1] = idt.base;
	words[GDTR] = (uint64_t)gdt.limit << 48;
	words[GDTR + 1] = gdt.base;
	words[EFER] = rdmsr(MSR_EFER);
	__asm__ volatile("movq %%cr0, %0" : "=r"(words[CR0]));
	words[CR3] = read_cr3();
	words[CR4] = read_cr4();
	words[PAT] = PAT_OF_RESET;
}

static uint64_t start(const uint64_t words[CONTEXT_WORDS])
{
	return call_blocks(CALL_START_VP, words, CONTEXT_WORDS);
}

/* INIT takes effect when the other processor notices it: until then it is one that runs. */
static unsigned start_waiting(const uint64_t words[CONTEXT_WORDS])
{
	unsigned status = STATUS_INVALID_VP_STATE;

	WAIT_FOR((status = hv_status(start(words))) != STATUS_INVALID_VP_STATE, 2000);
	return status;
}

/* Starts it; false where the call failed. Afterwards `arrival` is filled, and processor_restart() is due. */
static bool started(uint64_t words[CONTEXT_WORDS])
{
	context_fill(words, PARTITION_SELF, vp_index_of(1));
	arrival.done = 0;
	processor_stop();
	expect_equal(start_waiting(words), HV_SUCCESS, "starting a processor that waits");
	return expect(WAIT_FOR(arrival.done == 1, 2000), "it arrives");
}

void conform_startvp_arrives(void)
{
	uint64_t words[CONTEXT_WORDS];

	if (started(words)) {
		expect_equal(arrival.rsp, words[RSP], "RSP");
		expect_equal(arrival.cr3, words[CR3], "CR3");
	}
	processor_restart();
}

void conform_startvp_control_registers(void)
{
	uint64_t words[CONTEXT_WORDS];

	if (started(words)) {
		expect_equal(arrival.cr0, words[CR0], "CR0");
		expect_equal(arrival.cr4, words[CR4], "CR4");
		expect_equal(arrival.efer, words[EFER], "EFER");
		expect_equal(arrival.pat, words[PAT], "the PAT register");
		expect_equal(arrival.rflags & 0x202, 2, "RFLAGS bit 1 and the interrupt flag");
	}
	processor_restart();
}

void conform_startvp_segments(void)
{
	uint64_t words[CONTEXT_WORDS];

	if (started(words)) {
		expect_equal(arrival.cs, SELECTOR_CODE, "CS");
		expect_equal(arrival.ss, SELECTOR_DATA, "SS");
		expect_equal(arrival.gdt_base, words[GDTR + 1], "the base of GDTR");
		expect_equal(arrival.idt_base, words[IDTR + 1], "the base of IDTR");
	}
	processor_restart();
}

void conform_startvp_again(void)
{
	uint64_t words[CONTEXT_WORDS];

	if (started(words)) {
		expect_equal(hv_status(start(words)), STATUS_INVALID_VP_STATE,
			     "a second time, without INIT in between");
	}
	processor_restart();
	expect(processor_runs(1000), "the processor works as before");
}

void conform_startvp_running(void)
{
	uint64_t words[CONTEXT_WORDS];

	context_fill(words, PARTITION_SELF, vp_index_of(1));
	expect_equal(hv_status(start(words)), STATUS_INVALID_VP_STATE, "a processor that runs");
	expect(processor_runs(1000), "it goes on");
}

void conform_startvp_oneself(void)
{
	uint64_t words[CONTEXT_WORDS];

	context_fill(words, PARTITION_SELF, vp_index_of(0));
	expect_refused(start(words), "the caller itself");
}

void conform_startvp_absent_vp(void)
{
	uint64_t words[CONTEXT_WORDS];

	context_fill(words, PARTITION_SELF, 0x7FFF);
	expect_equal(hv_status(start(words)), STATUS_INVALID_VP_INDEX, "VP 32767");
}

void conform_startvp_other_partition(void)
{
	uint64_t words[CONTEXT_WORDS];

	context_fill(words, OTHER_PARTITION, 1);
	unsigned status = hv_status(start(words));
	expect(status == HV_ACCESS_DENIED || status == STATUS_INVALID_PARTITION_ID,
	       "a partition that does not exist: status 0x%x", status);
}

void conform_startvp_vtl(void)
{
	uint64_t words[CONTEXT_WORDS];

	if (has_privilege(48)) {
		skip_requirement("the partition has VSM");
		return;
	}
	context_fill(words, PARTITION_SELF, vp_index_of(1) | 1ull << 32);
	expect_refused(start(words), "VTL 1, which is not there");
}

void conform_startvp_bad_register(void)
{
	uint64_t words[CONTEXT_WORDS];

	context_fill(words, PARTITION_SELF, vp_index_of(1));
	processor_stop();
	words[CR0] = 0x80000000; /* paging without protection */
	expect_equal(start_waiting(words), STATUS_INVALID_REGISTER_VALUE, "CR0 with PG and without PE");
	context_fill(words, PARTITION_SELF, words[1]);
	words[CR4] |= 1ull << 63;
	expect_equal(start_waiting(words), STATUS_INVALID_REGISTER_VALUE, "CR4 with reserved bit 63");
	processor_restart();
}
