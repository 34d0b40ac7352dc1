/* SPDX-License-Identifier: MIT */
/*
 * Processors started by hypercall, in a state of the caller's choice.
 *
 * Checked: a processor begins in 64-bit mode with the registers that it was given; one in 32-bit protected mode without
 * paging; one in real mode; a processor that runs, the caller among them, cannot be started; after INIT it can; states
 * in which no processor can be are refused, one by one, and start nothing; partition, index and trust level.
 *
 * Says who: TLFS 6.0b, HvCallStartVirtualProcessor, HV_INITIAL_VP_CONTEXT; processors' manuals for what is legal.
 *
 * Run: --smp 4
 * Run: --smp 1
 * Covers: HvCallStartVirtualProcessor, 0x40000003.EBX
 */
#include "modes.h"

#include "../framework/acpi.h"
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define CALL 0x0099u
#define CALL_INDEX 0x009Au
#define SELF 0xFFFFFFFFFFFFFFFFull
#define VP_SELF 0xFFFFFFFEu
#define LOW_PAGE 0x9000u
#define PATIENCE_MS 3000

#define CR0_64 0x80010033ull /* PG WP NE ET MP PE */
#define CR0_32 0x11ull	     /* ET PE */
#define CR0_REAL 0x10ull
#define CR4_64 0x620ull
#define EFER_LONG 0x500ull /* LMA LME */
#define PAT_DEFAULT 0x0007040600070406ull
#define GS_BASE 0xFFFF800000123000ull

struct segment {
	uint64_t base;
	uint32_t limit;
	uint16_t selector, attributes;
};

struct table {
	uint16_t padding[3], limit;
	uint64_t base;
};

struct input {
	uint64_t partition;
	uint32_t vp;
	uint8_t vtl, padding[3];
	uint64_t rip, rsp, rflags;
	struct segment cs, ds, es, fs, gs, ss, tr, ldtr;
	struct table idtr, gdtr;
	uint64_t efer, cr0, cr3, cr4, pat;
};
_Static_assert(sizeof(struct input) == 240, "TLFS 6.0b");
_Static_assert(offsetof(struct input, tr) == 16 + 120, "TLFS 6.0b");
_Static_assert(offsetof(struct input, pat) == 16 + 216, "TLFS 6.0b");

static struct input *input;
static uint8_t *notes;

static uint64_t note_at(unsigned offset, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, notes + offset, size);
	return value;
}

static unsigned start(void)
{
	return hv_status(hv_call(CALL, (uint64_t)input, 0));
}

/* --- states --- */

static void prepare(uint32_t vp)
{
	struct segment data = {0, 0xFFFFFFFF, SELECTOR_DATA, 0xC093};

	memory_fill(input, 0, sizeof(*input));
	input->partition = SELF;
	input->vp = vp;
	input->ds = input->es = input->fs = input->gs = input->ss = data;
	input->tr = (struct segment){(uint64_t)this_cpu()->tss, 103, SELECTOR_TSS, 0x008B};
	input->ldtr = (struct segment){0, 0, 0, 0x0000};
	input->rsp = (uint64_t)notes;
	input->rflags = 2;
	input->gdtr = (struct table){{0}, sizeof(this_cpu()->gdt) - 1, (uint64_t)this_cpu()->gdt};
	input->idtr = (struct table){{0}, 0xFFF, 0x123000};
	input->pat = PAT_DEFAULT;
	memory_fill(notes, 0, PAGE_SIZE);
}

static void prepare_64(uint32_t vp)
{
	prepare(vp);
	input->rip = (uint64_t)start_64;
	input->cs = (struct segment){0, 0xFFFFFFFF, SELECTOR_CODE, 0xA09B};
	input->gs.base = GS_BASE;
	input->efer = EFER_LONG;
	input->cr0 = CR0_64;
	input->cr3 = read_cr3();
	input->cr4 = CR4_64;
}

