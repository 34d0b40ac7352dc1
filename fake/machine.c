/* SPDX-License-Identifier: MPL-2.0 */
/* The rest of core/machine.h in plain C: registers, time, other processors, devices, console. */
#include "core/machine.h"

#include "core/partition.h"
#include "fake/fake.h"
#include "lib/vpset.h"

#include <stdlib.h>
#include <string.h>

static struct fake *fake_of_vp(const struct vp *vp)
{
	return vp->partition->hv->machine;
}

struct fake_vp *fake_vp_machine(struct vp *vp)
{
	return vp->machine;
}

/* --- Registers ------------------------------------------------------------------------------------------------ */

static struct fake_register *register_find(struct fake_vp *machine, enum hv_register_name name)
{
	for (unsigned i = 0; i < machine->register_count; i++) {
		if (machine->registers[i].name == name) {
			return &machine->registers[i];
		}
	}
	return NULL;
}

/* A register that nobody has written reads zero. */
uint64_t machine_register_get(struct vp *vp, enum hv_register_name name)
{
	struct fake_register *found = register_find(fake_vp_machine(vp), name);

	return found != NULL ? found->value : 0;
}

void fake_register_set(struct vp *vp, enum hv_register_name name, uint64_t value)
{
	struct fake_vp *machine = fake_vp_machine(vp);
	struct fake_register *found = register_find(machine, name);

	if (found == NULL) {
		if (machine->register_count == FAKE_REGISTERS_MAX) {
			abort();
		}
		found = &machine->registers[machine->register_count++];
		found->name = name;
	}
	found->value = value;
}

void machine_register_set(struct vp *vp, enum hv_register_name name, uint64_t value)
{
	fake_register_set(vp, name, value);
	fake_record(fake_of_vp(vp), FAKE_REGISTER_SET, vp, name, value);
}

uint64_t machine_segment_base(struct vp *vp, enum hv_register_name name)
{
	const struct fake_vp *machine = fake_vp_machine(vp);

	for (unsigned i = 0; i < machine->segment_count; i++) {
		if (machine->segment_bases[i].name == name) {
			return machine->segment_bases[i].value;
		}
	}
	return 0;
}

void fake_segment_base_set(struct vp *vp, enum hv_register_name name, uint64_t base)
{
	struct fake_vp *machine = fake_vp_machine(vp);
	unsigned i = 0;

	while (i < machine->segment_count && machine->segment_bases[i].name != name) {
		i++;
	}
	if (i == FAKE_SEGMENTS_MAX) {
		abort();
	}
	machine->segment_count += i == machine->segment_count;
	machine->segment_bases[i] = (struct fake_register){.name = name, .value = base};
}

void machine_segment_set(struct vp *vp, enum hv_register_name name, uint64_t base, uint64_t rest)
{
	fake_register_set(vp, name, rest);
	fake_segment_base_set(vp, name, base);
	fake_record(fake_of_vp(vp), FAKE_SEGMENT_SET, vp, name, base);
}

/* The image's first 160 bytes are control, status and ST0 to ST7; then come XMM0 to XMM15. */
void machine_fpu_get(struct vp *vp, void *image)
{
	const struct fake_vp *machine = fake_vp_machine(vp);

	memset(image, 0, MACHINE_FPU_SIZE);
	memcpy(image, machine->x87, sizeof(machine->x87));
	memcpy((uint8_t *)image + sizeof(machine->x87), machine->xmm, sizeof(machine->xmm));
}

void machine_fpu_set(struct vp *vp, const void *image)
{
	struct fake_vp *machine = fake_vp_machine(vp);

	memcpy(machine->x87, image, sizeof(machine->x87));
	memcpy(machine->xmm, (const uint8_t *)image + sizeof(machine->x87), sizeof(machine->xmm));
	fake_record(fake_of_vp(vp), FAKE_FPU_SET, vp, 0, 0);
}

void machine_npiep_set(struct vp *vp, uint64_t prevented)
{
	fake_record(fake_of_vp(vp), FAKE_NPIEP_SET, vp, prevented, 0);
}

void fake_xmm_set(struct vp *vp, unsigned index, const void *value)
{
	memcpy(fake_vp_machine(vp)->xmm[index], value, 16);
}

void machine_xmm_get(struct vp *vp, unsigned count, void *out)
{
	if (count > FAKE_XMM_FAST) {
		abort();
	}
	memcpy(out, fake_vp_machine(vp)->xmm, 16 * (size_t)count);
}

void machine_xmm_set(struct vp *vp, unsigned count, const void *in)
{
	if (count > FAKE_XMM_FAST) {
		abort();
	}
	memcpy(fake_vp_machine(vp)->xmm, in, 16 * (size_t)count);
	fake_record(fake_of_vp(vp), FAKE_XMM_SET, vp, count, 0);
}

/* --- Time ----------------------------------------------------------------------------------------------------- */

uint64_t machine_tsc(struct hv *hv)
{
	struct fake *fake = hv->machine;

	return atomic_fetch_add(&fake->tsc, fake->tsc_step);
}

void machine_deadline_set(struct vp *vp, uint64_t tsc)
{
	fake_vp_machine(vp)->deadline = tsc;
	fake_record(fake_of_vp(vp), FAKE_DEADLINE_SET, vp, tsc, 0);
}

