/* SPDX-License-Identifier: MIT */
/* An image's storage, with texts for what goes wrong there. */
#include "image.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ZEROS_SIZE 65536u

int vv_read_storage(const struct vvhd *image, void *buffer, size_t length, uint64_t offset, const char *what,
		    struct vvhd_why *why)
{
	int result = image->storage->ops->read(image->storage, buffer, length, offset);

	return result == 0 ? 0
			   : vv_fail_system(why, result, offset, "%s: cannot read the %s (%zu bytes at %llu)",
					    image->path, what, length, (unsigned long long)offset);
}

static void note_size(struct vvhd *image, uint64_t end)
{
	uint64_t size = atomic_load(&image->file_size);

	while (end > size && !atomic_compare_exchange_weak(&image->file_size, &size, end)) {
	}
}

int vv_write_storage(struct vvhd *image, const void *buffer, size_t length, uint64_t offset, const char *what,
		     struct vvhd_why *why)
{
	int result = image->storage->ops->write(image->storage, buffer, length, offset);

	if (result != 0) {
		return vv_fail_system(why, result, offset, "%s: cannot write the %s (%zu bytes at %llu)",
				      image->path, what, length, (unsigned long long)offset);
	}
	note_size(image, offset + length);
	return 0;
}

int vv_flush_storage(struct vvhd *image, struct vvhd_why *why)
{
	int result = image->flags & VVHD_NO_SYNC ? 0 : image->storage->ops->flush(image->storage);

	return result == 0 ? 0
			   : vv_fail_system(why, result, VV_NO_OFFSET,
					    "%s: cannot make lasting what has been written", image->path);
}

int vv_resize_storage(struct vvhd *image, uint64_t size, struct vvhd_why *why)
{
	int result = image->storage->ops->resize(image->storage, size);

	if (result != 0) {
		return vv_fail_system(why, result, size, "%s: cannot make the file %llu bytes long",
				      image->path, (unsigned long long)size);
	}
	atomic_store(&image->file_size, size);
	return 0;
}

static int write_zeros(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why)
{
	static const uint8_t zeros[ZEROS_SIZE];

	while (length > 0) {
		size_t part = length < ZEROS_SIZE ? (size_t)length : ZEROS_SIZE;
		int error = vv_write_storage(image, zeros, part, offset, "zeros", why);

		if (error != 0) {
			return error;
		}
		offset += part;
		length -= part;
	}
	return 0;
}

int vv_punch_storage(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why)
{
	const struct vvhd_storage_ops *ops = image->storage->ops;
	int result = ops->punch == NULL ? -EOPNOTSUPP : ops->punch(image->storage, offset, length);

	if (result == 0) {
		return 0;
	}
	if (result == -EOPNOTSUPP) {
		return write_zeros(image, offset, length, why);
	}
	return vv_fail_system(why, result, offset, "%s: cannot free space (%llu bytes at %llu)", image->path,
			      (unsigned long long)length, (unsigned long long)offset);
}

void vv_warn(const struct vvhd *image, const char *format, ...)
{
	char text[sizeof(((struct vvhd_why *)NULL)->text)];
	size_t length;
	va_list arguments;

	if (image->warn == NULL) {
		return;
	}
	snprintf(text, sizeof(text), "%s: ", image->path);
	length = strlen(text);
	va_start(arguments, format);
	vsnprintf(text + length, sizeof(text) - length, format, arguments);
	va_end(arguments);
	image->warn(image->warn_self, text);
}
