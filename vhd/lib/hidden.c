/* SPDX-License-Identifier: MIT */
/* vvhd_set_hidden: XenServer's mark of an inner node of a snapshot tree, in both footers. */
#include "vhd/lib/maintain.h"

int vvhd_set_hidden(struct vvhd *image, bool hidden, struct vvhd_why *why)
{
	int error = vv_check_maintainable(image, false, why);

	if (error != 0) {
		return error;
	}
	if (image->type == VVHD_TYPE_RAW) {
		return vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET, "%s: a raw disk has no footer to mark",
			       image->path);
	}
	error = vvhd_flush(image, why);
	if (error != 0 || image->footer.hidden == hidden) {
		return error;
	}
	const uint8_t before = image->footer.hidden;

	image->footer.hidden = hidden;
	error = vv_rewrite_footers(image, why);
	if (error != 0) {
		image->footer.hidden = before;
		vv_rewrite_footers(image, NULL);
	}
	return error;
}
