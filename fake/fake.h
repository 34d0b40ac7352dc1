/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The machine made of C: implements core/machine.h on a host, for unit tests, fuzzers and benchmarks.
 *
 * It has RAM in which every page lies between two unmapped ones, a register file per VP, a clock that only tests
 * move, and it records every effect the core asks for, so that a test can say "this, and nothing else".
 *
 * What it does not do: run guest instructions. A test plays the guest: it writes guest memory, calls the core as an
 * exit would, and fake_vp_enter stands for the way back into the guest.
 *
 * All functions may be called from several threads; reading the records is for when the threads have ended.
 */
#pragma once

#include "core/hv.h"
#include "core/lock.h"
#include "core/machine.h"
#include "core/vp.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_TSC_HZ UINT64_C(2500000000)
#define FAKE_RAM_PAGES UINT64_C(64)
#define FAKE_REGISTERS_MAX 96
#define FAKE_EVENTS_MAX 1024
#define FAKE_FRAMES_MAX 2048
#define FAKE_SEGMENTS_MAX 16
#define FAKE_X87_SIZE 160
#define FAKE_OVERLAYS_MAX 256
#define FAKE_CPUID_MAX 64
#define FAKE_MSR_MAX 64
#define FAKE_CONSOLE_SIZE 16384
#define FAKE_XMM_COUNT 16
#define FAKE_XMM_FAST 6 /* those that hypercalls use */
#define FAKE_NO_VP UINT32_MAX

/* What the core may ask of a machine, one kind per effect. Asking for values (registers, time, pages) is no effect. */
enum fake_event_kind {
	FAKE_PAGE_ALLOC,
	FAKE_PAGE_FREE,
	FAKE_OVERLAY_PLACE, /* a: page number, b: 1 when a frame was placed, 0 when removed */
	FAKE_NESTED_FLUSH,  /* vp: caller */
	FAKE_TLB_FLUSH,	    /* vp: caller; a: VPs 0 to 63 as bits */
	FAKE_REGISTER_SET,  /* a: name, b: value */
	FAKE_SEGMENT_SET,   /* a: name, b: base */
	FAKE_XMM_SET,	    /* a: how many */
	FAKE_FPU_SET,
	FAKE_NPIEP_SET,	   /* a: HV_NPIEP_* */
	FAKE_MSR_WRITE,	   /* a: number, b: value */
	FAKE_DEADLINE_SET, /* a: TSC */
	FAKE_KICK,
	FAKE_LEVEL_EOI,	     /* a: vector */
	FAKE_LOGICAL_ID_SET, /* a: LDR, b: DFR */
	FAKE_LEGACY_SET,     /* a: accepted */
	FAKE_EXITS_MEASURE,  /* a: measured */
	FAKE_INIT_STATE,
	FAKE_SIPI_STATE, /* a: vector */
	FAKE_RESET,
	FAKE_CONSOLE_WRITE, /* a: bytes */
	FAKE_EVENT_KIND_COUNT,
};

struct fake_event {
	enum fake_event_kind kind;
	uint32_t vp; /* VP index, or FAKE_NO_VP */
	uint64_t a, b;
};

struct fake_register {
	enum hv_register_name name;
	uint64_t value;
};

struct fake_vp {
	struct vp vp;
	struct fake_register registers[FAKE_REGISTERS_MAX];
	unsigned register_count;
	struct fake_register segment_bases[FAKE_SEGMENTS_MAX];
	unsigned segment_count;
	uint8_t xmm[FAKE_XMM_COUNT][16];
	uint8_t x87[FAKE_X87_SIZE];	  /* as FXSAVE has it in front of XMM0 */
	uint64_t deadline;		  /* UINT64_MAX: none */
	_Atomic unsigned tlb_flush_count; /* times this VP was a target */
	_Atomic unsigned nested_flush_count;
	_Atomic unsigned kick_count;
	atomic_bool nested_stale; /* an overlay changed since this VP's last nested flush */
};

struct fake_overlay {
	const struct partition *partition;
	gpn_t page;
	void *frame;
	enum machine_access access;
};

struct fake_cpuid {
	uint32_t leaf, subleaf;
	struct cpuid_result result;
};

struct fake_msr {
	uint32_t number;
	uint64_t value;
};

struct fake {
	struct hv hv;
	struct profile profile; /* root's */
	struct fake_vp *vps;
	struct vp **vp_pointers;
	uint32_t vp_count;
	struct fake_child *children; /* further partitions, newest first */
	unsigned gpa_bits;

	uint8_t *ram_map; /* guard, page, guard, page, ..., guard */
	uint64_t ram_pages;
	uint8_t *ram_hole; /* one byte per page: nothing is there */
	uint8_t *snapshot; /* copy of all RAM, by fake_snapshot */

	void *frames[FAKE_FRAMES_MAX]; /* every frame handed out and not yet returned */
	unsigned frame_count;
	unsigned frames_until_failure; /* UINT32_MAX: allocation never fails */

	struct fake_overlay overlays[FAKE_OVERLAYS_MAX];
	unsigned overlay_count;

	_Atomic uint64_t tsc;
	uint64_t tsc_step; /* added at each reading of the clock */

	struct fake_cpuid cpuid[FAKE_CPUID_MAX];
	unsigned cpuid_count;
	struct fake_msr msrs[FAKE_MSR_MAX]; /* of the processor beneath */
	unsigned msr_count;
	bool msrs_refused; /* the processor takes no value for any */

	char console
		[FAKE_CONSOLE_SIZE]; /* the newest text is cut off when it is full; always NUL-terminated */
	size_t console_size;

