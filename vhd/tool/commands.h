/* SPDX-License-Identifier: MIT */
/*
 * The rows of all commands, one file each.
 */
#pragma once

#include "vhd/tool/tool.h"

extern const struct tool_command command_check;
extern const struct tool_command command_compact;
extern const struct tool_command command_compare;
extern const struct tool_command command_convert;
extern const struct tool_command command_create;
extern const struct tool_command command_import; /* vhd/import/ */
extern const struct tool_command command_info;
extern const struct tool_command command_map;
extern const struct tool_command command_merge;
extern const struct tool_command command_relink;
extern const struct tool_command command_resize;
extern const struct tool_command command_serve;
extern const struct tool_command command_set;
extern const struct tool_command command_snapshot;
