/* SPDX-License-Identifier: MIT */
/*
 * Ports and connections: 0x0057 to 0x005B, 0x0070, 0x0095, 0x0096.
 *
 * A port is where a partition receives; a connection is how another one sends to it. Both are named by 24 bits; bits
 * 31:24 must be 0.
 * SPEC: TLFS 2.0a, "Inter-Partition Communication"; the later forms as in the online edition and Linux.
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

#define HV_PORT_TYPE_MESSAGE UINT32_C(1)
#define HV_PORT_TYPE_EVENT UINT32_C(2)
#define HV_PORT_TYPE_MONITOR UINT32_C(3)
#define HV_PORT_TYPE_DOORBELL UINT32_C(4)

#define HV_PORT_ID_RESERVED_MASK UINT32_C(0xFF000000)

/* Ports receive through these; SINT 0 is the hypervisor's own. */
#define HV_PORT_SINT_MIN UINT32_C(1)
#define HV_PORT_SINT_MAX UINT32_C(15)

/* HV_EVENT_FLAGS_COUNT: the flags of one SINT. */
#define HV_PORT_FLAGS_MAX 2048

/*
 * HV_PORT_INFO. The fields behind the type as message and event ports have them; for a message port bytes 16 to 23 are
 * reserved. A monitor port has the address of its page in bytes 8 to 15, and the rest is reserved.
 */
struct hv_port_info {
	uint32_t type;		   /*  0: HV_PORT_TYPE_* */
	uint32_t padding;	   /*  4 */
	uint32_t target_sint;	   /*  8: of a monitor port, address bits 31:0 */
	uint32_t target_vp;	   /* 12: an index, or HV_ANY_VP; of a monitor port, address bits 63:32 */
	uint16_t base_flag_number; /* 16 */
	uint16_t flag_count;	   /* 18 */
	uint32_t reserved_20;	   /* 20 */
};

static_assert(sizeof(struct hv_port_info) == 24, "TLFS, HV_PORT_INFO");
static_assert(offsetof(struct hv_port_info, target_sint) == 8, "TLFS, HV_PORT_INFO");
static_assert(offsetof(struct hv_port_info, target_vp) == 12, "TLFS, HV_PORT_INFO");
static_assert(offsetof(struct hv_port_info, base_flag_number) == 16, "TLFS, HV_PORT_INFO");
static_assert(offsetof(struct hv_port_info, flag_count) == 18, "TLFS, HV_PORT_INFO");

static inline uint64_t hv_port_info_monitor_address(const struct hv_port_info *info)
{
	return (uint64_t)info->target_vp << 32 | info->target_sint;
}

/* HV_CONNECTION_INFO. Linux passes 32 bytes; the last 16 belong to doorbells. */
struct hv_connection_info {
	uint32_t type;		  /*  0: HV_PORT_TYPE_*, that of the port */
	uint32_t padding;	  /*  4 */
	uint64_t monitor_address; /*  8: of a monitor connection; reserved for messages and events */
	uint64_t doorbell[2];	  /* 16 */
};

static_assert(sizeof(struct hv_connection_info) == 32, "Linux, hv_connection_info");
static_assert(offsetof(struct hv_connection_info, monitor_address) == 8, "TLFS, HV_CONNECTION_INFO");

/* HV_PROXIMITY_DOMAIN_INFO: where memory had better come from. */
struct hv_proximity_domain_info {
	uint32_t id;	/*  0 */
	uint32_t flags; /*  4 */
};

#define HV_PROXIMITY_PREFERRED UINT32_C(0x00000001)
#define HV_PROXIMITY_INFO_VALID UINT32_C(0x80000000)

static_assert(sizeof(struct hv_proximity_domain_info) == 8, "TLFS, HV_PROXIMITY_DOMAIN_INFO");

/* HvCreatePort (0x0057). */
struct hv_input_create_port_v1 {
	uint64_t port_partition;       /*  0 */
	uint32_t port_id;	       /*  8 */
	uint32_t padding_12;	       /* 12 */
	uint64_t connection_partition; /* 16: who may connect */
	struct hv_port_info info;      /* 24 */
};

static_assert(sizeof(struct hv_input_create_port_v1) == 48, "TLFS 2.0a, HvCreatePort");
static_assert(offsetof(struct hv_input_create_port_v1, port_id) == 8, "TLFS 2.0a, HvCreatePort");
static_assert(offsetof(struct hv_input_create_port_v1, connection_partition) == 16,
	      "TLFS 2.0a, HvCreatePort");
static_assert(offsetof(struct hv_input_create_port_v1, info) == 24, "TLFS 2.0a, HvCreatePort");

/* HvDeletePort (0x0058). */
struct hv_input_delete_port {
	uint64_t port_partition; /*  0 */
	uint32_t port_id;	 /*  8 */
	uint32_t padding_12;	 /* 12 */
};

static_assert(sizeof(struct hv_input_delete_port) == 16, "TLFS 2.0a, HvDeletePort");

/* HvConnectPort (0x0059). */
struct hv_input_connect_port_v1 {
	uint64_t connection_partition; /*  0 */
	uint32_t connection_id;	       /*  8 */
	uint32_t padding_12;	       /* 12 */
	uint64_t port_partition;       /* 16 */
	uint32_t port_id;	       /* 24 */
	uint32_t padding_28;	       /* 28 */
	uint64_t info;		       /* 32: address of a monitor connection's page */
};

