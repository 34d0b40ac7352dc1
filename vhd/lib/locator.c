/* SPDX-License-Identifier: MIT */
/* Parent locators: how each platform code spells a path, and the path that it means here. See format.h. */
#include "format.h"

#include <string.h>

#define URL_SCHEME "file://"

bool vv_locator_space(uint32_t data_space, uint64_t *bytes)
{
	if (data_space >= VVHD_SECTOR_SIZE && data_space % VVHD_SECTOR_SIZE != 0) {
		return false;
	}
	*bytes = data_space < VVHD_SECTOR_SIZE ? (uint64_t)data_space * VVHD_SECTOR_SIZE : data_space;
	return true;
}

/* Takes `count` characters off the front. */
static void drop(char *text, size_t count)
{
	memmove(text, text + count, strlen(text + count) + 1);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A Windows path as one of here: "\" to "/", no drive. "c:dir" without "\" after the drive is left relative. */
static bool from_windows(char *path)
{
	for (char *c = path; *c != '\0'; c++) {
		if (*c == '\\') {
			*c = '/';
		}
	}
	if (is_letter(path[0]) && path[1] == ':') {
		drop(path, 2);
	}
	return path[0] != '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %41 to A, in place. False where two digits are missing, or where a 0 would come out. */
static bool unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		*to = *from;
		if (*from == '%') {
			int high = hex_digit(from[1]);
			int low = high < 0 ? -1 : hex_digit(from[2]);

			if (low < 0 || (high | low) == 0) {
				return false;
			}
			*to = (char)(high << 4 | low);
			from += 2;
		}
		to++;
	}
	*to = '\0';
	return true;
}

/* "file://localhost/dir/p.vhd" and "file:///dir/p.vhd" are absolute; XenServer's "file://./p.vhd" is relative. */
static bool from_url(char *path)
{
	static const char local[] = "localhost/";

	if (strncmp(path, URL_SCHEME, strlen(URL_SCHEME)) != 0) {
		return false;
	}
	drop(path, strlen(URL_SCHEME));
	if (strncmp(path, local, strlen(local)) == 0) {
		drop(path, strlen(local) - 1);
	}
	return (path[0] == '/' || path[0] == '.') && unescape(path);
}

static bool copy_8bit(const uint8_t *data, size_t length, char *path, size_t size)
{
	length = strnlen((const char *)data, length);
	if (length >= size) {
		return false;
	}
	memcpy(path, data, length);
	path[length] = '\0';
	return true;
}

/* What 8-bit text means above ASCII only its writer knows; UTF-8 is what can be used here. */
static bool is_utf8(const char *path)
{
	uint8_t units[2 * 4096];
	size_t length;

	return vv_utf16_from_utf8(path, false, units, sizeof(units), &length);
}

bool vv_locator_path(uint32_t code, const uint8_t *data, size_t length, char *path, size_t size)
{
	switch (code) {
	case VV_LOCATOR_W2RU:
	case VV_LOCATOR_W2KU:
		return vv_utf8_from_utf16(data, length / 2, false, path, size) && from_windows(path);
	case VV_LOCATOR_WI2R:
	case VV_LOCATOR_WI2K:
		return copy_8bit(data, length, path, size) && from_windows(path) && is_utf8(path);
	case VV_LOCATOR_MACX:
		return copy_8bit(data, length, path, size) && from_url(path) && is_utf8(path);
	default:
		return false;
	}
}

/* Appends `text`, with what a URL does not allow as %41. */
static bool append_escaped(const char *text, char *url, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t length = strlen(url);

	for (const char *c = text; *c != '\0'; c++) {
		bool plain = is_letter(*c) || (*c >= '0' && *c <= '9') || strchr("-._~/", *c) != NULL;

		if (size - length < 4) {
			return false;
		}
		if (plain) {
			url[length++] = *c;
		} else {
			url[length++] = '%';
			url[length++] = digits[(uint8_t)*c >> 4];
			url[length++] = digits[(uint8_t)*c & 15];
		}
	}
	url[length] = '\0';
	return true;
}

static bool spell_url(const char *path, uint8_t *data, size_t size, size_t *length)
{
	char url[4096] = URL_SCHEME;

	if (path[0] == '/') {
		strcat(url, "localhost");
	}
	if (!is_utf8(path) || !append_escaped(path, url, sizeof(url)) || strlen(url) > size) {
		return false;
	}
	*length = strlen(url);
	memcpy(data, url, *length);
	return true;
}

bool vv_locator_spell(uint32_t code, const char *path, uint8_t *data, size_t size, size_t *length)
{
	if (code == VV_LOCATOR_MACX) {
		return spell_url(path, data, size, length);
	}
	if ((code != VV_LOCATOR_W2RU && code != VV_LOCATOR_W2KU) || strchr(path, '\\') != NULL ||
	    !vv_utf16_from_utf8(path, false, data, size, length)) {
		return false;
	}
	for (size_t i = 0; i < *length; i += 2) {
		if (data[i] == '/' && data[i + 1] == 0) {
			data[i] = '\\';
		}
	}
	return true;
}
