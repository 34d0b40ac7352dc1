/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool serve`: where the server listens, how its process is started, and what is said about it. serve.c puts the three
 * together.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* Either a Unix socket by its absolute path, or, where that is NULL, a port of this machine's own address. */
struct serve_place {
	char *socket;
	unsigned port;
	bool read_only;
};

#define SERVE_ADDRESS "127.0.0.1"

/* How other programs use the disk: one line or more for each of them. */
void serve_print(FILE *out, const struct serve_place *place);
/* Only the address, as "nbd+unix:///?socket=...". */
void serve_print_uri(FILE *out, const struct serve_place *place);

/* Starts nbdkit with `arguments`, argv[0] and NULL included. 0 or errno; not finding it is ENOENT. */
int serve_spawn(char *const arguments[], pid_t *process);
/*
 * Waits until nbdkit has written its process id and an NBD server answers. False: it does not, or `process`, where it is
 * not 0, has ended.
 */
bool serve_wait_answer(const struct serve_place *place, const char *pid_file, pid_t process);
/* The process id in a file that nbdkit has written, or 0. */
pid_t serve_read_pid(const char *path);
/* Returns when the process, which need not be a child, has ended. */
void serve_wait_end(pid_t process);
