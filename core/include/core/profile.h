/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A profile: what a partition is told that the hypervisor is, and what it may do. All of it is data.
 *
 * A profile promises; what it does not promise is refused: MSRs with #GP, calls with HV_STATUS_ACCESS_DENIED, forms as
 * the specification says. No profile promises what abi/cpuid.def does not offer. docs/decisions/0022-profiles.md has
 * the reasons of each.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Leaf 0x40000002, once the guest has said who it is. */
struct profile_version {
	uint32_t build;
	uint16_t major, minor;
	uint32_t service_pack;
};

/* What is kept of a processor leaf, beside what processor_leaves.def hides from everybody. */
struct profile_leaf {
	uint32_t leaf;
	uint32_t eax, ebx, ecx, edx;
};

/* The processor as the partition sees it. */
struct profile_processor {
	uint32_t last_leaf;	     /* leaves above are 0; UINT32_MAX: as the processor has it */
	uint32_t last_extended_leaf; /* the same for 0x80000000 and up */
	bool x2apic;		     /* the local APIC has this mode and starts in it */
	bool tsc_deadline;	     /* the local APIC's timer has this mode, if the TSC is invariant */
	const struct profile_leaf *leaves;
	unsigned leaf_count;
};

struct profile {
	const char *name;
	uint64_t privileges;	  /* HV_PRIVILEGE_*: 0x40000003 EAX and EBX */
	uint32_t features;	  /* 0x40000003 EDX */
	uint32_t more_features;	  /* 0x40000003 ECX */
	uint32_t recommendations; /* 0x40000004 EAX */
	uint32_t spin_count;	  /* 0x40000004 EBX */
	bool tells_address_bits;  /* 0x40000004 ECX */
	uint32_t hardware;	  /* 0x40000006 EAX */
	uint32_t last_leaf;	  /* 0x40000000 EAX; the hypervisor's leaves above are 0 */
	uint32_t max_vps;	  /* 0x40000005 EAX; 0: not told */
	uint32_t max_lps;	  /* 0x40000005 EBX; 0: not told */
	struct profile_version version;
	const struct profile_processor *processor;
};

/* Everything that works: what a partition gets when nobody asks for less. */
extern const struct profile profile_full;

/* NULL: there is no profile of that name. */
const struct profile *profile_find(const char *name);

/* The names, in the order of the table; NULL behind the last one. */
const char *profile_name(unsigned index);
