/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of core/apic/ share: the registers' bits, sets of vectors, and the functions behind both interfaces. */
#pragma once

#include "core/apic.h"
#include "core/vp.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define APIC_VECTOR_FIRST 16 /* lower ones are the processor's exceptions: illegal */

/* MSR 0x1b. */
#define APIC_BASE_BSP UINT64_C(0x100)
#define APIC_BASE_EXTD UINT64_C(0x400)
#define APIC_BASE_EN UINT64_C(0x800)
#define APIC_BASE_MODE (APIC_BASE_EN | APIC_BASE_EXTD)

#define APIC_VERSION UINT32_C(0x00050014) /* integrated, last LVT entry is 5, no EOI-broadcast suppression */

#define APIC_SVR_ENABLE UINT32_C(0x100)
#define APIC_SVR_MASK UINT32_C(0x3ff)
#define APIC_SVR_RESET UINT32_C(0xff)

#define APIC_LVT_STATUS 0x01000U
#define APIC_LVT_REMOTE_IRR 0x04000U
#define APIC_LVT_MASKED UINT32_C(0x10000)
#define APIC_LVT_MODE UINT32_C(0x700)
#define APIC_LVT_MODE_NMI UINT32_C(0x400)
#define APIC_LVT_MODE_EXTINT UINT32_C(0x700)
#define APIC_LVT_TIMER_MODE UINT32_C(0x60000)
#define APIC_LVT_TIMER_PERIODIC UINT32_C(0x20000)
#define APIC_LVT_TIMER_TSC_DEADLINE UINT32_C(0x40000)

#define APIC_ESR_SEND_ILLEGAL UINT32_C(0x20)
#define APIC_ESR_RECEIVE_ILLEGAL UINT32_C(0x40)
#define APIC_ESR_ILLEGAL_REGISTER UINT32_C(0x80)

#define APIC_DFR_RESET UINT32_C(0xffffffff)
#define APIC_DFR_MODEL UINT32_C(0xf0000000) /* all ones: flat; zero: cluster */

#define APIC_ICR_BUSY UINT64_C(0x1000)

/* Register numbers: the MSR minus 0x800, or the page offset divided by 16. */
enum apic_register {
	APIC_REGISTER_ID = 0x02,
	APIC_REGISTER_VERSION = 0x03,
	APIC_REGISTER_TPR = 0x08,
	APIC_REGISTER_ARBITRATION = 0x09,
	APIC_REGISTER_PPR = 0x0a,
	APIC_REGISTER_EOI = 0x0b,
	APIC_REGISTER_REMOTE_READ = 0x0c,
	APIC_REGISTER_LDR = 0x0d,
	APIC_REGISTER_DFR = 0x0e,
	APIC_REGISTER_SVR = 0x0f,
	APIC_REGISTER_ISR = 0x10,
	APIC_REGISTER_TMR = 0x18,
	APIC_REGISTER_IRR = 0x20,
	APIC_REGISTER_ESR = 0x28,
	APIC_REGISTER_ICR_LOW = 0x30,
	APIC_REGISTER_ICR_HIGH = 0x31,
	APIC_REGISTER_LVT_TIMER = 0x32,
	APIC_REGISTER_LVT_ERROR = 0x37,
	APIC_REGISTER_TIMER_INITIAL = 0x38,
	APIC_REGISTER_TIMER_CURRENT = 0x39,
	APIC_REGISTER_TIMER_DIVIDE = 0x3e,
	APIC_REGISTER_SELF_IPI = 0x3f,
};

static inline bool apic_x2apic_mode(const struct apic *apic)
{
	return (apic->base & APIC_BASE_MODE) == APIC_BASE_MODE;
}

/* Also false while the APIC is switched off in MSR 0x1b, because that resets SVR. From any LP. */
static inline bool apic_software_enabled(const struct apic *apic)
{
	return (atomic_load(&apic->spurious) & APIC_SVR_ENABLE) != 0;
}

/* --- Sets of vectors ------------------------------------------------------------------------------------------ */

static inline unsigned apic_word(unsigned vector)
{
	return vector / 64;
}

static inline uint64_t apic_bit(unsigned vector)
{
	return UINT64_C(1) << (vector % 64);
}

static inline unsigned apic_highest_of_word(uint64_t word, unsigned first)
{
	return first + 63u - (unsigned)__builtin_clzll(word);
}

