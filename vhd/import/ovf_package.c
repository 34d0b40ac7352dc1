/* SPDX-License-Identifier: MIT */
/*
 * Packages: what they must have, and their checksums. Disks: `ovf_disk.c`.
 */
#include "vhd/import/ovf_package.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct ovf_passed *find_passed(const struct ovf_package *package, const char *name)
{
	for (unsigned i = 0; i < package->passed_count; i++) {
		if (strcmp(package->passed[i].name, name) == 0) {
			return &package->passed[i];
		}
	}
	return NULL;
}

/* The next place for what has passed, which may be only once. */
static struct ovf_passed *add_passed(struct ovf_package *package, const char *name)
{
	struct ovf_passed *passed;

	if (strlen(name) >= sizeof(passed->name) || package->passed_count == OVF_PARTS_MAX) {
		import_fail(package->why, IMPORT_DAMAGED,
			    "\"%s\": more than %u files are in the package, or the name is too long", name,
			    OVF_PARTS_MAX);
		return NULL;
	}
	if (find_passed(package, name)) {
		import_fail(package->why, IMPORT_DAMAGED, "\"%s\" is in the package twice", name);
		return NULL;
	}
	if ((package->passed_count & (package->passed_count - 1)) == 0) {
		passed =
			reallocarray(package->passed, package->passed_count ? package->passed_count * 2u : 1u,
				     sizeof(*passed));
		if (!passed) {
			import_fail_memory(package->why);
			return NULL;
		}
		package->passed = passed;
	}
	passed = &package->passed[package->passed_count++];
	*passed = (struct ovf_passed){0};
	strcpy(passed->name, name);
	return passed;
}

bool ovf_package_open(struct ovf_package *package, struct session *session, const char *name,
		      const char *data, size_t size)
{
	struct ovf_passed *passed;

	*package = (struct ovf_package){.session = session, .why = session->why};
	if (!ovf_contents_parse(name, data, size, &package->contents, package->why)) {
		return false;
	}
	passed = add_passed(package, name);
	if (!passed) {
		ovf_package_close(package);
		return false;
	}
	for (unsigned kind = DIGEST_SHA1; kind < DIGEST_KINDS; kind++) {
		digest_of(kind, data, size, passed->digests[kind]);
	}
	return true;
}

void ovf_package_close(struct ovf_package *package)
{
	ovf_contents_free(&package->contents);
	manifest_free(&package->manifest);
	free(package->passed);
}

/* --- What can be imported --------------------------------------------------------------------------------------------- */

static const char *advice(enum ovf_format format)
{
	switch (format) {
	case OVF_FORMAT_VMDK:
		return "VMDK disks cannot be read here: unpack the package, convert the disk with `qemu-img convert -O "
		       "raw FILE.vmdk FILE.raw`, and let the descriptor name that file with a format of raw";
	case OVF_FORMAT_VHDX:
		return "VHDX disks cannot be read here: unpack the package, convert the disk with `qemu-img convert -O "
		       "raw FILE.vhdx FILE.raw`, and let the descriptor name that file with a format of raw";
	case OVF_FORMAT_QCOW2:
		return "qcow2 disks cannot be read here: unpack the package, convert the disk with `qemu-img convert -O "
		       "raw FILE.qcow2 FILE.raw`, and let the descriptor name that file with a format of raw";
	default:
		return "only VHD and raw disks can be read";
	}
}

static bool check_disk(struct ovf_package *package, const struct ovf_disk *disk)
{
	const struct ovf_file *file = disk->file == OVF_NONE ? NULL : &package->contents.files[disk->file];

	if (disk->has_parent) {
		return import_fail(
			package->why, IMPORT_UNSUPPORTED,
			"disk \"%s\" holds only what differs from another: such packages cannot be read",
			disk->id);
	}
	if (file && disk->format != OVF_FORMAT_VHD && disk->format != OVF_FORMAT_RAW) {
		return import_fail(package->why, IMPORT_UNSUPPORTED,
				   "disk \"%s\", file %s, format \"%s\": %s", disk->id, file->href,
				   disk->format_text, advice(disk->format));
	}
	if (file && file->pieces) {
		return import_fail(
			package->why, IMPORT_UNSUPPORTED,
			"file %s is cut into pieces: unpack the package, put the pieces together with `cat`, "
			"and remove chunkSize from the descriptor",
			file->href);
	}
	return true;
}

bool ovf_package_begin(struct ovf_package *package)
{
	const struct session *session = package->session;

	package->machine =
		machine_list_choose(&package->contents.machines, session->job->machine, package->why);
	if (!package->machine) {
		return false;
	}
	for (unsigned i = 0; i < package->machine->disk_count; i++) {
		const struct machine_disk *disk = &package->machine->disks[i];

		if (!disk->cd && !check_disk(package, ovf_contents_disk(&package->contents, disk->id))) {
			return false;
		}
		package->total += disk->size;
	}
	return session_begin(package->session, package->machine);
}

