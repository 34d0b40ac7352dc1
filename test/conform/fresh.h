/* SPDX-License-Identifier: MIT */
/*
 * What registers and pages held when the suite began: the documents say what that is at the creation of a VP, and nothing
 * that runs later can find it out.
 *
 * Firmware may have used the boot processor's, so the last processor's are looked at, where there are several.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fresh {
	uint64_t scontrol, siefp, simp, sint[16];
	uint64_t stimer_config[4];
	uint64_t reference_tsc; /* of the partition */
	bool sim_clear, sief_clear;
};

/* Called once, with the number of processors that run. */
void fresh_record(unsigned processors);
/* Of the processor to be looked at. */
const struct fresh *fresh(void);
