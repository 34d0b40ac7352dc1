/* SPDX-License-Identifier: MIT */
/*
 * Archives out of bytes, and an output without disks.
 */
#include "vhd/fuzz/import/fake.h"

#include "vhd/import/ovf_package.h"
#include "vhd/import/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512u

/* Stands for a disk: where the next write may begin. */
struct fake_disk {
	uint64_t size, position;
};

void fake_check(bool holds)
{
	if (!holds) {
		abort();
	}
}

/* --- Archives --------------------------------------------------------------------------------------------------------- */

static void tar_header(const char *name, size_t name_length, size_t length, char header[SECTOR])
{
	unsigned sum = 0;

	memset(header, 0, SECTOR);
	memcpy(header, name, name_length < 100 ? name_length : 100);
	snprintf(header + 100, 8, "%07o", 0644u);
	snprintf(header + 124, 12, "%011zo", length);
	header[156] = '0';
	memcpy(header + 257, "ustar", 6);
	memcpy(header + 263, "00", 2);
	memset(header + 148, ' ', 8);
	for (unsigned i = 0; i < SECTOR; i++) {
		sum += (unsigned char)header[i];
	}
	snprintf(header + 148, 8, "%06o", sum);
}

char *fake_tar(const uint8_t *data, size_t size, bool end, size_t *length)
{
	/* The shortest member is three bytes, and becomes a header. */
	char *tar = calloc(1, (size / 3 + 2) * SECTOR + size + (size / 3 + 2) * SECTOR + 2 * SECTOR);
	const uint8_t *feed;

	fake_check(tar);
	*length = 0;
	while (size > 0 && (feed = memchr(data, '\n', size)) && data + size - feed >= 3) {
		size_t name_length = (size_t)(feed - data), have = size - name_length - 3;
		size_t wanted = feed[1] | (size_t)feed[2] << 8;

		wanted = wanted < have ? wanted : have;
		tar_header((const char *)data, name_length, wanted, tar + *length);
		memcpy(tar + *length + SECTOR, feed + 3, wanted);
		*length += SECTOR + (wanted + SECTOR - 1) / SECTOR * SECTOR;
		data = feed + 3 + wanted;
		size = have - wanted;
	}
	*length += end ? 2 * SECTOR : 0;
	return tar;
}

/* --- Imports ---------------------------------------------------------------------------------------------------------- */

static void on_warning(void *self, const char *text)
{
	(void)self;
	fake_check(text[0]);
}

static void on_list(void *self, const struct machine_list *machines)
{
	(void)self;
	fake_write_machines(machines);
}

static void on_made(void *self, const char *path)
{
	(void)self;
	(void)path;
}

void fake_import(const void *archive, size_t size, unsigned flags)
{
	struct import_job job = {
		.input = "memory",
		.type = VVHD_TYPE_DYNAMIC,
		.verify = flags & 1,
		.list = flags & 2,
		.warn = on_warning,
		.listed = on_list,
		.made = on_made,
	};
	struct import_why why = {0};
	struct session session = {.job = &job, .why = &why};
	struct archive_member first;
	bool good = false;

	session.archive = archive_input_memory(archive, size, &why);
	if (session.archive && archive_input_first(session.archive, &first, &why)) {
		good = strcmp(first.name, "ova.xml") == 0 ? xva_import(&session, &first)
							  : ovf_import_archive(&session, &first);
	}
	fake_check(good || (why.error != IMPORT_OK && why.text[0]));
	if (session.archive) {
		archive_input_close(session.archive);
	}
}

bool session_begin(struct session *session, const struct machine *machine)
{
	struct machine_list one = {.items = (struct machine *)machine, .count = 1};

	text_file_name(machine->name, session->base);
	fake_write_machines(&one);
	return true;
}

bool session_create_disk(struct session *session, struct machine *machine, unsigned index,
			 struct vvhd **image)
{
	struct machine_disk *disk = &machine->disks[index];
	struct fake_disk *fake = calloc(1, sizeof(*fake));

	fake_check(fake && disk->size > 0 && disk->size <= VVHD_SIZE_MAX &&
		   disk->size % VVHD_SECTOR_SIZE == 0);
	fake_check(!disk->cd && !disk->file[0]);
	snprintf(disk->file, sizeof(disk->file), "%s-disk%u.vhd", session->base, index);
	fake->size = disk->size;
	*image = (struct vvhd *)fake;
	return true;
}

/* What comes is behind what came, and inside the disk. */
bool session_write(struct session *session, struct vvhd *image, const char *data, size_t length,
		   uint64_t position)
{
	struct fake_disk *fake = (struct fake_disk *)image;
	volatile char byte;

	(void)session;
	fake_check(position >= fake->position && position <= fake->size && length <= fake->size - position);
	fake->position = position + length;
	/* All of it must be there. */
	for (size_t i = 0; i < length; i++) {
		byte = data[i];
	}
	(void)byte;
	return true;
}

bool session_close_disk(struct session *session, struct vvhd *image)
{
	(void)session;
	free(image);
	return true;
}

void session_drop_disk(struct vvhd *image)
{
	free(image);
}

bool session_finish(struct session *session, const struct machine *machine)
{
	for (unsigned i = 0; i < machine->disk_count; i++) {
		fake_check(machine->disks[i].cd || machine->disks[i].file[0]);
	}
	(void)session;
	return true;
}

/* --- Disks of packages ------------------------------------------------------------------------------------------------ */

static bool count(void *self, const char *data, size_t length, struct import_why *why)
{
	uint64_t *left = self;

	(void)data;
	if (length > *left) {
		return import_fail(why, IMPORT_DAMAGED, "too much");
	}
	*left -= length;
	return true;
}

bool ovf_package_take_disk(struct ovf_package *package, struct stream *stream, unsigned index)
{
	const struct ovf_disk *disk =
		ovf_contents_disk(&package->contents, package->machine->disks[index].id);
	uint64_t left = 1 << 20;
	struct stream_sink sink = {.take = count, .self = &left};
	struct vvhd *image;

	fake_check(disk && disk->file != OVF_NONE);
	return session_create_disk(package->session, package->machine, index, &image) &&
	       session_close_disk(package->session, image) &&
	       stream_copy(stream, package->contents.files[disk->file].gzip, &sink, package->why);
}

bool ovf_package_convert(struct ovf_package *package, const char *name, const char *path, unsigned index)
{
	(void)name;
	(void)path;
	(void)index;
	return import_fail(package->why, IMPORT_UNSUPPORTED, "no folders here");
}

int fake_input(const uint8_t *data, size_t size, fake_parser *first, fake_parser *second)
{
	size_t length;
	char *tar;

	if (size < 2) {
		return 0;
	}
	switch (data[0] & 3) {
	case 0:
		first(data + 1, size - 1);
		break;
	case 1:
		second(data + 1, size - 1);
		break;
	case 2:
		fake_import(data + 1, size - 1, 1);
		break;
	default:
		tar = fake_tar(data + 2, size - 2, !(data[1] & 4), &length);
		fake_import(tar, length, data[1]);
		free(tar);
	}
	return 0;
}
