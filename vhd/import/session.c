/* SPDX-License-Identifier: MIT */
/*
 * An import from its first look at the input to the files it leaves.
 */
#include "vhd/import/session.h"

#include "vhd/import/xml.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZERO_GRAIN 4096u

bool session_read_member(struct session *session, const struct archive_member *member, size_t most,
			 char **data)
{
	if (member->size > most) {
		return import_fail(session->why, IMPORT_DAMAGED,
				   "%s: %" PRIu64 " bytes, at most %zu are read", member->name, member->size,
				   most);
	}
	*data = malloc(member->size + 1);
	if (!*data) {
		return import_fail_memory(session->why);
	}
	if (!archive_input_read_all(session->archive, *data, member->size, session->why)) {
		free(*data);
		return false;
	}
	(*data)[member->size] = '\0';
	return true;
}

void session_warn(struct session *session, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	session->job->warn(session->job->self, text);
}

bool session_progress(struct session *session, uint64_t done, uint64_t total)
{
	const struct vvhd_progress *progress = session->job->progress;

	return !progress || progress->report(progress->self, done, total) ||
	       import_fail(session->why, IMPORT_CANCELLED, "stopped");
}

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

/* --- What is it? ------------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length > end_length && strcasecmp(text + length - end_length, end) == 0;
}

/* Decided by the first member, which the two formats fix. */
static bool import_archive(struct session *session)
{
	struct archive_member first;
	bool good;

	session->archive = archive_input_open(session->job->input, session->why);
	if (!session->archive) {
		return false;
	}
	if (archive_input_next(session->archive, &first, session->why) != ARCHIVE_MEMBER) {
		good = false;
	} else if (strcmp(first.name, "ova.xml") == 0) {
		good = xva_import(session, &first);
	} else if (ends_with(first.name, ".ovf")) {
		good = ovf_import_archive(session, &first);
	} else {
		good = import_fail(
			session->why, IMPORT_UNSUPPORTED,
			"%s: its first member is \"%s\": an XVA archive begins with ova.xml, an OVA archive "
			"with NAME.ovf (unpack other orders, and import the folder)",
			session->job->input, first.name);
	}
	archive_input_close(session->archive);
	return good;
}

/* The only descriptor of a folder. */
static bool find_descriptor(struct session *session, DIR *directory, char name[NAME_MAX + 1])
{
	const struct dirent *entry;
	unsigned found = 0;

	while ((entry = readdir(directory))) {
		if (strcmp(entry->d_name, "ova.xml") == 0) {
			return import_fail(
				session->why, IMPORT_UNSUPPORTED,
				"%s: a folder with ova.xml is version 1 of XVA, written by XenEnterprise 3 and "
				"XenServer 3: import it into XenServer 4 to 7, and export it from there",
				session->job->input);
		}
		if (ends_with(entry->d_name, ".ovf")) {
			strcpy(name, entry->d_name);
			found++;
		}
	}
	if (found != 1) {
		return import_fail(session->why, found ? IMPORT_ARGUMENT : IMPORT_UNSUPPORTED,
				   "%s: %u files NAME.ovf are in the folder%s", session->job->input, found,
				   found ? ": say which by its path" : ", one was expected");
	}
	return true;
}

static bool import_folder(struct session *session)
{
	DIR *directory = opendir(session->job->input);
	char name[NAME_MAX + 1];
	bool good;

	if (!directory) {
		return import_fail_system(session->why, session->job->input, errno);
	}
	good = find_descriptor(session, directory, name);
	closedir(directory);
	return good && ovf_import_folder(session, session->job->input, name);
}

static bool import_descriptor(struct session *session)
{
	const char *path = session->job->input, *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";

	if (slash && (size_t)(slash - path) < sizeof(folder) - 1) {
		snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path);
	}
	return ovf_import_folder(session, folder, slash ? slash + 1 : path);
}

bool import_run(const struct import_job *job, struct import_why *why)
{
	struct session session = {.job = job, .why = why};
	struct stat status;
	bool good;

	*why = (struct import_why){0};
	if (strcmp(job->input, "-") != 0 && stat(job->input, &status) != 0) {
		return import_fail_system(why, job->input, errno);
	}
	if (strcmp(job->input, "-") != 0 && S_ISDIR(status.st_mode)) {
		good = import_folder(&session);
	} else if (ends_with(job->input, ".ovf")) {
		good = import_descriptor(&session);
	} else {
		good = import_archive(&session);
	}
	if (!good) {
		output_drop(&session.output);
	}
	return good;
}
