/* SPDX-License-Identifier: MPL-2.0 */
/* HvGetVpRegisters, HvSetVpRegisters and HvTranslateVirtualAddress: whose registers, lists, and what the call itself uses. */
#include "core/registers.h"

#include "abi/hv_hypercall.h"
#include "core/msr.h"
#include "core/partition.h"
#include "test/unit/caller.h"
#include "test/unit/state.h"

#include <string.h>

#define SELF UINT64_MAX
#define VP_SELF 0xfffffffe
#define GET 0x50
#define SET 0x51
#define TRANSLATE 0x52

#define RBX 0x20003
#define CR2 0x40001
#define GUEST_IDLE 0x250
#define VP_INDEX 0x90003

struct get {
	uint64_t partition;
	uint32_t vp;
	uint8_t vtl, padding[3];
	uint32_t name[256];
};

struct set {
	uint64_t partition;
	uint32_t vp;
	uint8_t vtl, reserved[3];
	struct {
		uint32_t name, padding[3];
		uint64_t low, high;
	} element[4];
};

static struct fake *machine(void)
{
	struct fake *fake = caller_machine(4, UINT64_MAX);

	state_prepare(fake);
	return fake;
}

static uint64_t get_with(struct fake *fake, const struct get *get, uint32_t count, uint32_t start)
{
	return caller_call_with(fake_vp(fake, 0), caller_control(GET, 0, count, start), get, sizeof(*get));
}

static uint64_t set_with(struct fake *fake, const struct set *set, uint32_t count)
{
	return caller_call_with(fake_vp(fake, 0), caller_control(SET, 0, count, 0), set, sizeof(*set));
}

static struct hv_register_value output_at(struct fake *fake, unsigned i)
{
	struct hv_register_value value = {0, 0};

	assert_true(fake_guest_read(fake, gpa(CALLER_OUTPUT.value + 16 * i), &value, sizeof(value)));
	return value;
}

/* --- Lists ---------------------------------------------------------------------------------------------------- */

static void registers_are_read_one_after_the_other(void **state)
{
	struct fake *fake = machine();
	struct get get = {.partition = SELF, .vp = VP_SELF, .name = {CR2, 0x60001, VP_INDEX, 0x20001}};

	(void)state;
	fake_register_set(fake_vp(fake, 0), HV_X64_REGISTER_CR2, 0x1234);
	fake_snapshot(fake);
	assert_int_equal(get_with(fake, &get, 4, 0), UINT64_C(4) << 32);
	assert_int_equal(output_at(fake, 0).low, 0x1234);
	assert_int_equal(output_at(fake, 1).high, STATE_CS);
	assert_int_equal(output_at(fake, 2).low, 0);
	assert_int_equal(output_at(fake, 3).low, caller_control(GET, 0, 4, 0));
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

static void a_list_ends_where_it_fails(void **state)
{
	struct fake *fake = machine();
	struct get get = {.partition = SELF, .vp = VP_SELF, .name = {CR2, CR2, 0x12345, CR2, 0x90010}};

	(void)state;
	assert_int_equal(get_with(fake, &get, 4, 0), UINT64_C(2) << 32 | 0x87);
	assert_int_equal(get_with(fake, &get, 5, 3), UINT64_C(4) << 32 | 5);
	assert_int_equal(get_with(fake, &get, 4, 3), UINT64_C(4) << 32);
	fake_hv_destroy(fake);
}

static void registers_are_written_one_after_the_other(void **state)
{
	struct fake *fake = machine();
	struct set set = {
		.partition = SELF,
		.vp = VP_SELF,
		.element = {
			{CR2, {1, 2, 3}, 0x11, 0}, {0x30007, {0}, 5, 6}, {CR2, {0}, 0, 1}, {CR2, {0}, 7, 0}}};
	uint64_t xmm[2];

	(void)state;
	assert_int_equal(set_with(fake, &set, 2), UINT64_C(2) << 32);
	assert_int_equal(machine_register_get(fake_vp(fake, 0), HV_X64_REGISTER_CR2), 0x11);
	memcpy(xmm, fake_vp_machine(fake_vp(fake, 0))->xmm[7], 16);
	assert_int_equal(xmm[0], 5);
	assert_int_equal(xmm[1], 6);
	/* What came before the element that is refused is done, what comes behind it is not. */
	set.element[0].low = 0x22;
	assert_int_equal(set_with(fake, &set, 4), UINT64_C(2) << 32 | 5);
	assert_int_equal(machine_register_get(fake_vp(fake, 0), HV_X64_REGISTER_CR2), 0x22);
	set.element[0].name = 0x12345;
	assert_int_equal(set_with(fake, &set, 4), 0x87);
	fake_hv_destroy(fake);
}

/* The clock moves at each look. */
static void long_lists_are_continued(void **state)
{
	struct fake *fake = machine();
	struct vp *vp = fake_vp(fake, 0);
	struct get get = {.partition = SELF, .vp = VP_SELF};
	unsigned parts = 0;

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		get.name[i] = VP_INDEX;
	}
	assert_true(fake_guest_write(fake, CALLER_INPUT, &get, sizeof(get)));
	fake->tsc_step = FAKE_TSC_HZ / 20000 / 50;
	vp->gpr[GPR_RCX] = caller_control(GET, 0, 256, 0);
	vp->gpr[GPR_RDX] = CALLER_INPUT.value;
	vp->gpr[GPR_R8] = CALLER_OUTPUT.value;
	while (gate_hypercall(vp, true, true) == GATE_CONTINUE) {
		parts++;
		assert_int_equal(hv_control_rep_start(vp->gpr[GPR_RCX]), 50 * parts);
	}
	assert_int_equal(parts, 5);
	assert_int_equal(vp->gpr[GPR_RAX], UINT64_C(256) << 32);

	struct set set = {.partition = SELF, .vp = VP_SELF, .element = {{CR2, {0}, 1, 0}, {CR2, {0}, 2, 0}}};

	assert_true(fake_guest_write(fake, CALLER_INPUT, &set, sizeof(set)));
	fake->tsc_step = FAKE_TSC_HZ / 20000;
	vp->gpr[GPR_RCX] = caller_control(SET, 0, 2, 0);
	assert_int_equal(gate_hypercall(vp, true, true), GATE_CONTINUE);
	assert_int_equal(machine_register_get(vp, HV_X64_REGISTER_CR2), 1);
	assert_int_equal(gate_hypercall(vp, true, true), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], UINT64_C(2) << 32);
	assert_int_equal(machine_register_get(vp, HV_X64_REGISTER_CR2), 2);
	fake_hv_destroy(fake);
}

