/* SPDX-License-Identifier: MIT */
/*
 * The checksums that archives use, under one roof.
 */
#pragma once

#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum digest_kind {
	DIGEST_XXH64,
	DIGEST_SHA1,
	DIGEST_SHA256,
	DIGEST_SHA512,
	DIGEST_KINDS
};

/* Of the longest as hex digits, with NUL. */
#define DIGEST_TEXT 129

/* How many hex digits it has. */
size_t digest_length(enum digest_kind kind);
/* Of a piece of memory, as hex digits in lower case. */
void digest_of(enum digest_kind kind, const void *data, size_t length, char text[DIGEST_TEXT]);

/* All SHA of a stream at once, for files whose manifest comes behind them. */
struct digests {
	struct sha1_ctx sha1;
	struct sha256_ctx sha256;
	struct sha512_ctx sha512;
	unsigned wanted; /* bits of enum digest_kind */
};

#define DIGESTS_ALL (1u << DIGEST_SHA1 | 1u << DIGEST_SHA256 | 1u << DIGEST_SHA512)

void digests_begin(struct digests *digests, unsigned wanted);
void digests_add(struct digests *digests, const void *data, size_t length);
/* One whose bit was wanted; the stream is then at its end for this kind. */
void digests_end(struct digests *digests, enum digest_kind kind, char text[DIGEST_TEXT]);
