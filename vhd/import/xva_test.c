/* SPDX-License-Identifier: MIT */
/*
 * Names, positions and order of chunks, against the rules of the format.
 */
#include "vhd/import/xva.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct import_why why;

static void names_of_chunks_are_read(void **state)
{
	struct xva_name name;

	(void)state;
	assert_true(xva_name_parse("Ref:12/00000345", &name));
	assert_int_equal(name.kind, XVA_CHUNK);
	assert_string_equal(name.disk, "Ref:12");
	assert_int_equal(name.number, 345);
	assert_true(xva_name_parse("Ref:12/00000345.xxhash", &name));
	assert_int_equal(name.kind, XVA_CHECKSUM);
	assert_int_equal(name.digest, DIGEST_XXH64);
	assert_true(xva_name_parse("Ref:0/123456789.checksum", &name));
	assert_int_equal(name.digest, DIGEST_SHA1);
	assert_int_equal(name.number, 123456789);
}

static void other_names_are_refused(void **state)
{
	static const char *const bad[] = {"",
					  "Ref:",
					  "Ref:1",
					  "Ref:1/",
					  "Ref:/00000001",
					  "Ref:1/1",
					  "Ref:1/0000001",
					  "Ref:1/012345678",
					  "Ref:1/1234567890123",
					  "Ref:1/00000001.md5",
					  "Ref:1/00000001.xxhash.xxhash",
					  "Ref:1/../00000001",
					  "/Ref:1/00000001",
					  "../Ref:1/00000001",
					  "ref:1/00000001",
					  "Ref:x/00000001",
					  "Ref:1/-0000001",
					  "Ref:1//00000001",
					  "Ref:123456789012345678901234/00000001"};
	struct xva_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (xva_name_parse(bad[i], &name)) {
			fail_msg("\"%s\" was taken", bad[i]);
		}
	}
}

static void missing_numbers_are_zeros_of_the_first_length(void **state)
{
	struct xva_disk disk = {.size = 5000};
	uint64_t position;

	(void)state;
	assert_true(xva_disk_place(&disk, 0, 1000, &position, &why));
	assert_int_equal(position, 0);
	assert_true(xva_disk_place(&disk, 3, 1000, &position, &why));
	assert_int_equal(position, 3000);
	assert_true(xva_disk_place(&disk, 4, 1000, &position, &why));
	assert_int_equal(position, 4000);
}

static void empty_chunks_take_a_number_and_no_room(void **state)
{
	struct xva_disk disk = {.size = 5000};
	uint64_t position;

	(void)state;
	assert_true(xva_disk_place(&disk, 0, 1000, &position, &why));
	assert_true(xva_disk_place(&disk, 1, 0, &position, &why));
	assert_true(xva_disk_place(&disk, 2, 1000, &position, &why));
	assert_int_equal(position, 1000);
	assert_true(xva_disk_place(&disk, 4, 0, &position, &why));
	assert_true(xva_disk_place(&disk, 6, 500, &position, &why));
	assert_int_equal(position, 4000);
}

static void numbers_must_increase(void **state)
{
	struct xva_disk disk = {.size = 5000};
	uint64_t position;

	(void)state;
	assert_true(xva_disk_place(&disk, 0, 1000, &position, &why));
	assert_true(xva_disk_place(&disk, 2, 1000, &position, &why));
	assert_false(xva_disk_place(&disk, 2, 1000, &position, &why));
	assert_int_equal(why.error, IMPORT_DAMAGED);
	assert_false(xva_disk_place(&disk, 1, 1000, &position, &why));
}

static void a_disk_ends_at_its_size(void **state)
{
	struct xva_disk disk = {.size = 2500};
	uint64_t position;

	(void)state;
	assert_true(xva_disk_place(&disk, 0, 1000, &position, &why));
	assert_false(xva_disk_place(&disk, 3, 1, &position, &why));
	disk = (struct xva_disk){.size = 2500};
	assert_true(xva_disk_place(&disk, 0, 1000, &position, &why));
	assert_true(xva_disk_place(&disk, 2, 500, &position, &why));
	assert_int_equal(position, 2000);
	assert_false(xva_disk_place(&disk, 3, 1, &position, &why));
	assert_true(xva_disk_place(&disk, 3, 0, &position, &why));
}

