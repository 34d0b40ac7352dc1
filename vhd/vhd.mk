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

# --- Fuzzers --------------------------------------------------------------------------------------------------------

# --- Benchmarks -----------------------------------------------------------------------------------------------------
