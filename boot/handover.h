/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the loader handed over, copied out of the loader's memory before anything is overwritten.
 */
#pragma once

#include "x86/mm/memory_map.h"

#include <stdbool.h>
#include <stdint.h>

#define HANDOVER_TEXT_SIZE 4096 /* longer command lines are refused */

struct handover_module {
	uint64_t base, size; /* physical, bytes; size 0: no such module */
};

struct handover {
	struct handover_module kernel, initrd;
	char options[HANDOVER_TEXT_SIZE];      /* the hypervisor's own */
	char command_line[HANDOVER_TEXT_SIZE]; /* root's: the kernel module's string behind its first word */
};

/* Reads the information structure at `physical`; fills machine.firmware_memory too. Stops the machine when it is of no
 * use. */
void handover_read(struct handover *handover, uint32_t physical);

/* The value of `name=value` among space-separated options, copied to `value`; false when it is not there. */
bool handover_option(const char *options, const char *name, char *value, unsigned size);
/* The name of the option with this number, counted from 0 among the words that have a "="; false behind the last. */
bool handover_option_name(const char *options, unsigned number, char *name, unsigned size);
