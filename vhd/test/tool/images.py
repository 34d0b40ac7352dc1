# SPDX-License-Identifier: MIT
"""Images made byte by byte from the specification, with the tests' own numbers, so that the library's cannot hide."""

import struct

NEVER = 0xFFFFFFFF
SECTOR = 512


def checksum(data):
    return ~sum(data) & 0xFFFFFFFF


def footer(size, kind=3, data_offset=512, creator=b"win ", geometry=(0, 0, 0), unique=b"\x11" * 16, version=0x10000,
           cookie=b"conectix", hidden=0, saved=0):
    data = bytearray(SECTOR)
    struct.pack_into(">8sIIQI4sI4sQQHBBII16sBB", data, 0, cookie, 2, version, data_offset, 0x20000000, creator, 0x60003,
                     b"Wi2k", size, size, *geometry, kind, 0, unique, saved, hidden)
    struct.pack_into(">I", data, 64, checksum(data))
    return bytes(data)


def header(entries, block_size=2 << 20, table=1536, parent_id=bytes(16), parent_name="", locators=(), version=0x10000):
    """Locators are (code, space, length, offset)."""
    data = bytearray(1024)
    struct.pack_into(">8sQQIII", data, 0, b"cxsparse", 0xFFFFFFFFFFFFFFFF, table, version, entries, block_size)
    data[40:56] = parent_id
    name = parent_name.encode("utf-16-be")
    data[64:64 + len(name)] = name
    for number, (code, space, length, offset) in enumerate(locators):
        struct.pack_into(">4sIIIQ", data, 576 + 24 * number, code, space, length, 0, offset)
    struct.pack_into(">I", data, 36, checksum(data))
    return bytes(data)


def dynamic(size=8 << 20, blocks=None, end=None, front=None, **header_words):
    """A dynamic image. `blocks` are table entries by index; the file is long enough for blocks at 2048 to 2048 + 8 MiB."""
    entries = header_words.pop("entries", -(-size // (2 << 20)))
    table = [NEVER] * 128
    for index, entry in (blocks or {}).items():
        table[index] = entry
    foot = footer(size)
    data = (front or foot) + header(entries, **header_words) + struct.pack(">128I", *table)
    if blocks:
        data = data.ljust(2048 + 2 * ((2 << 20) + SECTOR), b"\0")
    return data + (foot if end is None else end)


def differencing(parent_id, parent_name, target, size=8 << 20, code=b"W2ru", unique=b"\x22" * 16):
    """A differencing image without blocks, and with one locator."""
    path = target.encode("utf-16-le")
    foot = footer(size, kind=4, unique=unique)
    head = header(-(-size // (2 << 20)), parent_id=parent_id, parent_name=parent_name,
                  locators=[(code, SECTOR, len(path), 2048)])
    return foot + head + struct.pack(">128I", *[NEVER] * 128) + path.ljust(SECTOR, b"\0") + foot
