/* SPDX-License-Identifier: MIT */
/*
 * What Azure asks of an image.
 */
#pragma once

#include "vhd/tool/message.h"

/* Rounds up to whole MiB. TOOL_USAGE, said, when no disk of that size can be uploaded. */
enum tool_exit azure_size(const char *path, uint64_t *size);
/* Reads the image again and holds it against each of Azure's conditions. */
enum tool_exit azure_verify(const char *path, uint64_t size);
