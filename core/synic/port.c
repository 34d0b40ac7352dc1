/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Making, finding and unmaking ports, and their properties.
 *
 * A port that is made needs up to four pages: for the table, for its neighbours and itself, and for its message buffers or
 * its monitor. All of them are taken before anything is changed that others could see, and given back one by one when
 * the last that needs them goes.
 */
#include "core/synic/port_priv.h"

#include "abi/hv_property.h"
#include "abi/hv_types.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/vp.h"
#include "lib/bits.h"

static_assert(HV_VP_MAX <= UINT8_MAX, "port->sent_to holds any VP index");

/* --- Finding -------------------------------------------------------------------------------------------------- */

static struct port *port_at(const struct port_table *table, unsigned slot)
{
	return &table->page[slot / PORTS_PER_PAGE][slot % PORTS_PER_PAGE];
}

struct port *port_find(const struct partition *partition, uint32_t id)
{
	const struct port_table *table = partition->ports.ports;
	int slot = table != NULL ? idmap_find(&table->ids, id) : IDMAP_NONE;

	return slot != IDMAP_NONE ? port_at(table, (unsigned)slot) : NULL;
}

/* --- Memory --------------------------------------------------------------------------------------------------- */

static void table_release(struct partition *partition)
{
	if (partition->ports.ports->ids.used == 0) {
		machine_page_free(partition->hv, partition->ports.ports);
		partition->ports.ports = NULL;
	}
}

/* Gives back what nobody needs any more once `id` is gone. */
static void slot_release(struct partition *partition, uint32_t id, unsigned slot)
{
	struct port_table *table = partition->ports.ports;
	unsigned page = slot / PORTS_PER_PAGE;
	uint64_t neighbours = bits_mask(PORTS_PER_PAGE) << page * PORTS_PER_PAGE;

	idmap_remove(&table->ids, id);
	if ((table->ids.used & neighbours) == 0 && table->page[page] != NULL) {
		machine_page_free(partition->hv, table->page[page]);
		table->page[page] = NULL;
	}
	table_release(partition);
}

/* A slot with memory behind it, which only slot_release gives back. */
static enum hv_status slot_take(struct partition *partition, uint32_t id, unsigned *slot)
{
	struct port_table *table = partition->ports.ports;

	if (table == NULL) {
		table = machine_page_alloc(partition->hv);
		if (table == NULL) {
			return HV_STATUS_INSUFFICIENT_MEMORY;
		}
		partition->ports.ports = table;
	}
	int taken = idmap_add(&table->ids, id);

	if (taken == IDMAP_NONE) {
		return HV_STATUS_NO_RESOURCES;
	}
	*slot = (unsigned)taken;
	struct port **page = &table->page[*slot / PORTS_PER_PAGE];

	if (*page == NULL) {
		*page = machine_page_alloc(partition->hv);
	}
	if (*page == NULL) {
		slot_release(partition, id, *slot);
		return HV_STATUS_INSUFFICIENT_MEMORY;
	}
	return HV_STATUS_SUCCESS;
}

/* --- Creating ------------------------------------------------------------------------------------------------- */

static enum hv_status target_check(const struct port_spec *spec)
{
	const struct hv_port_info *info = &spec->info;

	/* Is the SINT one that is not the hypervisor's? */
	if (info->target_sint < HV_PORT_SINT_MIN || info->target_sint > HV_PORT_SINT_MAX) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	/* Is there such a VP? */
	if (info->target_vp != HV_ANY_VP && info->target_vp >= spec->partition->vp_count) {
		return HV_STATUS_INVALID_VP_INDEX;
	}
	return HV_STATUS_SUCCESS;
}

static enum hv_status message_info_check(const struct port_spec *spec)
{
	const struct hv_port_info *info = &spec->info;
	enum hv_status status = target_check(spec);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	return (info->base_flag_number | info->flag_count | info->reserved_20) == 0
		       ? HV_STATUS_SUCCESS
		       : HV_STATUS_INVALID_PARAMETER;
}

