# SPDX-License-Identifier: MIT
"""Hostile images: what the tool says about them, and its exit codes. The library's own tests have the whole table."""

import os

import images
from box import IMAGE, MIB, NO, PARENT, equal


def test_wrong_block_size(box):
    for size in (0, 256, 0x12345678):
        box.write("a.vhd", images.dynamic(block_size=size))
        result = box.refuses(IMAGE, "a.vhd: ", "info", "a.vhd")
        assert "power of two" in result.stderr, result.stderr


def test_huge_table(box):
    for entries in (0xFFFFFFFF, 0x20000000):
        box.write("a.vhd", images.dynamic(entries=entries))
        box.program("sh", "-c", f"ulimit -v 400000; '{box.tool_path}' info a.vhd 2>said; test $? -eq {IMAGE}")
        assert b"a.vhd" in box.read("said")


def test_truncated(box):
    box.tool("create", "--size", "8M", "good.vhd")
    box.poke("good.vhd", 0, b"x" * MIB)
    good = box.read("good.vhd")
    for length in (0, 511, 512, 1500, 2048):
        box.write("a.vhd", good[:length])
        box.refuses(IMAGE, "a.vhd", "info", "a.vhd")
    box.write("a.vhd", good[:MIB])
    box.tool("check", "a.vhd", code=NO)


def test_journal_of_xenserver(box):
    foot = images.footer(8 * MIB, cookie=b"v_poison")
    box.write("a.vhd", images.dynamic(front=foot, end=foot))
    result = box.refuses(IMAGE, "a.vhd", "info", "a.vhd")
    assert "XenServer" in result.stderr, result.stderr


def test_its_own_parent(box):
    box.write("a.vhd", images.differencing(b"\x22" * 16, "a.vhd", ".\\a.vhd"))
    box.refuses(PARENT, "itself", "convert", "--to", "raw", "a.vhd", "b")
    equal(box.files(), ["a.vhd"], "files")


def test_files_of_the_machine(box):
    targets = ("..\\..\\..\\..\\..\\..\\..\\etc\\passwd", "\\etc\\passwd", "/etc/passwd", "C:\\etc\\passwd")
    os.mkdir(box.path("in"))
    for target in targets:
        for code in (b"W2ru", b"W2ku"):
            # The null id says that the parent is raw, which any file is.
            box.write("in/a.vhd", images.differencing(bytes(16), "", target, code=code))
            result = box.tool("convert", "--to", "raw", "in/a.vhd", "b", code=PARENT)
            assert "root:" not in result.stderr, result.stderr
            equal(box.files(), ["in/a.vhd"], "files")


def test_overlapping_blocks(box):
    box.write("a.vhd", images.dynamic(blocks={0: 4, 1: 4}))
    result = box.tool("check", "a.vhd", code=NO)
    assert "error" in result.stdout, result.stdout
    box.refuses(IMAGE, "check --repair", "compact", "a.vhd")
