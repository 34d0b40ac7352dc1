/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes RDMSR and WRMSR: sequences of accesses by four VPs, while virtual time passes and interrupts come.
 *
 * An input begins with a byte for the privileges; then come accesses: a byte (0 write, 2:1 which VP, 3 interrupts are
 * open at the entry that follows, 4 no entry follows, 7:5 how much time passes first), two bytes that pick the number,
 * and for a write the value (grammar/words.h). After each one:
 *	what has no row, no such direction or no privilege has faulted, and a fault has changed nothing;
 *	every overlay is where its register says and nowhere else, and no VP has missed a flush;
 *	nothing of the processor was set but EFER and PAT, and SVM not;
 *	the reference time has not run backwards.
 */
#include "core/msr.h"
#include "abi/hv_msr.h"
#include "abi/hv_privilege.h"
#include "core/debug.h"
#include "core/partition.h"
#include "core/reftime.h"
#include "fake/fake.h"
#include "test/fuzz/grammar/state.h"
#include "test/fuzz/grammar/words.h"
#include "test/fuzz/input.h"

#include <stdlib.h>

#define VPS 4
#define RAM_PAGES 8
#define ACCESSES_MAX 64
#define EFER_SVME (1u << 12)
#define CHECK_THAT(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum access {
	ACCESS_R = 1,
	ACCESS_W = 2,
	ACCESS_RW = 3,
};

struct row {
	uint32_t number;
	enum access access; /* 0: planned */
	uint64_t privileges;
};

static const struct row rows[] = {
#define HV_MSR(number, index, name, scope, access, privilege, ...)                                           \
	{number, ACCESS_##access, HV_PRIVILEGE_##privilege},
#define HV_MSR_PLANNED(number, ...) {number, 0, 0},
#include "abi/msrs.def"
};

static const uint32_t processor_numbers[] = {
#define PROCESSOR_MSR(first, last, ...) (first), (last),
#include "core/msr/processor_msrs.def"
	0x1b,  0x6e0, 0x802, 0x803, 0x808, 0x80a, 0x80b, 0x80d, 0x80f, 0x810, 0x820, 0x828, 0x82f,
	0x830, 0x832, 0x833, 0x834, 0x835, 0x836, 0x837, 0x838, 0x839, 0x83e, 0x83f, 0x8ff,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define IN_SYNTHETIC_RANGE(number) ((number) >= 0x40000000 && (number) <= 0x40001fff)

/* Below 8000: the first synthetic number that ends so or higher, so that new rows leave most inputs as they are; below
 * c000: one of the processor or the APIC; below ff00: any in the synthetic range; others: any number at all. */
static uint32_t number_take(struct input *input)
{
	uint16_t pick = 0;
	uint32_t number = 0;

	input_take(input, &pick, sizeof(pick));
	if (pick >= 0xff00) {
		input_take(input, &number, sizeof(number));
		return number;
	}
	if (pick >= 0xc000) {
		return 0x40000000 + (pick & 0x1fff);
	}
	if (pick >= 0x8000) {
		return processor_numbers[(pick & 0x3fff) % COUNT(processor_numbers)];
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		if ((rows[i].number & 0x1ff) >= (pick & 0x1ff)) {
			return rows[i].number;
		}
	}
	return rows[0].number;
}

static bool must_fault(struct fake *fake, uint32_t number, enum access access)
{
	if (!IN_SYNTHETIC_RANGE(number)) {
		return false;
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].number == number) {
			return (rows[i].access & access) == 0 ||
			       !partition_has(fake_root(fake), rows[i].privileges);
		}
	}
	return true;
}

static void registers_check(struct fake *fake)
{
	const struct fake_event *set = fake_last(fake, FAKE_REGISTER_SET);

	CHECK_THAT(set == NULL || set->a == HV_X64_REGISTER_EFER || set->a == HV_X64_REGISTER_PAT);
	CHECK_THAT(set == NULL || set->a != HV_X64_REGISTER_EFER || (set->b & EFER_SVME) == 0);
}

static enum msr_result make(struct vp *vp, struct input *input, uint32_t number, bool write)
{
	uint64_t value = 0;

	if (write) {
		return msr_write(vp, number, grammar_word(input));
	}
	return msr_read(vp, number, &value);
}

static void access_make(struct fake *fake, struct vp *vp, struct input *input, bool write)
{
	uint32_t number = number_take(input);

	state_remember(fake);
	enum msr_result result = make(vp, input, number, write);

	CHECK_THAT(result == MSR_FAULT || !must_fault(fake, number, write ? ACCESS_W : ACCESS_R));
	if (result == MSR_FAULT) {
		state_check_same(fake);
	}
	state_check_sound(fake);
	registers_check(fake);
}

/* 0, then 1 to 7: about 2 ns, 30 ns, 2 us, 32 us, 2 ms, 30 ms, half a second. */
static void time_pass(struct fake *fake, uint8_t how)
{
	static const uint8_t shifts[8] = {0, 2, 6, 12, 16, 22, 26, 30};

	if (how >> 5 != 0) {
		fake_advance(fake, UINT64_C(1) << shifts[how >> 5]);
	}
}

/* A VP that idles is woken, or the rest of the input would be lost on it. */
static void enter(struct vp *vp, uint8_t how)
{
	if ((how & 0x10) != 0) {
		return;
	}
	if (vp->activity == VP_IDLE) {
		(void)apic_raise(vp, 0x20, false);
	}
	(void)fake_vp_enter(vp, (how & 8) != 0);
}

static void step(struct fake *fake, struct input *input, uint64_t *time)
{
	uint8_t how = input_byte(input);
	struct vp *vp = fake_vp(fake, how >> 1 & 3);

	time_pass(fake, how);
	access_make(fake, vp, input, (how & 1) != 0);
	enter(vp, how);
	uint64_t now = reftime_now(fake_root(fake));

	CHECK_THAT(now >= *time);
	*time = now;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_options options = fake_options_default();
	struct input input = {data, size};
	uint64_t time = 0;

	options.vp_count = VPS;
	options.ram_pages = RAM_PAGES;
	options.privileges = grammar_privileges(&input);
	struct fake *fake = fake_hv_create_with(&options);

	CHECK_THAT(fake != NULL && debug_channel_open(fake_root(fake), true));
	for (unsigned i = 0; i < ACCESSES_MAX && input.size != 0; i++) {
		step(fake, &input, &time);
	}
	fake_hv_destroy(fake);
	return 0;
}
