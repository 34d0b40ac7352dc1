/* SPDX-License-Identifier: MIT */
/*
 * A fuzzer inside a guest: random hypercalls, registers and pages, for as long as one likes.
 *
 * A small interpreter executes programs of random instructions on all processors at once: nearly valid hypercalls from
 * 64- and 32-bit code and from user mode, reads and writes of synthetic, APIC and processor registers, overlay pages
 * laid over memory, devices, each other and nothing, timers, interrupts, forbidden instructions. Exceptions that they
 * provoke are caught. After each program of 500 instructions everything is put in order; then the reference time must
 * have gone on, the VP index must be right, memory under overlays must be what it was, a plain hypercall and an
 * interrupt to oneself must work, and the other processors must have come to their end. Now and then one of them is
 * started anew.
 *
 * The program depends on the seed alone. It is counted in steps, one for each instruction of each processor, and told
 * at times with a checksum of the program so far. Words of the command line, parted by spaces or commas:
 *
 *	seed=N steps=N	which programs, and how many steps (1, 20000)
 *	from=N		begins at this step, without the checksums of those before
 *	every=N		tells the step every N of them (100000)
 *	trace		shows each instruction of the boot processor before it is executed
 *
 * When a run ends in the middle, repeat it with from= a little before the last step told, every=500, and trace.
 *
 * Says who: nothing that a guest does may hurt the hypervisor.
 *
 * Run: --smp 1 --append seed=1,steps=100000
 * Run: --smp 1 --append seed=2,steps=100000
 * Run: --smp 2 --append seed=3,steps=50000
 * Run: --smp 2 --append seed=4,steps=50000
 * Run: --smp 2 --append seed=5,steps=50000 --option debug-channel=loopback
 * Timeout: 600
 * Log only: tried to
 */
#include "fuzzer.h"

#include "../framework/hv.h"
#include "../framework/loader.h"
#include "../framework/print.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define PROGRAM_STEPS 500u
#define PROGRAM_PATIENCE_MS 120000u
#define RESTART_EVERY 64u /* programs */
#define BARE_EVERY 4u	  /* programs: begins without a SynIC */

bool tracing;

static struct {
	uint64_t seed, steps, from, every;
} options = {.seed = 1, .steps = 20000, .every = 100000};

static struct stream streams[CPU_MAX];
static uint64_t program; /* the one that all processors execute */

/* --- The command line ---------------------------------------------------------------------------------------- */

static bool ends(char c)
{
	return c == '\0' || c == ' ' || c == ',';
}

static const char *value_of(const char *word, const char *key)
{
	while (*key != '\0' && *word == *key) {
		word++;
		key++;
	}
	return *key == '\0' ? word : NULL;
}

static void number_read(const char *word, const char *key, uint64_t *to)
{
	const char *digits = value_of(word, key);
	uint64_t value = 0;

	if (digits == NULL) {
		return;
	}
	for (; *digits >= '0' && *digits <= '9'; digits++) {
		value = value * 10 + (uint64_t)(*digits - '0');
	}
	*to = value;
}

static void word_read(const char *word)
{
	number_read(word, "seed=", &options.seed);
	number_read(word, "steps=", &options.steps);
	number_read(word, "from=", &options.from);
	number_read(word, "every=", &options.every);
	tracing |= value_of(word, "trace") != NULL;
}

static void options_read(const char *at)
{
	while (*at != '\0') {
		word_read(at);
		while (!ends(*at)) {
			at++;
		}
		while (*at != '\0' && ends(*at)) {
			at++;
		}
	}
	if (options.every == 0) {
		options.every = 1;
	}
}

/* --- A program ------------------------------------------------------------------------------------------------ */

static void step(void *stream)
{
	step_execute(stream);
}

/* On every processor. Interrupts stay off behind it: a page may lie over the APIC. */
static void program_execute(void *unused)
{
	unsigned index = this_cpu()->index;

	(void)unused;
	interrupts_off();
	stream_begin(&streams[index], options.seed, program, index);
	for (unsigned i = 0; i < PROGRAM_STEPS; i++) {
		TRACE("%lu.%u:", program, i);
		guarded_call(step, &streams[index]);
		interrupts_off();
		TRACE("\n");
	}
}

/* The same on all processors; false when one does not come back. */
static bool everywhere(void (*work)(void *))
{
	bool good = true;

	for (unsigned i = 1; i < playground.processors; i++) {
		smp_post(i, work, NULL);
	}
	work(NULL);
	for (unsigned i = 1; i < playground.processors; i++) {
		good = good && smp_wait(i, PROGRAM_PATIENCE_MS);
	}
	return good;
}

/* Our numbers are those in which processors have answered the first start-up IPI. */
static uint64_t vp_index[CPU_MAX];
static uint64_t there;

static void index_keep(void *unused)
{
	(void)unused;
	vp_index[this_cpu()->index] = rdmsr(HV_MSR_VP_INDEX);
}

static void index_read(void *unused)
{
	(void)unused;
	rdmsr_safe(HV_MSR_VP_INDEX, &there);
}

static const char *others_check(void)
{
	for (unsigned i = 1; i < playground.processors; i++) {
		smp_post(i, index_read, NULL);
		if (!smp_wait(i, PROGRAM_PATIENCE_MS)) {
			return "another processor is lost";
		}
		if (there != vp_index[i]) {
			return "another processor's VP index is wrong";
		}
	}
	return NULL;
}

static const char *program_run(void)
{
	const char *wrong;

	call_make_ports();
	if (program % BARE_EVERY != 0 && !everywhere(playground_start_synic)) {
		return "another processor's SynIC cannot be started";
	}
	if (!everywhere(program_execute) || !everywhere(playground_clear_pages)) {
		return "another processor does not come to its end";
	}
	playground_clear_shared();
	call_unmake_ports();
	if (!everywhere(playground_clear_rest)) {
		return "another processor cannot be put in order";
	}
	wrong = playground_check();
	if (wrong != NULL) {
		return wrong;
	}
	if (playground.processors > 1 && program % RESTART_EVERY == RESTART_EVERY - 1 &&
	    !playground_restart(1 + (unsigned)(program / RESTART_EVERY) % (playground.processors - 1))) {
		return "another processor cannot be started anew";
	}
	return others_check();
}

/* --- The run -------------------------------------------------------------------------------------------------- */

static void tell(uint64_t steps)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < playground.processors; i++) {
		sum = sum * 31 + streams[i].checksum;
	}
	note("step %lu, checksum %016lx", steps, sum);
}

static void run(void)
{
	uint64_t per_program = PROGRAM_STEPS * playground.processors;
	uint64_t steps = options.from / per_program * per_program;
	uint64_t told = steps / options.every;
	const char *wrong = NULL;

	while (wrong == NULL && steps < options.steps) {
		program = steps / per_program;
		wrong = program_run();
		steps += per_program;
		if (steps / options.every != told || wrong != NULL) {
			told = steps / options.every;
			tell(steps);
		}
	}
	tell(steps);
	check(wrong == NULL, "seed %lu, %lu steps on %u processors: %s", options.seed, steps,
	      playground.processors, wrong == NULL ? "all is well" : wrong);
}

void test_main(void)
{
	options_read(loader_command_line());
	if (!hv_enable_hypercalls()) {
		skip("no hypercalls", "fuzzing");
		return;
	}
	playground_make();
	call_prepare();
	if (!everywhere(index_keep)) {
		tap_bail("another processor does not answer");
	}
	note("seed %lu, steps %lu to %lu, %u processors%s", options.seed, options.from, options.steps,
	     playground.processors, playground.has_heartbeat ? "" : ", no heartbeat");
	run();
}
