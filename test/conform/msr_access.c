/* SPDX-License-Identifier: MIT */
/* Who may access which synthetic register, how, and that all other numbers do not exist. */
#include "../guest/framework/apic.h"
#include "../guest/framework/smp.h"
#include "tools.h"

#define IDLE_VECTOR 0x61

/* With the privilege reading succeeds, without it reading and writing raise #GP. */
static void expect_gated(uint32_t msr, bool allowed, const char *name)
{
	if (allowed) {
		expect_equal(rdmsr_fault(msr), NO_FAULT, "%s can be read with the privilege", name);
	} else {
		expect_equal(rdmsr_fault(msr), FAULT_GP, "reading %s without the privilege raises #GP", name);
		expect_equal(wrmsr_safe(msr, 0), FAULT_GP, "so does writing it");
	}
}

void conform_msr_privilege_vp_runtime(void)
{
	expect_gated(HV_MSR_VP_RUNTIME, has_privilege(0), "VP_RUNTIME");
}

void conform_msr_privilege_reference_counter(void)
{
	expect_gated(HV_MSR_TIME_REF_COUNT, has_privilege(1), "TIME_REF_COUNT");
}

void conform_msr_privilege_synic(void)
{
	static const uint32_t msrs[] = {MSR_SCONTROL, MSR_SVERSION, MSR_SIEFP, MSR_SIMP};

	for (unsigned i = 0; i < COUNT_OF(msrs); i++) {
		expect_gated(msrs[i], has_privilege(2), "a SynIC register");
	}
	for (unsigned i = 0; i < 16; i++) {
		expect_gated(MSR_SINT0 + i, has_privilege(2), "SINTx");
	}
}

void conform_msr_privilege_synthetic_timers(void)
{
	for (unsigned i = 0; i < 8; i++) {
		expect_gated(HV_MSR_STIMER0_CONFIG + i, has_privilege(3), "a register of a synthetic timer");
	}
}

void conform_msr_privilege_apic(void)
{
	expect_gated(HV_MSR_ICR, has_privilege(4), "ICR");
	expect_gated(HV_MSR_TPR, has_privilege(4), "TPR");
	expect_gated(HV_MSR_VP_ASSIST_PAGE, has_privilege(4), "VP_ASSIST_PAGE");
	if (!has_privilege(4)) {
		expect_equal(wrmsr_safe(HV_MSR_EOI, 0), FAULT_GP, "writing EOI raises #GP, too");
	}
}

void conform_msr_privilege_reset(void)
{
	expect_gated(HV_MSR_RESET, has_privilege(7), "RESET");
}

void conform_msr_privilege_stats(void)
{
	expect_gated(MSR_STATS_PARTITION, has_privilege(8), "STATS_PARTITION_RETAIL_PAGE");
}

void conform_msr_privilege_reference_tsc(void)
{
	expect_gated(HV_MSR_REFERENCE_TSC, has_privilege(9), "REFERENCE_TSC");
}

/* Reading it sleeps, so that something has to be pending. */
void conform_msr_privilege_guest_idle(void)
{
	interrupts_off();
	apic_send_self(IDLE_VECTOR);
	expect_gated(HV_MSR_GUEST_IDLE, has_privilege(10), "GUEST_IDLE");
	interrupts_on();
	interrupts_off();
}

void conform_msr_privilege_frequencies(void)
{
	expect_gated(HV_MSR_TSC_FREQUENCY, has_privilege(11), "TSC_FREQUENCY");
	expect_gated(HV_MSR_APIC_FREQUENCY, has_privilege(11), "APIC_FREQUENCY");
}

void conform_msr_privilege_reenlightenment(void)
{
	expect_gated(MSR_REENLIGHTENMENT_CONTROL, has_privilege(13), "REENLIGHTENMENT_CONTROL");
	expect_gated(MSR_TSC_EMULATION_CONTROL, has_privilege(13), "TSC_EMULATION_CONTROL");
	expect_gated(MSR_TSC_EMULATION_STATUS, has_privilege(13), "TSC_EMULATION_STATUS");
}

void conform_msr_feature_crash(void)
{
	bool there = (cpuid(HV_LEAF_FEATURES).edx & HV_EDX_CRASH) != 0;

	for (unsigned i = 0; i < 5; i++) {
		expect_gated(HV_MSR_CRASH_P0 + i, there, "a crash parameter");
	}
	expect_gated(HV_MSR_CRASH_CTL, there, "CRASH_CTL");
}

void conform_msr_feature_debug(void)
{
	bool there = (cpuid(HV_LEAF_FEATURES).edx & 1u << 11) != 0;

	expect_gated(MSR_DEBUG_CONTROL, there, "SYNTH_DEBUG_CONTROL");
}

void conform_msr_feature_unhalted_timer(void)
{
	bool there = (cpuid(HV_LEAF_FEATURES).edx & 1u << 23) != 0 && has_privilege(3);

	expect_gated(MSR_UNHALTED_CONFIG, there, "STIME_UNHALTED_TIMER_CONFIG");
	expect_gated(MSR_UNHALTED_COUNT, there, "STIME_UNHALTED_TIMER_COUNT");
}

