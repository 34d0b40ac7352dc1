/* SPDX-License-Identifier: MIT */
/* See registers.h. */
#include "registers.h"

uint64_t registers_get(const uint32_t *names, unsigned count)
{
	uint64_t words[2 + 8] = {PARTITION_SELF, VP_SELF};

	for (unsigned i = 0; i < count && i < 16; i++) {
		words[2 + i / 2] |= (uint64_t)names[i] << (i % 2 * 32);
	}
	return call_blocks(CALL_GET_VP_REGISTERS | HV_CONTROL_REPS(count), words, 10);
}

struct value register_get(uint32_t name)
{
	uint64_t result = registers_get(&name, 1);

	expect_equal(hv_status(result), HV_SUCCESS, "reading register 0x%x", name);
	expect_equal(hv_reps(result), 1, "reps completed");
	return (struct value){output_word(0), output_word(1)};
}

uint64_t register_set(uint32_t name, uint64_t low, uint64_t high)
{
	const uint64_t words[6] = {PARTITION_SELF, VP_SELF, name, 0, low, high};

	return call_blocks(CALL_SET_VP_REGISTERS | HV_CONTROL_REPS(1), words, 6);
}

/* The text has INVALID_PARAMETER; newer hypervisors are said to have a status of its own for it. */
void expect_bad_name(uint64_t result, const char *what)
{
	unsigned status = hv_status(result);

	if (status == STATUS_UNKNOWN_REGISTER_NAME) {
		observe("%s: status 0x87, which no edition lists", what);
	} else {
		expect_equal(status, HV_INVALID_PARAMETER, "%s", what);
	}
}

/* The text lists both for the same mistake. */
void expect_bad_value(uint64_t result, const char *what)
{
	unsigned status = hv_status(result);

	expect(status == HV_INVALID_PARAMETER || status == STATUS_INVALID_REGISTER_VALUE,
	       "%s is refused for its value (status 0x%x)", what, status);
}
