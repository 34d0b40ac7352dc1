/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A guest's last words: HV_X64_MSR_CRASH_P0 to P4 and CTL.
 *
 * What a notification brings is kept in the partition's crash record and said on the console, line by line. The text
 * is the guest's: bytes that are not printable are shown as '?', and where its pages are no memory it ends.
 *
 * Lock: partition->lock, also while printing, so that two VPs that crash at once do not mix their lines. Nothing but
 * these registers and the guest id waits for it.
 * SPEC: TLFS 6.0b, "Guest Crash Enlightenment".
 */
#include "abi/hv_crash.h"
#include "core/hv.h"
#include "core/msr/msr_priv.h"
#include "core/overlay.h"
#include "core/partition.h"
#include "core/vp.h"
#include "lib/string.h"

/* Console lines of a crash text are broken here. */
#define CRASH_LINE_SIZE 160
#define CRASH_TAB '\t'

#define CRASH_MESSAGE_ADDRESS 3 /* index of the parameters */
#define CRASH_MESSAGE_LENGTH 4

enum msr_result msr_read_crash_parameter(struct msr_access *access)
{
	struct partition *partition = access->vp->partition;

	lock_acquire(&partition->lock);
	access->value = partition->crash.parameter[access->index];
	lock_release(&partition->lock);
	return MSR_DONE;
}

enum msr_result msr_write_crash_parameter(struct msr_access *access)
{
	struct partition *partition = access->vp->partition;

	lock_acquire(&partition->lock);
	partition->crash.parameter[access->index] = access->value;
	lock_release(&partition->lock);
	return MSR_DONE;
}

/* What can be done with a crash: tell of it, with a text. */
enum msr_result msr_read_crash_ctl(struct msr_access *access)
{
	access->value = HV_CRASH_CTL_NOTIFY | HV_CRASH_CTL_MESSAGE;
	return MSR_DONE;
}

/* Copies the text as far as there is memory. Returns its length. */
static uint32_t text_copy(struct partition *partition, uint64_t address, uint32_t size)
{
	char *text = partition->crash.text;
	uint32_t done = 0;

	while (done < size) {
		gpa_t from = gpa(address + done);
		uint32_t left_in_page = PAGE_SIZE - gpa_page_offset(from);
		uint32_t part = left_in_page < size - done ? left_in_page : size - done;
		const char *page = overlay_guest_page(partition, gpn_of(from), false);

		if (page == NULL) {
			break;
		}
		memcpy(text + done, page + gpa_page_offset(from), part);
		done += part;
	}
	return done;
}

static void text_take(struct partition *partition)
{
	struct crash_record *crash = &partition->crash;
	uint64_t length = crash->parameter[CRASH_MESSAGE_LENGTH];
	uint32_t size = length < PARTITION_CRASH_TEXT_SIZE ? (uint32_t)length : PARTITION_CRASH_TEXT_SIZE;

	crash->text_size = text_copy(partition, crash->parameter[CRASH_MESSAGE_ADDRESS], size);
}

static bool is_shown(char character)
{
	return (character >= ' ' && character <= '~') || character == CRASH_TAB;
}

/* Prints one line and returns how much of the text it used. The record itself keeps what the guest wrote. */
static uint32_t line_print(struct hv *hv, const char *text, uint32_t size)
{
	char line[CRASH_LINE_SIZE];
	uint32_t length = 0;

	while (length < size && length < sizeof(line) && text[length] != '\n') {
		line[length] = is_shown(text[length]) ? text[length] : '?';
		length++;
	}
	hv_log(hv, "guest crash: %.*s", (int)length, line);
	return length < size && text[length] == '\n' ? length + 1 : length;
}

static void crash_print(struct partition *partition)
{
	const struct crash_record *crash = &partition->crash;
	const uint64_t *p = crash->parameter;

	hv_log(partition->hv, "guest crash: P0 %llx P1 %llx P2 %llx P3 %llx P4 %llx CTL %llx",
	       (unsigned long long)p[0], (unsigned long long)p[1], (unsigned long long)p[2],
	       (unsigned long long)p[3], (unsigned long long)p[4], (unsigned long long)crash->control);
	for (uint32_t at = 0; at < crash->text_size;) {
		at += line_print(partition->hv, crash->text + at, crash->text_size - at);
	}
}

/* Without CrashNotify nothing is reported; the other bits only say what the report contains. */
enum msr_result msr_write_crash_ctl(struct msr_access *access)
{
	struct partition *partition = access->vp->partition;

	if ((access->value & HV_CRASH_CTL_NOTIFY) == 0) {
		return MSR_DONE;
	}
	lock_acquire(&partition->lock);
	partition->crash.control = access->value;
	partition->crash.text_size = 0;
	if ((access->value & HV_CRASH_CTL_MESSAGE) != 0) {
		text_take(partition);
	}
	crash_print(partition);
	lock_release(&partition->lock);
	return MSR_DONE;
}
