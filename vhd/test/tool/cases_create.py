# SPDX-License-Identifier: MIT
"""New images: their kinds and options, what others read of them, and that nothing existing is lost."""

import fcntl
import json
import os

from box import BUSY, GIB, MIB, OK, PARENT, SYSTEM, USAGE, equal, same


def test_dynamic(box):
    box.tool("create", "--size", "1G", "a.vhd")
    info = box.info("a.vhd")
    equal((info["type"], info["size"], info["block_size"], info["blocks_allocated"]), ("dynamic", GIB, 2 * MIB, 0), "info")
    equal((info["aligned"], info["batmap"], info["warnings"]), (True, False, []), "info")
    assert box.size("a.vhd") < 64 * 1024, "an empty image is large"
    equal(json.loads(box.qemu_img("info", "-f", "vpc", "--output=json", "a.vhd"))["virtual-size"], GIB, "qemu-img's size")
    box.tool("check", "--bitmaps", "a.vhd")


def test_fixed(box):
    box.tool("create", "--type", "fixed", "--size", "32M", "a.vhd")
    equal((box.info("a.vhd")["type"], box.size("a.vhd")), ("fixed", 32 * MIB + 512), "fixed")
    assert box.space("a.vhd") < MIB, "space was reserved without --preallocate"
    same(box.qemu_reads("a.vhd"), bytes(32 * MIB), "qemu-img")
    box.tool("create", "--type", "fixed", "--preallocate", "--size", "32M", "b.vhd")
    assert box.space("b.vhd") >= 32 * MIB, "space was not reserved"


def test_options_of_blocks(box):
    box.tool("create", "--size", "64M", "--block-size", "512K", "--reserve", "1G", "a.vhd")
    info = box.info("a.vhd")
    equal(info["block_size"], 512 * 1024, "block size")
    assert info["bat_entries"] >= 2048, f"{info['bat_entries']} entries are too few for 1 GiB"
    box.tool("create", "--size", "64M", "--compact-layout", "b.vhd")
    box.poke("b.vhd", 0, b"x" * 512)
    equal(box.info("b.vhd")["aligned"], False, "aligned with --compact-layout")
    box.tool("create", "--size", "64M", "--batmap", "c.vhd")
    info = box.info("c.vhd")
    equal((info["batmap"], info["creator"]), (True, "tap\\x00"), "with --batmap")
    for size in (512, 1024, 2048, 4096):
        box.tool("create", "--size", "1M", "--block-size", str(size), f"{size}.vhd")
        assert "nothing is wrong" in box.tool("check", f"{size}.vhd").stdout, f"a new image with blocks of {size} bytes"


def test_wrong_requests(box):
    box.refuses(USAGE, "how large", "create", "a.vhd")
    box.refuses(USAGE, "more than 0", "create", "--size", "0", "a.vhd")
    box.refuses(USAGE, "fixed image has no blocks", "create", "--type", "fixed", "--size", "1M", "--batmap", "a.vhd")
    box.refuses(USAGE, "fixed", "create", "--size", "1M", "--preallocate", "a.vhd")
    box.refuses(USAGE, "a.vhd", "create", "--size", "4T", "a.vhd")
    box.refuses(USAGE, "a.vhd", "create", "--size", "1M", "--block-size", "3000", "a.vhd")
    box.refuses(USAGE, "at most 2G", "create", "--size", "1M", "--block-size", "4G", "a.vhd")
    box.refuses(SYSTEM, "no-such-directory/a.vhd", "create", "--size", "1M", "no-such-directory/a.vhd")
    equal(box.files(), [], "files that came into being")


def test_nothing_is_overwritten(box):
    box.write("a.vhd", b"precious")
    box.refuses(USAGE, "--force", "create", "--size", "1M", "a.vhd")
    equal(box.read("a.vhd"), b"precious", "contents")
    # What fails leaves the old file, even with --force.
    box.refuses(USAGE, "", "create", "--force", "--size", "1M", "--block-size", "3000", "a.vhd")
    equal(box.read("a.vhd"), b"precious", "contents")
    box.tool("create", "--force", "--size", "1M", "a.vhd")
    equal(box.info("a.vhd")["size"], MIB, "size")


