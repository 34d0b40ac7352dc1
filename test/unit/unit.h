/* SPDX-License-Identifier: MPL-2.0 */
/* What most unit tests need: cmocka, and a fake machine of one or four VPs made afresh for each test. */
#pragma once

#include "fake/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Fixtures: *state is the `struct fake`. */
int unit_setup_one(void **state);
int unit_setup_four(void **state);
int unit_teardown(void **state);

#define unit_test_one(function) cmocka_unit_test_setup_teardown(function, unit_setup_one, unit_teardown)
#define unit_test_four(function) cmocka_unit_test_setup_teardown(function, unit_setup_four, unit_teardown)

/* A small generator of repeatable random numbers (xorshift); the state must not be 0. */
uint64_t unit_random(uint64_t *state);

/* Software-enables the VP's APIC, spurious vector 255. */
void unit_apic_enable(struct vp *vp);
/* Leaves x2APIC mode the way Linux does; the APIC is then software-enabled. */
void unit_apic_xapic_mode(struct vp *vp);
/* The VP takes whatever is deliverable; the vector must be this one (0: nothing is deliverable). */
void unit_expect_interrupt(struct vp *vp, uint8_t vector);
