/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: OVF packages. The first byte says what the rest is: 0 a descriptor, 1 a manifest, and names and units by
 * themselves, 2 a tar archive, 3 members from which a tar archive is made (the next byte: verify, list, no end marker).
 */
#include "vhd/import/ovf.h"
#include "vhd/fuzz/import/fake.h"
#include "vhd/import/manifest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void contents(const uint8_t *data, size_t size)
{
	struct ovf_contents contents;
	struct import_why why;

	if (!ovf_contents_parse("x.ovf", data, size, &contents, &why)) {
		return;
	}
	for (unsigned i = 0; i < contents.file_count; i++) {
		fake_check(ovf_name_inside(contents.files[i].href));
	}
	for (unsigned i = 0; i < contents.disk_count; i++) {
		const struct ovf_disk *disk = &contents.disks[i];

		fake_check(disk->capacity > 0 && disk->capacity <= VVHD_SIZE_MAX);
		fake_check(disk->file == OVF_NONE || contents.files[disk->file].disk == i);
	}
	fake_write_machines(&contents.machines);
	ovf_contents_free(&contents);
}

/* A decoded name has no part that leads elsewhere. */
static void small_texts(const char *text)
{
	char name[OVF_HREF];
	uint64_t factor;

	if (ovf_href_parse(text, name)) {
		fake_check(name[0] != '/' && !strstr(name, "/../") && strncmp(name, "../", 3) != 0);
		fake_check(strcmp(name, "..") != 0 && !strchr(name, '\\') && !strchr(name, '\n'));
	}
	if (ovf_units_parse(text, &factor)) {
		fake_check(factor > 0);
	}
}

static void manifest(const uint8_t *data, size_t size)
{
	struct manifest manifest;
	struct import_why why;
	char *text = calloc(1, size + 1);

	fake_check(text);
	memcpy(text, data, size);
	small_texts(text);
	if (manifest_parse("x.mf", text, size, &manifest, &why)) {
		for (unsigned i = 0; i < manifest.count; i++) {
			fake_check(manifest_find(&manifest, manifest.entries[i].name) ==
				   &manifest.entries[i]);
			fake_check(strlen(manifest.entries[i].digest) ==
				   digest_length(manifest.entries[i].kind));
		}
		manifest_free(&manifest);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fake_input(data, size, contents, manifest);
}
