/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reads RSDP, RSDT or XSDT, MADT and FADT through the direct map (the first 4 GiB are mapped when this runs; tables
 * elsewhere are not looked at).
 */
#include "drivers/acpi/acpi.h"

#include "x86/mm/pool.h"
#include "lib/string.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAPPED_END (UINT64_C(1) << 32)
#define TABLE_SIZE_MAX 0x100000u
#define EBDA_SEGMENT 0x40e
#define BIOS_START 0xe0000
#define BIOS_END 0x100000

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint32_t xsdt_low, xsdt_high;
	uint8_t extended_checksum;
	uint8_t reserved[3];
};
_Static_assert(sizeof(struct rsdp) == 36, "ACPI 6.5, 5.2.5.3 RSDP Structure");
#define RSDP_V1_SIZE 20

struct table {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision, creator, creator_revision;
};
_Static_assert(sizeof(struct table) == 36, "ACPI 6.5, 5.2.6 System Description Table Header");

/* Offsets of what we read from longer tables. */
enum {
	FADT_PM_TIMER = 76,	   /* u32 I/O port */
	FADT_PM_TIMER_LENGTH = 91, /* u8, 4 when there is one */
	FADT_FLAGS = 112,	   /* u32, bit 10: reset register */
	FADT_RESET_SPACE = 116, /* generic address: space u8, width u8, offset u8, access u8, address u64 */
	FADT_RESET_ADDRESS = 120,
	FADT_RESET_VALUE = 128,
	MADT_ENTRIES = 44,
};
#define FADT_RESET_SUPPORTED (1u << 10)
#define SPACE_IO 1
#define MADT_LOCAL_APIC 0
#define MADT_LOCAL_X2APIC 9
#define MADT_ENABLED 1u

static uint32_t read32(const void *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static bool sums_to_zero(const void *data, size_t size)
{
	const uint8_t *byte = data;
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++) {
		sum = (uint8_t)(sum + byte[i]);
	}
	return sum == 0;
}

static const struct rsdp *find_rsdp_in(uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at + sizeof(struct rsdp) <= end; at += 16) {
		const struct rsdp *rsdp = direct_pointer(at);

		if (memcmp(rsdp->signature, "RSD PTR ", 8) == 0 && sums_to_zero(rsdp, RSDP_V1_SIZE)) {
			return rsdp;
		}
	}
	return NULL;
}

static const struct rsdp *find_rsdp(void)
{
	uint16_t segment;
	const struct rsdp *rsdp;

	memcpy(&segment, direct_pointer(EBDA_SEGMENT), sizeof(segment));
	rsdp = find_rsdp_in((uint64_t)segment << 4, ((uint64_t)segment << 4) + 1024);
	return rsdp != NULL ? rsdp : find_rsdp_in(BIOS_START, BIOS_END);
}

/* The table at a physical address, or NULL when it cannot be one. */
static const struct table *table_at(uint64_t address)
{
	const struct table *table = direct_pointer(address);

	if (address == 0 || address > MAPPED_END - TABLE_SIZE_MAX) {
		return NULL;
	}
	if (table->length < sizeof(*table) || table->length > TABLE_SIZE_MAX ||
	    !sums_to_zero(table, table->length)) {
		return NULL;
	}
	return table;
}

static void add_processor(struct acpi_info *info, uint32_t apic_id, uint32_t flags)
{
	if ((flags & MADT_ENABLED) == 0) {
		return;
	}
	if (info->processor_count == ACPI_PROCESSOR_MAX) {
		info->processors_ignored++;
		return;
	}
	info->apic_id[info->processor_count++] = apic_id;
}

static void read_madt(struct acpi_info *info, const struct table *madt)
{
	const uint8_t *base = (const uint8_t *)madt;

	for (uint32_t at = MADT_ENTRIES; at + 2 <= madt->length && base[at + 1] >= 2; at += base[at + 1]) {
		const uint8_t *entry = base + at;

		if (entry[0] == MADT_LOCAL_APIC && entry[1] >= 8) {
			add_processor(info, entry[3], read32(entry + 4));
		} else if (entry[0] == MADT_LOCAL_X2APIC && entry[1] >= 16) {
			add_processor(info, read32(entry + 4), read32(entry + 8));
		}
	}
}

static void read_fadt(struct acpi_info *info, const struct table *fadt)
{
	const uint8_t *base = (const uint8_t *)fadt;

	if (fadt->length > FADT_PM_TIMER_LENGTH && base[FADT_PM_TIMER_LENGTH] == 4) {
		info->pm_timer_port = (uint16_t)read32(base + FADT_PM_TIMER);
	}
	if (fadt->length > FADT_RESET_VALUE && (read32(base + FADT_FLAGS) & FADT_RESET_SUPPORTED) != 0 &&
	    base[FADT_RESET_SPACE] == SPACE_IO) {
		info->reset_port_valid = true;
		info->reset_port = (uint16_t)read32(base + FADT_RESET_ADDRESS);
		info->reset_value = base[FADT_RESET_VALUE];
	}
}

static void read_table(struct acpi_info *info, uint64_t address)
{
	const struct table *table = table_at(address);

	if (table == NULL) {
		return;
	}
	if (memcmp(table->signature, "APIC", 4) == 0) {
		read_madt(info, table);
	} else if (memcmp(table->signature, "FACP", 4) == 0) {
		read_fadt(info, table);
	}
}

/* Entries of an RSDT have 4 bytes, those of an XSDT 8, of which a table below 4 GiB uses the lower half. */
static void read_root(struct acpi_info *info, const struct table *root, uint32_t entry_size)
{
	const uint8_t *base = (const uint8_t *)root;

	for (uint32_t at = sizeof(*root); at + entry_size <= root->length; at += entry_size) {
		bool reachable = entry_size == 4 || read32(base + at + 4) == 0;

		if (reachable) {
			read_table(info, read32(base + at));
		}
	}
}

bool acpi_scan(struct acpi_info *info)
{
	const struct rsdp *rsdp = find_rsdp();
	const struct table *xsdt = NULL, *rsdt;

	if (rsdp == NULL) {
		return false;
	}
	info->rsdp = direct_physical(rsdp);
	if (rsdp->revision >= 2 && rsdp->xsdt_high == 0) {
		xsdt = table_at(rsdp->xsdt_low);
	}
	rsdt = table_at(rsdp->rsdt);
	if (xsdt != NULL) {
		read_root(info, xsdt, 8);
	} else if (rsdt != NULL) {
		read_root(info, rsdt, 4);
	}
	return xsdt != NULL || rsdt != NULL;
}
