/* SPDX-License-Identifier: MIT */
/*
 * What a partition is not offered is refused.
 *
 * Checked, with what CPUID leaf 0x40000003 says in hand: every synthetic MSR that a source describes answers reading when
 * its privilege and its feature are offered, and raises #GP, reading and writing, when one of them is missing; the
 * numbers between them always do. Every hypercall whose privilege is missing is refused, whatever its form. XMM fast
 * input, direct timers and the lock of the hypercall page do not exist without their bits. The leaves above the last one
 * that leaf 0x40000000 names are zero, and all processors have the same leaves.
 *
 * The same kernel runs on a hypervisor that offers everything, on one that offers what "Hv#1" guarantees, on one that
 * offers what the first version had, and on one with a debug device, so that each register is seen from both sides.
 *
 * Says who: TLFS 2.0a 3.4, 11.10 and 5.2.3 (privileges); TLFS 6.0b, "Feature and Interface Discovery", "Partition
 * Privilege Flags", "XMM Fast Hypercall Input" (#UD when it is not offered).
 *
 * Run: --smp 1
 * Run: --smp 2 --hv-profile minimal
 * Run: --smp 1 --hv-profile ws2008
 * Run: --smp 1 --option debug-channel=loopback
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define NO_PRIVILEGE 64
#define NO_FEATURE 32

#define READ 1
#define WRITE 2
#define BOTH 3
#define WAITS 4 /* reading it takes time: not read here */

struct msr {
	uint32_t number;
	uint8_t access;
	uint8_t privilege; /* bit of the 64-bit mask: EAX, then EBX */
	uint8_t feature;   /* bit of EDX */
	const char *name;
};

#define SINT(n)                                                                                              \
	{                                                                                                    \
		0x40000090 + (n), BOTH, 2, NO_FEATURE, "SINT" #n                                             \
	}
#define NESTED(number, name)                                                                                 \
	{                                                                                                    \
		number, BOTH, 44, NO_FEATURE, "NESTED_" name                                                 \
	}

