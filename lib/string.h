/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The part of the C library's <string.h> that a freestanding compiler may call on its own, and that we use. On the
 * host the C library's own functions stand behind these declarations.
 */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

size_t strlen(const char *text);
/* At most `limit` bytes are looked at. */
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);

#ifdef __cplusplus
}
#endif
