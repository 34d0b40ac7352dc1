/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls: a table of what callers have read about each call, and what they make of it.
 *
 * Left out are calls that end the run because they should: sleep states, disabling the hypervisor, entering its
 * debugger. Two others would end the program that makes them, so their input is chosen: 0x0001 loads CR3, 0x0051 any
 * register. Numbers: TLFS 2.0a and 6.0b, the appendix of calls; "Hypercall Interface" for the control word.
 */
#include "fuzzer.h"

#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/print.h"

#include "labels.h"

#define WORDS_MAX 40u
#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

#define CALL_SET_REGISTERS 0x0051u
#define CALL_CREATE_PORT 0x0095u
#define CALL_CONNECT_PORT 0x0096u
#define CALL_DELETE_PORT 0x0058u
#define CALL_DISCONNECT_PORT 0x005Bu
#define PORT_LAST 7u /* that a program can make, see stream_field */
#define SELF UINT64_MAX

/* May be made as a fast call; may have a variable header. */
#define FAST 1u
#define VARIABLE 2u

struct row {
	uint16_t code;
	uint16_t header;  /* bytes, as all sizes here */
	uint16_t element; /* 0, and no output element: not a rep call */
	uint16_t output, output_element;
	uint8_t may;
	const char *header_kinds;  /* of its words, see stream_field; those that are not told are anything */
	const char *element_kinds; /* of a list element's words */
};

static const struct row rows[] = {
	{0x0001, 8, 0, 0, 0, FAST, "", ""},
	{0x0002, 24, 0, 0, 0, FAST, "cF.", ""},
	{0x0003, 24, 8, 0, 0, FAST, "cF.", "."},
	{0x0008, 8, 0, 0, 0, FAST, "", ""},
	{0x000B, 16, 0, 0, 0, FAST, "x.", ""},
	{0x0013, 32, 0, 0, 0, FAST | VARIABLE, "cFtS", ""},
	{0x0014, 32, 8, 0, 0, FAST | VARIABLE, "cFtS", "."},
	{0x0015, 24, 0, 0, 0, FAST | VARIABLE, "xtS", ""},
	{0x0044, 16, 0, 8, 0, 0, "s.", ""},
	{0x0046, 0, 0, 8, 0, FAST, "", ""},
	{0x0048, 8, 8, 0, 0, 0, "s", "."},
	{0x0049, 16, 0, 0, 8, 0, "s.", ""},
	{0x004B, 24, 8, 0, 0, 0, "s..", "."},
	{0x0050, 16, 4, 0, 16, FAST, "sv", "n"},
	{0x0051, 16, 32, 0, 0, FAST, "sv", "...."},
	{0x0052, 32, 0, 16, 0, FAST, "sv..", ""},
	{0x0053, 24, 0, 0, 16, FAST, "s..", ""},
	{0x0057, 48, 0, 0, 0, 0, "sjstgf", ""},
	{0x0058, 16, 0, 0, 0, FAST, "sj", ""},
	{0x0059, 40, 0, 0, 0, 0, "sjsj.", ""},
	{0x005A, 24, 0, 8, 0, 0, "si.", ""},
	{0x005B, 16, 0, 0, 0, FAST, "sj", ""},
	{0x005C, 256, 0, 0, 0, 0, "pm", ""},
	{0x005C, 256, 0, 0, 0, 0, "pm", ""},
	{0x005D, 8, 0, 0, 0, FAST, "e", ""},
	{0x005D, 8, 0, 0, 0, FAST, "e", ""},
	{0x0069, 4096, 0, 8, 0, 0, "", ""},
	{0x006A, 16, 0, 4096, 0, 0, "", ""},
	{0x006B, 8, 0, 0, 0, FAST, "", ""},
	{0x0070, 32, 0, 0, 0, 0, "si..", ""},
	{0x0073, 0, 0, 0, 0, FAST, "", ""},
	{0x0074, 8, 0, 0, 0, FAST, "", ""},
	{0x0075, 0, 0, 8, 0, FAST, "", ""},
	{0x0095, 56, 0, 0, 0, 0, "sjstgf0", ""},
	{0x0096, 72, 0, 0, 0, 0, "sjsjt...0", ""},
	{0x0099, 240, 0, 0, 0, 0, "sv", ""},
	{0x009A, 16, 4, 0, 4, FAST, "s0", "."},
	{0x00AC, 32, 0, 16, 0, FAST, "sv..", ""},
	{0x8001, 0, 0, 8, 0, 0, "", ""},
	{0x8002, 0, 0, 4096, 0, 0, "", ""},
};

