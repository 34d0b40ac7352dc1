/* SPDX-License-Identifier: MIT */
/* Histories of sectors, and the examination of what a crash left. */
#include "vhd/test/crash.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STRIDE 64u /* sectors that are read at a time */

void crash_sector(uint8_t bytes[VVHD_SECTOR_SIZE], uint64_t sector, uint32_t version)
{
	uint64_t seed = sector << 32 | version;
	for (size_t i = 0; i < VVHD_SECTOR_SIZE; i += sizeof(uint64_t)) {
		uint64_t word = version ? memory_random(&seed) : 0;
		memcpy(bytes + i, &word, sizeof(word));
	}
}

void crash_free(struct crash *crash)
{
	free(crash->writes);
	free(crash->flushes);
	memory_disk_free(crash->disk);
	*crash = (struct crash){0};
}

static size_t log_place(const struct crash *crash)
{
	return crash->disk ? crash->disk->log_count : 0;
}

static void remember_write(struct crash *crash, uint64_t sector, uint64_t count, uint32_t version)
{
	crash->writes = realloc(crash->writes, (crash->write_count + 1) * sizeof(*crash->writes));
	assert(crash->writes);
	crash->writes[crash->write_count++] = (struct crash_write){sector, count, version, log_place(crash)};
}

void crash_write(struct crash *crash, struct vvhd *image, uint64_t sector, uint64_t count)
{
	uint8_t *bytes = malloc(count * VVHD_SECTOR_SIZE);
	assert(bytes);
	crash->version++;
	for (uint64_t i = 0; i < count; i++) {
		crash_sector(bytes + i * VVHD_SECTOR_SIZE, sector + i, crash->version);
	}
	remember_write(crash, sector, count, crash->version);
	struct vvhd_why why = {0};
	if (vvhd_write(image, bytes, count * VVHD_SECTOR_SIZE, sector * VVHD_SECTOR_SIZE, &why)) {
		fail_msg("write: %s", why.text);
	}
	free(bytes);
}

void crash_zero(struct crash *crash, struct vvhd *image, uint64_t sector, uint64_t count)
{
	remember_write(crash, sector, count, 0);
	struct vvhd_why why = {0};
	bool discard = memory_random(&crash->seed) % 2;
	int result = (discard ? vvhd_discard : vvhd_zero)(image, sector * VVHD_SECTOR_SIZE,
							  count * VVHD_SECTOR_SIZE, &why);
	if (result) {
		fail_msg("zero: %s", why.text);
	}
}

void crash_flush(struct crash *crash, struct vvhd *image)
{
	size_t writes = crash->write_count;
	struct vvhd_why why = {0};
	if (vvhd_flush(image, &why)) {
		fail_msg("flush: %s", why.text);
	}
	crash->flushes = realloc(crash->flushes, (crash->flush_count + 1) * sizeof(*crash->flushes));
	assert(crash->flushes);
	crash->flushes[crash->flush_count++] = (struct crash_flush){writes, log_place(crash)};
}

void crash_work(struct crash *crash, struct vvhd *image, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		uint64_t sector = memory_random(&crash->seed) % crash->sectors;
		uint64_t count = 1 + memory_random(&crash->seed) % 20;
		count = count < crash->sectors - sector ? count : crash->sectors - sector;
		unsigned throw = (unsigned)(memory_random(&crash->seed) % 10);
		if (throw == 0) {
			crash_flush(crash, image);
		} else if (throw == 1) {
			crash_zero(crash, image, sector, count);
		} else {
			crash_write(crash, image, sector, count);
		}
	}
}

/* --- Verification ------------------------------------------------------------------------------------------------------ */

static bool covers(const struct crash_write *write, uint64_t sector)
{
	return sector >= write->sector && sector - write->sector < write->count;
}

static bool is_version(const uint8_t *bytes, uint64_t sector, uint32_t version)
{
	uint8_t expected[VVHD_SECTOR_SIZE];
	crash_sector(expected, sector, version);
	return memcmp(bytes, expected, sizeof(expected)) == 0;
}

