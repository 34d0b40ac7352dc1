/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's CPUID leaves: bits, fields, and what an ordinary guest is offered.
 *
 * A bit is the constant HV_CPUID_<name>, a mask within its register. A field is HV_CPUID_<name>_SHIFT and
 * HV_CPUID_<name>_MASK. HV_CPUID_OFFERED_<LEAF>_<REGISTER> is the OR of all offered bits of one register, a constant
 * expression; fields are not part of it.
 * SPEC: TLFS 6.0b, "Feature and Interface Discovery".
 */
#pragma once

#include "abi/hv_privilege.h"
#include "abi/hv_static_assert.h"

#include <stdint.h>

#define HV_CPUID_LEAF_RANGE UINT32_C(0x40000000)
#define HV_CPUID_LEAF_INTERFACE UINT32_C(0x40000001)
#define HV_CPUID_LEAF_VERSION UINT32_C(0x40000002)
#define HV_CPUID_LEAF_FEATURES UINT32_C(0x40000003)
#define HV_CPUID_LEAF_RECOMMENDATIONS UINT32_C(0x40000004)
#define HV_CPUID_LEAF_LIMITS UINT32_C(0x40000005)
#define HV_CPUID_LEAF_HARDWARE UINT32_C(0x40000006)
#define HV_CPUID_LEAF_MANAGEMENT UINT32_C(0x40000007)
#define HV_CPUID_LEAF_STACK_RANGE UINT32_C(0x40000080)
#define HV_CPUID_LEAF_STACK_INTERFACE UINT32_C(0x40000081)
#define HV_CPUID_LEAF_STACK_PROPERTIES UINT32_C(0x40000082)

/* "Microsoft Hv" in EBX, ECX, EDX of the first leaf; "Hv#1" in EAX of the second. */
#define HV_CPUID_VENDOR_EBX UINT32_C(0x7263694D)
#define HV_CPUID_VENDOR_ECX UINT32_C(0x666F736F)
#define HV_CPUID_VENDOR_EDX UINT32_C(0x76482074)
#define HV_CPUID_INTERFACE_HV1 UINT32_C(0x31237648)

/* The same for the virtualization stack's leaves: "Microsoft VS", and "VS#1". */
#define HV_CPUID_STACK_VENDOR_EBX UINT32_C(0x7263694D)
#define HV_CPUID_STACK_VENDOR_ECX UINT32_C(0x666F736F)
#define HV_CPUID_STACK_VENDOR_EDX UINT32_C(0x53562074)
#define HV_CPUID_STACK_INTERFACE_VS1 UINT32_C(0x31235356)

/* Values of the spin count: how often to try before HvCallNotifyLongSpinWait. */
#define HV_CPUID_SPIN_COUNT_NEVER UINT32_C(0xFFFFFFFF)

enum hv_cpuid_bit {
#define HV_CPUID_BIT(leaf, reg, bit, name, offer, state, source) HV_CPUID_##name = UINT32_C(1) << (bit),
#include "abi/cpuid.def"
};

enum hv_cpuid_field {
#define HV_CPUID_FIELD(leaf, reg, low, width, name, offer, state, source)                                    \
	HV_CPUID_##name##_SHIFT = (low), HV_CPUID_##name##_MASK = ((UINT64_C(1) << (width)) - 1) << (low),
#include "abi/cpuid.def"
};

/* Registers as the tables name them, in the order in which CPUID answers. */
enum hv_cpuid_register {
	HV_CPUID_EAX,
	HV_CPUID_EBX,
	HV_CPUID_ECX,
	HV_CPUID_EDX,
};

enum hv_cpuid_offer {
	HV_CPUID_NOT_OFFERED,
	HV_CPUID_OFFERED,
};

/*
 * Each inclusion of the table below computes one constant: a row adds its bit when it is offered and belongs to the
 * leaf and register wanted.
 */