static const struct msr msrs[] = {
	{0x40000000, BOTH, 5, NO_FEATURE, "GUEST_OS_ID"},
	{0x40000001, BOTH, 5, NO_FEATURE, "HYPERCALL"},
	{0x40000002, READ, 6, NO_FEATURE, "VP_INDEX"},
	{0x40000003, BOTH, 7, NO_FEATURE, "RESET"},
	{0x40000010, READ, 0, NO_FEATURE, "VP_RUNTIME"},
	{0x40000020, READ, 1, NO_FEATURE, "TIME_REF_COUNT"},
	{0x40000021, BOTH, 9, NO_FEATURE, "REFERENCE_TSC"},
	{0x40000022, READ, 11, 8, "TSC_FREQUENCY"},
	{0x40000023, READ, 11, 8, "APIC_FREQUENCY"},
	{0x40000040, BOTH, NO_PRIVILEGE, 12, "NPIEP_CONFIG"},
	{0x40000070, WRITE, 4, NO_FEATURE, "EOI"},
	{0x40000071, BOTH, 4, NO_FEATURE, "ICR"},
	{0x40000072, BOTH, 4, NO_FEATURE, "TPR"},
	{0x40000073, BOTH, 4, NO_FEATURE, "VP_ASSIST_PAGE"},
	{0x40000080, BOTH, 2, NO_FEATURE, "SCONTROL"},
	{0x40000081, READ, 2, NO_FEATURE, "SVERSION"},
	{0x40000082, BOTH, 2, NO_FEATURE, "SIEFP"},
	{0x40000083, BOTH, 2, NO_FEATURE, "SIMP"},
	{0x40000084, BOTH, 2, NO_FEATURE, "EOM"},
	SINT(0),
	SINT(1),
	SINT(2),
	SINT(3),
	SINT(4),
	SINT(5),
	SINT(6),
	SINT(7),
	SINT(8),
	SINT(9),
	SINT(10),
	SINT(11),
	SINT(12),
	SINT(13),
	SINT(14),
	SINT(15),
	{0x400000B0, BOTH, 3, NO_FEATURE, "STIMER0_CONFIG"},
	{0x400000B1, BOTH, 3, NO_FEATURE, "STIMER0_COUNT"},
	{0x400000B2, BOTH, 3, NO_FEATURE, "STIMER1_CONFIG"},
	{0x400000B3, BOTH, 3, NO_FEATURE, "STIMER1_COUNT"},
	{0x400000B4, BOTH, 3, NO_FEATURE, "STIMER2_CONFIG"},
	{0x400000B5, BOTH, 3, NO_FEATURE, "STIMER2_COUNT"},
	{0x400000B6, BOTH, 3, NO_FEATURE, "STIMER3_CONFIG"},
	{0x400000B7, BOTH, 3, NO_FEATURE, "STIMER3_COUNT"},
	{0x400000C1, READ | WAITS, 44, NO_FEATURE, "POWER_STATE_TRIGGER_C1"},
	{0x400000C2, READ | WAITS, 44, NO_FEATURE, "POWER_STATE_TRIGGER_C2"},
	{0x400000C3, READ | WAITS, 44, NO_FEATURE, "POWER_STATE_TRIGGER_C3"},
	{0x400000D1, BOTH, 44, NO_FEATURE, "POWER_STATE_CONFIG_C1"},
	{0x400000D2, BOTH, 44, NO_FEATURE, "POWER_STATE_CONFIG_C2"},
	{0x400000D3, BOTH, 44, NO_FEATURE, "POWER_STATE_CONFIG_C3"},
	{0x400000E0, BOTH, 8, NO_FEATURE, "STATS_PARTITION_RETAIL_PAGE"},
	{0x400000E1, BOTH, 8, NO_FEATURE, "STATS_PARTITION_INTERNAL_PAGE"},
	{0x400000E2, BOTH, 8, NO_FEATURE, "STATS_VP_RETAIL_PAGE"},
	{0x400000E3, BOTH, 8, NO_FEATURE, "STATS_VP_INTERNAL_PAGE"},
	{0x400000F0, READ | WAITS, 10, 5, "GUEST_IDLE"},
	{0x400000F1, BOTH, 12, 11, "SYNTH_DEBUG_CONTROL"},
	{0x400000F2, READ, 12, 11, "SYNTH_DEBUG_STATUS"},
	{0x400000F3, BOTH, 12, 11, "SYNTH_DEBUG_SEND_BUFFER"},
	{0x400000F4, BOTH, 12, 11, "SYNTH_DEBUG_RECEIVE_BUFFER"},
	{0x400000F5, BOTH, 12, 11, "SYNTH_DEBUG_PENDING_BUFFER"},
	{0x400000FF, BOTH, 12, 11, "DEBUG_DEVICE_OPTIONS"},
	{0x40000100, BOTH, NO_PRIVILEGE, 10, "CRASH_P0"},
	{0x40000101, BOTH, NO_PRIVILEGE, 10, "CRASH_P1"},
	{0x40000102, BOTH, NO_PRIVILEGE, 10, "CRASH_P2"},
	{0x40000103, BOTH, NO_PRIVILEGE, 10, "CRASH_P3"},
	{0x40000104, BOTH, NO_PRIVILEGE, 10, "CRASH_P4"},
	{0x40000105, BOTH, NO_PRIVILEGE, 10, "CRASH_CTL"},
	{0x40000106, BOTH, 13, NO_FEATURE, "REENLIGHTENMENT_CONTROL"},
	{0x40000107, BOTH, 13, NO_FEATURE, "TSC_EMULATION_CONTROL"},
	{0x40000108, BOTH, 13, NO_FEATURE, "TSC_EMULATION_STATUS"},
	{0x40000114, BOTH, 3, 23, "STIME_UNHALTED_TIMER_CONFIG"},
	{0x40000115, BOTH, 3, 23, "STIME_UNHALTED_TIMER_COUNT"},
	{0x40000118, BOTH, 15, NO_FEATURE, "TSC_INVARIANT_CONTROL"},
	NESTED(0x40001002, "VP_INDEX"),
	NESTED(0x40001080, "SCONTROL"),
	NESTED(0x40001081, "SVERSION"),
	NESTED(0x40001082, "SIEFP"),
	NESTED(0x40001083, "SIMP"),
	NESTED(0x40001084, "EOM"),
	NESTED(0x40001090, "SINT0"),
	NESTED(0x4000109F, "SINT15"),
};