/* The writes that a flush has made durable at place `at` of the log. */
static size_t durable_writes(const struct crash *crash, size_t at)
{
	size_t writes = 0;
	for (size_t i = 0; i < crash->flush_count; i++) {
		if (crash->flushes[i].end <= at) {
			writes = crash->flushes[i].writes;
		}
	}
	return writes;
}

static bool may_be_footer(const struct crash *crash, const uint8_t *bytes, uint64_t sector)
{
	uint64_t place = crash->sectors < crash->other_sectors ? crash->sectors : crash->other_sectors;
	return crash->fixed && sector == place && memcmp(bytes, "conectix", 8) == 0;
}

static bool may_be_seen(const struct crash *crash, const uint8_t *bytes, uint64_t sector, size_t at)
{
	if (may_be_footer(crash, bytes, sector)) {
		return true;
	}
	size_t durable = durable_writes(crash, at);
	uint32_t flushed = 0;
	for (size_t i = 0; i < durable; i++) {
		if (covers(&crash->writes[i], sector)) {
			flushed = crash->writes[i].version;
		}
	}
	if (is_version(bytes, sector, flushed)) {
		return true;
	}
	for (size_t i = durable; i < crash->write_count; i++) {
		const struct crash_write *write = &crash->writes[i];
		if (write->begin <= at && covers(write, sector) &&
		    is_version(bytes, sector, write->version)) {
			return true;
		}
	}
	return false;
}

static void verify_part(const struct crash *crash, struct vvhd *image, uint64_t first, uint64_t count,
			size_t at, const char *when)
{
	uint8_t bytes[STRIDE * VVHD_SECTOR_SIZE];
	struct vvhd_why why = {0};
	if (vvhd_read(image, bytes, count * VVHD_SECTOR_SIZE, first * VVHD_SECTOR_SIZE, &why)) {
		fail_msg("%s, at %zu: read: %s", when, at, why.text);
	}
	for (uint64_t i = 0; i < count; i++) {
		if (!may_be_seen(crash, bytes + i * VVHD_SECTOR_SIZE, first + i, at)) {
			fail_msg("%s, at %zu: sector %llu is neither old nor new", when, at,
				 (unsigned long long)(first + i));
		}
	}
}

void crash_verify(const struct crash *crash, struct vvhd *image, size_t at, const char *when)
{
	uint64_t sectors = vvhd_size(image) / VVHD_SECTOR_SIZE;
	if (sectors != crash->sectors && (!crash->other_sectors || sectors != crash->other_sectors)) {
		fail_msg("%s, at %zu: %llu sectors", when, at, (unsigned long long)sectors);
	}
	for (uint64_t first = 0; first < sectors; first += STRIDE) {
		uint64_t count = sectors - first < STRIDE ? sectors - first : STRIDE;
		verify_part(crash, image, first, count, at, when);
	}
}

/* --- Examination ---------------------------------------------------------------------------------------------------------- */

struct vvhd *crash_open(struct memory_disk *disk, const char *path, unsigned flags, const char *when)
{
	struct vvhd_open_options options = {.flags = flags, .files = &disk->files};
	struct vvhd *image = NULL;
	struct vvhd_why why = {0};
	if (vvhd_open(path, VVHD_FORMAT_VHD, &options, &image, &why)) {
		fail_msg("%s: open (flags %u): %s", when, flags, why.text);
	}
	return image;
}

void crash_close(struct vvhd *image, const char *when)
{
	struct vvhd_why why = {0};
	if (vvhd_close(image, &why)) {
		fail_msg("%s: close: %s", when, why.text);
	}
}

static void print_finding(void *self, const struct vvhd_finding *finding)
{
	if (finding->severity != VVHD_NOTE) {
		snprintf(self, 256, "%s at %llu%s: %s", finding->name, (unsigned long long)finding->offset,
			 finding->repaired ? " (repaired)" : "", finding->text);
	}
}

