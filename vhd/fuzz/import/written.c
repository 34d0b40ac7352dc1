/* SPDX-License-Identifier: MIT */
/*
 * What must hold of scripts and descriptions, whatever texts an archive has.
 */
#include "vhd/fuzz/import/fake.h"

#include "vhd/import/xml.h"

#include <stdlib.h>
#include <string.h>

/* Leaves out comments and what is in single quotes, or is a quote: what remains is what a shell acts on. */
static void strip(const char *script, struct text *left)
{
	bool quoted = false, line_begins = true;

	for (; *script; script++) {
		if (line_begins && !quoted && *script == '#') {
			script += strcspn(script, "\n");
			continue;
		}
		line_begins = *script == '\n';
		if (*script == '\'') {
			quoted = !quoted;
		} else if (!quoted && script[0] == '\\' && script[1] == '\'') {
			script++;
		} else if (!quoted) {
			text_format(left, "%c", *script);
		}
	}
	fake_check(!quoted);
}

/* A machine with the same parts whose texts are all the same. */
static void blank(struct machine *machine)
{
	machine->name[0] = machine->description[0] = machine->kernel[0] = machine->ramdisk[0] = '\0';
	machine->bootloader[0] = machine->kernel_arguments[0] = '\0';
}

static void check_script(const struct machine *machine)
{
	struct text script = {0}, other = {0}, left = {0}, expected = {0};
	struct machine copy = *machine;
	char base[FILE_NAME_SPACE];

	text_file_name(machine->name, base);
	fake_check(base[0] && base[0] != '.' && base[0] != '-' && !strpbrk(base, "/'\"\\\n"));
	qemu_write(machine, base, "archive", &script);
	blank(&copy);
	qemu_write(&copy, base, "archive", &other);
	/* Networks are named in comments alone. */
	strip(script.data, &left);
	strip(other.data, &expected);
	fake_check(strcmp(left.data, expected.data) == 0);
	text_free(&script);
	text_free(&other);
	text_free(&left);
	text_free(&expected);
}

static void check_domain(const struct machine *machine)
{
	struct text text = {0};
	struct import_why why;
	xmlDoc *document;

	libvirt_write(machine, "base", "/a & 'b'", &text);
	document = xml_parse("domain", text.data, text.length, &why);
	fake_check(document && xml_is(xmlDocGetRootElement(document), "domain"));
	xmlFreeDoc(document);
	text_free(&text);
}

void fake_write_machines(const struct machine_list *machines)
{
	for (unsigned i = 0; i < machines->count && i < 4; i++) {
		check_script(&machines->items[i]);
		check_domain(&machines->items[i]);
	}
}