/* What stands behind it in the list is read when the VP is awake again. */
static void a_list_waits_while_its_reader_sleeps(void **state)
{
	struct fake *fake = machine();
	struct vp *vp = fake_vp(fake, 0);
	struct get get = {.partition = SELF, .vp = VP_SELF, .name = {CR2, GUEST_IDLE, CR2}};

	(void)state;
	unit_apic_enable(vp);
	assert_true(fake_guest_write(fake, CALLER_INPUT, &get, sizeof(get)));
	vp->gpr[GPR_RCX] = caller_control(GET, 0, 3, 0);
	vp->gpr[GPR_RDX] = CALLER_INPUT.value;
	vp->gpr[GPR_R8] = CALLER_OUTPUT.value;
	assert_int_equal(gate_hypercall(vp, true, true), GATE_CONTINUE);
	assert_int_equal(hv_control_rep_start(vp->gpr[GPR_RCX]), 2);
	assert_false(fake_vp_enter(vp, false).runs);
	apic_raise(vp, 0x41, false);
	assert_true(fake_vp_enter(vp, false).runs);
	fake_register_set(vp, HV_X64_REGISTER_CR2, 0x77);
	assert_int_equal(gate_hypercall(vp, true, true), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], UINT64_C(3) << 32);
	assert_int_equal(output_at(fake, 1).low, 0);
	assert_int_equal(output_at(fake, 2).low, 0x77);
	fake_hv_destroy(fake);
}

/* --- Whose ---------------------------------------------------------------------------------------------------- */

static void whose_registers(void **state)
{
	struct fake *fake = machine();
	static const struct {
		uint64_t partition;
		uint32_t vp;
		uint8_t vtl;
		uint64_t status;
	} rows[] = {
		{SELF, VP_SELF, 0, 0}, {1, 0, 0x10, 0},	   {2, 0, 0, 0xd},     {0, 0, 0, 0xd},
		{SELF, 1, 0, 0x15},    {SELF, 3, 0, 0x15}, {SELF, 4, 0, 0xe},  {SELF, 0xffffffff, 0, 0xe},
		{SELF, 0, 1, 5},       {SELF, 0, 0x11, 5}, {SELF, 0, 0x20, 5}, {0, 9, 0xff, 0xd},
		{SELF, 9, 0xff, 0xe},  {SELF, 1, 0xff, 5},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct get get = {rows[i].partition, rows[i].vp, rows[i].vtl, {0}, {CR2}};
		struct set set = {.partition = rows[i].partition, .vp = rows[i].vp, .vtl = rows[i].vtl};
		const uint64_t translate[4] = {rows[i].partition, rows[i].vp, 1 | (uint64_t)rows[i].vtl << 56,
					       0};
		uint64_t done = rows[i].status == 0 ? UINT64_C(1) << 32 : 0;

		set.element[0].name = CR2;
		assert_int_equal(get_with(fake, &get, 1, 0), rows[i].status | done);
		assert_int_equal(set_with(fake, &set, 1), rows[i].status | done);
		assert_int_equal(caller_call_with(fake_vp(fake, 0), TRANSLATE, translate, sizeof(translate)),
				 rows[i].status);
	}
	fake_hv_destroy(fake);
}

