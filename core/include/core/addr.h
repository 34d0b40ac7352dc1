/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Addresses and page numbers, one type each.
 *
 * A guest-physical address handed to a function that wants a machine address must not compile, so each address
 * space has a one-field struct of its own. Page numbers count 4 KiB pages.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096u
#define PAGE_OFFSET_MASK UINT64_C(0xfff)

typedef struct {
	uint64_t value;
} gpa_t; /* guest physical address, bytes */

typedef struct {
	uint64_t value;
} gva_t; /* guest virtual address, bytes */

typedef struct {
	uint64_t value;
} hpa_t; /* physical address of the real machine, bytes */

typedef struct {
	uint64_t value;
} gpn_t; /* guest page number: a GPA divided by 4096 */

static inline gpa_t gpa(uint64_t value)
{
	return (gpa_t){value};
}

static inline gva_t gva(uint64_t value)
{
	return (gva_t){value};
}

static inline hpa_t hpa(uint64_t value)
{
	return (hpa_t){value};
}

static inline gpn_t gpn(uint64_t value)
{
	return (gpn_t){value};
}

static inline gpn_t gpn_of(gpa_t address)
{
	return (gpn_t){address.value >> PAGE_SHIFT};
}

static inline gpa_t gpa_of(gpn_t page)
{
	return (gpa_t){page.value << PAGE_SHIFT};
}

static inline unsigned gpa_page_offset(gpa_t address)
{
	return (unsigned)(address.value & PAGE_OFFSET_MASK);
}

static inline bool gpn_equal(gpn_t left, gpn_t right)
{
	return left.value == right.value;
}
