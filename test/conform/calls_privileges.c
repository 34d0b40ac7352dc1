/* SPDX-License-Identifier: MIT */
/*
 * Calls that a partition without the privilege may not make.
 *
 * A hypervisor that does not have the call at all says so; both keep the call from being made. Who holds the privilege
 * is not tested here, because the calls would do something.
 */
#include "tools.h"

static void expect_denied(unsigned privilege, unsigned code, const char *name)
{
	static const uint64_t nothing[32];

	if (has_privilege(privilege)) {
		skip_requirement("the partition has the privilege");
		return;
	}
	unsigned status = hv_status(call_blocks(code, nothing, 32));
	bool rep = status == HV_INVALID_INPUT; /* a rep call wants a count before anything else */
	if (rep) {
		status = hv_status(call_blocks(code | HV_CONTROL_REPS(1), nothing, 32));
	}
	expect(status == HV_ACCESS_DENIED || status == HV_INVALID_CODE,
	       "%s without the privilege is denied, or does not exist (status 0x%x)", name, status);
}

void conform_calls_privilege_create_partitions(void)
{
	expect_denied(32, CALL_CREATE_PARTITION, "HvCallCreatePartition");
}

void conform_calls_privilege_partition_id(void)
{
	expect_denied(33, HV_CALL_GET_PARTITION_ID, "HvCallGetPartitionId");
}

void conform_calls_privilege_memory_pool(void)
{
	expect_denied(34, CALL_DEPOSIT_MEMORY, "HvCallDepositMemory");
	expect_denied(34, CALL_DEPOSIT_MEMORY + 1, "HvCallWithdrawMemory");
	expect_denied(34, CALL_DEPOSIT_MEMORY + 2, "HvCallGetMemoryBalance");
}

void conform_calls_privilege_post_messages(void)
{
	expect_denied(36, CALL_POST_MESSAGE, "HvCallPostMessage");
}

void conform_calls_privilege_signal_events(void)
{
	expect_denied(37, CALL_SIGNAL_EVENT, "HvCallSignalEvent");
}

void conform_calls_privilege_create_port(void)
{
	expect_denied(38, CALL_CREATE_PORT_V1, "HvCreatePort");
	expect_denied(38, CALL_CREATE_PORT, "HvCallCreatePort");
}

void conform_calls_privilege_connect_port(void)
{
	expect_denied(39, CALL_CONNECT_PORT_V1, "HvConnectPort");
	expect_denied(39, CALL_CONNECT_PORT, "HvCallConnectPort");
}

void conform_calls_privilege_stats(void)
{
	expect_denied(40, CALL_MAP_STATS, "HvCallMapStatsPage");
	expect_denied(40, CALL_MAP_STATS + 1, "HvCallUnmapStatsPage");
}

void conform_calls_privilege_debugging(void)
{
	expect_denied(43, CALL_POST_DEBUG, "HvCallPostDebugData");
	expect_denied(43, CALL_RETRIEVE_DEBUG, "HvCallRetrieveDebugData");
	expect_denied(43, CALL_RESET_DEBUG, "HvCallResetDebugSession");
}

void conform_calls_privilege_cpu_management(void)
{
	expect_denied(44, CALL_ADD_LOGICAL_PROCESSOR, "HvCallAddLogicalProcessor");
}

void conform_calls_privilege_vp_registers(void)
{
	expect_denied(49, CALL_GET_VP_REGISTERS, "HvCallGetVpRegisters");
	expect_denied(49, CALL_SET_VP_REGISTERS, "HvCallSetVpRegisters");
}

void conform_calls_privilege_extended(void)
{
	expect_denied(52, CALL_EXT_QUERY, "HvExtCallQueryCapabilities");
}

void conform_calls_privilege_start_vp(void)
{
	expect_denied(53, CALL_START_VP, "HvCallStartVirtualProcessor");
}
