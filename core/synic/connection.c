/* SPDX-License-Identifier: MPL-2.0 */
/* Making and unmaking connections. */
#include "core/hv.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/synic/port_priv.h"
#include "core/vp.h"

/* --- Memory --------------------------------------------------------------------------------------------------- */

static enum hv_status slot_take(struct partition *partition, uint32_t id, struct connection **connection)
{
	struct connection_table *table = partition->ports.connections;

	if (table == NULL) {
		table = machine_page_alloc(partition->hv);
		if (table == NULL) {
			return HV_STATUS_INSUFFICIENT_MEMORY;
		}
		partition->ports.connections = table;
	}
	int slot = idmap_add(&table->ids, id);

	if (slot == IDMAP_NONE) {
		return HV_STATUS_NO_RESOURCES;
	}
	*connection = &table->slot[slot];
	return HV_STATUS_SUCCESS;
}

static void slot_release(struct partition *partition, uint32_t id)
{
	struct connection_table *table = partition->ports.connections;

	idmap_remove(&table->ids, id);
	if (table->ids.used == 0) {
		machine_page_free(partition->hv, table);
		partition->ports.connections = NULL;
	}
}

/* --- Connecting ----------------------------------------------------------------------------------------------- */

/* Is there such a port, made for this partition, and not connected yet? One answer for all three: who must not use a
 * port is not told that it exists. */
static bool port_check(const struct port *port, const struct connection_spec *spec)
{
	return port != NULL && port->sender == spec->partition && port->connection == NULL;
}

static enum hv_status monitor_info_check(const struct connection_spec *spec)
{
	if (gpa_page_offset(gpa(spec->info)) != 0) {
		return HV_STATUS_INVALID_ALIGNMENT;
	}
	return monitor_has_room(spec->partition) ? HV_STATUS_SUCCESS : HV_STATUS_NO_RESOURCES;
}

/* CHOICE: version 1 is documented with 8 bytes of information, a monitor's address or 0, but the structure of that name
 * begins with the type; a caller that writes the structure has the type there. */
static enum hv_status info_check(const struct port *port, const struct connection_spec *spec)
{
	if (spec->tells_type && spec->type != port->type) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	if (port->type == HV_PORT_TYPE_MONITOR) {
		return monitor_info_check(spec);
	}
	if (spec->info != 0 && (spec->tells_type || spec->info != port->type)) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return HV_STATUS_SUCCESS;
}

static enum hv_status create_locked(struct vp *caller, const struct connection_spec *spec)
{
	struct connection *connection;

	/* Is the number one, and still free? */
	if ((spec->id & HV_PORT_ID_RESERVED_MASK) != 0 ||
	    connection_find(&spec->partition->ports, spec->id) != NULL) {
		return HV_STATUS_INVALID_CONNECTION_ID;
	}
	struct port *port = port_find(spec->port_partition, spec->port_id);

	if (!port_check(port, spec)) {
		return HV_STATUS_INVALID_PORT_ID;
	}
	enum hv_status status = info_check(port, spec);

	if (status == HV_STATUS_SUCCESS) {
		status = slot_take(spec->partition, spec->id, &connection);
	}
	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	*connection = (struct connection){.port = port, .monitor = port->monitor, .type = port->type};
	port->connection = connection;
	if (port->monitor != NULL) {
		monitor_connect(caller, spec->partition, port->monitor, spec->info);
	}
	return HV_STATUS_SUCCESS;
}

/* A monitor's page is looked at by VP 0 of the sender, which has to know of a new one. */
static void monitor_announce(struct partition *sender)
{
	if (atomic_load(&sender->ports.monitor_new) && sender->vp_count != 0) {
		vp_request(sender->vp[0], VP_REQUEST_DEADLINE);
	}
}

enum hv_status connection_create(struct vp *caller, const struct connection_spec *spec)
{
	struct rwlock *lock = &caller->partition->hv->port_lock;

	rwlock_write_acquire(lock);
	enum hv_status status = create_locked(caller, spec);

	rwlock_write_release(lock);
	monitor_announce(spec->partition);
	return status;
}

/* --- Disconnecting -------------------------------------------------------------------------------------------- */

static enum hv_status delete_locked(struct vp *caller, struct partition *partition, uint32_t id)
{
	struct connection *connection = connection_find(&partition->ports, id);

	if (connection == NULL) {
		return HV_STATUS_INVALID_CONNECTION_ID;
	}
	if (connection->port != NULL) {
		connection->port->connection = NULL;
	}
	if (connection->monitor != NULL) {
		monitor_disconnect(caller, partition, connection->monitor);
	}
	slot_release(partition, id);
	return HV_STATUS_SUCCESS;
}

enum hv_status connection_delete(struct vp *caller, struct partition *partition, uint32_t id)
{
	struct rwlock *lock = &caller->partition->hv->port_lock;

	rwlock_write_acquire(lock);
	enum hv_status status = delete_locked(caller, partition, id);

	rwlock_write_release(lock);
	return status;
}
