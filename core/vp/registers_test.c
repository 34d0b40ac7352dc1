/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Names of registers, typed again from the specification: which there are, where they lead, in which directions.
 *
 * Covers: HV_X64_REGISTER_RAX, HV_X64_REGISTER_RCX, HV_X64_REGISTER_RDX, HV_X64_REGISTER_RBX, HV_X64_REGISTER_RSP,
 *         HV_X64_REGISTER_RBP, HV_X64_REGISTER_RSI, HV_X64_REGISTER_RDI, HV_X64_REGISTER_R8, HV_X64_REGISTER_R9,
 *         HV_X64_REGISTER_R10, HV_X64_REGISTER_R11, HV_X64_REGISTER_R12, HV_X64_REGISTER_R13, HV_X64_REGISTER_R14,
 *         HV_X64_REGISTER_R15, HV_X64_REGISTER_RIP, HV_X64_REGISTER_CR2, HV_X64_REGISTER_DR0, HV_X64_REGISTER_DR1,
 *         HV_X64_REGISTER_DR2, HV_X64_REGISTER_DR3, HV_X64_REGISTER_TSC, HV_X64_REGISTER_APIC_BASE,
 *         HV_X64_REGISTER_PAT, HV_X64_REGISTER_SYSENTER_CS, HV_X64_REGISTER_STAR, HV_X64_REGISTER_SFMASK,
 *         HV_X64_REGISTER_INITIAL_APIC_ID, HV_X64_REGISTER_MTRR_CAP, HV_X64_REGISTER_MTRR_DEF_TYPE,
 *         HV_X64_REGISTER_MTRR_PHYS_BASE0, HV_X64_REGISTER_MTRR_PHYS_BASE1, HV_X64_REGISTER_MTRR_PHYS_BASE2,
 *         HV_X64_REGISTER_MTRR_PHYS_BASE3, HV_X64_REGISTER_MTRR_PHYS_BASE4, HV_X64_REGISTER_MTRR_PHYS_BASE5,
 *         HV_X64_REGISTER_MTRR_PHYS_BASE6, HV_X64_REGISTER_MTRR_PHYS_BASE7, HV_X64_REGISTER_MTRR_PHYS_BASE8,
 *         HV_X64_REGISTER_MTRR_PHYS_BASE9, HV_X64_REGISTER_MTRR_PHYS_MASK0, HV_X64_REGISTER_MTRR_PHYS_MASK1,
 *         HV_X64_REGISTER_MTRR_PHYS_MASK2, HV_X64_REGISTER_MTRR_PHYS_MASK3, HV_X64_REGISTER_MTRR_PHYS_MASK4,
 *         HV_X64_REGISTER_MTRR_PHYS_MASK5, HV_X64_REGISTER_MTRR_PHYS_MASK6, HV_X64_REGISTER_MTRR_PHYS_MASK7,
 *         HV_X64_REGISTER_MTRR_PHYS_MASK8, HV_X64_REGISTER_MTRR_PHYS_MASK9, HV_X64_REGISTER_MTRR_FIX64K00000,
 *         HV_X64_REGISTER_MTRR_FIX16K80000, HV_X64_REGISTER_MTRR_FIX16KA0000, HV_X64_REGISTER_MTRR_FIX4KC0000,
 *         HV_X64_REGISTER_MTRR_FIX4KC8000, HV_X64_REGISTER_MTRR_FIX4KD0000, HV_X64_REGISTER_MTRR_FIX4KD8000,
 *         HV_X64_REGISTER_MTRR_FIX4KE0000, HV_X64_REGISTER_MTRR_FIX4KE8000, HV_X64_REGISTER_MTRR_FIX4KF0000,
 *         HV_X64_REGISTER_MTRR_FIX4KF8000, HV_X64_REGISTER_TSC_AUX, HV_X64_REGISTER_DEBUG_CTL,
 *         HV_X64_REGISTER_M_COUNT, HV_X64_REGISTER_A_COUNT, HV_X64_REGISTER_SPEC_CTRL, HV_X64_REGISTER_PRED_CMD,
 *         HV_X64_REGISTER_MSR_MC_UPDATE_PATCH_LEVEL, HV_X64_REGISTER_TSC_DEADLINE,
 *         HV_X64_REGISTER_MSR_IA32_MISC_ENABLE, HV_X64_REGISTER_AMD_VM_CR, HV_X64_REGISTER_APIC_ID,
 *         HV_X64_REGISTER_APIC_VERSION, HV_X64_REGISTER_APIC_TPR, HV_X64_REGISTER_APIC_PPR,
 *         HV_X64_REGISTER_APIC_EOI, HV_X64_REGISTER_APIC_LDR, HV_X64_REGISTER_APIC_SPURIOUS,
 *         HV_X64_REGISTER_APIC_ISR0, HV_X64_REGISTER_APIC_ISR1, HV_X64_REGISTER_APIC_ISR2,
 *         HV_X64_REGISTER_APIC_ISR3, HV_X64_REGISTER_APIC_ISR4, HV_X64_REGISTER_APIC_ISR5,
 *         HV_X64_REGISTER_APIC_ISR6, HV_X64_REGISTER_APIC_ISR7, HV_X64_REGISTER_APIC_TMR0,
 *         HV_X64_REGISTER_APIC_TMR1, HV_X64_REGISTER_APIC_TMR2, HV_X64_REGISTER_APIC_TMR3,
 *         HV_X64_REGISTER_APIC_TMR4, HV_X64_REGISTER_APIC_TMR5, HV_X64_REGISTER_APIC_TMR6,
 *         HV_X64_REGISTER_APIC_TMR7, HV_X64_REGISTER_APIC_IRR0, HV_X64_REGISTER_APIC_IRR1,
 *         HV_X64_REGISTER_APIC_IRR2, HV_X64_REGISTER_APIC_IRR3, HV_X64_REGISTER_APIC_IRR4,
 *         HV_X64_REGISTER_APIC_IRR5, HV_X64_REGISTER_APIC_IRR6, HV_X64_REGISTER_APIC_IRR7,
 *         HV_X64_REGISTER_APIC_ESE, HV_X64_REGISTER_APIC_ICR, HV_X64_REGISTER_APIC_LVT_TIMER,
 *         HV_X64_REGISTER_APIC_LVT_THERMAL, HV_X64_REGISTER_APIC_LVT_PERFMON, HV_X64_REGISTER_APIC_LVT_LINT0,
 *         HV_X64_REGISTER_APIC_LVT_LINT1, HV_X64_REGISTER_APIC_LVT_ERROR, HV_X64_REGISTER_APIC_INIT_COUNT,
 *         HV_X64_REGISTER_APIC_CURRENT_COUNT, HV_X64_REGISTER_APIC_DIVIDE, HV_X64_REGISTER_APIC_SELF_IPI,
 *         HV_X64_REGISTER_VP_RUNTIME, HV_X64_REGISTER_HYPERCALL, HV_X64_REGISTER_GUEST_OS_ID,
 *         HV_X64_REGISTER_VP_INDEX, HV_X64_REGISTER_TIME_REF_COUNT, HV_X64_REGISTER_EOI, HV_X64_REGISTER_ICR,
 *         HV_X64_REGISTER_TPR, HV_REGISTER_VP_ASSIST_PAGE, HV_REGISTER_REFERENCE_TSC,
 *         HV_X64_REGISTER_SINT0, HV_X64_REGISTER_SINT1, HV_X64_REGISTER_SINT2, HV_X64_REGISTER_SINT3,
 *         HV_X64_REGISTER_SINT4, HV_X64_REGISTER_SINT5, HV_X64_REGISTER_SINT6, HV_X64_REGISTER_SINT7,
 *         HV_X64_REGISTER_SINT8, HV_X64_REGISTER_SINT9, HV_X64_REGISTER_SINT10, HV_X64_REGISTER_SINT11,
 *         HV_X64_REGISTER_SINT12, HV_X64_REGISTER_SINT13, HV_X64_REGISTER_SINT14, HV_X64_REGISTER_SINT15,
 *         HV_X64_REGISTER_SCONTROL, HV_X64_REGISTER_SVERSION, HV_X64_REGISTER_SIEFP, HV_X64_REGISTER_SIMP,
 *         HV_X64_REGISTER_EOM, HV_X64_REGISTER_STIMER0_CONFIG, HV_X64_REGISTER_STIMER0_COUNT,
 *         HV_X64_REGISTER_STIMER1_CONFIG, HV_X64_REGISTER_STIMER1_COUNT, HV_X64_REGISTER_STIMER2_CONFIG,
 *         HV_X64_REGISTER_STIMER2_COUNT, HV_X64_REGISTER_STIMER3_CONFIG, HV_X64_REGISTER_STIMER3_COUNT,
 *         HV_REGISTER_STIME_UNHALTED_TIMER_CONFIG, HV_REGISTER_STIME_UNHALTED_TIMER_COUNT,
 *         HV_REGISTER_HYPERVISOR_VERSION, HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO, HV_REGISTER_FEATURES_INFO,
 *         HV_REGISTER_IMPLEMENTATION_LIMITS_INFO, HV_REGISTER_HARDWARE_FEATURES_INFO,
 *         HV_REGISTER_CPU_MANAGEMENT_FEATURES_INFO, HV_REGISTER_PASID_FEATURES_INFO,
 *         HV_REGISTER_SKIP_LEVEL_FEATURES_INFO, HV_REGISTER_NESTED_VIRT_FEATURES_INFO,
 *         HV_REGISTER_IPT_FEATURES_INFO, HV_REGISTER_GUEST_CRASH_P0, HV_REGISTER_GUEST_CRASH_P1,
 *         HV_REGISTER_GUEST_CRASH_P2, HV_REGISTER_GUEST_CRASH_P3, HV_REGISTER_GUEST_CRASH_P4,
 *         HV_REGISTER_GUEST_CRASH_CTL, HV_REGISTER_PROCESSOR_CLOCK_FREQUENCY,
 *         HV_REGISTER_INTERRUPT_CLOCK_FREQUENCY, HV_REGISTER_GUEST_IDLE,
 *         HV_X64_REGISTER_STATS_PARTITION_RETAIL, HV_X64_REGISTER_STATS_PARTITION_INTERNAL,
 *         HV_X64_REGISTER_STATS_VP_RETAIL, HV_X64_REGISTER_STATS_VP_INTERNAL,
 *         HV_REGISTER_DEBUG_DEVICE_OPTIONS
 */
