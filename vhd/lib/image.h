/* SPDX-License-Identifier: MIT */
/*
 * An open image, inside. One layer of a chain is one struct vvhd; its parent, which it owns, is another, read-only.
 *
 * Threads. Locks are taken in this order, and `lock` is never held during input or output of data:
 *   edges     requests that cover parts of sectors, which are read, changed and written, exclude each other and all other
 *             writers; the latter share it. Readers do not take it.
 *   flushing  one flush at a time.
 *   lock      everything below "metadata".
 * What vvhd.h calls "need the image for themselves" (resize, compact ...) takes none of them.
 *
 * Order on the disk, which makes any moment a good one for a power failure:
 *   1. data and, where XenServer's batmap loses bits, the batmap;  the file is made as long as it will be    [flush]
 *   2. bitmaps of blocks                                                                                      [flush]
 *   3. BAT, batmap, footer behind the last block                                                              [flush]
 * A new block lies where the footer was, so the footer is gone from step 2 (its bitmap) to step 3: the copy at 0 must be
 * good before (`tail_ready`). A block that the BAT on the disk does not name yet costs nothing but its place.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "error.h"
#include "format.h"

/* A bitmap in memory: see bitmap.h. */
struct vv_bitmap;

/* Bitmaps that are chained, the newest first. */
struct vv_bitmap_list {
	struct vv_bitmap *first, *last;
	size_t count;
};

struct vv_bitmaps {
	struct vv_bitmap **buckets; /* by block number */
	size_t bucket_count;	    /* a power of two */
	struct vv_bitmap_list clean, dirty, flushing;
	size_t limit; /* of clean ones, and of dirty ones: more of those bring about a flush */
};

struct vvhd {
	/* Set once by opening. */
	struct vvhd_storage *storage;
	const struct vvhd_files *files;
	char *path;	/* as given, or as found for a parent */
	char *resolved; /* without links, where `files` can tell; else as `path` */
	unsigned flags; /* enum vvhd_open_flags */
	bool writable;
	enum vvhd_type type;
	uint64_t identity[2];
	struct vvhd *parent;
	bool raw_parent; /* the parent id is null: XenServer's raw parent */
	void (*warn)(void *self, const char *text);
	void *warn_self;

	/* Changed only by those who have the image for themselves (resize, compact ...). */
	uint64_t size;	       /* of the virtual disk */
	uint32_t blocks;       /* live entries of the BAT: ceil(size / block size) */
	uint32_t bitmap_bytes; /* in front of each block */
	uint64_t
		metadata_end; /* behind header, all of the BAT, batmap and locators: no block and no footer before it */
	bool aligned; /* new blocks get their payload on 4 KiB */
	/* As on the disk, with reserved bytes. */
	uint8_t footer_bytes[VV_FOOTER_SIZE], header_bytes[VV_HEADER_SIZE];
	struct vv_footer footer;
	struct vv_header header;
	bool header_wrong; /* its checksum */
	char (*locator_paths)
		[1024]; /* VVHD_LOCATORS of them, for differencing images; "" where there is none */

	/* Metadata: under `lock`. */
	pthread_mutex_t lock;
	pthread_cond_t loaded;	     /* a bitmap has been read */
	_Atomic uint64_t file_size;  /* as far as known: grows with each write; also without `lock` */
	uint64_t data_end;	     /* behind all blocks and metadata: the next block, and the footer */
	uint64_t flushed_end;	     /* data_end when the BAT was last written */
	uint64_t footer_offset;	     /* where the footer at the end lies on the disk; UINT64_MAX: nowhere */
	bool front_wrong, end_wrong; /* the copy at 0, the footer at the end: bad or different */
	bool tail_ready;	     /* the copy at 0 is good on the disk, and nothing lies behind data_end */
	uint32_t *bat; /* `blocks` entries, and what follows them in the last sector, as it is on the disk */
	uint8_t *bat_dirty; /* a bit per sector of the BAT */
	bool any_bat_dirty;
	uint8_t *full; /* a bit per block, MSB first: its bitmap is known to be all ones */
	struct vv_bitmaps bitmaps;
	bool has_batmap; /* XenServer's, and valid */
	struct vv_batmap batmap;
	uint64_t batmap_header_offset; /* 0: none */
	uint8_t batmap_header_bytes[VV_BATMAP_HEADER_SIZE];
	bool batmap_unknown;	/* writing it failed: the disk may have any of its bits */
	uint8_t *batmap_disk;	/* the map as on the disk, with room for batmap.sectors */
	atomic_bool data_dirty; /* data have been written since the last flush; also without `lock` */
	unsigned writers;	/* requests that are writing data */
	bool trim_wanted;	/* a write failed: unused new blocks are taken back */
	uint32_t grow_blocks;	/* by how many blocks the file is made longer next time */

