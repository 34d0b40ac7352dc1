/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Ways to reset a PC, from the one the firmware names to the one that always works.
 */
#include "core/machine.h"
#include "x86/cpu/instructions.h"
#include "x86/machine_x86.h"

#include <stdint.h>

#define PORT_RESET_CONTROL 0xcf9
#define PORT_KEYBOARD 0x64
#define KEYBOARD_RESET 0xfe
#define PAUSE_READS 100000

static void give_it_time(void)
{
	for (unsigned i = 0; i < PAUSE_READS; i++) {
		cpu_in8(0x80);
	}
}

_Noreturn void machine_x86_reset(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_table = {0, 0};

	if (machine.acpi.reset_port_valid) {
		cpu_out8(machine.acpi.reset_port, machine.acpi.reset_value);
		give_it_time();
	}
	cpu_out8(PORT_RESET_CONTROL, 0x02);
	cpu_out8(PORT_RESET_CONTROL, 0x06);
	give_it_time();
	cpu_out8(PORT_KEYBOARD, KEYBOARD_RESET);
	give_it_time();
	__asm__ volatile("lidt %0; ud2" : : "m"(no_table));
	cpu_stop();
}

void machine_reset(struct hv *hv)
{
	(void)hv;
	machine_x86_reset();
}
