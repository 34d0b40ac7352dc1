/* SPDX-License-Identifier: MIT */
/*
 * The local APIC in xAPIC mode: registers in the page at 0xFEE00000.
 *
 * Checked: the same as in lapic-x2apic, with the instructions that kernels use to reach the page (loads, stores,
 * moves to and from absolute addresses, immediates, read-modify-write, compare, test, exchange, extended
 * registers, index registers); flat and cluster model of logical destinations, also for devices; lowest priority. Before that, where the
 * machine starts in x2APIC mode (Verdigris does), that the page answers even there.
 *
 * Says who: Intel SDM volume 3, "Local APIC": register address map; "Logical destination mode". That the page answers
 * in x2APIC mode is Verdigris' choice, made for small kernels that never heard of x2APIC.
 *
 * Run: --smp 1
 * Run: --smp 2
 * Run: --smp 4
 */
#include "../framework/acpi.h"
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/lapic_checks.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define VECTOR 0x51
#define DFR_CLUSTER 0x0FFFFFFFu
#define DFR_FLAT 0xFFFFFFFFu

#define DEVICE_VECTOR 0x59
#define DEVICE_LOGICAL_ID 0x40u
#define IOAPIC_DEFAULT 0xFEC00000u
#define IOAPIC_REDIRECTION 0x10u
#define RTE_LOGICAL 0x800u
#define RTE_MASKED 0x10000u
#define PIT_IRQ 0
#define PIT_CHANNEL_0 0x40
#define PIT_COMMAND 0x43
#define ADDRESS(reg) ((uint64_t)APIC_PAGE + (reg))

static void test_page_in_x2apic(void)
{
	if (apic_mode() != APIC_MODE_X2APIC) {
		skip("the machine does not start in x2APIC mode", "the page in x2APIC mode");
		return;
	}
	if (!hv_present()) {
		skip("only Verdigris' page answers there", "the page in x2APIC mode");
		return;
	}
	check_equal(xapic_read(APIC_ID) >> 24, cpuid(1).ebx >> 24, "in x2APIC mode the page shows the id");
	xapic_write(APIC_TPR, 0x30);
	check_equal(rdmsr(x2apic_msr(APIC_TPR)), 0x30, "what is written to the page is read from the MSR");
	wrmsr(x2apic_msr(APIC_TPR), 0);
	check_equal(xapic_read(APIC_TPR), 0, "and the other way round");
	irq_forget();
	interrupts_on();
	xapic_write(APIC_ICR_HIGH, 0);
	xapic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | VECTOR);
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 1, "an IPI sent through the page arrives");
}

static void test_identity(void)
{
	check_equal(apic_read(APIC_ID) >> 24, cpuid(1).ebx >> 24, "the id is that of CPUID");
	check_between(apic_read(APIC_VERSION) & 0xFF, 0x10, 0x1F, "the version is an integrated APIC's");
	check((rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP) != 0, "this is the boot processor");
	apic_write(APIC_LDR, 0xA5000000);
	check_equal(apic_read(APIC_LDR), 0xA5000000, "LDR keeps its upper byte");
	apic_write(APIC_LDR, 0x01FFFFFF);
	check_equal(apic_read(APIC_LDR) >> 24, 0x01, "another one");
	apic_write(APIC_DFR, DFR_CLUSTER);
	check_equal(apic_read(APIC_DFR), DFR_CLUSTER, "DFR takes the cluster model");
	apic_write(APIC_DFR, DFR_FLAT);
	check_equal(apic_read(APIC_DFR), DFR_FLAT, "and the flat model");
}

/* --- forms of access --- */

static void test_loads(void)
{
	uint64_t a, b, c, d, f;
	uint32_t version = xapic_read(APIC_VERSION);

	__asm__ volatile("movl (%1), %%r11d; movq %%r11, %0"
			 : "=r"(a)
			 : "r"(ADDRESS(APIC_VERSION))
			 : "r11", "memory");
	__asm__ volatile("movabsl 0xFEE00030, %%eax" : "=a"(b)::"memory");
	__asm__ volatile("addr32 movl 0xFEE00030, %%eax" : "=a"(c)::"memory");
	__asm__ volatile("movl 0x10(%1,%2,8), %k0" : "=r"(d) : "r"(ADDRESS(0)), "r"(4ull) : "memory");
	__asm__ volatile("movq %1, %%r13; movl (%%r13), %k0"
			 : "=r"(f)
			 : "r"(ADDRESS(APIC_VERSION))
			 : "r13", "memory");
	check_equal(a, version, "a load into R11D");
	check_equal((uint32_t)b, version, "a load from a 64-bit absolute address (A1)");
	check_equal((uint32_t)c, version, "a load from a 32-bit absolute address");
	check_equal((uint32_t)d, version, "a load with base, index, scale and displacement");
	check_equal((uint32_t)f, version, "a load through R13");
}

