/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The MSR permission map: everything exits but what the core's policy lets through.
 *
 * Source: AMD APM volume 2, "MSR Intercepts": two bits an MSR (read, write) in three ranges of 0x2000 MSRs, 2 KiB
 * each; the map has 8 KiB. An MSR outside the ranges always exits.
 */
#include "core/msr.h"
#include "x86/mm/pool.h"
#include "x86/svm/svm_priv.h"
#include "lib/string.h"

#include <stddef.h>
#include <stdint.h>

#define MAP_PAGES 2
#define RANGE_MSRS 0x2000u
#define RANGE_BYTES 0x800u

static const uint32_t range_start[] = {0, 0xc0000000, 0xc0010000};

static void fill_range(uint8_t *map, uint32_t first)
{
	for (uint32_t i = 0; i < RANGE_MSRS; i++) {
		unsigned shift = (i % 4) * 2;

		if (msr_passes_through(first + i, false)) {
			map[i / 4] &= (uint8_t) ~(1u << shift);
		}
		if (msr_passes_through(first + i, true)) {
			map[i / 4] &= (uint8_t) ~(2u << shift);
		}
	}
}

void *svm_msr_map(void)
{
	static uint8_t *map;

	if (map == NULL) {
		map = pool_alloc(MAP_PAGES);
		if (map != NULL) {
			memset(map, 0xff, MAP_PAGES * 4096);
			for (unsigned i = 0; i < 3; i++) {
				fill_range(map + i * RANGE_BYTES, range_start[i]);
			}
		}
	}
	return map;
}
