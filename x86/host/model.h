/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Put in front of a source file of x86/ by the compiler (-include, behind `test/model/model.h`): its atomic accesses become
 * the model's, and so do the instructions that only a kernel may execute. The headers come first, so that their own
 * functions stay as they are.
 */
#pragma once

#include "core/partition.h"
#include "core/vp.h"
#include "x86/apic/local_apic.h"
#include "x86/backend.h"
#include "x86/cpu/instructions.h"
#include "x86/lp.h"
#include "x86/vm/interrupt.h"
#include "x86/vm/vp.h"

#include <stdatomic.h>

#undef atomic_load
#undef atomic_store
#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_fetch_or
#undef atomic_fetch_and
#define atomic_load(from) model_load(from)
#define atomic_load_explicit(from, order) model_load(from)
#define atomic_store(to, value) model_store(to, value, true)
#define atomic_store_explicit(to, value, order) model_store(to, value, (order) == memory_order_seq_cst)
#define atomic_fetch_or(at, bits) model_fetch_or(at, bits)
#define atomic_fetch_and(at, bits) model_fetch_and(at, bits)

#define cpu_pause() model_pause()
#define lp_this() model_lp_this()

/* The LP of the task that runs. */
struct lp *model_lp_this(void);
