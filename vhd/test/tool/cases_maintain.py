# SPDX-License-Identifier: MIT
"""resize, compact, check, set and compare."""

import json

import images
from box import CANCELLED, GIB, IMAGE, MIB, NO, OK, USAGE, equal, noise, same


def disk(box, name="a.vhd", size=16 * MIB):
    data = box.raw("a.raw", size, [(0, MIB), (5 * MIB, 3 * MIB)])
    box.tool("convert", "--force", "--from", "raw", "--to", "dynamic", "a.raw", name)
    return data


def test_resize_up_and_down(box):
    for kind in ("dynamic", "fixed"):
        data = disk(box)
        box.tool("convert", "--force", "--to", kind, "a.vhd", "b.vhd")
        box.tool("resize", "b.vhd", "40M")
        equal(box.info("b.vhd")["size"], 40 * MIB, f"{kind}, larger")
        same(box.we_read("b.vhd"), data, f"{kind}, larger")
        same(box.qemu_reads("b.vhd"), data, f"{kind}, larger, by qemu-img")
        box.tool("check", "--bitmaps", "b.vhd")
        box.tool("resize", "b.vhd", str(10 * MIB))
        equal(box.info("b.vhd")["size"], 10 * MIB, f"{kind}, smaller")
        same(box.we_read("b.vhd"), data, f"{kind}, smaller")
        box.refuses(USAGE, "--truncate", "resize", "b.vhd", "6M")
        equal(box.info("b.vhd")["size"], 10 * MIB, f"{kind}, after a refusal")
        box.tool("resize", "--truncate", "b.vhd", "6M")
        same(box.we_read("b.vhd"), data[:6 * MIB], f"{kind}, cut off")
        # What was cut off does not come back.
        box.tool("resize", "b.vhd", "16M")
        same(box.we_read("b.vhd"), data[:6 * MIB], f"{kind}, larger again")


def test_resize_far(box):
    data = disk(box)
    box.tool("resize", "a.vhd", "2040G")
    equal(box.info("a.vhd")["size"], 2040 * GIB, "size")
    box.tool("resize", "a.vhd", "16M")
    same(box.we_read("a.vhd"), data, "back again")


def test_resize_wrong_requests(box):
    disk(box)
    box.refuses(USAGE, "not a size", "resize", "a.vhd", "big")
    box.refuses(USAGE, "1024 is the next", "resize", "a.vhd", "1000")
    box.refuses(USAGE, "a.vhd", "resize", "a.vhd", "3T")
    equal(box.info("a.vhd")["size"], 16 * MIB, "size")


def test_saved_state_is_respected(box):
    disk(box)
    foot = bytearray(box.read("a.vhd")[-512:])
    foot[84] = 1
    foot[64:68] = bytes(4)
    foot[64:68] = images.checksum(foot).to_bytes(4, "big")
    box.change("a.vhd", -512, foot)
    box.change("a.vhd", 0, foot)
    box.refuses(IMAGE, "saved", "resize", "a.vhd", "32M")
    box.refuses(IMAGE, "saved", "compact", "a.vhd")
    equal(box.info("a.vhd")["saved_state"], True, "saved state")


def test_compact_shrinks(box):
    data = bytearray(disk(box, size=32 * MIB))
    box.poke("a.vhd", 20 * MIB, noise(8 * MIB, 7))
    before = box.size("a.vhd")
    box.poke("a.vhd", 20 * MIB, bytes(8 * MIB))
    equal(box.size("a.vhd"), before, "size after zeros were written")
    said = box.tool("compact", "a.vhd").stdout
    saved = before - box.size("a.vhd")
    assert saved >= 8 * MIB, f"only {saved} bytes are gone"
    assert said.startswith("a.vhd: ") and "given back" in said and str(saved) in said, said
    same(box.we_read("a.vhd"), data, "the disk")
    same(box.qemu_reads("a.vhd"), data, "the disk by qemu-img")
    box.tool("check", "--bitmaps", "a.vhd")
    equal(box.tool("compact", "-q", "a.vhd").stdout, "", "said with -q")


def test_check_of_good_images(box):
    disk(box)
    equal(box.tool("check", "a.vhd").stdout, "a.vhd: nothing is wrong\n", "text")
    equal(box.tool("check", "-q", "a.vhd").stdout, "", "text with -q")
    report = json.loads(box.tool("check", "--json", "--bitmaps", "a.vhd").stdout)
    equal((report["findings"], report["errors"], report["usable"]), ([], 0, True), "report")
    box.qemu_img("convert", "-f", "raw", "-O", "vpc", "a.raw", "q.vhd")
    box.tool("check", "--bitmaps", "q.vhd")


def test_check_repairs_footers(box):
    data = disk(box)
    good = box.read("a.vhd")
    for offset, where in ((-512, "end"), (0, "front")):
        box.write("a.vhd", good)
        box.change("a.vhd", offset, bytes(512))
        damaged = box.read("a.vhd")
        result = box.tool("check", "a.vhd", code=NO)
        assert "warning" in result.stdout, result.stdout
        said = box.tool("check", "--repair", "--dry-run", "a.vhd", code=NO).stdout
        assert "would be repaired" in said, said
        equal(box.read("a.vhd"), damaged, f"{where} footer after a dry run")
        report = json.loads(box.tool("check", "--repair", "--dry-run", "--json", "a.vhd", code=NO).stdout)
        assert report["findings"][0]["would_repair"] and not report["findings"][0]["repaired"], report
        assert "repaired" in box.tool("check", "--repair", "a.vhd").stdout
        box.tool("check", "a.vhd")
        same(box.we_read("a.vhd"), data, f"after the {where} footer was repaired")
        equal(box.tool("info", "a.vhd").stderr, "", "warnings after repair")