static void test_stores(void)
{
	uint64_t address = ADDRESS(APIC_TPR);

	__asm__ volatile("movl %k1, (%0)" ::"r"(address), "r"(0x10) : "memory");
	check_equal(xapic_read(APIC_TPR), 0x10, "a store from a register (89)");
	__asm__ volatile("movl $0x20, (%0)" ::"r"(address) : "memory");
	check_equal(xapic_read(APIC_TPR), 0x20, "a store of an immediate (C7)");
	__asm__ volatile("movabsl %%eax, 0xFEE00080" ::"a"(0x30) : "memory");
	check_equal(xapic_read(APIC_TPR), 0x30, "a store to an absolute address (A3)");
	__asm__ volatile("movl $0x40, %%r9d; movl %%r9d, (%0)" ::"r"(address) : "r9", "memory");
	check_equal(xapic_read(APIC_TPR), 0x40, "a store from R9D");
	__asm__ volatile("movl $0x50, 0x80(%0)" ::"r"(ADDRESS(0)) : "memory");
	check_equal(xapic_read(APIC_TPR), 0x50, "a store with a displacement");
	__asm__ volatile("addr32 movl $0x60, (%k0)" ::"r"(address) : "memory");
	check_equal(xapic_read(APIC_TPR), 0x60, "a store with 32-bit addressing");
}

static void test_arithmetic(void)
{
	uint64_t address = ADDRESS(APIC_TPR);
	uint32_t value = 0x0F;
	bool equal, zero;

	xapic_write(APIC_TPR, 0x30);
	__asm__ volatile("orl $0x40, (%0)" ::"r"(address) : "memory", "cc");
	check_equal(xapic_read(APIC_TPR), 0x70, "OR with an immediate (83)");
	__asm__ volatile("andl $0xFFFFFF9F, (%0)" ::"r"(address) : "memory", "cc");
	check_equal(xapic_read(APIC_TPR), 0x10, "AND with a wide immediate (81)");
	__asm__ volatile("addl %1, (%0)" ::"r"(address), "r"(0x20) : "memory", "cc");
	check_equal(xapic_read(APIC_TPR), 0x30, "ADD of a register (01)");
	__asm__ volatile("orl (%1), %0" : "+r"(value) : "r"(address) : "memory", "cc");
	check_equal(value, 0x3F, "OR into a register (0B)");
	__asm__ volatile("cmpl $0x30, (%1)" : "=@cce"(equal) : "r"(address) : "memory");
	check(equal, "CMP with an immediate");
	__asm__ volatile("cmpl %2, (%1)" : "=@cce"(equal) : "r"(address), "r"(0x31) : "memory");
	check(!equal, "CMP with a register (39)");
	__asm__ volatile("testl %2, (%1)" : "=@ccz"(zero) : "r"(address), "r"(0x0F) : "memory");
	check(zero, "TEST with a register (85)");
	__asm__ volatile("testl $0x10, (%1)" : "=@ccz"(zero) : "r"(address) : "memory");
	check(!zero, "TEST with an immediate (F7)");
	value = 0x20;
	__asm__ volatile("xchgl %0, (%1)" : "+r"(value) : "r"(address) : "memory");
	check(value == 0x30 && xapic_read(APIC_TPR) == 0x20, "XCHG (87)");
	xapic_write(APIC_TPR, 0);
}

static volatile uint32_t dummy;

/* What is not an aligned access of 32 bits is undefined; it must do no harm, and neither must running off the page. */
static void odd_accesses(void *unused)
{
	(void)unused;
	__asm__ volatile("movb (%0), %%al; movw (%0), %%ax; movzbl (%0), %%eax" ::"r"(ADDRESS(APIC_VERSION))
			 : "eax", "memory");
	__asm__ volatile("movq (%0), %%rax; pushq (%0); popq %%rax" ::"r"(ADDRESS(APIC_VERSION))
			 : "rax", "memory");
	__asm__ volatile("movb $1, (%0)" ::"r"(ADDRESS(APIC_TPR)) : "memory");
	dummy = *(volatile uint32_t *)(ADDRESS(APIC_VERSION) + 1);
	dummy = *(volatile uint32_t *)ADDRESS(0xFFC);
	dummy = *(volatile uint32_t *)ADDRESS(0x004);
	*(volatile uint32_t *)ADDRESS(0x004) = 1;
	*(volatile uint32_t *)ADDRESS(0xFFC) = 1;
	*(volatile uint32_t *)ADDRESS(APIC_VERSION) = 1;
}