/* Highest vector in service; 0 when there is none (vectors below 16 never are). Written out word by word because this
 * is on the way of every EOI, and Linux keeps its busy vectors in the uppermost word. */
static inline unsigned apic_in_service_highest(const struct apic *apic)
{
	if (apic->isr[3] != 0) {
		return apic_highest_of_word(apic->isr[3], 192);
	}
	if (apic->isr[2] != 0) {
		return apic_highest_of_word(apic->isr[2], 128);
	}
	if (apic->isr[1] != 0) {
		return apic_highest_of_word(apic->isr[1], 64);
	}
	return apic->isr[0] != 0 ? apic_highest_of_word(apic->isr[0], 0) : 0;
}

/* The same of the requested vectors. Other LPs only add to them, so a word that was not zero stays so. */
static inline unsigned apic_requested_highest(const struct apic *apic)
{
	if (atomic_load(&apic->irr[3]) != 0) {
		return apic_highest_of_word(atomic_load(&apic->irr[3]), 192);
	}
	if (atomic_load(&apic->irr[2]) != 0) {
		return apic_highest_of_word(atomic_load(&apic->irr[2]), 128);
	}
	if (atomic_load(&apic->irr[1]) != 0) {
		return apic_highest_of_word(atomic_load(&apic->irr[1]), 64);
	}
	uint64_t lowest = atomic_load(&apic->irr[0]);

	return lowest != 0 ? apic_highest_of_word(lowest, 0) : 0;
}

static inline bool apic_any_in_service(const struct apic *apic)
{
	return (apic->isr[0] | apic->isr[1] | apic->isr[2] | apic->isr[3]) != 0;
}

static inline bool apic_any(const _Atomic uint64_t set[APIC_VECTOR_WORDS])
{
	return (atomic_load(&set[0]) | atomic_load(&set[1]) | atomic_load(&set[2]) | atomic_load(&set[3])) !=
	       0;
}

static inline bool apic_level(const struct apic *apic, unsigned vector)
{
	return (atomic_load(&apic->tmr[apic_word(vector)]) & apic_bit(vector)) != 0;
}

static inline bool apic_auto_eoi(const struct apic *apic, unsigned vector)
{
	return (apic->auto_eoi[apic_word(vector)] & apic_bit(vector)) != 0;
}

/* --- Between the files ---------------------------------------------------------------------------------------- */

/* apic.c: has the machine evaluate again before the next entry. The VP's own LP only: nobody needs a kick. */
static inline void apic_reevaluate(struct vp *vp)
{
	atomic_fetch_or(&vp->requests, VP_REQUEST_INTERRUPT);
}

/* apic.c */
void apic_registers_clear(struct apic *apic);
void apic_error(struct vp *vp, uint32_t error);
void apic_legacy_update(struct vp *vp);
void apic_level_release(struct vp *vp);
uint32_t apic_processor_priority(struct vp *vp);

/* assist.c: lazy EOI. */
void apic_assist_arm(struct vp *vp, uint8_t vector);
void apic_assist_settle(struct vp *vp);

/* ipi.c: `narrow` says that the destination is an xAPIC one, eight bits in 63:56. */
void apic_send(struct vp *vp, uint64_t icr, bool narrow);

/* timer.c */
void apic_timer_lvt_write(struct vp *vp, uint32_t value);
void apic_timer_initial_write(struct vp *vp, uint32_t value);
void apic_timer_divide_write(struct vp *vp, uint32_t value);
uint32_t apic_timer_current(struct vp *vp);
uint64_t apic_timer_tsc_deadline_read(struct vp *vp);
void apic_timer_tsc_deadline_write(struct vp *vp, uint64_t value);

/* registers.c: what the MSRs and the page have in common. False: no such register, or not for this direction. */
bool apic_register_read(struct vp *vp, unsigned number, uint32_t *value);
bool apic_register_write(struct vp *vp, unsigned number, uint32_t value);
/* Bits that a write of the register may set; the others are reserved. */
uint32_t apic_register_writable(const struct vp *vp, unsigned number);
/* Does CPUID show TSC-deadline mode? Without it neither the mode nor its MSR exists. */
bool apic_tsc_deadline_offered(const struct vp *vp);
/* Read-only status bits: a write neither changes them nor faults. GUEST: Linux writes them when it shuts down. */
uint32_t apic_register_ignored(unsigned number);
