/* SPDX-License-Identifier: MIT */
/*
 * Checksums: XXH64 of libxxhash, the others of nettle.
 */
#include "vhd/import/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

size_t digest_length(enum digest_kind kind)
{
	static const size_t lengths[DIGEST_KINDS] = {16, 40, 64, 128};

	return lengths[kind];
}

static void hex(const uint8_t *bytes, size_t length, char text[DIGEST_TEXT])
{
	for (size_t i = 0; i < length; i++) {
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	}
}

void digests_begin(struct digests *digests, unsigned wanted)
{
	digests->wanted = wanted;
	sha1_init(&digests->sha1);
	sha256_init(&digests->sha256);
	sha512_init(&digests->sha512);
}

void digests_add(struct digests *digests, const void *data, size_t length)
{
	if (digests->wanted & 1u << DIGEST_SHA1) {
		sha1_update(&digests->sha1, length, data);
	}
	if (digests->wanted & 1u << DIGEST_SHA256) {
		sha256_update(&digests->sha256, length, data);
	}
	if (digests->wanted & 1u << DIGEST_SHA512) {
		sha512_update(&digests->sha512, length, data);
	}
}

void digests_end(struct digests *digests, enum digest_kind kind, char text[DIGEST_TEXT])
{
	uint8_t bytes[SHA512_DIGEST_SIZE];

	if (kind == DIGEST_SHA1) {
		sha1_digest(&digests->sha1, SHA1_DIGEST_SIZE, bytes);
	} else if (kind == DIGEST_SHA256) {
		sha256_digest(&digests->sha256, SHA256_DIGEST_SIZE, bytes);
	} else {
		sha512_digest(&digests->sha512, SHA512_DIGEST_SIZE, bytes);
	}
	hex(bytes, digest_length(kind) / 2, text);
}

void digest_of(enum digest_kind kind, const void *data, size_t length, char text[DIGEST_TEXT])
{
	struct digests digests;

	if (kind == DIGEST_XXH64) {
		snprintf(text, DIGEST_TEXT, "%016" PRIx64, (uint64_t)XXH64(data, length, 0));
		return;
	}
	digests_begin(&digests, 1u << kind);
	digests_add(&digests, data, length);
	digests_end(&digests, kind, text);
}
