/* SPDX-License-Identifier: MIT */
/*
 * Tables of words for what stands in images.
 */
#include "vhd/tool/words.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct word {
	const char tag[5];
	const char *words;
};

static const struct word creators[] = {
	{"vpc ", "Virtual PC"},
	{"vs  ", "Virtual Server"},
	{"win ", "Windows or Hyper-V"},
	{"d2v", "Disk2vhd"},
	{"d2v ", "Disk2vhd"},
	{"qemu", "QEMU"},
	{"qem2", "QEMU, size exactly as asked"},
	{"tap", "XenServer"},
	{"CTXS", "XenConvert"},
	{"wa", "Azure"},
	{"vbox", "VirtualBox"},
	{"caml", "XenServer's ocaml-vhd"},
	{"fbsd", "FreeBSD"},
};

static const struct word systems[] = {
	{"Wi2k", "Windows"},
	{"Mac ", "Mac OS"},
	{"", "none said"},
};

static const char *find(const struct word *table, size_t count, const char tag[4])
{
	for (size_t i = 0; i < count; i++) {
		if (memcmp(table[i].tag, tag, 4) == 0) {
			return table[i].words;
		}
	}
	return "unknown";
}

const char *words_creator(const char tag[4])
{
	return find(creators, sizeof(creators) / sizeof(creators[0]), tag);
}

const char *words_system(const char tag[4])
{
	return find(systems, sizeof(systems) / sizeof(systems[0]), tag);
}

const char *words_type(enum vvhd_type type)
{
	switch (type) {
	case VVHD_TYPE_RAW:
		return "raw";
	case VVHD_TYPE_FIXED:
		return "fixed";
	case VVHD_TYPE_DYNAMIC:
		return "dynamic";
	case VVHD_TYPE_DIFFERENCING:
		return "differencing";
	}
	return "unknown";
}

void words_tag(const char tag[4], char text[WORDS_TAG])
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned char byte = (unsigned char)tag[i];

		text += sprintf(text, byte < 0x20 || byte >= 0x7f ? "\\x%02x" : "%c", byte);
	}
}

static void id_text(const uint8_t id[16], const uint8_t order[16], char text[WORDS_ID])
{
	for (unsigned i = 0; i < 16; i++) {
		text += sprintf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
				id[order[i]]);
	}
}

void words_id(const uint8_t id[16], char text[WORDS_ID])
{
	static const uint8_t order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

	id_text(id, order, text);
}

void words_guid(const uint8_t id[16], char text[WORDS_ID])
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

	id_text(id, order, text);
}

void words_time(int64_t seconds, char text[WORDS_TIME])
{
	time_t when = (time_t)seconds;
	struct tm parts;

	if (!gmtime_r(&when, &parts) || strftime(text, WORDS_TIME, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
		snprintf(text, WORDS_TIME, "?");
	}
}

const char *words_extent(enum vvhd_extent_kind kind)
{
	switch (kind) {
	case VVHD_EXTENT_DATA:
		return "data";
	case VVHD_EXTENT_ZERO:
		return "zero";
	case VVHD_EXTENT_PARENT:
		return "parent";
	}
	return "unknown";
}

const char *words_severity(enum vvhd_severity severity)
{
	switch (severity) {
	case VVHD_NOTE:
		return "note";
	case VVHD_WARNING:
		return "warning";
	case VVHD_ERROR:
		return "error";
	}
	return "unknown";
}
