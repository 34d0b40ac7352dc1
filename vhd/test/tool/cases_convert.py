# SPDX-License-Identifier: MIT
"""Conversions, against what others write and read."""

import struct

from box import IMAGE, MIB, SYSTEM, USAGE, equal, same

SIZE = 40 * MIB
PIECES = [(0, 70000), (5 * MIB + 512, 3 * MIB), (20 * MIB, 4096), (SIZE - 512, 512)]


def test_raw_to_dynamic_and_back(box):
    data = box.raw("a.raw", SIZE, PIECES)
    box.tool("convert", "--from", "raw", "--to", "dynamic", "a.raw", "a.vhd")
    box.tool("check", "--bitmaps", "a.vhd")
    same(box.qemu_reads("a.vhd"), data, "qemu-img")
    same(box.seven_zip("a.vhd"), data, "7-Zip")
    same(box.we_read("a.vhd"), data, "vhdtool")
    box.tool("compare", "--from", "raw", "a.raw", "a.vhd")


def test_raw_to_fixed_and_back(box):
    data = box.raw("a.raw", SIZE, PIECES)
    box.tool("convert", "--from", "raw", "--to", "fixed", "a.raw", "a.vhd")
    equal(box.size("a.vhd"), SIZE + 512, "size")
    same(box.read("a.vhd")[:SIZE], data, "the file")
    same(box.qemu_reads("a.vhd"), data, "qemu-img")
    same(box.seven_zip("a.vhd"), data, "7-Zip")
    same(box.we_read("a.vhd"), data, "vhdtool")


def test_holes_are_kept(box):
    box.raw("a.raw", 256 * MIB, [(0, MIB), (100 * MIB, MIB)])
    box.tool("convert", "--from", "raw", "--to", "dynamic", "a.raw", "a.vhd")
    box.tool("convert", "--to", "fixed", "a.vhd", "b.vhd")
    box.tool("convert", "--to", "raw", "b.vhd", "c.raw")
    equal(box.size("c.raw"), 256 * MIB, "size")
    for name in ("a.vhd", "b.vhd", "c.raw"):
        assert box.space(name) < 6 * MIB, f"{name} takes {box.space(name)} bytes"
    # Zeros that were written out take no space either.
    box.write("d.raw", bytes(16 * MIB))
    box.tool("convert", "--from", "raw", "--to", "dynamic", "d.raw", "d.vhd")
    equal(box.info("d.vhd")["blocks_allocated"], 0, "blocks of a disk of written zeros")


def test_images_of_qemu(box):
    for subformat in ("fixed", "dynamic"):
        for force in ("off", "on"):
            data = box.raw("a.raw", SIZE, PIECES)
            box.qemu_img("convert", "-f", "raw", "-O", "vpc", "-o", f"subformat={subformat},force_size={force}", "a.raw", "q.vhd")
            info = box.info("q.vhd")
            equal((info["type"], info["creator"]), (subformat, "qem2" if force == "on" else "qemu"), "info")
            equal(info["creator_name"].split(",")[0], "QEMU", "creator")
            same(box.we_read("q.vhd"), data, f"{subformat}, force_size={force}")
            equal(len(box.we_read("q.vhd")), len(box.qemu_reads("q.vhd")), f"size of {subformat}, force_size={force}")


def test_formats_are_said(box):
    box.raw("a.img", MIB, [(0, 512)])
    box.refuses(USAGE, "--from vhd or --from raw", "convert", "--to", "raw", "a.img", "b")
    box.tool("convert", "--from", "raw", "--to", "dynamic", "a.img", "B.VHD")
    box.tool("convert", "--to", "raw", "B.VHD", "c")
    # A footer in a raw disk changes nothing: 512 bytes at its end are data.
    box.tool("create", "--type", "fixed", "--size", "1M", "guest.vhd")
    box.tool("convert", "--from", "raw", "--to", "raw", "guest.vhd", "d")
    equal(box.size("d"), MIB + 512, "size of what a guest made look like a VHD")
    box.refuses(IMAGE, "a.img", "convert", "--from", "vhd", "--to", "raw", "a.img", "e")
    equal(box.files(), ["B.VHD", "a.img", "c", "d", "guest.vhd"], "files")


