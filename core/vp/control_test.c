/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Flags, control and debug registers: what a processor would take, bit by bit.
 *
 * Covers: HV_X64_REGISTER_RFLAGS, HV_X64_REGISTER_CR0, HV_X64_REGISTER_CR3, HV_X64_REGISTER_CR4, HV_X64_REGISTER_CR8,
 *         HV_X64_REGISTER_XFEM, HV_X64_REGISTER_DR6, HV_X64_REGISTER_DR7, HV_X64_REGISTER_EFER,
 *         HV_X64_REGISTER_KERNEL_GS_BASE, HV_X64_REGISTER_SYSENTER_RIP, HV_X64_REGISTER_SYSENTER_RSP,
 *         HV_X64_REGISTER_LSTAR, HV_X64_REGISTER_CSTAR
 */
#include "test/unit/state.h"

#define BIT(n) (UINT64_C(1) << (n))

#define RFLAGS 0x20011
#define CR0 0x40000
#define CR3 0x40002
#define CR4 0x40003
#define CR8 0x40004
#define XFEM 0x40005
#define DR6 0x50004
#define DR7 0x50005
#define EFER 0x80001

static uint64_t low(struct fake *fake, uint32_t name)
{
	return state_get(fake, name).low;
}

static void flags(void **state)
{
	struct fake *fake = *state;

	state_prepare(fake);
	for (unsigned bit = 0; bit < 64; bit++) {
		bool legal = bit <= 21 && bit != 3 && bit != 5 && bit != 15 && bit != 17;

		if (legal) {
			state_takes(fake, RFLAGS, BIT(bit) | 2, 0);
			assert_int_equal(low(fake, RFLAGS), BIT(bit) | 2);
		} else {
			state_refuses(fake, RFLAGS, BIT(bit) | 2, 0);
		}
	}
	state_refuses(fake, RFLAGS, 0, 0);
}

static void cr0_in_long_mode(void **state)
{
	struct fake *fake = *state;

	state_prepare(fake);
	for (unsigned bit = 0; bit < 64; bit++) {
		bool known = bit <= 5 || bit == 16 || bit == 18 || (bit >= 29 && bit <= 31);
		bool free = known && bit != 0 && bit != 4 && bit != 29 && bit != 31;

		if (free) {
			state_takes(fake, CR0, STATE_CR0 ^ BIT(bit), 0);
			assert_int_equal(low(fake, CR0), STATE_CR0 ^ BIT(bit));
			state_takes(fake, CR0, STATE_CR0, 0);
		} else if (bit != 4) {
			state_refuses(fake, CR0, STATE_CR0 ^ BIT(bit), 0);
		}
	}
	/* ET is always one. */
	state_takes(fake, CR0, STATE_CR0 & ~BIT(4), 0);
	assert_int_equal(low(fake, CR0), STATE_CR0);
	fake_records_clear(fake);
	state_takes(fake, CR0, STATE_CR0 | BIT(29) | BIT(30), 0);
	assert_int_equal(fake_count(fake, FAKE_REGISTER_SET), 1);
}

static void cr0_begins_and_ends_long_mode(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	state_prepare_32(fake);
	state_refuses(fake, CR0, 0x32, 0); /* real mode */
	state_takes(fake, CR0, BIT(31) | 0x33, 0);
	assert_int_equal(low(fake, EFER), 0);
	state_takes(fake, CR0, 0x33, 0);
	fake_register_set(vp, HV_X64_REGISTER_EFER, BIT(8));
	state_refuses(fake, CR0, BIT(31) | 0x33, 0); /* no PAE */
	fake_register_set(vp, HV_X64_REGISTER_CR4, BIT(5));
	fake_register_set(vp, HV_X64_REGISTER_CS, STATE_CS);
	state_refuses(fake, CR0, BIT(31) | 0x33, 0); /* L means nothing yet */
	fake_register_set(vp, HV_X64_REGISTER_CS, UINT64_C(0xc09b0008ffffffff));
	state_takes(fake, CR0, BIT(31) | 0x33, 0);
	assert_int_equal(low(fake, EFER), BIT(8) | BIT(10));
	state_takes(fake, CR0, 0x33, 0); /* from compatibility mode */
	assert_int_equal(low(fake, EFER), BIT(8));
	/* With paging under way, the same bit of CS is nobody's concern. */
	fake_register_set(vp, HV_X64_REGISTER_CR0, BIT(31) | 0x33);
	fake_register_set(vp, HV_X64_REGISTER_EFER, 0);
	fake_register_set(vp, HV_X64_REGISTER_CS, STATE_CS);
	state_takes(fake, CR0, BIT(31) | 0x33, 0);
}