void conform_msr_feature_npiep(void)
{
	expect_gated(MSR_NPIEP_CONFIG, (cpuid(HV_LEAF_FEATURES).edx & 1u << 12) != 0, "NPIEP_CONFIG");
}

/* Reading a trigger enters a power state, and so only the configuration is read. */
void conform_msr_privilege_power_states(void)
{
	if (has_privilege(44)) {
		skip_requirement("the partition has CpuManagement");
		return;
	}
	for (unsigned i = 0; i < 3; i++) {
		expect_gated(MSR_POWER_CONFIG_C1 + i, false, "POWER_STATE_CONFIG");
		expect_gated(MSR_POWER_TRIGGER_C1 + i, false, "POWER_STATE_TRIGGER");
	}
}

void conform_msr_privilege_nested(void)
{
	bool nested = (cpuid(HV_LEAF_HINTS).eax & 1u << 12) != 0;

	if (has_privilege(44) && nested) {
		skip_requirement("this is the root partition of a nested hypervisor");
		return;
	}
	expect_gated(MSR_NESTED_VP_INDEX, false, "NESTED_VP_INDEX");
	expect_gated(MSR_NESTED_SCONTROL, false, "NESTED_SCONTROL");
}

void conform_msr_unlisted(void)
{
	static const uint32_t numbers[] = {
		0x40000004, 0x4000000F, 0x40000011, 0x4000001F, 0x40000024, 0x4000003F, 0x40000041,
		0x4000006F, 0x40000074, 0x4000007F, 0x4000008F, 0x400000A0, 0x400000AF, 0x400000B8,
		0x400000BF, 0x400000D0, 0x400000EF, 0x40000119, 0x400001FE, 0x4000FFFF, 0x4FFFFFFF,
	};

	for (unsigned i = 0; i < COUNT_OF(numbers); i++) {
		expect_equal(rdmsr_fault(numbers[i]), FAULT_GP, "reading 0x%x raises #GP", numbers[i]);
		expect_equal(wrmsr_safe(numbers[i], 0), FAULT_GP, "writing 0x%x raises #GP", numbers[i]);
	}
}

static volatile uint64_t read_value;

static void user_rdmsr(void *unused)
{
	uint32_t low, high;

	(void)unused;
	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(HV_MSR_VP_INDEX));
	read_value = low | (uint64_t)high << 32;
}

static void user_wrmsr(void *unused)
{
	(void)unused;
	__asm__ volatile("wrmsr" ::"c"(HV_MSR_GUEST_OS_ID), "a"(0), "d"(0));
}

void conform_msr_user_mode(void)
{
	uint64_t id = rdmsr(HV_MSR_GUEST_OS_ID);

	expect_equal(user_call(user_rdmsr, NULL), FAULT_GP, "RDMSR of VP_INDEX in user mode raises #GP");
	expect_equal(user_call(user_wrmsr, NULL), FAULT_GP, "WRMSR of GUEST_OS_ID in user mode raises #GP");
	expect_equal(rdmsr(HV_MSR_GUEST_OS_ID), id, "and changes nothing");
}

void conform_msr_vp_runtime_read_only(void)
{
	expect_read_only(HV_MSR_VP_RUNTIME, 0x7000000000000001, "VP_RUNTIME");
}

void conform_msr_time_ref_count_read_only(void)
{
	expect_read_only(HV_MSR_TIME_REF_COUNT, 0x7000000000000001, "TIME_REF_COUNT");
}

void conform_msr_sversion_read_only(void)
{
	expect_read_only(MSR_SVERSION, 2, "SVERSION");
}

void conform_msr_eoi_write_only(void)
{
	expect_equal(rdmsr_fault(HV_MSR_EOI), FAULT_GP, "reading EOI raises #GP");
	expect_equal(wrmsr_safe(HV_MSR_EOI, 0), NO_FAULT, "writing it does not");
}

void conform_msr_eom_reads_zero(void)
{
	uint64_t value = 1;

	expect_equal(rdmsr_safe(MSR_EOM, &value), NO_FAULT, "EOM can be read");
	expect_equal(value, 0, "it reads");
}

void conform_msr_reset_reads_zero(void)
{
	expect_equal(rdmsr(HV_MSR_RESET), 0, "RESET reads");
	expect_equal(wrmsr_safe(HV_MSR_RESET, 0), NO_FAULT, "writing it with bit 0 clear does nothing");
	expect_equal(rdmsr(HV_MSR_RESET), 0, "RESET still reads");
}

void conform_msr_tpr_reserved(void)
{
	unsigned fault = wrmsr_safe(HV_MSR_TPR, 0x130);

	observe("writing TPR with reserved bit 8 set: %s, CR8 is then %lu",
		fault == NO_FAULT ? "accepted" : "refused with a fault", read_cr8());
	write_cr8(0);
}
