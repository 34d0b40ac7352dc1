/* SPDX-License-Identifier: MIT */
/*
 * The small parts: texts made harmless, addresses, numbers, names of files, manifests, machines to choose from.
 */
#include "vhd/import/machine.h"
#include "vhd/import/manifest.h"
#include "vhd/import/ovf.h"
#include "vhd/import/session.h"
#include "vhd/import/text.h"
#include "vhd/import/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct import_why why;

static void words_of_a_shell_stay_words(void **state)
{
	struct text text = {0};

	(void)state;
	text_add_shell(&text, "a'b $(rm) `x` \"\n;\\");
	assert_string_equal(text.data, "'a'\\''b $(rm) `x` \" ;\\'");
	text_free(&text);
	text_add_commas(&text, "a,b\rc");
	assert_string_equal(text.data, "a,,b c");
	text_free(&text);
	text_add_xml(&text, "<a b='\"'>&\x01");
	assert_string_equal(text.data, "&lt;a b=&apos;&quot;&apos;&gt;&amp; ");
	text_free(&text);
}

static void names_of_files_stay_in_their_directory(void **state)
{
	static const char *const pairs[][2] = {{"web server", "web_server"},
					       {"../../etc/passwd", "_._.._etc_passwd"},
					       {"-rf", "_rf"},
					       {"", "machine"},
					       {"..", "_."},
					       {"///", "machine"},
					       {"\xc3\xa4", "machine"},
					       {"a\nb", "a_b"},
					       {".hidden", "_hidden"},
					       {"x;rm", "x_rm"}};
	char name[FILE_NAME_SPACE], label[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		text_file_name(pairs[i][0], name);
		assert_string_equal(name, pairs[i][1]);
	}
	memset(label, 'a', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	text_file_name(label, name);
	assert_int_equal(strlen(name), FILE_NAME_SPACE - 1);
}

static void copies_end_between_characters(void **state)
{
	char text[4];

	(void)state;
	text_copy(text, sizeof(text), "ab\xc3\xa4");
	assert_string_equal(text, "ab");
	text_copy(text, sizeof(text), "abc");
	assert_string_equal(text, "abc");
}

static void numbers_addresses_and_uuids_have_a_form(void **state)
{
	char mac[18], uuid[37];
	uint64_t number;

	(void)state;
	assert_true(machine_number("18446744073709551615", UINT64_MAX, &number) && number == UINT64_MAX);
	assert_false(machine_number("18446744073709551616", UINT64_MAX, &number));
	assert_false(machine_number("", UINT64_MAX, &number) || machine_number("-1", UINT64_MAX, &number) ||
		     machine_number(" 1", UINT64_MAX, &number) ||
		     machine_number("0x1", UINT64_MAX, &number) || machine_number("11", 10, &number));
	assert_true(machine_mac("00-16-3E-AA-bb-0C", mac));
	assert_string_equal(mac, "00:16:3e:aa:bb:0c");
	assert_true(machine_mac("00163eaabb0c", mac));
	assert_false(machine_mac("01:16:3e:aa:bb:0c", mac) || machine_mac("00:16:3e:aa:bb", mac) ||
		     machine_mac("00:16:3e:aa:bb:0c:", mac) || machine_mac("00:16:3e:aa:bb:0g", mac) ||
		     machine_mac("0016:3e:aa:bb:0c", mac) || machine_mac("00:16:3e:aa:bb:0c,x=y", mac));
	assert_true(machine_uuid("3B0AAB30-0241-487f-b40b-2c79607011b3", uuid));
	assert_string_equal(uuid, "3b0aab30-0241-487f-b40b-2c79607011b3");
	assert_false(machine_uuid("3B0AAB30-0241-487f-b40b-2c79607011b", uuid) ||
		     machine_uuid("3B0AAB3000241-487f-b40b-2c79607011b3", uuid));
}

static void hrefs_stay_in_the_package(void **state)
{
	static const char *const bad[] = {"",	  "/etc/passwd", "../x",      "a/../b",	  "a/..",   "a//b",
					  "./a",  "http://x/y",	 "file:///x", "%2e%2e/x", "%2Fetc", "a%",
					  "a%zz", "a%00b",	 "..\\x",     "a\nb",	  "a/"};
	char name[OVF_HREF], longest[600];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ovf_href_parse(bad[i], name)) {
			fail_msg("\"%s\" was taken", bad[i]);
		}
	}
	assert_true(ovf_href_parse("disks/my%20disk.vhd", name));
	assert_string_equal(name, "disks/my disk.vhd");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(ovf_href_parse(longest, name));
}

