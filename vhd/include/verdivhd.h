/* SPDX-License-Identifier: MIT */
/*
 * libverdivhd: virtual hard disks (VHD) that are read, written, created, checked and repaired: fixed, dynamic,
 * differencing, and the extensions that XenServer makes.
 *
 * The format is Microsoft's "Virtual Hard Disk Image Format Specification", version 1.0 of 11 October 2006, called SPEC
 * below. Everything that a file can say is doubted: no image makes the library read outside its files, allocate more
 * than it needs, loop, or open a parent outside the directories that the caller allows.
 *
 * Results: a function returns 0, or an enum vvhd_error, which is above 0. `why`, where it is not NULL, then says what,
 * where and what to do about it, in English. Nothing is kept between calls, no global state exists.
 *
 * Threads: one image may be used by several threads at once with vvhd_read, vvhd_write, vvhd_zero, vvhd_discard,
 * vvhd_flush, vvhd_get_extent and the questions (vvhd_size, vvhd_get_info). Two requests that overlap, one of them a write, may
 * be carried out in either order, sector by sector, as on a disk. The other functions need the image for themselves.
 *
 * Units: positions and lengths are bytes, and need not be aligned. A sector is 512 bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
/* The library is built with everything hidden but this. */
#pragma GCC visibility push(default)

#define VVHD_SECTOR_SIZE 512u
#define VVHD_BLOCK_SIZE_DEFAULT (2u << 20)
/* What 32-bit sector numbers leave: 2040 GiB, 0xFF000000 sectors. A fixed disk may be larger. */
#define VVHD_SIZE_MAX (0xFF000000ull * VVHD_SECTOR_SIZE)
#define VVHD_CHAIN_MAX 64u
#define VVHD_LOCATORS 8u

/* --- Errors ------------------------------------------------------------------------------------------------------- */

enum vvhd_error {
	VVHD_OK = 0,
	VVHD_E_ARGUMENT, /* the caller's own mistake: a range beyond the end, an option that does not exist */
	VVHD_E_SYSTEM,	 /* the operating system refused: os_error says why (ENOENT, EACCES, EIO ...) */
	VVHD_E_NO_MEMORY,
	VVHD_E_NO_SPACE,  /* ENOSPC, EDQUOT, EFBIG: the image is as it was, with what had been flushed */
	VVHD_E_READ_ONLY, /* opened without VVHD_WRITABLE */
	VVHD_E_BUSY, /* somebody else has the image open (a writer, or a reader where writing was asked for) */
	VVHD_E_CANCELLED, /* the progress function said so */
	VVHD_E_NOT_VHD, /* no footer, no copy of it: another format, or not the last piece of a split image */
	VVHD_E_FOOTER,	/* the footer is damaged or makes no sense */
	VVHD_E_VERSION, /* footer or header of a version that nobody has specified */
	VVHD_E_TYPE,	/* disk type 0, 1, 5, 6 or unknown */
	VVHD_E_HEADER,	/* the dynamic disk header is damaged or makes no sense */
	VVHD_E_BLOCK_SIZE, /* not a power of two of at least one sector */
	VVHD_E_BAT,	   /* the block allocation table is outside the file, too short or says nonsense */
	VVHD_E_SIZE,	   /* virtual size 0, not whole sectors, beyond the limit or beyond the table */
	VVHD_E_TRUNCATED,  /* the file ends before its data do */
	VVHD_E_POISONED, /* XenServer's "v_poison": an operation of its tools was interrupted; finish it there */
	VVHD_E_UNSUPPORTED, /* encrypted, bitmaps in the other bit order, split images */
	VVHD_E_DAMAGED, /* readable, but writing would make it worse: vvhd_check with VVHD_CHECK_REPAIR first */
	VVHD_E_SAVED_STATE, /* a saved virtual machine belongs to it: it may not be resized or compacted */
	VVHD_E_PARENT_NOT_FOUND,
	VVHD_E_PARENT_DENIED, /* the parent is not below an allowed directory */
	VVHD_E_PARENT_ID,     /* the parent's unique id is not the one that the child names */
	VVHD_E_PARENT,	      /* an error in the parent; the text says which */
	VVHD_E_CHAIN_CYCLE,
	VVHD_E_CHAIN_DEPTH,    /* more than VVHD_CHAIN_MAX images */
	VVHD_E_WOULD_TRUNCATE, /* a smaller size would cut off data */
	VVHD_E_EXISTS,
	VVHD_E_COUNT
};

/* What went wrong, for people. Everything is set by the function that fails, and untouched by one that does not. */
struct vvhd_why {
	enum vvhd_error error;
	int os_error;	 /* errno, or 0 */
	uint64_t offset; /* in the file, where that makes sense; else UINT64_MAX */
	char text[768];	 /* "disk.vhd: the header's checksum is wrong (at 512); ..." without a line feed */
};

