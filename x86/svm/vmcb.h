/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The virtual machine control block, its bits, and the exit codes.
 *
 * Source: AMD64 Architecture Programmer's Manual volume 2, appendices B "Layout of VMCB" and C "SVM Intercept Exit
 * Codes", and chapter 15 "Secure Virtual Machine".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct vmcb_segment {
	uint16_t selector;   /* 0 */
	uint16_t attributes; /* 2: bits 7:0 as descriptor bits 47:40, 11:8 as 55:52 */
	uint32_t limit;	     /* 4: bytes */
	uint64_t base;	     /* 8 */
};
_Static_assert(sizeof(struct vmcb_segment) == 16, "APM 2, B: segment register format");

struct vmcb {
	/* Control area. */
	uint32_t intercept_cr;	       /* 0x000: reads 15:0, writes 31:16 */
	uint32_t intercept_dr;	       /* 0x004 */
	uint32_t intercept_exceptions; /* 0x008 */
	uint32_t intercept_1;	       /* 0x00c: VMCB_1_* */
	uint32_t intercept_2;	       /* 0x010: VMCB_2_* */
	uint32_t intercept_3;	       /* 0x014 */
	uint8_t reserved_018[0x03c - 0x018];
	uint16_t pause_threshold;   /* 0x03c */
	uint16_t pause_count;	    /* 0x03e */
	uint64_t iopm_base;	    /* 0x040: physical */
	uint64_t msrpm_base;	    /* 0x048: physical */
	uint64_t tsc_offset;	    /* 0x050 */
	uint32_t asid;		    /* 0x058: 0 is the host's */
	uint32_t tlb_control;	    /* 0x05c: VMCB_TLB_* in 7:0 */
	uint64_t interrupt_control; /* 0x060: VMCB_V_* */
	uint64_t interrupt_state;   /* 0x068: bit 0 interrupt shadow */
	uint64_t exit_code;	    /* 0x070 */
	uint64_t exit_info_1;	    /* 0x078 */
	uint64_t exit_info_2;	    /* 0x080 */
	uint64_t exit_event;	    /* 0x088: EXITINTINFO, VMCB_EVENT_* */
	uint64_t nested_control;    /* 0x090: bit 0 nested paging */
	uint64_t avic_bar;	    /* 0x098 */
	uint64_t ghcb;		    /* 0x0a0 */
	uint64_t event;		    /* 0x0a8: EVENTINJ, VMCB_EVENT_* */
	uint64_t nested_cr3;	    /* 0x0b0: physical */
	uint64_t virtualization;    /* 0x0b8 */
	uint64_t clean;		    /* 0x0c0 */
	uint64_t next_rip;	    /* 0x0c8: with NRIP save */
	uint8_t fetched_count;	    /* 0x0d0: with decode assists */
	uint8_t fetched[15];	    /* 0x0d1 */
	uint8_t reserved_0e0[0x400 - 0x0e0];

	/* State save area; offsets within it in the second column. */
	struct vmcb_segment es;	  /* 0x400 000 */
	struct vmcb_segment cs;	  /* 0x410 010 */
	struct vmcb_segment ss;	  /* 0x420 020 */
	struct vmcb_segment ds;	  /* 0x430 030 */
	struct vmcb_segment fs;	  /* 0x440 040 */
	struct vmcb_segment gs;	  /* 0x450 050 */
	struct vmcb_segment gdtr; /* 0x460 060 */
	struct vmcb_segment ldtr; /* 0x470 070 */
	struct vmcb_segment idtr; /* 0x480 080 */
	struct vmcb_segment tr;	  /* 0x490 090 */
	uint8_t reserved_4a0[0x4cb - 0x4a0];
	uint8_t cpl; /* 0x4cb 0cb */
	uint32_t reserved_4cc;
	uint64_t efer; /* 0x4d0 0d0 */
	uint8_t reserved_4d8[0x548 - 0x4d8];
	uint64_t cr4;	 /* 0x548 148 */
	uint64_t cr3;	 /* 0x550 150 */
	uint64_t cr0;	 /* 0x558 158 */
	uint64_t dr7;	 /* 0x560 160 */
	uint64_t dr6;	 /* 0x568 168 */
	uint64_t rflags; /* 0x570 170 */
	uint64_t rip;	 /* 0x578 178 */
	uint8_t reserved_580[0x5d8 - 0x580];
	uint64_t rsp; /* 0x5d8 1d8 */
	uint8_t reserved_5e0[0x5f8 - 0x5e0];
	uint64_t rax;		 /* 0x5f8 1f8 */
	uint64_t star;		 /* 0x600 200 */
	uint64_t lstar;		 /* 0x608 208 */
	uint64_t cstar;		 /* 0x610 210 */
	uint64_t sfmask;	 /* 0x618 218 */
	uint64_t kernel_gs_base; /* 0x620 220 */
	uint64_t sysenter_cs;	 /* 0x628 228 */
	uint64_t sysenter_esp;	 /* 0x630 230 */
	uint64_t sysenter_eip;	 /* 0x638 238 */
	uint64_t cr2;		 /* 0x640 240 */
	uint8_t reserved_648[0x668 - 0x648];
	uint64_t pat; /* 0x668 268 */
	uint8_t reserved_670[0x1000 - 0x670];
};
_Static_assert(sizeof(struct vmcb) == 4096, "APM 2, B");
_Static_assert(offsetof(struct vmcb, asid) == 0x058, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, interrupt_control) == 0x060, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x070, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, nested_cr3) == 0x0b0, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, fetched) == 0x0d1, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "APM 2, table B-2");

#define VMCB_CR_WRITE(n) (1u << (16 + (n)))

