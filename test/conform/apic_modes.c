/* SPDX-License-Identifier: MIT */
/* Both modes of the local APIC for a requirement's body. See apic_modes.h. */
#include "apic_modes.h"

#include "conform.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/cpu.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/smp.h"

#define DFR_FLAT 0xFFFFFFFFu
#define CPUID_1_ECX_X2APIC (1u << 21)

const char *mode_name(void)
{
	return apic_mode() == APIC_MODE_X2APIC ? "x2APIC" : "xAPIC";
}

/* In xAPIC mode each processor also gets a logical id; in x2APIC mode it has one. */
static void enter(void *mode)
{
	apic_switch(*(enum apic_mode *)mode);
	apic_init();
	if (apic_mode() == APIC_MODE_XAPIC) {
		apic_write(APIC_DFR, DFR_FLAT);
		apic_write(APIC_LDR, 1u << (24 + this_cpu()->index));
	}
}

static void enter_all(enum apic_mode mode)
{
	for (unsigned i = 1; i < CPU_MAX && cpus[i].alive != 0; i++) {
		smp_run(i, enter, &mode);
	}
	enter(&mode);
}

static void run(void (*body)(void), void (*enter_mode)(enum apic_mode))
{
	static const enum apic_mode modes[] = {APIC_MODE_XAPIC, APIC_MODE_X2APIC};
	enum apic_mode before = apic_mode();

	for (unsigned i = 0; i < 2; i++) {
		if (apic_switch(modes[i])) {
			enter_mode(modes[i]);
			irq_forget();
			body();
		}
	}
	enter_mode(before);
}

static void enter_alone(enum apic_mode mode)
{
	enter(&mode);
}

void in_both_modes(void (*body)(void))
{
	run(body, enter_alone);
}

void all_in_both_modes(void (*body)(void))
{
	run(body, enter_all);
}

void all_in_xapic_mode(void (*body)(void))
{
	enum apic_mode before = apic_mode();

	enter_all(APIC_MODE_XAPIC);
	if (apic_mode() != APIC_MODE_XAPIC) {
		skip_requirement("no xAPIC mode");
		return;
	}
	irq_forget();
	body();
	enter_all(before);
}

bool has_x2apic_mode(void)
{
	return (cpuid(1).ecx & CPUID_1_ECX_X2APIC) != 0;
}
