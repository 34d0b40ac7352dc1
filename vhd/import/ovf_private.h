/* SPDX-License-Identifier: MIT */
/*
 * What the readers of descriptors share.
 */
#pragma once

#include "vhd/import/ovf.h"
#include "vhd/import/xml.h"

struct ovf_reader {
	const char *name; /* of the descriptor */
	struct ovf_contents *contents;
	struct import_why *why;
};

/* One <VirtualSystem>. */
bool ovf_machine_read(struct ovf_reader *reader, const xmlNode *system);
