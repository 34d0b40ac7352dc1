/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hypervisor's own console: COM1 until root owns it, and port 0xE9 (QEMU's and Bochs's debug console) always.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Sets COM1 to 115200 8n1, and finds out whether port 0xE9 answers. */
void serial_init(void);
/* Root owns COM1 from now on, or (false) no longer. */
void serial_hand_over(bool to_root);
/* From any LP. Newline becomes CR LF on COM1. */
void serial_write(const char *text, size_t size);
