# SPDX-License-Identifier: MIT
# How vhd/ is built: the library, vhdtool, the nbdkit plugin and their tests. Part of the root Makefile.

VHD_B := $(B)/vhd

.PHONY: vhd check-vhd test-vhd bench-vhd fuzz-vhd vhd-needs vhd-test-needs

vhd-needs:
	@tools/packages vhd

vhd-test-needs: vhd-needs
	@tools/packages vhd-test

# --- Library --------------------------------------------------------------------------------------------------------

## make vhd             the VHD library, vhdtool and the nbdkit plugin, in build/vhd
vhd:

## make check-vhd       unit tests of the VHD library
check-vhd:

# --- Tool -----------------------------------------------------------------------------------------------------------

# --- Import ---------------------------------------------------------------------------------------------------------

# --- nbdkit plugin ----------------------------------------------------------------------------------------------------

# --- Tests ----------------------------------------------------------------------------------------------------------
#
# Each vhd/test/NAME_test.c becomes a program with the library's own sources, the in-memory storage and the sanitizers.
# One that is named in VHD_SLOW_TESTS is for `make test-vhd` alone.

VHD_TEST_CFLAGS := -std=gnu17 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined $(WARNINGS) -I.
VHD_TEST_HELPERS := $(filter-out %_test.c,$(sort $(wildcard vhd/test/*.c)))
VHD_TEST_LIBRARY := $(filter-out %_test.c,$(sort $(wildcard vhd/lib/*.c)))
VHD_TEST_OBJECTS := $(patsubst %.c,$(VHD_B)/test/%.o,$(VHD_TEST_HELPERS) $(VHD_TEST_LIBRARY))
VHD_TEST_SOURCES := $(sort $(wildcard vhd/test/*_test.c))
VHD_TEST_PROGRAMS := $(VHD_TEST_SOURCES:vhd/test/%.c=$(VHD_B)/test/%)
VHD_SLOW_TESTS := $(VHD_B)/test/crash_long_test

$(VHD_B)/test/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(VHD_TEST_CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(VHD_B)/test/libtest.a: $(VHD_TEST_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(VHD_TEST_PROGRAMS): $(VHD_B)/test/%: $(VHD_B)/test/vhd/test/%.o $(VHD_B)/test/libtest.a
	$(Q)$(CC) $(VHD_TEST_CFLAGS) -o $@ $^ -lcmocka -lpthread

.SECONDARY: $(VHD_TEST_SOURCES:%.c=$(VHD_B)/test/%.o)

.PHONY: check-vhd-proof
check-vhd: check-vhd-proof
check-vhd-proof: $(filter-out $(VHD_SLOW_TESTS),$(VHD_TEST_PROGRAMS))
	@test/unit/run $^

-include $(VHD_TEST_OBJECTS:.o=.d) $(VHD_TEST_SOURCES:%.c=$(VHD_B)/test/%.d)

# --- Fuzzers --------------------------------------------------------------------------------------------------------

# --- Benchmarks -----------------------------------------------------------------------------------------------------
