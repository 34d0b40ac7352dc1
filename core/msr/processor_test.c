/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The policy for the processor's MSRs. The dangerous registers are listed here a second time, by number, so that a row
 * that opens one of them by mistake is found; so are those that a guest cannot do without.
 */
#include "core/hv.h"
#include "core/msr.h"
#include "test/unit/unit.h"

#define EFER 0xc0000080
#define PAT 0x277

static bool read_faults(struct fake *fake, uint32_t number)
{
	uint64_t value = 0;

	return msr_read(fake_vp(fake, 0), number, &value) == MSR_FAULT;
}

static bool write_faults(struct fake *fake, uint32_t number, uint64_t value)
{
	return msr_write(fake_vp(fake, 0), number, value) == MSR_FAULT;
}

static uint64_t read(struct fake *fake, uint32_t vp, uint32_t number)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(msr_read(fake_vp(fake, vp), number, &value), MSR_DONE);
	return value;
}

/* --- What must never be open ---------------------------------------------------------------------------------- */

static void registers_with_addresses_are_denied(void **state)
{
	struct fake *fake = *state;
	static const uint32_t numbers[] = {
		0x79,	    /* BIOS_UPDT_TRIG */
		0x9b,	    /* SMM monitor control */
		0x480,	    /* VMX */
		0x560,	    /* processor trace output */
		0x570,	    /* processor trace */
		0x600,	    /* DS_AREA */
		0xda0,	    /* XSS */
		0x1f2,	    /* SMRR */
		0xc0000104, /* TSC_RATIO */
		0xc0010020, /* PATCH_LOADER */
		0xc0010111, /* SMBASE */
		0xc0010112, /* SMM address */
		0xc0010113, /* SMM mask */
		0xc0010116, /* SMM_CTL */
		0xc0010117, /* VM_HSAVE_PA */
		0xc0010118, /* SVM key */
		0xc0010119, /* SMM key */
		0xc001011a, /* local SMI status */
		0xc001011b, /* AVIC doorbell */
		0xc001011e, /* VM page flush */
		0xc0010130, /* GHCB */
		0xc0010131, /* SEV status */
		0xc0010132, /* RMP base */
		0xc0010133, /* RMP end */
		0xc0011030, /* IBS */
	};

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_true(read_faults(fake, numbers[i]));
		assert_true(write_faults(fake, numbers[i], 0));
		assert_false(msr_passes_through(numbers[i], false));
		assert_false(msr_passes_through(numbers[i], true));
	}
	assert_int_equal(fake_total(fake), 0);
}

static bool may_pass(uint32_t number, bool write)
{
	static const struct {
		uint32_t first, last;
		bool read, write;
	} allowed[] = {
		{0x10, 0x10, true, false},	      /* TSC */
		{0x48, 0x49, true, true},	      /* speculation control */
		{0xe7, 0xe8, true, false},	      /* MPERF, APERF */
		{0x10b, 0x10b, true, true},	      /* FLUSH_CMD */
		{0x174, 0x176, true, true},	      /* SYSENTER */
		{0xc0000081, 0xc0000084, true, true}, /* STAR, LSTAR, CSTAR, SFMASK */
		{0xc0000100, 0xc0000103, true, true}, /* FS, GS, kernel GS, TSC_AUX */
	};

	for (unsigned i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		if (number >= allowed[i].first && number <= allowed[i].last) {
			return write ? allowed[i].write : allowed[i].read;
		}
	}
	return false;
}

/* Over every number that a permission map knows, and those of the scalable machine checks. */
static void nothing_else_passes_through(void **state)
{
	static const uint32_t starts[] = {0, 0xc0000000, 0xc0010000, 0x40000000};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		for (uint32_t number = starts[i]; number < starts[i] + 0x3000; number++) {
			assert_int_equal(msr_passes_through(number, false), may_pass(number, false));
			assert_int_equal(msr_passes_through(number, true), may_pass(number, true));
		}
	}
}

/* When one that passes through exits all the same, the processor does not have it. */
static void passing_registers_that_exit_fault(void **state)
{
	struct fake *fake = *state;

	for (uint32_t number = 0; number < 0x2000; number++) {
		if (may_pass(number, true)) {
			assert_true(write_faults(fake, number, 0));
		}
		if (may_pass(number, false)) {
			assert_true(read_faults(fake, number));
		}
	}
}

