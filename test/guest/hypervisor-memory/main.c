/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own memory, seen from the partition that owns the rest of the machine.
 *
 * It is found in the memory map: a reserved range of at least 1 MiB below the end of the memory that the machine has
 * under 4 GiB. Checked: reading, writing and executing there raises #GP, a thousand times as well as once, at the
 * start, in the middle and at the end, in every width, by string instructions, across its borders, through another
 * mapping, as page tables, as input and output of hypercalls; the memory around it stays usable.
 *
 * Says who: this is Verdigris' own rule (#GP, logged once); a read of all ones would do as well and is accepted.
 *
 * Log: #GP
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define LEAST_SIZE 0x100000u
#define ALL_ONES 0xFFFFFFFFu

static struct memory_range secret;

static bool find(void)
{
	struct memory_range range;

	for (unsigned i = 0; memory_range_get(i, &range); i++) {
		if (range.type != MEMORY_USABLE && range.size >= LEAST_SIZE && range.start >= LEAST_SIZE &&
		    range.start <= memory_top() && range.start + range.size <= 0xC0000000) {
			secret = range;
			return true;
		}
	}
	return false;
}

static void check_place(uint64_t address, const char *where)
{
	uint32_t value = 0;
	unsigned fault = read32_safe(address, &value);

	check(fault == FAULT_GP || (fault == NO_FAULT && value == ALL_ONES), "reading %s: fault 0x%x", where,
	      fault);
	check_equal(write32_safe(address, 0x12345678), FAULT_GP, "writing %s raises #GP", where);
	check_equal(guarded_call((void (*)(void *))address, NULL), FAULT_GP, "executing %s raises #GP",
		    where);
}

static void read_byte(void *at)
{
	__asm__ volatile("movb (%0), %%al" ::"r"(at) : "eax", "memory");
}

static void read_16_bytes(void *at)
{
	__asm__ volatile("movups (%0), %%xmm0" ::"r"(at) : "memory");
}

static void increment(void *at)
{
	__asm__ volatile("lock incq (%0)" ::"r"(at) : "memory");
}

static void store_string(void *at)
{
	__asm__ volatile("rep stosq" ::"D"(at), "c"(512), "a"(0) : "memory");
}

static void load_string(void *at)
{
	static uint8_t to[64];
	__asm__ volatile("rep movsb" ::"S"(at), "D"(to), "c"(64) : "memory");
}

static void call_through(void *at)
{
	__asm__ volatile("jmp *(%0)" ::"r"(at) : "memory");
}

static void push_there(void *at)
{
	__asm__ volatile("movq %%rsp, %%rbx; movq %0, %%rsp; pushq $1; movq %%rbx, %%rsp" ::"r"(at)
			 : "rbx", "memory");
}

static void test_forms(void)
{
	void *at = (void *)(secret.start + secret.size / 2);

	check_equal(guarded_call(read_byte, at), FAULT_GP, "a byte");
	check_equal(guarded_call(read_16_bytes, at), FAULT_GP, "16 bytes");
	check_equal(guarded_call(increment, at), FAULT_GP, "a locked increment");
	check_equal(guarded_call(store_string, at), FAULT_GP, "a string store");
	check_equal(guarded_call(load_string, at), FAULT_GP, "a string load");
	check_equal(guarded_call(call_through, at), FAULT_GP, "an indirect jump through it");
}

/* From the last bytes before it into it. Needs usable memory there. */
static void test_border(void)
{
	uint64_t border = secret.start;

	if (write32_safe(border - 8, 0x90909090) != NO_FAULT ||
	    write32_safe(border - 4, 0x90909090) != NO_FAULT) {
		skip("no memory before it", "across the border");
		return;
	}
	check_equal(guarded_call((void (*)(void *))(border - 8), NULL), FAULT_GP,
		    "running into it raises #GP");
	check_equal(guarded_call(read_16_bytes, (void *)(border - 8)), FAULT_GP,
		    "a load across its border raises #GP");
	check_equal(guarded_call(increment, (void *)(border - 4)), FAULT_GP,
		    "an increment across its border raises #GP");
	check_equal(guarded_call(store_string, (void *)(border - 256)), FAULT_GP,
		    "a string that runs into it raises #GP");
}

static void test_again_and_again(void)
{
	unsigned good = 0;
	uint32_t value;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t address = secret.start + (i * 0x1357000ull + i * 8) % secret.size;
		good += write32_safe(address & ~3ull, i) == FAULT_GP;
		good += read32_safe(address & ~3ull, &value) != NO_FAULT || value == ALL_ONES;
	}
	check_equal(good, 2000, "a thousand reads and writes, all refused");
}

static void test_alias(void)
{
	volatile void *alias = window_map_clean(5, secret.start + 0x1000, PTE_PRESENT | PTE_WRITABLE);

	check_equal(guarded_call(read_byte, (void *)(uint64_t)alias), FAULT_GP, "through another mapping");
}

/* The push is refused; so is the push of the exception's frame; two such make a double fault, on a stack of its own. */
static void test_stack(void)
{
	check_equal(guarded_call(push_there, (void *)(secret.start + 0x2000)), FAULT_DF,
		    "as a stack it makes a double fault");
}

/* The processor itself would read page tables there. */
static void test_page_tables(void)
{
	volatile uint64_t *entry = window_directory_entry();
	uint64_t before = *entry;
	unsigned fault;

	*entry = (secret.start & ~0xFFFull) | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
	write_cr3(read_cr3());
	fault = guarded_call(read_byte, (void *)(WINDOW + 8 * PAGE_SIZE));
	*entry = before;
	write_cr3(read_cr3());
	check(fault != NO_FAULT, "a page table there is refused (fault 0x%x)", fault);
}

static void test_hypercalls(void)
{
	if (!hv_enable_hypercalls()) {
		skip("no hypercalls", "as hypercall input");
		return;
	}
	check(hv_call(HV_CALL_LONG_SPIN, secret.start, 0) != HV_SUCCESS, "as hypercall input it is refused");
	check(hv_call(HV_CALL_PERF_NOP_OUTPUT, 0, secret.start) != HV_SUCCESS, "and as output");
	check_equal(hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 1, 0), HV_SUCCESS, "other calls work");
}

static void test_neighbours(void)
{
	uint64_t last = memory_top() - 8;

	check_equal(write32_safe(last, 0x600D), NO_FAULT, "the end of usable memory is usable");
	check_equal(*(volatile uint32_t *)last, 0x600D, "and keeps what is written");
	check_equal(cpuid(HV_LEAF_INTERFACE).eax, 0x31237648, "the hypervisor is alive");
}

void test_main(void)
{
	if (!hv_present() || !find()) {
		skip("the memory map shows none", "the hypervisor's memory");
		return;
	}
	note("0x%lx to 0x%lx", secret.start, secret.start + secret.size);
	check_place(secret.start, "its first bytes");
	check_place(secret.start + secret.size / 2, "its middle");
	check_place(secret.start + secret.size - 4, "its last bytes");
	test_forms();
	test_border();
	test_again_and_again();
	test_alias();
	test_page_tables();
	test_hypercalls();
	test_neighbours();
	test_stack();
}
