/* SPDX-License-Identifier: MPL-2.0 */
/* On the host a broken invariant of our own ends the test program, with its place in the source. */
#include "lib/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *expression)
{
	fprintf(stderr, "%s:%d: CHECK(%s) failed\n", file, line, expression);
	abort();
}
