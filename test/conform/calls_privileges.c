/* SPDX-License-Identifier: MIT */
/*
 * Calls that a partition without the privilege may not make.
 *
 * A hypervisor that does not have the call at all says so; both keep the call from being made. Who holds the privilege
 * is not tested here, because the calls would do something.
 */
#include "tools.h"

#define SELF PARTITION_SELF
#define REP HV_CONTROL_REPS(1)

/* A call that would be good if the partition had the privilege, so that nothing else is wrong with it. */
struct denied {
	uint64_t control;
	const char *name;
	uint64_t words[8];
};

static void expect_denied(unsigned privilege, const struct denied *calls, unsigned count)
{
	if (has_privilege(privilege)) {
		skip_requirement("the partition has the privilege");
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned status = hv_status(call_blocks(calls[i].control, calls[i].words, 8));
		expect(status == HV_ACCESS_DENIED || status == HV_INVALID_CODE,
		       "%s without the privilege is denied, or does not exist (status 0x%x)", calls[i].name,
		       status);
	}
}

void conform_calls_privilege_create_partitions(void)
{
	static const struct denied calls[] = {{CALL_CREATE_PARTITION, "HvCallCreatePartition", {0}}};

	expect_denied(32, calls, COUNT_OF(calls));
}

void conform_calls_privilege_partition_id(void)
{
	static const struct denied calls[] = {{HV_CALL_GET_PARTITION_ID, "HvCallGetPartitionId", {0}}};

	expect_denied(33, calls, COUNT_OF(calls));
}

void conform_calls_privilege_memory_pool(void)
{
	static const struct denied calls[] = {
		{CALL_DEPOSIT_MEMORY | REP, "HvCallDepositMemory", {SELF, 0x300}},
		{(CALL_DEPOSIT_MEMORY + 1) | REP, "HvCallWithdrawMemory", {SELF, 0}},
		{CALL_DEPOSIT_MEMORY + 2, "HvCallGetMemoryBalance", {SELF, 0}},
	};

	expect_denied(34, calls, COUNT_OF(calls));
}

void conform_calls_privilege_post_messages(void)
{
	static const struct denied calls[] = {
		{CALL_POST_MESSAGE, "HvCallPostMessage", {1, 1 | 8ull << 32, 0x4711}}};

	expect_denied(36, calls, COUNT_OF(calls));
}

void conform_calls_privilege_signal_events(void)
{
	static const struct denied calls[] = {{CALL_SIGNAL_EVENT, "HvCallSignalEvent", {1}}};

	expect_denied(37, calls, COUNT_OF(calls));
}

/* A message port of one's own, for SINT 2 of VP 0. */
void conform_calls_privilege_create_port(void)
{
	static const struct denied calls[] = {
		{CALL_CREATE_PORT_V1, "HvCreatePort", {SELF, 0x100, SELF, 1, 2}},
		{CALL_CREATE_PORT, "HvCallCreatePort", {SELF, 0x101, SELF, 1, 2}},
	};

	expect_denied(38, calls, COUNT_OF(calls));
}

void conform_calls_privilege_connect_port(void)
{
	static const struct denied calls[] = {
		{CALL_CONNECT_PORT_V1, "HvConnectPort", {SELF, 0x100, SELF, 0x100, 1}},
		{CALL_CONNECT_PORT, "HvCallConnectPort", {SELF, 0x101, SELF, 0x101, 1}},
	};

	expect_denied(39, calls, COUNT_OF(calls));
}

/* Statistics of the partition, type 1 with its id. */
void conform_calls_privilege_stats(void)
{
	static const struct denied calls[] = {
		{CALL_MAP_STATS, "HvCallMapStatsPage", {1, SELF}},
		{CALL_MAP_STATS + 1, "HvCallUnmapStatsPage", {1, SELF}},
	};

	expect_denied(40, calls, COUNT_OF(calls));
}

void conform_calls_privilege_debugging(void)
{
	static const struct denied calls[] = {
		{CALL_POST_DEBUG, "HvCallPostDebugData", {0}},
		{CALL_RETRIEVE_DEBUG, "HvCallRetrieveDebugData", {0}},
		{CALL_RESET_DEBUG, "HvCallResetDebugSession", {1}},
	};

	expect_denied(43, calls, COUNT_OF(calls));
}

void conform_calls_privilege_cpu_management(void)
{
	static const struct denied calls[] = {
		{CALL_ADD_LOGICAL_PROCESSOR, "HvCallAddLogicalProcessor", {0xF0}}};

	expect_denied(44, calls, COUNT_OF(calls));
}

void conform_calls_privilege_vp_registers(void)
{
	static const struct denied calls[] = {
		{CALL_GET_VP_REGISTERS | REP, "HvCallGetVpRegisters", {SELF, VP_SELF, 0x00040002}},
		{CALL_SET_VP_REGISTERS | REP, "HvCallSetVpRegisters", {SELF, VP_SELF, 0x0008000A, 0, 0, 0}},
	};

	expect_denied(49, calls, COUNT_OF(calls));
}

void conform_calls_privilege_extended(void)
{
	static const struct denied calls[] = {{CALL_EXT_QUERY, "HvExtCallQueryCapabilities", {0}}};

	expect_denied(52, calls, COUNT_OF(calls));
}

/* The context is all zeros, which only matters to one who may make the call. */
void conform_calls_privilege_start_vp(void)
{
	static const struct denied calls[] = {{CALL_START_VP, "HvCallStartVirtualProcessor", {SELF, 1}}};

	expect_denied(53, calls, COUNT_OF(calls));
}
