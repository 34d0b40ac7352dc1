/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A virtual processor's life: requests from other processors, sleep and wake, time run, and the next deadline.
 *
 * Requests are bits that any LP may set; the LP that runs the VP takes them all at once before it enters the guest.
 * Their order is that in which a processor would see INIT, start-up and NMI.
 */
#include "core/vp.h"

#include "core/hv.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/reftime.h"
#include "core/registers.h"

#define REQUESTS_OF_CORE                                                                                     \
	((uint32_t)(VP_REQUEST_INIT | VP_REQUEST_SIPI | VP_REQUEST_NMI | VP_REQUEST_INTERRUPT |              \
		    VP_REQUEST_DEADLINE | VP_REQUEST_START))

bool vp_create(struct vp *vp, struct partition *partition, uint32_t index, uint32_t apic_id)
{
	vp->partition = partition;
	vp->index = index;
	vp->call_input = machine_page_alloc(partition->hv);
	vp->call_output = machine_page_alloc(partition->hv);
	if (vp->call_input == NULL || vp->call_output == NULL ||
	    !overlay_create(partition, &vp->assist, MACHINE_ACCESS_READ_WRITE)) {
		return false;
	}
	atomic_store(&vp->requests, 0);
	atomic_store(&vp->sipi_vector, 0);
	atomic_store(&vp->start_claimed, false);
	vp->activity = index == 0 ? VP_RUNNING : VP_WAIT_FOR_SIPI;
	vp->nmi_pending = false;
	vp->npiep = 0;
	vp->deadline = UINT64_MAX;
	vp->monitor_due = UINT64_MAX;
	vp->runtime = 0;
	vp->runtime_start = machine_tsc(partition->hv);
	apic_reset(vp, apic_id);
	stimer_reset(vp);
	unhalted_reset(vp);
	return synic_create(vp) && stats_vp_create(vp);
}

/* --- Time run ------------------------------------------------------------------------------------------------- */

uint64_t vp_runtime_now(struct vp *vp)
{
	if (vp->activity != VP_RUNNING) {
		return vp->runtime;
	}
	return vp->runtime + machine_tsc(vp->partition->hv) - vp->runtime_start;
}

/* The unhalted timer has a deadline only while the VP runs. */
static void unhalted_stop_or_go(struct vp *vp)
{
	if (vp->unhalted.due != UINT64_MAX) {
		vp_deadline_update(vp);
	}
}

/* Other LPs read it to know whether the VP waits for start-up. */
static void activity_set(struct vp *vp, enum vp_activity activity)
{
	__atomic_store_n(&vp->activity, activity, __ATOMIC_RELEASE);
}

static void sleep_as(struct vp *vp, enum vp_activity activity)
{
	vp->runtime = vp_runtime_now(vp);
	activity_set(vp, activity);
	unhalted_stop_or_go(vp);
}

/* While the VP slept, requests to evaluate were taken and had no answer that anyone kept: the machine asks anew. */
static void run(struct vp *vp)
{
	vp->runtime_start = machine_tsc(vp->partition->hv);
	activity_set(vp, VP_RUNNING);
	unhalted_stop_or_go(vp);
	atomic_fetch_or(&vp->requests, VP_REQUEST_INTERRUPT);
}

/* The VP does not run on: whether it may is asked before its next entry into the guest. */
static void fall_asleep(struct vp *vp, enum vp_activity activity)
{
	sleep_as(vp, activity);
	atomic_fetch_or(&vp->requests, VP_REQUEST_INTERRUPT);
}

void vp_halt(struct vp *vp)
{
	fall_asleep(vp, VP_HALTED);
}

void vp_idle(struct vp *vp)
{
	fall_asleep(vp, VP_IDLE);
}

static bool wakes(struct vp *vp, bool interrupts_enabled)
{
	switch (vp->activity) {
	case VP_HALTED:
		return vp->nmi_pending || (interrupts_enabled && apic_deliverable(vp));
	case VP_IDLE:
		return vp->nmi_pending || apic_pending(vp);
	case VP_RUNNING:
	case VP_WAIT_FOR_SIPI:
	default:
		return false;
	}
}

