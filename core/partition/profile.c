/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The profiles. To add one is to add a struct here, a line to its list, and its reasons to
 * docs/decisions/0022-profiles.md.
 *
 * What a profile wants is cut to what abi/cpuid.def offers, so that a profile may name what is not built yet and gets it
 * on the day when it is; what a profile needs in order to make sense is asserted below.
 */
#include "core/profile.h"

#include "abi/hv_cpuid.h"
#include "core/hv.h"
#include "lib/string.h"

#include <stddef.h>

#define B(bit) (UINT32_C(1) << (bit))
#define ALL UINT32_MAX
#define NO_LIMIT UINT32_MAX

/* --- full, everything ------------------------------------------------------------------------------------------------------- */

static const struct profile_processor processor_as_it_is = {
	.last_leaf = NO_LIMIT,
	.last_extended_leaf = NO_LIMIT,
	.x2apic = true,
	.tsc_deadline = true,
};

/* CHOICE: a version that guests know. GUEST: Linux's mshv driver wants a build from 27744 to 27751 of 10.0. */
#define VERSION_NOW                                                                                          \
	{                                                                                                    \
		.build = 27748, .major = 10, .minor = 0                                                      \
	}

/* GUEST: Linux 6.1 asks for its partition's id when it may, with a page for the answer that only a root has: it dies. */
#define FATAL_FOR_GUESTS ((uint64_t)HV_PRIVILEGE_ACCESS_PARTITION_ID)

/* CHOICE: never tell us of long spins. Every VP has a logical processor of its own, so the hypercall would only cost. */
#define EVERYTHING_ELSE                                                                                      \
	.features = HV_CPUID_OFFERED_FEATURES_EDX, .more_features = HV_CPUID_OFFERED_FEATURES_ECX,           \
	.recommendations = HV_CPUID_OFFERED_RECOMMENDATIONS_EAX, .spin_count = HV_CPUID_SPIN_COUNT_NEVER,    \
	.tells_address_bits = true, .hardware = HV_CPUID_OFFERED_HARDWARE_EAX,                               \
	.last_leaf = HV_CPUID_LEAF_HARDWARE, .max_vps = HV_VP_MAX, .max_lps = HV_VP_MAX,                     \
	.version = VERSION_NOW, .processor = &processor_as_it_is

const struct profile profile_full = {
	.name = "full",
	.privileges = HV_PRIVILEGES_OFFERED & ~FATAL_FOR_GUESTS,
	EVERYTHING_ELSE,
};

static const struct profile everything = {
	.name = "everything",
	.privileges = HV_PRIVILEGES_OFFERED,
	EVERYTHING_ELSE,
};

/* --- minimal ---------------------------------------------------------------------------------------------------- */

/* SPEC: "Requirements for Implementing the Microsoft Hypervisor Interface": what "Hv#1" guarantees by itself. */
#define MINIMAL_PRIVILEGES ((uint64_t)(HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS | HV_PRIVILEGE_ACCESS_VP_INDEX))

static_assert((MINIMAL_PRIVILEGES & ~HV_PRIVILEGES_OFFERED) == 0, "the interface itself works");

static const struct profile minimal = {
	.name = "minimal",
	.privileges = MINIMAL_PRIVILEGES,
	.spin_count = HV_CPUID_SPIN_COUNT_NEVER,
	.last_leaf = HV_CPUID_LEAF_LIMITS,
	.version = VERSION_NOW,
	.processor = &processor_as_it_is,
};

/* --- ws2008 ----------------------------------------------------------------------------------------------------- */

/* Bits 0 to 7 of EAX are all that version 1.0 had. No bit of EBX: nobody is at the other end of a port. */
#define WS2008_WANTED                                                                                        \
	((uint64_t)(HV_PRIVILEGE_ACCESS_VP_RUN_TIME_MSR | HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_COUNTER |  \
		    HV_PRIVILEGE_ACCESS_SYNIC_MSRS | HV_PRIVILEGE_ACCESS_SYNTHETIC_TIMER_MSRS |              \
		    HV_PRIVILEGE_ACCESS_APIC_MSRS | HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS |                     \
		    HV_PRIVILEGE_ACCESS_VP_INDEX | HV_PRIVILEGE_ACCESS_RESET_MSR))
