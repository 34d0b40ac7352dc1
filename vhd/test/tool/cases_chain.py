# SPDX-License-Identifier: MIT
"""Differencing images in several directories: found, moved, linked anew, merged; and what is not allowed."""

import os
import shutil

import images
from box import BUSY, MIB, NO, OK, PARENT, USAGE, equal, same


def chain(box, *names):
    """Three images, the first one the base; each child has data of its own. Returns what the last one reads."""
    first, second, third = names or ("a.vhd", "b.vhd", "c.vhd")
    data = bytearray(box.raw("a.raw", 16 * MIB, [(0, 3 * MIB), (9 * MIB, MIB)]))
    for name in (first, second, third):
        os.makedirs(os.path.dirname(box.path(name)), exist_ok=True)
    box.tool("convert", "--from", "raw", "--to", "dynamic", "a.raw", first)
    box.tool("snapshot", first, second)
    box.tool("snapshot", "--parent-dir", ".", second, third)
    for name, offset, word in ((second, MIB + 512, b"second"), (third, 2 * MIB - 1000, b"third")):
        box.poke(name, offset, word * 1000)
        data[offset:offset + len(word) * 1000] = word * 1000
    return data


def read(box, *words):
    box.tool("convert", "--force", "--to", "raw", *words, box.path("read.raw"))
    return box.read("read.raw")


def test_children_beside_their_parents(box):
    data = chain(box)
    same(box.we_read("c.vhd"), data, "vhdtool")
    same(box.seven_zip("c.vhd"), data, "7-Zip")
    same(box.we_read("a.vhd"), box.read("a.raw"), "the base")


def test_parents_in_directories_below(box):
    data = chain(box, "old/older/a.vhd", "old/b.vhd", "c.vhd")
    same(box.we_read("c.vhd"), data, "vhdtool")
    box.tool("convert", "--to", "raw", "c.vhd", "x.raw", directory=box.directory)
    # From any working directory, and by any name.
    os.mkdir(box.path("elsewhere"))
    box.tool("convert", "--to", "raw", "../c.vhd", "y.raw", directory=box.path("elsewhere"))
    same(box.read("elsewhere/y.raw"), data, "from elsewhere")


def test_parents_elsewhere_are_allowed_first(box):
    data = chain(box, "base/a.vhd", "snaps/b.vhd", "snaps/c.vhd")
    result = box.refuses(PARENT, "--parent-dir", "convert", "--to", "raw", "snaps/c.vhd", "x.raw")
    assert "a.vhd" in result.stderr, result.stderr
    box.refuses(PARENT, "", "convert", "--parent-dir", "snaps", "--to", "raw", "snaps/c.vhd", "x.raw")
    same(read(box, "--parent-dir", "base", "snaps/c.vhd"), data, "with --parent-dir")
    same(read(box, "--parent-dir", "snaps", "--parent-dir", ".", "snaps/c.vhd"), data, "with two of them")


def test_moved_as_a_whole(box):
    data = chain(box, "tree/base/a.vhd", "tree/snaps/b.vhd", "tree/snaps/c.vhd")
    os.mkdir(box.path("new"))
    shutil.move(box.path("tree"), box.path("new/place"))
    same(read(box, "--parent-dir", "new/place", "new/place/snaps/c.vhd"), data, "in the new place")


def test_missing_parent_and_relink(box):
    data = chain(box)
    os.mkdir(box.path("archive"))
    os.rename(box.path("a.vhd"), box.path("archive/renamed.vhd"))
    result = box.refuses(PARENT, "a.vhd", "convert", "--to", "raw", "c.vhd", "x.raw")
    assert "relink" in result.stderr, result.stderr
    box.tool("relink", "b.vhd", "archive/renamed.vhd")
    equal(box.info("b.vhd")["parent_name"], "renamed.vhd", "parent's name")
    same(box.we_read("c.vhd"), data, "after relink")
    box.tool("check", "b.vhd")


def test_time_stamps_of_parents(box):
    """What was done to a parent shows; what changed nothing does not; relinking says what it takes for granted."""
    chain(box)
    warns = lambda *words: "time stamp" in box.tool(*words).stderr
    for words in (("compact", "a.vhd"), ("check", "--repair", "a.vhd"), ("info", "a.vhd")):
        os.utime(box.path("a.vhd"), (1000000000, 1000000000))
        box.tool("relink", "--quiet", "b.vhd", "a.vhd")
        box.tool(*words)
        assert not warns("map", "b.vhd"), f"after {words}"
    assert not warns("relink", "b.vhd", "a.vhd"), "relink to the same"
    os.utime(box.path("a.vhd"), (1000000007, 1000000007))
    assert warns("map", "b.vhd"), "another time stamp"
    assert not warns("map", "--quiet", "b.vhd"), "another time stamp, quiet"
    assert warns("relink", "b.vhd", "a.vhd"), "relink to one with another time stamp"
    assert not warns("map", "b.vhd"), "after relink"


def test_parent_for_once(box):
    chain(box)
    os.rename(box.path("b.vhd"), box.path("moved.vhd"))
    before = box.read("c.vhd")
    box.tool("compare", "--parent", "moved.vhd", "c.vhd", "--from2", "vhd", "moved.vhd", code=NO)
    box.tool("info", "--chain", "--parent", "moved.vhd", "c.vhd")
    equal(box.read("c.vhd"), before, "the child")


