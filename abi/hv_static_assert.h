/* SPDX-License-Identifier: MIT */
/*
 * `static_assert` for C17 without <assert.h>, which a freestanding compiler need not have. C++ has it built in. The
 * definition is the same as that of <assert.h>, so that including both is no conflict.
 */
#pragma once

#if !defined(__cplusplus) && !defined(static_assert)
#define static_assert _Static_assert
#endif
