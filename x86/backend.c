/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Chooses the back end.
 */
#include "x86/backend.h"

#include <stddef.h>

const struct backend *backend;

const char *backend_choose(void)
{
	const char *refusal = svm_backend.refusal();

	if (refusal == NULL) {
		backend = &svm_backend;
	}
	return refusal;
}