def test_check_lossy(box):
    disk(box)
    table = box.info("a.vhd")["bat_offset"]
    box.change("a.vhd", table + 4 * 7, (0x00FFFFFF).to_bytes(4, "big"))
    box.tool("check", "a.vhd", code=NO)
    box.tool("check", "--repair", "a.vhd", code=NO)
    box.refuses(USAGE, "--repair", "check", "--lossy", "a.vhd")
    box.refuses(USAGE, "--repair", "check", "--dry-run", "a.vhd")
    said = box.tool("check", "--repair", "--lossy", "--dry-run", "a.vhd", code=NO).stdout
    assert "would be repaired" in said, said
    box.tool("check", "--repair", "--lossy", "a.vhd")
    box.tool("check", "a.vhd")


def foretold_and_done(box, code, *options):
    """What --dry-run says of each finding, and what the repair then does about it."""
    foretold = json.loads(box.tool("check", "--json", "--repair", "--dry-run", *options, "a.vhd", code=code).stdout)
    done = json.loads(box.tool("check", "--json", "--repair", *options, "a.vhd", code=code).stdout)
    equal(foretold["repaired"], 0, "repaired by a dry run")
    equal((foretold["would_repair"], [finding["would_repair"] for finding in foretold["findings"]]),
          (done["repaired"], [finding["repaired"] for finding in done["findings"]]), "foretold")
    return done["repaired"]


def test_check_foretells_what_repair_does(box):
    """Not everything that is wrong can be put right, and not only warnings are."""
    box.tool("create", "--size", "4M", "a.vhd")
    box.write("a.vhd", box.read("a.vhd")[:1024])
    equal(foretold_and_done(box, NO), 0, "repairs of a file of 1024 bytes")
    disk(box)
    box.change("a.vhd", 512 + 24, bytes([0, 2, 0, 0]))
    for options in ((), ("--lossy",)):
        equal(foretold_and_done(box, NO, *options), 0, "repairs of a header of another version")
    box.tool("create", "--type", "fixed", "--size", "1M", "--force", "a.vhd")
    box.write("a.vhd", box.read("a.vhd")[:-1])
    equal(foretold_and_done(box, OK), 1, "repairs of a footer of 511 bytes")


def test_check_of_what_is_no_image(box):
    box.write("a.vhd", b"text" * 1000)
    box.refuses(IMAGE, "a.vhd", "check", "a.vhd")
    output = json.loads(box.tool("check", "--json", "a.vhd", code=IMAGE).stdout)
    equal(output["usable"], False, "usable")


def test_hidden(box):
    disk(box)
    box.refuses(USAGE, "--hidden on", "set", "a.vhd")
    for word in ("on", "on", "off"):
        box.tool("set", "--hidden", word, "a.vhd")
        equal(box.info("a.vhd")["hidden"], word == "on", "hidden")
        box.tool("check", "a.vhd")
    box.tool("create", "--type", "fixed", "--size", "1M", "b.vhd")
    box.tool("set", "--hidden", "on", "b.vhd")
    equal(box.info("b.vhd")["hidden"], True, "hidden, fixed")


def test_compare_same(box):
    disk(box)
    box.tool("convert", "--to", "fixed", "a.vhd", "b.vhd")
    equal(box.tool("compare", "a.vhd", "b.vhd").stdout, "They are the same.\n", "text")
    box.tool("compare", "--from", "raw", "a.raw", "b.vhd")
    box.tool("compare", "a.vhd", "--from2", "raw", "a.raw")
    box.tool("compare", "a.vhd", "a.vhd")
    equal(box.tool("compare", "-q", "a.vhd", "b.vhd").stdout, "", "text with -q")


def test_compare_different(box):
    disk(box)
    box.tool("convert", "--to", "dynamic", "a.vhd", "b.vhd")
    box.poke("b.vhd", 12 * MIB + 77, b"x")
    assert f"first at byte {12 * MIB + 77}." in box.tool("compare", "a.vhd", "b.vhd", code=NO).stdout
    box.poke("b.vhd", 6 * MIB + 3, noise(5, 3))
    assert f"first at byte {6 * MIB + 3}." in box.tool("compare", "b.vhd", "a.vhd", code=NO).stdout


def test_compare_sizes(box):
    disk(box)
    box.tool("convert", "--to", "dynamic", "a.vhd", "b.vhd")
    box.tool("resize", "b.vhd", "20M")
    said = box.tool("compare", "a.vhd", "b.vhd").stdout
    assert "second one is larger by 4194304 bytes, all zero" in said, said
    box.poke("b.vhd", 20 * MIB - 1, b"x")
    assert f"byte {20 * MIB - 1}." in box.tool("compare", "a.vhd", "b.vhd", code=NO).stdout
    box.tool("create", "--size", "2040G", "c.vhd")
    box.tool("create", "--size", "1M", "d.vhd")
    box.tool("compare", "c.vhd", "d.vhd")


def test_compare_trouble(box):
    disk(box)
    box.write("b.vhd", b"no image" * 100)
    box.refuses(IMAGE, "b.vhd", "compare", "a.vhd", "b.vhd")
    box.refuses(USAGE, "--from2", "compare", "a.vhd", "a.raw")
    assert CANCELLED > NO