bool ovf_package_wants(const struct ovf_package *package, const struct ovf_file *file, unsigned *index)
{
	if (!file || file->disk == OVF_NONE) {
		return false;
	}
	for (unsigned i = 0; i < package->machine->disk_count; i++) {
		const struct machine_disk *disk = &package->machine->disks[i];

		if (!disk->cd && strcmp(disk->id, package->contents.disks[file->disk].id) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

/* --- Checksums -------------------------------------------------------------------------------------------------------- */

bool ovf_package_take_manifest(struct ovf_package *package, const char *name, const char *data, size_t size)
{
	if (package->has_manifest) {
		return import_fail(package->why, IMPORT_DAMAGED, "\"%s\": a second manifest", name);
	}
	package->has_manifest = manifest_parse(name, data, size, &package->manifest, package->why);
	return package->has_manifest;
}

void ovf_package_watch(const struct ovf_package *package, struct stream *stream)
{
	const struct manifest_entry *entry = manifest_find(&package->manifest, stream->name);
	unsigned wanted = package->has_manifest ? (entry ? 1u << entry->kind : 0) : DIGESTS_ALL;

	digests_begin(&stream->digests, package->session->job->verify ? wanted : 0);
	stream->progress = package->session->job->progress;
	stream->done = package->done;
	stream->total = package->total;
}

bool ovf_package_passed(struct ovf_package *package, struct stream *stream)
{
	struct ovf_passed *passed = add_passed(package, stream->name);

	for (unsigned kind = DIGEST_SHA1; passed && kind < DIGEST_KINDS; kind++) {
		if (stream->digests.wanted & 1u << kind) {
			digests_end(&stream->digests, kind, passed->digests[kind]);
		}
	}
	return passed;
}

static bool check_entry(struct ovf_package *package, struct manifest_entry *entry, bool all_passed)
{
	const struct ovf_passed *passed = find_passed(package, entry->name);

	if (!passed) {
		return !all_passed ||
		       import_fail(package->why, IMPORT_DAMAGED,
				   "\"%s\" is in the manifest, and not in the package", entry->name);
	}
	entry->checked = true;
	return strcmp(passed->digests[entry->kind], entry->digest) == 0 ||
	       import_fail(
		       package->why, IMPORT_CHECKSUM,
		       "%s: its checksum is %s, the manifest has %s: the package is damaged or was changed "
		       "(--no-verify takes it as it is)",
		       entry->name, passed->digests[entry->kind], entry->digest);
}

/* What was used and is not in the manifest may be anybody's. */
static bool check_used(struct ovf_package *package, const char *name)
{
	const struct manifest_entry *entry = manifest_find(&package->manifest, name);

	return (entry && entry->checked) ||
	       import_fail(package->why, IMPORT_CHECKSUM,
			   "%s: the manifest says nothing about it (--no-verify takes it as it is)", name);
}

static bool check_manifest(struct ovf_package *package, bool all_passed)
{
	if (!package->session->job->verify) {
		return true;
	}
	if (!package->has_manifest) {
		session_warn(package->session,
			     "the package has no manifest: nothing says whether its data are still as "
			     "they were written");
		return true;
	}
	for (unsigned i = 0; i < package->manifest.count; i++) {
		if (!check_entry(package, &package->manifest.entries[i], all_passed)) {
			return false;
		}
	}
	for (unsigned i = 0; i < package->contents.file_count; i++) {
		const struct ovf_file *file = &package->contents.files[i];
		unsigned index;

		if (ovf_package_wants(package, file, &index) && !check_used(package, file->href)) {
			return false;
		}
	}
	/* The descriptor was the first to pass. */
	return check_used(package, package->passed[0].name);
}

/* --- The end ---------------------------------------------------------------------------------------------------------- */

/* A disk without a file begins empty; one with a file must have passed. */
static bool finish_disk(struct ovf_package *package, unsigned index)
{
	const struct machine_disk *disk = &package->machine->disks[index];
	const struct ovf_disk *description;
	struct vvhd *image;

	if (disk->cd || disk->file[0]) {
		return true;
	}
	description = ovf_contents_disk(&package->contents, disk->id);
	if (description->file != OVF_NONE) {
		return import_fail(package->why, IMPORT_DAMAGED,
				   "%s, the file of disk \"%s\", is not in the package",
				   package->contents.files[description->file].href, disk->id);
	}
	return session_create_disk(package->session, package->machine, index, &image) &&
	       session_close_disk(package->session, image);
}

bool ovf_package_finish(struct ovf_package *package, bool all_passed)
{
	for (unsigned i = 0; i < package->machine->disk_count; i++) {
		if (!finish_disk(package, i)) {
			return false;
		}
	}
	if (!check_manifest(package, all_passed)) {
		return false;
	}
	if (package->has_certificate) {
		session_warn(package->session, "the package is signed; the signature was not checked");
	}
	return session_finish(package->session, package->machine);
}
