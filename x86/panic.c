/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Last words.
 */
#include "x86/panic.h"

#include "core/vp.h"
#include "drivers/serial/serial.h"
#include "x86/backend.h"
#include "x86/cpu/instructions.h"
#include "x86/cpu/trap.h"
#include "x86/lp.h"
#include "x86/machine_x86.h"
#include "x86/vm/run.h"
#include "x86/vm/vp.h"
#include "lib/check.h"
#include "lib/print.h"
#include "lib/string.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_SIZE 256

static _Atomic bool stopping;
static struct lp *speaker; /* the LP that panics */

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	print_format(line, sizeof(line), format, arguments);
	va_end(arguments);
	serial_write(line, strlen(line));
}

static _Noreturn void leave(void)
{
	if (machine.debug_exit_port != 0) {
		cpu_out8(machine.debug_exit_port, PANIC_EXIT_STATUS);
	}
	cpu_stop();
}

/* Only the first LP that panics speaks. */
static void begin(void)
{
	if (atomic_exchange(&stopping, true)) {
		if (speaker == lp_this()) {
			leave(); /* the panic itself went wrong: no more words */
		}
		cpu_stop();
	}
	speaker = lp_this();
	serial_hand_over(false);
}

static void stop_others(void)
{
	for (unsigned i = 0; i < machine.lp_count; i++) {
		struct x86_vp *vp = machine.vp[i];

		if (vp != NULL && vp->lp != lp_this()) {
			vp_request(&vp->vp, VP_REQUEST_STOP);
		}
	}
}

static _Noreturn void end(void)
{
	stop_others();
	if (machine.debug_exit_port == 0) {
		say("verdigris: machine halted\n");
	}
	leave();
}

static void say_message(const char *format, va_list arguments)
{
	char line[LINE_SIZE];

	print_format(line, sizeof(line), format, arguments);
	say("verdigris: %s\n", line);
}

_Noreturn void panic_stop(const char *format, ...)
{
	va_list arguments;

	begin();
	va_start(arguments, format);
	say_message(format, arguments);
	va_end(arguments);
	end();
}

static void say_gprs(const uint64_t gpr[GPR_COUNT])
{
	static const char names[GPR_COUNT][4] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
						 "r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15"};

	for (unsigned i = 0; i < GPR_COUNT; i++) {
		say("%s %016lx%s", names[i], gpr[i], i % 4 == 3 ? "\n" : "  ");
	}
}

static uint64_t get(struct vp *vp, enum hv_register_name name)
{
	return backend->register_get(x86_vp_of(vp), name);
}

static void say_vp(struct vp *vp)
{
	char text[LINE_SIZE];

	backend->describe_exit(x86_vp_of(vp), text, sizeof(text));
	say("VP %u: %s\n", vp->index, text);
	say_gprs(vp->gpr);
	say("rip %016lx  rfl %016lx  cr0 %016lx  cr2 %016lx\n", get(vp, HV_X64_REGISTER_RIP),
	    get(vp, HV_X64_REGISTER_RFLAGS), get(vp, HV_X64_REGISTER_CR0), get(vp, HV_X64_REGISTER_CR2));
	say("cr3 %016lx  cr4 %016lx  efer %016lx\n", get(vp, HV_X64_REGISTER_CR3),
	    get(vp, HV_X64_REGISTER_CR4), get(vp, HV_X64_REGISTER_EFER));
	say("cs  %016lx  ss  %016lx  (attributes, selector, limit)\n", get(vp, HV_X64_REGISTER_CS),
	    get(vp, HV_X64_REGISTER_SS));
}

_Noreturn void panic_vp(struct vp *vp, const char *format, ...)
{
	va_list arguments;

	begin();
	va_start(arguments, format);
	say_message(format, arguments);
	va_end(arguments);
	say_vp(vp);
	end();
}

_Noreturn void panic_exception(const struct trap_frame *frame)
{
	struct lp *lp = lp_this();

	begin();
	say("verdigris: exception %lu, error 0x%lx, in the hypervisor on LP %u: this is a bug in Verdigris\n",
	    frame->vector, frame->error_code, lp->index);
	say("rip %016lx  rsp %016lx  rfl %016lx  cr2 %016lx\n", frame->rip, frame->rsp, frame->rflags,
	    cpu_read_cr2());
	say_gprs(frame->gpr);
	if (lp->vp != NULL) {
		say_vp(&lp->vp->vp);
	}
	end();
}

void check_failed(const char *file, int line, const char *expression)
{
	begin();
	say("verdigris: %s:%d: %s does not hold: this is a bug in Verdigris\n", file, line, expression);
	if (lp_this()->vp != NULL) {
		say_vp(&lp_this()->vp->vp);
	}
	end();
}
