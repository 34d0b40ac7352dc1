/* SPDX-License-Identifier: MPL-2.0 */
/* Trying all orders of tasks. See model.h. */
#include "test/model/model.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define STACK_SIZE 65536
#define BUFFER_MAX 4
#define DEPTH_MAX 400
#define ORDERS_MAX 20000000ul

struct store {
	_Atomic uint32_t *to;
	uint32_t value;
};

struct task {
	void *stack_pointer; /* while it does not run */
	bool done;
	const _Atomic uint32_t *waits_for; /* NULL: for nothing */
	unsigned long looked;		   /* `changes` at its first load since the last pause; 0: none yet */
	unsigned long seen;		   /* pauses until `changes` is another; 0: does not */
	struct store buffer[BUFFER_MAX];
	unsigned buffered;
	uint8_t stack[STACK_SIZE] __attribute__((aligned(64)));
};

/* What may happen next: a task goes on, or, beyond task_count, the oldest store of one reaches memory. */
struct options {
	unsigned choice[2 * MODEL_TASKS_MAX];
	unsigned count;
};

static const struct model_plan *plan;
static struct task tasks[MODEL_TASKS_MAX];
static void *scheduler;
static unsigned self, switches;
static unsigned long changes; /* of memory, in this order; begins at 1 */
static const char *wrong;

/* The order that is being tried: what was chosen of how many. */
static unsigned chosen[DEPTH_MAX], offered[DEPTH_MAX], depth, depth_known;

/* void model_switch(void **save, void *load): leaves one stack, with what a function must keep on it, for another. */
__asm__(".text\n"
	".globl model_switch\n"
	"model_switch:\n"
	"	pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
	"	ret\n");
void model_switch(void **save, void *load);

/* --- Tasks ---------------------------------------------------------------------------------------------------- */

unsigned model_self(void)
{
	return self;
}

void model_point(void)
{
	model_switch(&tasks[self].stack_pointer, scheduler);
}

void model_pause(void)
{
	struct task *task = &tasks[self];

	task->seen = task->looked != 0 ? task->looked : changes;
	model_point();
	task->seen = 0;
	task->looked = 0;
}

void model_wait(const _Atomic uint32_t *flag)
{
	tasks[self].waits_for = flag;
	model_point();
	tasks[self].waits_for = NULL;
}

void model_require(bool good, const char *what)
{
	if (!good && wrong == NULL) {
		wrong = what;
	}
}

static void task_main(void)
{
	plan->task[self]();
	tasks[self].done = true;
	model_point();
}

/* --- Memory --------------------------------------------------------------------------------------------------- */

static void memory_write(_Atomic uint32_t *to, uint32_t value)
{
	atomic_store(to, value);
	changes++;
}

static void drain_one(struct task *task)
{
	memory_write(task->buffer[0].to, task->buffer[0].value);
	task->buffered--;
	memmove(&task->buffer[0], &task->buffer[1], task->buffered * sizeof(task->buffer[0]));
}

static void drain(struct task *task)
{
	while (task->buffered != 0) {
		drain_one(task);
	}
}

uint32_t model_load(const _Atomic uint32_t *from)
{
	model_point();
	if (tasks[self].looked == 0) {
		tasks[self].looked = changes;
	}
	for (unsigned i = tasks[self].buffered; i-- > 0;) {
		if (tasks[self].buffer[i].to == from) {
			return tasks[self].buffer[i].value;
		}
	}
	return atomic_load(from);
}

void model_store(_Atomic uint32_t *to, uint32_t value, bool ordered)
{
	struct task *task = &tasks[self];

	model_point();
	if (!ordered && task->buffered < BUFFER_MAX) {
		task->buffer[task->buffered++] = (struct store){to, value};
		return;
	}
	drain(task);
	memory_write(to, value);
}

uint32_t model_fetch_or(_Atomic uint32_t *at, uint32_t bits)
{
	model_point();
	drain(&tasks[self]);
	uint32_t before = atomic_load(at);

	memory_write(at, before | bits);
	return before;
}

