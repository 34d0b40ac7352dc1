/* SPDX-License-Identifier: MIT */
/*
 * For the fuzzers of imports: archives made of a few bytes, and an output that only checks what it is told to write. The
 * functions of `vhd/import/session_output.c` and `vhd/import/ovf_disk.c` are replaced by those here.
 */
#pragma once

#include "vhd/import/session.h"

/* Ends the fuzzer when something does not hold. */
void fake_check(bool holds);

/*
 * A tar archive of members, each of which is a name, a line feed, two bytes of length (little-endian) and data. To be
 * released with free().
 */
char *fake_tar(const uint8_t *data, size_t size, bool end, size_t *length);

/* An import of an archive in memory. The lowest bits of `flags`: verify, list. */
void fake_import(const void *archive, size_t size, unsigned flags);

/*
 * What is written about machines is XML that parses, and a script in which nothing but quoted words and comments depends
 * on the texts that the archive gave.
 */
void fake_write_machines(const struct machine_list *machines);

typedef void fake_parser(const uint8_t *data, size_t size);
/* A fuzzer's input: its first byte says for which parser the rest is, or that it is an archive, or one's members. */
int fake_input(const uint8_t *data, size_t size, fake_parser *first, fake_parser *second);
