/* SPDX-License-Identifier: MIT */
/*
 * Writes into an image, for the tests of vhdtool, which has no command for that: poke IMAGE OFFSET <data. With `zero` or
 * `hold` for the data it writes LENGTH zeros, or keeps the image open for writing until its standard input ends.
 */
#include "vhd/include/verdivhd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const struct vvhd_why *why)
{
	fprintf(stderr, "poke: %s\n", why->text);
	return 1;
}

static int pour(struct vvhd *image, uint64_t offset)
{
	static unsigned char buffer[1 << 20];
	struct vvhd_why why;
	size_t length;

	while ((length = fread(buffer, 1, sizeof(buffer), stdin)) > 0) {
		if (vvhd_write(image, buffer, length, offset, &why) != VVHD_OK) {
			return fail(&why);
		}
		offset += length;
	}
	return 0;
}

static int act(struct vvhd *image, int count, char **words)
{
	uint64_t offset = strtoull(words[2], NULL, 10);
	struct vvhd_why why;

	if (strcmp(words[2], "hold") == 0) {
		puts("open");
		fflush(stdout);
		return getchar() == EOF ? 0 : 1;
	}
	if (count == 5) {
		return vvhd_zero(image, offset, strtoull(words[4], NULL, 10), &why) == VVHD_OK ? 0
											       : fail(&why);
	}
	return pour(image, offset);
}

int main(int count, char **words)
{
	/* The tests' own images are trusted. */
	static const char *const anywhere[] = {"/", NULL};
	struct vvhd_open_options options = {.flags = VVHD_WRITABLE, .parent_directories = anywhere};
	struct vvhd_why why;
	struct vvhd *image;
	int result;

	if (count != 3 && count != 5) {
		fprintf(stderr, "usage: poke IMAGE OFFSET|hold; poke IMAGE OFFSET zero LENGTH\n");
		return 2;
	}
	if (vvhd_open(words[1], VVHD_FORMAT_VHD, &options, &image, &why) != VVHD_OK) {
		return fail(&why);
	}
	result = act(image, count, words);
	return vvhd_close(image, &why) == VVHD_OK ? result : fail(&why);
}
