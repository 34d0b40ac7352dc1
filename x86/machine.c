/* SPDX-License-Identifier: MPL-2.0 */
/*
 * core/machine.h on metal: mostly a switchboard.
 */
#include "core/machine.h"

#include "core/hv.h"
#include "core/partition.h"
#include "core/vp.h"
#include "drivers/serial/serial.h"
#include "x86/apic/local_apic.h"
#include "x86/backend.h"
#include "x86/cpu/instructions.h"
#include "x86/lp.h"
#include "x86/machine_x86.h"
#include "x86/mm/memory_map.h"
#include "x86/mm/pool.h"
#include "x86/nested/nested.h"
#include "x86/vm/interrupt.h"
#include "x86/vm/run.h"
#include "x86/vm/vp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPUID_ADDRESS_SIZES 0x80000008u

struct machine machine;

void *machine_page_alloc(struct hv *hv)
{
	(void)hv;
	return pool_alloc(1);
}

void machine_page_free(struct hv *hv, void *page)
{
	(void)hv;
	pool_free(page);
}

void *machine_guest_page(struct partition *partition, gpn_t page)
{
	uint64_t address = gpa_of(page).value;
	bool in_main = address - machine.root_main.base + PAGE_OFFSET_MASK < machine.root_main.size;

	(void)partition;
	if (page.value != address >> PAGE_SHIFT ||
	    (!in_main && !memory_map_usable(&machine.root_memory, address, PAGE_SIZE))) {
		return NULL;
	}
	return direct_pointer(address);
}

unsigned machine_gpa_bits(struct partition *partition)
{
	(void)partition;
	return machine.gpa_bits;
}

void machine_overlay_place(struct partition *partition, gpn_t page, void *frame, enum machine_access access)
{
	(void)partition;
	nested_overlay_place(page, frame, access);
}

void machine_nested_flush(struct partition *partition, struct vp *caller)
{
	(void)partition;
	nested_flush(x86_vp_of(caller));
}

void machine_tlb_flush(struct vp *caller, const struct vpset *targets)
{
	run_flush(x86_vp_of(caller), targets);
}

uint64_t machine_register_get(struct vp *vp, enum hv_register_name name)
{
	return backend->register_get(x86_vp_of(vp), name);
}

void machine_register_set(struct vp *vp, enum hv_register_name name, uint64_t value)
{
	backend->register_set(x86_vp_of(vp), name, value);
}

uint64_t machine_segment_base(struct vp *vp, enum hv_register_name name)
{
	return backend->segment_base(x86_vp_of(vp), name);
}

void machine_segment_set(struct vp *vp, enum hv_register_name name, uint64_t base, uint64_t rest)
{
	backend->segment_set(x86_vp_of(vp), name, base, rest);
}

void machine_npiep_set(struct vp *vp, uint64_t prevented)
{
	backend->npiep_set(x86_vp_of(vp), prevented);
}

uint64_t machine_tsc(struct hv *hv)
{
	(void)hv;
	return cpu_rdtsc();
}

void machine_deadline_set(struct vp *vp, uint64_t tsc)
{
	uint64_t now = cpu_rdtsc();
	unsigned __int128 counts;

	(void)vp;
	if (tsc == UINT64_MAX) {
		local_apic_write(LOCAL_APIC_TIMER_INITIAL, 0);
		return;
	}
	/* One count more than the division gives, so that the interrupt does not come early. A deadline beyond the
	 * timer's range ends early; then it is set again. */
	counts = tsc <= now ? 1
			    : ((unsigned __int128)(tsc - now) * machine.tsc_to_apic >>
			       MACHINE_TSC_TO_APIC_SHIFT) +
				      1;
	local_apic_write(LOCAL_APIC_TIMER_INITIAL, counts > UINT32_MAX ? UINT32_MAX : (uint32_t)counts);
}

void machine_vp_kick(struct vp *vp)
{
	run_kick(x86_vp_of(vp));
}

void machine_level_eoi(struct vp *vp, uint8_t vector)
{
	interrupt_level_end(x86_vp_of(vp), vector);
}

void machine_logical_id_set(struct vp *vp, uint32_t ldr, uint32_t dfr)
{
	(void)vp;
	local_apic_write(LOCAL_APIC_DFR, dfr);
	local_apic_write(LOCAL_APIC_LDR, ldr);
}

void machine_legacy_interrupts_set(struct vp *vp, bool accepted)
{
	(void)vp;
	local_apic_write(LOCAL_APIC_LVT_LINT0, accepted ? LOCAL_APIC_LVT_EXTINT : LOCAL_APIC_LVT_MASKED);
	/* OBSERVED: QEMU's processor goes on seeing a request of the 8259 that LINT0 no longer lets through, until the APIC
	 * looks at its priorities again. */
	local_apic_write(LOCAL_APIC_TPR, 0);
}

void machine_exits_measure(struct vp *vp, bool measured)
{
	backend->measure(x86_vp_of(vp), measured);
}

uint64_t machine_msr_read(struct vp *vp, uint32_t number)
{
	uint64_t value;

	(void)vp;
	cpu_rdmsr_safe(number, &value);
	return value;
}

bool machine_msr_write(struct vp *vp, uint32_t number, uint64_t value)
{
	(void)vp;
	return cpu_wrmsr_safe(number, value);
}

size_t machine_hypercall_code(uint8_t code[16])
{
	return backend->hypercall_code(code);
}

struct cpuid_result machine_cpuid(struct vp *vp, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_registers r = cpu_cpuid(leaf, subleaf);

	(void)vp;
	return (struct cpuid_result){r.eax, r.ebx, r.ecx, r.edx};
}

void machine_console_write(struct hv *hv, const char *text, size_t size)
{
	(void)hv;
	serial_write(text, size);
}
