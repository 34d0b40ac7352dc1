/* SPDX-License-Identifier: MIT */
/*
 * What a hypervisor offers, and how to call what it does not.
 *
 * Source: TLFS 6.0b, 2.4 "Microsoft Hypervisor CPUID Leaves", 4.2.2 HV_PARTITION_PRIVILEGE_MASK.
 */
#include "suite.h"

#include "../guest/framework/hv.h"

#define HINT_FLUSH (3u << 1) /* local or remote flushes by hypercall */

/* Features and recommendations lie in bits that no privilege uses; the rest of the mask is privileges. */
#define NEEDS_ELSEWHERE 0x3FFF0000ull

static const struct need {
	uint64_t bit;
	const char *name;
	uint32_t edx;  /* the feature, or */
	uint32_t hint; /* the recommendation that it stands for */
} needs[] = {
	{NEED_VP_RUNTIME, "AccessVpRunTimeReg", 0, 0},
	{NEED_REFERENCE_COUNTER, "AccessPartitionReferenceCounter", 0, 0},
	{NEED_SYNIC, "AccessSynicRegs", 0, 0},
	{NEED_SYNTHETIC_TIMERS, "AccessSyntheticTimerRegs", 0, 0},
	{NEED_APIC_MSRS, "AccessIntrCtrlRegs", 0, 0},
	{NEED_HYPERCALLS, "AccessHypercallMsrs", 0, 0},
	{NEED_VP_INDEX, "AccessVpIndex", 0, 0},
	{NEED_RESET, "AccessResetReg", 0, 0},
	{NEED_STATS, "AccessStatsReg", 0, 0},
	{NEED_REFERENCE_TSC, "AccessPartitionReferenceTsc", 0, 0},
	{NEED_GUEST_IDLE, "AccessGuestIdleReg", 0, 0},
	{NEED_FREQUENCIES, "AccessFrequencyRegs", 0, 0},
	{NEED_DEBUG_MSRS, "AccessDebugRegs", 0, 0},
	{NEED_REENLIGHTENMENT, "AccessReenlightenmentControls", 0, 0},
	{NEED_TSC_INVARIANT, "AccessTscInvariantControls", 0, 0},
	{NEED_PARTITION_ID, "AccessPartitionId", 0, 0},
	{NEED_POST_MESSAGES, "PostMessages", 0, 0},
	{NEED_SIGNAL_EVENTS, "SignalEvents", 0, 0},
	{NEED_CREATE_PORT, "CreatePort", 0, 0},
	{NEED_CONNECT_PORT, "ConnectPort", 0, 0},
	{NEED_DEBUGGING, "Debugging", 0, 0},
	{NEED_VP_REGISTERS, "AccessVpRegisters", 0, 0},
	{NEED_EXTENDED_CALLS, "EnableExtendedHypercalls", 0, 0},
	{NEED_START_VP, "StartVirtualProcessor", 0, 0},
	{NEED_XMM_INPUT, "hypercall input in XMM registers", 1u << 4, 0},
	{NEED_IDLE_FEATURE, "guest idle state", 1u << 5, 0},
	{NEED_FREQUENCY_FEATURE, "timer frequency MSRs", 1u << 8, 0},
	{NEED_CRASH, "guest crash MSRs", 1u << 10, 0},
	{NEED_DEBUG_FEATURE, "debug MSRs", 1u << 11, 0},
	{NEED_NPIEP, "non-privileged instruction execution prevention", 1u << 12, 0},
	{NEED_XMM_OUTPUT, "hypercall output in XMM registers", 1u << 15, 0},
	{NEED_SINT_POLLING, "SINT polling mode", 1u << 17, 0},
	{NEED_HYPERCALL_LOCK, "hypercall MSR lock", 1u << 18, 0},
	{NEED_DIRECT_TIMERS, "direct synthetic timers", 1u << 19, 0},
	{NEED_UNHALTED_TIMER, "unhalted timer", 1u << 23, 0},
	{NEED_FLUSH, "recommendation of flush hypercalls", 0, HINT_FLUSH},
	{NEED_CLUSTER_IPI, "recommendation of the IPI hypercall", 0, HV_HINT_CLUSTER_IPI},
	{NEED_EX_MASKS, "recommendation of ExProcessorMasks", 0, HV_HINT_EX_MASKS},
};

#define NEED_COUNT (sizeof(needs) / sizeof(needs[0]))

uint64_t offered(void)
{
	struct cpuid features = cpuid(HV_LEAF_FEATURES);
	uint32_t hints = cpuid(HV_LEAF_HINTS).eax;
	uint64_t have = (features.eax | (uint64_t)features.ebx << 32) & ~NEEDS_ELSEWHERE;

	if (!hv_present()) {
		return 0;
	}
	for (unsigned i = 0; i < NEED_COUNT; i++) {
		if ((features.edx & needs[i].edx) != 0 || (hints & needs[i].hint) != 0) {
			have |= needs[i].bit;
		}
	}
	return have;
}

void missing_text(uint64_t missing, char *to, unsigned size)
{
	char *end = to + size - 1;

	for (unsigned i = 0; i < NEED_COUNT; i++) {
		if ((missing & needs[i].bit) == 0) {
			continue;
		}
		missing &= ~needs[i].bit;
		for (const char *c = needs[i].name; *c != '\0' && to < end; c++) {
			*to++ = *c;
		}
		for (const char *c = ", "; missing != 0 && *c != '\0' && to < end; c++) {
			*to++ = *c;
		}
	}
	*to = '\0';
}
