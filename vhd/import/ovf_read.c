/* SPDX-License-Identifier: MIT */
/*
 * Packages as archives, in the order in which their members come, and as folders, from which only what is wanted is read.
 */
#include "vhd/import/ovf_package.h"
#include "vhd/import/xml.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length > end_length && strcasecmp(text + length - end_length, end) == 0;
}

/* --- Archives --------------------------------------------------------------------------------------------------------- */

static bool take_manifest_member(struct ovf_package *package, const struct archive_member *member)
{
	char *data;
	bool good;

	if (!session_read_member(package->session, member, MANIFEST_SIZE_MAX, &data)) {
		return false;
	}
	good = ovf_package_take_manifest(package, member->name, data, member->size);
	free(data);
	return good;
}

static bool take_member(struct ovf_package *package, const struct archive_member *member)
{
	struct stream stream = {.name = member->name, .archive = package->session->archive};
	unsigned index;
	bool good;

	/* Nothing is written by these names; but an archive that has such ones is no package. */
	if (!ovf_name_inside(member->name)) {
		return import_fail(package->why, IMPORT_DAMAGED,
				   "member \"%s\" would lie outside the package", member->name);
	}
	if (ends_with(member->name, ".mf")) {
		return take_manifest_member(package, member);
	}
	package->has_certificate = package->has_certificate || ends_with(member->name, ".cert");
	ovf_package_watch(package, &stream);
	if (ovf_package_wants(package, ovf_contents_file(&package->contents, member->name), &index)) {
		/* A second one of its name is found before it could replace the first. */
		good = package->machine->disks[index].file[0]
			       ? import_fail(package->why, IMPORT_DAMAGED, "\"%s\" is in the package twice",
					     member->name)
			       : ovf_package_take_disk(package, &stream, index);
	} else {
		good = stream_finish(&stream, package->why);
	}
	return good && ovf_package_passed(package, &stream);
}

static bool take_members(struct ovf_package *package)
{
	struct archive_member member;
	enum archive_step step;

	while ((step = archive_input_next(package->session->archive, &member, package->why)) ==
	       ARCHIVE_MEMBER) {
		/* The name belongs to the archive's reader, which may want it for something else. */
		char name[OVF_HREF];

		if (strlen(member.name) >= sizeof(name)) {
			return import_fail(package->why, IMPORT_DAMAGED, "\"%.60s...\": the name is too long",
					   member.name);
		}
		strcpy(name, strncmp(member.name, "./", 2) == 0 ? member.name + 2 : member.name);
		member.name = name;
		if (!take_member(package, &member)) {
			return false;
		}
	}
	return step == ARCHIVE_IS_DONE;
}

static bool list(struct session *session, struct ovf_package *package)
{
	session->job->listed(session->job->self, &package->contents.machines);
	return true;
}

bool ovf_import_archive(struct session *session, const struct archive_member *first)
{
	struct ovf_package package;
	char name[OVF_HREF];
	char *data;
	bool good;

	session->format = "OVA archive";
	text_copy(name, sizeof(name), strncmp(first->name, "./", 2) == 0 ? first->name + 2 : first->name);
	if (!session_read_member(session, first, XML_SIZE_MAX, &data)) {
		return false;
	}
	good = ovf_package_open(&package, session, name, data, first->size);
	free(data);
	if (!good) {
		return false;
	}
	good = session->job->list ? list(session, &package)
				  : ovf_package_begin(&package) && take_members(&package) &&
					    ovf_package_finish(&package, true);
	ovf_package_close(&package);
	return good;
}

/* --- Folders ---------------------------------------------------------------------------------------------------------- */

/* A plain file below the folder, without a link on the way to it. -1, with `why`. */
static int open_inside(const char *folder, const char *name, struct import_why *why)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;
	int descriptor;

	if (directory < 0) {
		import_fail_system(why, folder, errno);
		return -1;
	}
	descriptor = (int)syscall(SYS_openat2, directory, name, &how, sizeof(how));
	if (descriptor < 0 && errno == ELOOP) {
		import_fail(why, IMPORT_DAMAGED,
			    "%s/%s: it is a link, or lies behind one; links are not followed", folder, name);
	} else if (descriptor < 0) {
		import_fail(why, IMPORT_SYSTEM, "%s/%s: %s", folder, name, strerror(errno));
	} else if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
		import_fail(why, IMPORT_DAMAGED, "%s/%s: no plain file", folder, name);
		close(descriptor);
		descriptor = -1;
	}
	close(directory);
	return descriptor;
}

