/* SPDX-License-Identifier: MIT */
/* The registers that lay a page of the hypervisor over the guest's memory. */
#pragma once

#include "tools.h"

struct page_msr {
	uint32_t msr;
	const char *name;
};

static const struct page_msr page_hypercall = {HV_MSR_HYPERCALL, "HYPERCALL"};
static const struct page_msr page_reference_tsc = {HV_MSR_REFERENCE_TSC, "REFERENCE_TSC"};
static const struct page_msr page_vp_assist = {HV_MSR_VP_ASSIST_PAGE, "VP_ASSIST_PAGE"};
static const struct page_msr page_simp = {MSR_SIMP, "SIMP"};
static const struct page_msr page_siefp = {MSR_SIEFP, "SIEFP"};
