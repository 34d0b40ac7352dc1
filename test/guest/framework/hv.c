/* SPDX-License-Identifier: MIT */
/* Discovery and hypercalls. See hv.h. */
#include "hv.h"

#include "memory.h"

#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define INTERFACE_HV1 0x31237648u /* "Hv#1" */

static void *hypercall_page;

bool hv_present(void)
{
	if ((cpuid(1).ecx & CPUID_1_ECX_HYPERVISOR) == 0) {
		return false;
	}
	return cpuid(HV_LEAF_RANGE).eax >= HV_LEAF_LIMITS && cpuid(HV_LEAF_INTERFACE).eax == INTERFACE_HV1;
}

bool hv_has_eax(uint32_t bits)
{
	return hv_present() && (cpuid(HV_LEAF_FEATURES).eax & bits) == bits;
}

bool hv_has_ebx(uint32_t bits)
{
	return hv_present() && (cpuid(HV_LEAF_FEATURES).ebx & bits) == bits;
}

bool hv_has_edx(uint32_t bits)
{
	return hv_present() && (cpuid(HV_LEAF_FEATURES).edx & bits) == bits;
}

bool hv_has_hint(uint32_t bits)
{
	return hv_present() && (cpuid(HV_LEAF_HINTS).eax & bits) == bits;
}

void *hv_hypercall_page(void)
{
	if (hypercall_page == NULL) {
		hypercall_page = page_alloc(1);
	}
	return hypercall_page;
}

bool hv_enable_hypercalls(void)
{
	if (!hv_has_eax(HV_EAX_HYPERCALL_MSRS)) {
		return false;
	}
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	wrmsr(HV_MSR_HYPERCALL, (uintptr_t)hv_hypercall_page() | HV_MSR_ENABLE);
	return (rdmsr(HV_MSR_HYPERCALL) & HV_MSR_ENABLE) != 0;
}

/* A 32-bit kernel has other registers, and brings its own. */
#ifdef __x86_64__

uint64_t hv_call(uint64_t control, uint64_t rdx, uint64_t r8)
{
	uint64_t result;
	register uint64_t third __asm__("r8") = r8;

	__asm__ volatile("call *%[page]"
			 : "=a"(result), "+c"(control), "+d"(rdx), "+r"(third)
			 : [page] "r"(hypercall_page)
			 : "r9", "r10", "r11", "memory");
	return result;
}

uint64_t hv_call_xmm(uint64_t control, uint64_t rdx, uint64_t r8, const uint64_t xmm[4])
{
	uint64_t result;
	register uint64_t third __asm__("r8") = r8;

	__asm__ volatile("movups (%[xmm]), %%xmm0; movups 16(%[xmm]), %%xmm1; call *%[page]"
			 : "=a"(result), "+c"(control), "+d"(rdx), "+r"(third)
			 : [page] "r"(hypercall_page), [xmm] "r"(xmm)
			 : "r9", "r10", "r11", "memory");
	return result;
}

uint64_t hv_call_file(uint64_t control, struct hv_file *file)
{
	uint64_t result;
	register uint64_t second __asm__("rdx") = file->word[0];
	register uint64_t third __asm__("r8") = file->word[1];

	__asm__ volatile("movups 16(%[file]), %%xmm0; movups 32(%[file]), %%xmm1\n"
			 "movups 48(%[file]), %%xmm2; movups 64(%[file]), %%xmm3\n"
			 "movups 80(%[file]), %%xmm4; movups 96(%[file]), %%xmm5\n"
			 "call *%[page]\n"
			 "movups %%xmm0, 16(%[file]); movups %%xmm1, 32(%[file])\n"
			 "movups %%xmm2, 48(%[file]); movups %%xmm3, 64(%[file])\n"
			 "movups %%xmm4, 80(%[file]); movups %%xmm5, 96(%[file])"
			 : "=&a"(result), "+c"(control), "+r"(second), "+r"(third)
			 : [page] "r"(hypercall_page), [file] "r"(file)
			 : "r9", "r10", "r11", "memory");
	file->word[0] = second;
	file->word[1] = third;
	return result;
}

uint64_t hv_call_words(uint64_t control, const uint64_t *words, unsigned count)
{
	static uint64_t *input;

	if (input == NULL) {
		input = page_alloc(1);
	}
	for (unsigned i = 0; i < count && i < PAGE_SIZE / 8; i++) {
		((volatile uint64_t *)input)[i] = words[i];
	}
	return hv_call(control, (uint64_t)input, 0);
}

#endif