	pthread_rwlock_t edges;
	pthread_mutex_t flushing;
};

/* --- Storage with texts (storage.c): `what` is "BAT", "footer" ... for the message ------------------------------------ */

int vv_read_storage(const struct vvhd *image, void *buffer, size_t length, uint64_t offset, const char *what,
		    struct vvhd_why *why);
int vv_write_storage(struct vvhd *image, const void *buffer, size_t length, uint64_t offset, const char *what,
		     struct vvhd_why *why);
int vv_flush_storage(struct vvhd *image, struct vvhd_why *why);
int vv_resize_storage(struct vvhd *image, uint64_t size, struct vvhd_why *why);
/* A hole where the storage can, else zeros are written. */
int vv_punch_storage(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why);
/* Calls the image's warn function. */
void vv_warn(const struct vvhd *image, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- Reading metadata (footer.c, table.c): each finds one layer's errors; steps of vv_open_layer -------------------------- */

/* Footer, or the copy of it; sets footer, footer_bytes, footer_offset, front_wrong, end_wrong, type. */
int vv_load_footer(struct vvhd *image, struct vvhd_why *why);
/* Header, size, blocks, batmap, locators, metadata_end. Allocates nothing yet that the file's size does not warrant. */
int vv_load_header(struct vvhd *image, enum vvhd_size_rule rule, struct vvhd_why *why);
/* BAT, whose entries are all inside the file and outside header and BAT; data_end, aligned. */
int vv_load_bat(struct vvhd *image, struct vvhd_why *why);
/* For a size that the footer's creator means: not 0, whole sectors, not beyond `limit`. */
int vv_check_size(const struct vvhd *image, uint64_t size, uint64_t limit, struct vvhd_why *why);

/* --- Layers (open.c, chain.c) ----------------------------------------------------------------------------------------- */

struct vv_layer_request {
	const char *path;
	enum vvhd_format format;
	unsigned open_flags;	/* enum vvhd_open_flags */
	unsigned storage_flags; /* added: VVHD_STORAGE_PARENT */
	enum vvhd_size_rule size_rule;
	const struct vvhd_files *files;
	void (*warn)(void *self, const char *text);
	void *warn_self;
};

/* One file without its parents. */
int vv_open_layer(const struct vv_layer_request *request, struct vvhd **image, struct vvhd_why *why);
/* Without a last flush: the chain from `image` on. */
void vv_discard_image(struct vvhd *image);
/* Finds and opens all parents. */
int vv_open_chain(struct vvhd *image, const struct vvhd_open_options *options, struct vvhd_why *why);

/* --- Metadata on the disk (metadata.c): nobody else may use the image; none of them flushes --------------------------- */

/* Where the footer belongs, which is where the next block begins: data_end, moved on where the image is aligned. */
uint64_t vv_footer_position(const struct vvhd *image);
/* Builds the footer from image->footer, and writes it at the end; the file is made to end there. */
int vv_write_end_footer(struct vvhd *image, struct vvhd_why *why);
/*
 * Where there is no footer at the end, what a file that was cut off still has behind its last block is no part of the
 * image, and must not come to light when the file grows again: it could be the beginning of XenServer's batmap.
 */
int vv_clear_gap(struct vvhd *image, struct vvhd_why *why);
/* The same at 0; nothing for a fixed disk. */
int vv_write_front_footer(struct vvhd *image, struct vvhd_why *why);
/* Builds the header from image->header. */
int vv_write_header(struct vvhd *image, struct vvhd_why *why);
/* The sectors of the BAT that hold entries `first` to `first + count - 1`. */
int vv_write_bat(struct vvhd *image, uint32_t first, uint32_t count, struct vvhd_why *why);
/* Bytes of the batmap that are used, for the size that the disk has now. */
size_t vv_batmap_length(const struct vvhd *image);
/* image->full into a map that is as long. */
void vv_fill_batmap(const struct vvhd *image, uint8_t *map);
/* The batmap from image->full, with its checksum; nothing without a batmap. */
int vv_write_batmap(struct vvhd *image, struct vvhd_why *why);
/* The same with a map of the caller's, vv_batmap_length long. */
int vv_write_batmap_bytes(struct vvhd *image, const uint8_t *map, struct vvhd_why *why);
/* A sector of the BAT as it belongs on the disk. */
void vv_bat_sector(const struct vvhd *image, uint32_t sector, uint8_t bytes[VVHD_SECTOR_SIZE]);
/* From the BAT: data_end. After changes of the BAT by hand. */
void vv_compute_data_end(struct vvhd *image);
/* Offset of a block's bitmap in the file; UINT64_MAX: no block. The data follow behind bitmap_bytes. */
uint64_t vv_block_offset(const struct vvhd *image, uint32_t block);
/* From one block to the next behind it: bitmap and data. */
uint64_t vv_block_stride(const struct vvhd *image);
/* The number of live entries with a block. */
uint32_t vv_blocks_allocated(const struct vvhd *image);
/*
 * Do blocks overlap each other or metadata? True with one of the two in *block. Never quadratic. VVHD_E_NO_MEMORY is
 * possible: returned as an error, 0 otherwise.
 */
int vv_find_overlap(const struct vvhd *image, bool *found, uint32_t *block, struct vvhd_why *why);

/* --- Blocks and bitmaps (bitmap.c, block.c) ------------------------------------------------------------------------------ */

/* The longest piece of [offset, offset + length) that is in one place: in this layer's file, or not in this layer. */
struct vv_run {
	bool here;
	uint64_t length;
	uint64_t file_offset; /* of the data, when `here` */
	bool in_block;	      /* the block has a place, whether these sectors are there or not */
};

int vv_find_run(struct vvhd *image, uint64_t offset, uint64_t length, struct vv_run *run,
		struct vvhd_why *why);
/* From this layer and its parents. The range must be inside the disk. */
int vv_check_range(const struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why);
int vv_check_writable(const struct vvhd *image, struct vvhd_why *why);
int vv_read_layers(struct vvhd *image, void *buffer, size_t length, uint64_t offset, struct vvhd_why *why);
/* A copy of a block's bitmap as it is now, bitmap_bytes long; all zeros where there is no block. */
int vv_copy_bitmap(struct vvhd *image, uint32_t block, uint8_t *bits, struct vvhd_why *why);
/* Forgets all cached bitmaps, which must be clean: after vvhd_flush, when blocks have been moved by hand. */
void vv_forget_bitmaps(struct vvhd *image);
/* Makes the copy at 0 good and cuts off what lies behind data_end, before the first new block. May be under `lock`. */
int vv_prepare_tail(struct vvhd *image, struct vvhd_why *why);
/* Gives the block a place, with a bitmap of zeros that is dirty. Under `lock`. */
/* VVHD_E_NO_SPACE: the table has no number for a block at `offset`. */
int vv_fail_full(const struct vvhd *image, uint64_t offset, struct vvhd_why *why);
int vv_allocate_block(struct vvhd *image, uint32_t block, struct vvhd_why *why);
/* Takes back new blocks at the end that have nothing in them, after a write that failed. Under `lock`. */
void vv_trim_tail(struct vvhd *image);

static inline bool vv_bit(const uint8_t *bits, uint32_t index)
{
	return (bits[index / 8] & 0x80u >> index % 8) != 0;
}

static inline void vv_set_bit(uint8_t *bits, uint32_t index, bool value)
{
	uint8_t mask = (uint8_t)(0x80u >> index % 8);

	bits[index / 8] = (uint8_t)(value ? bits[index / 8] | mask : bits[index / 8] & ~mask);
}

static inline bool vv_has_blocks(const struct vvhd *image)
{
	return image->type == VVHD_TYPE_DYNAMIC || image->type == VVHD_TYPE_DIFFERENCING;
}
