/* SPDX-License-Identifier: MIT */
/* libFuzzer target: the footer, the geometry and the choice of size, and the header of XenServer's batmap. */
#include "vhd/lib/format.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds) {
		abort();
	}
}

/* What is parsed and built again says the same, and its seal is good. */
static void round_trip(const uint8_t bytes[VV_FOOTER_SIZE])
{
	struct vv_footer footer, again;
	memset(&footer, 0, sizeof(footer));
	memset(&again, 0, sizeof(again));
	vv_footer_parse(bytes, &footer);
	uint8_t built[VV_FOOTER_SIZE];
	memcpy(built, bytes, sizeof(built));
	vv_footer_build(&footer, built);
	check(vv_footer_parse(built, &again) == VV_SEAL_GOOD);
	check(again.current_size == footer.current_size && again.original_size == footer.original_size);
	check(again.type == footer.type && memcmp(again.id, footer.id, 16) == 0);
	check(again.data_offset == footer.data_offset && again.time == footer.time);
	check(again.saved_state == footer.saved_state && again.hidden == footer.hidden);
	/* Reserved bytes stay: only the checksum of a good one may change. */
	check(memcmp(built + 86, bytes + 86, VV_FOOTER_SIZE - 86) == 0);
}

static void sizes(const uint8_t bytes[VV_FOOTER_SIZE])
{
	struct vv_footer footer;
	vv_footer_parse(bytes, &footer);
	uint64_t size = footer.current_size % (1ull << 62);
	check(vv_geometry_size(vv_geometry(size)) <= size);
	for (unsigned rule = VVHD_SIZE_AUTO; rule <= VVHD_SIZE_CHS; rule++) {
		uint64_t chosen = vv_size_choose(&footer, (enum vvhd_size_rule)rule, footer.original_size);
		check(chosen == footer.current_size || chosen == vv_geometry_size(footer.geometry));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[VV_FOOTER_SIZE] = {0};
	memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
	round_trip(bytes);
	sizes(bytes);
	struct vv_batmap batmap;
	if (vv_batmap_parse(bytes, &batmap)) {
		uint8_t built[VV_BATMAP_HEADER_SIZE];
		memcpy(built, bytes, sizeof(built));
		vv_batmap_build(&batmap, built);
		struct vv_batmap again;
		check(vv_batmap_parse(built, &again));
		check(again.offset == batmap.offset && again.sectors == batmap.sectors);
	}
	vv_batmap_checksum(data, size, 0x00010001);
	vv_batmap_checksum(data, size, VV_BATMAP_VERSION);
	return 0;
}
