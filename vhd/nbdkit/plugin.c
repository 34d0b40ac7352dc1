/* SPDX-License-Identifier: MIT */
/*
 * nbdkit-verdivhd-plugin: serves a VHD image over NBD. All of the format is in libverdivhd; here are only nbdkit's
 * parameters, its requests, and what its clients are told of the image.
 *
 * The image is opened, and locked, before nbdkit goes into the background, so that whoever starts it hears what is wrong.
 * All connections share this one image. Its lock and descriptors outlive the fork; the library has no threads of its own
 * that would not.
 */
#define NBDKIT_API_VERSION 2
#include <errno.h>
#include <inttypes.h>
#include <nbdkit-plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vhd/include/verdivhd.h"
#include "vhd/nbdkit/settings.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

#define REQUEST_PREFERRED 4096u
/* What NBD clients use anyway when nobody tells them; a smaller number would only make QEMU split its zeroing. */
#define REQUEST_MAX (32u << 20)
/* Answers of one request, so that it ends soon however the image is cut up. Clients ask again for the rest. */
#define EXTENTS_MAX 4096u
#define ZEROS_SIZE (1u << 20)

static struct vvhd *image;
static char description[128];

/* What a client's system call will return. The protocol knows few of them; nbdkit maps the rest. */
static int errno_of(const struct vvhd_why *why)
{
	switch (why->error) {
	case VVHD_E_ARGUMENT:
		return EINVAL;
	case VVHD_E_NO_MEMORY:
		return ENOMEM;
	case VVHD_E_NO_SPACE:
		return ENOSPC;
	case VVHD_E_READ_ONLY:
		return EROFS;
	case VVHD_E_BUSY:
		return EBUSY;
	case VVHD_E_SYSTEM:
		return why->os_error ? why->os_error : EIO;
	default:
		return EIO;
	}
}

static int fail(const struct vvhd_why *why)
{
	nbdkit_error("%s", why->text);
	nbdkit_set_error(errno_of(why));
	return -1;
}

/* --- The image ----------------------------------------------------------------------------------------------------- */

static void warn(void *self, const char *text)
{
	(void)self;
	nbdkit_debug("%s", text);
}

static void describe(void)
{
	static const char *const types[] = {[VVHD_TYPE_FIXED] = "fixed",
					    [VVHD_TYPE_DYNAMIC] = "dynamic",
					    [VVHD_TYPE_DIFFERENCING] = "differencing"};
	struct vvhd_info info;
	vvhd_get_info(image, &info);
	snprintf(description, sizeof(description), "%s VHD of %" PRIu64 " bytes, chain of %u",
		 info.type <= VVHD_TYPE_DIFFERENCING && types[info.type] ? types[info.type] : "unknown",
		 info.size, info.chain_length);
}

/* Errors that somebody meets who only wants to read, perhaps with nbdkit's own -r, which a plugin learns too late. */
static bool helps_to_only_read(const struct vvhd_why *why)
{
	return why->error == VVHD_E_BUSY || why->error == VVHD_E_DAMAGED ||
	       (why->error == VVHD_E_SYSTEM && (why->os_error == EACCES || why->os_error == EROFS));
}

static int plugin_get_ready(void)
{
	struct vvhd_why why = {0};
	struct vvhd_open_options options = settings_options();
	options.warn = warn;
	if (vvhd_open(settings.file, VVHD_FORMAT_VHD, &options, &image, &why)) {
		bool hint = !settings.read_only && helps_to_only_read(&why);
		nbdkit_error("%s%s", why.text, hint ? " (read-only=true only reads it)" : "");
		return -1;
	}
	describe();
	return 0;
}

static void plugin_unload(void)
{
	struct vvhd_why why = {0};
	if (vvhd_close(image, &why)) {
		nbdkit_error("the last flush failed, what was not flushed before may be lost: %s", why.text);
	}
	image = NULL;
	settings_free();
}

static void plugin_dump(void)
{
	printf("libverdivhd_version=%s\n", vvhd_version());
	printf("verdivhd_types=fixed,dynamic,differencing\n");
	printf("verdivhd_size_max=%llu\n", VVHD_SIZE_MAX);
	printf("verdivhd_chain_max=%u\n", VVHD_CHAIN_MAX);
}

/* --- What a connection is told --------------------------------------------------------------------------------------- */