	struct lock lock; /* events, frames, overlays, console */
	struct fake_event events[FAKE_EVENTS_MAX];
	unsigned event_count; /* may exceed FAKE_EVENTS_MAX: later ones are only counted */
	unsigned kind_count[FAKE_EVENT_KIND_COUNT];
};

struct fake_options {
	uint32_t vp_count;
	uint64_t ram_pages;
	uint64_t tsc_hz;
	uint64_t privileges;	       /* in the place of those of the full profile ... */
	uint32_t features;	       /* ... and of its features */
	const struct profile *profile; /* not NULL: this one, and the two above do not count */
	unsigned gpa_bits;
	const uint32_t *apic_ids;      /* NULL: APIC id equals VP index */
	unsigned frames_until_failure; /* UINT32_MAX: never; 0: the first allocation fails */
};

/* --- Life (fake.c, child.c) ------------------------------------------------------------------------------------------ */

struct fake_options fake_options_default(void);
/* Makes the VPs' machine parts ready for vp_create; part of making a partition. */
void fake_vps_prepare(struct fake_vp *vps, struct vp **pointers, uint32_t count);
/* Of all partitions' VPs the one whose deadline is nearest; part of fake_advance. */
struct fake_vp *fake_children_earliest(struct fake *fake, struct fake_vp *first);
bool fake_children_stale(struct fake *fake);
void fake_children_destroy(struct fake *fake);

/* A hypervisor with a root partition whose VP 0 runs and whose other VPs wait for SIPI. NULL when the core refused,
 * as it does when an allocation fails. The records are clear afterwards. */
struct fake *fake_hv_create_with(const struct fake_options *options);
struct fake *fake_hv_create(uint32_t vp_count, uint64_t ram_pages);
/* Frees everything, also what the core has not given back (the core has no call to destroy a partition). */
void fake_hv_destroy(struct fake *fake);

/* A further partition, child of root, with VPs of its own; NULL when the core refused. It sees the same RAM as root, but
 * has overlays of its own. Functions that take a fake_* and no partition or VP mean root. */
struct partition *fake_child_create(struct fake *fake, uint64_t id, uint64_t privileges, uint32_t vp_count);

struct vp *fake_vp(struct fake *fake, uint32_t index);
struct fake_vp *fake_vp_machine(struct vp *vp);
struct partition *fake_root(struct fake *fake);

/* --- Time (fake.c) ------------------------------------------------------------------------------------------ */

/* Moves the clock forward, stopping at each deadline on the way as the real machine's timer would. */
void fake_advance_to(struct fake *fake, uint64_t tsc);
void fake_advance(struct fake *fake, uint64_t ticks);
/* The same in units of 100 ns. */
void fake_advance_units(struct fake *fake, uint64_t units);

/* --- Entry into the guest (fake.c) -------------------------------------------------------------------------- */

struct fake_entry {
	bool runs; /* false: halted, idle or waiting for SIPI */
	bool nmi;
	struct apic_event event; /* verdict APIC_DELIVER: it was taken */
};

/* What x86/ does before it enters the guest: requests, wake-up, NMI, and the interrupt to inject, which the guest
 * takes at once when `interrupts_enabled`. */
struct fake_entry fake_vp_enter(struct vp *vp, bool interrupts_enabled);

/* --- Memory (memory.c) -------------------------------------------------------------------------------------- */

/* RAM beneath any overlay; NULL for a hole. */
void *fake_ram_page(struct fake *fake, gpn_t page);
void fake_ram_hole_set(struct fake *fake, gpn_t page, bool hole);
/* As the guest sees memory: overlays first. Whole or not at all; false when any byte is out of reach. */
bool fake_guest_write(struct fake *fake, gpa_t address, const void *data, size_t size);
bool fake_guest_read(struct fake *fake, gpa_t address, void *data, size_t size);
/* The frame placed over the page, or NULL. */
void *fake_overlay_at(struct fake *fake, gpn_t page);
void *fake_overlay_of(const struct partition *partition, gpn_t page);
/* Did any VP miss the flush that an overlay change needs? */
bool fake_nested_stale(struct fake *fake);

/* Remembers all RAM; then: is all of it unchanged but for `size` bytes at `address`? */
void fake_snapshot(struct fake *fake);
bool fake_unchanged_except(struct fake *fake, gpa_t address, size_t size);
bool fake_unchanged(struct fake *fake);

/* --- Machine settings (machine.c) --------------------------------------------------------------------------- */

void fake_cpuid_set(struct fake *fake, uint32_t leaf, uint32_t subleaf, struct cpuid_result result);
/* Sets what machine_msr_read answers; an MSR that no test has set reads 0. */
void fake_msr_set(struct fake *fake, uint32_t number, uint64_t value);
void fake_xmm_set(struct vp *vp, unsigned index, const void *value);
/* As machine_register_set, but not recorded: a test prepares the VP. */
void fake_register_set(struct vp *vp, enum hv_register_name name, uint64_t value);
/* What machine_segment_base answers; 0 when no test has set it. */
void fake_segment_base_set(struct vp *vp, enum hv_register_name name, uint64_t base);

/* --- Records (record.c) ------------------------------------------------------------------------------------- */

void fake_record(struct fake *fake, enum fake_event_kind kind, const struct vp *vp, uint64_t a, uint64_t b);
void fake_records_clear(struct fake *fake);
unsigned fake_count(const struct fake *fake, enum fake_event_kind kind);
/* All effects since the records were cleared, whatever their kind. */
unsigned fake_total(const struct fake *fake);
/* The newest recorded effect of the kind; NULL: none. */
const struct fake_event *fake_last(const struct fake *fake, enum fake_event_kind kind);