static void numbers_that_overflow_are_beyond_the_end(void **state)
{
	struct xva_disk disk = {.size = VVHD_SIZE_MAX};
	uint64_t position;

	(void)state;
	assert_true(xva_disk_place(&disk, 0, 1 << 20, &position, &why));
	assert_false(xva_disk_place(&disk, UINT64_MAX, 1, &position, &why));
	assert_false(xva_disk_place(&disk, 999999999999, 1, &position, &why));
	assert_int_equal(disk.position, 1 << 20);
}

static void a_gap_before_all_data_is_refused(void **state)
{
	struct xva_disk disk = {.size = 5000};
	uint64_t position;

	(void)state;
	assert_false(xva_disk_place(&disk, 1, 1000, &position, &why));
	assert_true(xva_disk_place(&disk, 0, 0, &position, &why));
	assert_false(xva_disk_place(&disk, 2, 1000, &position, &why));
	assert_true(xva_disk_place(&disk, 1, 1000, &position, &why));
	assert_int_equal(position, 0);
}

static bool take(struct xva_order *order, const char *name, bool *new_disk)
{
	struct xva_name parsed;

	return xva_order_take(order, name, &parsed, new_disk, &why);
}

static void checksums_follow_their_chunks(void **state)
{
	struct xva_order order = {0};
	bool fresh;

	(void)state;
	assert_true(take(&order, "Ref:1/00000000", &fresh) && fresh);
	assert_true(take(&order, "Ref:1/00000000.xxhash", &fresh) && !fresh);
	assert_true(take(&order, "Ref:1/00000002", &fresh) && !fresh);
	assert_false(take(&order, "Ref:1/00000001.xxhash", &fresh));
	assert_true(take(&order, "Ref:1/00000002.checksum", &fresh));
	assert_false(take(&order, "Ref:1/00000002.checksum", &fresh));
	assert_true(take(&order, "Ref:7/00000000", &fresh) && fresh);
	assert_false(xva_order_end(&order, &why));
	assert_true(take(&order, "Ref:7/00000000.xxhash", &fresh));
	assert_true(xva_order_end(&order, &why));
}

static void all_chunks_have_checksums_or_none(void **state)
{
	struct xva_order with = {0}, without = {0}, promised = {.with_checksums = true}, lax = {.lax = true};
	bool fresh;

	(void)state;
	assert_true(take(&with, "Ref:1/00000000", &fresh) && take(&with, "Ref:1/00000000.xxhash", &fresh) &&
		    take(&with, "Ref:1/00000001", &fresh));
	assert_false(take(&with, "Ref:1/00000002", &fresh));
	assert_true(take(&without, "Ref:1/00000000", &fresh) && take(&without, "Ref:1/00000001", &fresh));
	assert_false(take(&without, "Ref:1/00000001.xxhash", &fresh));
	assert_true(take(&promised, "Ref:1/00000000", &fresh));
	assert_false(take(&promised, "Ref:1/00000001", &fresh));
	assert_true(take(&lax, "Ref:1/00000000", &fresh) && take(&lax, "Ref:1/00000001", &fresh) &&
		    take(&lax, "Ref:1/00000001.xxhash", &fresh) && take(&lax, "Ref:1/00000002", &fresh));
	assert_true(xva_order_end(&lax, &why));
	assert_true(xva_order_end(&without, &why));
}

/* --- ova.xml --------------------------------------------------------------------------------------------------------- */

#define FIELD(name, value) "<member><name>" name "</name><value>" value "</value></member>"
#define OBJECT(class, id, fields)                                                                            \
	"<value><struct>" FIELD("class", class) FIELD("id", id)                                              \
		FIELD("snapshot", "<struct>" fields "</struct>") "</struct></value>"
#define CONTENTS(objects)                                                                                    \
	"<value><struct>" FIELD("version", "<struct>" FIELD("export_vsn", "2") "</struct>")                  \
		FIELD("objects", "<array><data>" objects "</data></array>") "</struct></value>"
#define MACHINE(id, fields)                                                                                  \
	OBJECT("VM", id,                                                                                     \
	       FIELD("name_label", "a &amp; <![CDATA[b]]>") FIELD("memory_static_max", "1073741824")         \
		       FIELD("VCPUs_max", "2") FIELD("HVM_boot_policy", "BIOS order") fields)
