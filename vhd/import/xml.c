/* SPDX-License-Identifier: MIT */
/*
 * XML with bounds.
 */
#include "vhd/import/xml.h"

#include "vhd/import/text.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

/* What libxml2 keeps for us while it parses. */
struct limits {
	unsigned nodes;
	const char *refused; /* what made us stop */
};

static void refuse(xmlParserCtxt *parser, const char *reason)
{
	struct limits *limits = parser->_private;

	if (!limits->refused) {
		limits->refused = reason;
	}
	xmlStopParser(parser);
}

static void on_declaration(void *self, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	(void)name;
	(void)external;
	(void)system;
	refuse(self,
	       "it has a document type declaration, which no exporter writes and which is not read here");
}

static void on_element(void *self, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		       int space_count, const xmlChar **spaces, int attribute_count, int default_count,
		       const xmlChar **attributes)
{
	xmlParserCtxt *parser = self;
	struct limits *limits = parser->_private;

	limits->nodes += 1u + (unsigned)space_count + (unsigned)attribute_count;
	if (limits->nodes > XML_NODES_MAX) {
		refuse(parser, "it has more than a million elements and attributes");
		return;
	}
	xmlSAX2StartElementNs(self, name, prefix, uri, space_count, spaces, attribute_count, default_count,
			      attributes);
}

/* libxml2's own words end with a line feed. */
static void say_error(const char *name, xmlParserCtxt *parser, struct import_why *why)
{
	const struct limits *limits = parser->_private;
	const xmlError *error = xmlCtxtGetLastError(parser);
	char text[256] = "nothing is in it";

	if (limits->refused) {
		import_fail(why, IMPORT_DAMAGED, "%s: %s", name, limits->refused);
		return;
	}
	if (error && error->message) {
		text_copy(text, sizeof(text), error->message);
		text[strcspn(text, "\n")] = '\0';
	}
	import_fail(why, IMPORT_DAMAGED, "%s: not well-formed XML: %s (line %d)", name, text,
		    error ? error->line : 0);
}

xmlDoc *xml_parse(const char *name, const void *data, size_t size, struct import_why *why)
{
	struct limits limits = {0};
	xmlParserCtxt *parser;
	xmlDoc *document;

	if (size > XML_SIZE_MAX) {
		import_fail(why, IMPORT_DAMAGED, "%s: %zu bytes of XML, at most %zu are read", name, size,
			    XML_SIZE_MAX);
		return NULL;
	}
	parser = xmlNewParserCtxt();
	if (!parser) {
		import_fail_memory(why);
		return NULL;
	}
	parser->_private = &limits;
	parser->sax->internalSubset = on_declaration;
	parser->sax->externalSubset = on_declaration;
	parser->sax->startElementNs = on_element;
	parser->sax->comment = NULL;
	parser->sax->processingInstruction = NULL;
	document = xmlCtxtReadMemory(parser, data, (int)size, NULL, NULL,
				     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
					     XML_PARSE_NOCDATA | XML_PARSE_COMPACT);
	if (limits.refused || (document && !xmlDocGetRootElement(document))) {
		xmlFreeDoc(document);
		document = NULL;
	}
	if (!document) {
		say_error(name, parser, why);
	}
	xmlFreeParserCtxt(parser);
	return document;
}

bool xml_is(const xmlNode *node, const char *name)
{
	return node && node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static xmlNode *element_from(xmlNode *node)
{
	while (node && node->type != XML_ELEMENT_NODE) {
		node = node->next;
	}
	return node;
}

xmlNode *xml_first(const xmlNode *node)
{
	return node ? element_from(node->children) : NULL;
}

xmlNode *xml_following(const xmlNode *node)
{
	return element_from(node->next);
}

xmlNode *xml_child(const xmlNode *node, const char *name)
{
	for (xmlNode *child = xml_first(node); child; child = xml_following(child)) {
		if (xml_is(child, name)) {
			return child;
		}
	}
	return NULL;
}

xmlNode *xml_next(const xmlNode *node)
{
	for (xmlNode *next = xml_following(node); next; next = xml_following(next)) {
		if (xml_is(next, (const char *)node->name)) {
			return next;
		}
	}
	return NULL;
}

static bool is_space(char character)
{
	return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

/* Adds what fits behind `*length` bytes of text. */
static bool add_piece(char *text, size_t space, size_t *length, const char *piece)
{
	size_t have = strlen(piece);
	bool fits = have < space - *length;

	text_copy(text + *length, space - *length, piece);
	*length = strlen(text);
	return fits;
}

static void trim_end(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && is_space(text[length - 1])) {
		text[--length] = '\0';
	}
}

/* Text nodes of an element or an attribute, with the white space at the beginning left out. */
static bool take_text(const xmlNode *node, char *text, size_t space)
{
	size_t length = 0;
	bool whole = true;

	text[0] = '\0';
	for (; node && whole; node = node->next) {
		const char *piece = (const char *)node->content;

		if ((node->type != XML_TEXT_NODE && node->type != XML_CDATA_SECTION_NODE) || !piece) {
			continue;
		}
		while (length == 0 && is_space(*piece)) {
			piece++;
		}
		whole = add_piece(text, space, &length, piece);
	}
	trim_end(text);
	return whole;
}

bool xml_text(const xmlNode *node, char *text, size_t space)
{
	return take_text(node ? node->children : NULL, text, space);
}

bool xml_attribute(const xmlNode *node, const char *name, char *text, size_t space)
{
	for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
		if (strcmp((const char *)attribute->name, name) == 0) {
			return take_text(attribute->children, text, space);
		}
	}
	text[0] = '\0';
	return true;
}
