/* SPDX-License-Identifier: MIT */
/*
 * Azure's conditions: fixed, a virtual size of whole MiB, the footer's sizes and tags as Windows writes them, and between
 * 20 MiB and 32 TiB.
 */
#include "vhd/tool/convert_azure.h"

#include "vhd/tool/size.h"

#include <string.h>

#define MIB (1ull << 20)
/* SPEC: limits of an upload of a managed disk, which are with the footer. */
#define AZURE_FILE_MIN 20972032ull
#define AZURE_FILE_MAX 35183298347520ull

enum tool_exit azure_size(const char *path, uint64_t *size)
{
	uint64_t file;

	if (__builtin_add_overflow(*size, MIB - 1, size)) {
		*size = UINT64_MAX;
	}
	*size -= *size % MIB;
	file = *size + VVHD_SECTOR_SIZE;
	if (file < AZURE_FILE_MIN || file > AZURE_FILE_MAX) {
		char text[SIZE_TEXT];

		message_error("%s: a disk of %s cannot be uploaded; Azure takes 20 MiB to 32 TiB", path,
			      size_short(*size, text));
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

/* What is wrong, or NULL. */
static const char *complaint(const struct vvhd_info *info, uint64_t size)
{
	if (info->type != VVHD_TYPE_FIXED) {
		return "it is not fixed";
	}
	if (info->current_size != size || info->original_size != size || size % MIB) {
		return "its size is not what it should be";
	}
	if (info->file_size != size + VVHD_SECTOR_SIZE) {
		return "its file has not exactly one footer more than data";
	}
	if (memcmp(info->creator, "win ", 4) != 0 || memcmp(info->creator_os, "Wi2k", 4) != 0) {
		return "its creator is not Windows";
	}
	/* Geometry is rounded down to whole cylinders, and has an end. */
	if (!info->chs_size || info->chs_size > size) {
		return "its geometry is larger than the disk";
	}
	return info->repairable ? "its footer needs repair" : NULL;
}

enum tool_exit azure_verify(const char *path, uint64_t size)
{
	struct vvhd_open_options options = {.size_rule = VVHD_SIZE_CURRENT};
	struct vvhd_info info;
	struct vvhd_why why;
	struct vvhd *image;
	const char *wrong;

	if (vvhd_open(path, VVHD_FORMAT_VHD, &options, &image, &why) != VVHD_OK) {
		return message_why(&why);
	}
	vvhd_get_info(image, &info);
	wrong = complaint(&info, size);
	if (wrong) {
		message_error("%s: Azure would refuse it: %s; please report this", path, wrong);
	}
	(void)vvhd_close(image, NULL);
	return wrong ? TOOL_IMAGE : TOOL_OK;
}