/* CHOICE: the last flag may be used. The documents refuse a sum that equals the number of flags, which would leave one
 * flag that no port can have. */
static enum hv_status event_info_check(const struct port_spec *spec)
{
	const struct hv_port_info *info = &spec->info;
	enum hv_status status = target_check(spec);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	if (info->flag_count == 0 || info->base_flag_number + info->flag_count > HV_PORT_FLAGS_MAX) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return info->reserved_20 == 0 ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER;
}

static enum hv_status monitor_info_check(const struct port_spec *spec)
{
	const struct hv_port_info *info = &spec->info;

	if ((info->base_flag_number | info->flag_count | info->reserved_20) != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	if (gpa_page_offset(gpa(hv_port_info_monitor_address(info))) != 0) {
		return HV_STATUS_INVALID_ALIGNMENT;
	}
	return monitor_has_room(spec->partition) ? HV_STATUS_SUCCESS : HV_STATUS_NO_RESOURCES;
}

static enum hv_status info_check(const struct port_spec *spec)
{
	switch (spec->info.type) {
	case HV_PORT_TYPE_MESSAGE:
		return message_info_check(spec);
	case HV_PORT_TYPE_EVENT:
		return event_info_check(spec);
	case HV_PORT_TYPE_MONITOR:
		return monitor_info_check(spec);
	default:
		return HV_STATUS_INVALID_PARAMETER;
	}
}

static bool buffers_take(struct port *port)
{
	port->content = machine_page_alloc(port->partition->hv);
	if (port->content == NULL) {
		return false;
	}
	for (unsigned i = 0; i < PORT_BUFFER_COUNT; i++) {
		port->message[i].content = &port->content[i];
	}
	return true;
}

/* NULL: any VP, or none because it is a monitor. The number has been checked. */
static struct vp *target_of(const struct port_spec *spec)
{
	if (spec->info.type == HV_PORT_TYPE_MONITOR || spec->info.target_vp == HV_ANY_VP) {
		return NULL;
	}
	return spec->partition->vp[spec->info.target_vp];
}

/* The slot's memory may have been another port's. False: there is none for what the port needs besides. */
static bool port_fill(struct vp *caller, struct port *port, const struct port_spec *spec)
{
	*port = (struct port){
		.partition = spec->partition,
		.sender = spec->sender,
		.id = spec->id,
		.type = spec->info.type,
		.target_sint = spec->info.target_sint,
		.target = target_of(spec),
		.base_flag_number = spec->info.base_flag_number,
		.flag_count = spec->info.flag_count,
		.preferred_vp = HV_ANY_VP,
	};
	switch (port->type) {
	case HV_PORT_TYPE_MESSAGE:
		return buffers_take(port);
	case HV_PORT_TYPE_MONITOR:
		port->monitor =
			monitor_create(caller, spec->partition, hv_port_info_monitor_address(&spec->info));
		return port->monitor != NULL;
	default:
		return true;
	}
}

static enum hv_status create_locked(struct vp *caller, const struct port_spec *spec)
{
	unsigned slot;

	/* Is the number one, and still free? */
	if ((spec->id & HV_PORT_ID_RESERVED_MASK) != 0 || port_find(spec->partition, spec->id) != NULL) {
		return HV_STATUS_INVALID_PORT_ID;
	}
	enum hv_status status = info_check(spec);

	if (status == HV_STATUS_SUCCESS) {
		status = slot_take(spec->partition, spec->id, &slot);
	}
	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	if (!port_fill(caller, port_at(spec->partition->ports.ports, slot), spec)) {
		slot_release(spec->partition, spec->id, slot);
		return HV_STATUS_INSUFFICIENT_MEMORY;
	}
	return HV_STATUS_SUCCESS;
}

enum hv_status port_create(struct vp *caller, const struct port_spec *spec)
{
	struct rwlock *lock = &caller->partition->hv->port_lock;

