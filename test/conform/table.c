/* SPDX-License-Identifier: MIT */
/* The table of all requirements, made of requirements/AREA.def; ROWS names the file that includes them all. */
#include "suite.h"

#define REQUIREMENT(area, name, needs, processors, source, text) void conform_##area##_##name(void);
#include ROWS
#undef REQUIREMENT

#define REQUIREMENT(area, name, needs, processors, source, text)                                             \
	{#area, #name, needs, processors, source, text, conform_##area##_##name},
const struct requirement requirements[] = {
#include ROWS
};

const unsigned requirement_count = sizeof(requirements) / sizeof(requirements[0]);

static char *append(char *to, const char *end, const char *text)
{
	for (; *text != '\0' && to < end; text++) {
		*to++ = *text == '_' ? '-' : *text;
	}
	return to;
}

void requirement_id(const struct requirement *requirement, char id[ID_SIZE])
{
	const char *end = id + ID_SIZE - 1;
	char *to = append(id, end, requirement->area);

	to = append(to, end, "/");
	*append(to, end, requirement->name) = '\0';
}
