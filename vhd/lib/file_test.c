/* SPDX-License-Identifier: MIT */
/* Files of the operating system: locks against others and ourselves, links, kinds of files, holes. */
#include "vhd/include/verdivhd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char directory[64];
	char path[96], other[96];
	const struct vvhd_files *files;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *base = getenv("TMPDIR");
	int descriptor;

	snprintf(f->directory, sizeof(f->directory), "%.40s/vhd-XXXXXX", base != NULL ? base : "/var/tmp");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/file", f->directory);
	snprintf(f->other, sizeof(f->other), "%s/other", f->directory);
	descriptor = open(f->path, O_CREAT | O_RDWR, 0600);
	assert_true(descriptor >= 0);
	assert_int_equal(ftruncate(descriptor, 1 << 20), 0);
	close(descriptor);
	f->files = vvhd_files_system();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	unlink(f->other);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static int open_file(struct fixture *f, const char *path, unsigned flags, struct vvhd_storage **storage)
{
	return f->files->open(f->files->self, path, flags, storage);
}

static void readers_share_and_a_writer_is_alone(void **state)
{
	struct fixture *f = *state;
	struct vvhd_storage *first, *second;

	assert_int_equal(open_file(f, f->path, 0, &first), 0);
	assert_int_equal(open_file(f, f->path, VVHD_STORAGE_WRITE, &second), -EBUSY);
	assert_int_equal(open_file(f, f->path, 0, &second), 0);
	first->ops->close(first);
	second->ops->close(second);
	assert_int_equal(open_file(f, f->path, VVHD_STORAGE_WRITE, &first), 0);
	assert_int_equal(open_file(f, f->path, 0, &second), -EBUSY);
	assert_int_equal(open_file(f, f->path, VVHD_STORAGE_WRITE, &second), -EBUSY);
	first->ops->close(first);
}

/* QEMU's bytes: 100 and following say what it does, 200 and following what others must not do. */
static int lock_as_qemu(struct fixture *f, off_t byte)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	int descriptor = open(f->path, O_RDWR);

	assert_int_equal(fcntl(descriptor, F_OFD_SETLK, &lock), 0);
	return descriptor;
}

static bool could_qemu_lock_alone(int descriptor, off_t byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	assert_int_equal(fcntl(descriptor, F_OFD_GETLK, &lock), 0);
	return lock.l_type == F_UNLCK;
}

static void qemu_and_we_keep_each_other_out(void **state)
{
	struct fixture *f = *state;
	struct vvhd_storage *storage;
	int reader = lock_as_qemu(f, 100);

	assert_int_equal(open_file(f, f->path, VVHD_STORAGE_WRITE, &storage), -EBUSY);
	assert_int_equal(open_file(f, f->path, 0, &storage), 0);
	/* It may read too, as it asks for 200, "must not read"; a writer of it asks for 201. */
	assert_true(could_qemu_lock_alone(reader, 200));
	assert_false(could_qemu_lock_alone(reader, 201));
	assert_false(could_qemu_lock_alone(reader, 203));
	storage->ops->close(storage);
	close(reader);

	int writer = lock_as_qemu(f, 101);

	assert_int_equal(open_file(f, f->path, 0, &storage), -EBUSY);
	assert_int_equal(open_file(f, f->path, VVHD_STORAGE_WRITE, &storage), -EBUSY);
	close(writer);
	writer = open(f->path, O_RDWR);
	assert_int_equal(open_file(f, f->path, VVHD_STORAGE_WRITE, &storage), 0);
	assert_false(could_qemu_lock_alone(writer, 100));
	assert_false(could_qemu_lock_alone(writer, 200));
	storage->ops->close(storage);
	close(writer);
}

static void parents_are_opened_without_links(void **state)
{
	struct fixture *f = *state;
	struct vvhd_storage *storage;
	char through[160];

	assert_int_equal(symlink(f->path, f->other), 0);
	assert_int_equal(open_file(f, f->other, VVHD_STORAGE_PARENT, &storage), -ELOOP);
	assert_int_equal(open_file(f, f->other, 0, &storage), 0);
	storage->ops->close(storage);
	unlink(f->other);
	assert_int_equal(symlink(f->directory, f->other), 0);
	snprintf(through, sizeof(through), "%s/file", f->other);
	assert_int_equal(open_file(f, through, VVHD_STORAGE_PARENT, &storage), -ELOOP);
	assert_int_equal(open_file(f, f->path, VVHD_STORAGE_PARENT, &storage), 0);
	storage->ops->close(storage);
}

