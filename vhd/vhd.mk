# SPDX-License-Identifier: MIT
# How vhd/ is built: the library, vhdtool, the nbdkit plugin and their tests. Part of the root Makefile.

VHD_B := $(B)/vhd

.PHONY: vhd check-vhd test-vhd bench-vhd fuzz-vhd vhd-needs vhd-test-needs

vhd-needs:
	@tools/packages vhd

vhd-test-needs: vhd-needs
	@tools/packages vhd-test

# --- Library --------------------------------------------------------------------------------------------------------

# The same position-independent objects make the static and the shared library. Whoever adds vhd/lib/X.c or X_test.c need
# not change this file.
VHD_VERSION := 1.0.0
VHD_INCLUDES := -I. -Ivhd/include
# What a packager adds: VHD_EXTRA_CFLAGS, LDFLAGS.
VHD_CFLAGS := -std=gnu17 -D_GNU_SOURCE -O2 -g $(WARNINGS) $(VHD_INCLUDES) $(VHD_EXTRA_CFLAGS)
VHD_LIB_SOURCES := $(filter-out %_test.c,$(sort $(wildcard vhd/lib/*.c)))
VHD_LIB_OBJECTS := $(patsubst vhd/%.c,$(VHD_B)/obj/%.o,$(VHD_LIB_SOURCES))
VHD_LIB_LDLIBS := -lpthread

## make vhd             the VHD library, vhdtool and the nbdkit plugin, in build/vhd
vhd: $(VHD_B)/libverdivhd.a $(VHD_B)/libverdivhd.so $(VHD_B)/verdivhd.pc

$(VHD_B)/obj/lib/%.o: vhd/lib/%.c
	@mkdir -p $(@D)
	@echo 'CC      $<'
	$(Q)$(CC) $(VHD_CFLAGS) -fPIC -fvisibility=hidden $(DEPFLAGS) -c -o $@ $<

$(VHD_B)/libverdivhd.a: $(VHD_LIB_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(VHD_B)/libverdivhd.so.0: $(VHD_LIB_OBJECTS) vhd/lib/verdivhd.map
	@echo 'LD      $@'
	$(Q)$(CC) -shared -Wl,-soname,libverdivhd.so.0 -Wl,-z,defs -Wl,--version-script=vhd/lib/verdivhd.map \
		$(LDFLAGS) -o $@ $(VHD_LIB_OBJECTS) $(VHD_LIB_LDLIBS)

$(VHD_B)/libverdivhd.so: $(VHD_B)/libverdivhd.so.0
	$(Q)ln -sf libverdivhd.so.0 $@

# Installation. `make install-vhd DESTDIR= PREFIX=/usr/local LIBDIR=lib`
PREFIX ?= /usr/local
override PREFIX := $(abspath $(PREFIX))
LIBDIR ?= lib
VHD_PC := prefix=$(PREFIX)\nlibdir=$${prefix}/$(LIBDIR)\nincludedir=$${prefix}/include\n\nName: verdivhd\n
VHD_PC := $(VHD_PC)Description: Virtual hard disks (VHD): fixed, dynamic and differencing\nVersion: $(VHD_VERSION)\n
VHD_PC := $(VHD_PC)Libs: -L$${libdir} -lverdivhd\nLibs.private: $(VHD_LIB_LDLIBS)\nCflags: -I$${includedir}\n

# Made anew each time, because PREFIX may be another one.
.PHONY: $(VHD_B)/verdivhd.pc
$(VHD_B)/verdivhd.pc:
	@mkdir -p $(@D)
	@printf '$(subst $() ,\040,$(VHD_PC))' | sed 's/^ //' >$@

.PHONY: install-vhd install-vhd-library
## make install-vhd     DESTDIR= PREFIX=/usr/local: library, header, tool, manual, plugin
install-vhd: install-vhd-library

install-vhd-library: $(VHD_B)/libverdivhd.a $(VHD_B)/libverdivhd.so.0 $(VHD_B)/verdivhd.pc
	install -d $(DESTDIR)$(PREFIX)/$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 644 vhd/include/verdivhd.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(VHD_B)/libverdivhd.a $(DESTDIR)$(PREFIX)/$(LIBDIR)/
	install -m 755 $(VHD_B)/libverdivhd.so.0 $(DESTDIR)$(PREFIX)/$(LIBDIR)/libverdivhd.so.$(VHD_VERSION)
	ln -sf libverdivhd.so.$(VHD_VERSION) $(DESTDIR)$(PREFIX)/$(LIBDIR)/libverdivhd.so.0
	ln -sf libverdivhd.so.0 $(DESTDIR)$(PREFIX)/$(LIBDIR)/libverdivhd.so
	install -m 644 $(VHD_B)/verdivhd.pc $(DESTDIR)$(PREFIX)/$(LIBDIR)/pkgconfig/

# Unit tests: each vhd/lib/X_test.c is a program with all of the library and the storage in memory, with sanitizers.
VHD_UNIT_CFLAGS := $(filter-out -O2,$(VHD_CFLAGS)) -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
VHD_UNIT_SOURCES := $(VHD_LIB_SOURCES) $(filter-out %_test.c,$(sort $(wildcard vhd/test/memory_*.c)))
VHD_UNIT_OBJECTS := $(patsubst vhd/%.c,$(VHD_B)/unit/%.o,$(VHD_UNIT_SOURCES))
VHD_UNIT_PROGRAMS := $(patsubst vhd/%.c,$(VHD_B)/unit/%,$(sort $(wildcard vhd/lib/*_test.c)))

$(VHD_B)/unit/%.o: vhd/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(VHD_UNIT_CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(VHD_B)/unit/libunit.a: $(VHD_UNIT_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(VHD_UNIT_PROGRAMS): $(VHD_B)/unit/%: $(VHD_B)/unit/%.o $(VHD_B)/unit/libunit.a
	$(Q)$(CC) $(VHD_UNIT_CFLAGS) -o $@ $^ -lcmocka $(VHD_LIB_LDLIBS)

.SECONDARY: $(VHD_UNIT_PROGRAMS:=.o)

## make check-vhd       unit tests of the VHD library, and the seeds of its fuzzers
check-vhd: check-vhd-unit

# Without the fuzzers, which are clang's: what the build of the Debian packages runs, with gcc and cmocka alone.
.PHONY: check-vhd-unit check-vhd-library
check-vhd-unit: check-vhd-library
check-vhd-library: $(VHD_UNIT_PROGRAMS) $(VHD_B)/libverdivhd.so.0
	@VERDIVHD_LIBRARY=$(VHD_B)/libverdivhd.so.0 test/unit/run $(VHD_UNIT_PROGRAMS) vhd/lib/check-exports

-include $(VHD_LIB_OBJECTS:.o=.d) $(VHD_UNIT_OBJECTS:.o=.d) $(VHD_UNIT_PROGRAMS:=.d)

# The threads' test once more, with ThreadSanitizer: a race fails it, also one that did no harm this time. On kernels
# that spread addresses wider than it knows, it begins only without that; not every container lets one choose.
VHD_THREADS_CFLAGS := $(filter-out -O2,$(VHD_CFLAGS)) -O1 -fno-omit-frame-pointer -fsanitize=thread
VHD_THREADS_OBJECTS := $(patsubst vhd/%.c,$(VHD_B)/threads/%.o,$(VHD_LIB_SOURCES) vhd/lib/thread_test.c)

$(VHD_B)/threads/%.o: vhd/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(VHD_THREADS_CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(VHD_B)/threads/thread_test: $(VHD_THREADS_OBJECTS)
	$(Q)$(CC) $(VHD_THREADS_CFLAGS) -o $@ $^ -lcmocka $(VHD_LIB_LDLIBS)

## make check-vhd-threads  the VHD library used by several threads, with ThreadSanitizer
.PHONY: check-vhd-threads
check-vhd: check-vhd-threads
check-vhd-threads: $(VHD_B)/threads/thread_test
	@$$(setarch -R true 2>/dev/null && echo setarch -R) test/unit/run $<

-include $(VHD_THREADS_OBJECTS:.o=.d)

# --- Import ---------------------------------------------------------------------------------------------------------
#
# `vhdtool import`. Formats that are not ours are read by libarchive, libxml2, libxxhash and nettle.

VHD_IMPORT_PACKAGES := libarchive libxml-2.0 libxxhash nettle
VHD_IMPORT_CFLAGS := $(shell pkg-config --cflags $(VHD_IMPORT_PACKAGES) 2>/dev/null)
VHD_IMPORT_LDLIBS := $(shell pkg-config --libs $(VHD_IMPORT_PACKAGES) 2>/dev/null)
VHD_IMPORT_SOURCES := $(filter-out %_test.c,$(sort $(wildcard vhd/import/*.c)))
VHD_IMPORT_OBJECTS := $(patsubst vhd/%.c,$(VHD_B)/obj/%.o,$(VHD_IMPORT_SOURCES))

$(VHD_B)/obj/import/%.o: vhd/import/%.c
	@mkdir -p $(@D)
	@echo 'CC      $<'
	$(Q)$(CC) $(VHD_CFLAGS) $(VHD_IMPORT_CFLAGS) $(DEPFLAGS) -c -o $@ $<

# Unit tests: as those of the library, without what touches disks.
VHD_IMPORT_UNIT_OBJECTS := $(patsubst vhd/%.c,$(VHD_B)/unit/%.o,$(filter-out vhd/import/import.c,$(VHD_IMPORT_SOURCES)))
VHD_IMPORT_UNIT_PROGRAMS := $(patsubst vhd/%.c,$(VHD_B)/unit/%,$(sort $(wildcard vhd/import/*_test.c)))
$(VHD_B)/unit/import/%: VHD_UNIT_CFLAGS += $(VHD_IMPORT_CFLAGS)

$(VHD_B)/unit/import/libimport.a: $(VHD_IMPORT_UNIT_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(VHD_IMPORT_UNIT_PROGRAMS): %: %.o $(VHD_B)/unit/import/libimport.a
	$(Q)$(CC) $(VHD_UNIT_CFLAGS) -o $@ $^ $(VHD_IMPORT_LDLIBS) -lcmocka

.SECONDARY: $(VHD_IMPORT_UNIT_PROGRAMS:=.o)

.PHONY: check-vhd-import
check-vhd-unit: check-vhd-import
check-vhd-import: $(VHD_IMPORT_UNIT_PROGRAMS)
	@test/unit/run $^

# Archives that vhd/test/import makes, imported and read back; in `make test-vhd` with the unit tests above.
VHD_TEST_COMMANDS += "test/unit/run $(VHD_IMPORT_UNIT_PROGRAMS)" "vhd/test/import/run"
test-vhd: $(VHD_IMPORT_UNIT_PROGRAMS) $(VHD_B)/vhdtool

-include $(VHD_IMPORT_OBJECTS:.o=.d) $(VHD_IMPORT_UNIT_OBJECTS:.o=.d) $(VHD_IMPORT_UNIT_PROGRAMS:=.d)

# --- Tool -----------------------------------------------------------------------------------------------------------
#
# vhdtool has our library inside, and needs those of imports on the machine. Each vhd/tool/X.c is found by itself.

VHD_TOOL_SOURCES := $(filter-out %_test.c,$(sort $(wildcard vhd/tool/*.c)))
VHD_TOOL_OBJECTS := $(patsubst vhd/%.c,$(VHD_B)/obj/%.o,$(VHD_TOOL_SOURCES))
VHD_TOOL_LDLIBS := $(VHD_IMPORT_LDLIBS) $(VHD_LIB_LDLIBS)

$(VHD_B)/obj/tool/%.o: vhd/tool/%.c
	@mkdir -p $(@D)
	@echo 'CC      $<'
	$(Q)$(CC) $(VHD_CFLAGS) $(DEPFLAGS) -c -o $@ $<

vhd: $(VHD_B)/vhdtool

$(VHD_B)/vhdtool: $(VHD_TOOL_OBJECTS) $(VHD_IMPORT_OBJECTS) $(VHD_B)/libverdivhd.a
	@echo 'LD      $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(VHD_TOOL_LDLIBS)

# What of it is pure has a unit test.
VHD_TOOL_UNIT_OBJECTS := $(patsubst %,$(VHD_B)/unit/tool/%.o,convert_azure json message size tool_test words)

$(VHD_B)/unit/tool/tool_test: $(VHD_TOOL_UNIT_OBJECTS) $(VHD_B)/unit/libunit.a
	$(Q)$(CC) $(VHD_UNIT_CFLAGS) -o $@ $^ -lcmocka $(VHD_LIB_LDLIBS)

.PHONY: check-vhd-tool
check-vhd-unit: check-vhd-tool
check-vhd-tool: $(VHD_B)/unit/tool/tool_test
	@test/unit/run $<

test-vhd: $(VHD_B)/unit/tool/tool_test
VHD_TEST_COMMANDS += "test/unit/run $(VHD_B)/unit/tool/tool_test"
-include $(VHD_TOOL_UNIT_OBJECTS:.o=.d)

# The tests of its command line, which write into images with a program of their own.
$(VHD_B)/test/poke: vhd/test/tool/poke.c $(VHD_B)/libverdivhd.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(VHD_CFLAGS) -o $@ $^ $(VHD_LIB_LDLIBS)

## make test-vhdtool    only vhdtool's command line; T="chain/* info/map" chooses
.PHONY: test-vhdtool
test-vhd test-vhdtool: $(VHD_B)/vhdtool $(VHD_B)/test/poke
VHD_TEST_COMMANDS += "vhd/test/tool/run --build $(VHD_B)"
test-vhdtool:
	@vhd/test/tool/run --build $(VHD_B) $(T)

.PHONY: install-vhd-tool
install-vhd: install-vhd-tool
install-vhd-tool: $(VHD_B)/vhdtool
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(VHD_B)/vhdtool $(DESTDIR)$(PREFIX)/bin/
	install -m 644 vhd/man/vhdtool.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 vhd/tool/completion/vhdtool.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vhdtool

-include $(VHD_TOOL_OBJECTS:.o=.d)

# --- nbdkit plugin ----------------------------------------------------------------------------------------------------

# In the build tree the plugin has the library inside, so that it can be used from there; installed it shares the library.
VHD_PLUGIN := $(VHD_B)/nbdkit-verdivhd-plugin.so
VHD_PLUGIN_SOURCES := $(sort $(wildcard vhd/nbdkit/*.c))
VHD_PLUGIN_OBJECTS := $(patsubst vhd/%.c,$(VHD_B)/obj/%.o,$(VHD_PLUGIN_SOURCES))
NBDKIT_PLUGINDIR ?= $(PREFIX)/$(LIBDIR)/nbdkit/plugins

vhd: $(VHD_PLUGIN)

$(VHD_B)/obj/nbdkit/%.o: vhd/nbdkit/%.c
	@mkdir -p $(@D)
	@echo 'CC      $<'
	$(Q)$(CC) $(VHD_CFLAGS) -fPIC -fvisibility=hidden $(DEPFLAGS) -c -o $@ $<

$(VHD_PLUGIN): $(VHD_PLUGIN_OBJECTS) $(VHD_B)/libverdivhd.a
	@echo 'LD      $@'
	$(Q)$(CC) -shared -Wl,--exclude-libs,ALL $(LDFLAGS) -o $@ $^ $(VHD_LIB_LDLIBS)

$(VHD_B)/shared/nbdkit-verdivhd-plugin.so: $(VHD_PLUGIN_OBJECTS) $(VHD_B)/libverdivhd.so
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(LDFLAGS) -o $@ $(VHD_PLUGIN_OBJECTS) -L$(VHD_B) -lverdivhd

.PHONY: install-vhd-plugin
install-vhd: install-vhd-plugin
install-vhd-plugin: $(VHD_B)/shared/nbdkit-verdivhd-plugin.so
	install -d $(DESTDIR)$(NBDKIT_PLUGINDIR) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $< $(DESTDIR)$(NBDKIT_PLUGINDIR)/
	install -m 644 vhd/nbdkit/nbdkit-verdivhd-plugin.1 $(DESTDIR)$(PREFIX)/share/man/man1/

-include $(VHD_PLUGIN_OBJECTS:.o=.d)

.PHONY: vhd-guest-needs
vhd-guest-needs:
	@tools/packages run
	@tools/fetch-debian kernel-6.1 qemu-images >/dev/null

test-vhd: vhd-guest-needs
VHD_TEST_COMMANDS += "vhd/test/nbd/run" "vhd/test/real/run" "vhd/test/guest/run" "vhd/test/package/run"

# --- Tests ----------------------------------------------------------------------------------------------------------
#
# Each vhd/test/NAME_test.c is a program with the unit tests' objects and what these tests have in common.

VHD_TEST_HELPERS := $(patsubst vhd/%.c,$(VHD_B)/unit/%.o,$(filter-out %_test.c vhd/test/memory_%,$(sort $(wildcard vhd/test/*.c))))
VHD_TEST_PROGRAMS := $(patsubst vhd/%.c,$(VHD_B)/unit/%,$(sort $(wildcard vhd/test/*_test.c)))

$(VHD_B)/unit/libtest.a: $(VHD_TEST_HELPERS)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(VHD_TEST_PROGRAMS): $(VHD_B)/unit/%: $(VHD_B)/unit/%.o $(VHD_B)/unit/libtest.a $(VHD_B)/unit/libunit.a
	$(Q)$(CC) $(VHD_UNIT_CFLAGS) -o $@ $^ -lcmocka $(VHD_LIB_LDLIBS)

.SECONDARY: $(VHD_TEST_PROGRAMS:=.o)

.PHONY: check-vhd-proof
check-vhd-unit: check-vhd-proof
check-vhd-proof: $(VHD_TEST_PROGRAMS)
	@test/unit/run $(VHD_TEST_PROGRAMS)

-include $(VHD_TEST_HELPERS:.o=.d) $(VHD_TEST_PROGRAMS:=.d)

# `make test-vhd`: who has a test adds a command that ends with "N passed, N failed, N skipped", and what it needs:
# VHD_TEST_COMMANDS += "vhd/test/x/run", and the rule test-vhd: $(VHD_B)/x
VHD_TEST_COMMANDS += "test/unit/run $(VHD_UNIT_PROGRAMS) $(VHD_TEST_PROGRAMS)"
VHD_TEST_COMMANDS += "$(MAKE) --no-print-directory check-vhd-threads"
# The same sources by the other compiler, into a folder of their own.
VHD_TEST_COMMANDS += "$(MAKE) --no-print-directory B=$(B)/clang CC=clang vhd && echo '1 passed, 0 failed'"
## make test-vhd        everything of vhd/: unit, model and crash tests, vhdtool, other programs' images
test-vhd: vhd-test-needs vhd $(VHD_UNIT_PROGRAMS) $(VHD_TEST_PROGRAMS) $(VHD_B)/threads/thread_test
	@tools/sum-tests $(VHD_TEST_COMMANDS)

# --- Fuzzers --------------------------------------------------------------------------------------------------------
#
# Each vhd/fuzz/NAME.c is a libFuzzer target with the library, the in-memory storage and the images made by hand. Its
# seeds, among them every input that once made it fail, are in vhd/fuzz/seeds/NAME.

VHD_FUZZ_NAMES := $(patsubst vhd/fuzz/%.c,%,$(sort $(wildcard vhd/fuzz/*.c)))
VHD_FUZZ_PROGRAMS := $(VHD_FUZZ_NAMES:%=$(VHD_B)/fuzz/%)
VHD_FUZZ_CFLAGS := $(filter-out -O2,$(VHD_CFLAGS)) -O1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
VHD_FUZZ_SOURCES := $(VHD_UNIT_SOURCES) $(wildcard vhd/test/handmade.c vhd/test/exercise.c)
VHD_FUZZ_OBJECTS := $(patsubst vhd/%.c,$(VHD_B)/fuzz/obj/%.o,$(VHD_FUZZ_SOURCES))

$(VHD_B)/fuzz/obj/%.o: vhd/%.c
	@mkdir -p $(@D)
	$(Q)clang $(VHD_FUZZ_CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(VHD_B)/fuzz/obj/fuzz.a: $(VHD_FUZZ_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

# The fuzzers of imports have an output of their own, which takes the place of two files.
VHD_FUZZ_IMPORT_SOURCES := $(filter-out vhd/import/import.c vhd/import/run.c vhd/import/session_output.c \
	vhd/import/ovf_disk.c,$(VHD_IMPORT_SOURCES)) $(sort $(wildcard vhd/fuzz/import/*.c))
VHD_FUZZ_IMPORT_OBJECTS := $(patsubst vhd/%.c,$(VHD_B)/fuzz/obj/%.o,$(VHD_FUZZ_IMPORT_SOURCES))
VHD_FUZZ_CFLAGS += $(VHD_IMPORT_CFLAGS)
$(VHD_B)/fuzz/xva $(VHD_B)/fuzz/ovf: $(VHD_FUZZ_IMPORT_OBJECTS)
$(VHD_B)/fuzz/xva $(VHD_B)/fuzz/ovf: VHD_FUZZ_LDLIBS := $(VHD_IMPORT_LDLIBS)

$(VHD_FUZZ_PROGRAMS): $(VHD_B)/fuzz/%: $(VHD_B)/fuzz/obj/fuzz/%.o $(VHD_B)/fuzz/obj/fuzz.a
	$(Q)clang -fsanitize=fuzzer,address,undefined -o $@ $^ $(VHD_FUZZ_LDLIBS) $(VHD_LIB_LDLIBS)

.SECONDARY: $(VHD_FUZZ_NAMES:%=$(VHD_B)/fuzz/obj/fuzz/%.o)

## make fuzz-vhd        each fuzzer of vhd/ for FUZZ_SECONDS; T="name ..." only those
fuzz-vhd: $(if $(T),$(T:%=$(VHD_B)/fuzz/%),$(VHD_FUZZ_PROGRAMS))
	@vhd/fuzz/run --build $(VHD_B)/fuzz --seconds $(FUZZ_SECONDS) $(or $(T),$(VHD_FUZZ_NAMES))

.PHONY: check-vhd-fuzz
check-vhd: check-vhd-fuzz
check-vhd-fuzz: $(VHD_FUZZ_PROGRAMS)
	@vhd/fuzz/run --build $(VHD_B)/fuzz $(VHD_FUZZ_NAMES)

-include $(VHD_FUZZ_IMPORT_OBJECTS:.o=.d) $(VHD_FUZZ_OBJECTS:.o=.d) $(VHD_FUZZ_NAMES:%=$(VHD_B)/fuzz/obj/fuzz/%.d)

# --- Benchmarks -----------------------------------------------------------------------------------------------------

## make bench-vhd       beside qemu-img, qemu-nbd and cp, with the limits; BENCH_SIZE=4G BENCH_RUNS=5
bench-vhd: vhd-test-needs vhd $(VHD_B)/bench/hops
	@vhd/bench/run

$(VHD_B)/bench/hops: vhd/bench/hops.c $(VHD_B)/libverdivhd.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(VHD_CFLAGS) $(LDFLAGS) -o $@ $^ $(VHD_LIB_LDLIBS)