static void cr3_fits_the_mode(void **state)
{
	struct fake *fake = *state;

	state_prepare(fake);
	state_takes(fake, CR3, (BIT(40) - 1) & ~UINT64_C(0xfff), 0);
	assert_int_equal(low(fake, CR3), (BIT(40) - 1) & ~UINT64_C(0xfff));
	state_refuses(fake, CR3, BIT(40), 0);
	state_refuses(fake, CR3, BIT(63), 0);
	state_prepare_32(fake);
	state_takes(fake, CR3, UINT32_MAX, 0);
	state_refuses(fake, CR3, BIT(32), 0);
}

static void cr4_has_the_bits_that_cpuid_shows(void **state)
{
	struct fake *fake = *state;
	const uint64_t legal = UINT64_C(0x771fff);

	state_prepare(fake);
	for (unsigned bit = 0; bit < 64; bit++) {
		if (bit == 5 || bit == 12) {
			continue;
		}
		if ((legal & BIT(bit)) != 0) {
			state_takes(fake, CR4, STATE_CR4 | BIT(bit), 0);
			assert_int_equal(low(fake, CR4), STATE_CR4 | BIT(bit));
		} else {
			state_refuses(fake, CR4, STATE_CR4 | BIT(bit), 0);
		}
	}
	fake_cpuid_set(fake, 1, 0, (struct cpuid_result){.edx = 1u << 6});
	fake_cpuid_set(fake, 7, 0, (struct cpuid_result){0});
	state_takes(fake, CR4, BIT(5), 0);
	for (unsigned bit = 0; bit < 64; bit++) {
		if (bit != 5) {
			state_refuses(fake, CR4, BIT(5) | BIT(bit), 0);
		}
	}
}

static void cr4_and_long_mode(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	state_prepare(fake);
	state_refuses(fake, CR4, STATE_CR4 & ~BIT(5), 0);
	state_refuses(fake, CR4, STATE_CR4 | BIT(12), 0); /* deeper tables, while they are in use */
	fake_register_set(vp, HV_X64_REGISTER_CR3, 0x5001);
	state_refuses(fake, CR4, STATE_CR4 | BIT(17), 0); /* an identifier that nobody chose */
	fake_register_set(vp, HV_X64_REGISTER_CR3, 0x5000);
	state_takes(fake, CR4, STATE_CR4 | BIT(17), 0);
	fake_register_set(vp, HV_X64_REGISTER_CR3, 0x5001);
	state_takes(fake, CR4, STATE_CR4 | BIT(17) | BIT(2), 0);
	state_prepare_32(fake);
	state_refuses(fake, CR4, BIT(17), 0);
	state_takes(fake, CR4, BIT(12), 0);
}

static void cr8_is_the_tpr(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	state_takes(fake, CR8, 15, 0);
	assert_int_equal(vp->apic.tpr, 0xf0);
	assert_int_equal(low(fake, CR8), 15);
	state_refuses(fake, CR8, 16, 0);
}

