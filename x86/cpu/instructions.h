/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The instructions that C has no words for, one inline function each.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpuid_registers {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_registers cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_registers r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline uint64_t cpu_rdmsr(uint32_t number)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_wrmsr(uint32_t number, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

/* Reads an MSR that this processor may lack: false, and 0, when it raises #GP. */
static inline bool cpu_rdmsr_safe(uint32_t number, uint64_t *value)
{
	uint32_t low = 0, high = 0;
	bool ok = false;

	__asm__ volatile("1: rdmsr\n"
			 "   movb $1, %[ok]\n"
			 "2:\n"
			 "   .pushsection .fixup, \"a\"\n"
			 "   .quad 1b, 2b\n"
			 "   .popsection"
			 : "+a"(low), "+d"(high), [ok] "+r"(ok)
			 : "c"(number));
	*value = (uint64_t)high << 32 | low;
	return ok;
}

/* Writes an MSR that this processor may lack, or a value that it may refuse: false when it raises #GP. */
static inline bool cpu_wrmsr_safe(uint32_t number, uint64_t value)
{
	bool ok = false;

	__asm__ volatile("1: wrmsr\n"
			 "   movb $1, %[ok]\n"
			 "2:\n"
			 "   .pushsection .fixup, \"a\"\n"
			 "   .quad 1b, 2b\n"
			 "   .popsection"
			 : [ok] "+r"(ok)
			 : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
	return ok;
}

/* XCR0. CR4.OSXSAVE must be set. */
static inline uint64_t cpu_xgetbv(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

/* Nothing happens when the processor does not take the value. */
static inline void cpu_xsetbv_safe(uint64_t value)
{
	__asm__ volatile("1: xsetbv\n"
			 "2:\n"
			 "   .pushsection .fixup, \"a\"\n"
			 "   .quad 1b, 2b\n"
			 "   .popsection"
			 :
			 : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t cpu_rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t cpu_in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void cpu_out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t cpu_in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

#define CPU_CONTROL_REGISTER(n)                                                                              \
	static inline uint64_t cpu_read_cr##n(void)                                                          \
	{                                                                                                    \
		uint64_t value;                                                                              \
                                                                                                             \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(value));                                        \
		return value;                                                                                \
	}                                                                                                    \
	static inline void cpu_write_cr##n(uint64_t value)                                                   \
	{                                                                                                    \
		__asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory");                               \
	}

CPU_CONTROL_REGISTER(0)
CPU_CONTROL_REGISTER(2)
CPU_CONTROL_REGISTER(3)
CPU_CONTROL_REGISTER(4)
CPU_CONTROL_REGISTER(8)

#define CPU_DEBUG_REGISTER(n)                                                                                \
	static inline uint64_t cpu_read_dr##n(void)                                                          \
	{                                                                                                    \
		uint64_t value;                                                                              \
                                                                                                             \
		__asm__ volatile("mov %%dr" #n ", %0" : "=r"(value));                                        \
		return value;                                                                                \
	}                                                                                                    \
	static inline void cpu_write_dr##n(uint64_t value)                                                   \
	{                                                                                                    \
		__asm__ volatile("mov %0, %%dr" #n : : "r"(value));                                          \
	}

CPU_DEBUG_REGISTER(0)
CPU_DEBUG_REGISTER(1)
CPU_DEBUG_REGISTER(2)
CPU_DEBUG_REGISTER(3)

static inline void cpu_pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

static inline void cpu_wbinvd(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

/* Stops this processor for good. */
static inline _Noreturn void cpu_stop(void)
{
	for (;;) {
		__asm__ volatile("cli; hlt" : : : "memory");
	}
}

/* Sleeps until an interrupt comes and lets it in. Interrupts are off before and after; one that was already waiting
 * is not lost, because STI takes effect only behind HLT. */
static inline void cpu_sleep(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}
