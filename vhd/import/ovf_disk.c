/* SPDX-License-Identifier: MIT */
/*
 * Disks of packages. A raw one is written as it comes. A VHD needs its end to be understood: from an archive it goes into a
 * file beside the target first.
 */
#include "vhd/import/ovf_package.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where the bytes of a stream go. */
struct destination {
	struct ovf_package *package;
	const char *name;
	struct vvhd *image; /* raw */
	int descriptor;	    /* VHD */
	uint64_t position, limit;
};

static bool check_room(struct destination *destination, size_t length, struct import_why *why)
{
	if (length > destination->limit - destination->position) {
		return import_fail(why, IMPORT_DAMAGED,
				   "%s: it has more than %" PRIu64 " bytes, though its disk's "
				   "capacity allows no more",
				   destination->name, destination->limit);
	}
	return true;
}

static bool take_raw(void *self, const char *data, size_t length, struct import_why *why)
{
	struct destination *destination = self;

	if (!check_room(destination, length, why) ||
	    !session_write(destination->package->session, destination->image, data, length,
			   destination->position)) {
		return false;
	}
	destination->position += length;
	return true;
}

static bool take_vhd(void *self, const char *data, size_t length, struct import_why *why)
{
	struct destination *destination = self;

	if (!check_room(destination, length, why)) {
		return false;
	}
	while (length > 0) {
		ssize_t count = write(destination->descriptor, data, length);

		if (count < 0 && errno != EINTR) {
			return import_fail_system(why, destination->name, errno);
		}
		if (count > 0) {
			data += count;
			length -= (size_t)count;
			destination->position += (uint64_t)count;
		}
	}
	return true;
}

static bool read_raw(struct ovf_package *package, struct stream *stream, bool gzip, unsigned index)
{
	struct destination destination = {
		.package = package, .name = stream->name, .limit = package->machine->disks[index].size};
	struct stream_sink sink = {.take = take_raw, .self = &destination};

	if (!session_create_disk(package->session, package->machine, index, &destination.image)) {
		return false;
	}
	if (!stream_copy(stream, gzip, &sink, package->why)) {
		session_drop_disk(destination.image);
		return false;
	}
	return session_close_disk(package->session, destination.image);
}

/* --- VHD --------------------------------------------------------------------------------------------------------------- */

/* Nothing outside the package may become a part of a disk: images that name a parent are refused before it is opened. */
static bool open_source(struct ovf_package *package, const char *name, const char *path, struct vvhd **source)
{
	struct vvhd_open_options options = {.flags = VVHD_WITHOUT_PARENT};
	struct vvhd_info info;
	struct vvhd_why why;

	if (vvhd_open(path, VVHD_FORMAT_VHD, &options, source, &why) != 0) {
		return import_fail_disk(package->why, &why);
	}
	vvhd_get_info(*source, &info);
	if (info.type == VVHD_TYPE_DIFFERENCING || info.size > VVHD_SIZE_MAX) {
		vvhd_close(*source, NULL);
		return import_fail(package->why, IMPORT_UNSUPPORTED, "%s: %s", name,
				   info.type == VVHD_TYPE_DIFFERENCING
					   ? "a differencing VHD, whose parent would be outside the package"
					   : "a VHD of more than 2040 GiB");
	}
	return true;
}

static bool copy_source(struct ovf_package *package, struct vvhd *source, unsigned index)
{
	struct vvhd *image;
	struct vvhd_why why;

	if (!session_create_disk(package->session, package->machine, index, &image)) {
		return false;
	}
	if (vvhd_copy(source, image, 2, package->session->job->progress, &why) != 0) {
		session_drop_disk(image);
		return import_fail_disk(package->why, &why);
	}
	return session_close_disk(package->session, image);
}

bool ovf_package_convert(struct ovf_package *package, const char *name, const char *path, unsigned index)
{
	struct machine_disk *disk = &package->machine->disks[index];
	struct vvhd *source;
	bool good;

	if (!open_source(package, name, path, &source)) {
		return false;
	}
	if (vvhd_size(source) != disk->size) {
		session_warn(package->session,
			     "%s: the disk has %" PRIu64 " bytes, the descriptor says %" PRIu64, name,
			     vvhd_size(source), disk->size);
		disk->size = vvhd_size(source);
	}
	good = copy_source(package, source, index);
	vvhd_close(source, NULL);
	return good;
}

/* With all blocks there, bitmaps and the table are a 64th at the most, and the rest is headers and padding. */
static uint64_t largest_vhd(uint64_t capacity)
{
	return capacity + capacity / 64 + (16u << 20);
}

static bool spool(struct ovf_package *package, struct stream *stream, bool gzip, unsigned index,
		  const char *path)
{
	struct destination destination = {.package = package, .name = stream->name};
	struct stream_sink sink = {.take = take_vhd, .self = &destination};
	bool good;

	destination.limit = largest_vhd(package->machine->disks[index].size);
	destination.descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (destination.descriptor < 0) {
		return import_fail_system(package->why, path, errno);
	}
	good = stream_copy(stream, gzip, &sink, package->why);
	if (close(destination.descriptor) != 0 && good) {
		good = import_fail_system(package->why, path, errno);
	}
	return good;
}

static bool read_vhd(struct ovf_package *package, struct stream *stream, bool gzip, unsigned index)
{
	struct session *session = package->session;
	struct output_file *file;
	char name[OUTPUT_NAME], path[PATH_MAX];

	snprintf(name, sizeof(name), "%s-disk%u.source.vhd", session->base, index);
	file = output_add(&session->output, name, package->why);
	if (!file) {
		return false;
	}
	file->temporary = true;
	file->made = true;
	output_path(&session->output, file, path);
	if (!spool(package, stream, gzip, index, path) ||
	    !ovf_package_convert(package, stream->name, path, index)) {
		return false;
	}
	output_remove(&session->output, file);
	return true;
}

bool ovf_package_take_disk(struct ovf_package *package, struct stream *stream, unsigned index)
{
	const struct ovf_disk *disk =
		ovf_contents_disk(&package->contents, package->machine->disks[index].id);
	bool gzip = package->contents.files[disk->file].gzip;
	bool good = disk->format == OVF_FORMAT_RAW ? read_raw(package, stream, gzip, index)
						   : read_vhd(package, stream, gzip, index);

	package->done += package->machine->disks[index].size;
	return good;
}
