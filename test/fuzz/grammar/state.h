/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a refused request must leave alone: the VPs, the partition, the pages that the hypervisor holds, and the machine.
 * What locks count, the copy of a call's input and the general-purpose registers are not part of it.
 */
#pragma once

#include "fake/fake.h"

/* Remembers the state of all VPs, and clears the machine's records. */
void state_remember(struct fake *fake);

/* Has nothing changed since, and has the machine been asked for nothing but pages that were given back? Ends the run
 * otherwise. */
void state_check_same(struct fake *fake);

/* Is every overlay where its register says, and only there, has no VP missed the flush, and has no APIC a vector that
 * does not exist? Ends the run otherwise. */
void state_check_sound(struct fake *fake);
