/* SPDX-License-Identifier: MPL-2.0 */
/* The state that everything hangs from: its time scales, and its voice on the console. */
#include "core/hv.h"

#include "core/machine.h"
#include "lib/print.h"

#include <stdarg.h>
#include <stddef.h>

#define UNITS_PER_SECOND UINT64_C(10000000) /* of 100 ns */
#define LOG_LINE_SIZE 256
#define LOG_PREFIX "verdigris: "

/* numerator * 2^64 / denominator, rounded down, bit by bit: a 128-bit division would need the compiler's library.
 * The numerator is less than the denominator. */
static uint64_t fraction(uint64_t numerator, uint64_t denominator)
{
	unsigned __int128 rest = numerator;
	uint64_t result = 0;

	for (unsigned bit = 0; bit < 64; bit++) {
		rest <<= 1;
		result <<= 1;
		if (rest >= denominator) {
			rest -= denominator;
			result |= 1;
		}
	}
	return result;
}

void hv_init(struct hv *hv)
{
	hv->tsc_to_reference = fraction(UNITS_PER_SECOND, hv->tsc_hz);
	hv->reference_to_tsc = ((hv->tsc_hz / UNITS_PER_SECOND) << 32) +
			       ((hv->tsc_hz % UNITS_PER_SECOND) << 32) / UNITS_PER_SECOND;
}

/* The line is put together first, so that lines of two LPs do not mix. What does not fit is cut off. */
void hv_log(struct hv *hv, const char *format, ...)
{
	char line[LOG_LINE_SIZE] = LOG_PREFIX;
	size_t start = sizeof(LOG_PREFIX) - 1;
	size_t room = sizeof(line) - start - 1;
	va_list arguments;

	va_start(arguments, format);
	size_t size = print_format(line + start, room, format, arguments);

	va_end(arguments);
	size_t end = start + (size < room ? size : room - 1);

	line[end] = '\n';
	machine_console_write(hv, line, end + 1);
}