def test_another_parent(box):
    chain(box)
    box.tool("create", "--size", "16M", "other.vhd")
    box.refuses(PARENT, "other.vhd", "info", "--chain", "--parent", "other.vhd", "b.vhd")
    before = box.read("b.vhd")
    box.refuses(PARENT, "relink --force", "relink", "b.vhd", "other.vhd")
    equal(box.read("b.vhd"), before, "the child after a refused relink")
    box.tool("relink", "--force", "b.vhd", "other.vhd")
    equal(box.info("b.vhd")["parent_id"], box.info("other.vhd")["id"], "parent's id")
    box.tool("info", "--chain", "b.vhd")


def test_relink_to_a_raw_file(box):
    chain(box)
    expected = box.we_read("b.vhd")
    box.refuses(PARENT, "", "relink", "--raw", "b.vhd", "a.raw")
    box.tool("relink", "--raw", "--force", "b.vhd", "a.raw")
    same(box.we_read("b.vhd"), expected, "above the raw file")


def test_relink_refuses_cycles(box):
    chain(box)
    before = box.read("a.vhd"), box.read("b.vhd")
    box.refuses(PARENT, "", "relink", "--force", "b.vhd", "b.vhd")
    box.refuses(PARENT, "", "relink", "--force", "b.vhd", "c.vhd")
    equal((box.read("a.vhd"), box.read("b.vhd")), before, "images")


def test_links_are_not_followed(box):
    chain(box)
    os.mkdir(box.path("elsewhere"))
    os.rename(box.path("a.vhd"), box.path("elsewhere/a.vhd"))
    os.symlink("elsewhere/a.vhd", box.path("a.vhd"))
    box.refuses(PARENT, "link", "info", "--chain", "b.vhd")


def test_merge(box):
    data = chain(box)
    box.tool("merge", "c.vhd")
    same(box.we_read("b.vhd"), data, "the middle one after its child was merged")
    same(box.we_read("c.vhd"), data, "the child")
    box.tool("merge", "--delete", "c.vhd")
    box.tool("merge", "--delete", "b.vhd")
    equal([name for name in box.files() if name.endswith(".vhd")], ["a.vhd"], "images")
    same(box.we_read("a.vhd"), data, "the base after both were merged")
    same(box.qemu_reads("a.vhd"), data, "qemu-img")
    box.tool("check", "--bitmaps", "a.vhd")


def test_merge_of_a_smaller_child(box):
    data = box.raw("a.raw", 4 * MIB, [(0, 4 * MIB)])
    box.tool("convert", "--from", "raw", "--to", "dynamic", "a.raw", "a.vhd")
    box.tool("snapshot", "a.vhd", "b.vhd")
    box.tool("resize", "--truncate", "b.vhd", "2M")
    said = box.tool("merge", "--delete", "b.vhd").stderr
    assert "a.vhd: keeps its 4194304 bytes" in said, said
    same(box.we_read("a.vhd"), data, "the larger parent")
    box.tool("resize", "--truncate", "a.vhd", str(2 * MIB))
    same(box.we_read("a.vhd"), data[:2 * MIB], "what the child had")


def test_merge_into_raw_and_fixed(box):
    data = bytearray(box.raw("a.raw", 8 * MIB, [(0, MIB)]))
    box.tool("snapshot", "--raw-parent", "a.raw", "b.vhd")
    box.poke("b.vhd", 100, b"changed")
    data[100:107] = b"changed"
    box.tool("merge", "--delete", "b.vhd")
    same(box.read("a.raw"), data, "the raw parent")
    box.tool("convert", "--from", "raw", "--to", "fixed", "a.raw", "c.vhd")
    box.tool("snapshot", "c.vhd", "d.vhd")
    box.poke("d.vhd", 5 * MIB, b"again")
    data[5 * MIB:5 * MIB + 5] = b"again"
    box.tool("merge", "d.vhd")
    same(box.read("c.vhd")[:8 * MIB], data, "the fixed parent")


def test_merge_refusals(box):
    box.tool("create", "--size", "1M", "a.vhd")
    box.refuses(USAGE, "a.vhd", "merge", "a.vhd")
    box.tool("snapshot", "a.vhd", "b.vhd")
    os.unlink(box.path("a.vhd"))
    box.refuses(PARENT, "a.vhd", "merge", "--delete", "b.vhd")
    equal(box.files(), ["b.vhd"], "files")


def test_chain_is_bounded(box):
    box.tool("create", "--size", "1M", "0.vhd")
    for number in range(1, 64):
        box.tool("snapshot", f"{number - 1}.vhd", f"{number}.vhd")
    box.tool("info", "--chain", "63.vhd")
    box.refuses(PARENT, "64", "snapshot", "63.vhd", "64.vhd")
    assert not os.path.exists(box.path("64.vhd")), "a child that nobody could open"


def test_open_elsewhere(box):
    chain(box)
    with box.holding("c.vhd"):
        box.refuses(BUSY, "c.vhd", "info", "c.vhd")
        box.refuses(BUSY, "c.vhd", "compact", "c.vhd")
        box.refuses(BUSY, "in use by another program", "check", "c.vhd")
        box.refuses(BUSY, "in use by another program", "check", "--repair", "c.vhd")
        # Its parents are only read there, and may be read here.
        box.tool("info", "--chain", "b.vhd")
        box.refuses(BUSY, "b.vhd", "resize", "b.vhd", "32M")
    box.tool("info", "c.vhd", code=OK)


def test_cycle_of_two(box):
    box.write("a.vhd", images.differencing(b"\x22" * 16, "b.vhd", ".\\b.vhd", unique=b"\x11" * 16))
    box.write("b.vhd", images.differencing(b"\x11" * 16, "a.vhd", ".\\a.vhd", unique=b"\x22" * 16))
    for name in ("a.vhd", "b.vhd"):
        box.refuses(PARENT, "", "info", "--chain", name)
        box.tool("info", name)