/* A short name that does not change, "parent-not-found", for scripts; NULL for what is none. */
const char *vvhd_error_name(enum vvhd_error error);
/* "1.0.0" */
const char *vvhd_version(void);

/* --- Where images lie ------------------------------------------------------------------------------------------------
 *
 * By default in files. Tests, fuzzers and programs with storage of their own give other functions. All return 0 or a
 * negative errno, and may be called by several threads at once.
 */

struct vvhd_storage;

struct vvhd_storage_ops {
	/* All of it or an error; reading beyond the end is -ENXIO. */
	int (*read)(struct vvhd_storage *storage, void *buffer, size_t length, uint64_t offset);
	/* All of it or an error; the file grows as needed, with zeros in between. */
	int (*write)(struct vvhd_storage *storage, const void *buffer, size_t length, uint64_t offset);
	/* What was written and resized before is still there after a power failure. */
	int (*flush)(struct vvhd_storage *storage);
	int (*size)(struct vvhd_storage *storage, uint64_t *size);
	int (*resize)(struct vvhd_storage *storage, uint64_t size);
	/* The range reads as zeros and uses no space. May be NULL or -EOPNOTSUPP: zeros are written instead. */
	int (*punch)(struct vvhd_storage *storage, uint64_t offset, uint64_t length);
	/* How far from `offset` on it is data, or a hole. May be NULL or -EOPNOTSUPP: all is data. */
	int (*extent)(struct vvhd_storage *storage, uint64_t offset, uint64_t *length, bool *data);
	/* Two numbers that are the same for the same file by whatever name: device and inode. */
	int (*identity)(struct vvhd_storage *storage, uint64_t identity[2]);
	/* Modification time, seconds since 1970. May be NULL: time of the call. */
	int (*modified)(struct vvhd_storage *storage, int64_t *seconds);
	/* A descriptor that the kernel can copy from and to, or -1. May be NULL. */
	int (*descriptor)(struct vvhd_storage *storage);
	void (*close)(struct vvhd_storage *storage);
};

/* The head of whatever an implementation keeps. */
struct vvhd_storage {
	const struct vvhd_storage_ops *ops;
};

enum vvhd_storage_flags {
	VVHD_STORAGE_WRITE = 1,
	VVHD_STORAGE_CREATE = 2, /* must not exist: -EEXIST */
	VVHD_STORAGE_PARENT =
		4, /* named by an image, not by the user: no link is followed in its last component */
	VVHD_STORAGE_REPLACE = 8 /* with CREATE: what exists is emptied */
};

/* A name space of storages. `self` is the implementation's own. */
struct vvhd_files {
	/* Locks: one writer and nobody else, or readers. -EBUSY (or -EAGAIN) when it is taken. */
	int (*open)(void *self, const char *path, unsigned flags, struct vvhd_storage **storage);
	/* The path without links, "." and "..", to be released with free(); -ENOENT. */
	int (*resolve)(void *self, const char *path, char **resolved);
	int (*remove)(void *self, const char *path);
	int (*rename)(void *self, const char *from, const char *to);
	void *self;
};

/* The operating system's files. */
const struct vvhd_files *vvhd_files_system(void);

/* --- Opening --------------------------------------------------------------------------------------------------------- */

struct vvhd;

/* Said by the caller, never guessed: a guest can write a footer into a raw disk. */
enum vvhd_format {
	VVHD_FORMAT_VHD,
	VVHD_FORMAT_RAW
};

enum vvhd_type {
	VVHD_TYPE_RAW = 0,
	VVHD_TYPE_FIXED = 2,
	VVHD_TYPE_DYNAMIC = 3,
	VVHD_TYPE_DIFFERENCING = 4
};

enum vvhd_open_flags {
	VVHD_WRITABLE = 1,
	VVHD_FORCE_PARENT = 2, /* a parent with another unique id is taken */
	VVHD_WITHOUT_PARENT =
		4, /* the chain is not opened: for vvhd_get_info, vvhd_get_extent of this layer alone; data cannot be read */
	VVHD_REPAIR = 8, /* with WRITABLE: a missing or wrong footer, or copy of it, is put right first */
	VVHD_NO_SYNC =
		16 /* flushes wait for nothing: for an image that can be made again, as conversions are */
};

/* The two sizes that a footer gives: see vvhd_get_info. */
enum vvhd_size_rule {
	VVHD_SIZE_AUTO, /* current size, unless the creator is one that means CHS and the file has no more */
	VVHD_SIZE_CURRENT,
	VVHD_SIZE_CHS
};

