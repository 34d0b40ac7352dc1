/* SPDX-License-Identifier: MPL-2.0 */
/* The framework tests itself first: what the fake machine promises in fake.h. */
#include "fake/fake.h"

#include "core/overlay.h"
#include "core/reftime.h"
#include "test/unit/unit.h"
#include "lib/vpset.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

static void pages_are_surrounded_by_nothing(void **state)
{
	struct fake *fake = *state;
	uint8_t *page = machine_guest_page(fake_root(fake), gpn(3));

	for (int edge = 0; edge < 2; edge++) {
		pid_t child = fork();

		if (child == 0) {
			signal(SIGSEGV, SIG_DFL);
			*(volatile uint8_t *)(edge == 0 ? page - 1 : page + PAGE_SIZE) = 1;
			_exit(0);
		}
		int status = 0;

		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	}
	page[0] = 1;
	page[PAGE_SIZE - 1] = 1;
}

static void holes_and_the_end_are_no_memory(void **state)
{
	struct fake *fake = *state;
	uint8_t bytes[2] = {1, 2};

	assert_null(machine_guest_page(fake_root(fake), gpn(FAKE_RAM_PAGES)));
	assert_null(machine_guest_page(fake_root(fake), gpn(UINT64_MAX)));
	assert_false(fake_guest_write(fake, gpa(FAKE_RAM_PAGES * PAGE_SIZE - 1), bytes, 2));
	fake_ram_hole_set(fake, gpn(4), true);
	assert_null(machine_guest_page(fake_root(fake), gpn(4)));
	assert_false(fake_guest_read(fake, gpa(4 * PAGE_SIZE), bytes, 1));
	fake_ram_hole_set(fake, gpn(4), false);
	assert_true(fake_guest_read(fake, gpa(4 * PAGE_SIZE), bytes, 1));
}

static void snapshots_notice_one_byte(void **state)
{
	struct fake *fake = *state;
	uint8_t byte = 0x55;

	fake_snapshot(fake);
	assert_true(fake_unchanged(fake));
	assert_true(fake_guest_write(fake, gpa(0x5fff), &byte, 1));
	assert_false(fake_unchanged(fake));
	assert_true(fake_unchanged_except(fake, gpa(0x5fff), 1));
	assert_false(fake_unchanged_except(fake, gpa(0x6000), 1));
	assert_false(fake_unchanged_except(fake, gpa(0x5ffe), 1));
}

static void overlays_hide_ram_and_need_a_flush(void **state)
{
	struct fake *fake = *state;
	uint8_t *frame = machine_page_alloc(&fake->hv);
	uint8_t byte = 7;

	machine_overlay_place(fake_root(fake), gpn(2), frame, MACHINE_ACCESS_READ_EXECUTE);
	assert_true(fake_nested_stale(fake));
	machine_nested_flush(fake_root(fake), fake_vp(fake, 0));
	assert_false(fake_nested_stale(fake));
	frame[1] = 9;
	assert_true(fake_guest_read(fake, gpa(0x2001), &byte, 1));
	assert_int_equal(byte, 9);
	assert_false(fake_guest_write(fake, gpa(0x2001), &byte, 1));
	machine_overlay_place(fake_root(fake), gpn(2), frame, MACHINE_ACCESS_READ_WRITE);
	assert_true(fake_guest_write(fake, gpa(0x2001), &byte, 1));
	assert_ptr_equal(fake_overlay_at(fake, gpn(2)), frame);
	machine_overlay_place(fake_root(fake), gpn(2), NULL, MACHINE_ACCESS_READ_WRITE);
	assert_null(fake_overlay_at(fake, gpn(2)));
	machine_overlay_place(fake_root(fake), gpn(2), NULL, MACHINE_ACCESS_READ_WRITE);
	machine_page_free(&fake->hv, frame);
}

static void allocation_fails_when_told_to(void **state)
{
	(void)state;
	struct fake_options options = fake_options_default();

	/* Root's pages, then one page for each VP: every one of them may fail, and all but the last attempt do. */
	unsigned failures = 0;
	struct fake *fake = NULL;

	while (fake == NULL) {
		options.frames_until_failure = failures++;
		fake = fake_hv_create_with(&options);
		assert_true(failures < 20);
	}
	assert_true(failures > 2);
	assert_null(machine_page_alloc(&fake->hv));
	fake_hv_destroy(fake);
}

