/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer's parts: a stream of bytes that is the program, the machine that the program may play with, and the
 * instructions.
 *
 * An instruction first takes all its operands from the stream and then acts. So the stream does not depend on what
 * the hypervisor answers, and the same seed always gives the same program.
 */
#pragma once

#include "../framework/cpu.h"

/* --- The program (stream.c) ---------------------------------------------------------------------------------- */

struct stream {
	uint64_t state;
	uint64_t bits; /* those not yet taken */
	unsigned left; /* bytes of them */
	uint64_t checksum;
};

/* The program with this number, for this processor. The checksum goes on from the program before. */
void stream_begin(struct stream *stream, uint64_t seed, uint64_t program, unsigned processor);
uint8_t stream_byte(struct stream *stream);
uint64_t stream_word(struct stream *stream);
/* 0 to count - 1. */
unsigned stream_below(struct stream *stream, unsigned count);

/* A number that means something: small, all ones, a bit, an index, a set of VPs, an address, ... */
uint64_t stream_value(struct stream *stream);
/*
 * What a hypercall may want in one word, more or less:
 *
 *	s  a partition id		v  a VP index and trust level	x  a vector
 *	i  id of a port that there is	j  of one that may come and go	t  the type of a port
 *	g  a SINT and a VP		f  a base flag and how many	m  a message's type and size
 *	e  a connection and a flag	p  a connection for messages	n  two names of registers
 *	c  an address space		F  flags of a flush		S  banks of a VP set
 *	0  zero				any other letter: stream_value
 */
uint64_t stream_field(struct stream *stream, char kind);
/* Where a page may be laid: over memory that is ours, devices, nothing, the hypervisor; page-aligned. */
uint64_t stream_page(struct stream *stream);
/* Where a block of `size` bytes may lie: mostly within a page of the arena, or just not. */
uint64_t stream_place(struct stream *stream, unsigned size);

/* --- The playground (playground.c) --------------------------------------------------------------------------- */

#define ARENA_PAGES 12u	 /* anything may lie in or over them */
#define WITNESS_PAGES 3u /* anything may lie over them, nothing is written to them */

struct playground {
	uint8_t *arena;
	uint8_t *witness;
	uint64_t hypervisor_memory; /* a page of it; 0: unknown */
	unsigned processors;
	bool has_heartbeat;	/* an NMI comes many times a second: sleep ends */
	uint8_t instruction[3]; /* VMMCALL or VMCALL, from the hypercall page */
};
extern struct playground playground;

void playground_make(void);
/* What a program may have left behind: first the pages on all processors, then all else. */
void playground_clear_pages(void *unused);
void playground_clear_rest(void *unused);
/* What belongs to all processors, and the memory. */
void playground_clear_shared(void);
/* A SynIC that can receive: mostly programs begin with one. */
void playground_start_synic(void *unused);
/* Starts another processor anew, without the heartbeat: an NMI would find it with no table of interrupts. */
bool playground_restart(unsigned index);
/* Looks at the machine after a program; says what is wrong, or NULL. */
const char *playground_check(void);

/* --- Instructions --------------------------------------------------------------------------------------------- */

extern bool tracing;
#define TRACE(...) (tracing && this_cpu()->index == 0 ? print(__VA_ARGS__) : (void)0)

/* Executes the stream's next instruction. An exception ends it. */
void step_execute(struct stream *stream); /* steps.c */
void step_call(struct stream *stream);	  /* call.c */
void step_msr(struct stream *stream);	  /* msr.c */
void step_apic_page(struct stream *stream);

/* A hypercall from here, with the processor's instruction and not through the page. */
struct call_registers {
	uint64_t rax, rcx, rdx, rbx, rsi, rdi, r8;
	uint64_t padding;
	uint64_t xmm[12];
};
void call_64(struct call_registers *registers);
void call_32(struct call_registers *registers);
/* Puts the instruction there; once, after playground_make. */
void call_prepare(void);
/* What most programs need a port for, before each; and away with it, and with what a program has made itself. */
void call_make_ports(void);
void call_unmake_ports(void);
