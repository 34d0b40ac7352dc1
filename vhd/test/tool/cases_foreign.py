# SPDX-License-Identifier: MIT
"""Others' images, read bit for bit, and still right after we have written into them."""

import struct

import foreign
from box import MIB, equal, noise, same

MAPS = ((0x10003, 0x10002), (0x10001, 0x10001))


def reads(box, made, name="a.vhd"):
    image, seen = made
    box.write(name, image)
    same(box.we_read(name), seen, name)
    box.tool("check", "--bitmaps", name)
    return seen


def writes(box, seen, name="a.vhd", qemu=True, seven_zip=True):
    """Across two blocks, and within one; then all readers agree."""
    seen = bytearray(seen)
    for offset, length in ((foreign.BLOCK - 5000, 9000), (700, 100)):
        data = noise(length, offset)
        seen[offset:offset + length] = data
        box.poke(name, offset, data)
    same(box.we_read(name), seen, f"{name} after writing")
    box.tool("check", "--bitmaps", name)
    if qemu:
        same(box.qemu_reads(name), seen, "qemu-img")
        if seven_zip:
            same(box.seven_zip(name), seen, "7-Zip")


def test_virtual_pc(box):
    made = foreign.virtual_pc()
    writes(box, reads(box, made), qemu=False)
    equal(box.info("a.vhd")["size"], len(made[1]), "size")


def test_hyper_v_stays_aligned(box):
    writes(box, reads(box, foreign.hyper_v()))
    image = box.read("a.vhd")
    entries = [entry for entry in struct.unpack_from(">5I", image, 1536) if entry != foreign.NEVER]
    assert all((entry + 1) % 8 == 0 for entry in entries), entries


def test_disk2vhd(box):
    writes(box, reads(box, foreign.disk2vhd()))


def test_qemu(box):
    made = foreign.qemu()
    seen = reads(box, made)
    same(box.qemu_reads("a.vhd"), seen, "qemu-img")
    equal(box.info("a.vhd")["size"], 1079296, "size")


def test_footer_of_511_bytes(box):
    reads(box, foreign.old_fixed())


def full_bits(image, entries=64):
    """The blocks whose bit is set in XenServer's batmap, which must have the right checksum."""
    at = 1536 + -(-entries * 4 // 512) * 512
    cookie, offset, sectors, version, checksum = struct.unpack_from(">8sQIII", image, at)
    equal((cookie, sectors), (b"tdbatmap", 1), "batmap")
    bits = image[offset:offset + 512]
    total = sum((byte - 256 if byte > 127 and version == 0x10001 else byte) for byte in bits)
    equal(checksum, ~total & 0xFFFFFFFF, "checksum of the batmap")
    return [index for index in range(entries) if bits[index // 8] >> (7 - index % 8) & 1]


def test_xenserver(box):
    for version, map_version in MAPS:
        seen = reads(box, foreign.xenserver(version, map_version))
        writes(box, seen, seven_zip=False)  # which refuses a table that is larger than the disk
        image = box.read("a.vhd")
        equal(full_bits(image), [2], "full blocks")
        box.poke("a.vhd", 0, noise(2 * MIB, 3))
        equal(full_bits(box.read("a.vhd")), [0, 2], "full blocks after one was filled")
        equal(box.info("a.vhd")["size"], 8 * MIB, "size")


def test_xenserver_hidden(box):
    """Version 1.1 did not make the checksum anew."""
    box.write("a.vhd", foreign.xenserver(0x10001, 0x10001, hidden=1)[0])
    equal(box.info("a.vhd")["hidden"], True, "hidden")


def test_xenserver_raw_parent(box):
    below = noise(8 * MIB, 77)
    box.write("p.raw", below)
    writes(box, reads(box, foreign.xenserver(parent=bytes(16), below=below)), qemu=False)
    same(box.read("p.raw"), below, "the parent")


def test_mixed_bitmaps(box):
    """Sector by sector from child and parent; 7-Zip reads the same."""
    parent, below = foreign.hyper_v()
    box.write("parent.vhd", parent)
    for bits in (lambda byte: 0xA5, lambda byte: byte & 0xFF, lambda byte: 0x01 if byte % 3 else 0x80):
        made = foreign.mixed(b"\x51" * 16, below, bits)
        seen = reads(box, made)
        same(box.seven_zip("a.vhd"), seen, "7-Zip")
        writes(box, seen, qemu=False)
        same(box.read("parent.vhd"), parent, "the parent")
