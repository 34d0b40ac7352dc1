/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Calls about ports and connections: 0x0057 to 0x005B, 0x0070, 0x0095 and 0x0096.
 *
 * The order of the refusals: who is meant and may the caller do this to them; the other partition; the numbers; what is
 * said about the port; memory. docs/decisions/0021-ports.md has the reasons.
 * SPEC: TLFS 2.0a and 6.0b, "Inter-Partition Communication".
 */
#include "core/port.h"

#include "abi/hv_privilege.h"
#include "abi/hv_types.h"
#include "core/call/call_priv.h"
#include "core/hv.h"
#include "core/partition.h"
#include "core/vp.h"

#define PROXIMITY_FLAGS (HV_PROXIMITY_PREFERRED | HV_PROXIMITY_INFO_VALID)

/* NULL: there is no such partition. */
static struct partition *partition_named(const struct call *call, uint64_t id)
{
	struct partition *self = call->vp->partition;

	return id == HV_PARTITION_ID_SELF ? self : partition_find(self->hv, id);
}

/* May the caller do something to this partition's ports? To its own with the privilege, and to its children's. CHOICE:
 * who has no children learns nothing about other partitions, not even which numbers are in use. */
static enum hv_status partition_check(const struct call *call, uint64_t id, uint64_t privilege,
				      struct partition **partition)
{
	struct partition *self = call->vp->partition;

	*partition = partition_named(call, id);
	if (*partition == self) {
		return partition_has(self, privilege) ? HV_STATUS_SUCCESS : HV_STATUS_ACCESS_DENIED;
	}
	if (*partition == NULL) {
		return self->parent == NULL ? HV_STATUS_INVALID_PARTITION_ID : HV_STATUS_ACCESS_DENIED;
	}
	return (*partition)->parent == self ? HV_STATUS_SUCCESS : HV_STATUS_ACCESS_DENIED;
}

/* There is one trust level, 0, and memory is equally far from everywhere. */
static enum hv_status placement_check(uint32_t levels_and_reserved,
				      const struct hv_proximity_domain_info *proximity)
{
	if (levels_and_reserved != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	if ((proximity->flags & ~PROXIMITY_FLAGS) != 0) {
		return HV_STATUS_INVALID_PROXIMITY_DOMAIN_INFO;
	}
	return HV_STATUS_SUCCESS;
}

/* --- Ports ---------------------------------------------------------------------------------------------------- */

/* CHOICE: a partition may have a port for itself, which version 1 of the call refuses as INVALID_PARTITION_ID. */
static enum hv_status spec_make(const struct call *call, const struct hv_input_create_port_v1 *input,
				struct port_spec *spec)
{
	enum hv_status status =
		partition_check(call, input->port_partition, HV_PRIVILEGE_CREATE_PORT, &spec->partition);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	spec->sender = partition_named(call, input->connection_partition);
	spec->id = input->port_id;
	spec->info = input->info;
	return spec->sender != NULL ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARTITION_ID;
}

enum hv_status hvcall_create_port_v1(struct call *call, const struct hv_input_create_port_v1 *input)
{
	struct port_spec spec;
	enum hv_status status = spec_make(call, input, &spec);

	return status == HV_STATUS_SUCCESS ? port_create(call->vp, &spec) : status;
}

enum hv_status hvcall_create_port(struct call *call, const struct hv_input_create_port *input)
{
	struct hv_input_create_port_v1 first = {
		.port_partition = input->port_partition,
		.port_id = input->port_id,
		.connection_partition = input->connection_partition,
		.info = input->info,
	};
	uint32_t levels = (uint32_t)(input->port_vtl | input->min_connection_vtl) | input->reserved_14;
	struct port_spec spec;
	enum hv_status status = spec_make(call, &first, &spec);

	if (status == HV_STATUS_SUCCESS) {
		status = placement_check(levels, &input->proximity);
	}
	return status == HV_STATUS_SUCCESS ? port_create(call->vp, &spec) : status;
}

enum hv_status hvcall_delete_port(struct call *call, const struct hv_input_delete_port *input)
{
	struct partition *partition;
	enum hv_status status =
		partition_check(call, input->port_partition, HV_PRIVILEGE_CREATE_PORT, &partition);

	return status == HV_STATUS_SUCCESS ? port_delete(call->vp, partition, input->port_id) : status;
}

enum hv_status hvcall_get_port_property(struct call *call, const struct hv_input_get_port_property *input,
					struct hv_output_get_port_property *output)
{
	struct partition *partition;
	enum hv_status status =
		partition_check(call, input->port_partition, HV_PRIVILEGE_CREATE_PORT, &partition);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	return port_property_get(partition, input->port_id, input->property_code, &output->property_value);
}

enum hv_status hvcall_set_port_property(struct call *call, const struct hv_input_set_port_property *input)
{
	struct partition *partition;
	enum hv_status status =
		partition_check(call, input->port_partition, HV_PRIVILEGE_CREATE_PORT, &partition);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	return port_property_set(partition, input->port_id, input->property_code, input->property_value);
}

/* --- Connections ---------------------------------------------------------------------------------------------- */

static enum hv_status connect(const struct call *call, uint64_t connection_partition, uint64_t port_partition,
			      struct connection_spec *spec)
{
	enum hv_status status =
		partition_check(call, connection_partition, HV_PRIVILEGE_CONNECT_PORT, &spec->partition);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	spec->port_partition = partition_named(call, port_partition);
	return spec->port_partition != NULL ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARTITION_ID;
}

enum hv_status hvcall_connect_port_v1(struct call *call, const struct hv_input_connect_port_v1 *input)
{
	struct connection_spec spec = {
		.id = input->connection_id,
		.port_id = input->port_id,
		.info = input->info,
	};
	enum hv_status status = connect(call, input->connection_partition, input->port_partition, &spec);

	return status == HV_STATUS_SUCCESS ? connection_create(call->vp, &spec) : status;
}

enum hv_status hvcall_connect_port(struct call *call, const struct hv_input_connect_port *input)
{
	struct connection_spec spec = {
		.id = input->connection_id,
		.port_id = input->port_id,
		.tells_type = true,
		.type = input->info.type,
		.info = input->info.monitor_address,
	};
	const uint8_t *reserved = input->reserved_13;
	uint32_t levels = (uint32_t)(input->connection_vtl | reserved[0] | reserved[1] | reserved[2]);
	enum hv_status status = connect(call, input->connection_partition, input->port_partition, &spec);

	if (status == HV_STATUS_SUCCESS) {
		status = placement_check(levels, &input->proximity);
	}
	return status == HV_STATUS_SUCCESS ? connection_create(call->vp, &spec) : status;
}

enum hv_status hvcall_disconnect_port(struct call *call, const struct hv_input_disconnect_port *input)
{
	struct partition *partition;
	enum hv_status status =
		partition_check(call, input->connection_partition, HV_PRIVILEGE_CONNECT_PORT, &partition);

	return status == HV_STATUS_SUCCESS ? connection_delete(call->vp, partition, input->connection_id)
					   : status;
}
