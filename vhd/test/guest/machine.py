# SPDX-License-Identifier: MIT
"""The machines that the disk is put into: Debian's own kernel from the project's cache (tools/fetch-debian), without
hardware help, so that it works everywhere."""

import os
import selectors
import subprocess

from server import BUILD, expect

CACHE = os.environ.get("VERDIGRIS_CACHE") or os.path.expanduser("~/.cache/verdigris")
KERNEL = os.path.join(CACHE, "kernel-6.1", "vmlinuz")
INITRAMFS = os.path.join(BUILD, "guest.cpio")
MEMORY_MIB = 256
SILENT_SECONDS = 120


def command_line(*words):
    return " ".join(("console=ttyS0", "quiet", "panic=-1", *words))


def qemu(words, disk):
    """QEMU with the serial port on its standard output; `words` for the guest, `disk` for QEMU."""
    return ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot",
            "-accel", "tcg", "-cpu", "max", "-m", f"{MEMORY_MIB}M", "-kernel", KERNEL, "-initrd", INITRAMFS,
            "-append", command_line(*words), *disk]


class Machine:
    """A command that runs a machine and writes what its serial port says."""

    def __init__(self, command):
        self.text = ""
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)

    def lines(self):
        """The words of each line that begins with "vhd:", until the machine ends; it must not be silent for too long."""
        selector = selectors.DefaultSelector()
        selector.register(self.process.stdout, selectors.EVENT_READ)
        rest = ""
        while True:
            expect(selector.select(SILENT_SECONDS), f"the machine says nothing: {self.text[-2000:]}")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return
            piece = data.decode(errors="replace").replace("\r", "")
            self.text += piece
            *whole, rest = (rest + piece).split("\n")
            for line in whole:
                if line.startswith("vhd: "):
                    yield line[5:].split(" ")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def expect_all(machine, known):
    """Lets the machine look at the disk; every file of `known`, and what it says that it wrote, must be found there."""
    found, status, end = {}, None, False
    try:
        for line in machine.lines():
            if line[0] == "found":
                found[line[1]] = line[2]
            elif line[0] == "synced":
                known[line[1]] = line[2]
            elif line[0] == "e2fsck":
                status = line[1]
            end |= line[0] == "end"
    finally:
        machine.kill()
    expect(end, f"the machine did not come to its end: {machine.text[-2000:]}")
    expect(status == "0", f"e2fsck: status {status}: {machine.text[-2000:]}")
    wrong = [name for name, digest in known.items() if found.get(name) != digest]
    expect(not wrong, f"{len(wrong)} of {len(known)} synced files are lost or wrong: {' '.join(sorted(wrong)[:5])}")