static const uint16_t left_out[] = {0x000A, 0x0078, 0x0084, 0x0085, 0x0086, 0x008C, 0x008F, 0x010F};

struct request {
	uint64_t control, input, output;
	unsigned words;
	uint64_t block[WORDS_MAX];
};

/*
 * call_64 and call_32: everything that the caller's compiler may count on is saved, because a call may change any
 * register. The instruction is patched in here from the hypercall page.
 */
__asm__(".text\n"
	".code64\n"
	".macro enter_call\n"
	"	pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15; pushq %rdi\n"
	"	movups 64(%rdi), %xmm0; movups 80(%rdi), %xmm1; movups 96(%rdi), %xmm2\n"
	"	movups 112(%rdi), %xmm3; movups 128(%rdi), %xmm4; movups 144(%rdi), %xmm5\n"
	"	movq 0(%rdi), %rax; movq 8(%rdi), %rcx; movq 16(%rdi), %rdx; movq 24(%rdi), %rbx\n"
	"	movq 32(%rdi), %rsi; movq 48(%rdi), %r8; movq 40(%rdi), %rdi\n"
	".endm\n"
	".macro leave_call\n"
	"	popq %rdi\n"
	"	movq %rax, 0(%rdi); movq %rcx, 8(%rdi); movq %rdx, 16(%rdi)\n"
	"	popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
	"	ret\n"
	".endm\n"
	".globl call_64, call_32, call_instruction_64, call_instruction_32\n"
	"call_64:\n"
	"	enter_call\n"
	"call_instruction_64: ud2; nop\n"
	"	leave_call\n"
	"call_32:\n"
	"	enter_call\n"
	"	lcall *far_code_32\n"
	"	leave_call\n"
	".code32\n"
	"code_32:\n"
	"call_instruction_32: ud2; nop\n"
	"	lret\n"
	".code64\n"
	"	.section .data\n"
	"	.align 8\n"
	"far_code_32: .long code_32; .word 0x38\n"
	"	.text\n");

void call_prepare(void)
{
	for (unsigned i = 0; i < sizeof(playground.instruction); i++) {
		call_instruction_64[i] = playground.instruction[i];
		call_instruction_32[i] = playground.instruction[i];
	}
}

/* --- A request ------------------------------------------------------------------------------------------------ */

static bool is_left_out(uint16_t code)
{
	for (unsigned i = 0; i < COUNT(left_out); i++) {
		if (left_out[i] == code) {
			return true;
		}
	}
	return false;
}

static struct row row_take(struct stream *stream)
{
	uint8_t pick = stream_byte(stream);
	uint16_t any = (uint16_t)stream_below(stream, 0x10000);

	if (pick < 232) {
		return rows[pick % COUNT(rows)];
	}
	return (struct row){.code = pick < 252 ? any % 0x140 : any,
			    .header = 16,
			    .output = 8,
			    .may = FAST,
			    .header_kinds = "",
			    .element_kinds = ""};
}

static unsigned count_take(struct stream *stream, const struct row *row)
{
	uint8_t pick = stream_byte(stream);
	uint16_t any = (uint16_t)stream_below(stream, 0x1000);

	if (row->element == 0 && row->output_element == 0) {
		return pick == 0xFF ? any : 0;
	}
	if (pick < 160) {
		return 1 + pick % 8;
	}
	if (pick < 224) {
		unsigned size = row->element > row->output_element ? row->element : row->output_element;

		return (PAGE_SIZE - row->header) / size;
	}
	return any;
}