static void test_64(uint32_t vp)
{
	prepare_64(vp);
	check_equal(start(), HV_SUCCESS, "VP %u is started in 64-bit mode", vp);
	check(WAIT_FOR(note_at(0, 8) == 1, PATIENCE_MS), "and begins there");
	check_equal(note_at(8, 8), (uint64_t)notes, "RSP");
	check_equal(note_at(16, 8), 2, "RFLAGS");
	check_equal(note_at(24, 8), CR0_64, "CR0");
	check_equal(note_at(32, 8), read_cr3(), "CR3");
	check_equal(note_at(40, 8), CR4_64, "CR4");
	check_equal(note_at(48, 8), EFER_LONG, "EFER");
	check_equal(note_at(56, 8), PAT_DEFAULT, "PAT");
	check_equal(note_at(64, 8), GS_BASE, "the base of GS");
	check_equal(note_at(72, 2), SELECTOR_CODE, "CS");
	check_equal(note_at(74, 2), SELECTOR_DATA, "SS");
	check_equal(note_at(78, 2), SELECTOR_TSS, "TR");
	check_equal(note_at(82, 8), (uint64_t)this_cpu()->gdt, "the base of GDTR");
	check_equal(note_at(96, 2), 0xFFF, "the limit of IDTR");
	check_equal(note_at(98, 8), 0x123000, "and its base");
	check_equal(note_at(112, 4), vp, "it is the VP that was named");
	check_equal(start(), HV_INVALID_VP_STATE, "once it runs it cannot be started");
}

static void test_32(uint32_t vp)
{
	prepare(vp);
	input->rip = (uint64_t)start_32;
	input->cs = (struct segment){0, 0xFFFFFFFF, SELECTOR_CODE32, 0xC09B};
	input->cr0 = CR0_32;
	check_equal(start(), HV_SUCCESS, "VP %u is started in 32-bit protected mode", vp);
	check(WAIT_FOR(note_at(0, 4) == 1, PATIENCE_MS), "and begins there");
	check_equal(note_at(24, 4), CR0_32, "CR0");
	check_equal(note_at(48, 4), 0, "EFER");
	check_equal(note_at(72, 2), SELECTOR_CODE32, "CS");
}

static void test_real(uint32_t vp)
{
	uint8_t *page = (uint8_t *)LOW_PAGE;

	prepare(vp);
	memory_fill(page, 0, PAGE_SIZE);
	memcpy(page, start_16, (size_t)(start_16_end - start_16));
	input->rsp = 0x800;
	input->cs = (struct segment){LOW_PAGE, 0xFFFF, LOW_PAGE >> 4, 0x009B};
	input->ds = input->es = input->ss = (struct segment){LOW_PAGE, 0xFFFF, LOW_PAGE >> 4, 0x0093};
	input->fs = input->gs = (struct segment){0, 0xFFFF, 0, 0x0093};
	input->tr = (struct segment){0, 0xFFFF, 0, 0x008B};
	input->cr0 = CR0_REAL;
	check_equal(start(), HV_SUCCESS, "VP %u is started in real mode", vp);
	check(WAIT_FOR(*(volatile uint32_t *)(page + 0x100) == 1, PATIENCE_MS), "and begins there");
	check_equal(*(uint32_t *)(page + 0x118), CR0_REAL, "CR0");
	check_equal(*(uint32_t *)(page + 0x108), 0x800, "ESP");
	check_equal(*(uint16_t *)(page + 0x148), LOW_PAGE >> 4, "CS");
}

static uint32_t apic_id_of(uint32_t vp)
{
	uint64_t *block = page_alloc(1);

	for (uint32_t id = 0; id < 256; id++) {
		block[0] = SELF;
		block[1] = 0;
		block[2] = id;
		if (hv_status(hv_call(CALL_INDEX | HV_CONTROL_REPS(1), (uint64_t)block,
				      (uint64_t)(block + 8))) == HV_SUCCESS &&
		    (uint32_t)block[8] == vp) {
			return id;
		}
	}
	return 0;
}

/* INIT takes a moment until the processor sees it. */
static void test_again(uint32_t vp)
{
	prepare_64(vp);
	apic_send(apic_id_of(vp), ICR_ASSERT | ICR_INIT);
	check(WAIT_FOR(start() == HV_SUCCESS, PATIENCE_MS), "after INIT it can be started again");
	check(WAIT_FOR(note_at(0, 8) == 1, PATIENCE_MS), "and begins again");
}

/* --- refusals --- */

struct bad {
	const char *what;
	unsigned offset, size;
	uint64_t value;
};

#define FIELD(field) offsetof(struct input, field), sizeof(((struct input *)0)->field)

