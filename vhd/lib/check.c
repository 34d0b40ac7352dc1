/* SPDX-License-Identifier: MIT */
/* vvhd_check: the order of looking, the findings, and how they are handed out. See check.h. */
#include "vhd/lib/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned vv_found_count(const struct vv_check *check, const char *name)
{
	unsigned count = 0;

	for (unsigned i = 0; i < check->finding_count; i++) {
		count += strcmp(check->findings[i].name, name) == 0;
	}
	return count;
}

void vv_found(struct vv_check *check, const struct vv_kind *kind, uint64_t offset, const char *format, ...)
{
	va_list arguments;

	check->wanted[kind->fix] = true;
	if (check->finding_count == VV_FINDINGS_MAX) {
		return;
	}
	struct vv_stored_finding *finding = &check->findings[check->finding_count++];

	finding->severity = kind->severity;
	finding->fix = kind->fix;
	finding->name = kind->name;
	finding->offset = offset;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
}

int vv_check_read(struct vv_check *check, void *buffer, size_t length, uint64_t offset, const char *what,
		  struct vvhd_why *why)
{
	int result = check->storage->ops->read(check->storage, buffer, length, offset);

	return result == 0 ? 0
			   : vv_fail_system(why, result, offset, "%s: cannot read the %s (%zu bytes at %llu)",
					    check->path, what, length, (unsigned long long)offset);
}

int vv_check_write(struct vv_check *check, const void *buffer, size_t length, uint64_t offset,
		   const char *what, struct vvhd_why *why)
{
	int result = check->storage->ops->write(check->storage, buffer, length, offset);

	return result == 0 ? 0
			   : vv_fail_system(why, result, offset,
					    "%s: cannot write the %s (%zu bytes at %llu); check again",
					    check->path, what, length, (unsigned long long)offset);
}

int vv_check_flush(struct vv_check *check, struct vvhd_why *why)
{
	int result = check->storage->ops->flush(check->storage);

	return result == 0 ? 0
			   : vv_fail_system(why, result, VV_NO_OFFSET,
					    "%s: cannot make lasting what has been repaired; check again",
					    check->path);
}

int vv_check_progress(struct vv_check *check, uint64_t done, uint64_t total, struct vvhd_why *why)
{
	const struct vvhd_progress *progress = check->options->progress;

	if (progress == NULL || progress->report(progress->self, done, total)) {
		return 0;
	}
	return vv_fail(why, VVHD_E_CANCELLED, VV_NO_OFFSET, "%s: the check was cancelled", check->path);
}

/* --- Handing out ---------------------------------------------------------------------------------------------------- */

/* What repair would do, for those who only look. */
static const char *promise(const struct vv_check *check, enum vv_fix fix)
{
	static const char *const promises[VV_FIX_COUNT] = {
		[VV_FIX_NONE] = "",
		[VV_FIX_HEADER] = "; repair writes the header anew",
		[VV_FIX_ENTRIES] = "; only a lossy repair drops the table's entry, and the data with it",
		[VV_FIX_BATMAP] = "; repair clears what is doubtful in the batmap",
		[VV_FIX_END] = "; repair writes the footer at the end anew",
		[VV_FIX_FRONT] = "; repair writes the copy at 0 anew",
	};

	return (check->options->flags & VVHD_CHECK_REPAIR) != 0 || !vv_can_repair(check, fix) ? ""
											      : promises[fix];
}

static void hand_out(const struct vv_check *check, struct vvhd_check_result *result)
{
	const struct vvhd_check_options *options = check->options;

	for (unsigned i = 0; i < check->finding_count; i++) {
		const struct vv_stored_finding *stored = &check->findings[i];
		char text[sizeof(stored->text) + 128];
		const struct vvhd_finding finding = {.severity = stored->severity,
						     .name = stored->name,
						     .offset = stored->offset,
						     .repaired = check->repaired[stored->fix],
						     .text = text};

		snprintf(text, sizeof(text), "%s%s", stored->text, promise(check, stored->fix));
		result->notes += finding.severity == VVHD_NOTE;
		result->warnings += finding.severity == VVHD_WARNING;
		result->errors += finding.severity == VVHD_ERROR;
		result->repaired += finding.repaired;
		if (options->found != NULL) {
			options->found(options->self, &finding);
		}
	}
}

/* --- The check ---------------------------------------------------------------------------------------------------------- */

static int look(struct vv_check *check, struct vvhd_why *why)
{
	static int (*const steps[])(struct vv_check *, struct vvhd_why *) = {
		vv_check_footers, vv_check_header, vv_check_locators, vv_check_bat,
		vv_check_batmap,  vv_check_blocks, vv_check_bitmaps,
	};
	int error = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && error == 0 && !check->unusable; i++) {
		error = steps[i](check, why);
	}
	return error;
}

static int look_and_repair(struct vv_check *check, struct vvhd_why *why)
{
	int result = check->storage->ops->size(check->storage, &check->file_size);

	if (result != 0) {
		return vv_fail_system(why, result, VV_NO_OFFSET, "%s: cannot tell the file's size",
				      check->path);
	}
	int error = look(check, why);

	if (error == 0 && (check->options->flags & VVHD_CHECK_REPAIR) != 0) {
		error = vv_repair(check, why);
	}
	return error;
}

/* Whether it opens, is best asked of opening. */
static bool is_usable(const struct vv_check *check)
{
	const struct vvhd_open_options options = {.flags = VVHD_WITHOUT_PARENT,
						  .files = check->options->files};
	struct vvhd *image;

	if (vvhd_open(check->path, VVHD_FORMAT_VHD, &options, &image, NULL) != 0) {
		return false;
	}
	vvhd_close(image, NULL);
	return true;
}

static int run_check(struct vv_check *check, struct vvhd_check_result *result, struct vvhd_why *why)
{
	const unsigned both = VVHD_CHECK_REPAIR | VVHD_CHECK_DRY_RUN;
	const bool writes = (check->options->flags & both) == VVHD_CHECK_REPAIR;
	const struct vvhd_files *files =
		check->options->files != NULL ? check->options->files : vvhd_files_system();
	int opened = files->open(files->self, check->path, writes ? VVHD_STORAGE_WRITE : 0, &check->storage);

	if (opened != 0) {
		return vv_fail_open(check->path, opened, why);
	}
	int error = look_and_repair(check, why);

	check->storage->ops->close(check->storage);
	free(check->bat);
	free(check->map);
	/* What was found before an error is told, too. */
	hand_out(check, result);
	result->usable = error == 0 && is_usable(check);
	return error;
}

int vvhd_check(const char *path, const struct vvhd_check_options *options, struct vvhd_check_result *result,
	       struct vvhd_why *why)
{
	static const struct vvhd_check_options none;
	struct vvhd_check_result unwanted;
	struct vv_check *check = calloc(1, sizeof(*check));

	if (check == NULL) {
		return vv_fail_memory(why);
	}
	if (result == NULL) {
		result = &unwanted;
	}
	memset(result, 0, sizeof(*result));
	check->path = path;
	check->options = options != NULL ? options : &none;
	int error = run_check(check, result, why);

	free(check);
	return error;
}
