/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Runs a few tasks in every order that the processors may give them: code that was compiled with x86/host/model.h stops before
 * each access to shared memory, and there any other task may go on.
 *
 * Memory is that of x86 (total store order): a store that is not sequentially consistent waits in a buffer of its task,
 * which the task itself sees, and reaches memory at any later time; sequentially consistent stores and read-modify-write
 * empty the buffer first. So a barrier that is missing is as visible as two accesses in the wrong order.
 *
 * An order is a list of choices. All of them are tried one after the other, each from the beginning, but those that
 * interrupt a task which could go on more often than `switches_max` times (what needs more interruptions than a few is
 * not a mistake of two accesses).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MODEL_TASKS_MAX 3

struct model_plan {
	unsigned task_count;
	unsigned switches_max;
	void (*begin)(void); /* before each order: everything as it was */
	void (*task[MODEL_TASKS_MAX])(void);
	void (*end)(void); /* when all tasks have ended; may call model_require */
};

struct model_result {
	unsigned long orders;
	const char *wrong; /* NULL: every order was good */
};

struct model_result model_check(const struct model_plan *plan);

/* --- For tasks -------------------------------------------------------------------------------------------------- */

/* The number of the task that runs. */
unsigned model_self(void);
/* Here others may run. */
void model_point(void);
/* Goes on when somebody else has changed something in memory. */
void model_pause(void);
/* Goes on when `*flag` is not 0. */
void model_wait(const _Atomic uint32_t *flag);
/* Something that must be true; otherwise this order is the last. */
void model_require(bool good, const char *what);

/* --- For x86/host/model.h ---------------------------------------------------------------------------------------------- */

uint32_t model_load(const _Atomic uint32_t *from);
void model_store(_Atomic uint32_t *to, uint32_t value, bool ordered);
uint32_t model_fetch_or(_Atomic uint32_t *at, uint32_t bits);
uint32_t model_fetch_and(_Atomic uint32_t *at, uint32_t bits);
