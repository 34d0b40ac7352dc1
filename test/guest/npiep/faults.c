/* SPDX-License-Identifier: MIT */
/*
 * Stores of the kernel that cannot be made. What happens with everything prevented must be what happens with nothing
 * prevented, down to error code, CR2, the handler's stack and each byte of memory; for some it is also said what that is.
 */
#include "npiep.h"

#include "forms.h"

#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/tap.h"

#define CR0_WP 0x10000ull
#define RFLAGS_TF 0x100u
#define RFLAGS_RF 0x10000u
#define VECTOR_PF 14
#define PAGE_MISSING 11
#define PAGE_READABLE 13
#define NOT_CANONICAL 0x4000000000000000ull
#define OLD_CR2 0x123000ull
#define ERROR_PROTECTION 1u
#define ERROR_WRITE 2u
#define LARGE_PAGE 0x200000ull

static const uint8_t vectors[] = {6, 12, 13, VECTOR_PF};

/* The last fault, and memory behind it: the last AREA_SIZE bytes of the page. */
struct fault {
	uint64_t vector, error, rip, rflags, cr2; /* vector 0: none */
	uint8_t memory[AREA_SIZE];
};

static uint8_t *page; /* mapped at the window's page before PAGE_MISSING, and read-only at PAGE_READABLE */
static struct fault fault;

static uint64_t read_cr2(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr2, %0" : "=r"(value));
	return value;
}

/* Two bytes of opcode, ModRM, and perhaps LOCK before and one byte of displacement behind them. */
static unsigned length(const uint8_t *code)
{
	unsigned lock = code[0] == 0xF0;

	return 3 + lock + (code[2 + lock] >> 6 == 1);
}

static void note_and_skip(struct trap_frame *frame)
{
	fault.vector = frame->vector;
	fault.error = frame->error;
	fault.rip = frame->rip;
	/* Every fault has RF set on the stack, and only #PF changes CR2; not so on QEMU 7.2, and on 10.0. */
	fault.rflags = frame->rflags & ~(uint64_t)RFLAGS_RF;
	fault.cr2 = frame->vector == VECTOR_PF ? read_cr2() : 0;
	frame->rip += length((const uint8_t *)frame->rip);
}

static struct fault with(uint64_t value, void (*function)(void *), uint64_t to)
{
	uint8_t *memory = page + PAGE_SIZE - AREA_SIZE;

	fault = (struct fault){0};
	memory_fill(memory, UNTOUCHED, AREA_SIZE);
	__asm__ volatile("movq %0, %%cr2" ::"r"(OLD_CR2));
	wrmsr(NPIEP_CONFIG, value);
	function((void *)to);
	wrmsr(NPIEP_CONFIG, 0);
	memcpy(fault.memory, memory, AREA_SIZE);
	return fault;
}

static bool faults_equal(const struct fault *a, const struct fault *b)
{
	for (unsigned i = 0; i < AREA_SIZE; i++) {
		if (a->memory[i] != b->memory[i]) {
			return false;
		}
	}
	return a->vector == b->vector && a->error == b->error && a->rip == b->rip && a->rflags == b->rflags &&
	       a->cr2 == b->cr2;
}

static struct fault same(void (*function)(void *), uint64_t to, const char *what)
{
	struct fault before = with(0, function, to);
	struct fault after = with(PREVENT_ALL, function, to);

	check(faults_equal(&before, &after), "%s: as without NPIEP", what);
	return after;
}

static uint64_t window(unsigned number)
{
	return WINDOW + (uint64_t)number * PAGE_SIZE;
}

static void test_pages(void)
{
	uint64_t end = window(PAGE_MISSING);
	struct fault found = same(form_sgdt, end - 6, "SGDT across the end of a page into a missing one");

	check_equal(found.vector, VECTOR_PF, "it raises #PF");
	check_equal(found.error, ERROR_WRITE, "for a write");
	check_equal(found.cr2, end, "of the missing page");
	check_equal(found.rip, (uint64_t)form_sgdt, "RIP is at the instruction");
	check_equal(found.rflags & RFLAGS_TF, 0, "and TF is clear");
	same(form_sidt, end - 2, "SIDT whose base would be in a missing page");
	same(form_sldt, end - 1, "SLDT across the end");
	same(form_str, end - 1, "STR across the end");
	check_equal(same(form_sgdt, end - 10, "SGDT up to the end of a page").vector, 0,
		    "nothing is missing");
	check_equal(same(form_sgdt, end, "SGDT to a missing page").cr2, end, "CR2 names it");
	found = same(form_str, window(PAGE_READABLE), "STR to a read-only page");
	check_equal(found.error, ERROR_WRITE | ERROR_PROTECTION, "it breaks the page's protection");
}

static void test_addresses(void)
{
	check_equal(same(form_sgdt, NOT_CANONICAL, "SGDT to an address that is not canonical").vector, 13,
		    "it raises #GP");
	same(form_sgdt_stack, NOT_CANONICAL,
	     "the same through the stack segment"); /* #SS, but QEMU's is #GP */
	same(form_sldt, NOT_CANONICAL, "SLDT to one");
}

static void locked(void *to)
{
	__asm__ volatile(".byte 0xF0, 0x0F, 0x01, 0x07" ::"D"(to) : "memory");
}

/* Memory that nobody has touched may be mapped by the hypervisor when the first access comes. */
static void test_fresh_memory(void)
{
	uint64_t to = memory_top() / 2 & ~(LARGE_PAGE - 1);
	uint8_t wanted[AREA_SIZE];

	form_sgdt(wanted);
	wrmsr(NPIEP_CONFIG, PREVENT_ALL);
	form_sgdt((void *)to);
	wrmsr(NPIEP_CONFIG, 0);
	bool good = true;

	for (unsigned i = 0; i < 10; i++) {
		good = good && ((const uint8_t *)to)[i] == wanted[i];
	}
	check(good, "SGDT is the first to touch memory");
}

void test_faults(void)
{
	uint64_t cr0;

	page = page_alloc(1);
	window_map_clean(PAGE_MISSING - 1, (uint64_t)page, PTE_PRESENT | PTE_WRITABLE);
	window_map_clean(PAGE_MISSING, 0, 0);
	window_map_clean(PAGE_READABLE, (uint64_t)page, PTE_PRESENT);
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %0, %%cr0" ::"r"(cr0 | CR0_WP));
	for (unsigned i = 0; i < sizeof(vectors); i++) {
		irq_set(vectors[i], note_and_skip);
	}
	test_pages();
	test_addresses();
	same(locked, (uint64_t)page, "SGDT behind LOCK"); /* #UD, but QEMU takes it */
	for (unsigned i = 0; i < sizeof(vectors); i++) {
		irq_set(vectors[i], NULL);
	}
	__asm__ volatile("mov %0, %%cr0" ::"r"(cr0));
	test_fresh_memory();
}