#include "core/registers.h"

#include "core/cpuid.h"
#include "core/debug.h"
#include "core/msr.h"
#include "test/unit/state.h"

#define UNKNOWN 0x87
#define INVALID 5

static enum hv_status status_of(struct fake *fake, uint32_t name)
{
	struct hv_register_value value;

	return vp_register_get(fake_vp(fake, 0), name, &value);
}

/* --- Names ---------------------------------------------------------------------------------------------------- */

struct range {
	uint32_t first, last;
};

static const struct range known[] = {
	{0x100, 0x100},	    {0x200, 0x208},	{0x210, 0x215},	    {0x240, 0x241},	{0x250, 0x250},
	{0x260, 0x260},	    {0x20000, 0x20011}, {0x30000, 0x30019}, {0x40000, 0x40005}, {0x50000, 0x50005},
	{0x60000, 0x60007}, {0x70000, 0x70001}, {0x80000, 0x8000e}, {0x80010, 0x8001f}, {0x80040, 0x8004f},
	{0x80070, 0x8007b}, {0x8007d, 0x8007f}, {0x80084, 0x80085}, {0x80089, 0x80089}, {0x80095, 0x80095},
	{0x800a0, 0x800a0}, {0x800b4, 0x800b4}, {0x84802, 0x84803}, {0x84808, 0x84808}, {0x8480a, 0x8480b},
	{0x8480d, 0x8480d}, {0x8480f, 0x84828}, {0x84830, 0x84830}, {0x84832, 0x84839}, {0x8483e, 0x8483f},
	{0x90000, 0x90004}, {0x90010, 0x90013}, {0x90017, 0x90017}, {0x90020, 0x90023}, {0xa0000, 0xa0014},
	{0xb0000, 0xb0007}, {0xb0100, 0xb0101},
};