static void test_odd(void)
{
	unsigned fault = guarded_call(odd_accesses, NULL);

	check(fault == NO_FAULT || fault == FAULT_GP, "odd accesses do no harm (fault 0x%x)", fault);
	xapic_write(APIC_TPR, 0);
	check_equal(xapic_read(APIC_ID) >> 24, cpuid(1).ebx >> 24, "and the page still works");
}

/* Runs the text as 32-bit code by a far call into compatibility mode; EAX goes in and comes out. */
#define COMPATIBILITY(text)                                                                                  \
	"leaq 1f(%%rip), %%r8; movl %%r8d, %[there]; movw %[code32], 4+%[there]; lcall *%[there]; jmp 2f\n"  \
	".code32\n1: " text "; lret\n.code64\n2:\n"
#define COMPATIBILITY_OPERANDS                                                                               \
	: "+a"(eax), [there] "+m"(there)                                                                               \
	: "d"(APIC_PAGE), [code32] "i"(SELECTOR_CODE32)                                                                \
	: "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc"

/* Small kernels are 32-bit code, where some of the bytes mean something else. */
static void test_32_bit(void)
{
	static struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) there;
	uint32_t version = xapic_read(APIC_VERSION), eax = 0;

	__asm__ volatile(COMPATIBILITY("movl 0xFEE00030, %%eax") COMPATIBILITY_OPERANDS);
	check_equal(eax, version, "in 32-bit code: a load from an absolute address (A1)");
	__asm__ volatile(COMPATIBILITY("movl 0xFEE00030, %%ecx; movl %%ecx, %%eax") COMPATIBILITY_OPERANDS);
	check_equal(eax, version, "a load from an absolute address (8B)");
	eax = 0x30;
	__asm__ volatile(COMPATIBILITY("movl %%eax, 0xFEE00080") COMPATIBILITY_OPERANDS);
	check_equal(xapic_read(APIC_TPR), 0x30, "a store to an absolute address (A3)");
	__asm__ volatile(COMPATIBILITY("movl $0x40, 0xFEE00080") COMPATIBILITY_OPERANDS);
	check_equal(xapic_read(APIC_TPR), 0x40, "a store of an immediate (C7)");
	__asm__ volatile(COMPATIBILITY("orl $0x10, 0x80(%%edx)") COMPATIBILITY_OPERANDS);
	check_equal(xapic_read(APIC_TPR), 0x50, "OR");
	__asm__ volatile(COMPATIBILITY("xorl %%eax, %%eax; movl %%eax, 0x80(%%edx,%%eax,4)")
				 COMPATIBILITY_OPERANDS);
	check_equal(xapic_read(APIC_TPR), 0, "a store with an index register");
}

/* Through another mapping: the page is found by its physical address. */
static void test_alias(void)
{
	volatile uint32_t *alias = window_map_clean(9, APIC_PAGE, PTE_PRESENT | PTE_WRITABLE | PTE_UNCACHED);

	check_equal(alias[APIC_ID / 4] >> 24, cpuid(1).ebx >> 24,
		    "the page answers at another virtual address");
	alias[APIC_TPR / 4] = 0x10;
	check_equal(xapic_read(APIC_TPR), 0x10, "and takes writes there");
	alias[APIC_TPR / 4] = 0;
}

static void test_msrs_absent(void)
{
	if (!hv_present()) {
		skip("QEMU's software CPU ignores MSRs that it does not know", "the x2APIC's MSRs");
		return;
	}
	check_equal(rdmsr_fault(x2apic_msr(APIC_ID)), FAULT_GP, "the x2APIC's MSRs raise #GP");
	check_equal(wrmsr_safe(x2apic_msr(APIC_EOI), 0), FAULT_GP, "also for writing");
}

/* --- several processors --- */

static void go_xapic(void *unused)
{
	(void)unused;
	apic_switch(APIC_MODE_XAPIC);
	apic_init();
	lapic_logical_prepare(NULL);
}

/* Cluster model: processor n is bit n % 2 of cluster n / 2. */
static void go_cluster(void *unused)
{
	unsigned index = this_cpu()->index;

	(void)unused;
	apic_write(APIC_DFR, DFR_CLUSTER);
	apic_write(APIC_LDR, (index / 2) << 28 | 1u << (24 + index % 2));
}

static uint32_t total(unsigned count)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < count; i++) {
		sum += cpus[i].irq_count[VECTOR];
	}
	return sum;
}

