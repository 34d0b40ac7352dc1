/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Address spaces and their cached translations: 0x0001 to 0x0003, 0x0013, 0x0014.
 *
 * A flush drops every guest-virtual translation of the VPs that it names, whatever address space and ranges it asks
 * for: more than was asked for is always right, and on the machines beneath a finer flush costs more than it saves. So
 * ranges need no judging: those beyond the address space are "silently ignored" by being flushed with the rest.
 *
 * VPs that do not exist are no error. CHOICE: the specification is silent, and sets of masks for 64 VPs are common.
 * SPEC: TLFS 6.0b, "Virtual MMU Interfaces".
 */
#include "abi/hv_cpuid.h"
#include "core/call/call_priv.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/vp.h"
#include "lib/vpset.h"

/* EFER.LMA: long mode is active, CR3 has 64 bits. */
#define EFER_LMA (UINT64_C(1) << 10)

#define FLUSH_SPACE_FLAGS                                                                                    \
	(HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES | HV_FLUSH_NON_GLOBAL_MAPPINGS_ONLY)
#define FLUSH_LIST_FLAGS (HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES)
#define RANGES_PRIVILEGE HV_PRIVILEGE_ENABLE_EXTENDED_GVA_RANGES_FOR_FLUSH_VA_LIST

/* Are all bits beyond the physical address width clear? Bits 11:0 mean different things in different modes, all legal. */
static bool address_space_is_legal(const struct call *call, uint64_t address_space)
{
	return address_space >> machine_gpa_bits(call->vp->partition) == 0;
}

/* The other form of ranges is as easily flushed; but who is not offered it does not know what the flag says. */
static uint64_t list_flags(const struct call *call)
{
	const struct partition *partition = call->vp->partition;

	if (partition_has(partition, RANGES_PRIVILEGE) &&
	    partition_offers(partition, HV_CPUID_EXTENDED_GVA_RANGES)) {
		return FLUSH_LIST_FLAGS | HV_FLUSH_USE_EXTENDED_RANGE_FORMAT;
	}
	return FLUSH_LIST_FLAGS;
}

static enum hv_status flush_check(const struct call *call, uint64_t address_space, uint64_t flags,
				  uint64_t known)
{
	if ((flags & ~known) != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	if ((flags & HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES) == 0 &&
	    !address_space_is_legal(call, address_space)) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return HV_STATUS_SUCCESS;
}

/* The targets of the calls that name up to 64 VPs. An empty mask is an error, one of VPs that do not exist is not. */
static enum hv_status mask_targets(const struct call *call, uint64_t flags, uint64_t mask,
				   struct vpset *targets)
{
	vpset_init(targets, call->vp->partition->vp_count);
	if ((flags & HV_FLUSH_ALL_PROCESSORS) != 0) {
		vpset_add_all(targets);
		return HV_STATUS_SUCCESS;
	}
	vpset_add_bank(targets, 0, mask);
	return mask != 0 ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER;
}

/* The targets of the calls with a set. GUEST: Linux passes sets whose words are all zero; nothing is flushed then. */
static enum hv_status set_targets(const struct call *call, uint64_t flags, const struct hv_vp_set *set,
				  struct vpset *targets)
{
	vpset_init(targets, call->vp->partition->vp_count);
	if ((flags & HV_FLUSH_ALL_PROCESSORS) != 0) {
		vpset_add_all(targets);
		return HV_STATUS_SUCCESS;
	}
	return vpset_decode(targets, set->format, set->valid_banks_mask, call->variable, call->variable_count)
		       ? HV_STATUS_SUCCESS
		       : HV_STATUS_INVALID_PARAMETER;
}

static enum hv_status flush(const struct call *call, const struct vpset *targets)
{
	if (!vpset_is_empty(targets)) {
		machine_tlb_flush(call->vp, targets);
	}
	return HV_STATUS_SUCCESS;
}

/* One flush serves all ranges. */
static enum hv_status flush_list(struct call *call, const struct vpset *targets)
{
	call->reps_done = call->rep_count;
	return flush(call, targets);
}

enum hv_status hvcall_switch_virtual_address_space(struct call *call,
						   const struct hv_input_switch_virtual_address_space *input)
{
	uint64_t efer = machine_register_get(call->vp, HV_X64_REGISTER_EFER);

	if (!address_space_is_legal(call, input->address_space)) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	/* Does it fit the register? Outside long mode that has 32 bits. */
	if ((efer & EFER_LMA) == 0 && input->address_space > UINT32_MAX) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	machine_register_set(call->vp, HV_X64_REGISTER_CR3, input->address_space);
	return HV_STATUS_SUCCESS;
}

enum hv_status hvcall_flush_virtual_address_space(struct call *call,
						  const struct hv_input_flush_virtual_address_space *input)
{
	struct vpset targets;
	enum hv_status status = flush_check(call, input->address_space, input->flags, FLUSH_SPACE_FLAGS);

	if (status == HV_STATUS_SUCCESS) {
		status = mask_targets(call, input->flags, input->processor_mask, &targets);
	}
	return status == HV_STATUS_SUCCESS ? flush(call, &targets) : status;
}

enum hv_status
hvcall_flush_virtual_address_space_ex(struct call *call,
				      const struct hv_input_flush_virtual_address_space_ex *input)
{
	struct vpset targets;
	enum hv_status status = flush_check(call, input->address_space, input->flags, FLUSH_SPACE_FLAGS);

	if (status == HV_STATUS_SUCCESS) {
		status = set_targets(call, input->flags, &input->processor_set, &targets);
	}
	return status == HV_STATUS_SUCCESS ? flush(call, &targets) : status;
}

enum hv_status hvcall_flush_virtual_address_list(struct call *call,
						 const struct hv_input_flush_virtual_address_list *input,
						 const struct hv_gva_range *list)
{
	struct vpset targets;
	enum hv_status status = flush_check(call, input->address_space, input->flags, list_flags(call));

	(void)list;
	if (status == HV_STATUS_SUCCESS) {
		status = mask_targets(call, input->flags, input->processor_mask, &targets);
	}
	return status == HV_STATUS_SUCCESS ? flush_list(call, &targets) : status;
}

enum hv_status
hvcall_flush_virtual_address_list_ex(struct call *call,
				     const struct hv_input_flush_virtual_address_list_ex *input,
				     const struct hv_gva_range *list)
{
	struct vpset targets;
	enum hv_status status = flush_check(call, input->address_space, input->flags, list_flags(call));

	(void)list;
	if (status == HV_STATUS_SUCCESS) {
		status = set_targets(call, input->flags, &input->processor_set, &targets);
	}
	return status == HV_STATUS_SUCCESS ? flush_list(call, &targets) : status;
}