/* All zero is a good beginning. */
struct vvhd_open_options {
	unsigned flags;
	enum vvhd_size_rule size_rule;
	const char *parent; /* used instead of what the image says; still checked by its unique id */
	enum vvhd_format
		parent_format; /* for `parent`; one named by the image is raw when its id there is null */
	/* Parents must lie below one of these, ended by NULL. NULL: below the directory of the image that was asked for. */
	const char *const *parent_directories;
	const struct vvhd_files *files; /* NULL: vvhd_files_system */
	/* What is odd about an image that is opened all the same: "end footer missing, the copy at 0 was used". */
	void (*warn)(void *self, const char *text);
	void *warn_self;
};

/* `options` may be NULL: read-only. On success *image is to be closed with vvhd_close. */
int vvhd_open(const char *path, enum vvhd_format format, const struct vvhd_open_options *options,
	      struct vvhd **image, struct vvhd_why *why);
/* Flushes first. The image is gone whatever is returned; an error says that the last flush failed. NULL is nothing. */
int vvhd_close(struct vvhd *image, struct vvhd_why *why);

/* --- Data ------------------------------------------------------------------------------------------------------------ */

/* Bytes of the virtual disk. */
uint64_t vvhd_size(const struct vvhd *image);
int vvhd_read(struct vvhd *image, void *buffer, size_t length, uint64_t offset, struct vvhd_why *why);
/* Lasting after the next vvhd_flush; until then a crash leaves each sector old or new. */
int vvhd_write(struct vvhd *image, const void *buffer, size_t length, uint64_t offset, struct vvhd_why *why);
/* Reads as zeros afterwards, with as little space as the format allows. */
int vvhd_zero(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why);
/* The data are not needed any more. Here: as vvhd_zero for whole sectors, what is left over at the ends is kept. */
int vvhd_discard(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why);
int vvhd_flush(struct vvhd *image, struct vvhd_why *why);

enum vvhd_extent_kind {
	VVHD_EXTENT_DATA,
	VVHD_EXTENT_ZERO,  /* known to read as zeros */
	VVHD_EXTENT_PARENT /* not in this layer: only with VVHD_WITHOUT_PARENT, or with `layer` */
};

struct vvhd_extent {
	uint64_t length; /* from the offset that was asked for */
	enum vvhd_extent_kind kind;
	bool allocated;	      /* a block of the layer is there, or the file has no hole */
	unsigned layer;	      /* which image of the chain it comes from: 0 the child, 1 its parent ... */
	uint64_t file_offset; /* of the data in that layer's file, UINT64_MAX when there are none */
};

/*
 * What the disk has from `offset` on, at most `length` bytes of it. Neighbours of one kind are put together as far as is
 * cheap. Beyond the end: VVHD_E_ARGUMENT.
 */
int vvhd_get_extent(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_extent *extent,
		    struct vvhd_why *why);

/* --- What an image says of itself ---------------------------------------------------------------------------------- */

struct vvhd_geometry {
	uint16_t cylinders;
	uint8_t heads, sectors;
};

struct vvhd_locator {
	uint32_t code; /* 'W2ru' as 0x57327275; 0: none */
	uint32_t data_space, data_length;
	uint64_t data_offset;
	char path[1024]; /* as UTF-8; "" when it cannot be read */
};

/* What 0 in a field of the format is: 2000-01-01 00:00:00 UTC. */
#define VVHD_NO_TIME 946684800

struct vvhd_info {
	enum vvhd_type type;
	uint64_t size; /* what vvhd_size says */
	uint64_t current_size, original_size, chs_size;
	struct vvhd_geometry geometry;
	uint64_t file_size;
	uint32_t features, footer_version, header_version;
	int64_t time; /* seconds since 1970 */
	char creator[4], creator_os[4];
	uint32_t creator_version;
	uint8_t id[16];
	bool saved_state, hidden;
	/* Dynamic and differencing */
	uint64_t header_offset, bat_offset;
	uint32_t bat_entries, block_size, blocks_allocated;
	bool aligned; /* payloads of all blocks lie on 4 KiB */
	bool batmap;  /* XenServer's, valid */
	/* Differencing */
	uint8_t parent_id[16];
	int64_t parent_time;	/* the parent's time stamp when the child was made; VVHD_NO_TIME: not known */
	char parent_name[1025]; /* UTF-8; unpaired surrogates become U+FFFD */
	struct vvhd_locator locators[VVHD_LOCATORS];
	char *parent_path;     /* what was opened; NULL without; lives as long as the image */
	unsigned chain_length; /* 1: no parent */
	bool repairable;       /* something is wrong that VVHD_REPAIR puts right */
};

void vvhd_get_info(const struct vvhd *image, struct vvhd_info *info);
/* The next image of the chain, which belongs to `image`; NULL without. */
struct vvhd *vvhd_parent(const struct vvhd *image);
const char *vvhd_path(const struct vvhd *image);

/* --- Making images ---------------------------------------------------------------------------------------------------- */

