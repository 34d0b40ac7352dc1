/* SPDX-License-Identifier: MIT */
/*
 * Files and disks of a descriptor. Its machines: `ovf_machine.c`.
 */
#include "vhd/import/ovf.h"

#include "vhd/import/ovf_private.h"
#include "vhd/import/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAMESPACE "http://schemas.dmtf.org/ovf/envelope/"

/* --- Small texts ------------------------------------------------------------------------------------------------------ */

static int hex_digit(char digit)
{
	const char *digits = "0123456789abcdef";
	const char *at = digit ? strchr(digits, tolower((unsigned char)digit)) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool decode(const char *href, char name[OVF_HREF])
{
	size_t length = 0;

	for (; *href; href++) {
		char character = *href;

		if (character == '%') {
			int high = hex_digit(href[1]), low = high < 0 ? -1 : hex_digit(href[2]);

			if (low < 0) {
				return false;
			}
			character = (char)(high * 16 + low);
			href += 2;
		}
		if ((unsigned char)character < 0x20 || character == 0x7f || character == '\\' ||
		    length == OVF_HREF - 1) {
			return false;
		}
		name[length++] = character;
	}
	name[length] = '\0';
	return length > 0;
}

/* Each part between slashes has a name, and is neither this folder nor the one above. */
bool ovf_name_inside(const char *name)
{
	for (;;) {
		size_t length = strcspn(name, "/");

		if (length == 0 || (length == 1 && name[0] == '.') ||
		    (length == 2 && memcmp(name, "..", 2) == 0)) {
			return false;
		}
		if (!name[length]) {
			return true;
		}
		name += length + 1;
	}
}

bool ovf_href_parse(const char *href, char name[OVF_HREF])
{
	return !strstr(href, "://") && decode(href, name) && ovf_name_inside(name);
}

/* What is behind "byte": nothing, "* 2^20" or "* 10^6". */
static bool power_units(const char *text, uint64_t *factor)
{
	unsigned base, power, length = 0;

	*factor = 1;
	while (*text == 's' || *text == ' ') {
		text++;
	}
	if (!*text) {
		return true;
	}
	if (sscanf(text, "* %2u ^ %2u%n", &base, &power, &length) != 2 || text[length] ||
	    (base != 2 && base != 10)) {
		return false;
	}
	while (power--) {
		if (__builtin_mul_overflow(*factor, base, factor)) {
			return false;
		}
	}
	return true;
}

bool ovf_units_parse(const char *text, uint64_t *factor)
{
	static const struct {
		const char *name;
		unsigned shift;
	} units[] = {{"kb", 10}, {"kilobytes", 10}, {"mb", 20}, {"megabytes", 20},
		     {"gb", 30}, {"gigabytes", 30}, {"tb", 40}, {"terabytes", 40}};

	if (strncasecmp(text, "byte", 4) == 0) {
		return power_units(text + 4, factor);
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcasecmp(units[i].name, text) == 0) {
			*factor = 1ull << units[i].shift;
			return true;
		}
	}
	return false;
}

/* --- Files ------------------------------------------------------------------------------------------------------------ */

static bool take_file(struct ovf_reader *reader, const xmlNode *node)
{
	struct ovf_file *file = &reader->contents->files[reader->contents->file_count];
	char href[3 * OVF_HREF], compression[32], pieces[32];

	file->disk = OVF_NONE;
	if (!xml_attribute(node, "id", file->id, sizeof(file->id)) || !file->id[0]) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "%s: a file has no id, or one that is too long", reader->name);
	}
	if (!xml_attribute(node, "href", href, sizeof(href)) || !ovf_href_parse(href, file->href)) {
		return import_fail(
			reader->why, IMPORT_DAMAGED,
			"%s: file \"%s\" lies at \"%s\": only files of the package itself are read, by names "
			"relative to it",
			reader->name, file->id, href);
	}
	xml_attribute(node, "compression", compression, sizeof(compression));
	xml_attribute(node, "chunkSize", pieces, sizeof(pieces));
	file->pieces = pieces[0];
	file->gzip = strcmp(compression, "gzip") == 0;
	if (compression[0] && !file->gzip && strcmp(compression, "identity") != 0) {
		return import_fail(reader->why, IMPORT_UNSUPPORTED,
				   "%s: file \"%s\" is compressed with \"%s\"; only gzip can be read",
				   reader->name, file->href, compression);
	}
	reader->contents->file_count++;
	return true;
}

/* Counts children before room is made for them, with a bound that no package comes near. */
static bool count_parts(struct ovf_reader *reader, const xmlNode *parent, const char *name, unsigned *count)
{
	*count = 0;
	for (const xmlNode *node = xml_child(parent, name); node; node = xml_next(node)) {
		if (++*count > OVF_PARTS_MAX) {
			return import_fail(reader->why, IMPORT_DAMAGED, "%s: there are more than %u <%s>",
					   reader->name, OVF_PARTS_MAX, name);
		}
	}
	return true;
}

