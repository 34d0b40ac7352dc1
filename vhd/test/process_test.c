/* SPDX-License-Identifier: MIT */
/*
 * Real files and real processes: a writer that is killed with SIGKILL at a random moment, and a second opener of an image
 * that somebody is writing, in the same process and in another one.
 */
#include "vhd/test/crash.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SECTORS 4096u
#define FIRST 64u /* writes before the first report */

static char directory[256], path[300];

static int set_up(void **state)
{
	(void)state;
	const char *base = getenv("TMPDIR");
	snprintf(directory, sizeof(directory), "%s/vhd-process-XXXXXX", base ? base : "/var/tmp");
	if (!mkdtemp(directory)) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/disk.vhd", directory);
	struct vvhd_create_options options = {
		.type = VVHD_TYPE_DYNAMIC, .size = SECTORS * VVHD_SECTOR_SIZE, .block_size = 16384};
	return vvhd_create(path, &options, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static int try_open(unsigned flags, struct vvhd **image, struct vvhd_why *why)
{
	struct vvhd_open_options options = {.flags = flags};
	*image = NULL;
	return vvhd_open(path, VVHD_FORMAT_VHD, &options, image, why);
}

/* Sector i is written as version i + 1; after each flush the number of sectors that are safe is told. */
static void write_for_ever(int report)
{
	struct vvhd *image;
	struct vvhd_why why;
	if (try_open(VVHD_WRITABLE, &image, &why)) {
		_exit(1);
	}
	for (uint32_t i = 0; i < SECTORS; i++) {
		uint8_t bytes[VVHD_SECTOR_SIZE];
		uint64_t sector = (uint64_t)i * 1021 % SECTORS;
		crash_sector(bytes, sector, i + 1);
		if (vvhd_write(image, bytes, sizeof(bytes), sector * VVHD_SECTOR_SIZE, &why)) {
			_exit(2);
		}
		if (i % FIRST == FIRST - 1) {
			uint32_t safe = i + 1;
			if (vvhd_flush(image, &why) || write(report, &safe, sizeof(safe)) != sizeof(safe)) {
				_exit(3);
			}
		}
	}
	pause();
	_exit(0);
}

static uint32_t run_and_kill(unsigned reports, unsigned microseconds)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t writer = fork();
	if (writer == 0) {
		close(ends[0]);
		write_for_ever(ends[1]);
	}
	close(ends[1]);
	uint32_t safe = 0, next;
	for (unsigned i = 0; i < reports; i++) {
		assert_int_equal(read(ends[0], &safe, sizeof(safe)), sizeof(safe));
	}
	usleep(microseconds);
	kill(writer, SIGKILL);
	int status;
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_true(WIFSIGNALED(status));
	while (read(ends[0], &next, sizeof(next)) == sizeof(next)) {
		safe = next;
	}
	close(ends[0]);
	return safe;
}

static void expect_safe(struct vvhd *image, uint32_t safe)
{
	static const uint8_t zeros[VVHD_SECTOR_SIZE];
	for (uint32_t i = 0; i < SECTORS; i++) {
		uint64_t sector = (uint64_t)i * 1021 % SECTORS;
		uint8_t bytes[VVHD_SECTOR_SIZE], expected[VVHD_SECTOR_SIZE];
		struct vvhd_why why = {0};
		if (vvhd_read(image, bytes, sizeof(bytes), sector * VVHD_SECTOR_SIZE, &why)) {
			fail_msg("%s", why.text);
		}
		crash_sector(expected, sector, i + 1);
		bool new = memcmp(bytes, expected, sizeof(bytes)) == 0;
		bool old = memcmp(bytes, zeros, sizeof(bytes)) == 0;
		if (!new && (i < safe || !old)) {
			fail_msg("%u sectors were safe, number %u is not", safe, i);
		}
	}
}

static void a_killed_writer_loses_nothing_flushed(void **state)
{
	(void)state;
	uint64_t seed = 5;
	for (unsigned round = 0; round < 6; round++) {
		unlink(path);
		struct vvhd_create_options options = {
			.type = VVHD_TYPE_DYNAMIC, .size = SECTORS * VVHD_SECTOR_SIZE, .block_size = 16384};
		assert_int_equal(vvhd_create(path, &options, NULL), 0);
		uint32_t safe = run_and_kill(1 + (unsigned)(memory_random(&seed) % 8),
					     (unsigned)(memory_random(&seed) % 20000));
		struct vvhd *image;
		struct vvhd_why why = {0};
		if (try_open(VVHD_WRITABLE | VVHD_REPAIR, &image, &why)) {
			fail_msg("%s", why.text);
		}
		expect_safe(image, safe);
		assert_int_equal(vvhd_close(image, &why), 0);
		struct vvhd_check_options check = {.flags = VVHD_CHECK_BITMAPS};
		struct vvhd_check_result result;
		assert_int_equal(vvhd_check(path, &check, &result, &why), 0);
		assert_int_equal(result.errors + result.warnings, 0);
	}
}

static int result_elsewhere(unsigned flags)
{
	pid_t other = fork();
	if (other == 0) {
		struct vvhd *image;
		_exit(try_open(flags, &image, NULL));
	}
	int status;
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_writer_is_alone(void **state)
{
	(void)state;
	struct vvhd *image, *second;
	struct vvhd_why why = {0};
	assert_int_equal(try_open(VVHD_WRITABLE, &image, &why), 0);
	assert_int_equal(try_open(VVHD_WRITABLE, &second, &why), VVHD_E_BUSY);
	assert_int_equal(try_open(0, &second, &why), VVHD_E_BUSY);
	assert_int_equal(result_elsewhere(VVHD_WRITABLE), VVHD_E_BUSY);
	assert_int_equal(result_elsewhere(0), VVHD_E_BUSY);
	assert_int_equal(vvhd_close(image, &why), 0);
	/* Readers share, and keep writers out. */
	assert_int_equal(try_open(0, &image, &why), 0);
	assert_int_equal(try_open(0, &second, &why), 0);
	assert_int_equal(result_elsewhere(0), 0);
	assert_int_equal(result_elsewhere(VVHD_WRITABLE), VVHD_E_BUSY);
	vvhd_close(image, NULL);
	vvhd_close(second, NULL);
	assert_int_equal(result_elsewhere(VVHD_WRITABLE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_killed_writer_loses_nothing_flushed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_writer_is_alone, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
