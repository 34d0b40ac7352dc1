/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite: one image with every requirement, for any hypervisor that claims the interface "Hv#1".
 *
 * TAP 13 on the serial port, one point per requirement; README.md says how to read it. A requirement that faults or
 * hangs is a failure and the next one follows; a machine that dies leaves `# begin ID` as its last word.
 */
#include "suite.h"

#include "../guest/framework/clock.h"
#include "../guest/framework/cpu.h"
#include "../guest/framework/hv.h"
#include "../guest/framework/loader.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/print.h"
#include "../guest/framework/start.h"
#include "../guest/framework/tap.h"

#define SLOW_MS 1000
#define QUIET_S 60 /* enough for starting lost processors again */

static struct tap_counts *const counts = &tap_counts;
static unsigned undecided;
static bool inside; /* a requirement's function is running */

static void print_name(const char *what, uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t words[] = {a, b, c};

	print("# hv: %s \"", what);
	for (unsigned i = 0; i < 12; i++) {
		char letter = (char)(words[i / 4] >> i % 4 * 8);
		if (letter != '\0') {
			print("%c", letter >= ' ' && letter <= '~' ? letter : '?');
		}
	}
	print("\"\n");
}

static void print_leaf(const char *what, uint32_t leaf)
{
	struct cpuid r = cpuid(leaf);
	print("# hv: %s eax=%08x ebx=%08x ecx=%08x edx=%08x\n", what, r.eax, r.ebx, r.ecx, r.edx);
}

/* The first lines say which hypervisor this is: nothing else in the log does. */
static void print_hypervisor(void)
{
	struct cpuid r = cpuid(HV_LEAF_RANGE);

	if (!hv_present()) {
		print("# hv: none that claims the interface Hv#1\n");
		return;
	}
	print_name("vendor", r.ebx, r.ecx, r.edx);
	print_name("interface", cpuid(HV_LEAF_INTERFACE).eax, 0, 0);
	print("# hv: leaves to 0x%x\n", r.eax);
	r = cpuid(HV_LEAF_VERSION);
	print("# hv: version %u.%u.%u service pack %u branch %u number %u\n", r.ebx >> 16, r.ebx & 0xFFFF,
	      r.eax, r.ecx, r.edx >> 24, r.edx & 0xFFFFFF);
	print_leaf("features", HV_LEAF_FEATURES);
	print_leaf("recommendations", HV_LEAF_HINTS);
	print_leaf("limits", HV_LEAF_LIMITS);
	if (cpuid(HV_LEAF_RANGE).eax >= HV_LEAF_HARDWARE) {
		print_leaf("hardware", HV_LEAF_HARDWARE);
	}
}

static unsigned number(void)
{
	return counts->passed + counts->failed + counts->skipped + undecided;
}

static void point_skip(const char *id, const char *reason)
{
	counts->skipped++;
	print("ok %u - %s # SKIP %s\n", number(), id, reason);
}

/* The order of the verdicts: what failed outranks what was seen, and that what was not there. */
static void point(const char *id, const char *source)
{
	if (findings.failed != 0) {
		counts->failed++;
		print("not ok %u - %s # %s\n", number(), id, source);
	} else if (findings.observed != 0) {
		undecided++;
		print("ok %u - %s # UNDECIDED %s\n", number(), id, findings.reason);
	} else if (findings.skipped != 0) {
		point_skip(id, findings.reason);
	} else {
		counts->passed++;
		print("ok %u - %s # %s\n", number(), id, source);
	}
}

static void run_limited(void *argument)
{
	const struct requirement *requirement = argument;

	watchdog_start(options.limit_s);
	inside = true;
	requirement->function();
}

static void quiet_limited(void *unused)
{
	(void)unused;
	watchdog_start(QUIET_S);
	conform_quiet();
}

