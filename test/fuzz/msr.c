/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes RDMSR and WRMSR: a row of accesses by two VPs to numbers that have a meaning, and sometimes to any number.
 *
 * An access is a byte (bit 0: write, bit 1: which VP, bit 2: let time pass first, bits 7:3 chosen so that small inputs
 * reach the numbers of the tables), a byte that picks the number, and a value. After each one: every overlay is where
 * its register says and nowhere else, no VP has missed a flush, nothing of the processor was set but EFER and PAT.
 */
#include "core/msr.h"
#include "abi/hv_msr.h"
#include "core/overlay.h"
#include "core/partition.h"
#include "fake/fake.h"
#include "test/fuzz/input.h"

#include <stdlib.h>

#define RAM_PAGES 8
#define ACCESSES_MAX 64
#define CHECK_THAT(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t numbers[] = {
#define HV_MSR(number, ...) (number),
#include "abi/msrs.def"
#define PROCESSOR_MSR(first, last, ...) (first), (last),
#include "core/msr/processor_msrs.def"
	0x1b,  0x6e0, 0x802, 0x803, 0x808, 0x80a, 0x80b, 0x80d, 0x80f, 0x810, 0x820, 0x828, 0x82f,
	0x830, 0x832, 0x833, 0x834, 0x835, 0x836, 0x837, 0x838, 0x839, 0x83e, 0x83f, 0x8ff,
};

#define NUMBER_COUNT (sizeof(numbers) / sizeof(numbers[0]))
#define ANY_NUMBER 255

_Static_assert(NUMBER_COUNT < ANY_NUMBER, "one byte picks a number");

static void *frame_wanted(struct fake *fake, gpn_t page)
{
	for (struct overlay_page *overlay = fake_root(fake)->overlays; overlay != NULL;
	     overlay = overlay->next) {
		uint64_t msr = overlay_msr(overlay);

		if ((msr & 1) != 0 && msr >> PAGE_SHIFT == page.value) {
			return overlay->frame;
		}
	}
	return NULL;
}

static void overlays_check(struct fake *fake)
{
	unsigned placed = 0;

	for (struct overlay_page *overlay = fake_root(fake)->overlays; overlay != NULL;
	     overlay = overlay->next) {
		gpn_t page = gpn(overlay_msr(overlay) >> PAGE_SHIFT);

		if (overlay_enabled(overlay) && page.value >> (fake->gpa_bits - PAGE_SHIFT) == 0) {
			CHECK_THAT(fake_overlay_at(fake, page) == frame_wanted(fake, page));
			placed++;
		}
	}
	CHECK_THAT(fake->overlay_count <= placed);
	CHECK_THAT(!fake_nested_stale(fake));
}

static void registers_check(struct fake *fake)
{
	const struct fake_event *set = fake_last(fake, FAKE_REGISTER_SET);

	CHECK_THAT(set == NULL || set->a == HV_X64_REGISTER_EFER || set->a == HV_X64_REGISTER_PAT);
	CHECK_THAT(set == NULL || set->a != HV_X64_REGISTER_EFER || (set->b & 1u << 12) == 0);
}

static void access_make(struct fake *fake, struct input *input)
{
	uint8_t how = input_byte(input);
	struct vp *vp = fake_vp(fake, how >> 1 & 1);
	uint8_t pick = input_byte(input);
	uint32_t number = numbers[pick % NUMBER_COUNT];
	uint64_t value = input_word(input);

	if (pick == ANY_NUMBER) {
		number = (uint32_t)input_word(input);
	}
	if ((how & 4) != 0) {
		fake_advance(fake, UINT64_C(1) << (how >> 3));
	}
	fake_records_clear(fake);
	if ((how & 1) != 0) {
		CHECK_THAT(msr_write(vp, number, value) != MSR_IDLE);
	} else {
		enum msr_result result = msr_read(vp, number, &value);

		CHECK_THAT((result == MSR_IDLE) == (number == HV_X64_MSR_GUEST_IDLE));
	}
	overlays_check(fake);
	registers_check(fake);
	if (vp->activity == VP_IDLE) {
		(void)apic_raise(vp, 0x20, false);
	}
	(void)fake_vp_enter(vp, (how & 8) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_options options = fake_options_default();
	struct input input = {data, size};

	options.vp_count = 2;
	options.ram_pages = RAM_PAGES;
	struct fake *fake = fake_hv_create_with(&options);

	CHECK_THAT(fake != NULL);
	for (unsigned i = 0; i < ACCESSES_MAX && input.size != 0; i++) {
		access_make(fake, &input);
	}
	fake_hv_destroy(fake);
	return 0;
}