static const struct bad bads[] = {
	{"RIP that is not canonical", FIELD(rip), 1ull << 60},
	{"RFLAGS without bit 1", FIELD(rflags), 0},
	{"RFLAGS with virtual-8086 mode", FIELD(rflags), 2 | 1ull << 17},
	{"RFLAGS with bit 3", FIELD(rflags), 2 | 1ull << 3},
	{"CR0 with bit 32", FIELD(cr0), CR0_64 | 1ull << 32},
	{"CR0 with paging and without protection", FIELD(cr0), CR0_64 & ~1ull},
	{"CR0 with NW and without CD", FIELD(cr0), CR0_64 | 1ull << 29},
	{"CR3 with bit 63", FIELD(cr3), 1ull << 63},
	{"CR4 without PAE", FIELD(cr4), CR4_64 & ~0x20ull},
	{"CR4 with bit 63", FIELD(cr4), CR4_64 | 1ull << 63},
	{"EFER with bit 63", FIELD(efer), EFER_LONG | 1ull << 63},
	{"EFER with SVME", FIELD(efer), EFER_LONG | 1ull << 12},
	{"64-bit code without long mode", FIELD(efer), 0},
	{"PAT with memory type 3", FIELD(pat), 3},
	{"CS that is not present", FIELD(cs.attributes), 0xA01B},
	{"CS of data", FIELD(cs.attributes), 0xA093},
	{"CS with L and D", FIELD(cs.attributes), 0xE09B},
	{"CS of another level than SS", FIELD(cs.attributes), 0xA0FB},
	{"CS with a reserved bit", FIELD(cs.attributes), 0xA19B},
	{"SS that cannot be written", FIELD(ss.attributes), 0xC091},
	{"DS of code that cannot be read", FIELD(ds.attributes), 0xC099},
	{"ES with a limit in bytes beyond 1 MiB", FIELD(es.attributes), 0x4093},
	{"GS with a base that is not canonical", FIELD(gs.base), 1ull << 60},
	{"DS with a base beyond 4 GiB", FIELD(ds.base), 1ull << 32},
	{"TR that is not present", FIELD(tr.attributes), 0x000B},
	{"TR of data", FIELD(tr.attributes), 0x0093},
	{"LDTR of a task", FIELD(ldtr.attributes), 0x008B},
	{"GDTR with a base that is not canonical", FIELD(gdtr.base), 1ull << 60},
	{"IDTR with a base that is not canonical", FIELD(idtr.base), 1ull << 60},
};

static void test_bad_states(uint32_t vp)
{
	for (unsigned i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		prepare_64(vp);
		memcpy((uint8_t *)input + bads[i].offset, &bads[i].value, bads[i].size);
		check_equal(start(), HV_INVALID_REGISTER_VALUE, "%s is refused", bads[i].what);
	}
	delay(5);
	check_equal(note_at(0, 8), 0, "and nothing was started");
}

static void test_targets(void)
{
	prepare_64((uint32_t)rdmsr(HV_MSR_VP_INDEX));
	check_equal(start(), HV_INVALID_VP_STATE, "the caller runs already");
	input->vp = VP_SELF;
	check_equal(start(), HV_INVALID_VP_STATE, "also as oneself");
	input->vp = 4000;
	check_equal(start(), HV_INVALID_VP_INDEX, "VP 4000 does not exist");
	input->vp = 0;
	input->partition = 0;
	check_equal(start(), HV_INVALID_PARTITION_ID, "nor does partition 0");
	input->partition = SELF;
	input->vtl = 0x11;
	check(start() != HV_SUCCESS, "trust level 1 is refused");
	check_equal(hv_status(hv_call(CALL | HV_CONTROL_FAST, SELF, 0)), HV_INVALID_INPUT,
		    "there is no fast form");
}

void test_main(void)
{
	if (!hv_enable_hypercalls() || !hv_has_ebx(HV_EBX_START_VP)) {
		skip("not advertised", "starting processors by hypercall");
		return;
	}
	input = page_alloc(1);
	notes = page_alloc(1);
	test_targets();
	if (smp_listed() < 4) {
		skip("fewer than 4 processors", "starting others");
		return;
	}
	test_bad_states(1);
	test_64(1);
	test_32(2);
	test_real(3);
	test_again(1);
}
