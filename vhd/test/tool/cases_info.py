# SPDX-License-Identifier: MIT
"""What `info` and `map` show, for people and as JSON."""

import json
import re
import uuid

import images
from box import GIB, IMAGE, MIB, PARENT, USAGE, equal


def manual_fields(command):
    """Names that the manual page documents for the JSON of a command."""
    from cases_command import MANUAL
    with open(MANUAL, encoding="utf-8") as file:
        section = file.read().split(".Sh JSON")[1].split(".Sh ")[0]
    part = section.split(f".It Cm {command}\n")[1].split(".It ")[0]
    return set(re.findall(r"[a-z][a-z_]+[a-z]|id\b", " ".join(line for line in part.split("\n") if "Li" in line)))


def names(value):
    """Every key, however deep."""
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in names(inner)}
    return {name for inner in value for name in names(inner)} if isinstance(value, list) else set()


def chain(box):
    box.tool("create", "--size", "8M", "a.vhd")
    box.tool("snapshot", "a.vhd", "b.vhd")
    box.tool("snapshot", "b.vhd", "c.vhd")


def test_json_fields_are_documented(box):
    chain(box)
    for command, words in (("info", ["--chain"]), ("map", []), ("check", [])):
        output = json.loads(box.program(box.tool_path, command, "--json", *words, "c.vhd"))
        equal(names(output) - manual_fields(command), set(), f"fields of {command} that the manual page lacks")
    json.loads(box.program("python3", "-m", "json.tool", input=box.tool("info", "--json", "c.vhd").stdout))


def test_identity(box):
    box.write("a.vhd", images.dynamic(end=None))
    info = box.info("a.vhd")
    equal(info["id"], str(uuid.UUID(bytes=b"\x11" * 16)), "id")
    foot = images.footer(8 * MIB, unique=bytes(range(16)))
    box.write("b.vhd", foot + images.dynamic()[512:-512] + foot)
    info = box.info("b.vhd")
    equal(info["id"], str(uuid.UUID(bytes=bytes(range(16)))), "id")
    equal(info["id_windows"], str(uuid.UUID(bytes_le=bytes(range(16)))), "id as Windows has it")
    text = box.tool("info", "b.vhd").stdout
    assert info["id"] in text and "{" + info["id_windows"] + "}" in text, text
    assert "Windows or Hyper-V" in text, text


def test_sizes_of_the_chs_quirk(box):
    # QEMU rounds up until geometry fits: these sizes were measured with its 7.2.
    for asked, size in (("1M", 1079296), ("1G", 1073995776), ("4G", 4295467008)):
        box.qemu_img("create", "-q", "-f", "vpc", "a.vhd", asked)
        info = box.info("a.vhd")
        equal((info["size"], info["current_size"], info["chs_size"]), (size, size, size), asked)
    # Virtual PC's 127 GiB: the field says 2080768 bytes more than the geometry.
    size, chs = 136365211648, 136363130880
    foot = images.footer(size, creator=b"vpc ", geometry=(65278, 16, 255))
    table = b"\xff" * 262144
    box.write("b.vhd", foot + images.header(65024 + 1) + table + foot)
    info = box.info("b.vhd")
    equal((info["current_size"], info["chs_size"]), (size, chs), "both sizes")
    text = box.tool("info", "b.vhd").stdout
    assert str(size) in text and str(chs) in text, text
    for rule, wanted in (("current", size), ("chs", chs)):
        equal(box.info("b.vhd", "--size-rule", rule)["size"], wanted, f"--size-rule {rule}")


def test_parent_is_not_needed(box):
    box.tool("create", "--size", "8M", "a.vhd")
    box.tool("snapshot", "a.vhd", "b.vhd")
    box.program("rm", "a.vhd")
    equal(box.info("b.vhd")["parent_name"], "a.vhd", "parent's name")
    box.refuses(PARENT, "a.vhd", "info", "--chain", "b.vhd")
    equal(json.loads(box.tool("map", "--alone", "--json", "b.vhd").stdout)[0]["kind"], "parent", "kind")