static void other_partitions(void **state)
{
	struct fake *fake = machine();
	struct get get = {.partition = 5, .vp = VP_SELF, .name = {CR2}};
	struct partition other = {.machine = fake};

	(void)state;
	assert_int_equal(get_with(fake, &get, 1, 0), 0xd);
	assert_true(partition_create(&other, &fake->hv, 5, &profile_full));
	assert_int_equal(get_with(fake, &get, 1, 0), 6);
	/* One that has a parent is told nothing. */
	fake_root(fake)->parent = &other;
	assert_int_equal(get_with(fake, &get, 1, 0), 6);
	get.partition = 6;
	assert_int_equal(get_with(fake, &get, 1, 0), 6);
	get.partition = 1;
	assert_int_equal(get_with(fake, &get, 1, 0), UINT64_C(1) << 32);
	fake_hv_destroy(fake);
}

static void reserved_bytes(void **state)
{
	struct fake *fake = machine();

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct get get = {.partition = SELF, .vp = 0, .name = {CR2}};
		struct set set = {.partition = SELF, .vp = 0, .element = {{CR2, {0}, 0, 0}}};

		get.padding[i] = 1; /* padding, as the specification has it */
		set.reserved[i] = 1;
		assert_int_equal(get_with(fake, &get, 1, 0), UINT64_C(1) << 32);
		assert_int_equal(set_with(fake, &set, 1), 5);
		assert_int_equal(fake_total(fake), 0);
	}
	fake_hv_destroy(fake);
}

/* --- What the call itself uses ---------------------------------------------------------------------------------- */

static void a_call_does_not_pull_the_floor_from_under_itself(void **state)
{
	struct fake *fake = machine();

	(void)state;
	for (uint32_t gpr = 0; gpr <= 16; gpr++) {
		struct set set = {
			.partition = SELF, .vp = VP_SELF, .element = {{0x20000 + gpr, {0}, 0x99, 0}}};
		bool used = gpr == 0 || gpr == 1 || gpr == 2 || gpr == 8 || gpr == 16;
		struct vp *vp = fake_vp(fake, 0);

		assert_true(fake_guest_write(fake, CALLER_INPUT, &set, sizeof(set)));
		vp->gpr[GPR_RCX] = caller_control(SET, 0, 1, 0);
		vp->gpr[GPR_RDX] = CALLER_INPUT.value;
		vp->gpr[GPR_R8] = 0;
		assert_int_equal(gate_hypercall(vp, true, true), GATE_DONE);
		assert_int_equal(vp->gpr[GPR_RAX], used ? 5 : UINT64_C(1) << 32);
		assert_true(used || vp->gpr[gpr] == 0x99);
	}
	fake_hv_destroy(fake);
}

static void nor_does_a_32_bit_call(void **state)
{
	struct fake *fake = machine();
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	for (uint32_t gpr = 0; gpr < 8; gpr++) {
		struct set set = {
			.partition = SELF, .vp = VP_SELF, .element = {{0x20000 + gpr, {0}, 0x99, 0}}};
		bool used = gpr != 4 && gpr != 5;

		assert_true(fake_guest_write(fake, CALLER_INPUT, &set, sizeof(set)));
		vp->gpr[GPR_RDX] = 1;
		vp->gpr[GPR_RAX] = SET;
		vp->gpr[GPR_RBX] = 0;
		vp->gpr[GPR_RCX] = CALLER_INPUT.value;
		vp->gpr[GPR_RDI] = vp->gpr[GPR_RSI] = 0;
		assert_int_equal(gate_hypercall(vp, true, false), GATE_DONE);
		assert_int_equal(vp->gpr[GPR_RAX], used ? 5 : 0);
		assert_int_equal(vp->gpr[GPR_RDX], used ? 0 : 1);
	}
	fake_hv_destroy(fake);
}