/* No number at all may do anything to the machine but EFER and PAT. */
static void writes_reach_nothing(void **state)
{
	struct fake *fake = *state;
	static const uint32_t starts[] = {0, 0xc0000000, 0xc0010000};

	for (unsigned i = 0; i < 3; i++) {
		for (uint32_t number = starts[i]; number < starts[i] + 0x3000; number++) {
			bool apic = number == 0x1b || number == 0x6e0 || (number >= 0x800 && number < 0x900);

			if (!apic && number != EFER && number != PAT) {
				(void)read_faults(fake, number);
				(void)msr_write(fake_vp(fake, 0), number, UINT64_MAX);
				(void)msr_write(fake_vp(fake, 0), number, 0);
			}
		}
	}
	assert_int_equal(fake_total(fake), 0);
}

/* --- Shadows and fixed answers -------------------------------------------------------------------------------- */

static const uint32_t shadows[] = {
	0x17a,	    0x1a0,	0x1d9,	    0x200,	0x20f,	    0x213,	0x250,
	0x258,	    0x259,	0x268,	    0x26f,	0x2ff,	    0xc0010010, 0xc0010015,
	0xc001001f, 0xc0010055, 0xc0011020, 0xc0011023, 0xc0011028, 0xc0011029, 0xc001102e,
};

#define SHADOW_COUNT (sizeof(shadows) / sizeof(shadows[0]))

/* Each reads the machine's value until the VP writes its own; no two share a place, and no two VPs. */
static void shadows_read_what_was_written(void **state)
{
	struct fake *fake = *state;

	for (uint32_t i = 0; i < SHADOW_COUNT; i++) {
		fake_msr_set(fake, shadows[i], 1000 + i);
	}
	for (uint32_t i = 0; i < SHADOW_COUNT; i++) {
		assert_int_equal(read(fake, 0, shadows[i]), 1000 + i);
		assert_int_equal(msr_write(fake_vp(fake, 0), shadows[i], i), MSR_DONE);
	}
	for (uint32_t i = 0; i < SHADOW_COUNT; i++) {
		assert_int_equal(read(fake, 0, shadows[i]), i);
		assert_int_equal(read(fake, 1, shadows[i]), 1000 + i);
	}
	assert_int_equal(fake_total(fake), 0);
}

static void machine_registers_are_read_only(void **state)
{
	struct fake *fake = *state;
	static const uint32_t numbers[] = {0x17,       0xfe,	   0xc0010058, 0xc001001a,
					   0xc001001d, 0xc0010140, 0xc0010141};

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(read(fake, 0, numbers[i]), 0);
		fake_msr_set(fake, numbers[i], 0x1234 + i);
		assert_int_equal(read(fake, 0, numbers[i]), 0x1234 + i);
		assert_true(write_faults(fake, numbers[i], 0));
	}
}

static void some_writes_are_dropped(void **state)
{
	struct fake *fake = *state;

	fake_msr_set(fake, 0x8b, 77);
	assert_int_equal(msr_write(fake_vp(fake, 0), 0x8b, 0), MSR_DONE);
	assert_int_equal(read(fake, 0, 0x8b), 77);
	assert_int_equal(msr_write(fake_vp(fake, 0), 0x10, 0), MSR_DONE);
	assert_int_equal(fake_total(fake), 0);
}

static void there_are_no_machine_check_banks(void **state)
{
	struct fake *fake = *state;

	fake_msr_set(fake, 0x179, 0x1000a);
	assert_int_equal(read(fake, 0, 0x179), 0);
	assert_true(write_faults(fake, 0x179, 0));
	assert_true(read_faults(fake, 0x17b));
	for (uint32_t number = 0x400; number < 0x480; number++) {
		assert_true(read_faults(fake, number));
		assert_true(write_faults(fake, number, 0));
	}
}

static void svm_is_disabled_and_locked(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(read(fake, 0, 0xc0010114), 0x18);
	assert_true(write_faults(fake, 0xc0010114, 0));
}

/* --- EFER and PAT --------------------------------------------------------------------------------------------- */