def test_chain(box):
    chain(box)
    layers = json.loads(box.tool("info", "--chain", "--json", "c.vhd").stdout)
    equal([layer["image"].rsplit("/", 1)[-1] for layer in layers], ["c.vhd", "b.vhd", "a.vhd"], "layers")
    equal(layers[0]["parent_id"], layers[1]["id"], "parent's id")
    equal(box.tool("info", "--chain", "c.vhd").stdout.count("unique id:"), 3, "blocks of text")


def test_warnings(box):
    good = images.dynamic()
    box.write("a.vhd", good[:-512] + bytes(512))
    info = box.info("a.vhd")
    assert info["repairable"] and info["warnings"], info
    text = box.tool("info", "a.vhd").stdout
    assert "warning:" in text and "check --repair" in text, text
    # Other commands say it on the standard error output, unless quiet.
    assert "vhdtool: warning: " in box.tool("map", "a.vhd").stderr
    equal(box.tool("map", "-q", "a.vhd").stderr, "", "said with -q")


def test_old_footer_of_511_bytes(box):
    box.write("a.vhd", bytes(MIB) + images.footer(MIB, kind=2, data_offset=(1 << 64) - 1)[:511])
    equal((box.info("a.vhd")["size"], box.info("a.vhd")["type"]), (MIB, "fixed"), "size and type")


def test_names_in_images_cannot_steer_a_terminal(box):
    box.write("a.vhd", images.differencing(b"\x11" * 16, "\033[31m\u009b2J", ".\\\033[31m"))
    text = box.tool("info", "a.vhd").stdout
    assert "\\x1b[31m" in text and "\\xc2" in text, text
    equal(box.info("a.vhd")["parent_name"], "\033[31m\u009b2J", "parent's name")


def test_map(box):
    box.tool("create", "--size", "8M", "a.vhd")
    box.poke("a.vhd", 2 * MIB, b"x" * 65536)
    box.tool("snapshot", "a.vhd", "b.vhd")
    box.poke("b.vhd", 4 * MIB, b"y" * 65536)
    output = json.loads(box.tool("map", "--json", "b.vhd").stdout)
    equal(sum(part["length"] for part in output), 8 * MIB, "length of all")
    equal([part["start"] for part in output][1:], [part["start"] + part["length"] for part in output][:-1], "starts")
    data = [(part["start"], part["length"], part["layer"]) for part in output if part["kind"] == "data"]
    equal(data, [(2 * MIB, 65536, 1), (4 * MIB, 65536, 0)], "data")
    for part in output:
        if part["kind"] == "data":
            name = part["file"].rsplit("/", 1)[-1]
            byte = {"a.vhd": b"x", "b.vhd": b"y"}[name]
            equal(box.read(name)[part["offset"]:part["offset"] + 65536], byte * 65536, f"bytes at the offset in {name}")
    lines = box.tool("map", "b.vhd").stdout.splitlines()
    equal(len(lines), len(output) + 1, "lines")
    equal(lines[0].split(), ["start", "length", "kind", "layer", "offset", "file"], "titles")


def test_map_of_raw(box):
    box.raw("a.raw", 64 * MIB, [(MIB, MIB)])
    output = json.loads(box.tool("map", "--from", "raw", "--json", "a.raw").stdout)
    equal([(p["start"], p["length"]) for p in output if p["kind"] == "data"], [(MIB, MIB)], "data")
    box.refuses(USAGE, "--from", "map", "a.raw")
    box.refuses(IMAGE, "a.raw", "map", "--from", "vhd", "a.raw")


def test_large_disk_is_quick(box):
    box.tool("create", "--size", "2040G", "a.vhd")
    equal(box.info("a.vhd")["size"], 2040 * GIB, "size")
    equal(len(json.loads(box.tool("map", "--json", "a.vhd").stdout)), 1, "parts of an empty disk")
    box.refuses(USAGE, "", "create", "--size", str(2040 * GIB + 512), "b.vhd")