static void *plugin_open(int readonly)
{
	(void)readonly;
	return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t plugin_get_size(void *handle)
{
	(void)handle;
	return (int64_t)vvhd_size(image);
}

static int plugin_can_write(void *handle)
{
	(void)handle;
	return !settings.read_only;
}

static int plugin_yes(void *handle)
{
	(void)handle;
	return 1;
}

static int plugin_can_fua(void *handle)
{
	(void)handle;
	return NBDKIT_FUA_NATIVE;
}

/* Reading fills the page cache, and that is all that a cache request can ask for. */
static int plugin_can_cache(void *handle)
{
	(void)handle;
	return NBDKIT_CACHE_EMULATE;
}

static const char *plugin_export_description(void *handle)
{
	(void)handle;
	return description;
}

static int plugin_block_size(void *handle, uint32_t *minimum, uint32_t *preferred, uint32_t *maximum)
{
	(void)handle;
	*minimum = VVHD_SECTOR_SIZE;
	*preferred = REQUEST_PREFERRED;
	*maximum = REQUEST_MAX;
	return 0;
}

/* --- Requests ---------------------------------------------------------------------------------------------------------- */

static int plugin_flush(void *handle, uint32_t flags)
{
	struct vvhd_why why = {0};
	(void)handle;
	(void)flags;
	return vvhd_flush(image, &why) ? fail(&why) : 0;
}

/* The end of every request that changes something. */
static int changed(uint32_t flags)
{
	return flags & NBDKIT_FLAG_FUA ? plugin_flush(NULL, 0) : 0;
}

static int plugin_pread(void *handle, void *buffer, uint32_t count, uint64_t offset, uint32_t flags)
{
	struct vvhd_why why = {0};
	(void)handle;
	(void)flags;
	return vvhd_read(image, buffer, count, offset, &why) ? fail(&why) : 0;
}

static int plugin_pwrite(void *handle, const void *buffer, uint32_t count, uint64_t offset, uint32_t flags)
{
	struct vvhd_why why = {0};
	(void)handle;
	return vvhd_write(image, buffer, count, offset, &why) ? fail(&why) : changed(flags);
}

static int plugin_trim(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
	struct vvhd_why why = {0};
	(void)handle;
	return vvhd_discard(image, offset, count, &why) ? fail(&why) : changed(flags);
}

/* Zeros that take their space now, as a client asks for that wants later writes not to meet a full disk. */
static int write_zeros(uint32_t count, uint64_t offset)
{
	static const char zeros[ZEROS_SIZE];
	struct vvhd_why why = {0};
	while (count > 0) {
		uint32_t part = count < ZEROS_SIZE ? count : ZEROS_SIZE;
		if (vvhd_write(image, zeros, part, offset, &why)) {
			return fail(&why);
		}
		count -= part;
		offset += part;
	}
	return 0;
}

static int plugin_zero(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
	struct vvhd_why why = {0};
	(void)handle;
	if (flags & NBDKIT_FLAG_MAY_TRIM) {
		return vvhd_zero(image, offset, count, &why) ? fail(&why) : changed(flags);
	}
	/* A client that wants it fast writes other things first; it learns here that zeros cost what data cost. */
	if (flags & NBDKIT_FLAG_FAST_ZERO) {
		nbdkit_set_error(EOPNOTSUPP);
		return -1;
	}
	return write_zeros(count, offset) ? -1 : changed(flags);
}

static uint32_t extent_type(const struct vvhd_extent *extent)
{
	if (extent->kind == VVHD_EXTENT_DATA) {
		return 0;
	}
	return extent->allocated ? NBDKIT_EXTENT_ZERO : NBDKIT_EXTENT_ZERO | NBDKIT_EXTENT_HOLE;
}

static int plugin_extents(void *handle, uint32_t count, uint64_t offset, uint32_t flags,
			  struct nbdkit_extents *extents)
{
	uint64_t end = offset + count;
	unsigned most = flags & NBDKIT_FLAG_REQ_ONE ? 1 : EXTENTS_MAX;
	(void)handle;
	for (unsigned i = 0; i < most && offset < end; i++) {
		struct vvhd_extent extent;
		struct vvhd_why why = {0};
		if (vvhd_get_extent(image, offset, end - offset, &extent, &why)) {
			return fail(&why);
		}
		if (nbdkit_add_extent(extents, offset, extent.length, extent_type(&extent)) == -1) {
			return -1;
		}
		offset += extent.length;
	}
	return 0;
}

static struct nbdkit_plugin plugin = {
	.name = "verdivhd",
	.longname = "VHD images of Virtual PC, Hyper-V, Azure and XenServer",
	.version = "1.0.0",
	.description = "Serves fixed, dynamic and differencing VHD images, with their parents.",
	.unload = plugin_unload,
	.dump_plugin = plugin_dump,
	.config = settings_set,
	.config_complete = settings_complete,
	.config_help = SETTINGS_HELP,
	.magic_config_key = "file",
	.get_ready = plugin_get_ready,
	.open = plugin_open,
	.get_size = plugin_get_size,
	.block_size = plugin_block_size,
	.export_description = plugin_export_description,
	.can_write = plugin_can_write,
	.can_flush = plugin_can_write,
	.can_trim = plugin_can_write,
	.can_zero = plugin_can_write,
	.can_fast_zero = plugin_can_write,
	.can_fua = plugin_can_fua,
	.can_multi_conn = plugin_yes,
	.can_extents = plugin_yes,
	.can_cache = plugin_can_cache,
	.pread = plugin_pread,
	.pwrite = plugin_pwrite,
	.flush = plugin_flush,
	.trim = plugin_trim,
	.zero = plugin_zero,
	.extents = plugin_extents,
};

struct nbdkit_plugin *plugin_init(void);
NBDKIT_REGISTER_PLUGIN(plugin)