def test_force_respects_locks_links_and_devices(box):
    box.write("a.vhd", b"precious")
    with open(box.path("a.vhd"), "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        box.refuses(BUSY, "a.vhd", "create", "--force", "--size", "1M", "a.vhd")
    os.symlink("a.vhd", box.path("link.vhd"))
    box.tool("create", "--force", "--size", "1M", "link.vhd")
    assert os.path.islink(box.path("link.vhd")) and box.info("a.vhd")["size"] == MIB, "the link was replaced, not its file"
    os.mkfifo(box.path("fifo"))
    box.refuses(USAGE, "not an ordinary file", "create", "--force", "--size", "1M", "fifo")
    box.refuses(USAGE, "not an ordinary file", "convert", "--force", "--to", "raw", "a.vhd", "/dev/null")


def test_snapshot(box):
    box.tool("create", "--size", "8M", "a.vhd")
    box.poke("a.vhd", MIB, b"parent" * 1000)
    box.tool("snapshot", "a.vhd", "b.vhd")
    parent, child = box.info("a.vhd"), box.info("b.vhd")
    equal((child["type"], child["parent_id"], child["parent_name"]), ("differencing", parent["id"], "a.vhd"), "child")
    equal({"W2ru", "W2ku"} <= {locator["code"] for locator in child["locators"]}, True, "locators")
    box.poke("b.vhd", 4 * MIB, b"child" * 1000)
    data = bytearray(8 * MIB)
    data[MIB:MIB + 6000] = b"parent" * 1000
    data[4 * MIB:4 * MIB + 5000] = b"child" * 1000
    same(box.we_read("b.vhd"), data, "what the child reads")
    same(box.seven_zip("b.vhd"), data, "what 7-Zip reads of the child")
    assert "nothing is wrong" in box.tool("check", "b.vhd").stdout


def test_snapshot_in_another_directory(box):
    """It is made, and who makes it hears what opening it will take."""
    box.tool("create", "--size", "1M", "a.vhd")
    os.mkdir(os.path.join(box.directory, "sub"))
    assert "--parent-dir" in box.tool("snapshot", "a.vhd", "sub/b.vhd").stderr
    box.refuses(PARENT, "--parent-dir", "map", "sub/b.vhd")
    box.tool("map", "--parent-dir", ".", "sub/b.vhd")
    for quietly in (["--quiet"], ["--parent-dir", "."]):
        equal(box.tool("snapshot", "--force", *quietly, "a.vhd", "sub/b.vhd").stderr, "", "said in vain")
    equal(box.tool("snapshot", "a.vhd", "c.vhd").stderr, "", "said of a neighbour")


def test_snapshot_of_a_raw_file(box):
    data = bytearray(box.raw("a.raw", 8 * MIB, [(0, 100000)]))
    box.tool("snapshot", "--raw-parent", "a.raw", "b.vhd")
    equal(box.info("b.vhd")["parent_id"], "00000000-0000-0000-0000-000000000000", "parent's id")
    assert "raw file" in box.tool("info", "b.vhd").stdout
    box.poke("b.vhd", 512, b"new")
    data[512:515] = b"new"
    same(box.we_read("b.vhd"), data, "what the child reads")


def test_snapshot_refusals(box):
    box.refuses(SYSTEM, "absent.vhd", "snapshot", "absent.vhd", "b.vhd")
    box.tool("create", "--size", "1M", "a.vhd")
    box.write("b.vhd", b"precious")
    box.refuses(USAGE, "--force", "snapshot", "a.vhd", "b.vhd")
    equal(box.read("b.vhd"), b"precious", "contents")
    box.tool("snapshot", "--force", "a.vhd", "b.vhd", code=OK)
    box.tool("create", "--size", "1M", "not-utf8-\udcff.vhd")
    box.refuses(USAGE, "not UTF-8", "snapshot", "not-utf8-\udcff.vhd", "c.vhd")


def test_full_directory_leaves_nothing(box):
    box.tool("create", "--size", "1M", "a.vhd")
    os.mkdir(box.path("closed"), 0o555)
    if os.access(box.path("closed"), os.W_OK):
        # Who may do everything meets a limit on sizes instead.
        box.program("sh", "-c", "ulimit -f 1; trap '' XFSZ; "
                    f"'{box.tool_path}' create --type fixed --size 1M closed/b.vhd; test $? -eq {SYSTEM}")
    else:
        box.refuses(SYSTEM, "closed/b.vhd", "create", "--size", "1M", "closed/b.vhd")
    equal(box.files(), ["a.vhd"], "files")