enum vvhd_create_flags {
	VVHD_CREATE_REPLACE = 1,     /* an existing file is replaced */
	VVHD_CREATE_COMPACT = 2,     /* blocks packed as old programs do, instead of payloads on 4 KiB */
	VVHD_CREATE_BATMAP = 4,	     /* as XenServer: its creator tag, batmap and order of locators */
	VVHD_CREATE_PREALLOCATE = 8, /* fixed: the space is reserved now */
	VVHD_CREATE_NO_SYNC = 16     /* not flushed at the end */
};

struct vvhd_create_options {
	enum vvhd_type type; /* VVHD_TYPE_RAW makes an empty raw file */
	unsigned flags;
	uint64_t size;	     /* differencing: 0 for the parent's */
	uint32_t block_size; /* 0: VVHD_BLOCK_SIZE_DEFAULT */
	uint64_t size_limit; /* room in the table for growth up to this; 0: none */
	const uint8_t *id;   /* 16 bytes; NULL: random */
	const char *parent;  /* differencing: path; relative ones from the working directory */
	enum vvhd_format parent_format;
	const char *const *parent_directories;
	const struct vvhd_files *files;
};

/* Nothing is left behind when it fails. */
int vvhd_create(const char *path, const struct vvhd_create_options *options, struct vvhd_why *why);

/* --- Long work ---------------------------------------------------------------------------------------------------------- */

/* Called now and then, from the calling thread. False: stop, with VVHD_E_CANCELLED, and an image that is right. */
struct vvhd_progress {
	bool (*report)(void *self, uint64_t done, uint64_t total);
	void *self;
};

/* What reads as `from` is written to `to`, which must be at least as large and new (all zero); holes are kept. */
int vvhd_copy(struct vvhd *from, struct vvhd *to, unsigned threads, const struct vvhd_progress *progress,
	      struct vvhd_why *why);

/* For a writable image. Smaller only when nothing but zeros is cut off, or with `truncate`. */
int vvhd_resize(struct vvhd *image, uint64_t size, bool truncate, const struct vvhd_progress *progress,
		struct vvhd_why *why);

/*
 * The child's data go into its parent, which is opened for writing; afterwards both read the same, and the child may be
 * removed. A parent that is larger than its child stays so. After a crash in the middle, do it again. VVHD_E_ARGUMENT when the child has no parent.
 */
int vvhd_merge(const char *child, const struct vvhd_open_options *options,
	       const struct vvhd_progress *progress, struct vvhd_why *why);

/* Blocks that hold only zeros are freed, the others moved together, the file cut off. For a writable image. */
int vvhd_compact(struct vvhd *image, const struct vvhd_progress *progress, uint64_t *bytes_saved,
		 struct vvhd_why *why);

/* Another parent, or another way to it. Without FORCE_PARENT its unique id must be the one that the child names. */
int vvhd_relink(const char *child, const char *parent, enum vvhd_format parent_format, unsigned flags,
		const struct vvhd_files *files, struct vvhd_why *why);

/* XenServer's mark of an inner node of a snapshot tree. */
int vvhd_set_hidden(struct vvhd *image, bool hidden, struct vvhd_why *why);

/* --- Check and repair ---------------------------------------------------------------------------------------------------- */

enum vvhd_check_flags {
	VVHD_CHECK_REPAIR = 1,	/* puts right what can be put right without losing data */
	VVHD_CHECK_BITMAPS = 2, /* reads each block's bitmap too, and compares it with the batmap */
	VVHD_CHECK_LOSSY = 4,	/* with REPAIR: entries that overlap others or lie outside are dropped, too */
	VVHD_CHECK_DRY_RUN = 8	/* with REPAIR: changes nothing; `repaired` tells what would be put right */
};

enum vvhd_severity {
	VVHD_NOTE,    /* unusual, harmless */
	VVHD_WARNING, /* wrong, and can be put right without loss */
	VVHD_ERROR    /* data are lost or ambiguous, or the image cannot be used */
};

struct vvhd_finding {
	enum vvhd_severity severity;
	const char *name; /* "footer-missing", does not change */
	uint64_t offset;  /* in the file */
	bool repaired;
	const char *text; /* valid during the call */
};

struct vvhd_check_options {
	unsigned flags;
	void (*found)(void *self, const struct vvhd_finding *finding);
	void *self;
	const struct vvhd_files *files;
	const struct vvhd_progress *progress;
};

struct vvhd_check_result {
	unsigned notes, warnings, errors; /* found */
	unsigned repaired;		  /* of those */
	bool usable;			  /* it can be opened now, read-only at least */
};

/* Only this file; its parent is not opened. Returns an error when it cannot say anything about the image. */
int vvhd_check(const char *path, const struct vvhd_check_options *options, struct vvhd_check_result *result,
	       struct vvhd_why *why);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
