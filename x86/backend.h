/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a processor vendor's virtualization must supply (x86/svm/; x86/vmx/ later), and what common code (x86/vm/)
 * gives it. Field names of the vendor never leave its folder: exits are normalised, registers go by TLFS name.
 *
 * One constant table per vendor; backend_choose picks one when the hypervisor starts.
 *
 * Context: all of it runs on the LP that runs the VP, in the state in which exits are handled: no interrupt, NMI or
 * INIT can arrive (on AMD: GIF clear).
 */
#pragma once

#include "abi/hv_register.h"
#include "core/addr.h"
#include "core/apic.h"

#include <stdbool.h>
#include <stdint.h>

struct lp;
struct nested_table;
struct x86_vp;

enum vp_exit_kind {
	VP_EXIT_INTERRUPT, /* a physical interrupt waits */
	VP_EXIT_NMI,	   /* a physical NMI waits */
	VP_EXIT_CPUID,
	VP_EXIT_MSR_READ,
	VP_EXIT_MSR_WRITE,
	VP_EXIT_HYPERCALL,
	VP_EXIT_HALT,
	VP_EXIT_CACHE_DROP, /* INVD */
	VP_EXIT_TPR_WRITE,  /* MOV to CR8 while an interrupt waits for it */
	VP_EXIT_MEMORY,	    /* nested fault: gpa, access */
	VP_EXIT_UNDEFINED,  /* an instruction that does not exist for guests */
	VP_EXIT_PROTECTED,  /* an instruction that guests may not use: #GP */
	VP_EXIT_RESUME,	    /* the vendor has dealt with it */
	VP_EXIT_SHUTDOWN,   /* triple fault */
	VP_EXIT_IMPOSSIBLE, /* the processor refused the VP's state, or an exit nobody asked for */
};

enum vp_access {
	VP_ACCESS_READ,
	VP_ACCESS_WRITE,
	VP_ACCESS_EXECUTE
};

struct vp_exit {
	enum vp_exit_kind kind;
	uint8_t length;	       /* of the instruction, bytes; 0: the processor does not tell */
	bool long_mode;	       /* VP_EXIT_HYPERCALL: from 64-bit code, EFER.LMA and CS.L */
	bool privileged;       /* VP_EXIT_HYPERCALL: protected mode, not virtual-8086, CPL 0 */
	enum vp_access access; /* VP_EXIT_MEMORY */
	bool by_instruction; /* VP_EXIT_MEMORY: the instruction at RIP did it, not an event's delivery or a page walk */
	gpa_t gpa;	     /* VP_EXIT_MEMORY */
	const uint8_t *bytes; /* VP_EXIT_MEMORY: the instruction, */
	uint8_t byte_count;   /* as far as the processor tells it; else 0 */
	/* The registers that nearly every exit looks at, as they were when the guest left. */
	uint64_t rip, rflags, cr3;
};

struct backend {
	const char *name;

	/* Why this processor cannot be used, or NULL when it can. */
	const char *(*refusal)(void);
	/* What this processor offers beyond the least, for the console: at most `size` characters. */
	void (*describe)(char *text, unsigned size);
	/* Switches virtualization on for the calling LP. */
	void (*lp_enable)(struct lp *lp);

	/* Allocates the VP's control structure. False: no memory. */
	bool (*vp_create)(struct x86_vp *vp);
	/* Runs the VP for ever: calls vm_exit after each exit. */
	void (*run)(struct x86_vp *vp) __attribute__((noreturn));

	uint64_t (*register_get)(struct x86_vp *vp, enum hv_register_name name);
	void (*register_set)(struct x86_vp *vp, enum hv_register_name name, uint64_t value);
	uint64_t (*segment_base)(struct x86_vp *vp, enum hv_register_name name);
	void (*segment_set)(struct x86_vp *vp, enum hv_register_name name, uint64_t base, uint64_t rest);

	/* Which instructions raise #GP outside CPL 0: machine_npiep_set. */
	void (*npiep_set)(struct x86_vp *vp, uint64_t prevented);

	/* RIP past an instruction of `length` bytes that was carried out for the guest; ends an interrupt shadow. */
	void (*advance)(struct x86_vp *vp, unsigned length);
	/* Raises an exception at the next entry. While another was being delivered it becomes a double fault as the
	 * processor would make one, and ends the machine behind that. `error_code` -1: none. */
	void (*raise)(struct x86_vp *vp, uint8_t vector, int64_t error_code);

	/* Are exits to be handled between stats_exit_begins and stats_exit_ends? Not at first. */
	void (*measure)(struct x86_vp *vp, bool measured);

	/* INIT: no event is on its way to the VP any more. */
	void (*forget_events)(struct x86_vp *vp);

	/* The last exit in the vendor's own numbers, for people: at most `size` characters. */
	void (*describe_exit)(struct x86_vp *vp, char *text, unsigned size);

	/* At the next entry: drop the guest's TLB. */
	void (*flush)(struct x86_vp *vp);

	/* Lets physical interrupts and NMIs in for a moment. */
	void (*window)(void);
	/* Sleeps until one comes, and lets it in. One that came earlier and still waits ends the sleep at once. */
	void (*sleep)(void);
	/* Is this one of the instructions of `window` and `sleep`? */
	bool (*window_has)(uint64_t rip);

	/* The hypercall page's instructions: up to 16 bytes; returns how many. */
	unsigned (*hypercall_code)(uint8_t code[16]);
};

extern const struct backend svm_backend;

/* The table for this processor; valid after backend_choose. */
extern const struct backend *backend;

/* Picks the table; otherwise returns a sentence that says what is missing. */
const char *backend_choose(void);
