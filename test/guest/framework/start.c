/* SPDX-License-Identifier: MIT */
/* From the assembly entry to the test. See start.h. */
#include "start.h"

#include "apic.h"
#include "clock.h"
#include "cpu.h"
#include "print.h"
#include "tap.h"

#define PIC1_DATA 0x21
#define PIC2_DATA 0xA1

static void boot_start(void)
{
	print_init();
	cpu_init(0);
	tap_begin();
	/* Nothing may come through the old interrupt controllers: their vectors are those of exceptions. */
	outb(PIC1_DATA, 0xFF);
	outb(PIC2_DATA, 0xFF);
	apic_init();
	clock_init();
	test_main();
	tap_end();
}

void cpu_start(unsigned index)
{
	if (index == 0) {
		boot_start();
	}
	cpu_init(index);
	ap_main();
}
