// SPDX-License-Identifier: MPL-2.0
/*
 * The first user process of test/bench's boots (rdinit=/bin/ticks): prints the time-stamp counter and powers off.
 * With tools/run --icount the counter advances by one with every instruction, so this says what the boot cost; it
 * also advances while the processor sleeps, so the kernel's own account of its idle time is printed as well.
 * Stands alone, without a C library, whose own start would be counted too.
 */
#include <linux/reboot.h>
#include <sys/syscall.h>

#define STDOUT 1
#define DIGITS 20

static long syscall4(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static long syscall3(long number, long a, long b, long c)
{
	return syscall4(number, a, b, c, 0);
}

static unsigned long read_tsc(void)
{
	unsigned low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (unsigned long)high << 32 | low;
}

static void print_number(unsigned long value)
{
	char text[DIGITS + 1];
	char *at = text + DIGITS;

	*at = '\n';
	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	syscall3(SYS_write, STDOUT, (long)at, text + DIGITS + 1 - at);
}

/* Shows /proc/uptime: seconds since the kernel's start, and how many of them it was idle. */
static void print_uptime(void)
{
	static const char label[] = "verdigris: uptime and idle ";
	char text[64];
	long file, size;

	syscall3(SYS_mkdir, (long)"/proc", 0755, 0);
	syscall4(SYS_mount, (long)"proc", (long)"/proc", (long)"proc", 0);
	file = syscall3(SYS_open, (long)"/proc/uptime", 0, 0);
	size = syscall3(SYS_read, file, (long)text, sizeof(text));
	if (size > 0) {
		syscall3(SYS_write, STDOUT, (long)label, sizeof(label) - 1);
		syscall3(SYS_write, STDOUT, (long)text, size);
	}
}

/* The linker's entry point; nothing calls it. */
__attribute__((noreturn)) void _start(void);

void _start(void)
{
	unsigned long now = read_tsc();
	static const char label[] = "verdigris: first process at ";

	syscall3(SYS_write, STDOUT, (long)label, sizeof(label) - 1);
	print_number(now);
	print_uptime();
	for (;;) {
		syscall3(SYS_reboot, (long)LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			 LINUX_REBOOT_CMD_POWER_OFF);
	}
}