/* --- Other processors ----------------------------------------------------------------------------------------- */

void machine_tlb_flush(struct vp *caller, const struct vpset *targets)
{
	struct fake *fake = fake_of_vp(caller);
	uint64_t mask = 0;

	for (uint32_t i = 0; i < fake->vp_count; i++) {
		if (vpset_has(targets, i)) {
			fake->vps[i].tlb_flush_count++;
			mask |= i < 64 ? UINT64_C(1) << i : 0;
		}
	}
	fake_record(fake, FAKE_TLB_FLUSH, caller, mask, 0);
}

void machine_vp_kick(struct vp *vp)
{
	fake_vp_machine(vp)->kick_count++;
	fake_record(fake_of_vp(vp), FAKE_KICK, vp, 0, 0);
}

void machine_vp_init_state(struct vp *vp)
{
	memset(vp->gpr, 0, sizeof(vp->gpr));
	fake_record(fake_of_vp(vp), FAKE_INIT_STATE, vp, 0, 0);
}

void machine_vp_sipi_state(struct vp *vp, uint8_t vector)
{
	fake_record(fake_of_vp(vp), FAKE_SIPI_STATE, vp, vector, 0);
}

/* --- Devices -------------------------------------------------------------------------------------------------- */

void machine_level_eoi(struct vp *vp, uint8_t vector)
{
	fake_record(fake_of_vp(vp), FAKE_LEVEL_EOI, vp, vector, 0);
}

void machine_logical_id_set(struct vp *vp, uint32_t ldr, uint32_t dfr)
{
	fake_record(fake_of_vp(vp), FAKE_LOGICAL_ID_SET, vp, ldr, dfr);
}

void machine_legacy_interrupts_set(struct vp *vp, bool accepted)
{
	fake_record(fake_of_vp(vp), FAKE_LEGACY_SET, vp, accepted, 0);
}

void machine_exits_measure(struct vp *vp, bool measured)
{
	fake_record(fake_of_vp(vp), FAKE_EXITS_MEASURE, vp, measured, 0);
}

/* --- The processor beneath ------------------------------------------------------------------------------------ */

void fake_cpuid_set(struct fake *fake, uint32_t leaf, uint32_t subleaf, struct cpuid_result result)
{
	unsigned i = 0;

	while (i < fake->cpuid_count && (fake->cpuid[i].leaf != leaf || fake->cpuid[i].subleaf != subleaf)) {
		i++;
	}
	if (i == FAKE_CPUID_MAX) {
		abort();
	}
	if (i == fake->cpuid_count) {
		fake->cpuid_count++;
	}
	fake->cpuid[i] = (struct fake_cpuid){.leaf = leaf, .subleaf = subleaf, .result = result};
}

/* Leaves that no test has set are zero. */
struct cpuid_result machine_cpuid(struct vp *vp, uint32_t leaf, uint32_t subleaf)
{
	const struct fake *fake = fake_of_vp(vp);

	for (unsigned i = 0; i < fake->cpuid_count; i++) {
		if (fake->cpuid[i].leaf == leaf && fake->cpuid[i].subleaf == subleaf) {
			return fake->cpuid[i].result;
		}
	}
	return (struct cpuid_result){0};
}

void fake_msr_set(struct fake *fake, uint32_t number, uint64_t value)
{
	unsigned i = 0;

	while (i < fake->msr_count && fake->msrs[i].number != number) {
		i++;
	}
	if (i == FAKE_MSR_MAX) {
		abort();
	}
	if (i == fake->msr_count) {
		fake->msr_count++;
	}
	fake->msrs[i] = (struct fake_msr){.number = number, .value = value};
}

uint64_t machine_msr_read(struct vp *vp, uint32_t number)
{
	const struct fake *fake = fake_of_vp(vp);

	for (unsigned i = 0; i < fake->msr_count; i++) {
		if (fake->msrs[i].number == number) {
			return fake->msrs[i].value;
		}
	}
	return 0;
}

bool machine_msr_write(struct vp *vp, uint32_t number, uint64_t value)
{
	struct fake *fake = fake_of_vp(vp);

	if (fake->msrs_refused) {
		return false;
	}
	fake_msr_set(fake, number, value);
	fake_record(fake, FAKE_MSR_WRITE, vp, number, value);
	return true;
}

/* VMMCALL; RET. */
size_t machine_hypercall_code(uint8_t code[16])
{
	static const uint8_t bytes[] = {0x0f, 0x01, 0xd9, 0xc3};

	memcpy(code, bytes, sizeof(bytes));
	return sizeof(bytes);
}

void machine_reset(struct hv *hv)
{
	fake_record(hv->machine, FAKE_RESET, NULL, 0, 0);
}

void machine_console_write(struct hv *hv, const char *text, size_t size)
{
	struct fake *fake = hv->machine;

	lock_acquire(&fake->lock);
	size_t space = FAKE_CONSOLE_SIZE - 1 - fake->console_size;
	size_t stored = size < space ? size : space;

	memcpy(fake->console + fake->console_size, text, stored);
	fake->console_size += stored;
	fake->console[fake->console_size] = '\0';
	lock_release(&fake->lock);
	fake_record(fake, FAKE_CONSOLE_WRITE, NULL, size, 0);
}
