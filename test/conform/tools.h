/* SPDX-License-Identifier: MIT */
/*
 * What the requirements of several areas share: more numbers of the TLFS, scratch pages, and small tools.
 *
 * The numbers are typed from TLFS 2.0a and 6.0b; those that test/guest/framework/hv.h has are not repeated.
 */
#pragma once

#include "../guest/framework/cpu.h"
#include "../guest/framework/hv.h"
#include "conform.h"

#define MSR_NPIEP_CONFIG 0x40000040u
#define MSR_SCONTROL 0x40000080u
#define MSR_SVERSION 0x40000081u
#define MSR_SIEFP 0x40000082u
#define MSR_SIMP 0x40000083u
#define MSR_EOM 0x40000084u
#define MSR_SINT0 0x40000090u
#define MSR_STATS_PARTITION 0x400000E0u
#define MSR_POWER_TRIGGER_C1 0x400000C1u
#define MSR_POWER_CONFIG_C1 0x400000D1u
#define MSR_DEBUG_CONTROL 0x400000F1u
#define MSR_DEBUG_STATUS 0x400000F2u
#define MSR_DEBUG_SEND 0x400000F3u
#define MSR_DEBUG_RECEIVE 0x400000F4u
#define MSR_DEBUG_PENDING 0x400000F5u
#define MSR_DEBUG_OPTIONS 0x400000FFu
#define MSR_REENLIGHTENMENT_CONTROL 0x40000106u
#define MSR_TSC_EMULATION_CONTROL 0x40000107u
#define MSR_TSC_EMULATION_STATUS 0x40000108u
#define MSR_UNHALTED_CONFIG 0x40000114u
#define MSR_UNHALTED_COUNT 0x40000115u
#define MSR_TSC_INVARIANT_CONTROL 0x40000118u
#define MSR_NESTED_VP_INDEX 0x40001002u
#define MSR_NESTED_SCONTROL 0x40001080u

#define CALL_CREATE_PARTITION 0x0040u
#define CALL_DEPOSIT_MEMORY 0x0048u
#define CALL_GET_VP_REGISTERS 0x0050u
#define CALL_SET_VP_REGISTERS 0x0051u
#define CALL_TRANSLATE 0x0052u
#define CALL_CREATE_PORT_V1 0x0057u
#define CALL_CONNECT_PORT_V1 0x0059u
#define CALL_POST_MESSAGE 0x005Cu
#define CALL_SIGNAL_EVENT 0x005Du
#define CALL_POST_DEBUG 0x0069u
#define CALL_RETRIEVE_DEBUG 0x006Au
#define CALL_RESET_DEBUG 0x006Bu
#define CALL_MAP_STATS 0x006Cu
#define CALL_ADD_LOGICAL_PROCESSOR 0x0076u
#define CALL_CREATE_PORT 0x0095u
#define CALL_CONNECT_PORT 0x0096u
#define CALL_START_VP 0x0099u
#define CALL_VP_INDEX_FROM_APIC_ID 0x009Au
#define CALL_EXT_QUERY 0x8001u
#define CALL_EXT_ZEROED_MEMORY 0x8002u

#define PARTITION_SELF 0xFFFFFFFFFFFFFFFFull
#define VP_SELF 0xFFFFFFFEull

#define STATUS_OPERATION_DENIED 0x8u
#define STATUS_INVALID_PARTITION_ID 0xDu
#define STATUS_INVALID_VP_INDEX 0xEu
#define STATUS_INSUFFICIENT_BUFFERS 0x13u
#define STATUS_INVALID_VP_STATE 0x15u
#define STATUS_NO_DATA 0x1Bu
#define STATUS_INACTIVE 0x1Cu
#define STATUS_FEATURE_UNAVAILABLE 0x1Eu
#define STATUS_INVALID_REGISTER_VALUE 0x50u
#define STATUS_INVALID_VTL_STATE 0x51u
#define STATUS_UNKNOWN_REGISTER_NAME                                                                         \
	0x87u /* in no edition of the TLFS; newer hypervisors are said to use it */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Pages that belong to the function that runs; their content is whatever the last one left. */
#define SCRATCH_PAGES 8
uint8_t *scratch(unsigned index);

/* A call with its input in scratch page 6 and, if it has any, its output in scratch page 7, filled with 0xEE before. */
#define INPUT_PAGE 6
#define OUTPUT_PAGE 7
uint64_t call_blocks(uint64_t control, const uint64_t *words, unsigned count);
uint64_t output_word(unsigned index);

/* One bit of the 64 privileges, from CPUID 0x40000003 EAX and EBX. */
bool has_privilege(unsigned bit);

/* Where the documents demand a refusal without naming the status. */
bool expect_refused(uint64_t result, const char *what);

/* A call that need not exist: false, and the requirement skipped, when its code is not known here. */
bool call_exists(uint64_t result, const char *call);

/* Reserved bits that the specification tells guests to ignore: zero is good, anything else is written down. */
void expect_reserved_zero(uint64_t value, const char *what);

/* A read-only register: writing raises #GP and changes nothing. `value` is one that the register cannot have. */
void expect_read_only(uint32_t msr, uint64_t value, const char *name);

/* The VP index of a processor (by the framework's number). */
uint32_t vp_index_of(unsigned cpu);
/* The bit of a processor in a 64-bit mask of VPs. */
uint64_t vp_bit_of(unsigned cpu);