static bool is_known(uint32_t name)
{
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (name >= known[i].first && name <= known[i].last) {
			return true;
		}
	}
	return false;
}

static void these_names_are_known_and_no_others(void **state)
{
	struct fake *fake = *state;
	struct hv_register_value zero = {0, 0};

	state_prepare(fake);
	for (uint32_t name = 0; name < 0xe1000; name++) {
		assert_int_equal(status_of(fake, name) != UNKNOWN, is_known(name));
		if (!is_known(name)) {
			assert_int_equal(vp_register_set(fake_vp(fake, 0), name, &zero), UNKNOWN);
		}
	}
	assert_int_equal(status_of(fake, 0xffffffff), UNKNOWN);
	assert_int_equal(status_of(fake, 0x80020000), UNKNOWN);
	/* Reading changes nothing. */
	assert_int_equal(fake_total(fake), 0);
}

/* --- Kinds ---------------------------------------------------------------------------------------------------- */

static void general_purpose_registers(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	for (unsigned i = 0; i < 16; i++) {
		state_takes(fake, 0x20000 + i, 0x100 + i, 0);
	}
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(vp->gpr[i], 0x100 + i);
		assert_int_equal(state_get(fake, 0x20000 + i).low, 0x100 + i);
		assert_int_equal(state_get(fake, 0x20000 + i).high, 0);
	}
	assert_int_equal(vp->gpr[GPR_RSP], 0x104);
	state_refuses(fake, 0x20003, 1, 1);
	fake_register_set(vp, HV_X64_REGISTER_RIP, 0x1234);
	assert_int_equal(state_get(fake, 0x20010).low, 0x1234);
	state_refuses(fake, 0x20010, 0x1234, 0);
}

