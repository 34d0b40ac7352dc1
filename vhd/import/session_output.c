/* SPDX-License-Identifier: MIT */
/*
 * What an import leaves: disks, and the machine's configuration. Fuzzers put other functions in the place of these.
 */
#include "vhd/import/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZERO_GRAIN 4096u

/* --- Disks ------------------------------------------------------------------------------------------------------------ */

bool session_create_disk(struct session *session, struct machine *machine, unsigned index,
			 struct vvhd **image)
{
	struct machine_disk *disk = &machine->disks[index];
	struct vvhd_create_options create = {.type = session->job->type, .size = disk->size};
	struct vvhd_open_options open = {.flags = VVHD_WRITABLE};
	struct output_file *file;
	struct vvhd_why why;
	char path[PATH_MAX];

	disk->raw = session->job->type == VVHD_TYPE_RAW;
	snprintf(disk->file, sizeof(disk->file), "%s-disk%u.%s", session->base, index,
		 disk->raw ? "raw" : "vhd");
	file = output_add(&session->output, disk->file, session->why);
	if (!file) {
		return false;
	}
	output_path(&session->output, file, path);
	if (vvhd_create(path, &create, &why) != 0) {
		return import_fail_disk(session->why, &why);
	}
	file->made = true;
	if (vvhd_open(path, disk->raw ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD, &open, image, &why) != 0) {
		return import_fail_disk(session->why, &why);
	}
	return true;
}

static bool is_zero(const char *data, size_t length)
{
	return length == 0 || (data[0] == 0 && memcmp(data, data + 1, length - 1) == 0);
}

static size_t grain(size_t left)
{
	return left < ZERO_GRAIN ? left : ZERO_GRAIN;
}

/* How many bytes from the beginning are zero, or are not, in whole grains. */
static size_t run_length(const char *data, size_t length, bool zero)
{
	size_t done = 0;

	while (done < length && is_zero(data + done, grain(length - done)) == zero) {
		done += grain(length - done);
	}
	return done;
}

bool session_write(struct session *session, struct vvhd *image, const char *data, size_t length,
		   uint64_t position)
{
	struct vvhd_why why;

	while (length > 0) {
		bool zero = is_zero(data, grain(length));
		size_t run = run_length(data, length, zero);

		if (!zero && vvhd_write(image, data, run, position, &why) != 0) {
			return import_fail_disk(session->why, &why);
		}
		data += run;
		position += run;
		length -= run;
	}
	return true;
}

bool session_close_disk(struct session *session, struct vvhd *image)
{
	struct vvhd_why why;

	return vvhd_close(image, &why) == 0 || import_fail_disk(session->why, &why);
}

void session_drop_disk(struct vvhd *image)
{
	vvhd_close(image, NULL);
}

/* --- Begin and end ---------------------------------------------------------------------------------------------------- */

bool session_begin(struct session *session, const struct machine *machine)
{
	text_file_name(machine->name, session->base);
	if (machine->kind != MACHINE_VM) {
		session_warn(session, "\"%s\" is a %s, not a virtual machine", machine->name,
			     machine_kind_name(machine->kind));
	}
	if (machine->paravirtual) {
		session_warn(
			session,
			"\"%s\" was paravirtualized (kernel \"%s\", boot loader \"%s\"): QEMU starts it only when "
			"its disk has a kernel for real hardware and a boot loader of its own",
			machine->name, machine->kernel, machine->bootloader);
	}
	if (machine->secure_boot) {
		session_warn(session, "\"%s\" used secure boot: it is started without", machine->name);
	}
	if (machine->tpm) {
		session_warn(session, "\"%s\" had a TPM, whose secrets stay where they were", machine->name);
	}
	return output_open(&session->output, session->job->output, session->job->keep_partial, session->why);
}

static bool write_text(struct session *session, const char *ending, struct text *text, unsigned mode)
{
	char name[FILE_NAME_SPACE + 16];
	bool good;

	snprintf(name, sizeof(name), "%s%s", session->base, ending);
	good = text->failed
		       ? import_fail_memory(session->why)
		       : output_write(&session->output, name, text->data, text->length, mode, session->why);
	text_free(text);
	return good;
}

static bool write_configuration(struct session *session, const struct machine *machine)
{
	struct text text = {0};
	char directory[PATH_MAX];

	if (!realpath(session->output.directory, directory)) {
		return import_fail_system(session->why, session->output.directory, errno);
	}
	qemu_write(machine, session->base, session->format, &text);
	if (!write_text(session, ".qemu.sh", &text, 0777)) {
		return false;
	}
	libvirt_write(machine, session->base, directory, &text);
	return write_text(session, ".libvirt.xml", &text, 0666);
}

bool session_finish(struct session *session, const struct machine *machine)
{
	struct output made;
	char path[PATH_MAX];

	if (!write_configuration(session, machine)) {
		return false;
	}
	made = session->output;
	if (!output_commit(&session->output, session->why)) {
		return false;
	}
	for (unsigned i = 0; i < made.count; i++) {
		if (!made.files[i].temporary) {
			output_final_path(&made, &made.files[i], path);
			session->job->made(session->job->self, path);
		}
	}
	return true;
}