static void set(struct fake *fake, enum hv_register_name name, uint64_t value)
{
	fake_register_set(fake_vp(fake, 0), name, value);
}

static uint64_t efer(struct fake *fake)
{
	return machine_register_get(fake_vp(fake, 0), HV_X64_REGISTER_EFER);
}

static void efer_hides_the_hypervisors_bit(void **state)
{
	struct fake *fake = *state;

	set(fake, HV_X64_REGISTER_EFER, 0x1d01);
	assert_int_equal(read(fake, 0, EFER), 0x0d01);
	assert_true(write_faults(fake, EFER, 0x1d01));
	assert_int_equal(efer(fake), 0x1d01);
}

static void efer_takes_its_four_bits(void **state)
{
	struct fake *fake = *state;

	for (unsigned bit = 0; bit < 64; bit++) {
		bool legal = bit == 0 || bit == 8 || bit == 10 || bit == 11;

		set(fake, HV_X64_REGISTER_EFER, 0);
		assert_int_equal(write_faults(fake, EFER, UINT64_C(1) << bit), !legal);
		assert_int_equal(efer(fake), legal && bit != 10 ? UINT64_C(1) << bit : 0);
	}
}

static void efer_takes_what_cpuid_shows(void **state)
{
	struct fake *fake = *state;
	const uint64_t extra = 1u << 14 | 1u << 15 | 1u << 21;

	assert_true(write_faults(fake, EFER, 1u << 14));
	assert_true(write_faults(fake, EFER, 1u << 15));
	assert_true(write_faults(fake, EFER, 1u << 21));
	fake_cpuid_set(fake, 0x80000001, 0, (struct cpuid_result){.ecx = 1u << 17, .edx = 1u << 25});
	fake_cpuid_set(fake, 0x80000021, 0, (struct cpuid_result){.eax = 1u << 8});
	assert_false(write_faults(fake, EFER, extra));
	assert_int_equal(efer(fake), extra);
}

static void long_mode_is_not_switched_under_paging(void **state)
{
	struct fake *fake = *state;

	set(fake, HV_X64_REGISTER_CR0, UINT64_C(0x80000001));
	set(fake, HV_X64_REGISTER_EFER, 0x500);
	assert_true(write_faults(fake, EFER, 0));
	assert_true(write_faults(fake, EFER, 0x400));
	assert_int_equal(efer(fake), 0x500);
	assert_false(write_faults(fake, EFER, 0x901));
	assert_int_equal(efer(fake), 0xd01); /* LMA stays */
	set(fake, HV_X64_REGISTER_EFER, 0);
	assert_true(write_faults(fake, EFER, 0x100));
	set(fake, HV_X64_REGISTER_CR0, 1);
	assert_false(write_faults(fake, EFER, 0x100));
	assert_int_equal(efer(fake), 0x100);
}

static void pat_takes_legal_types(void **state)
{
	struct fake *fake = *state;

	for (unsigned entry = 0; entry < 8; entry++) {
		for (uint64_t type = 0; type < 256; type++) {
			bool legal = type == 0 || type == 1 || (type >= 4 && type <= 7);
			uint64_t value = (UINT64_C(0x0606060606060606) & ~(UINT64_C(0xff) << (8 * entry))) |
					 type << (8 * entry);

			assert_int_equal(write_faults(fake, PAT, value), !legal);
			if (legal) {
				assert_int_equal(read(fake, 0, PAT), value);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(registers_with_addresses_are_denied),
		unit_test_one(nothing_else_passes_through),
		unit_test_one(passing_registers_that_exit_fault),
		unit_test_one(writes_reach_nothing),
		unit_test_four(shadows_read_what_was_written),
		unit_test_one(machine_registers_are_read_only),
		unit_test_one(some_writes_are_dropped),
		unit_test_one(there_are_no_machine_check_banks),
		unit_test_one(svm_is_disabled_and_locked),
		unit_test_one(efer_hides_the_hypervisors_bit),
		unit_test_one(efer_takes_its_four_bits),
		unit_test_one(efer_takes_what_cpuid_shows),
		unit_test_one(long_mode_is_not_switched_under_paging),
		unit_test_one(pat_takes_legal_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