def test_wrong_requests(box):
    box.tool("create", "--size", "1M", "a.vhd")
    box.refuses(USAGE, "to what?", "convert", "a.vhd", "b")
    box.refuses(USAGE, "Azure takes fixed", "convert", "--azure", "--to", "dynamic", "a.vhd", "b.vhd")
    box.refuses(USAGE, "--to dynamic", "convert", "--block-size", "1M", "--to", "raw", "a.vhd", "b")
    box.write("b", b"precious")
    box.refuses(USAGE, "--force", "convert", "--to", "raw", "a.vhd", "b")
    equal(box.read("b"), b"precious", "contents")
    box.tool("convert", "--force", "--to", "raw", "a.vhd", "b")
    equal(box.size("b"), MIB, "size")


def test_raw_of_no_disk_s_size(box):
    for size, next_size in ((1000, 1024), (0, 512)):
        box.write("a.raw", bytes(size))
        box.refuses(USAGE, f"a.raw: has {size} bytes", "convert", "--from", "raw", "--to", "dynamic", "a.raw", "b.vhd")
        box.refuses(USAGE, f"truncate -s {next_size}", "convert", "--from", "raw", "--to", "fixed", "a.raw", "b.vhd")
        equal(box.files(), ["a.raw"], "files")


def test_onto_itself(box):
    data = box.raw("a", SIZE, PIECES)
    box.tool("convert", "--from", "raw", "--to", "dynamic", "a", "a.vhd")
    before = box.read("a.vhd")
    result = box.tool("convert", "--force", "--to", "fixed", "a.vhd", "a.vhd", code=6)
    assert "a.vhd: in use by another program, or is the source" in result.stderr, result.stderr
    equal(box.read("a.vhd"), before, "the image")
    same(box.we_read("a.vhd"), data, "the disk")


def test_no_space_leaves_nothing(box):
    box.raw("a.raw", 16 * MIB, [(0, 8 * MIB)])
    box.write("old.vhd", b"precious")
    for target in ("b.vhd", "old.vhd"):
        said = box.program("sh", "-c", "ulimit -f 2048; trap '' XFSZ; "
                           f"'{box.tool_path}' convert --force --from raw --to dynamic a.raw {target} 2>&1; test $? -eq {SYSTEM}")
        assert said.startswith("vhdtool: "), said
    equal(box.files(), ["a.raw", "old.vhd"], "files")
    equal(box.read("old.vhd"), b"precious", "contents")


def test_block_size_and_threads(box):
    data = box.raw("a.raw", SIZE, PIECES)
    for threads in (1, 2, 7):
        box.tool("convert", "--force", "--from", "raw", "--to", "dynamic", "--block-size", "512K", "--threads", threads, "a.raw",
                 "a.vhd")
        same(box.we_read("a.vhd", "--threads", threads), data, f"{threads} threads")
    equal(box.info("a.vhd")["block_size"], 512 * 1024, "block size")


def test_azure(box):
    data = box.raw("a.raw", 30 * MIB + 512, [(0, 5000), (30 * MIB, 512)])
    box.tool("convert", "--from", "raw", "--azure", "a.raw", "a.vhd")
    size = 31 * MIB
    equal(box.size("a.vhd"), size + 512, "file")
    same(box.read("a.vhd")[:size], data, "data")
    # The footer, by the tests' own numbers.
    cookie, features, version, offset = struct.unpack_from(">8sIIQ", box.read("a.vhd"), size)
    equal((cookie, features, version, offset), (b"conectix", 2, 0x10000, 0xFFFFFFFFFFFFFFFF), "footer")
    creator, _, host, original, current, cylinders, heads, sectors, kind = struct.unpack_from(
        ">4sI4sQQHBBI", box.read("a.vhd"), size + 28)
    equal((creator, host, original, current, kind), (b"win ", b"Wi2k", size, size, 2), "footer")
    # 63488 sectors: 17 in a track make 3734 tracks, which 4 heads have in 933 cylinders.
    equal((cylinders, heads, sectors), (933, 4, 17), "geometry")
    same(box.qemu_reads("a.vhd"), data, "qemu-img")


def test_azure_limits(box):
    box.raw("small.raw", 19 * MIB, [])
    box.refuses(USAGE, "20 MiB", "convert", "--from", "raw", "--azure", "small.raw", "a.vhd")
    box.raw("least.raw", 20 * MIB - 512, [])
    box.tool("convert", "--from", "raw", "--azure", "least.raw", "least.vhd")
    equal(box.size("least.vhd"), 20972032, "the smallest upload")
    equal([name for name in box.files() if name.endswith(".vhd")], ["least.vhd"], "images")