static uint64_t noise_take(struct stream *stream)
{
	uint8_t pick = stream_byte(stream);
	uint8_t bit = stream_byte(stream);

	return pick < 16 ? 1ull << (bit & 63) : 0;
}

/* The kind of the word with this number: of the header, the variable header, or the list. */
static char kind_of(const struct row *row, unsigned list, unsigned word)
{
	const char *kind = row->header_kinds;
	unsigned length = 0;

	if (word >= list) {
		while (row->element_kinds[length] != '\0') {
			length++;
		}
		return length != 0 ? row->element_kinds[(word - list) % length] : '.';
	}
	while (*kind != '\0' && word > 0) {
		kind++;
		word--;
	}
	return *kind != '\0' ? *kind : '.';
}

static void block_take(struct stream *stream, struct request *request, const struct row *row, unsigned list,
		       unsigned size)
{
	request->words = (size + 7) / 8 < WORDS_MAX ? (size + 7) / 8 : WORDS_MAX;
	for (unsigned i = 0; i < request->words; i++) {
		request->block[i] = stream_field(stream, kind_of(row, list, i));
	}
}

static void request_take(struct stream *stream, struct request *request)
{
	struct row row = row_take(stream);
	uint8_t form = stream_byte(stream);
	unsigned variable = (row.may & VARIABLE) != 0 ? form & 3 : 0;
	unsigned count = count_take(stream, &row);
	uint8_t start = stream_byte(stream);
	bool fast = (form & 4) != 0 && ((row.may & FAST) != 0 || (form & 0xF0) == 0);

	request->control = row.code | (fast ? HV_CONTROL_FAST : 0) | HV_CONTROL_VARIABLE(variable) |
			   HV_CONTROL_REPS(count);
	request->control |= start > 240 ? HV_CONTROL_START(start & 15) : 0;
	request->control ^= noise_take(stream);
	unsigned size = row.header + 8 * variable + count * row.element;

	request->input = stream_place(stream, size);
	request->output = stream_place(stream, row.output + count * row.output_element);
	block_take(stream, request, &row, row.header / 8 + variable, size);
}

/* --- What would end the program ------------------------------------------------------------------------------- */

static uint64_t *own_page(void)
{
	static uint64_t *pages[CPU_MAX];
	unsigned index = this_cpu()->index;

	if (pages[index] == NULL) {
		pages[index] = page_alloc(1);
	}
	return pages[index];
}

/* The address space stays: in memory that no other processor writes. */
static void tame_switch(struct request *request)
{
	uint64_t *page = own_page();

	page[0] = read_cr3();
	request->block[0] = page[0];
	request->input = (request->control & HV_CONTROL_FAST) != 0 ? page[0] : (uint64_t)page;
	request->words = 1;
}

/* Names of registers that a C function does not miss, that are read-only, or that do not exist. */
static void tame_registers(struct request *request)
{
	static const uint32_t names[] = {0x00020000, 0x00020001, 0x00020002, 0x00020008,
					 0x0002000F, 0x00090003, 0x00090000, 0x000A0000,
					 0x000A0001, 0x000A0010, 0x000B0001, 0x00FF0000};
	uint64_t *page = own_page();

	for (unsigned i = 0; i < 2 + 4 * 4; i++) {
		page[i] = request->block[i % WORDS_MAX];
	}
	for (unsigned i = 2; i < 2 + 4 * 4; i += 4) {
		page[i] = names[page[i] % COUNT(names)];
	}
	request->control &= ~(HV_CONTROL_FAST | HV_CONTROL_REPS(0xFFF) | HV_CONTROL_START(0xFFF));
	request->control |= HV_CONTROL_REPS(4);
	request->input = (uint64_t)page;
	request->words = 0;
}