static void efer_keeps_long_mode(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	state_prepare(fake);
	state_takes(fake, EFER, STATE_EFER | 1 | BIT(11), 0);
	assert_int_equal(low(fake, EFER), STATE_EFER | 1 | BIT(11));
	state_refuses(fake, EFER, STATE_EFER & ~BIT(8), 0);
	state_refuses(fake, EFER, STATE_EFER & ~BIT(10), 0);
	state_refuses(fake, EFER, STATE_EFER | BIT(12), 0);
	state_refuses(fake, EFER, STATE_EFER | BIT(20), 0);
	state_prepare_32(fake);
	state_takes(fake, EFER, BIT(8), 0);
	state_refuses(fake, EFER, BIT(8) | BIT(10), 0);
	state_takes(fake, EFER, 0, 0);
	fake_register_set(vp, HV_X64_REGISTER_CR0, BIT(31) | 1);
	state_refuses(fake, EFER, BIT(8), 0);
	state_takes(fake, EFER, 1, 0);
}

static void debug_registers(void **state)
{
	struct fake *fake = *state;

	state_takes(fake, DR6, 0, 0);
	assert_int_equal(low(fake, DR6), 0xffff0ff0);
	state_takes(fake, DR6, UINT32_MAX, 0);
	assert_int_equal(low(fake, DR6), 0xffffefff);
	state_refuses(fake, DR6, BIT(32), 0);
	state_takes(fake, DR7, 0, 0);
	assert_int_equal(low(fake, DR7), 0x400);
	state_takes(fake, DR7, UINT32_MAX, 0);
	assert_int_equal(low(fake, DR7), 0xffff27ff);
	state_refuses(fake, DR7, BIT(32), 0);
}

static void addresses_are_canonical(void **state)
{
	static const uint32_t names[] = {0x80002, 0x80006, 0x80007, 0x80009, 0x8000a};
	struct fake *fake = *state;

	for (unsigned i = 0; i < 5; i++) {
		state_prepare(fake);
		state_takes(fake, names[i], BIT(47) - 1, 0);
		state_takes(fake, names[i], ~(BIT(47) - 1), 0);
		assert_int_equal(low(fake, names[i]), ~(BIT(47) - 1));
		state_refuses(fake, names[i], BIT(47), 0);
		state_refuses(fake, names[i], BIT(63), 0);
		fake_register_set(fake_vp(fake, 0), HV_X64_REGISTER_CR4, STATE_CR4 | BIT(12));
		state_takes(fake, names[i], BIT(56) - 1, 0);
		state_refuses(fake, names[i], BIT(56), 0);
	}
}

/* What CPUID shows: x87, SSE, AVX, bounds, AVX-512, keys, tiles. */
static void xfem_has_rules_of_its_own(void **state)
{
	struct fake *fake = *state;
	struct hv_register_value value = {1, 0};

	state_prepare(fake);
	const uint64_t good[] = {1, 3, 7, 0xe7, 0x1f, 0x201, 0x60001, 0x602ff};
	const uint64_t bad[] = {0,   2,	   5,	    0x23,    0x63,  0xe3,	0xe1,
				0xb, 0x11, 0x20001, 0x40001, 0x101, BIT(63) | 1};

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		state_takes(fake, XFEM, good[i], 0);
		assert_int_equal(low(fake, XFEM), good[i]);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		state_refuses(fake, XFEM, bad[i], 0);
	}
	fake_cpuid_set(fake, 1, 0, (struct cpuid_result){0});
	state_refuses(fake, XFEM, 1, 0);
	assert_int_equal(vp_register_get(fake_vp(fake, 0), XFEM, &value), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(flags),
		unit_test_one(cr0_in_long_mode),
		unit_test_one(cr0_begins_and_ends_long_mode),
		unit_test_one(cr3_fits_the_mode),
		unit_test_one(cr4_has_the_bits_that_cpuid_shows),
		unit_test_one(cr4_and_long_mode),
		unit_test_one(cr8_is_the_tpr),
		unit_test_one(efer_keeps_long_mode),
		unit_test_one(debug_registers),
		unit_test_one(addresses_are_canonical),
		unit_test_one(xfem_has_rules_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