#define MSR_COUNT (sizeof(msrs) / sizeof(msrs[0]))
#define SIRBP 0x40000085u /* root's; whether a privilege of its own gates it is not public */

struct call {
	uint16_t code;
	uint8_t rep;
	uint8_t privilege;
	const char *name;
};

/* Those that need a privilege. */
static const struct call calls[] = {
	{0x0004, 0, 44, "GetLogicalProcessorRunTime"},
	{0x0009, 0, 44, "ParkLogicalProcessors"},
	{0x000C, 1, 48, "ModifyVtlProtectionMask"},
	{0x000D, 0, 48, "EnablePartitionVtl"},
	{0x000E, 0, 48, "DisablePartitionVtl"},
	{0x000F, 0, 48, "EnableVpVtl"},
	{0x0010, 0, 48, "DisableVpVtl"},
	{0x0040, 0, 32, "CreatePartition"},
	{0x0046, 0, 33, "GetPartitionId"},
	{0x0048, 1, 34, "DepositMemory"},
	{0x0049, 1, 34, "WithdrawMemory"},
	{0x004A, 0, 34, "GetMemoryBalance"},
	{0x005C, 0, 36, "PostMessage"},
	{0x005D, 0, 37, "SignalEvent"},
	{0x005F, 0, 32, "RestorePartitionState"},
	{0x0069, 0, 43, "PostDebugData"},
	{0x006A, 0, 43, "RetrieveDebugData"},
	{0x006B, 0, 43, "ResetDebugSession"},
	{0x006C, 0, 40, "MapStatsPage"},
	{0x006D, 0, 40, "UnmapStatsPage"},
	{0x006F, 0, 45, "SetSystemProperty"},
	{0x0076, 0, 44, "AddLogicalProcessor"},
	{0x0077, 0, 44, "RemoveLogicalProcessor"},
	{0x0078, 0, 44, "QueryNumaDistance"},
	{0x0079, 0, 44, "SetLogicalProcessorProperty"},
	{0x007A, 0, 44, "GetLogicalProcessorProperty"},
	{0x007B, 0, 44, "GetSystemProperty"},
	{0x007C, 0, 44, "MapDeviceInterrupt"},
	{0x007D, 0, 44, "UnmapDeviceInterrupt"},
	{0x0082, 0, 44, "AttachDevice"},
	{0x0083, 0, 44, "DetachDevice"},
	{0x0084, 0, 44, "EnterSleepState"},
	{0x008C, 0, 44, "InjectSyntheticMachineCheck"},
	{0x0099, 0, 53, "StartVirtualProcessor"},
	{0x009A, 1, 6, "GetVpIndexFromApicId"},
	{0x00D9, 1, 54, "AcceptGpaPages"},
	{0x00DB, 1, 54, "ModifySparseGpaPageHostVisibility"},
	{0x8001, 0, 52, "ExtCallQueryCapabilities"},
	{0x8002, 0, 52, "ExtCallGetBootZeroedMemory"},
};

#define CALL_COUNT (sizeof(calls) / sizeof(calls[0]))

static uint64_t privileges;
static uint32_t features;

static bool granted(unsigned privilege)
{
	return privilege == NO_PRIVILEGE || (privileges >> privilege & 1) != 0;
}

static bool offered(const struct msr *msr)
{
	return granted(msr->privilege) && (msr->feature == NO_FEATURE || (features >> msr->feature & 1) != 0);
}

/* --- MSRs ------------------------------------------------------------------------------------------------------- */

static void check_offered(const struct msr *msr)
{
	if ((msr->access & WAITS) != 0) {
		return;
	}
	if ((msr->access & READ) != 0) {
		check_equal(rdmsr_fault(msr->number), NO_FAULT, "%s is offered: it reads", msr->name);
	} else {
		check_equal(rdmsr_fault(msr->number), FAULT_GP, "%s is offered, but not for reading",
			    msr->name);
	}
	if ((msr->access & WRITE) == 0) {
		check_equal(wrmsr_safe(msr->number, 0), FAULT_GP, "%s is offered, but not for writing",
			    msr->name);
	}
}