static void effects_are_recorded_and_questions_are_not(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 2);

	assert_int_equal(fake_total(fake), 0);
	(void)machine_register_get(vp, HV_X64_REGISTER_CR3);
	(void)machine_tsc(&fake->hv);
	(void)machine_cpuid(vp, 0, 0);
	assert_int_equal(fake_total(fake), 0);
	assert_null(fake_last(fake, FAKE_REGISTER_SET));
	machine_register_set(vp, HV_X64_REGISTER_CR3, 0x1000);
	machine_register_set(vp, HV_X64_REGISTER_CR3, 0x2000);
	machine_level_eoi(vp, 77);
	assert_int_equal(fake_total(fake), 3);
	assert_int_equal(fake_count(fake, FAKE_REGISTER_SET), 2);
	assert_int_equal(fake_last(fake, FAKE_REGISTER_SET)->b, 0x2000);
	assert_int_equal(fake_last(fake, FAKE_LEVEL_EOI)->vp, 2);
	assert_int_equal(fake_last(fake, FAKE_LEVEL_EOI)->a, 77);
	assert_int_equal(machine_register_get(vp, HV_X64_REGISTER_CR3), 0x2000);
	for (unsigned i = 0; i < 2 * FAKE_EVENTS_MAX; i++) {
		machine_vp_kick(vp);
	}
	assert_int_equal(fake_count(fake, FAKE_KICK), 2 * FAKE_EVENTS_MAX);
	assert_int_equal(fake_vp_machine(vp)->kick_count, 2 * FAKE_EVENTS_MAX);
	fake_records_clear(fake);
	assert_int_equal(fake_total(fake), 0);
	assert_int_equal(fake_vp_machine(vp)->kick_count, 0);
}

static void flushes_name_their_targets(void **state)
{
	struct fake *fake = *state;
	struct vpset set;

	vpset_init(&set, 4);
	assert_true(vpset_add(&set, 1));
	assert_true(vpset_add(&set, 3));
	machine_tlb_flush(fake_vp(fake, 0), &set);
	assert_int_equal(fake_last(fake, FAKE_TLB_FLUSH)->a, 0xa);
	assert_int_equal(fake->vps[0].tlb_flush_count, 0);
	assert_int_equal(fake->vps[3].tlb_flush_count, 1);
}

static void the_clock_stops_at_deadlines(void **state)
{
	struct fake *fake = *state;
	uint64_t start = machine_tsc(&fake->hv);

	machine_deadline_set(fake_vp(fake, 1), start + 500);
	fake_advance(fake, 499);
	assert_int_equal(fake->vps[1].deadline, start + 500);
	fake_advance(fake, 1);
	assert_int_equal(fake->vps[1].deadline, UINT64_MAX);
	assert_int_equal(machine_tsc(&fake->hv), start + 500);
	uint64_t now = reftime_now(fake_root(fake));

	fake_advance_units(fake, 10);
	assert_int_equal(reftime_now(fake_root(fake)), now + 10);
	fake->tsc_step = 3;
	now = machine_tsc(&fake->hv);
	assert_int_equal(machine_tsc(&fake->hv), now + 3);
}

static void the_console_keeps_what_fits(void **state)
{
	struct fake *fake = *state;
	char text[100];

	memset(text, 'x', sizeof(text));
	machine_console_write(&fake->hv, "abc", 3);
	assert_string_equal(fake->console, "abc");
	for (unsigned i = 0; i < FAKE_CONSOLE_SIZE / 50; i++) {
		machine_console_write(&fake->hv, text, sizeof(text));
	}
	assert_int_equal(strlen(fake->console), FAKE_CONSOLE_SIZE - 1);
}

static void settings_are_answered(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint8_t xmm[2][16] = {{0}};
	uint8_t value[16] = {1, 2, 3};

	fake_cpuid_set(fake, 1, 0, (struct cpuid_result){.ecx = 5});
	fake_cpuid_set(fake, 1, 0, (struct cpuid_result){.ecx = 6});
	assert_int_equal(machine_cpuid(vp, 1, 0).ecx, 6);
	assert_int_equal(machine_cpuid(vp, 1, 1).ecx, 0);
	fake_msr_set(fake, 0x277, 8);
	fake_msr_set(fake, 0x277, 9);
	assert_int_equal(machine_msr_read(vp, 0x277), 9);
	assert_int_equal(machine_msr_read(vp, 0x278), 0);
	fake_segment_base_set(vp, HV_X64_REGISTER_FS, 0x1000);
	fake_segment_base_set(vp, HV_X64_REGISTER_FS, 0x2000);
	fake_segment_base_set(vp, HV_X64_REGISTER_GS, 0x3000);
	assert_int_equal(machine_segment_base(vp, HV_X64_REGISTER_FS), 0x2000);
	assert_int_equal(machine_segment_base(vp, HV_X64_REGISTER_GS), 0x3000);
	assert_int_equal(machine_segment_base(vp, HV_X64_REGISTER_CS), 0);
	fake_xmm_set(vp, 1, value);
	machine_xmm_get(vp, 2, xmm);
	assert_memory_equal(xmm[1], value, 16);
	assert_int_equal(xmm[0][0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(pages_are_surrounded_by_nothing),
		unit_test_one(holes_and_the_end_are_no_memory),
		unit_test_one(snapshots_notice_one_byte),
		unit_test_four(overlays_hide_ram_and_need_a_flush),
		cmocka_unit_test(allocation_fails_when_told_to),
		unit_test_four(effects_are_recorded_and_questions_are_not),
		unit_test_four(flushes_name_their_targets),
		unit_test_four(the_clock_stops_at_deadlines),
		unit_test_one(the_console_keeps_what_fits),
		unit_test_one(settings_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
