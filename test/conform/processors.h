/* SPDX-License-Identifier: MIT */
/* Stopping processor 1 of the framework, sending it somewhere, and bringing it back to work. */
#pragma once

#include "../guest/framework/smp.h"
#include "tools.h"

/* Does it work for the framework? */
bool processor_runs(uint64_t ms);
/* By INIT: afterwards it waits for a start. */
bool processor_stop(void);
/* A start-up IPI to this page. */
void processor_startup(uint32_t page);
/* INIT, start-up IPI, and back to work, whatever it does now. */
bool processor_restart(void);