static_assert(sizeof(struct hv_input_connect_port_v1) == 40, "TLFS 2.0a, HvConnectPort");
static_assert(offsetof(struct hv_input_connect_port_v1, connection_id) == 8, "TLFS 2.0a, HvConnectPort");
static_assert(offsetof(struct hv_input_connect_port_v1, port_partition) == 16, "TLFS 2.0a, HvConnectPort");
static_assert(offsetof(struct hv_input_connect_port_v1, port_id) == 24, "TLFS 2.0a, HvConnectPort");
static_assert(offsetof(struct hv_input_connect_port_v1, info) == 32, "TLFS 2.0a, HvConnectPort");

/* HvGetPortProperty (0x005A). */
struct hv_input_get_port_property {
	uint64_t port_partition; /*  0 */
	uint32_t port_id;	 /*  8 */
	uint32_t padding_12;	 /* 12 */
	uint32_t property_code;	 /* 16 */
	uint32_t padding_20;	 /* 20 */
};

static_assert(sizeof(struct hv_input_get_port_property) == 24, "TLFS 2.0a, HvGetPortProperty");
static_assert(offsetof(struct hv_input_get_port_property, property_code) == 16,
	      "TLFS 2.0a, HvGetPortProperty");

struct hv_output_get_port_property {
	uint64_t property_value; /*  0 */
};

static_assert(sizeof(struct hv_output_get_port_property) == 8, "TLFS 2.0a, HvGetPortProperty");

/* HvDisconnectPort (0x005B). Linux marks doorbells in bit 0 of the padding. */
struct hv_input_disconnect_port {
	uint64_t connection_partition; /*  0 */
	uint32_t connection_id;	       /*  8 */
	uint32_t padding_12;	       /* 12 */
};

static_assert(sizeof(struct hv_input_disconnect_port) == 16, "TLFS 2.0a, HvDisconnectPort");

/* HvSetPortProperty (0x0070). */
struct hv_input_set_port_property {
	uint64_t port_partition; /*  0 */
	uint32_t port_id;	 /*  8 */
	uint32_t padding_12;	 /* 12 */
	uint32_t property_code;	 /* 16 */
	uint32_t padding_20;	 /* 20 */
	uint64_t property_value; /* 24 */
};

static_assert(sizeof(struct hv_input_set_port_property) == 32, "TLFS 2.0a, HvSetPortProperty");
static_assert(offsetof(struct hv_input_set_port_property, property_code) == 16,
	      "TLFS 2.0a, HvSetPortProperty");
static_assert(offsetof(struct hv_input_set_port_property, property_value) == 24,
	      "TLFS 2.0a, HvSetPortProperty");

/* HvCallCreatePort (0x0095). */
struct hv_input_create_port {
	uint64_t port_partition;		   /*  0 */
	uint32_t port_id;			   /*  8 */
	uint8_t port_vtl;			   /* 12 */
	uint8_t min_connection_vtl;		   /* 13 */
	uint16_t reserved_14;			   /* 14 */
	uint64_t connection_partition;		   /* 16: who may connect */
	struct hv_port_info info;		   /* 24 */
	struct hv_proximity_domain_info proximity; /* 48 */
};

static_assert(sizeof(struct hv_input_create_port) == 56, "TLFS 6.0b, HvCallCreatePort");
static_assert(offsetof(struct hv_input_create_port, port_id) == 8, "TLFS 6.0b, HvCallCreatePort");
static_assert(offsetof(struct hv_input_create_port, port_vtl) == 12, "TLFS 6.0b, HvCallCreatePort");
static_assert(offsetof(struct hv_input_create_port, connection_partition) == 16,
	      "TLFS 6.0b, HvCallCreatePort");
static_assert(offsetof(struct hv_input_create_port, info) == 24, "TLFS 6.0b, HvCallCreatePort");
static_assert(offsetof(struct hv_input_create_port, proximity) == 48, "TLFS 6.0b, HvCallCreatePort");

/* HvCallConnectPort (0x0096). */
struct hv_input_connect_port {
	uint64_t connection_partition;		   /*  0 */
	uint32_t connection_id;			   /*  8 */
	uint8_t connection_vtl;			   /* 12 */
	uint8_t reserved_13[3];			   /* 13 */
	uint64_t port_partition;		   /* 16 */
	uint32_t port_id;			   /* 24 */
	uint32_t reserved_28;			   /* 28 */
	struct hv_connection_info info;		   /* 32 */
	struct hv_proximity_domain_info proximity; /* 64 */
};

static_assert(sizeof(struct hv_input_connect_port) == 72, "TLFS 6.0b, HvCallConnectPort");
static_assert(offsetof(struct hv_input_connect_port, connection_vtl) == 12, "TLFS 6.0b, HvCallConnectPort");
static_assert(offsetof(struct hv_input_connect_port, port_partition) == 16, "TLFS 6.0b, HvCallConnectPort");
static_assert(offsetof(struct hv_input_connect_port, port_id) == 24, "TLFS 6.0b, HvCallConnectPort");
static_assert(offsetof(struct hv_input_connect_port, info) == 32, "TLFS 6.0b, HvCallConnectPort");
static_assert(offsetof(struct hv_input_connect_port, proximity) == 64, "TLFS 6.0b, HvCallConnectPort");
