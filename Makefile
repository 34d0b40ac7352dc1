# SPDX-License-Identifier: MPL-2.0
# The only front door. `make help` lists the targets.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
OBJCOPY ?= objcopy
LD := ld
PYTHON ?= python3
B := build
Q := $(if $(V),,@)
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wundef -Wconversion -Wredundant-decls \
	-Wmissing-prototypes -Wstrict-prototypes -Wno-sign-conversion
INCLUDES := -I. -Icore/include
DEPFLAGS = -MMD -MP

.PHONY: all help
all: $(B)/verdigris.elf

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

# --- The hypervisor ---------------------------------------------------------------------------------------------

HV_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-builtin-printf -mgeneral-regs-only -mno-red-zone -mcmodel=kernel \
	-fno-pic -fno-pie -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	-fno-strict-aliasing -fno-common -ffunction-sections -fdata-sections $(WARNINGS) $(INCLUDES)
HV_SOURCES := $(filter-out %_test.c,$(sort $(shell find abi core lib x86 boot drivers -name '*.c' -o -name '*.S' 2>/dev/null)))
HV_OBJECTS := $(patsubst %,$(B)/hv/%.o,$(HV_SOURCES))

## make                 build/verdigris.elf, the hypervisor
$(B)/verdigris.elf: $(HV_OBJECTS) boot/verdigris.lds
	@echo 'LD      $@'
	$(Q)$(LD) -nostdlib -static -z max-page-size=4096 --no-warn-rwx-segments --gc-sections -T boot/verdigris.lds -o $@ $(HV_OBJECTS)

# Changes only when the version does, and with it the one file that says it.
$(B)/version: force
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
.PHONY: force

$(B)/hv/boot/start.c.o: $(B)/version

$(B)/hv/%.c.o: %.c
	@mkdir -p $(@D)
	@echo 'CC      $<'
	$(Q)$(CC) $(HV_CFLAGS) $(DEPFLAGS) -DVERDIGRIS_VERSION='"$(VERSION)"' -c -o $@ $<

$(B)/hv/%.S.o: %.S
	@mkdir -p $(@D)
	@echo 'AS      $<'
	$(Q)$(CC) $(HV_CFLAGS) $(DEPFLAGS) -D__ASSEMBLY__ -c -o $@ $<

-include $(HV_OBJECTS:.o=.d)

# --- Unit tests and fuzzers on the host ---------------------------------------------------------------------------
#
# core/, lib/ and fake/ are built as ordinary host objects; each X_test.c beside its subject becomes one program.
# lib/string.c stays out: on the host the C library's functions stand behind lib/string.h.

HOST_WARNINGS := $(WARNINGS)
HOST_CFLAGS := -std=gnu17 -D_GNU_SOURCE -g $(HOST_WARNINGS) $(INCLUDES)
UNIT_CFLAGS := $(HOST_CFLAGS) -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
UNIT_LIBS := -lcmocka -lpthread