#define HV_CPUID_OFFER_BIT(want_leaf, want_reg, leaf, reg, bit, name, offer, state, source)                  \
	| ((leaf) == (want_leaf) && HV_CPUID_##reg == HV_CPUID_##want_reg &&                                 \
			   HV_CPUID_##offer == HV_CPUID_OFFERED                                              \
		   ? UINT32_C(1) << (bit)                                                                    \
		   : 0)

enum hv_cpuid_offered {
	HV_CPUID_OFFERED_FEATURES_EAX = 0
#define HV_CPUID_BIT(...) HV_CPUID_OFFER_BIT(HV_CPUID_LEAF_FEATURES, EAX, __VA_ARGS__)
#include "abi/cpuid.def"
		,
	HV_CPUID_OFFERED_FEATURES_EBX = 0
#define HV_CPUID_BIT(...) HV_CPUID_OFFER_BIT(HV_CPUID_LEAF_FEATURES, EBX, __VA_ARGS__)
#include "abi/cpuid.def"
		,
	HV_CPUID_OFFERED_FEATURES_ECX = 0
#define HV_CPUID_BIT(...) HV_CPUID_OFFER_BIT(HV_CPUID_LEAF_FEATURES, ECX, __VA_ARGS__)
#include "abi/cpuid.def"
		,
	HV_CPUID_OFFERED_FEATURES_EDX = 0
#define HV_CPUID_BIT(...) HV_CPUID_OFFER_BIT(HV_CPUID_LEAF_FEATURES, EDX, __VA_ARGS__)
#include "abi/cpuid.def"
		,
	HV_CPUID_OFFERED_RECOMMENDATIONS_EAX = 0
#define HV_CPUID_BIT(...) HV_CPUID_OFFER_BIT(HV_CPUID_LEAF_RECOMMENDATIONS, EAX, __VA_ARGS__)
#include "abi/cpuid.def"
		,
	HV_CPUID_OFFERED_HARDWARE_EAX = 0
#define HV_CPUID_BIT(...) HV_CPUID_OFFER_BIT(HV_CPUID_LEAF_HARDWARE, EAX, __VA_ARGS__)
#include "abi/cpuid.def"
		,
	HV_CPUID_OFFERED_STACK_EAX = 0
#define HV_CPUID_BIT(...) HV_CPUID_OFFER_BIT(HV_CPUID_LEAF_STACK_PROPERTIES, EAX, __VA_ARGS__)
#include "abi/cpuid.def"
		,
	/* How many bits are offered in all leaves together. */
	HV_CPUID_OFFERED_COUNT = 0
#define HV_CPUID_BIT(leaf, reg, bit, name, offer, state, source) +(HV_CPUID_##offer == HV_CPUID_OFFERED)
#include "abi/cpuid.def"
};

/* The privileges that an ordinary guest partition gets. */
#define HV_PRIVILEGES_OFFERED                                                                                \
	((uint64_t)HV_CPUID_OFFERED_FEATURES_EBX << 32 | (uint64_t)HV_CPUID_OFFERED_FEATURES_EAX)

/* A register with offered bits that has no constant above would be forgotten: the counts tell. */
static_assert(HV_CPUID_OFFERED_COUNT == __builtin_popcount(HV_CPUID_OFFERED_FEATURES_EAX) +
						__builtin_popcount(HV_CPUID_OFFERED_FEATURES_EBX) +
						__builtin_popcount(HV_CPUID_OFFERED_FEATURES_ECX) +
						__builtin_popcount(HV_CPUID_OFFERED_FEATURES_EDX) +
						__builtin_popcount(HV_CPUID_OFFERED_RECOMMENDATIONS_EAX) +
						__builtin_popcount(HV_CPUID_OFFERED_HARDWARE_EAX) +
						__builtin_popcount(HV_CPUID_OFFERED_STACK_EAX),
	      "every offered bit is in one of the constants");

/* The privilege mask and leaf 0x40000003 are one thing told twice: the two tables must tell the same. */
#define HV_PRIVILEGE(bit, name, source)                                                                      \
	static_assert(HV_CPUID_##name == UINT32_C(1) << ((bit) % 32),                                        \
		      "cpuid.def and privileges.def disagree: " #name);
#include "abi/privileges.def"
