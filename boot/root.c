/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which kind of kernel root is, and moving modules out of its way.
 */
#include "boot/root.h"

#include "core/addr.h"
#include "x86/machine_x86.h"
#include "x86/mm/memory_map.h"
#include "x86/mm/pool.h"
#include "x86/panic.h"
#include "lib/string.h"

#include <stdint.h>

uint64_t root_move_module(const struct handover_module *module, uint64_t limit, const struct memory_map *keep)
{
	uint64_t to = memory_map_find_top(&machine.root_memory, module->size, PAGE_SIZE, limit, keep);

	if (to == 0) {
		panic_stop(
			"too little memory: no room for root's initrd of %lu KiB; give the machine more RAM",
			module->size >> 10);
	}
	memmove(direct_pointer(to), direct_pointer(module->base), module->size);
	return to;
}

struct root_entry root_load(const struct handover *handover)
{
	if (handover->kernel.size == 0) {
		panic_stop("no kernel for root: module 0 is missing; give one, e.g. QEMU -initrd KERNEL");
	}
	if (!memory_map_usable(&machine.root_memory, ROOT_INFO_BASE, ROOT_INFO_SIZE)) {
		panic_stop("no free memory at 0x%lx, where root's boot information goes", ROOT_INFO_BASE);
	}
	if (root_is_linux(&handover->kernel)) {
		return root_load_linux(handover);
	}
	if (root_is_elf(&handover->kernel)) {
		return root_load_elf(handover);
	}
	panic_stop(
		"module 0 is no kernel that Verdigris knows: neither a Linux bzImage nor an ELF file with a "
		"multiboot 1 header or a PVH note");
}