static bool take_files(struct ovf_reader *reader, const xmlNode *references)
{
	struct ovf_contents *contents = reader->contents;
	unsigned count;

	if (!count_parts(reader, references, "File", &count)) {
		return false;
	}
	contents->files = calloc(count + 1, sizeof(*contents->files));
	if (!contents->files) {
		return import_fail_memory(reader->why);
	}
	for (const xmlNode *node = xml_child(references, "File"); node; node = xml_next(node)) {
		const struct ovf_file *file = &contents->files[contents->file_count];

		if (!take_file(reader, node)) {
			return false;
		}
		for (const struct ovf_file *other = contents->files; other < file; other++) {
			if (strcmp(other->id, file->id) == 0 || strcmp(other->href, file->href) == 0) {
				return import_fail(reader->why, IMPORT_DAMAGED,
						   "%s: file \"%s\" is there twice", reader->name,
						   file->href);
			}
		}
	}
	return true;
}

struct ovf_file *ovf_contents_file(const struct ovf_contents *contents, const char *href)
{
	for (unsigned i = 0; i < contents->file_count; i++) {
		if (strcmp(contents->files[i].href, href) == 0) {
			return &contents->files[i];
		}
	}
	return NULL;
}

static unsigned file_by_id(const struct ovf_contents *contents, const char *id)
{
	for (unsigned i = 0; i < contents->file_count; i++) {
		if (strcmp(contents->files[i].id, id) == 0) {
			return i;
		}
	}
	return OVF_NONE;
}

/* --- Disks ------------------------------------------------------------------------------------------------------------ */

static bool has_word(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

/* The writer says what it is, with a URI that has the format's name in it; VirtualBox's has only a number. */
static enum ovf_format format_of_uri(const char *uri)
{
	if (has_word(uri, "vmdk")) {
		return OVF_FORMAT_VMDK;
	}
	if (has_word(uri, "vhdx")) {
		return OVF_FORMAT_VHDX;
	}
	if (has_word(uri, "vhd") || has_word(uri, "LinkId=137171")) {
		return OVF_FORMAT_VHD;
	}
	if (has_word(uri, "qcow2")) {
		return OVF_FORMAT_QCOW2;
	}
	return has_word(uri, "raw") ? OVF_FORMAT_RAW : OVF_FORMAT_OTHER;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcasecmp(text + length - end_length, end) == 0;
}

/* Where no format is said, the file's name says it. Contents are never looked at: a guest can write anything there. */
static enum ovf_format format_of_name(const char *href)
{
	static const struct {
		const char *end;
		enum ovf_format format;
	} ends[] = {{".vhd", OVF_FORMAT_VHD},	{".vhd.gz", OVF_FORMAT_VHD}, {".raw", OVF_FORMAT_RAW},
		    {".img", OVF_FORMAT_RAW},	{".raw.gz", OVF_FORMAT_RAW}, {".img.gz", OVF_FORMAT_RAW},
		    {".vmdk", OVF_FORMAT_VMDK}, {".vhdx", OVF_FORMAT_VHDX},  {".qcow2", OVF_FORMAT_QCOW2}};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (ends_with(href, ends[i].end)) {
			return ends[i].format;
		}
	}
	return OVF_FORMAT_OTHER;
}

static bool take_capacity(struct ovf_reader *reader, const xmlNode *node, struct ovf_disk *disk)
{
	char capacity[32], units[64];
	uint64_t factor = 1;

	xml_attribute(node, "capacity", capacity, sizeof(capacity));
	xml_attribute(node, "capacityAllocationUnits", units, sizeof(units));
	if ((units[0] && !ovf_units_parse(units, &factor)) ||
	    !machine_number(capacity, UINT64_MAX, &disk->capacity) || disk->capacity == 0 ||
	    __builtin_mul_overflow(disk->capacity, factor, &disk->capacity) ||
	    disk->capacity > VVHD_SIZE_MAX) {
		return import_fail(
			reader->why, IMPORT_DAMAGED,
			"%s: disk \"%s\" has the capacity \"%s\" (%s): from one sector to 2040 GiB are "
			"possible",
			reader->name, disk->id, capacity, units[0] ? units : "bytes");
	}
	disk->capacity = (disk->capacity + VVHD_SECTOR_SIZE - 1) / VVHD_SECTOR_SIZE * VVHD_SECTOR_SIZE;
	return true;
}

