/* SPDX-License-Identifier: MIT */
/*
 * A program of somebody who uses libverdivhd, in C and in C++: makes a disk, writes, reads it again.
 * Usage: program IMAGE
 */
#include <stdio.h>
#include <string.h>
#include <verdivhd.h>

static int write_and_read(const char *path)
{
	char text[512] = "written by a program that links against the library", back[512] = "";
	struct vvhd_open_options options;
	struct vvhd *image;
	memset(&options, 0, sizeof(options));
	options.flags = VVHD_WRITABLE;
	if (vvhd_open(path, VVHD_FORMAT_VHD, &options, &image, NULL)) {
		return 1;
	}
	int status = vvhd_write(image, text, sizeof(text), 4096, NULL) ||
		     vvhd_read(image, back, sizeof(back), 4096, NULL);
	return vvhd_close(image, NULL) || status || strcmp(text, back) != 0;
}

int main(int count, char **arguments)
{
	struct vvhd_create_options options;
	struct vvhd_why why;
	memset(&options, 0, sizeof(options));
	options.type = VVHD_TYPE_DYNAMIC;
	options.size = 16u << 20;
	if (count != 2) {
		return 2;
	}
	if (vvhd_create(arguments[1], &options, &why)) {
		fprintf(stderr, "%s\n", why.text);
		return 1;
	}
	printf("libverdivhd %s\n", vvhd_version());
	return write_and_read(arguments[1]);
}