/* How the function ended, if not by returning, is one more failed expectation. */
static void judge_end(unsigned end)
{
	const struct cpu *cpu = this_cpu();

	if (end == ESCAPE_HANG) {
		expect(false, "does not end within %u s", options.limit_s);
	} else if (end != NO_FAULT && end != ESCAPE_BAIL) {
		expect(false, "unexpected exception %u, error 0x%x, at 0x%lx, CR2 0x%lx", end & 0xFF,
		       cpu->fault_error, cpu->fault_rip, cpu->fault_address);
	} else if (findings.expected + findings.failed + findings.observed + findings.skipped == 0) {
		expect(false, "the suite itself is wrong: nothing was expected");
	}
}

static void make_quiet(void)
{
	if (guarded_call(quiet_limited, NULL) != NO_FAULT) {
		remark("the machine does not become quiet");
	}
	watchdog_stop();
}

static void run(const struct requirement *requirement, const char *id)
{
	uint64_t start = rdtsc();

	print("# begin %s\n", id);
	findings_clear();
	unsigned end = guarded_call(run_limited, (void *)requirement);
	inside = false;
	watchdog_stop();
	interrupts_off();
	this_cpu()->user_return_stack = 0;
	judge_end(end);
	make_quiet();
	point(id, requirement->source);
	uint64_t took = (rdtsc() - start) / tsc_per_ms;
	if (took >= SLOW_MS) {
		remark("took %lu ms", took);
	}
}

static void consider(const struct requirement *requirement)
{
	char id[ID_SIZE];
	char reason[200] = "not advertised: ";
	uint64_t missing = requirement->needs & ~offered();

	requirement_id(requirement, id);
	if (!options_choose(id) || requirement->processors < options.processors) {
		return;
	}
	if (options.list) {
		print("# %s: %s (%s)\n", id, requirement->text, requirement->source);
	} else if (!hv_present() && !options.selftest) {
		point_skip(id, "no hypervisor with the interface Hv#1");
	} else if (missing != 0) {
		missing_text(missing, reason + 16, sizeof(reason) - 16);
		point_skip(id, reason);
	} else if (requirement->processors > quiet_processors()) {
		point_skip(id, requirement->processors == 2 ? "takes 2 processors" : "takes 4 processors");
	} else {
		run(requirement, id);
	}
}

/* What the framework cannot go on after is one requirement's failure here. Another processor waits to be restarted. */
static void bail(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

static void bail(const char *format, va_list arguments)
{
	if (!inside) {
		return;
	}
	findings_fail(format, arguments);
	if (this_cpu()->index == 0) {
		watchdog_escape(ESCAPE_BAIL);
	}
	for (;;) {
		__asm__ volatile("cli; hlt");
	}
}

static void machine_reset(void)
{
	outb(0xCF9, 0x02);
	outb(0xCF9, 0x06);
	delay(100);
	outb(0x64, 0xFE);
	delay(100);
}

static void finish(void) __attribute__((noreturn));

static void finish(void)
{
	struct tap_counts sum = *counts;

	sum.passed += undecided;
	print("1..%u\n", number());
	print("# %u passed, %u failed, %u skipped, %u undecided\n", counts->passed, counts->failed,
	      counts->skipped, undecided);
	if (options.ending == END_EXIT) {
		tap_machine_end(options.list ? VERDICT_PASS : tap_verdict(&sum));
	}
	if (options.ending == END_RESET) {
		machine_reset();
	}
	for (;;) {
		__asm__ volatile("cli; hlt");
	}
}

void test_main(void)
{
	options_read(loader_command_line());
	tap_bail_handler = bail;
	const char *clock = watchdog_prepare();
	quiet_prepare();
	print_hypervisor();
	print("# machine: %u processors, %lu TSC ticks per millisecond, watchdog %s\n", quiet_processors(),
	      tsc_per_ms, clock);
	for (unsigned i = 0; i < (options.selftest ? selftest_count : requirement_count); i++) {
		consider(options.selftest ? &selftests[i] : &requirements[i]);
	}
	finish();
}