bool vp_wake_up(struct vp *vp, bool interrupts_enabled)
{
	if (wakes(vp, interrupts_enabled)) {
		run(vp);
	}
	return vp->activity == VP_RUNNING;
}

/* --- Requests ------------------------------------------------------------------------------------------------- */

/* The boot processor goes on at its reset vector; others wait for start-up. INIT leaves the synthetic registers alone
 * (CHOICE: the TLFS does not say). */
static void handle_init(struct vp *vp)
{
	sleep_as(vp, VP_WAIT_FOR_SIPI);
	vp->nmi_pending = false;
	machine_vp_init_state(vp);
	apic_init(vp);
	if (vp->index == 0) {
		run(vp);
	}
}

static void handle_sipi(struct vp *vp)
{
	if (vp->activity == VP_WAIT_FOR_SIPI) {
		machine_vp_sipi_state(vp, atomic_load(&vp->sipi_vector));
		run(vp);
	}
}

static bool waits_for_start(const struct vp *vp)
{
	return __atomic_load_n(&vp->activity, __ATOMIC_ACQUIRE) == VP_WAIT_FOR_SIPI;
}

/* Of several that want to start the VP one wins; the context is its own until the VP has loaded it. The second look is
 * for a VP that was started between the first one and the claim. CHOICE: an INIT that is still on its way does not count. */
bool vp_start(struct vp *vp, const struct hv_initial_vp_context *context)
{
	if (!waits_for_start(vp) || atomic_exchange(&vp->start_claimed, true)) {
		return false;
	}
	if (!waits_for_start(vp)) {
		atomic_store(&vp->start_claimed, false);
		return false;
	}
	vp->start_context = *context;
	vp_request(vp, VP_REQUEST_START);
	return true;
}

/* If a start-up IPI came first, the VP runs already. */
static void handle_start(struct vp *vp)
{
	if (vp->activity == VP_WAIT_FOR_SIPI) {
		vp_context_load(vp, &vp->start_context);
		run(vp);
	}
	atomic_store(&vp->start_claimed, false);
}

/* CHOICE: an NMI for a VP that has not been started is lost. Kept, it would strike in the first real-mode
 * instructions. */
static void handle_nmi(struct vp *vp)
{
	if (vp->activity != VP_WAIT_FOR_SIPI) {
		vp->nmi_pending = true;
	}
}

void vp_handle_requests(struct vp *vp)
{
	uint32_t requests = atomic_fetch_and(&vp->requests, ~REQUESTS_OF_CORE);

	if ((requests & VP_REQUEST_INIT) != 0) {
		handle_init(vp);
	}
	if ((requests & VP_REQUEST_SIPI) != 0) {
		handle_sipi(vp);
	}
	if ((requests & VP_REQUEST_START) != 0) {
		handle_start(vp);
	}
	if ((requests & VP_REQUEST_NMI) != 0) {
		handle_nmi(vp);
	}
	if ((requests & VP_REQUEST_DEADLINE) != 0) {
		vp_deadline_reached(vp);
	}
	if ((requests & VP_REQUEST_INTERRUPT) != 0) {
		apic_errors_report(vp);
	}
}

/* --- Deadlines ------------------------------------------------------------------------------------------------ */

static uint64_t earlier(uint64_t left, uint64_t right)
{
	return left < right ? left : right;
}

void vp_deadline_update(struct vp *vp)
{
	uint64_t next = earlier(apic_timer_next(vp), earlier(vp->monitor_due, unhalted_next(vp)));
	uint64_t reference = stimer_next(vp);

	if (reference != UINT64_MAX) {
		next = earlier(next, reftime_to_tsc(vp->partition, reference));
	}
	if (next != vp->deadline) {
		vp->deadline = next;
		machine_deadline_set(vp, next);
	}
}

/* The machine's clock is spent, whether or not anything was due: the next deadline is always told anew. */
void vp_deadline_reached(struct vp *vp)
{
	uint64_t tsc_now = machine_tsc(vp->partition->hv);

	vp->deadline = UINT64_MAX;
	apic_timer_expire(vp, tsc_now);
	monitor_expire(vp, tsc_now);
	stimer_expire(vp, reftime_from_tsc(vp->partition, tsc_now));
	unhalted_expire(vp, tsc_now);
	vp_deadline_update(vp);
}