static bool take_disk_file(struct ovf_reader *reader, const xmlNode *node, struct ovf_disk *disk)
{
	char reference[MACHINE_ID];

	disk->file = OVF_NONE;
	if (!xml_attribute(node, "fileRef", reference, sizeof(reference))) {
		reference[0] = '\0';
	}
	if (!reference[0]) {
		return true;
	}
	disk->file = file_by_id(reader->contents, reference);
	if (disk->file == OVF_NONE) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "%s: disk \"%s\" is in file \"%s\", which is not listed", reader->name,
				   disk->id, reference);
	}
	if (reader->contents->files[disk->file].disk != OVF_NONE) {
		return import_fail(reader->why, IMPORT_DAMAGED, "%s: file \"%s\" is said to be two disks",
				   reader->name, reference);
	}
	reader->contents->files[disk->file].disk = reader->contents->disk_count;
	return true;
}

static bool take_disk(struct ovf_reader *reader, const xmlNode *node)
{
	struct ovf_disk *disk = &reader->contents->disks[reader->contents->disk_count];
	char text[16];

	if (!xml_attribute(node, "diskId", disk->id, sizeof(disk->id)) || !disk->id[0] ||
	    ovf_contents_disk(reader->contents, disk->id)) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "%s: a disk has no id, one that is too long, or that of another: \"%s\"",
				   reader->name, disk->id);
	}
	if (!take_capacity(reader, node, disk) || !take_disk_file(reader, node, disk)) {
		return false;
	}
	xml_attribute(node, "format", disk->format_text, sizeof(disk->format_text));
	disk->format = format_of_uri(disk->format_text);
	if (!disk->format_text[0] && disk->file != OVF_NONE) {
		disk->format = format_of_name(reader->contents->files[disk->file].href);
	}
	xml_attribute(node, "isBootable", text, sizeof(text));
	disk->bootable = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
	xml_attribute(node, "parentRef", text, sizeof(text));
	disk->has_parent = text[0];
	reader->contents->disk_count++;
	return true;
}

static bool take_disks(struct ovf_reader *reader, const xmlNode *section)
{
	struct ovf_contents *contents = reader->contents;
	unsigned count;

	if (!count_parts(reader, section, "Disk", &count)) {
		return false;
	}
	contents->disks = calloc(count + 1, sizeof(*contents->disks));
	if (!contents->disks) {
		return import_fail_memory(reader->why);
	}
	for (const xmlNode *node = xml_child(section, "Disk"); node; node = xml_next(node)) {
		if (!take_disk(reader, node)) {
			return false;
		}
	}
	return true;
}

struct ovf_disk *ovf_contents_disk(const struct ovf_contents *contents, const char *id)
{
	for (unsigned i = 0; i < contents->disk_count; i++) {
		if (strcmp(contents->disks[i].id, id) == 0) {
			return &contents->disks[i];
		}
	}
	return NULL;
}

/* --- The whole -------------------------------------------------------------------------------------------------------- */

/* Collections hold machines and collections; libxml2 bounds how deep elements can lie. */
static bool take_machines(struct ovf_reader *reader, const xmlNode *parent)
{
	for (const xmlNode *node = xml_first(parent); node; node = xml_following(node)) {
		if (xml_is(node, "VirtualSystem") && !ovf_machine_read(reader, node)) {
			return false;
		}
		if (xml_is(node, "VirtualSystemCollection") && !take_machines(reader, node)) {
			return false;
		}
	}
	return true;
}

static bool check_root(struct ovf_reader *reader, const xmlNode *root)
{
	const char *space = root->ns && root->ns->href ? (const char *)root->ns->href : "";

	if (!xml_is(root, "Envelope")) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "%s: <%s> at its beginning, <Envelope> was expected", reader->name,
				   (const char *)root->name);
	}
	if (strcmp(space, NAMESPACE "1") != 0 && strcmp(space, NAMESPACE "2") != 0) {
		return import_fail(reader->why, IMPORT_UNSUPPORTED,
				   "%s: its version of OVF is \"%s\"; those of " NAMESPACE
				   "1 and 2 can be read",
				   reader->name, space);
	}
	return true;
}

bool ovf_contents_parse(const char *name, const void *data, size_t size, struct ovf_contents *contents,
			struct import_why *why)
{
	struct ovf_reader reader = {.name = name, .contents = contents, .why = why};
	xmlDoc *document = xml_parse(name, data, size, why);
	const xmlNode *root;
	bool good;

	*contents = (struct ovf_contents){0};
	if (!document) {
		return false;
	}
	root = xmlDocGetRootElement(document);
	good = check_root(&reader, root) && take_files(&reader, xml_child(root, "References")) &&
	       take_disks(&reader, xml_child(root, "DiskSection")) && take_machines(&reader, root);
	xmlFreeDoc(document);
	if (!good) {
		ovf_contents_free(contents);
	}
	return good;
}

void ovf_contents_free(struct ovf_contents *contents)
{
	machine_list_free(&contents->machines);
	free(contents->files);
	free(contents->disks);
	*contents = (struct ovf_contents){0};
}