/* Says whether the request may be made. */
static bool tame(struct request *request)
{
	uint16_t code = (uint16_t)request->control;

	if (code == HV_CALL_SWITCH_ADDRESS_SPACE) {
		tame_switch(request);
	} else if (code == CALL_SET_REGISTERS) {
		tame_registers(request);
	}
	return !is_left_out(code);
}

/* --- Making it ------------------------------------------------------------------------------------------------ */

/* As far as it fits the page; a page of the hypervisor that only reads may lie there, so this may end in #GP. */
static void block_place(const struct request *request)
{
	uint64_t start = (uint64_t)playground.arena, end = start + ARENA_PAGES * PAGE_SIZE;
	volatile uint64_t *to = (volatile uint64_t *)(request->input & ~7ull);

	for (unsigned i = 0; i < request->words; i++) {
		if ((uint64_t)&to[i] >= start && (uint64_t)&to[i] < end) {
			to[i] = request->block[i];
		}
	}
}

static void place_unless_hidden(void *request)
{
	block_place(request);
}

static void registers_fill(struct call_registers *registers, const struct request *request, bool wide)
{
	bool fast = (request->control & HV_CONTROL_FAST) != 0;
	bool own = (uint16_t)request->control == HV_CALL_SWITCH_ADDRESS_SPACE;
	uint64_t input = fast && !own ? request->block[0] : request->input;
	uint64_t output = fast ? request->block[1] : request->output;

	*registers = (struct call_registers){.rcx = request->control, .rdx = input, .r8 = output};
	if (!wide) {
		*registers = (struct call_registers){
			.rdx = request->control >> 32,
			.rax = (uint32_t)request->control,
			.rbx = input >> 32,
			.rcx = (uint32_t)input,
			.rdi = output >> 32,
			.rsi = (uint32_t)output,
		};
	}
	for (unsigned i = 0; i < COUNT(registers->xmm) && i + 2 < WORDS_MAX; i++) {
		registers->xmm[i] = request->block[i + 2];
	}
}

/* Ports 1 to 3 of oneself, for messages, events and a monitor, and the connections with these numbers. */
void call_make_ports(void)
{
	uint64_t *page = own_page();
	struct call_registers registers;

	for (uint64_t type = 1; type <= 3; type++) {
		uint64_t target = type == 3 ? (uint64_t)playground.arena + 4 * PAGE_SIZE : 2;
		uint64_t words[2][10] = {
			{SELF, type, SELF, type, target, type == 2 ? 16u << 16 : 0},
			{SELF, type, SELF, type, type, type == 3 ? target : 0},
		};

		for (unsigned i = 0; i < 2; i++) {
			for (unsigned j = 0; j < 10; j++) {
				page[j] = words[i][j];
			}
			registers = (struct call_registers){
				.rcx = i == 0 ? CALL_CREATE_PORT : CALL_CONNECT_PORT, .rdx = (uint64_t)page};
			call_64(&registers);
		}
	}
}

/* Monitors among them lie over memory, wherever a program has wanted them. */
void call_unmake_ports(void)
{
	for (uint64_t id = 0; id <= PORT_LAST; id++) {
		hv_call(CALL_DISCONNECT_PORT | HV_CONTROL_FAST, SELF, id);
		hv_call(CALL_DELETE_PORT | HV_CONTROL_FAST, SELF, id);
	}
}

void step_call(struct stream *stream)
{
	struct request request = {0};
	struct call_registers registers;
	bool wide = stream_byte(stream) >= 48;

	request_take(stream, &request);
	if (!tame(&request)) {
		return;
	}
	TRACE(" call %lx %lx %lx%s", request.control, request.input, request.output, wide ? "" : " (32)");
	if ((request.control & HV_CONTROL_FAST) == 0) {
		guarded_call(place_unless_hidden, &request);
	}
	registers_fill(&registers, &request, wide);
	if (wide) {
		call_64(&registers);
	} else {
		call_32(&registers);
	}
	TRACE(" = %lx", registers.rax);
}