static void units_are_powers(void **state)
{
	uint64_t factor;

	(void)state;
	assert_true(ovf_units_parse("byte", &factor) && factor == 1);
	assert_true(ovf_units_parse("byte * 2^20", &factor) && factor == 1 << 20);
	assert_true(ovf_units_parse("byte*2^30", &factor) && factor == 1 << 30);
	assert_true(ovf_units_parse("byte * 10^6", &factor) && factor == 1000000);
	assert_true(ovf_units_parse("MegaBytes", &factor) && factor == 1 << 20);
	assert_true(ovf_units_parse("GB", &factor) && factor == 1 << 30);
	assert_false(ovf_units_parse("byte * 2^64", &factor) || ovf_units_parse("byte * 2^99", &factor) ||
		     ovf_units_parse("byte * 3^2", &factor) || ovf_units_parse("byte * 2^20x", &factor) ||
		     ovf_units_parse("bits", &factor) || ovf_units_parse("", &factor));
}

static bool parse(const char *text, struct manifest *manifest)
{
	return manifest_parse("x.mf", text, strlen(text), manifest, &why);
}

static void manifests_are_read(void **state)
{
	struct manifest manifest;
	const char *good = "SHA1(a(1).vhd)= DA39A3EE5E6B4B0D3255BFEF95601890AFD80709\r\n\n"
			   "sha256 (b=c)=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	char digest[DIGEST_TEXT];

	(void)state;
	assert_true(parse(good, &manifest));
	assert_int_equal(manifest.count, 2);
	digest_of(DIGEST_SHA1, "", 0, digest);
	assert_string_equal(manifest_find(&manifest, "a(1).vhd")->digest, digest);
	digest_of(DIGEST_SHA256, "", 0, digest);
	assert_string_equal(manifest_find(&manifest, "b=c")->digest, digest);
	assert_null(manifest_find(&manifest, "a"));
	manifest_free(&manifest);
}

static void other_manifests_are_refused(void **state)
{
	static const char *const bad[] = {"x",
					  "SHA1()= da39a3ee5e6b4b0d3255bfef95601890afd80709",
					  "SHA1(a)= da39a3ee5e6b4b0d3255bfef95601890afd8070",
					  "SHA1(a)= da39a3ee5e6b4b0d3255bfef95601890afd8070g",
					  "MD5(a)= d41d8cd98f00b204e9800998ecf8427e",
					  "SHA1(a) da39a3ee5e6b4b0d3255bfef95601890afd80709",
					  "SHA1(a)= da39a3ee5e6b4b0d3255bfef95601890afd80709\n"
					  "SHA1(a)= da39a3ee5e6b4b0d3255bfef95601890afd80709"};
	struct manifest manifest;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i], &manifest)) {
			fail_msg("taken: %s", bad[i]);
		}
	}
}

