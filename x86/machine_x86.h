/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is known about the machine. Filled once at start (boot/start.c), read-only afterwards.
 */
#pragma once

#include "core/hv.h"
#include "drivers/acpi/acpi.h"
#include "x86/lp.h"
#include "x86/mm/memory_map.h"
#include "x86/vm/vp.h"

#include <stdbool.h>
#include <stdint.h>

#define MACHINE_TSC_TO_APIC_SHIFT 28 /* leaves room for frequencies up to 68 GHz */

struct machine {
	struct hv hv;
	struct acpi_info acpi;
	struct memory_map firmware_memory; /* as the loader told it */
	struct memory_map root_memory;	   /* as root is told it: the hypervisor's region is reserved */
	struct memory_range root_main;	   /* the largest usable part of it: where nearly every page is */
	unsigned gpa_bits;
	uint64_t tsc_to_apic; /* APIC timer counts per TSC tick << MACHINE_TSC_TO_APIC_SHIFT */
	unsigned lp_count;
	struct lp lp[LP_MAX];
	struct x86_vp *vp[LP_MAX];
	struct vp *core_vp[LP_MAX]; /* the same, as the partition lists them */
	uint16_t debug_exit_port;   /* 0: none */
};

extern struct machine machine;

/* Resets the machine: ACPI's register, the chipset's, the keyboard controller, a triple fault. */
_Noreturn void machine_x86_reset(void);
