/* SPDX-License-Identifier: MPL-2.0 */
/* Private to core/synic/: what messages and event flags have in common. */
#pragma once

#include "abi/hv_cpuid.h"
#include "core/partition.h"
#include "core/synic.h"
#include "core/vp.h"

static inline bool synic_enabled(const struct synic *synic)
{
	return (atomic_load(&synic->control) & HV_SCONTROL_ENABLE) != 0;
}

/* The SINT as it works: where polling is not offered its bit is one of those that are only kept. From any LP. */
static inline uint64_t synic_sint(const struct vp *vp, unsigned sint)
{
	uint64_t value = atomic_load(&vp->synic.sint[sint]);

	if ((value & HV_SINT_POLLING) != 0 && !partition_offers(vp->partition, HV_CPUID_SINT_POLLING_MODE)) {
		value &= ~HV_SINT_POLLING;
	}
	return value;
}

/* Interrupts for a SINT with this value (as synic_sint has it), unless it is masked or polled. From any LP. */
static inline void synic_raise(struct vp *vp, uint64_t value)
{
	if ((value & (HV_SINT_MASKED | HV_SINT_POLLING)) == 0) {
		apic_raise(vp, (uint8_t)(value & HV_SINT_VECTOR_MASK), false);
	}
}

/* Empties all queues. The messages are their senders' again. */
void synic_messages_forget_all(struct synic *synic);