static void nor_does_a_fast_one(void **state)
{
	struct fake *fake = machine();
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	for (uint32_t xmm = 0; xmm < 8; xmm++) {
		const uint64_t input[6] = {SELF, VP_SELF, 0x30000 + xmm, 0, 5, 6};
		uint64_t result = caller_call_fast(vp, caller_control(SET, 0, 1, 0), input, sizeof(input));

		assert_int_equal(result, xmm <= 5 ? 5 : UINT64_C(1) << 32);
	}
	const uint64_t rflags[6] = {SELF, VP_SELF, 0x20011, 0, 3, 0};

	assert_int_equal(caller_call_fast(vp, caller_control(SET, 0, 1, 0), rflags, sizeof(rflags)),
			 UINT64_C(1) << 32);
	/* In memory there is nothing in these registers. */
	struct set set = {.partition = SELF, .vp = VP_SELF, .element = {{0x30000, {0}, 5, 6}}};

	assert_int_equal(set_with(fake, &set, 1), UINT64_C(1) << 32);
	fake_hv_destroy(fake);
}

/* Header and names in RDX, R8 and XMM0, values from XMM1 on. */
static void registers_in_registers(void **state)
{
	struct fake *fake = machine();
	struct vp *vp = fake_vp(fake, 0);
	uint32_t names[4] = {CR2, VP_INDEX, 0x60001, 0};
	uint64_t file[12];

	(void)state;
	fake_register_set(vp, HV_X64_REGISTER_CR2, 0x77);
	fake_xmm_set(vp, 0, names);
	vp->gpr[GPR_RCX] = caller_control(GET, 0, 3, 0) | HV_CONTROL_FAST;
	vp->gpr[GPR_RDX] = SELF;
	vp->gpr[GPR_R8] = VP_SELF;
	assert_int_equal(gate_hypercall(vp, true, true), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], UINT64_C(3) << 32);
	machine_xmm_get(vp, 6, file);
	assert_int_equal(file[2], 0x77);
	assert_int_equal(file[4], 0);
	assert_int_equal(file[7], STATE_CS);
	fake_hv_destroy(fake);
}

/* --- Translation ---------------------------------------------------------------------------------------------- */

static uint64_t translate(struct fake *fake, uint64_t flags, uint64_t page)
{
	const uint64_t input[4] = {SELF, VP_SELF, flags, page};

	return caller_call_with(fake_vp(fake, 0), TRANSLATE, input, sizeof(input));
}

static void addresses_are_translated(void **state)
{
	struct fake *fake = machine();

	(void)state;
	state_prepare_32(fake); /* without paging */
	assert_int_equal(translate(fake, 1, 2), 0);
	assert_int_equal(output_at(fake, 0).low, UINT64_C(6) << 32);
	assert_int_equal(output_at(fake, 0).high, 2);
	assert_int_equal(translate(fake, 2, CALLER_HYPERCALL_PAGE), 0);
	assert_int_equal(output_at(fake, 0).low, UINT64_C(0x106) << 32 | 7);
	fake_hv_destroy(fake);
}

static void flags_are_checked(void **state)
{
	struct fake *fake = machine();

	(void)state;
	for (unsigned bit = 0; bit < 56; bit++) {
		uint64_t status = bit <= 4 ? 0 : bit == 5 ? 0x15 : 5;

		assert_int_equal(translate(fake, UINT64_C(1) << bit | 1, 2), status);
	}
	assert_int_equal(translate(fake, 0, 2), 5);
	assert_int_equal(translate(fake, 0x18, 2), 5);
	assert_int_equal(translate(fake, 1, UINT64_C(1) << 52), 5);
	assert_int_equal(translate(fake, 1, (UINT64_C(1) << 52) - 1), 0);
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_read_one_after_the_other),
		cmocka_unit_test(a_list_ends_where_it_fails),
		cmocka_unit_test(registers_are_written_one_after_the_other),
		cmocka_unit_test(long_lists_are_continued),
		cmocka_unit_test(a_list_waits_while_its_reader_sleeps),
		cmocka_unit_test(whose_registers),
		cmocka_unit_test(other_partitions),
		cmocka_unit_test(reserved_bytes),
		cmocka_unit_test(a_call_does_not_pull_the_floor_from_under_itself),
		cmocka_unit_test(nor_does_a_32_bit_call),
		cmocka_unit_test(nor_does_a_fast_one),
		cmocka_unit_test(registers_in_registers),
		cmocka_unit_test(addresses_are_translated),
		cmocka_unit_test(flags_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