static void registers_that_take_anything(void **state)
{
	static const uint32_t names[] = {0x40001, 0x50000, 0x50001, 0x50002, 0x50003, 0x80008};
	struct fake *fake = *state;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		state_takes(fake, names[i], ~UINT64_C(0) - i, 0);
		assert_int_equal(fake_last(fake, FAKE_REGISTER_SET)->a, names[i]);
		assert_int_equal(state_get(fake, names[i]).low, ~UINT64_C(0) - i);
		state_refuses(fake, names[i], 0, 1);
	}
}

static void registers_of_32_bits(void **state)
{
	static const uint32_t names[] = {0x80005, 0x8000b};
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		state_takes(fake, names[i], UINT32_MAX, 0);
		assert_int_equal(state_get(fake, names[i]).low, UINT32_MAX);
		state_refuses(fake, names[i], UINT64_C(1) << 32, 0);
	}
	/* A register of the APIC, by its width. */
	state_refuses(fake, 0x84838, UINT64_C(1) << 32, 0);
	state_takes(fake, 0x84838, UINT32_MAX, 0);
	assert_int_equal(state_get(fake, 0x84838).low, UINT32_MAX);
}

static void clocks_and_ids_cannot_be_set(void **state)
{
	struct fake_options options = fake_options_default();
	const uint32_t ids[] = {77};

	(void)state;
	options.apic_ids = ids;
	struct fake *fake = fake_hv_create_with(&options);

	assert_int_equal(state_get(fake, 0x80000).low, fake->tsc);
	state_refuses(fake, 0x80000, 0, 0);
	assert_int_equal(state_get(fake, 0x8000c).low, 77);
	state_refuses(fake, 0x8000c, 0, 0);
	fake_hv_destroy(fake);
}

/* --- MSRs ----------------------------------------------------------------------------------------------------- */

struct twin {
	uint32_t name, msr;
	uint64_t value; /* that can be written */
};

