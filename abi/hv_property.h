/* SPDX-License-Identifier: MIT */
/*
 * The number spaces of `abi/properties.def`: HV_<TABLE>_<NAME>, for instance HV_PARTITION_PROPERTY_CPU_CAP. Constants of
 * the feature tables and of the creation flags are bit numbers.
 */
#pragma once

enum hv_property {
#define HV_PROPERTY(table, code, name, state, source) HV_##table##_##name = code,
#include "abi/properties.def"
};
