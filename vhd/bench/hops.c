/* SPDX-License-Identifier: MIT */
/*
 * Writes as `qemu-img bench -w` does, by the library itself: build/vhd/bench/hops IMAGE COUNT STEP writes COUNT times
 * 4 KiB, each STEP bytes behind the one before, modulo the size of the disk, and flushes at the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "vhd/include/verdivhd.h"

#define LENGTH 4096u

static int write_all(struct vvhd *image, unsigned long long count, unsigned long long step,
		     struct vvhd_why *why)
{
	static unsigned char buffer[LENGTH];
	uint64_t offset = 0;
	int error = 0;

	for (unsigned i = 0; i < LENGTH; i++) {
		buffer[i] = (unsigned char)(i * 7 + 1);
	}
	for (unsigned long long i = 0; i < count && error == 0; i++) {
		error = vvhd_write(image, buffer, LENGTH, offset, why);
		offset = (offset + step) % vvhd_size(image);
	}
	return error == 0 ? vvhd_flush(image, why) : error;
}

int main(int argument_count, char **arguments)
{
	const struct vvhd_open_options options = {.flags = VVHD_WRITABLE};
	struct vvhd_why why;
	struct vvhd *image;

	if (argument_count != 4) {
		fprintf(stderr, "usage: hops IMAGE COUNT STEP\n");
		return 2;
	}
	int error = vvhd_open(arguments[1], VVHD_FORMAT_VHD, &options, &image, &why);

	if (error == 0) {
		error = write_all(image, strtoull(arguments[2], NULL, 10), strtoull(arguments[3], NULL, 10),
				  &why);
		error = vvhd_close(image, error == 0 ? &why : NULL) != 0 && error == 0 ? VVHD_E_SYSTEM
										       : error;
	}
	if (error != 0) {
		fprintf(stderr, "hops: %s\n", why.text);
	}
	return error != 0;
}