HOST_SOURCES := $(filter-out %_test.c lib/string.c,$(sort $(shell find core lib fake -name '*.c')))
UNIT_TEST_SOURCES := $(sort $(shell find abi core lib fake -name '*_test.c'))
UNIT_HELPER_SOURCES := $(sort $(wildcard test/unit/*.c))
UNIT_OBJECTS := $(patsubst %.c,$(B)/unit/%.o,$(HOST_SOURCES) $(UNIT_HELPER_SOURCES))
UNIT_PROGRAMS := $(patsubst %.c,$(B)/unit/%,$(UNIT_TEST_SOURCES))

$(B)/unit/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(B)/unit/libunit.a: $(UNIT_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(UNIT_PROGRAMS): $(B)/unit/%: $(B)/unit/%.o $(B)/unit/libunit.a
	$(Q)$(CC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)

# The hypervisor's own memcpy is in assembly; its test meets it under another name.
$(B)/unit/lib/string_test: $(B)/unit/memcpy.o
$(B)/coverage/lib/string_test: $(B)/unit/memcpy.o
$(B)/unit/memcpy.o: x86/cpu/memcpy.S
	@mkdir -p $(@D)
	$(Q)$(CC) -Dmemcpy=our_memcpy -c -o $@ $<

.SECONDARY: $(UNIT_PROGRAMS:=.o)

.PHONY: unit fuzz coverage
# Some files of x86/ are tested on the host as they are: what they ask of other processors, in every order of accesses to
# memory (test/model/model.h), and what they put into the VMCB. No address sanitizer: the model has stacks of its own.

MODEL_CFLAGS := $(HOST_CFLAGS) -O1 -fno-pie -fsanitize=undefined -fno-sanitize-recover=undefined
MODEL_PROGRAMS := $(B)/model/vm_run_test $(B)/model/svm_exit_test
MODEL_RUN := x86/vm/run_test.c x86/vm/run.c test/model/model.c lib/vpset.c fake/check.c
MODEL_EXIT := x86/svm/exit_test.c x86/svm/exit.c x86/svm/npiep.c x86/svm/svm.c x86/vm/run.c lib/vpset.c lib/print.c fake/check.c

$(B)/model/run/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(MODEL_CFLAGS) $(if $(filter x86/%,$*),-include test/model/model.h -include x86/host/model.h) $(DEPFLAGS) -c -o $@ $<

$(B)/model/exit/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(MODEL_CFLAGS) -include x86/host/instructions.h $(DEPFLAGS) -c -o $@ $<

$(B)/model/vm_run_test: $(MODEL_RUN:%.c=$(B)/model/run/%.o)
$(B)/model/svm_exit_test: $(MODEL_EXIT:%.c=$(B)/model/exit/%.o)
$(MODEL_PROGRAMS):
	$(Q)$(CC) $(MODEL_CFLAGS) -no-pie -o $@ $^ -lcmocka

## make unit            the unit tests, with address and undefined-behaviour sanitizers
unit: $(UNIT_PROGRAMS) $(MODEL_PROGRAMS)
	@test/unit/run $(UNIT_PROGRAMS) $(MODEL_PROGRAMS)

-include $(MODEL_RUN:%.c=$(B)/model/run/%.d) $(MODEL_EXIT:%.c=$(B)/model/exit/%.d)

# Branch coverage of the unit tests (gcov), a line per source file. Tests with threads need counters that are atomic.
COVERAGE_OBJECTS := $(patsubst %.c,$(B)/coverage/%.o,$(HOST_SOURCES) $(UNIT_HELPER_SOURCES))
COVERAGE_PROGRAMS := $(patsubst %.c,$(B)/coverage/%,$(UNIT_TEST_SOURCES))

$(B)/coverage/%.o: %.c
	@mkdir -p $(@D)
	$(Q)gcc $(HOST_CFLAGS) -O0 --coverage -fprofile-update=atomic $(DEPFLAGS) -c -o $@ $<

$(B)/coverage/libunit.a: $(COVERAGE_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

# An archive, because a test may bring its own check_failed.
$(COVERAGE_PROGRAMS): $(B)/coverage/%: $(B)/coverage/%.o $(B)/coverage/libunit.a
	$(Q)gcc --coverage -o $@ $^ $(UNIT_LIBS)

.SECONDARY: $(COVERAGE_PROGRAMS:=.o)

## make coverage        branch coverage of core/ and lib/ by the unit tests
coverage: $(COVERAGE_PROGRAMS)
	@find $(B)/coverage -name '*.gcda' -delete
	@test/unit/run --quiet $(COVERAGE_PROGRAMS)
	@test/unit/coverage $(B)/coverage

-include $(COVERAGE_OBJECTS:.o=.d) $(COVERAGE_PROGRAMS:=.d)

# --- Fuzzers: make fuzz [T=insn] [FUZZ_SECONDS=60] -----------------------------------------------------------------
#
# Each test/fuzz/NAME.c is a libFuzzer target, built with the helpers in test/fuzz/*/ and all of the core. The grammar
# of hypercalls is made from the table and needs the headers of all blocks.

FUZZ_TARGETS := $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/*.c))
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(B)/fuzz/%)
FUZZ_SECONDS ?= 60
FUZZ_CFLAGS := $(HOST_CFLAGS) $(addprefix -include ,$(wildcard abi/hv_call_*.h)) -O1 \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
FUZZ_OBJECTS := $(patsubst %.c,$(B)/fuzz/obj/%.o,$(HOST_SOURCES) $(sort $(wildcard test/fuzz/*/*.c)))