#define WS2008_PRIVILEGES (WS2008_WANTED & HV_PRIVILEGES_OFFERED)
#define WS2008_RECOMMENDATIONS                                                                               \
	((uint32_t)(HV_CPUID_RECOMMEND_REMOTE_FLUSH | HV_CPUID_RECOMMEND_APIC_MSRS |                         \
		    HV_CPUID_RECOMMEND_RESET_MSR | HV_CPUID_RECOMMEND_RELAXED_TIMING))
#define WS2008_SPIN_COUNT 4095
#define WS2008_MAX_VPS 64

static_assert((WS2008_PRIVILEGES & 0x70) == 0x70, "the least with which such a guest is enlightened");
static_assert((WS2008_PRIVILEGES & HV_PRIVILEGE_ACCESS_RESET_MSR) != 0, "what is recommended is offered");
static_assert((WS2008_RECOMMENDATIONS & ~HV_CPUID_OFFERED_RECOMMENDATIONS_EAX) == 0, "and works");

/*
 * SPEC: TLFS 2.0a, appendix D, what the hypervisor of that time shows of a processor to a guest.
 * CHOICE: three differences. HTT stays (leaf 1 EDX.28), since this guest's VPs are the machine's processors and leaves 1
 * and 4 describe them as they are. XOP goes, because without XSAVE nobody could use it. The numbers of cores stay in
 * leaf 0x80000008 ECX for the first reason.
 */
static const struct profile_leaf ws2008_leaves[] = {
	/* ECX: SSE3, SSSE3, CX16, SSE4.1, SSE4.2, POPCNT, hypervisor present. */
	{0x00000001, ALL, ALL, B(0) | B(9) | B(13) | B(19) | B(20) | B(23) | B(31), UINT32_C(0x1f8bfbff)},
	{0x00000006, 0, 0, 0, 0},
	/* ECX: LAHF, CmpLegacy, AltMovCr8, ABM, SSE4A, MisAlignSse, 3DNowPrefetch, OSVW. EDX without Page1GB, RDTSCP. */
	{0x80000001, ALL, ALL, B(0) | B(1) | B(4) | B(5) | B(6) | B(7) | B(8) | B(9), UINT32_C(0xe3d3fbff)},
	{0x80000007, 0, 0, 0, 0},
	{0x80000008, ALL, 0, ALL, 0},
	{0x80000019, 0, 0, 0, 0},
};

static const struct profile_processor processor_of_2008 = {
	.last_leaf = 6,
	.last_extended_leaf = UINT32_C(0x8000001a),
	.leaves = ws2008_leaves,
	.leaf_count = sizeof(ws2008_leaves) / sizeof(ws2008_leaves[0]),
};

static const struct profile ws2008 = {
	.name = "ws2008",
	.privileges = WS2008_PRIVILEGES,
	.recommendations = WS2008_RECOMMENDATIONS,
	.spin_count = WS2008_SPIN_COUNT,
	.last_leaf = HV_CPUID_LEAF_LIMITS,
	.max_vps = WS2008_MAX_VPS,
	.version = {.build = 6002, .major = 6, .minor = 0, .service_pack = 2},
	.processor = &processor_of_2008,
};

/* --- All -------------------------------------------------------------------------------------------------------- */

static const struct profile *const profiles[] = {&profile_full, &everything, &minimal, &ws2008};

#define PROFILE_COUNT (sizeof(profiles) / sizeof(profiles[0]))

const struct profile *profile_find(const char *name)
{
	for (unsigned i = 0; i < PROFILE_COUNT; i++) {
		if (strcmp(profiles[i]->name, name) == 0) {
			return profiles[i];
		}
	}
	return NULL;
}

const char *profile_name(unsigned index)
{
	return index < PROFILE_COUNT ? profiles[index]->name : NULL;
}