uint32_t model_fetch_and(_Atomic uint32_t *at, uint32_t bits)
{
	model_point();
	drain(&tasks[self]);
	uint32_t before = atomic_load(at);

	memory_write(at, before & bits);
	return before;
}

/* --- Orders --------------------------------------------------------------------------------------------------- */

static bool can_run(const struct task *task)
{
	return !task->done && (task->waits_for == NULL || *task->waits_for != 0) &&
	       (task->seen == 0 || task->seen != changes);
}

/* The task that ran last comes first: to go on with it is no switch. Its own stores wait until another one runs: before
 * that nobody could tell. */
static struct options options_find(void)
{
	struct options options = {.count = 0};
	bool goes_on = can_run(&tasks[self]);

	if (goes_on) {
		options.choice[options.count++] = self;
	}
	for (unsigned i = 0; i < plan->task_count; i++) {
		if (i != self && can_run(&tasks[i]) && (!goes_on || switches < plan->switches_max)) {
			options.choice[options.count++] = i;
		}
	}
	for (unsigned i = 0; i < plan->task_count; i++) {
		if (tasks[i].buffered != 0 && (i != self || !goes_on)) {
			options.choice[options.count++] = MODEL_TASKS_MAX + i;
		}
	}
	return options;
}

static unsigned choose(const struct options *options)
{
	if (depth == DEPTH_MAX) {
		abort(); /* A task that never ends. */
	}
	if (depth == depth_known) {
		chosen[depth_known++] = 0;
	}
	offered[depth] = options->count;
	return options->choice[chosen[depth++]];
}

static void step(unsigned choice)
{
	if (choice >= MODEL_TASKS_MAX) {
		drain_one(&tasks[choice - MODEL_TASKS_MAX]);
		return;
	}
	if (choice != self && can_run(&tasks[self])) {
		switches++;
	}
	self = choice;
	model_switch(&scheduler, tasks[self].stack_pointer);
}

/* As model_switch leaves a stack: six registers, and where to go on. There the stack is as behind a call. */
static void *stack_make(struct task *task)
{
	void **top = (void **)(task->stack + STACK_SIZE) - 2;

	*top = (void *)task_main;
	memset(top - 6, 0, 6 * sizeof(*top));
	return top - 6;
}

static void tasks_make(void)
{
	for (unsigned i = 0; i < plan->task_count; i++) {
		struct task *task = &tasks[i];

		task->done = false;
		task->waits_for = NULL;
		task->seen = 0;
		task->buffered = 0;
		task->looked = 0;
		task->stack_pointer = stack_make(task);
	}
}

static bool all_done(void)
{
	for (unsigned i = 0; i < plan->task_count; i++) {
		if (!tasks[i].done) {
			return false;
		}
	}
	return true;
}

static void order_try(void)
{
	self = 0;
	switches = 0;
	changes = 1;
	depth = 0;
	tasks_make();
	plan->begin();
	while (wrong == NULL && !all_done()) {
		struct options options = options_find();

		if (options.count == 0) {
			wrong = "nobody can go on";
			return;
		}
		step(choose(&options));
	}
	if (wrong == NULL) {
		plan->end();
	}
}

/* The last choice that has an alternative takes it; what followed is open again. */
static bool order_next(void)
{
	while (depth_known > 0 && chosen[depth_known - 1] + 1 == offered[depth_known - 1]) {
		depth_known--;
	}
	if (depth_known == 0) {
		return false;
	}
	chosen[depth_known - 1]++;
	return true;
}

struct model_result model_check(const struct model_plan *which)
{
	struct model_result result = {0};

	plan = which;
	wrong = NULL;
	depth_known = 0;
	do {
		order_try();
		result.orders++;
	} while (wrong == NULL && result.orders < ORDERS_MAX && order_next());
	model_require(result.orders < ORDERS_MAX, "there are more orders than can be tried");
	result.wrong = wrong;
	return result;
}