/* None of these may stop us for ever. */
static void other_kinds_of_files_are_refused(void **state)
{
	struct fixture *f = *state;
	struct vvhd_storage *storage;

	assert_int_equal(mkfifo(f->other, 0600), 0);
	assert_int_equal(open_file(f, f->other, 0, &storage), -EINVAL);
	assert_int_equal(open_file(f, f->directory, 0, &storage), -EISDIR);
	assert_int_equal(open_file(f, "/dev/zero", 0, &storage), -EINVAL);
	assert_int_equal(open_file(f, "/nonexistent/file", 0, &storage), -ENOENT);
}

static void what_exists_is_replaced_only_when_asked_and_free(void **state)
{
	struct fixture *f = *state;
	struct vvhd_storage *storage, *reader;
	const unsigned create = VVHD_STORAGE_WRITE | VVHD_STORAGE_CREATE;
	uint64_t size = 1;

	assert_int_equal(open_file(f, f->path, create, &storage), -EEXIST);
	assert_int_equal(open_file(f, f->path, 0, &reader), 0);
	assert_int_equal(open_file(f, f->path, create | VVHD_STORAGE_REPLACE, &storage), -EBUSY);
	assert_int_equal(reader->ops->size(reader, &size), 0);
	assert_int_equal(size, 1 << 20);
	reader->ops->close(reader);
	assert_int_equal(open_file(f, f->path, create | VVHD_STORAGE_REPLACE, &storage), 0);
	assert_int_equal(storage->ops->size(storage, &size), 0);
	assert_int_equal(size, 0);
	storage->ops->close(storage);
}

static void data_holes_and_ends(void **state)
{
	struct fixture *f = *state;
	struct vvhd_storage *storage;
	char bytes[65536] = "data";
	uint64_t length = 0;
	uint64_t identity[2] = {0, 0};
	int64_t seconds = 0;
	bool data = true;

	assert_int_equal(open_file(f, f->path, VVHD_STORAGE_WRITE, &storage), 0);
	const struct vvhd_storage_ops *ops = storage->ops;

	assert_int_equal(ops->write(storage, bytes, sizeof(bytes), 65536), 0);
	assert_int_equal(ops->extent(storage, 0, &length, &data), 0);
	assert_true(!data && length == 65536);
	assert_int_equal(ops->extent(storage, 65536, &length, &data), 0);
	assert_true(data && length == 65536);
	assert_int_equal(ops->extent(storage, 131072, &length, &data), 0);
	assert_true(!data && length == (1 << 20) - 131072);
	assert_int_equal(ops->punch(storage, 65536, 65536), 0);
	assert_int_equal(ops->punch(storage, 0, 0), 0);
	assert_int_equal(ops->read(storage, bytes, 10, 65536), 0);
	assert_int_equal(bytes[0], 0);
	assert_int_equal(ops->read(storage, bytes, 10, (1 << 20) - 5), -ENXIO);
	assert_int_equal(ops->flush(storage), 0);
	assert_int_equal(ops->identity(storage, identity), 0);
	assert_true(identity[1] != 0);
	assert_int_equal(ops->modified(storage, &seconds), 0);
	assert_true(seconds > 0);
	assert_true(ops->descriptor(storage) >= 0);
	ops->close(storage);
	assert_int_equal(f->files->rename(f->files->self, f->path, f->other), 0);
	assert_int_equal(f->files->remove(f->files->self, f->path), -ENOENT);
	assert_int_equal(f->files->remove(f->files->self, f->other), 0);
	assert_int_equal(f->files->rename(f->files->self, f->path, f->other), -ENOENT);
}

/* Reserved space, not a hole. */
static void preallocated_space_is_there(void **state)
{
	struct fixture *f = *state;
	struct vvhd_create_options options = {.type = VVHD_TYPE_FIXED,
					      .flags = VVHD_CREATE_PREALLOCATE | VVHD_CREATE_NO_SYNC,
					      .size = 1 << 20};
	struct stat status;

	assert_int_equal(vvhd_create(f->other, &options, NULL), 0);
	assert_int_equal(stat(f->other, &status), 0);
	assert_int_equal(status.st_size, (1 << 20) + 512);
	assert_true(status.st_blocks * 512 >= 1 << 20);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(readers_share_and_a_writer_is_alone),
		TEST(qemu_and_we_keep_each_other_out),
		TEST(parents_are_opened_without_links),
		TEST(other_kinds_of_files_are_refused),
		TEST(what_exists_is_replaced_only_when_asked_and_free),
		TEST(data_holes_and_ends),
		TEST(preallocated_space_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