static bool read_all(const char *name, int descriptor, char *data, size_t size, struct import_why *why)
{
	size_t done = 0;

	while (done < size) {
		ssize_t count = read(descriptor, data + done, size - done);

		if (count < 0 && errno == EINTR) {
			continue;
		}
		if (count <= 0) {
			return import_fail_system(why, name, count ? errno : EIO);
		}
		done += (size_t)count;
	}
	data[size] = '\0';
	return true;
}

/* A small file as a whole, in memory of its own. */
static bool read_file(const char *folder, const char *name, size_t most, char **data, size_t *size,
		      struct import_why *why)
{
	int descriptor = open_inside(folder, name, why);
	struct stat status;
	bool good;

	if (descriptor < 0) {
		return false;
	}
	fstat(descriptor, &status);
	*size = (size_t)status.st_size;
	*data = NULL;
	if (*size > most) {
		good = import_fail(why, IMPORT_DAMAGED, "%s: %zu bytes, at most %zu are read", name, *size,
				   most);
	} else {
		*data = malloc(*size + 1);
		good = *data ? read_all(name, descriptor, *data, *size, why) : import_fail_memory(why);
	}
	close(descriptor);
	if (!good) {
		free(*data);
	}
	return good;
}

/* Beside NAME.ovf lies NAME.mf, if there is any. */
static bool take_manifest_file(struct ovf_package *package, const char *folder, const char *descriptor)
{
	char name[OVF_HREF], path[PATH_MAX];
	char *data;
	size_t size;
	bool good;

	snprintf(name, sizeof(name), "%.*s.mf", (int)strlen(descriptor) - 4, descriptor);
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path) ||
	    access(path, F_OK) != 0) {
		return true;
	}
	if (!read_file(folder, name, MANIFEST_SIZE_MAX, &data, &size, package->why)) {
		return false;
	}
	good = ovf_package_take_manifest(package, name, data, size);
	free(data);
	return good;
}

/* A VHD that is not compressed is read where it lies, after its checksum. */
static bool take_in_place(struct ovf_package *package, struct stream *stream, const char *folder,
			  unsigned index)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, stream->name) >= (int)sizeof(path)) {
		return import_fail_system(package->why, folder, ENAMETOOLONG);
	}
	return (!stream->digests.wanted || stream_finish(stream, package->why)) &&
	       ovf_package_convert(package, stream->name, path, index);
}

static bool take_file(struct ovf_package *package, const char *folder, const struct ovf_file *file,
		      unsigned index)
{
	struct stream stream = {.name = file->href};
	bool good;

	stream.descriptor = open_inside(folder, file->href, package->why);
	if (stream.descriptor < 0) {
		return false;
	}
	ovf_package_watch(package, &stream);
	if (!package->has_manifest) {
		stream.digests.wanted = 0;
	}
	good = package->contents.disks[file->disk].format == OVF_FORMAT_VHD && !file->gzip
		       ? take_in_place(package, &stream, folder, index)
		       : ovf_package_take_disk(package, &stream, index);
	close(stream.descriptor);
	return good && ovf_package_passed(package, &stream);
}

static bool take_files(struct ovf_package *package, const char *folder)
{
	for (unsigned i = 0; i < package->contents.file_count; i++) {
		const struct ovf_file *file = &package->contents.files[i];
		unsigned index;

		if (ovf_package_wants(package, file, &index) && !take_file(package, folder, file, index)) {
			return false;
		}
	}
	return true;
}

bool ovf_import_folder(struct session *session, const char *folder, const char *name)
{
	struct ovf_package package;
	char *data;
	size_t size;
	bool good;

	session->format = "OVF package";
	if (strlen(name) >= OVF_HREF) {
		return import_fail_system(session->why, name, ENAMETOOLONG);
	}
	if (!read_file(folder, name, XML_SIZE_MAX, &data, &size, session->why)) {
		return false;
	}
	good = ovf_package_open(&package, session, name, data, size);
	free(data);
	if (!good) {
		return false;
	}
	good = session->job->list
		       ? list(session, &package)
		       : ovf_package_begin(&package) && take_manifest_file(&package, folder, name) &&
				 take_files(&package, folder) && ovf_package_finish(&package, false);
	ovf_package_close(&package);
	return good;
}
