/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: XVA archives. The first byte says what the rest is: 0 `ova.xml`, 1 names and lengths of members, a line
 * each, 2 a tar archive, 3 members from which a tar archive is made (the next byte: verify, list, no end marker).
 */
#include "vhd/import/xva.h"
#include "vhd/fuzz/import/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void contents(const uint8_t *data, size_t size)
{
	struct xva_contents contents;
	struct import_why why;

	if (xva_contents_parse(data, size, &contents, &why)) {
		for (unsigned i = 0; i < contents.disk_count; i++) {
			fake_check(xva_contents_disk(&contents, contents.disks[i].id) == &contents.disks[i]);
		}
		fake_write_machines(&contents.machines);
		xva_contents_free(&contents);
	}
}

/* One disk after another, of a size that the first length gives. */
static void order(const char *lines)
{
	struct xva_order order = {0};
	struct xva_disk disk = {.size = 1 << 20};
	struct import_why why;
	struct xva_name name;
	char word[64];
	unsigned long long length;
	bool fresh;

	for (; sscanf(lines, "%63s %llu", word, &length) == 2; lines += strcspn(lines, "\n")) {
		uint64_t before = disk.position, position = 0;

		lines += *lines == '\n';
		if (!xva_order_take(&order, word, &name, &fresh, &why) || name.kind != XVA_CHUNK) {
			continue;
		}
		if (fresh) {
			disk = (struct xva_disk){.size = 1 << 20};
			before = 0;
		}
		if (xva_disk_place(&disk, name.number, length, &position, &why)) {
			fake_check(position >= before && position + length == disk.position &&
				   disk.position <= disk.size);
			fake_check(disk.next == name.number + 1);
		}
		if (!lines[strcspn(lines, "\n")]) {
			break;
		}
	}
	xva_order_end(&order, &why);
}

static void order_of(const uint8_t *data, size_t size)
{
	char *lines = calloc(1, size + 1);

	fake_check(lines);
	memcpy(lines, data, size);
	order(lines);
	free(lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fake_input(data, size, contents, order_of);
}
