/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Monitored notifications: a page that both partitions see, in which the sender sets bits without a hypercall, and at
 * which VP 0 of the sender looks from time to time.
 *
 * A trigger whose bit is found set is armed, and put off by its latency; when that has passed its bit is taken back, and
 * its event is signalled as if the sender had made the call. A trigger that its sender has taken back is disarmed. The
 * sender may change bits at the same time, so they are judged as they were once, and set and cleared by themselves. A
 * bit that is set between the look and its clearing is not lost: its event is signalled after that.
 *
 * The page is a frame of the hypervisor, an overlay in both partitions. It is the only kind of overlay that goes away,
 * so the hypervisor never reaches it through a guest's addresses: no hypercall can have a block there.
 * SPEC: TLFS 2.0a, "Monitored Notifications"; docs/decisions/0021-ports.md has what that leaves open.
 */
#include "abi/hv_page_monitor.h"
#include "abi/hv_privilege.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/reftime.h"
#include "core/synic/port_priv.h"
#include "core/vp.h"
#include "lib/bits.h"

/* How often pages are looked at, in units of 100 ns: as often as the shortest latency asks, between these two. CHOICE:
 * where nobody has said a latency, every millisecond; where all groups are disabled, as seldom as possible. */
#define INTERVAL_LEAST 500
#define INTERVAL_DEFAULT 10000
#define INTERVAL_MOST 100000

/* One page, at most 128 triggers. */
struct monitor {
	struct hv_monitor_page *page;
	struct overlay_page at_port;
	struct overlay_page at_connection;
	bool has_port;	   /* (P) */
	bool is_connected; /* (P) */
	uint64_t due
		[HV_MONITOR_TRIGGER_COUNT]; /* VP 0 of the sender: reference time for those that are armed */
};

static_assert(sizeof(struct monitor) <= PAGE_SIZE, "a page holds a monitor");

/* --- Life ----------------------------------------------------------------------------------------------------- */

static uint64_t overlay_value(uint64_t address)
{
	return address | 1; /* as in an MSR: bit 0 enables */
}

bool monitor_has_room(const struct partition *partition)
{
	return partition->ports.monitor_overlays < PORT_MONITOR_OVERLAY_MAX;
}

struct monitor *monitor_create(struct vp *caller, struct partition *partition, uint64_t address)
{
	struct monitor *monitor = machine_page_alloc(partition->hv);

	if (monitor == NULL) {
		return NULL;
	}
	monitor->page = machine_page_alloc(partition->hv);
	if (monitor->page == NULL) {
		machine_page_free(partition->hv, monitor);
		return NULL;
	}
	monitor->has_port = true;
	partition->ports.monitor_overlays++;
	overlay_attach(partition, caller, &monitor->at_port, monitor->page, overlay_value(address));
	return monitor;
}

static void free_if_unused(struct hv *hv, struct monitor *monitor)
{
	if (!monitor->has_port && !monitor->is_connected) {
		machine_page_free(hv, monitor->page);
		machine_page_free(hv, monitor);
	}
}

void monitor_port_gone(struct vp *caller, struct partition *partition, struct monitor *monitor)
{
	overlay_detach(partition, caller, &monitor->at_port);
	partition->ports.monitor_overlays--;
	monitor->has_port = false;
	free_if_unused(partition->hv, monitor);
}

/* There is an empty place among those that are looked at, because monitor_has_room has said so. */
static struct monitor **place_of(struct partition *partition, const struct monitor *monitor)
{
	struct monitor **place = partition->ports.monitor;

	while (*place != monitor) {
		place++;
	}
	return place;
}

void monitor_connect(struct vp *caller, struct partition *partition, struct monitor *monitor,
		     uint64_t address)
{
	monitor->is_connected = true;
	partition->ports.monitor_overlays++;
	overlay_attach(partition, caller, &monitor->at_connection, monitor->page, overlay_value(address));
	*place_of(partition, NULL) = monitor;
	atomic_store(&partition->ports.monitor_new, true);
}

void monitor_disconnect(struct vp *caller, struct partition *partition, struct monitor *monitor)
{
	*place_of(partition, monitor) = NULL;
	overlay_detach(partition, caller, &monitor->at_connection);
	partition->ports.monitor_overlays--;
	monitor->is_connected = false;
	free_if_unused(partition->hv, monitor);
}

/* --- One group ------------------------------------------------------------------------------------------------ */

/* What becomes of a group's triggers: bits of the two halves of its word. */
struct verdict {
	uint32_t arm;	 /* seen for the first time */
	uint32_t disarm; /* taken back by the sender */
	uint32_t fire;
};

static struct verdict judge(const struct monitor *monitor, unsigned first, uint64_t word, uint64_t now)
{
	uint32_t pending = (uint32_t)word, armed = (uint32_t)(word >> 32);
	struct verdict verdict = {.disarm = armed & ~pending};

	for (uint32_t left = pending; left != 0; left &= left - 1) {
		unsigned trigger = first + bits_lowest(left);
		uint32_t bit = left & -left;
		bool is_new = (armed & bit) == 0;

		if (is_new && __atomic_load_n(&monitor->page->latency[trigger], __ATOMIC_RELAXED) != 0) {
			verdict.arm |= bit;
		} else if (is_new || now >= monitor->due[trigger]) {
			verdict.fire |= bit;
		}
	}
	return verdict;
}