static void check_msrs(void)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < MSR_COUNT; i++) {
		if (offered(&msrs[i])) {
			check_offered(&msrs[i]);
			continue;
		}
		refused++;
		check(rdmsr_fault(msrs[i].number) == FAULT_GP && wrmsr_safe(msrs[i].number, 0) == FAULT_GP,
		      "%s is not offered: reading and writing raise #GP", msrs[i].name);
	}
	note("%u of %u registers are not offered", refused, (unsigned)MSR_COUNT);
}

static bool described(uint32_t number)
{
	for (unsigned i = 0; i < MSR_COUNT; i++) {
		if (msrs[i].number == number) {
			return true;
		}
	}
	/* The nested twins are in the list by their first and last. */
	return number == SIRBP || (number >= 0x40001085 && number <= 0x4000109F);
}

static void check_numbers_between(void)
{
	unsigned answered = 0;
	uint32_t last = 0;

	for (uint32_t number = 0x40000000; number < 0x40001100; number++) {
		if (!described(number) &&
		    (rdmsr_fault(number) != FAULT_GP || wrmsr_safe(number, 0) != FAULT_GP)) {
			answered++;
			last = number;
		}
	}
	check_equal(answered, 0, "no number between them answers (the last one that does: 0x%x)", last);
}

/* --- Calls ------------------------------------------------------------------------------------------------------ */

static void check_call(const struct call *call)
{
	uint64_t control = call->code | (call->rep != 0 ? HV_CONTROL_REPS(1) : 0);
	unsigned memory = hv_status(hv_call_words(control, (const uint64_t[]){0, 0, 0}, 3));
	/* Whatever else is wrong: a start without a count, or registers for what does not fit any. */
	unsigned form = hv_status(hv_call(call->code | HV_CONTROL_START(1), 1, 1));
	unsigned fast = hv_status(hv_call(control | HV_CONTROL_FAST, 0, 0));

	check((memory == HV_ACCESS_DENIED && form == HV_ACCESS_DENIED && fast == HV_ACCESS_DENIED) ||
		      (memory == HV_INVALID_CODE && form == HV_INVALID_CODE && fast == HV_INVALID_CODE),
	      "%s is not offered: refused in every form (0x%x 0x%x 0x%x)", call->name, memory, form, fast);
}

static void check_calls(void)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < CALL_COUNT; i++) {
		if (!granted(calls[i].privilege)) {
			check_call(&calls[i]);
			refused++;
		}
	}
	note("%u of %u calls with a privilege are not offered", refused, (unsigned)CALL_COUNT);
}

/* --- Features that change a form --------------------------------------------------------------------------------- */

static void flush_by_xmm(void *argument)
{
	static const uint64_t mask[4] = {1, 0, 0, 0};

	*(uint64_t *)argument =
		hv_call_xmm(HV_CALL_FLUSH_SPACE | HV_CONTROL_FAST, 0, HV_FLUSH_ALL_SPACES, mask);
}

static void check_xmm(void)
{
	uint64_t result = ~0ull;
	unsigned fault = guarded_call(flush_by_xmm, &result);

	if ((features & HV_EDX_XMM_INPUT) != 0) {
		check_equal(fault, NO_FAULT,
			    "XMM input is offered: a flush of 24 bytes in registers is no fault");
		check_equal(hv_status(result), HV_SUCCESS, "and succeeds");
	} else {
		check_equal(fault, FAULT_UD, "XMM input is not offered: such a flush raises #UD");
	}
	check_equal(hv_status(hv_call_words(HV_CALL_FLUSH_SPACE,
					    (const uint64_t[]){0, HV_FLUSH_ALL_SPACES, 1}, 3)),
		    HV_SUCCESS, "in memory it succeeds in any case");
}

static void check_extended_ranges(void)
{
	const uint64_t input[4] = {0, HV_FLUSH_ALL_SPACES | 0x8, 1, 0x40000800};
	bool both = granted(47) && (features & 1u << 14) != 0;

	check_equal(hv_status(hv_call_words(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(1), input, 4)),
		    both ? HV_SUCCESS : HV_INVALID_PARAMETER, "ranges of large pages are %s",
		    both ? "offered" : "not offered: their flag is refused");
}

