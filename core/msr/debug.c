/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The synthetic debug device: a door to the partition's debug channel that needs no hypercalls.
 *
 * A guest names pages, writes CONTROL, and finds in STATUS how it went; all is done when the write returns. Every value
 * is taken and reads back as it was written; what cannot be done is no success, never a fault. The registers are the
 * partition's: VPs that use the device at the same time see each other's status, and lose nothing else by it.
 *
 * Guest memory is looked up before the channel's lock is taken. A buffer may be an overlay, whose frame stays.
 *
 * Sources: numbers from TLFS 5.0C, fields from Linux's KVM and QEMU. CHOICE: docs/decisions/0026-debug-device.md.
 */
#include "abi/hv_debug_device.h"
#include "core/msr/msr_priv.h"
#include "core/overlay.h"
#include "core/partition.h"
#include "core/vp.h"

#include <stddef.h>

/* --- Buffers -------------------------------------------------------------------------------------------------- */

/* A piece of guest memory, up to the end of its page. */
struct buffer {
	uint8_t *bytes; /* NULL: there is none */
	uint32_t size;
};

static struct buffer buffer_of(struct partition *partition, unsigned word, bool write)
{
	gpa_t address = gpa(partition->debug_device.word[word]);
	uint32_t offset = gpa_page_offset(address);
	uint8_t *page = address.value != 0 ? overlay_guest_page(partition, gpn_of(address), write) : NULL;

	return page != NULL ? (struct buffer){page + offset, PAGE_SIZE - offset} : (struct buffer){NULL, 0};
}

/* --- What CONTROL makes it do --------------------------------------------------------------------------------- */

static uint32_t size_of(uint64_t control)
{
	return (uint32_t)(control & HV_SYNTH_DEBUG_CONTROL_SIZE_MASK) >> HV_SYNTH_DEBUG_CONTROL_SIZE_SHIFT;
}

static uint64_t send(struct partition *partition, uint32_t size)
{
	struct buffer from = buffer_of(partition, DEBUG_WORD_SEND, false);
	uint32_t pending;

	if (from.bytes == NULL || size > from.size ||
	    debug_post(partition, from.bytes, size, &pending) != HV_STATUS_SUCCESS) {
		return 0;
	}
	return HV_SYNTH_DEBUG_STATUS_SEND_SUCCESS;
}

static uint64_t receive(struct partition *partition)
{
	struct buffer to = buffer_of(partition, DEBUG_WORD_RECEIVE, true);
	uint32_t received, remaining;

	if (to.bytes == NULL ||
	    debug_retrieve(partition, false, to.bytes, to.size, &received, &remaining) != HV_STATUS_SUCCESS) {
		return 0;
	}
	return HV_SYNTH_DEBUG_STATUS_RECEIVE_SUCCESS | (uint64_t)received << HV_SYNTH_DEBUG_STATUS_SIZE_SHIFT;
}

/* --- The registers -------------------------------------------------------------------------------------------- */

enum msr_result msr_read_debug_control(struct msr_access *access)
{
	access->value = access->vp->partition->debug_device.control;
	return MSR_DONE;
}

enum msr_result msr_write_debug_control(struct msr_access *access)
{
	struct partition *partition = access->vp->partition;
	uint64_t control = access->value, status = 0;

	partition->debug_device.control = control;
	if ((control & HV_SYNTH_DEBUG_CONTROL_SEND) != 0) {
		status |= send(partition, size_of(control));
	}
	if ((control & HV_SYNTH_DEBUG_CONTROL_RECEIVE) != 0) {
		status |= receive(partition);
	}
	partition->debug_device.status = status;
	return MSR_DONE;
}

enum msr_result msr_read_debug_status(struct msr_access *access)
{
	access->value = access->vp->partition->debug_device.status;
	return MSR_DONE;
}

/* SEND_BUFFER, RECEIVE_BUFFER, SYNDBG_OPTIONS: looked at when CONTROL is written, or never. */
enum msr_result msr_read_debug_word(struct msr_access *access)
{
	access->value = access->vp->partition->debug_device.word[access->index];
	return MSR_DONE;
}

enum msr_result msr_write_debug_word(struct msr_access *access)
{
	access->vp->partition->debug_device.word[access->index] = access->value;
	return MSR_DONE;
}

enum msr_result msr_read_debug_pending(struct msr_access *access)
{
	access->value = access->vp->partition->debug.pending;
	return MSR_DONE;
}

enum msr_result msr_write_debug_pending(struct msr_access *access)
{
	debug_pending_place(access->vp->partition, access->value);
	return MSR_DONE;
}