static struct vvhd_check_result check(struct memory_disk *disk, const char *path, unsigned flags,
				      char finding[256], const char *when)
{
	finding[0] = 0;
	struct vvhd_check_options options = {.flags = flags | VVHD_CHECK_BITMAPS,
					     .found = print_finding,
					     .self = finding,
					     .files = &disk->files};
	struct vvhd_check_result result = {0};
	struct vvhd_why why = {0};
	if (vvhd_check(path, &options, &result, &why)) {
		fail_msg("%s: check (flags %u): %s", when, flags, why.text);
	}
	return result;
}

static void expect_clean(struct memory_disk *disk, const char *path, const char *when)
{
	char finding[256];
	struct vvhd_check_result result = check(disk, path, 0, finding, when);
	if (result.errors + result.warnings || !result.usable) {
		fail_msg("%s: check is not clean: %s", when, finding);
	}
}

/* What was saved can be worked on: nothing that a later write touches belongs to two. */
static void work_on(const struct crash *crash, struct memory_disk *disk, const char *when)
{
	struct vvhd *image = crash_open(disk, crash->path, VVHD_WRITABLE, when);
	struct crash later = {.path = crash->path, .sectors = vvhd_size(image) / VVHD_SECTOR_SIZE};
	later.version = 1u << 20;
	for (uint64_t sector = 0; sector < later.sectors; sector += 7) {
		crash_write(&later, image, sector, later.sectors - sector < 7 ? later.sectors - sector : 7);
	}
	crash_flush(&later, image);
	crash_close(image, when);
	image = crash_open(disk, crash->path, 0, when);
	crash_verify(&later, image, SIZE_MAX, when);
	crash_close(image, when);
	expect_clean(disk, crash->path, when);
	crash_free(&later);
}

static bool is_damaged(struct memory_disk *disk, const char *path)
{
	struct vvhd_open_options options = {.flags = VVHD_WRITABLE | VVHD_REPAIR, .files = &disk->files};
	struct vvhd *image = NULL;
	int result = vvhd_open(path, VVHD_FORMAT_VHD, &options, &image, NULL);
	vvhd_close(image, NULL);
	return result == VVHD_E_DAMAGED;
}

void crash_examine(struct crash *crash, const struct memory_disk *after, size_t at, const char *when)
{
	char finding[256], text[128];
	struct memory_disk *disk = memory_disk_clone(after);
	snprintf(text, sizeof(text), "%s at %zu, read-only", when, at);
	struct vvhd *image = crash_open(disk, crash->path, 0, text);
	crash_verify(crash, image, at, text);
	crash_close(image, text);
	memory_disk_free(disk);

	disk = memory_disk_clone(after);
	snprintf(text, sizeof(text), "%s at %zu, opened with repair", when, at);
	if (!crash->torn_header || !is_damaged(disk, crash->path)) {
		image = crash_open(disk, crash->path, VVHD_WRITABLE | VVHD_REPAIR, text);
		crash_verify(crash, image, at, text);
		crash_close(image, text);
		work_on(crash, disk, text);
	}
	memory_disk_free(disk);

	disk = memory_disk_clone(after);
	snprintf(text, sizeof(text), "%s at %zu, repaired", when, at);
	struct vvhd_check_result result = check(disk, crash->path, VVHD_CHECK_REPAIR, finding, text);
	crash->repaired += result.repaired > 0;
	expect_clean(disk, crash->path, text);
	image = crash_open(disk, crash->path, VVHD_WRITABLE, text);
	crash_verify(crash, image, at, text);
	crash_close(image, text);
	work_on(crash, disk, text);
	memory_disk_free(disk);
	crash->examined++;
}

void crash_everywhere(struct crash *crash, unsigned power_failures)
{
	memory_log_stop(crash->disk);
	for (size_t at = 0; at <= crash->disk->log_count; at++) {
		struct memory_disk *killed = memory_killed(crash->disk, at);
		crash_examine(crash, killed, at, "killed");
		memory_disk_free(killed);
	}
	for (unsigned i = 0; i < power_failures; i++) {
		size_t at = (size_t)(memory_random(&crash->seed) % (crash->disk->log_count + 1));
		struct memory_disk *failed =
			memory_power_failed(crash->disk, at, memory_random(&crash->seed));
		crash_examine(crash, failed, at, "power failure");
		memory_disk_free(failed);
	}
}