static void digests_are_those_of_others(void **state)
{
	char digest[DIGEST_TEXT];

	(void)state;
	digest_of(DIGEST_XXH64, "", 0, digest);
	assert_string_equal(digest, "ef46db3751d8e999");
	digest_of(DIGEST_XXH64, "abc", 3, digest);
	assert_string_equal(digest, "44bc2cf5ad770999");
	digest_of(DIGEST_SHA1, "abc", 3, digest);
	assert_string_equal(digest, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static struct machine *add(struct machine_list *list, enum machine_kind kind, const char *id,
			   const char *name)
{
	struct machine *machine = machine_list_add(list, &why);

	assert_non_null(machine);
	machine->kind = kind;
	text_copy(machine->id, sizeof(machine->id), id);
	text_copy(machine->name, sizeof(machine->name), name);
	return machine;
}

static void the_machine_that_is_meant_is_chosen(void **state)
{
	struct machine_list list = {0};

	(void)state;
	assert_null(machine_list_choose(&list, NULL, &why));
	add(&list, MACHINE_SNAPSHOT, "Ref:1", "web");
	assert_string_equal(machine_list_choose(&list, NULL, &why)->id, "Ref:1");
	add(&list, MACHINE_VM, "Ref:2", "web");
	assert_string_equal(machine_list_choose(&list, NULL, &why)->id, "Ref:2");
	assert_null(machine_list_choose(&list, "web", &why));
	assert_int_equal(why.error, IMPORT_ARGUMENT);
	add(&list, MACHINE_VM, "Ref:3", "db");
	assert_null(machine_list_choose(&list, NULL, &why));
	assert_string_equal(machine_list_choose(&list, "db", &why)->id, "Ref:3");
	assert_string_equal(machine_list_choose(&list, "Ref:1", &why)->id, "Ref:1");
	assert_null(machine_list_choose(&list, "mail", &why));
	machine_list_free(&list);
}

static void many_drives_get_controllers(void **state)
{
	struct machine machine = {.name = "many", .cpus = 1, .memory = 1 << 20};
	struct text text = {0};

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		assert_non_null(machine_add_disk(&machine, &why));
	}
	qemu_write(&machine, "many", "XVA archive", &text);
	assert_non_null(strstr(text.data, "bus=ide.1,unit=1"));
	assert_non_null(strstr(text.data, "'ahci,id=ahci0'"));
	assert_non_null(strstr(text.data, "bus=ahci0.5'"));
	assert_non_null(strstr(text.data, "'ahci,id=ahci1'"));
	assert_non_null(strstr(text.data, "bus=ahci1.1'"));
	assert_null(strstr(text.data, "ahci2"));
	text_free(&text);
	free(machine.disks);
}

static void machines_have_bounds(void **state)
{
	struct machine machine = {0};

	(void)state;
	for (unsigned i = 0; i < MACHINE_DISKS_MAX; i++) {
		assert_non_null(machine_add_disk(&machine, &why));
	}
	assert_null(machine_add_disk(&machine, &why));
	for (unsigned i = 0; i < MACHINE_NICS_MAX; i++) {
		assert_non_null(machine_add_nic(&machine, &why));
	}
	assert_null(machine_add_nic(&machine, &why));
	free(machine.disks);
	free(machine.nics);
}

/* A document of many small elements would be fifty times as large in memory. */
static void xml_has_bounds(void **state)
{
	size_t size = 8u << 20;
	char *data = malloc(size);

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < size; i += 4) {
		memcpy(data + i, i ? "<a/>" : "<b> ", 4);
	}
	memcpy(data + size - 4, "</b>", 4);
	assert_null(xml_parse("many", data, size, &why));
	assert_non_null(strstr(why.text, "million"));
	free(data);
	assert_null(xml_parse("large", "", XML_SIZE_MAX + 1, &why));
	assert_non_null(strstr(why.text, "at most"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_a_shell_stay_words),
		cmocka_unit_test(names_of_files_stay_in_their_directory),
		cmocka_unit_test(copies_end_between_characters),
		cmocka_unit_test(numbers_addresses_and_uuids_have_a_form),
		cmocka_unit_test(hrefs_stay_in_the_package),
		cmocka_unit_test(units_are_powers),
		cmocka_unit_test(manifests_are_read),
		cmocka_unit_test(other_manifests_are_refused),
		cmocka_unit_test(digests_are_those_of_others),
		cmocka_unit_test(the_machine_that_is_meant_is_chosen),
		cmocka_unit_test(many_drives_get_controllers),
		cmocka_unit_test(machines_have_bounds),
		cmocka_unit_test(xml_has_bounds),
	};

	return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
