/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The two legacy 8259 interrupt controllers. They are root's; the hypervisor only silences them before root starts.
 */
#pragma once

/* Masks all inputs. Firmware leaves the timer on with vectors that belong to real mode, and an interrupt of it that
 * arrived before root has set the controllers up would reach root under a vector that means an exception. */
void pic_mask_all(void);
