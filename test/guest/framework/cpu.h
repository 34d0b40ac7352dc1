/* SPDX-License-Identifier: MIT */
/*
 * Instructions, and what the framework keeps per processor. For 64-bit kernels and 32-bit ones (../framework32).
 *
 * Nothing here depends on the system below: no header of the hypervisor is included anywhere in `test/guest/`, so a
 * number that is wrong there cannot agree with itself here.
 */
#pragma once

#include "offsets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096u

/* What a guarded instruction or call reports: nothing, or the vector of the exception with bit 8 set. */
#define NO_FAULT 0u
#define FAULT(vector) (0x100u | (vector))
#define FAULT_DE FAULT(0u)
#define FAULT_UD FAULT(6u)
#define FAULT_DF FAULT(8u)
#define FAULT_GP FAULT(13u)
#define FAULT_PF FAULT(14u)

#define RFLAGS_IF 0x200u
#define CR4_OSXSAVE (1u << 18)

#define MSR_APIC_BASE 0x1Bu
#define MSR_EFER 0xC0000080u
#define MSR_GS_BASE 0xC0000101u

#define IRQ_LOG_SIZE 64

struct cpu {
	struct cpu *self;	     /* GS:0 */
	uintptr_t guard_stack;	     /* set while a guarded call runs; offsets.h knows where */
	uintptr_t user_return_stack; /* set while user code runs */
	unsigned index;		     /* order of arrival; 0 is the boot processor */
	uint32_t apic_id;	     /* from CPUID */
	uint32_t fault_error;	     /* of the last exception that a guard caught */
	uint64_t fault_address;	     /* CR2 of that exception */
	uint64_t fault_rip;
	volatile uint32_t irq_count[256]; /* interrupts taken, by vector */
	volatile uint32_t irq_log_count;
	volatile uint8_t irq_log[IRQ_LOG_SIZE]; /* their vectors in order */
	volatile uint64_t irq_last_tsc;
	/* Work from another processor, see smp.h. */
	void (*volatile work)(void *);
	void *volatile work_argument;
	volatile uint32_t work_done; /* number of finished pieces */
	volatile uint32_t alive;     /* counts while the processor waits for work */
	uint64_t gdt[8];
	uint32_t tss[26];
	uint8_t user_stack[4096] __attribute__((aligned(16)));
	uint8_t double_fault_stack[4096] __attribute__((aligned(16)));
};

extern struct cpu cpus[CPU_MAX];

/* Sets up this processor's tables; afterwards `this_cpu` works and exceptions are caught. */
void cpu_init(unsigned index);

static inline struct cpu *this_cpu(void)
{
	struct cpu *self;
	__asm__ volatile("mov %%gs:0, %0" : "=r"(self));
	return self;
}

#ifdef __x86_64__
#define CPU_WORD ".quad"
#else
#define CPU_WORD ".long"
#endif

/* The code between the labels may fault: RSI then holds FAULT(vector), and 0 otherwise. */
#define GUARDED(instruction)                                                                                 \
	"xorl %%esi, %%esi\n1: " instruction "\n2:\n"                                                        \
	".pushsection .fixups, \"a\"\n" CPU_WORD " 1b, 2b\n.popsection\n"

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid_sub(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;
	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline struct cpuid cpuid(uint32_t leaf)
{
	return cpuid_sub(leaf, 0);
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
	return low | (uint64_t)high << 32;
}

static inline unsigned rdmsr_safe(uint32_t msr, uint64_t *value)
{
	uint32_t low = 0, high = 0;
	unsigned fault;
	__asm__ volatile(GUARDED("rdmsr") : "+a"(low), "+d"(high), "=&S"(fault) : "c"(msr) : "memory");
	*value = low | (uint64_t)high << 32;
	return fault;
}

static inline unsigned wrmsr_safe(uint32_t msr, uint64_t value)
{
	unsigned fault;
	__asm__ volatile(GUARDED("wrmsr")
			 : "=&S"(fault)
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
	return fault;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;
	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return low | (uint64_t)high << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* Only what the register says, for tests that expect #GP or its absence. */
static inline unsigned rdmsr_fault(uint32_t msr)
{
	uint64_t ignored;
	return rdmsr_safe(msr, &ignored);
}

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;
	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void pause(void)
{
	__asm__ volatile("pause" ::: "memory");
}

static inline void interrupts_on(void)
{
	__asm__ volatile("sti; nop" ::: "memory");
}

static inline void interrupts_off(void)
{
	__asm__ volatile("cli" ::: "memory");
}

/* HLT directly behind STI: no interrupt can be lost in between. */
static inline void halt_with_interrupts(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}

static inline uint64_t read_cr3(void)
{
	uintptr_t value;
	__asm__ volatile("mov %%cr3, %0" : "=r"(value)::"memory");
	return value;
}

static inline void write_cr3(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr3" ::"r"((uintptr_t)value) : "memory");
}

static inline uint64_t read_cr4(void)
{
	uintptr_t value;
	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static inline unsigned write_cr4_safe(uint64_t value)
{
	unsigned fault;
	__asm__ volatile(GUARDED("movq %1, %%cr4") : "=&S"(fault) : "r"(value) : "memory");
	return fault;
}

static inline uint64_t read_cr8(void)
{
	uint64_t value;
	__asm__ volatile("movq %%cr8, %0" : "=r"(value));
	return value;
}

static inline void write_cr8(uint64_t value)
{
	__asm__ volatile("movq %0, %%cr8" ::"r"(value) : "memory");
}

static inline void invlpg(const volatile void *address)
{
	__asm__ volatile("invlpg (%0)" ::"r"(address) : "memory");
}

static inline unsigned read32_safe(uint64_t address, uint32_t *value)
{
	uint32_t loaded = 0;
	unsigned fault;
	__asm__ volatile(GUARDED("movl (%2), %0")
			 : "+a"(loaded), "=&S"(fault)
			 : "d"((uintptr_t)address)
			 : "memory");
	*value = loaded;
	return fault;
}

static inline unsigned write32_safe(uint64_t address, uint32_t value)
{
	unsigned fault;
	__asm__ volatile(GUARDED("movl %1, (%2)")
			 : "=&S"(fault)
			 : "a"(value), "d"((uintptr_t)address)
			 : "memory");
	return fault;
}

/* Runs the function; an exception in it ends it. 0, or FAULT(vector) with details in `this_cpu()`. */
unsigned guarded_call(void (*function)(void *), void *argument);

/* Ends the guarded call that `guard_stack` was noted in, inner ones included: it returns `reason`. */
void guard_escape(uint64_t guard_stack, unsigned reason) __attribute__((noreturn));
/* The same from an interrupt handler, when that returns. */
struct trap_frame;
void guard_escape_at(struct trap_frame *frame, uint64_t guard_stack, unsigned reason);

/* A guarded call at CPL 3 with interrupts as they are. The function must not touch anything that needs CPL 0. */
unsigned user_call(void (*function)(void *), void *argument);
