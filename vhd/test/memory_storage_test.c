/* SPDX-License-Identifier: MIT */
/* The in-memory storage itself: what it claims to lose, it loses; what it claims to refuse, it refuses. */
#include "vhd/test/memory_storage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct vvhd_storage *open_file(struct memory_disk *disk, const char *path, unsigned flags)
{
	struct vvhd_storage *storage = NULL;
	assert_int_equal(disk->files.open(disk, path, flags, &storage), 0);
	return storage;
}

static void holds_bytes_sparsely(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	struct vvhd_storage *s = open_file(disk, "/a", VVHD_STORAGE_WRITE | VVHD_STORAGE_CREATE);
	assert_int_equal(s->ops->write(s, "hello", 5, (2ull << 40) + 4094), 0);
	char buffer[8];
	assert_int_equal(s->ops->read(s, buffer, 6, (2ull << 40) + 4093), 0);
	assert_memory_equal(buffer, "\0hello", 6);
	assert_int_equal(s->ops->read(s, buffer, 7, (2ull << 40) + 4093), -ENXIO);
	assert_int_equal(disk->reads_beyond_end, 1);
	uint64_t length;
	bool data;
	assert_int_equal(s->ops->extent(s, 2ull << 40, &length, &data), 0);
	assert_true(data);
	assert_int_equal(length, 4094 + 5);
	assert_int_equal(s->ops->punch(s, (2ull << 40) + 4095, 2), 0);
	assert_int_equal(s->ops->read(s, buffer, 5, (2ull << 40) + 4094), 0);
	assert_memory_equal(buffer, "h\0\0lo", 5);
	assert_int_equal(memory_find(disk, "/a")->pages.page_count, 2);
	assert_int_equal(s->ops->resize(s, 5), 0);
	assert_int_equal(memory_find(disk, "/a")->pages.page_count, 0);
	s->ops->close(s);
	memory_disk_free(disk);
}

static void locks_and_links(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	struct vvhd_storage *other = NULL;
	struct vvhd_storage *s = open_file(disk, "/d/a", VVHD_STORAGE_WRITE | VVHD_STORAGE_CREATE);
	assert_int_equal(disk->files.open(disk, "/d/a", 0, &other), -EBUSY);
	s->ops->close(s);
	memory_symlink(disk, "/d/link", "../d/a");
	memory_symlink(disk, "/d/loop", "loop");
	memory_hardlink(disk, "/d/hard", "/d/a");
	s = open_file(disk, "d/./../d/link", 0);
	other = open_file(disk, "/d/hard", 0);
	uint64_t one[2], two[2];
	s->ops->identity(s, one);
	other->ops->identity(other, two);
	assert_memory_equal(one, two, sizeof(one));
	struct vvhd_storage *third = NULL;
	assert_int_equal(disk->files.open(disk, "/d/a", VVHD_STORAGE_WRITE, &third), -EBUSY);
	assert_int_equal(disk->files.open(disk, "/d/link", VVHD_STORAGE_PARENT, &third), -ELOOP);
	assert_int_equal(disk->files.open(disk, "/d/loop", 0, &third), -ELOOP);
	assert_int_equal(disk->files.open(disk, "/none", 0, &third), -ENOENT);
	char *resolved = NULL;
	assert_int_equal(disk->files.resolve(disk, "/d/link", &resolved), 0);
	assert_string_equal(resolved, "/d/a");
	free(resolved);
	assert_true(memory_in_use(disk));
	s->ops->close(s);
	other->ops->close(other);
	assert_false(memory_in_use(disk));
	memory_disk_free(disk);
}

static void refuses_when_told(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	struct vvhd_storage *s = open_file(disk, "/a", VVHD_STORAGE_WRITE | VVHD_STORAGE_CREATE);
	static const char block[4096] = "x";
	disk->fail_mask = MEMORY_BIT(MEMORY_WRITE);
	disk->fail_at = 2;
	disk->fail_error = EIO;
	assert_int_equal(s->ops->write(s, block, sizeof(block), 0), 0);
	assert_int_equal(s->ops->write(s, block, sizeof(block), 4096), -EIO);
	assert_int_equal(memory_size(disk, "/a"), 4096 + 2048);
	assert_int_equal(s->ops->write(s, block, sizeof(block), 4096), 0);
	disk->page_limit = 2;
	assert_int_equal(s->ops->write(s, block, sizeof(block), 8192), -ENOSPC);
	s->ops->close(s);
	memory_disk_free(disk);
}

/* How many of 300 power failures keep the first, the second and both of two writes that nothing orders. */
static void power_failure_loses_any_part(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	memory_log_start(disk);
	struct vvhd_storage *s = open_file(disk, "/a", VVHD_STORAGE_WRITE | VVHD_STORAGE_CREATE);
	char block[1024];
	memset(block, 'o', sizeof(block));
	s->ops->write(s, block, sizeof(block), 0);
	s->ops->flush(s);
	memset(block, 'n', sizeof(block));
	s->ops->write(s, block, sizeof(block), 0);
	s->ops->write(s, block, sizeof(block), 1024);
	s->ops->close(s);
	unsigned torn = 0, reordered = 0, lost = 0;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct memory_disk *failed = memory_power_failed(disk, disk->log_count, seed);
		memory_peek(failed, "/a", 0, block, sizeof(block));
		assert_true(block[0] == 'o' || block[0] == 'n');
		torn += block[0] != block[512];
		reordered += block[0] == 'o' && memory_size(failed, "/a") == 2048;
		lost += memory_size(failed, "/a") == 1024;
		memory_disk_free(failed);
	}
	assert_in_range(torn, 20, 280);
	assert_in_range(reordered, 20, 280);
	assert_in_range(lost, 20, 280);
	struct memory_disk *failed = memory_power_failed(disk, 3, 1); /* right after the flush */
	memory_peek(failed, "/a", 0, block, sizeof(block));
	assert_int_equal(block[0], 'o');
	memory_disk_free(failed);
	struct memory_disk *killed = memory_killed(disk, 4);
	memory_peek(killed, "/a", 0, block, sizeof(block));
	assert_int_equal(block[1023], 'n');
	assert_int_equal(memory_size(killed, "/a"), 1024);
	memory_disk_free(killed);
	memory_disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_bytes_sparsely),
		cmocka_unit_test(locks_and_links),
		cmocka_unit_test(refuses_when_told),
		cmocka_unit_test(power_failure_loses_any_part),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