static const struct twin twins[] = {
	{0x210, 0x40000100, 0x11},     {0x214, 0x40000104, 0x22},
	{0x260, 0x400000ff, 4},	       {0x80003, 0x1b, 0xfee00d00},
	{0x80004, 0x277, 0x0606},      {0x8000e, 0x2ff, 0xc06},
	{0x80010, 0x200, 6},	       {0x80019, 0x212, 7},
	{0x80040, 0x201, 0x800},       {0x80049, 0x213, 0x801},
	{0x80070, 0x250, 1},	       {0x80071, 0x258, 2},
	{0x80072, 0x259, 3},	       {0x80073, 0x268, 4},
	{0x8007a, 0x26f, 5},	       {0x8007d, 0x1d9, 1},
	{0x800a0, 0x1a0, 9},	       {0x80095, 0x6e0, 0},
	{0x84808, 0x808, 0x20},	       {0x84832, 0x832, 0x10031},
	{0x90002, 0x40000000, 5},      {0x90001, 0x40000001, 0x2001},
	{0x90012, 0x40000072, 0x30},   {0x90013, 0x40000073, 0x4001},
	{0x90017, 0x40000021, 0x5001}, {0x90020, 0x400000e0, 0x7001},
	{0x90021, 0x400000e1, 0x8001}, {0x90022, 0x400000e2, 0x9001},
	{0x90023, 0x400000e3, 0xa001}, {0xb0000, 0x400000b0, 0x10008},
	{0xb0007, 0x400000b7, 0},      {0xa0003, 0x40000093, 0x10040},
	{0xa0010, 0x40000080, 1},      {0xa0013, 0x40000083, 0x6001},
};

static void registers_that_are_msrs(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	assert_true(debug_channel_open(fake_root(fake), false));
	for (unsigned i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
		uint64_t value = 0;

		state_takes(fake, twins[i].name, twins[i].value, 0);
		assert_int_equal(msr_read(vp, twins[i].msr, &value), MSR_DONE);
		assert_int_equal(value, twins[i].value);
		assert_int_equal(state_get(fake, twins[i].name).low, value);
	}
}

static void msrs_keep_their_rules(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	state_refuses(fake, 0x80004, 2, 0);		     /* PAT: no memory type */
	state_refuses(fake, 0x90012, 0x100, 0);		     /* TPR: reserved bits */
	state_refuses(fake, 0x90003, 0, 0);		     /* VP index: read-only */
	state_refuses(fake, 0x8000d, 0, 0);		     /* MTRR_CAP, the same */
	state_refuses(fake, 0x80089, 0, 0);		     /* patch level, the same */
	state_refuses(fake, 0x800b4, 0, 0);		     /* VM_CR, the same */
	state_refuses(fake, 0x100, 0, 0);		     /* what CPUID says */
	state_refuses(fake, 0xb0000, 1u << 13, 0);	     /* reserved bits */
	assert_int_equal(status_of(fake, 0x90010), INVALID); /* EOI: write-only */
	state_takes(fake, 0x90010, 0, 0);
	assert_int_equal(status_of(fake, 0x8001f), INVALID); /* more ranges than there are */
	assert_int_equal(status_of(fake, 0x260), INVALID);   /* no debug device */
	vp->partition->privileges = 0;
	assert_int_equal(status_of(fake, 0x90000), INVALID);
	state_refuses(fake, 0x90002, 1, 0);
	/* In the other mode the APIC's registers are not there. */
	unit_apic_xapic_mode(vp);
	assert_int_equal(status_of(fake, 0x84808), INVALID);
}

