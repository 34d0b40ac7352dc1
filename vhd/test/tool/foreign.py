# SPDX-License-Identifier: MIT
"""Images in the shapes of other writers, made from the specification and from measured layouts, with their contents.

Nothing here knows how the library makes its own. Each function returns the file and what the disk must read as.
"""

import random
import struct

SECTOR, BLOCK = 512, 2 << 20
NEVER = 0xFFFFFFFF
UNKNOWN = 0xFFFFFFFFFFFFFFFF


def checksum(data):
    return ~sum(data) & 0xFFFFFFFF


def noise(length, seed):
    return random.Random(seed).randbytes(length)


def footer(size, kind=3, creator=b"win ", version=0x60003, host=b"Wi2k", geometry=(0xFFFF, 16, 255), unique=b"\x51" * 16,
           hidden=0, seal_hidden=True):
    data = bytearray(SECTOR)
    struct.pack_into(">8sIIQI4sI4sQQHBBII16sBB", data, 0, b"conectix", 2, 0x10000, UNKNOWN if kind == 2 else 512, 0x1A2B3C4D,
                     creator, version, host, size, size, *geometry, kind, 0, unique, 0, hidden if seal_hidden else 0)
    struct.pack_into(">I", data, 64, checksum(data))
    data[85] = hidden
    return bytes(data)


def header(entries, block=BLOCK, parent=bytes(16), name="", locators=()):
    data = bytearray(1024)
    struct.pack_into(">8sQQIII", data, 0, b"cxsparse", UNKNOWN, 1536, 0x10000, entries, block)
    data[40:56] = parent
    wide = name.encode("utf-16-be")
    data[64:64 + len(wide)] = wide
    for number, (code, length, offset) in enumerate(locators):
        struct.pack_into(">4sIIIQ", data, 576 + 24 * number, code, SECTOR, length, 0, offset)
    struct.pack_into(">I", data, 36, checksum(data))
    return bytes(data)


def block_bytes(index, bits, below=None):
    """Bitmap and payload of a block, and what it reads as: where a bit is clear, what is `below`, or zeros."""
    bitmap = bytes(bits(i) for i in range(SECTOR))
    payload, seen = bytearray(BLOCK), bytearray(below or bytes(BLOCK))
    for sector in range(BLOCK // SECTOR):
        if bitmap[sector // 8] >> (7 - sector % 8) & 1:
            data = noise(SECTOR, index << 16 | sector)
            payload[sector * SECTOR:(sector + 1) * SECTOR] = data
            seen[sector * SECTOR:(sector + 1) * SECTOR] = data
    return bitmap + bytes(payload), bytes(seen)


def dynamic(size, foot, blocks, *, entries=None, bits=lambda byte: 0xFF, padding=0xFF, align=False, end_gap=0, extra=b"",
            below=None, cut=0, **words):
    """`blocks` are indexes in the order in which they lie in the file; `extra` follows the BAT."""
    entries = entries or -(-size // BLOCK)
    table_end = 1536 + -(-entries * 4 // SECTOR) * SECTOR
    table = bytearray(b"\xFF" * (entries * 4) + bytes([padding]) * (table_end - 1536 - entries * 4))
    seen = bytearray(below or bytes(size)).ljust(size, b"\0")
    tail, at = bytearray(extra), table_end + len(extra) + end_gap
    tail += bytes(end_gap)
    for index in blocks:
        if align:
            move = -(at + SECTOR) % 4096
            tail += bytes(move)
            at += move
        struct.pack_into(">I", table, 4 * index, at // SECTOR)
        raw, data = block_bytes(index, bits, bytes(seen[index * BLOCK:(index + 1) * BLOCK]).ljust(BLOCK, b"\0"))
        seen[index * BLOCK:(index + 1) * BLOCK] = data
        tail += raw
        at += len(raw)
    if align:
        tail += bytes(-(at + SECTOR) % 4096)
    image = foot + header(entries, **words) + bytes(table) + bytes(tail) + foot
    return image[:len(image) - cut], bytes(seen[:size])


def virtual_pc(size=11 * BLOCK // 2, blocks=(2, 0)):
    """Sizes by CHS, BAT padded with zeros, a sector left free behind it."""
    return dynamic(size, footer(size, creator=b"vpc ", version=0x50003, geometry=(331, 4, 17)), blocks, padding=0,
                   end_gap=SECTOR)


def hyper_v():
    size = 5 * BLOCK
    return dynamic(size, footer(size, geometry=(301, 4, 17)), (1, 4, 0), align=True)


def disk2vhd():
    size = 4 * BLOCK - 4096
    return dynamic(size, footer(size, creator=b"d2v\0", version=1), (0, 1, 3), padding=0)


def batmap(table_end, entries, full, version=0x10002):
    words = bytearray(SECTOR)
    for index in full:
        words[index // 8] |= 0x80 >> index % 8
    total = sum((byte - 256 if byte > 127 and version == 0x10001 else byte) for byte in words)
    head = struct.pack(">8sQIII", b"tdbatmap", table_end + SECTOR, 1, version, ~total & 0xFFFFFFFF)
    return head.ljust(SECTOR, b"\0") + bytes(words)


def xenserver(version=0x10003, map_version=0x10002, hidden=0, parent=None, below=None, name="p.raw", entries=64):
    """Preallocated BAT, batmap, three locators in its order, payload on pages; raw parent for the id of all zeros."""
    size, full = 4 * BLOCK, (2,)
    table_end = 1536 + -(-entries * 4 // SECTOR) * SECTOR
    extra = batmap(table_end, entries, full, map_version)
    locators = []
    if parent is not None:
        wide = f"./{name}".encode("utf-16-le")
        url = f"file://./{name}".encode()
        for code, data in ((b"MacX", url), (b"W2ku", wide), (b"W2ru", wide)):
            locators.append((code, len(data), table_end + len(extra)))
            extra += data.ljust(SECTOR, b"\0")
    kind = 3 if parent is None else 4
    foot = footer(size, kind, creator=b"tap\0", version=version, host=bytes(4), hidden=hidden,
                  seal_hidden=version > 0x10001, geometry=(240, 4, 17))
    return dynamic(size, foot, (2,), entries=entries, extra=extra, align=True, parent=parent or bytes(16),
                   name=name if parent is not None else "", locators=locators, below=below)


def mixed(parent, below, bits):
    size = len(below)
    wide = ".\\parent.vhd".encode("utf-16-le")
    table_end = 1536 + SECTOR
    return dynamic(size, footer(size, 4, unique=b"\x52" * 16), (1, 0), bits=bits, extra=wide.ljust(SECTOR, b"\0"),
                   below=below, parent=parent, name="parent.vhd", locators=[(b"W2ru", len(wide), table_end)])


def old_fixed():
    """Before Virtual PC 2004: a footer of 511 bytes."""
    size = 68 * 4 * SECTOR
    data = noise(size, 9)
    return data + footer(size, 2, creator=b"vpc ", geometry=(4, 4, 17))[:511], data


def qemu(size=1 << 20):
    """Rounded up until cylinders, heads and sectors fit: 1 MiB becomes 31/4/17."""
    rounded = 31 * 4 * 17 * SECTOR
    assert rounded == 1079296 and rounded >= size
    return dynamic(rounded, footer(rounded, creator=b"qemu", version=0x50003, geometry=(31, 4, 17)), (0,))
