/* SPDX-License-Identifier: MIT */
/* Long work on images with changed bytes, whose checksums are right again: errors may come of it, nothing worse. */
#include "vhd/lib/maintain_test.h"

#include "vhd/lib/format.h"

#define PATH "/d/disk.vhd"
#define ROUNDS 800u

static struct memory_disk *make_disk(unsigned flags)
{
	struct memory_disk *disk = memory_disk_new();

	make_image(disk, "/d/parent.vhd", VVHD_TYPE_DYNAMIC, TEST_SIZE, 0, NULL);
	make_image(disk, PATH, VVHD_TYPE_DIFFERENCING, 0, flags, "/d/parent.vhd");
	struct vvhd *image = open_image(disk, PATH, VVHD_WRITABLE);

	put_data(image, 0, 3 * TEST_BLOCK, 1);
	put_data(image, 30 * TEST_BLOCK, 1024, 2);
	close_image(image);
	return disk;
}

static void seal(struct memory_disk *disk, uint64_t offset, size_t length, size_t field)
{
	uint8_t bytes[1024];

	memory_peek(disk, PATH, offset, bytes, length);
	vv_put32(bytes + field, vv_checksum(bytes, length, field));
	memory_patch(disk, PATH, offset, bytes, length);
}

/* Footers alike, header, table or locators. */
static void damage(struct memory_disk *disk, uint64_t *seed)
{
	static const uint8_t likely[] = {0, 1, 2, 3, 4, 7, 8, 0x10, 0x7F, 0x80, 0xFE, 0xFF};
	const uint64_t size = memory_size(disk, PATH);

	for (unsigned i = 0; i < 1 + memory_random(seed) % 3; i++) {
		const uint64_t offset = memory_random(seed) % 4096;
		const uint8_t byte = likely[memory_random(seed) % sizeof(likely)];

		memory_patch(disk, PATH, offset, &byte, 1);
		if (offset < 512) {
			memory_patch(disk, PATH, size - 512 + offset, &byte, 1);
		}
	}
	seal(disk, 0, 512, 64);
	seal(disk, size - 512, 512, 64);
	seal(disk, 512, 1024, 36);
}

static void work_on(struct memory_disk *disk, uint64_t seed)
{
	const struct vvhd_open_options options = {
		.flags = VVHD_WRITABLE | (seed % 2 ? VVHD_WITHOUT_PARENT : 0u), .files = &disk->files};
	struct vvhd *image;

	if (seed % 5 == 0) {
		vvhd_relink(PATH, "/d/parent.vhd", VVHD_FORMAT_VHD, VVHD_FORCE_PARENT, &disk->files, NULL);
	}
	if (seed % 7 == 0) {
		vvhd_merge(PATH, &options, NULL, NULL);
	}
	if (vvhd_open(PATH, VVHD_FORMAT_VHD, &options, &image, NULL) != 0) {
		return;
	}
	const uint64_t sizes[] = {64 * TEST_BLOCK, 700 * TEST_BLOCK, 2 * TEST_BLOCK, vvhd_size(image)};

	/* What a size of GiB would cost here is no question of this test. */
	if (vvhd_size(image) < 4096 * TEST_BLOCK) {
		vvhd_resize(image, sizes[seed % 4], seed % 3 == 0, NULL, NULL);
		vvhd_compact(image, NULL, NULL, NULL);
	}
	vvhd_set_hidden(image, seed % 2, NULL);
	vvhd_close(image, NULL);
}

/* A batmap's header with nonsense behind its cookie: growing asked for as much memory as it says. */
static void test_batmap_length(void **state)
{
	(void)state;
	struct memory_disk *disk = make_disk(VVHD_CREATE_BATMAP);
	static const uint8_t huge[4] = {0x7F, 0xFF, 0xFF, 0xFF};
	struct vvhd_why why;

	memory_patch(disk, PATH, 2048 + 16, huge, sizeof(huge));
	struct vvhd *image = open_image(disk, PATH, VVHD_WRITABLE);

	must(vvhd_resize(image, 700ull << 20, false, NULL, &why), &why);
	close_image(image);
	must_be_clean(disk, PATH);
	memory_disk_free(disk);
}

/* What opened for writing and was worked on opens for writing again. */
static void test_noise(void **state)
{
	(void)state;
	uint64_t seed = 7;

	for (unsigned flags = 0; flags <= VVHD_CREATE_BATMAP; flags += VVHD_CREATE_BATMAP) {
		struct memory_disk *base = make_disk(flags);

		for (unsigned round = 0; round < ROUNDS; round++) {
			struct memory_disk *disk = memory_disk_clone(base);
			const struct vvhd_open_options options = {
				.flags = VVHD_WRITABLE | VVHD_WITHOUT_PARENT, .files = &disk->files};
			struct vvhd *image;

			damage(disk, &seed);
			const bool opened = vvhd_open(PATH, VVHD_FORMAT_VHD, &options, &image, NULL) == 0;

			if (opened) {
				vvhd_close(image, NULL);
			}
			work_on(disk, memory_random(&seed));
			if (opened) {
				struct vvhd_why why;

				must(vvhd_open(PATH, VVHD_FORMAT_VHD, &options, &image, &why), &why);
				vvhd_close(image, NULL);
			}
			assert_false(memory_in_use(disk));
			memory_disk_free(disk);
		}
		memory_disk_free(base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_batmap_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
