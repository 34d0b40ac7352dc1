/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The synthetic MSRs: from a number to the handler of its row.
 *
 * A number without a row, a row without a function, a direction that the row does not have, and a privilege or feature
 * that the partition does not have all end in #GP. SPEC: TLFS 2.0a, "Virtual MSRs".
 */
#include "abi/hv_cpuid.h"
#include "core/msr/msr_priv.h"
#include "core/partition.h"
#include "core/vp.h"

/* The cases of a row in the switch for one direction: none when the row lacks it. */
#define MSR_WHEN_R_R(x) x
#define MSR_WHEN_R_RW(x) x
#define MSR_WHEN_R_W(x)
#define MSR_WHEN_W_R(x)
#define MSR_WHEN_W_RW(x) x
#define MSR_WHEN_W_W(x) x

/* Folded away for each row: the number is a constant there. */
static inline uint32_t features_of(uint32_t number)
{
	uint32_t features = 0;

#define HV_MSR_FEATURE(first, last, feature)                                                                 \
	features |= (uint32_t)HV_CPUID_##feature * (number - (first) <= (last) - (first));
#include "abi/msrs.def"
	return features;
}

static inline bool offered(const struct partition *partition, uint64_t privileges, uint32_t features)
{
	return partition_has(partition, privileges) && partition_offers(partition, features);
}

#define MSR_CASE(direction, number, row_index, privilege, handler)                                           \
	case number:                                                                                         \
		if (!offered(access->vp->partition, HV_PRIVILEGE_##privilege, features_of(number))) {        \
			return MSR_FAULT;                                                                    \
		}                                                                                            \
		access->index = row_index;                                                                   \
		return msr_##direction##_##handler(access);

enum msr_result msr_synthetic_read(struct msr_access *access, uint32_t number)
{
	switch (number) {
#define HV_MSR(number_, index_, name, scope, direction, privilege, handler, ...)                             \
	MSR_WHEN_R_##direction(MSR_CASE(read, number_, index_, privilege, handler))
#include "abi/msrs.def"
	default:
		return MSR_FAULT;
	}
}

enum msr_result msr_synthetic_write(struct msr_access *access, uint32_t number)
{
	switch (number) {
#define HV_MSR(number_, index_, name, scope, direction, privilege, handler, ...)                             \
	MSR_WHEN_W_##direction(MSR_CASE(write, number_, index_, privilege, handler))
#include "abi/msrs.def"
	default:
		return MSR_FAULT;
	}
}
