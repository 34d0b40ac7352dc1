/* SPDX-License-Identifier: MPL-2.0 */
/*
 * COM1 by polling, and port 0xE9. The line status is polled for a bounded time: a missing UART must not stop us.
 */
#include "drivers/serial/serial.h"

#include "core/lock.h"
#include "x86/cpu/instructions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COM1 0x3f8
#define COM1_DIVISOR_LOW (COM1 + 0)
#define COM1_INTERRUPTS (COM1 + 1)
#define COM1_FIFO (COM1 + 2)
#define COM1_LINE (COM1 + 3)
#define COM1_MODEM (COM1 + 4)
#define COM1_STATUS (COM1 + 5)
#define STATUS_EMPTY 0x20
#define POLLS_MAX 100000

#define DEBUG_CONSOLE 0xe9

static struct lock lock;
static bool root_owns_com1;
static bool debug_console;

void serial_init(void)
{
	cpu_out8(COM1_INTERRUPTS, 0);
	cpu_out8(COM1_LINE, 0x80); /* the next two writes are the divisor */
	cpu_out8(COM1_DIVISOR_LOW, 1);
	cpu_out8(COM1_INTERRUPTS, 0);
	cpu_out8(COM1_LINE, 0x03); /* 8 bits, no parity, 1 stop bit */
	cpu_out8(COM1_FIFO, 0x01);
	cpu_out8(COM1_MODEM, 0x03);
	debug_console = cpu_in8(DEBUG_CONSOLE) == DEBUG_CONSOLE;
}

void serial_hand_over(bool to_root)
{
	root_owns_com1 = to_root;
}

static void put_com1(char c)
{
	for (unsigned i = 0; i < POLLS_MAX && (cpu_in8(COM1_STATUS) & STATUS_EMPTY) == 0; i++) {
		cpu_pause();
	}
	cpu_out8(COM1, (uint8_t)c);
}

void serial_write(const char *text, size_t size)
{
	lock_acquire(&lock);
	for (size_t i = 0; i < size; i++) {
		if (debug_console) {
			cpu_out8(DEBUG_CONSOLE, (uint8_t)text[i]);
		}
		if (root_owns_com1) {
			continue;
		}
		if (text[i] == '\n') {
			put_com1('\r');
		}
		put_com1(text[i]);
	}
	lock_release(&lock);
}
