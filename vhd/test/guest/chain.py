# SPDX-License-Identifier: MIT
"""A chain of three differencing VHDs over a dynamic one, with an ext4 file system whose files lie in all layers."""

import hashlib
import os
import random

from server import run, vhdtool

MIB = 1 << 20
DISK_SIZE = 96 * MIB
BLOCK = 4096
FILES_PER_LAYER = 8
FILE_SIZE = 240 << 10


def make_tree(folder, layer):
    """The files of one layer, and what they should be found as."""
    os.makedirs(folder(f"tree/layer{layer}"))
    os.makedirs(folder("tree/new"), exist_ok=True)
    known = {}
    for number in range(FILES_PER_LAYER):
        data = random.Random(layer * 100 + number).randbytes(FILE_SIZE)
        known[f"layer{layer}/{number}"] = hashlib.md5(data).hexdigest()
        with open(folder(f"tree/layer{layer}/{number}"), "wb") as file:
            file.write(data)
    return known


def add_to_raw(folder, layer):
    """Puts a layer's files into the file system of the raw image, with the tools for ext4 that need no mount."""
    commands = [f"mkdir layer{layer}"]
    for number in range(FILES_PER_LAYER):
        name = f"layer{layer}/{number}"
        commands.append(f"write {folder('tree/' + name)} {name}")
    with open(folder("commands"), "w", encoding="utf-8") as file:
        file.write("\n".join(commands) + "\n")
    run("/usr/sbin/debugfs", "-w", "-f", folder("commands"), folder("raw"))


def write_difference(folder, before, name):
    """What is different in the raw image now goes into the image over NBD."""
    server = folder.serve(name)
    client = server.connect()
    with open(folder("raw"), "rb") as file:
        after = file.read()
    for offset in range(0, DISK_SIZE, BLOCK):
        block = after[offset:offset + BLOCK]
        if block != before[offset:offset + BLOCK]:
            client.pwrite(block, offset)
    client.flush()
    client.shutdown()
    server.stop()
    return after


def make_chain(folder):
    """A dynamic base and three differencing images; the last is empty, the others have a directory of files each."""
    known = make_tree(folder, 0)
    with open(folder("raw"), "wb") as file:
        file.truncate(DISK_SIZE)
    run("/usr/sbin/mke2fs", "-q", "-t", "ext4", "-d", folder("tree"), "-b", str(BLOCK), folder("raw"))
    vhdtool("convert", "--from", "raw", "--to", "dynamic", folder("raw"), folder("0.vhd"))
    with open(folder("raw"), "rb") as file:
        content = file.read()
    for layer in (1, 2):
        known |= make_tree(folder, layer)
        folder.snapshot(f"{layer - 1}.vhd", f"{layer}.vhd")
        add_to_raw(folder, layer)
        content = write_difference(folder, content, f"{layer}.vhd")
    vhdtool("compare", "--from", "raw", folder("raw"), folder("2.vhd"))
    folder.snapshot("2.vhd", "3.vhd")
    return known


def digests(folder):
    """Of the parents, which nobody may change."""
    said = []
    for layer in range(3):
        with open(folder(f"{layer}.vhd"), "rb") as file:
            said.append(hashlib.sha256(file.read()).hexdigest())
    return said