static void test_lowest_priority(unsigned count)
{
	interrupts_on();
	uint32_t before = total(count);
	apic_send(lapic_logical((1u << count) - 1), ICR_LOGICAL | ICR_LOWEST | ICR_ASSERT | VECTOR);
	WAIT_FOR(total(count) != before, 2000);
	delay(2);
	check_equal(total(count) - before, 1, "a lowest-priority IPI to all is taken by one");
	interrupts_off();
}

static void test_cluster(unsigned count)
{
	go_cluster(NULL);
	for (unsigned i = 1; i < count; i++) {
		smp_run(i, go_cluster, NULL);
	}
	interrupts_on();
	uint32_t before0 = cpus[0].irq_count[VECTOR], before1 = cpus[1].irq_count[VECTOR],
		 before = total(count);
	apic_send(0x02, ICR_LOGICAL | ICR_ASSERT | VECTOR);
	check(WAIT_FOR(cpus[1].irq_count[VECTOR] == before1 + 1, 2000),
	      "in the cluster model 0x02 reaches processor 1");
	apic_send(0x03, ICR_LOGICAL | ICR_ASSERT | VECTOR);
	WAIT_FOR(cpus[0].irq_count[VECTOR] == before0 + 1 && cpus[1].irq_count[VECTOR] == before1 + 2, 2000);
	delay(2);
	check_equal(total(count) - before, 3, "and 0x03 processors 0 and 1, nobody else");
	if (count >= 4) {
		uint32_t before3 = cpus[3].irq_count[VECTOR];
		apic_send(0x12, ICR_LOGICAL | ICR_ASSERT | VECTOR);
		check(WAIT_FOR(cpus[3].irq_count[VECTOR] == before3 + 1, 2000), "and 0x12 processor 3");
	}
	interrupts_off();
}

/* --- a device that names a logical destination --- */

static void ioapic_write(uint32_t reg, uint32_t value)
{
	uint32_t address = acpi_ioapic_address();
	volatile uint32_t *ioapic = (volatile uint32_t *)(uint64_t)(address != 0 ? address : IOAPIC_DEFAULT);

	ioapic[0] = reg;
	ioapic[4] = value;
}

static void pit_route(uint32_t low, uint32_t destination)
{
	uint32_t reg = IOAPIC_REDIRECTION + 2 * acpi_isa_pin(PIT_IRQ);

	ioapic_write(reg, RTE_MASKED);
	ioapic_write(reg + 1, destination << 24);
	ioapic_write(reg, low);
}

/* An id that no processor has by itself: only who passes it on to where devices look can be found by it. */
static void take_logical_id(void *unused)
{
	(void)unused;
	apic_write(APIC_DFR, DFR_FLAT);
	apic_write(APIC_LDR, DEVICE_LOGICAL_ID << 24);
}

static void test_device_destination(void)
{
	uint32_t before0 = cpus[0].irq_count[DEVICE_VECTOR], before1 = cpus[1].irq_count[DEVICE_VECTOR];

	smp_run(1, take_logical_id, NULL);
	outb(PIT_COMMAND, 0x34); /* channel 0, periodic; 2 ms */
	outb(PIT_CHANNEL_0, 0x4A);
	outb(PIT_CHANNEL_0, 0x09);
	interrupts_on();
	pit_route(RTE_LOGICAL | DEVICE_VECTOR, DEVICE_LOGICAL_ID);
	check(WAIT_FOR(cpus[1].irq_count[DEVICE_VECTOR] > before1 + 2, 3000),
	      "a device's interrupt reaches the processor whose logical id it names");
	pit_route(RTE_MASKED, 0);
	interrupts_off();
	check_equal(cpus[0].irq_count[DEVICE_VECTOR], before0, "and no other");
}

void test_main(void)
{
	unsigned count = smp_start();

	test_page_in_x2apic();
	apic_switch(APIC_MODE_XAPIC);
	for (unsigned i = 1; i < count; i++) {
		smp_run(i, go_xapic, NULL);
	}
	apic_init();
	check_equal(apic_mode(), APIC_MODE_XAPIC, "the APIC is in xAPIC mode");
	test_identity();
	lapic_check_priority();
	lapic_check_in_service();
	lapic_check_tpr();
	lapic_check_software_disable();
	lapic_check_errors();
	test_loads();
	test_stores();
	test_arithmetic();
	test_32_bit();
	test_odd();
	test_alias();
	test_msrs_absent();
	if (count > 1) {
		lapic_logical_prepare(NULL);
		lapic_check_destinations(count);
		test_lowest_priority(count);
		test_cluster(count);
		test_device_destination();
	} else {
		lapic_check_shorthands();
	}
}