	rwlock_write_acquire(lock);
	enum hv_status status = create_locked(caller, spec);

	rwlock_write_release(lock);
	return status;
}

/* --- Deleting ------------------------------------------------------------------------------------------------- */

/* Nobody sends now, so what is not pending has been delivered, and stays so. */
static void messages_forget(struct port *port)
{
	for (unsigned i = 0; i < PORT_BUFFER_COUNT; i++) {
		if (atomic_load(&port->message[i].pending)) {
			struct vp *vp = port->partition->vp[port->sent_to[i]];

			synic_message_forget(vp, port->target_sint, &port->message[i]);
		}
	}
}

static enum hv_status delete_locked(struct vp *caller, struct partition *partition, uint32_t id)
{
	struct port_table *table = partition->ports.ports;
	int slot = table != NULL ? idmap_find(&table->ids, id) : IDMAP_NONE;

	if (slot == IDMAP_NONE) {
		return HV_STATUS_INVALID_PORT_ID;
	}
	struct port *port = port_at(table, (unsigned)slot);

	if (port->connection != NULL) {
		port->connection->port = NULL;
	}
	if (port->content != NULL) {
		messages_forget(port);
		machine_page_free(partition->hv, port->content);
	}
	if (port->monitor != NULL) {
		monitor_port_gone(caller, partition, port->monitor);
	}
	slot_release(partition, id, (unsigned)slot);
	return HV_STATUS_SUCCESS;
}

enum hv_status port_delete(struct vp *caller, struct partition *partition, uint32_t id)
{
	struct rwlock *lock = &caller->partition->hv->port_lock;

	rwlock_write_acquire(lock);
	enum hv_status status = delete_locked(caller, partition, id);

	rwlock_write_release(lock);
	return status;
}

/* --- Properties ----------------------------------------------------------------------------------------------- */

static enum hv_status get_locked(struct partition *partition, uint32_t id, uint32_t code, uint64_t *value)
{
	struct port *port = port_find(partition, id);

	if (port == NULL) {
		return HV_STATUS_INVALID_PORT_ID;
	}
	switch (code) {
	case HV_PORT_PROPERTY_POST_COUNT:
		*value = atomic_load(&port->post_count);
		return HV_STATUS_SUCCESS;
	case HV_PORT_PROPERTY_PREFERRED_TARGET_VP:
		*value = atomic_load(&port->preferred_vp);
		return HV_STATUS_SUCCESS;
	default:
		return HV_STATUS_UNKNOWN_PROPERTY;
	}
}

enum hv_status port_property_get(struct partition *partition, uint32_t id, uint32_t code, uint64_t *value)
{
	rwlock_read_acquire(&partition->hv->port_lock);
	enum hv_status status = get_locked(partition, id, code, value);

	rwlock_read_release(&partition->hv->port_lock);
	return status;
}

/* CHOICE: the count of messages cannot be set, and is as good as unknown here: the call has no other status for it. */
static enum hv_status set_locked(struct partition *partition, uint32_t id, uint32_t code, uint64_t value)
{
	struct port *port = port_find(partition, id);

	if (port == NULL) {
		return HV_STATUS_INVALID_PORT_ID;
	}
	if (code != HV_PORT_PROPERTY_PREFERRED_TARGET_VP) {
		return HV_STATUS_UNKNOWN_PROPERTY;
	}
	if (value != HV_ANY_VP && value >= partition->vp_count) {
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	}
	atomic_store(&port->preferred_vp, (uint32_t)value);
	return HV_STATUS_SUCCESS;
}

enum hv_status port_property_set(struct partition *partition, uint32_t id, uint32_t code, uint64_t value)
{
	rwlock_read_acquire(&partition->hv->port_lock);
	enum hv_status status = set_locked(partition, id, code, value);

	rwlock_read_release(&partition->hv->port_lock);
	return status;
}