static void check_direct_timers(void)
{
	if (!granted(3) || (features & HV_EDX_DIRECT_TIMERS) != 0) {
		return;
	}
	check_equal(wrmsr_safe(HV_MSR_STIMER0_CONFIG, 0x1000), FAULT_GP,
		    "without direct timers their bit is reserved");
	check_equal(wrmsr_safe(HV_MSR_STIMER0_CONFIG, 0x0800), FAULT_GP, "and so is their vector");
	check_equal(wrmsr_safe(HV_MSR_STIMER0_CONFIG, 0x5000e), NO_FAULT,
		    "the rest of the register is writable");
	check_equal(wrmsr_safe(HV_MSR_STIMER0_CONFIG, 0), NO_FAULT, "and goes back");
}

/* Last: where the lock works, nothing of the hypercall page can be changed any more. */
static void check_lock(void)
{
	uint64_t page = rdmsr(HV_MSR_HYPERCALL) & ~0xFFFull;
	unsigned fault;

	wrmsr(HV_MSR_HYPERCALL, page | HV_MSR_LOCKED | HV_MSR_ENABLE);
	fault = wrmsr_safe(HV_MSR_HYPERCALL, page | HV_MSR_ENABLE);
	if ((features & HV_EDX_HYPERCALL_LOCK) != 0) {
		check_equal(fault, FAULT_GP, "the lock is offered: the hypercall page stays where it is");
	} else {
		check_equal(fault, NO_FAULT, "the lock is not offered: the bit locks nothing");
		check_equal(rdmsr(HV_MSR_HYPERCALL), page | HV_MSR_ENABLE, "and can be cleared again");
	}
}

/* --- CPUID ------------------------------------------------------------------------------------------------------ */

#define LEAF_COUNT 16

static struct cpuid leaves[2][LEAF_COUNT];

static void read_leaves(void *argument)
{
	struct cpuid *to = argument;

	for (unsigned i = 0; i < LEAF_COUNT; i++) {
		to[i] = cpuid(HV_LEAF_RANGE + i);
	}
}

static bool same(const struct cpuid *a, const struct cpuid *b)
{
	return a->eax == b->eax && a->ebx == b->ebx && a->ecx == b->ecx && a->edx == b->edx;
}

static void check_leaves(void)
{
	uint32_t last = cpuid(HV_LEAF_RANGE).eax;
	static const struct cpuid zero;
	bool good = true;

	check(last >= 0x40000005 && last < 0x40000100, "the last leaf is 0x%x: at least 0x40000005", last);
	for (uint32_t leaf = last + 1; leaf < 0x40000080; leaf++) {
		struct cpuid got = cpuid(leaf);

		good &= same(&got, &zero);
	}
	check(good, "the leaves above it are zero");
	check((privileges & 0x60) == 0x60, "Hv#1 guarantees the hypercall MSRs and the VP index");
	check_equal(privileges & 0xFF800600FFFF0000ull, 0, "reserved privileges are not given");
	if (smp_start() < 2) {
		return;
	}
	read_leaves(leaves[0]);
	smp_run(1, read_leaves, leaves[1]);
	good = true;
	for (unsigned i = 0; i < LEAF_COUNT; i++) {
		good &= same(&leaves[0][i], &leaves[1][i]);
	}
	check(good, "another processor has the same leaves");
}

void test_main(void)
{
	struct cpuid leaf;

	if (!hv_present()) {
		skip("no Hv#1 interface", "what is not offered is refused");
		return;
	}
	leaf = cpuid(HV_LEAF_FEATURES);
	privileges = leaf.eax | (uint64_t)leaf.ebx << 32;
	features = leaf.edx;
	check_leaves();
	if (!hv_enable_hypercalls()) {
		tap_bail("no hypercall page");
	}
	check_msrs();
	check_numbers_between();
	check_calls();
	check_xmm();
	check_extended_ranges();
	check_direct_timers();
	check_lock();
}
