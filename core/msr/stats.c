/* SPDX-License-Identifier: MPL-2.0 */
/* The registers that place statistics pages: 0x400000E0 to 0x400000E3. SPEC: TLFS 2.0a, "Statistics". */
#include "core/stats.h"
#include "core/msr/msr_priv.h"
#include "core/vp.h"

enum msr_result msr_read_stats_page(struct msr_access *access)
{
	access->value = overlay_msr(stats_overlay(access->vp, (enum stats_page)access->index));
	return MSR_DONE;
}

enum msr_result msr_write_stats_page(struct msr_access *access)
{
	stats_place(access->vp, (enum stats_page)access->index, access->value);
	return MSR_DONE;
}