#define DISK(id, size) OBJECT("VDI", id, FIELD("virtual_size", size))
#define DEVICE(id, vm, vdi)                                                                                  \
	OBJECT("VBD", id,                                                                                    \
	       FIELD("VM", vm) FIELD("VDI", vdi) FIELD("type", "Disk") FIELD("userdevice", "0")              \
		       FIELD("bootable", "<boolean>1</boolean>"))

static bool parse(const char *xml, struct xva_contents *contents)
{
	return xva_contents_parse(xml, strlen(xml), contents, &why);
}

static void machines_and_disks_are_found(void **state)
{
	struct xva_contents contents;
	const struct machine *machine;

	(void)state;
	assert_true(parse(
		CONTENTS(MACHINE("Ref:1", "") DISK("Ref:2", "1048576") DEVICE("Ref:3", "Ref:1", "Ref:2")),
		&contents));
	assert_int_equal(contents.machines.count, 1);
	machine = &contents.machines.items[0];
	assert_string_equal(machine->name, "a & b");
	assert_int_equal(machine->memory, 1 << 30);
	assert_int_equal(machine->disk_count, 1);
	assert_string_equal(machine->disks[0].id, "Ref:2");
	assert_int_equal(machine->disks[0].size, 1 << 20);
	assert_int_equal(machine->disks[0].boot_index, 1);
	assert_false(machine->paravirtual);
	assert_true(contents.has_checksums);
	assert_non_null(xva_contents_disk(&contents, "Ref:2"));
	assert_null(xva_contents_disk(&contents, "Ref:1"));
	xva_contents_free(&contents);
}

static void contradictions_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"<value>",
		"<domain/>",
		"<value><struct/></value>",
		CONTENTS(MACHINE("Ref:1", "") MACHINE("Ref:1", "")),
		CONTENTS(MACHINE("Ref:1", "") DEVICE("Ref:3", "Ref:1", "Ref:2")),
		CONTENTS(MACHINE("Ref:1", "") DISK("Ref:2", "512") DEVICE("Ref:3", "Ref:1", "Ref:2")
				 DEVICE("Ref:4", "Ref:1", "Ref:2")),
		CONTENTS(DISK("Ref:2", "0")),
		CONTENTS(DISK("Ref:2", "-512")),
		CONTENTS(DISK("Ref:2", "511")),
		CONTENTS(DISK("Ref:2", "2190433321472")),
		CONTENTS(DISK("Ref:2", "18446744073709552128")),
		CONTENTS(OBJECT("VM", "Ref:1", FIELD("memory_static_max", "0") FIELD("VCPUs_max", "1"))),
		CONTENTS(OBJECT("VM", "Ref:1", FIELD("memory_static_max", "1") FIELD("VCPUs_max", "1025"))),
		CONTENTS(MACHINE("Ref:1", "")
				 OBJECT("VIF", "Ref:2", FIELD("VM", "Ref:1") FIELD("MAC", "00:00:00:00:00"))),
		"<!DOCTYPE value [<!ENTITY a \"b\">]>" CONTENTS(MACHINE("Ref:1", "")),
	};
	struct xva_contents contents;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why.error = IMPORT_OK;
		if (parse(bad[i], &contents) || why.error != IMPORT_DAMAGED) {
			fail_msg("taken, or another error: %s", bad[i]);
		}
	}
	assert_false(parse("<appliance version=\"0.1\"/>", &contents));
	assert_int_equal(why.error, IMPORT_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_chunks_are_read),
		cmocka_unit_test(other_names_are_refused),
		cmocka_unit_test(missing_numbers_are_zeros_of_the_first_length),
		cmocka_unit_test(empty_chunks_take_a_number_and_no_room),
		cmocka_unit_test(numbers_must_increase),
		cmocka_unit_test(a_disk_ends_at_its_size),
		cmocka_unit_test(numbers_that_overflow_are_beyond_the_end),
		cmocka_unit_test(a_gap_before_all_data_is_refused),
		cmocka_unit_test(checksums_follow_their_chunks),
		cmocka_unit_test(all_chunks_have_checksums_or_none),
		cmocka_unit_test(machines_and_disks_are_found),
		cmocka_unit_test(contradictions_are_refused),
	};

	return cmocka_run_group_tests_name("xva", tests, NULL, NULL);
}
