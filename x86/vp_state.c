/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A VP's registers after INIT and at a start-up IPI.
 *
 * Source: AMD APM volume 2, "Processor Initialization State"; Intel SDM volume 3, table "IA-32 and Intel 64 Processor
 * States Following Power-up, Reset, or INIT".
 */
#include "core/machine.h"
#include "core/vp.h"
#include "x86/backend.h"
#include "x86/cpu/instructions.h"
#include "x86/vm/vp.h"
#include "lib/string.h"

#include <stdint.h>

#define SEGMENT(selector, attributes) ((uint64_t)(attributes) << 48 | (uint64_t)(selector) << 32 | 0xffff)
#define ATTRIBUTES_DATA 0x93 /* present, read/write, accessed */
#define ATTRIBUTES_CODE 0x9b
#define ATTRIBUTES_LDT 0x82
#define ATTRIBUTES_TSS 0x8b
#define CR0_RESET UINT64_C(0x60000010) /* CD, NW, ET */
#define CR0_CACHE_OFF UINT64_C(0x60000000)
#define RFLAGS_RESET 2
#define DR6_RESET UINT64_C(0xffff0ff0)
#define DR7_RESET UINT64_C(0x400)

static void set(struct vp *vp, enum hv_register_name name, uint64_t value)
{
	machine_register_set(vp, name, value);
}

static void init_segments(struct x86_vp *vp)
{
	static const enum hv_register_name data[] = {
		HV_X64_REGISTER_ES, HV_X64_REGISTER_SS, HV_X64_REGISTER_DS,
		HV_X64_REGISTER_FS, HV_X64_REGISTER_GS,
	};

	for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		backend->segment_set(vp, data[i], 0, SEGMENT(0, ATTRIBUTES_DATA));
	}
	backend->segment_set(vp, HV_X64_REGISTER_CS, 0xffff0000, SEGMENT(0xf000, ATTRIBUTES_CODE));
	backend->segment_set(vp, HV_X64_REGISTER_LDTR, 0, SEGMENT(0, ATTRIBUTES_LDT));
	backend->segment_set(vp, HV_X64_REGISTER_TR, 0, SEGMENT(0, ATTRIBUTES_TSS));
	backend->segment_set(vp, HV_X64_REGISTER_GDTR, 0, 0xffff);
	backend->segment_set(vp, HV_X64_REGISTER_IDTR, 0, 0xffff);
}

void machine_vp_init_state(struct vp *vp)
{
	struct x86_vp *x86 = x86_vp_of(vp);
	uint64_t cr0 = machine_register_get(vp, HV_X64_REGISTER_CR0);

	memset(vp->gpr, 0, sizeof(vp->gpr));
	vp->gpr[GPR_RDX] = cpu_cpuid(1, 0).eax;
	init_segments(x86);
	set(vp, HV_X64_REGISTER_RIP, 0xfff0);
	set(vp, HV_X64_REGISTER_RFLAGS, RFLAGS_RESET);
	/* INIT leaves the cache bits as they are. */
	set(vp, HV_X64_REGISTER_CR0, (CR0_RESET & ~CR0_CACHE_OFF) | (cr0 & CR0_CACHE_OFF));
	set(vp, HV_X64_REGISTER_CR2, 0);
	set(vp, HV_X64_REGISTER_CR3, 0);
	set(vp, HV_X64_REGISTER_CR4, 0);
	set(vp, HV_X64_REGISTER_EFER, 0);
	set(vp, HV_X64_REGISTER_DR6, DR6_RESET);
	set(vp, HV_X64_REGISTER_DR7, DR7_RESET);
	for (unsigned i = 0; i < CODE_PAGE_COUNT; i++) {
		x86->code[i].page = CODE_PAGE_NONE;
	}
	x86->nmi_blocked = false;
	backend->flush(x86);
	backend->forget_events(x86);
}

void machine_vp_sipi_state(struct vp *vp, uint8_t vector)
{
	backend->segment_set(x86_vp_of(vp), HV_X64_REGISTER_CS, (uint64_t)vector << 12,
			     SEGMENT(vector << 8, ATTRIBUTES_CODE));
	set(vp, HV_X64_REGISTER_RIP, 0);
}
