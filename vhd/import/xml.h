/* SPDX-License-Identifier: MIT */
/*
 * XML from strangers, read with libxml2: never from the network, without document type declarations (and so without
 * entities of their own), with bounds on size, elements and depth.
 *
 * Elements and attributes are found by their local names: whose prefix stands for what is left to the writers.
 */
#pragma once

#include <libxml/tree.h>
#include <stddef.h>

#include "vhd/import/why.h"

#define XML_SIZE_MAX ((size_t)64 << 20)
#define XML_NODES_MAX 1000000u

/* `name` is for messages. The result is to be released with xmlFreeDoc. NULL, with `why`, for what is no such XML. */
xmlDoc *xml_parse(const char *name, const void *data, size_t size, struct import_why *why);

bool xml_is(const xmlNode *node, const char *name);
/* The first child of that name, or NULL. `node` may be NULL. */
xmlNode *xml_child(const xmlNode *node, const char *name);
/* The next one after `node` that has the same name, or NULL. */
xmlNode *xml_next(const xmlNode *node);
/* The first child that is an element, whatever its name; and the one behind an element. */
xmlNode *xml_first(const xmlNode *node);
xmlNode *xml_following(const xmlNode *node);

/*
 * The text of an element without white space around it, cut to `space`; "" for NULL and for none. Returns false when it
 * was cut.
 */
bool xml_text(const xmlNode *node, char *text, size_t space);
/* The same of an attribute. */
bool xml_attribute(const xmlNode *node, const char *name, char *text, size_t space);