enum vmcb_intercept_1 {
	VMCB_1_INTR = 1u << 0,
	VMCB_1_NMI = 1u << 1,
	VMCB_1_SMI = 1u << 2,
	VMCB_1_INIT = 1u << 3,
	VMCB_1_VINTR = 1u << 4,
	VMCB_1_IDTR_READ = 1u << 6,
	VMCB_1_GDTR_READ = 1u << 7,
	VMCB_1_LDTR_READ = 1u << 8,
	VMCB_1_TR_READ = 1u << 9,
	VMCB_1_RDPMC = 1u << 15,
	VMCB_1_CPUID = 1u << 18,
	VMCB_1_IRET = 1u << 20,
	VMCB_1_INVD = 1u << 22,
	VMCB_1_HLT = 1u << 24,
	VMCB_1_INVLPGA = 1u << 26,
	VMCB_1_IOIO = 1u << 27,
	VMCB_1_MSR = 1u << 28,
	VMCB_1_FERR_FREEZE = 1u << 30,
};
#define VMCB_1_SHUTDOWN (1u << 31)

enum vmcb_intercept_2 {
	VMCB_2_VMRUN = 1u << 0,
	VMCB_2_VMMCALL = 1u << 1,
	VMCB_2_VMLOAD = 1u << 2,
	VMCB_2_VMSAVE = 1u << 3,
	VMCB_2_STGI = 1u << 4,
	VMCB_2_CLGI = 1u << 5,
	VMCB_2_SKINIT = 1u << 6,
	VMCB_2_MONITOR = 1u << 10,
	VMCB_2_MWAIT = 1u << 11,
	VMCB_2_MWAIT_ARMED = 1u << 12,
	VMCB_2_RDPRU = 1u << 14,
};

#define VMCB_TLB_NOTHING 0u
#define VMCB_TLB_FLUSH_ALL 1u
#define VMCB_TLB_FLUSH_GUEST 3u /* with flush-by-ASID */

#define VMCB_V_TPR_MASK UINT64_C(0xff)
#define VMCB_V_IRQ (UINT64_C(1) << 8)
#define VMCB_V_PRIORITY_SHIFT 16
#define VMCB_V_IGNORE_TPR (UINT64_C(1) << 20)
#define VMCB_V_MASKING (UINT64_C(1) << 24)
#define VMCB_V_VECTOR_SHIFT 32

#define VMCB_INTERRUPT_SHADOW UINT64_C(1)
#define VMCB_NESTED_PAGING UINT64_C(1)

#define VMCB_ATTRIBUTE_LONG 0x200u    /* CS.L */
#define VMCB_ATTRIBUTE_DEFAULT 0x400u /* CS.D */

/* EVENTINJ and EXITINTINFO. */
#define VMCB_EVENT_VECTOR UINT64_C(0xff)
#define VMCB_EVENT_TYPE (UINT64_C(7) << 8)
#define VMCB_EVENT_INTERRUPT UINT64_C(0)
#define VMCB_EVENT_NMI (UINT64_C(2) << 8)
#define VMCB_EVENT_EXCEPTION (UINT64_C(3) << 8)
#define VMCB_EVENT_SOFTWARE (UINT64_C(4) << 8) /* INT n */
#define VMCB_EVENT_ERROR_CODE (UINT64_C(1) << 11)
#define VMCB_EVENT_VALID (UINT64_C(1) << 31)

enum vmcb_exit_code {
	VMCB_EXIT_WRITE_CR8 = 0x018,
	VMCB_EXIT_EXCEPTION = 0x040, /* + vector, 0 to 31 */
	VMCB_EXIT_INTR = 0x060,
	VMCB_EXIT_NMI = 0x061,
	VMCB_EXIT_SMI = 0x062,
	VMCB_EXIT_INIT = 0x063,
	VMCB_EXIT_VINTR = 0x064,
	VMCB_EXIT_IDTR_READ = 0x066,
	VMCB_EXIT_GDTR_READ = 0x067,
	VMCB_EXIT_LDTR_READ = 0x068,
	VMCB_EXIT_TR_READ = 0x069,
	VMCB_EXIT_RDPMC = 0x06f,
	VMCB_EXIT_CPUID = 0x072,
	VMCB_EXIT_IRET = 0x074,
	VMCB_EXIT_INVD = 0x076,
	VMCB_EXIT_HLT = 0x078,
	VMCB_EXIT_INVLPGA = 0x07a,
	VMCB_EXIT_MSR = 0x07c,
	VMCB_EXIT_SHUTDOWN = 0x07f,
	VMCB_EXIT_VMRUN = 0x080,
	VMCB_EXIT_VMMCALL = 0x081,
	VMCB_EXIT_VMLOAD = 0x082,
	VMCB_EXIT_VMSAVE = 0x083,
	VMCB_EXIT_STGI = 0x084,
	VMCB_EXIT_CLGI = 0x085,
	VMCB_EXIT_SKINIT = 0x086,
	VMCB_EXIT_WBINVD = 0x089,
	VMCB_EXIT_MONITOR = 0x08a,
	VMCB_EXIT_MWAIT = 0x08b,
	VMCB_EXIT_MWAIT_ARMED = 0x08c,
	VMCB_EXIT_RDPRU = 0x08e,
	VMCB_EXIT_NESTED_FAULT = 0x400,
};

/* EXITINFO1 of a nested page fault. */
#define VMCB_FAULT_WRITE (UINT64_C(1) << 1)
#define VMCB_FAULT_WALK (UINT64_C(1) << 33) /* while the guest's page tables were read */
#define VMCB_FAULT_EXECUTE (UINT64_C(1) << 4)