/* There is nobody to tell what went wrong. */
static void fire(struct partition *sender, const struct monitor *monitor, unsigned trigger)
{
	const struct hv_monitor_parameter *parameter = &monitor->page->parameter[trigger];
	struct hv_input_signal_event input = {
		.connection_id = __atomic_load_n(&parameter->connection_id, __ATOMIC_RELAXED),
		.flag_number = __atomic_load_n(&parameter->flag_number, __ATOMIC_RELAXED),
	};

	if (partition_has(sender, HV_PRIVILEGE_SIGNAL_EVENTS)) {
		(void)connection_signal_locked(sender, &input);
	}
}

static void arm(struct monitor *monitor, unsigned trigger, uint64_t now)
{
	uint16_t latency = __atomic_load_n(&monitor->page->latency[trigger], __ATOMIC_RELAXED);

	monitor->due[trigger] = now + latency;
	__atomic_store_n(&monitor->page->next_check_time[trigger], (uint32_t)(now + latency),
			 __ATOMIC_RELAXED);
}

static void group_look(struct partition *sender, struct monitor *monitor, unsigned group, uint64_t now)
{
	uint64_t *word = &monitor->page->trigger_group[group];
	unsigned first = group * HV_MONITOR_GROUP_SIZE;
	struct verdict verdict = judge(monitor, first, __atomic_load_n(word, __ATOMIC_SEQ_CST), now);
	uint64_t gone = (uint64_t)(verdict.disarm | verdict.fire) << 32 | verdict.fire;

	for (uint32_t left = verdict.arm; left != 0; left &= left - 1) {
		arm(monitor, first + bits_lowest(left), now);
	}
	__atomic_fetch_or(word, (uint64_t)verdict.arm << 32, __ATOMIC_SEQ_CST);
	__atomic_fetch_and(word, ~gone, __ATOMIC_SEQ_CST);
	for (uint32_t left = verdict.fire; left != 0; left &= left - 1) {
		fire(sender, monitor, first + bits_lowest(left));
	}
}

/* --- Looking -------------------------------------------------------------------------------------------------- */

static uint64_t group_interval(const struct monitor *monitor, unsigned group)
{
	uint64_t interval = UINT64_MAX;

	for (unsigned i = 0; i < HV_MONITOR_GROUP_SIZE; i++) {
		uint64_t latency = __atomic_load_n(&monitor->page->latency[group * HV_MONITOR_GROUP_SIZE + i],
						   __ATOMIC_RELAXED);

		interval = latency != 0 && latency < interval ? latency : interval;
	}
	return interval;
}

static uint32_t groups_enabled(const struct monitor *monitor)
{
	uint32_t state = __atomic_load_n(&monitor->page->trigger_state, __ATOMIC_RELAXED);

	return (state & HV_MONITOR_DISABLED) != 0 ? 0 : state & HV_MONITOR_GROUP_ENABLE_MASK;
}

static uint64_t interval_bounded(uint64_t interval)
{
	if (interval == UINT64_MAX) {
		return INTERVAL_DEFAULT;
	}
	return interval < INTERVAL_LEAST ? INTERVAL_LEAST : interval;
}

/* Looks at one page; answers in how many units of 100 ns it is to be looked at again. */
static uint64_t page_look(struct partition *sender, struct monitor *monitor, uint64_t now)
{
	uint32_t groups = groups_enabled(monitor);
	uint64_t interval = UINT64_MAX;

	if (groups == 0) {
		return INTERVAL_MOST;
	}
	for (unsigned group = 0; group < HV_MONITOR_GROUP_COUNT; group++) {
		if ((groups >> group & 1) != 0) {
			uint64_t asked = group_interval(monitor, group);

			interval = asked < interval ? asked : interval;
			group_look(sender, monitor, group, now);
		}
	}
	return interval_bounded(interval);
}

/* A monitor without a port leads nowhere, and is not looked at any more. The lock is given back between pages. */
static uint64_t place_look(struct partition *sender, unsigned place, uint64_t now)
{
	uint64_t interval = UINT64_MAX;

	rwlock_read_acquire(&sender->hv->port_lock);
	struct monitor *monitor = sender->ports.monitor[place];

	if (monitor != NULL && monitor->has_port) {
		interval = page_look(sender, monitor, now);
	}
	rwlock_read_release(&sender->hv->port_lock);
	return interval;
}

/* The flag is taken before the pages are looked at, and set after a page has been added: so a new page is seen, now or
 * by the request that follows the flag. */
void monitor_expire(struct vp *vp, uint64_t tsc_now)
{
	struct partition *sender = vp->partition;
	uint64_t now = reftime_from_tsc(sender, tsc_now);
	uint64_t interval = UINT64_MAX;

	if (vp->index != 0 ||
	    (tsc_now < vp->monitor_due && !atomic_exchange(&sender->ports.monitor_new, false))) {
		return;
	}
	for (unsigned i = 0; i < PORT_MONITOR_OVERLAY_MAX; i++) {
		uint64_t asked = place_look(sender, i, now);

		interval = asked < interval ? asked : interval;
	}
	vp->monitor_due = UINT64_MAX;
	if (interval != UINT64_MAX) {
		vp->monitor_due = tsc_now + (interval * sender->hv->reference_to_tsc >> 32);
	}
}