static void msrs_that_pass_are_read_where_they_are(void **state)
{
	struct fake *fake = *state;

	fake_msr_set(fake, 0xc0000103, 3);
	fake_msr_set(fake, 0xe7, 70);
	fake_msr_set(fake, 0xe8, 80);
	assert_int_equal(state_get(fake, 0x8007b).low, 3);
	assert_int_equal(state_get(fake, 0x8007e).low, 70);
	assert_int_equal(state_get(fake, 0x8007f).low, 80);
	state_takes(fake, 0x8007b, 4, 0);
	assert_int_equal(fake_last(fake, FAKE_MSR_WRITE)->a, 0xc0000103);
	assert_int_equal(fake_last(fake, FAKE_MSR_WRITE)->b, 4);
	state_takes(fake, 0x80084, 1, 0);
	assert_int_equal(fake_last(fake, FAKE_MSR_WRITE)->a, 0x48);
	state_refuses(fake, 0x8007e, 0, 0);
	fake->msrs_refused = true;
	state_refuses(fake, 0x80084, 2, 0);
}

/* PRED_CMD is a command: it is given, and there is nothing to read. */
static void commands_are_given(void **state)
{
	struct fake *fake = *state;

	state_takes(fake, 0x80085, 1, 0);
	assert_int_equal(fake_last(fake, FAKE_MSR_WRITE)->a, 0x49);
	assert_int_equal(fake_last(fake, FAKE_MSR_WRITE)->b, 1);
	assert_int_equal(status_of(fake, 0x80085), INVALID);
	fake->msrs_refused = true;
	state_refuses(fake, 0x80085, 2, 0);
}

static void to_read_guest_idle_is_to_sleep(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	state_refuses(fake, 0x250, 0, 0);
	assert_int_equal(vp->activity, VP_RUNNING);
	assert_int_equal(state_get(fake, 0x250).low, 0);
	assert_int_equal(vp->activity, VP_IDLE);
	assert_false(fake_vp_enter(vp, true).runs);
	apic_raise(vp, 0x41, false);
	assert_true(fake_vp_enter(vp, false).runs);
	vp->partition->privileges = 0;
	assert_int_equal(status_of(fake, 0x250), INVALID);
	assert_int_equal(vp->activity, VP_RUNNING);
}

static void times_and_frequencies(void **state)
{
	struct fake *fake = *state;
	uint64_t value = 0;

	assert_int_equal(state_get(fake, 0x240).low, FAKE_TSC_HZ);
	assert_int_equal(state_get(fake, 0x241).low, 200000000);
	assert_int_equal(msr_read(fake_vp(fake, 0), 0x40000020, &value), MSR_DONE);
	assert_int_equal(state_get(fake, 0x90004).low, value);
	assert_int_equal(state_get(fake, 0x90003).low, 0);
}

static void mirrors_of_cpuid(void **state)
{
	struct fake *fake = *state;
	static const uint32_t leaves[][2] = {{0x100, 0x40000002}, {0x200, 0x40000003}, {0x201, 0x40000004},
					     {0x202, 0x40000005}, {0x203, 0x40000006}, {0x208, 0x4000000b}};

	assert_int_equal(msr_write(fake_vp(fake, 0), 0x40000000, 1), MSR_DONE);
	for (unsigned i = 0; i < 6; i++) {
		struct cpuid_result leaf = cpuid_answer(fake_vp(fake, 0), leaves[i][1], 0);
		struct hv_register_value value = state_get(fake, leaves[i][0]);

		assert_int_equal(value.low & UINT32_MAX, leaf.eax);
		assert_int_equal(value.low >> 32, leaf.ebx);
		assert_int_equal(value.high & UINT32_MAX, leaf.ecx);
		assert_int_equal(value.high >> 32, leaf.edx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(these_names_are_known_and_no_others),
		unit_test_one(general_purpose_registers),
		unit_test_one(registers_that_take_anything),
		unit_test_one(registers_of_32_bits),
		cmocka_unit_test(clocks_and_ids_cannot_be_set),
		unit_test_one(registers_that_are_msrs),
		unit_test_one(msrs_keep_their_rules),
		unit_test_one(msrs_that_pass_are_read_where_they_are),
		unit_test_one(commands_are_given),
		unit_test_one(to_read_guest_idle_is_to_sleep),
		unit_test_one(times_and_frequencies),
		unit_test_one(mirrors_of_cpuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