$(B)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(Q)clang $(FUZZ_CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(B)/fuzz/obj/fuzz.a: $(FUZZ_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(FUZZ_PROGRAMS): $(B)/fuzz/%: $(B)/fuzz/obj/test/fuzz/%.o $(B)/fuzz/obj/fuzz.a
	$(Q)clang -fsanitize=fuzzer,address,undefined -o $@ $^

.SECONDARY: $(FUZZ_TARGETS:%=$(B)/fuzz/obj/test/fuzz/%.o)

## make fuzz            each fuzzer for FUZZ_SECONDS; T="name ..." only those
fuzz: $(if $(T),$(T:%=$(B)/fuzz/%),$(FUZZ_PROGRAMS))
	@nice -n 19 test/fuzz/run --build $(B)/fuzz --seconds $(FUZZ_SECONDS) $(T)

## make fuzz-seeds      the fuzzers' seeds once each, as `make check` does
.PHONY: fuzz-seeds
fuzz-seeds: $(FUZZ_PROGRAMS)
	@test/fuzz/run --build $(B)/fuzz $(FUZZ_TARGETS)

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZ_TARGETS:%=$(B)/fuzz/obj/test/fuzz/%.d)
-include $(UNIT_OBJECTS:.o=.d) $(UNIT_PROGRAMS:=.d)

# --- Checks of the tree -------------------------------------------------------------------------------------------
#
# Each is a script that says what it refuses; tools/check-selftest proves that each can fail. None needs QEMU.

CHECKS := check-layers check-style check-headers check-format check-links check-licences check-hosts \
	check-coverage check-abi check-conformance check-selftest

.PHONY: checks tidy fix docs list-checks check-clang $(CHECKS)
list-checks:
	@echo $(CHECKS)

# The same sources by the other compiler, into a folder of their own.
check-clang:
	@$(MAKE) --no-print-directory B=$(B)/clang CC=clang $(B)/clang/verdigris.elf

## make checks          layers, style, headers, format, links, licences, hosts, coverage and ABI pages (11 s)
checks: $(CHECKS)

# The objects of the hypervisor, and of the host for what only the host has: no instruction of ring 0 in either.
check-layers: $(HV_OBJECTS) $(UNIT_OBJECTS)
	@tools/check-layers --objects $(B)/hv --host-objects $(B)/unit

check-style check-headers check-format check-links check-licences check-hosts check-conformance check-selftest:
	@tools/$@

check-coverage:
	@tools/coverage --check

check-abi:
	@tools/abi-dump --check

## make tidy            clang-tidy with the short list of .clang-tidy (slow, not part of check)
tidy:
	@clang-tidy --quiet $(filter abi/% lib/% core/% fake/%,$(HOST_SOURCES)) -- -std=gnu17 $(INCLUDES)

## make docs            docs/coverage.md and abi/abi.txt, which are kept in the tree
docs:
	@tools/coverage
	@tools/abi-dump

## make fix             everything that a tool can put right
fix: docs
	@tools/check-format --fix

# --- Test kernels -----------------------------------------------------------------------------------------------
# Each folder test/guest/NAME with a main.c becomes build/guest/NAME.elf: 64-bit code, linked at 1 MiB, in an ELF32
# container because that is what multiboot loaders take. No header of the hypervisor is in reach, on purpose.

GUEST_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-builtin -mgeneral-regs-only -mno-red-zone -fno-pic -fno-pie \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common $(WARNINGS)
GUEST_NAMES := $(filter-out framework,$(patsubst test/guest/%/main.c,%,$(wildcard test/guest/*/main.c)))
GUEST_IMAGES := $(GUEST_NAMES:%=$(B)/guest/%.elf)
GUEST_FRAMEWORK := $(patsubst %,$(B)/guest/obj/%.o,$(wildcard test/guest/framework/*.c test/guest/framework/*.S))

.PHONY: guests guest-check
## make guests          the test kernels in build/guest
guests: $(GUEST_IMAGES)

## make guest-check     boot every test kernel on Verdigris; T="name ..." only those
guest-check: $(B)/verdigris.elf $(GUEST_IMAGES)
	test/guest/run $(T)

# One run of the fuzzer that is a guest; `make guest-check T=fuzzer` makes four short ones.
STEPS ?= 1000000
SEED ?= 1
SMP ?= 1

## make fuzz-guest      fuzz a running hypervisor from inside: SEED=1 STEPS=1000000 SMP=1 FROM=0
.PHONY: fuzz-guest
fuzz-guest: $(B)/verdigris.elf $(B)/guest/fuzzer.elf
	tools/run --smp $(SMP) --append seed=$(SEED),steps=$(STEPS),from=$(or $(FROM),0) $(B)/guest/fuzzer.elf

.SECONDEXPANSION:
$(B)/guest/%.elf: $$(patsubst $$(percent),$(B)/guest/obj/$$(percent).o,$$(wildcard test/guest/$$*/*.c test/guest/$$*/*.S)) $(GUEST_FRAMEWORK) test/guest/framework/guest.lds
	$(Q)$(LD) -n -nostdlib -static --no-warn-rwx-segments -T test/guest/framework/guest.lds -o $@64 $(filter %.o,$^)
	$(Q)$(OBJCOPY) -O elf32-i386 --strip-debug $@64 $@

percent := %

$(B)/guest/obj/%.o: %
	@mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) $(DEPFLAGS) -c -o $@ $<

# A folder named NAME-pae is a 32-bit kernel with PAE paging: its own files, those of NAME that are not the main one nor
# replaced, the parts of the framework that do not depend on the width, and framework32 for those that do.
GUEST32_CFLAGS := $(filter-out -mno-red-zone,$(GUEST_CFLAGS)) -m32
GUEST32_FRAMEWORK := $(addprefix $(B)/guest/obj32/test/guest/framework/,$(addsuffix .c.o,acpi apic clock hv irq print smp start tap)) \
	$(patsubst %,$(B)/guest/obj32/%.o,$(wildcard test/guest/framework32/*.c test/guest/framework32/*.S))
GUEST32_SOURCES = $(wildcard test/guest/$1/*.c) \
	$(filter-out $(addprefix test/guest/$(1:-pae=)/,$(notdir $(wildcard test/guest/$1/*.c))),$(wildcard test/guest/$(1:-pae=)/*.c))

$(B)/guest/%-pae.elf: $$(patsubst $$(percent),$(B)/guest/obj32/$$(percent).o,$$(call GUEST32_SOURCES,$$*-pae)) $(GUEST32_FRAMEWORK) test/guest/framework/guest.lds
	$(Q)$(LD) -m elf_i386 -n -nostdlib -static --no-warn-rwx-segments --oformat elf32-i386 -T test/guest/framework/guest.lds -o $@ $(filter %.o,$^)

$(B)/guest/obj32/%.o: %
	@mkdir -p $(@D)
	$(Q)$(CC) $(GUEST32_CFLAGS) $(DEPFLAGS) -c -o $@ $<

# Objects are made on the way to an image; without this line make would remove them again.
.PRECIOUS: $(B)/guest/obj/%.o $(B)/guest/obj32/%.o

-include $(shell find $(B)/guest/obj $(B)/guest/obj32 -name '*.d' 2>/dev/null)

# --- The conformance suite ----------------------------------------------------------------------------------------
# One image of test/conform and the test kernels' framework. Each test/conform/requirements/AREA.def is found by itself;
# the prototypes of requirements come from their rows, so their files need none.

CONFORM_SOURCES := $(sort $(wildcard test/conform/*.c test/conform/*.S))
CONFORM_OBJECTS := $(patsubst %,$(B)/conform/obj/%.o,$(CONFORM_SOURCES))
CONFORM_ROWS := $(sort $(wildcard test/conform/requirements/*.def))
CONFORM_CFLAGS := $(filter-out -Wmissing-prototypes,$(GUEST_CFLAGS)) -Itest/guest -Itest/guest/framework \
	-DROWS='"$(abspath $(B))/conform/rows.def"'

.PHONY: conformance-image conformance always
always:

# Written anew only when an area comes or goes.
$(B)/conform/rows.def: always
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(patsubst %,$(CURDIR)/%,$(CONFORM_ROWS)) >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(B)/conform/obj/%.o: % $(B)/conform/rows.def
	@mkdir -p $(@D)
	$(Q)$(CC) $(CONFORM_CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(B)/hvconform.elf: $(CONFORM_OBJECTS) $(GUEST_FRAMEWORK) test/guest/framework/guest.lds
	$(Q)$(LD) -n -nostdlib -static --no-warn-rwx-segments -T test/guest/framework/guest.lds -o $@64 $(filter %.o,$^)
	$(Q)$(OBJCOPY) -O elf32-i386 --strip-debug $@64 $@

-include $(CONFORM_OBJECTS:.o=.d)

## make conformance-image   build/hvconform.elf, every requirement in one test kernel for any hypervisor
conformance-image: $(B)/hvconform.elf

# A CD-ROM or USB image of it for machines with BIOS or UEFI.
$(B)/hvconform.iso: $(B)/hvconform.elf test/conform/make-iso
	@tools/packages iso uefi
	@test/conform/make-iso $@ $<

.PHONY: conformance-kvm conformance-needs conformance-kvm-needs
conformance-needs:
	@tools/packages build run
	@$(MAKE) --no-print-directory $(B)/verdigris.elf $(B)/hvconform.elf

## make conformance     the suite on Verdigris, with 1, 2 and 4 processors and each profile; T="only=gate" chooses
conformance: conformance-needs $(B)/hvconform.iso
	@test/conform/run --selftest
	@test/conform/run $(T)

conformance-kvm-needs: conformance-needs
	@tools/fetch-debian kernel-6.1 kernel-7.3 qemu-11.1 >/dev/null

# A machine in an emulated machine: with two processors it keeps the limits of time; what takes four has its own boot.
KVM_RUNS = tools/conform-kvm --kernel $1 --smp 2 --outer-smp 2 $(T) $(if $(T),,&& tools/conform-kvm --kernel $1 processors=4)

## make conformance-kvm     the suite on Linux 6.1's and 7.3's KVM, inside the emulated machine; logs in build/conform
conformance-kvm: conformance-kvm-needs
	@$(call KVM_RUNS,6.1)
	@$(call KVM_RUNS,7.3)

# The columns of the page in docs/; each is made of the logs that the two targets above have left.
CONFORM_LOGS := $(B)/conform
VERDIGRIS_LOGS = $(wildcard $(foreach n,1 2 4 2-everything-debug-channel-loopback-tsc-invariant,$(CONFORM_LOGS)/verdigris-smp$(n).log))

.PHONY: conformance-report
## make conformance-report  docs/conformance.html and .md, from the logs that the two above have left
conformance-report:
	@tools/conform-report --html docs/conformance.html --markdown docs/conformance.md \
		--column "Verdigris" $(VERDIGRIS_LOGS) \
		--column "KVM, Linux 6.1" $(wildcard $(CONFORM_LOGS)/kvm-6.1-smp[24].log) \
		--column "KVM, Linux 7.3" $(wildcard $(CONFORM_LOGS)/kvm-7.3-smp[24].log)

# --- Running it -------------------------------------------------------------------------------------------------

# Which Debian kernel `make run` starts (6.1 or 7.3), and what else tools/run should hear.
KERNEL_VERSION ?= 6.1
RUN_OPTIONS ?=
VERDIGRIS_CACHE ?= $(HOME)/.cache/verdigris
export VERDIGRIS_CACHE

# The guest's own programs are ordinary static ones; `ticks` is the whole of a process, without a C library.
GUEST_PROGRAM_CFLAGS := -std=gnu17 -O2 -static $(WARNINGS)

$(B)/initramfs/load $(B)/initramfs/soak: $(B)/initramfs/%: root/initramfs/%.c
	@mkdir -p $(@D)
	$(CC) $(GUEST_PROGRAM_CFLAGS) -pthread -o $@ $<

$(B)/initramfs/ticks: root/initramfs/ticks.c
	@mkdir -p $(@D)
	$(CC) $(GUEST_PROGRAM_CFLAGS) -nostdlib -ffreestanding -fno-stack-protector -o $@ $<

$(VERDIGRIS_CACHE)/kernel-%/version:
	tools/fetch-debian kernel-$*

$(B)/initramfs-%.cpio: $(VERDIGRIS_CACHE)/kernel-%/version $(B)/initramfs/load $(B)/initramfs/soak $(B)/initramfs/ticks \
		tools/make-initramfs $(wildcard root/initramfs/*)
	tools/make-initramfs $@ $(B)/initramfs $(VERDIGRIS_CACHE)/kernel-$*

.PRECIOUS: $(VERDIGRIS_CACHE)/kernel-%/version
.PHONY: run test-boot soak iso bench run-needs test-boot-needs

# Make itself needs a compiler and the emulator first, so what follows runs in a make of its own.
run-needs:
	@tools/packages build run
	@tools/fetch-debian kernel-$(KERNEL_VERSION) >/dev/null
	@$(MAKE) --no-print-directory $(B)/verdigris.elf $(B)/initramfs-$(KERNEL_VERSION).cpio

## make run             boot Debian's kernel on Verdigris and give a shell in it; `poweroff` there ends it
run: run-needs
	tools/run --append "console=ttyS0 quiet" $(RUN_OPTIONS) \
		$(VERDIGRIS_CACHE)/kernel-$(KERNEL_VERSION)/vmlinuz $(B)/initramfs-$(KERNEL_VERSION).cpio

CONFORM_ISO_TEST := selftest/passes,selftest/hangs-halted,selftest/hangs-elsewhere,selftest/others*

test-boot-needs:
	@tools/packages build run iso uefi
	@tools/fetch-debian kernel-6.1 kernel-7.3 qemu-10.0 qemu-11.1 >/dev/null
	@qemu-system-x86_64 --version | grep -q 'version 7\.2\.' || tools/fetch-debian qemu-7.2 >/dev/null
	@rm -rf $(B)/test/boot/qemu-mended
	@qemu-system-x86_64 --version | grep -q 'version 7\.2\.' && root=/ || root=$(VERDIGRIS_CACHE)/qemu-7.2; \
		tools/mend-qemu "$$root" $(B)/test/boot/qemu-mended || echo 'the soaks will be skipped' >&2
	@$(MAKE) --no-print-directory $(B)/verdigris.elf $(B)/initramfs-6.1.cpio $(B)/initramfs-7.3.cpio $(B)/hvconform.elf
	@VERDIGRIS_ISO_TIMEOUT=0 VERDIGRIS_ISO_OPTIONS=debug-exit=0xf4 tools/make-iso $(B)/test/boot/test.iso \
		$(B)/verdigris.elf $(VERDIGRIS_CACHE)/kernel-6.1/vmlinuz $(B)/initramfs-6.1.cpio \
		"console=ttyS0 verdigris.test" >/dev/null
	@CONFORM_ISO_TIMEOUT=0 test/conform/make-iso $(B)/test/boot/conform.iso $(B)/hvconform.elf limit=3 \
		"only=$(CONFORM_ISO_TEST)" selftest >/dev/null

## make test-boot       boot real kernels on Verdigris; CASES="linux-6.1* panic*" chooses some
test-boot: test-boot-needs
	@test/boot/run $(CASES)

## make soak            Debian's kernels under load for SOAK_SECONDS (600) each, on four processors
SOAK_SECONDS ?= 600
soak: test-boot-needs
	@VERDIGRIS_SOAK_SECONDS=$(SOAK_SECONDS) test/boot/run --jobs 1 'soak-*'

## make iso KERNEL=FILE [INITRD=FILE] [APPEND="..."]     build/verdigris.iso, a CD-ROM or USB image for a real machine
iso: $(B)/verdigris.elf
	@tools/packages iso
	@test -n "$(KERNEL)" || { echo "make iso: name a kernel: make iso KERNEL=/boot/vmlinuz-... INITRD=..." >&2; exit 2; }
	@tools/make-iso $(B)/verdigris.iso $(B)/verdigris.elf "$(KERNEL)" "$(INITRD)" $(if $(APPEND),"$(APPEND)")

## make bench           what Verdigris costs, in instructions, KiB and seconds, beside the limits
bench: run-needs $(B)/guest/bench.elf
	@test/bench/run

# --- Virtual hard disks: vhd/, a component of its own ---------------------------------------------------------------
include vhd/vhd.mk

# --- All of it ----------------------------------------------------------------------------------------------------

.PHONY: check test test-needs clean
## make check           what needs no QEMU: both compilers, unit tests, checks of the tree; under a minute
check: $(B)/verdigris.elf $(UNIT_PROGRAMS) $(MODEL_PROGRAMS) $(FUZZ_PROGRAMS)
	@tools/sum-tests "test/unit/run $(UNIT_PROGRAMS) $(MODEL_PROGRAMS)" "test/fuzz/run $(FUZZ_TARGETS)" "tools/check-all"

test-needs:
	@tools/packages build unit run iso uefi
	@$(MAKE) --no-print-directory $(B)/verdigris.elf $(UNIT_PROGRAMS) $(MODEL_PROGRAMS) $(FUZZ_PROGRAMS) guests $(B)/hvconform.elf
	@$(MAKE) --no-print-directory test-boot-needs

## make test            everything: check, the test kernels, Debian's kernels, vhd/; at most 25 minutes
test: test-needs
	@tools/sum-tests "test/unit/run $(UNIT_PROGRAMS) $(MODEL_PROGRAMS)" "test/fuzz/run $(FUZZ_TARGETS)" "tools/check-all" "test/guest/run" \
		"test/conform/run --selftest" "test/conform/run" "test/boot/run" "$(MAKE) --no-print-directory test-vhd"

clean:
	rm -rf $(B)
