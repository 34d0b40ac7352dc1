# SPDX-License-Identifier: MIT
"""Runs vhdtool import in folders of its own, and reads back what it made."""

import os
import random
import shutil
import subprocess
import tempfile

TREE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BUILD = os.path.realpath(os.environ.get("VHD_BUILD", os.path.join(TREE, "build", "vhd")))
TOOL = os.path.realpath(os.environ.get("VHD_TOOL", os.path.join(BUILD, "vhdtool")))
SCHEMA = "/usr/share/libvirt/schemas/domain.rng"


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def want(condition, what):
    if not condition:
        raise Failure(what)


def run(words, data=None, limit=60):
    return subprocess.run(words, input=data, capture_output=True, timeout=limit, check=False)


def content(size, seed, holes=()):
    """Random bytes, with zeros in whole ranges of `holes`."""
    data = bytearray(random.Random(seed).randbytes(size))
    for begin, end in holes:
        data[begin:end] = bytes(end - begin)
    return bytes(data)


class Case:
    """A folder with an input and `out`, which nothing has made yet."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.out = os.path.join(self.folder, "out")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def made(self):
        return sorted(os.listdir(self.out)) if os.path.isdir(self.out) else []

    def read(self, name):
        with open(os.path.join(self.out, name), "rb") as file:
            return file.read()

    def command(self, name, *options, data=None):
        return run([TOOL, "import", "-o", self.out, *options, self.path(name) if name != "-" else "-"], data)

    def good(self, name, *options, data=None):
        result = self.command(name, *options, data=data)
        want(result.returncode == 0, f"exit {result.returncode}: {result.stderr.decode(errors='replace')}")
        return result

    def bad(self, name, code, words, *options, data=None):
        """Refused with this code and a text with these words; and nothing is left."""
        result = self.command(name, *options, data=data)
        text = result.stderr.decode(errors="replace")
        want(result.returncode == code, f"exit {result.returncode}, wanted {code}: {text}")
        want(words in text, f"\"{words}\" is not in: {text}")
        want(text.count("\n") == text.count("vhdtool: "), f"lines that are not the tool's: {text}")
        want(not os.path.exists(self.out), f"left behind: {self.made()}")
        want("Sanitizer" not in text, text)

    def disk(self, name, expected):
        """What qemu-img and vhdtool read from a VHD."""
        path, raw = os.path.join(self.out, name), self.path("read.raw")
        result = run(["qemu-img", "convert", "-f", "vpc", "-O", "raw", path, raw])
        want(result.returncode == 0, f"qemu-img: {result.stderr.decode()}")
        with open(raw, "rb") as file:
            want(file.read() == expected, f"{name}: qemu-img reads something else")
        os.unlink(raw)
        with open(raw, "wb") as file:
            file.write(expected)
        result = run([TOOL, "compare", "--from", "vhd", "--from2", "raw", path, raw])
        want(result.returncode == 0, f"{name}: vhdtool reads something else: {result.stderr.decode()}{result.stdout}")
        os.unlink(raw)

    def raw(self, name, expected):
        want(self.read(name) == expected, f"{name}: other bytes")

    def starts(self, name):
        """QEMU takes the command line: it stops before the first instruction, and ends when the monitor says so."""
        if not shutil.which("qemu-system-x86_64"):
            raise Skip("qemu-system-x86_64 is not installed")
        script = os.path.join(self.out, name)
        want(run(["sh", "-n", script]).returncode == 0, "the shell does not take the script")
        # Another processor than the script's, because KVM inside KVM has not always all that the host has.
        result = run([script, "-cpu", "qemu64", "-S", "-display", "none", "-monitor", "stdio", "-serial", "none"],
                     b"info block\nquit\n")
        text = (result.stdout + result.stderr).decode(errors="replace")
        want(result.returncode == 0, f"QEMU: exit {result.returncode}: {text}")
        return text

    def domain(self, name):
        """Well-formed; and what libvirt's schema allows, where it is installed."""
        path = os.path.join(self.out, name)
        result = run(["xmllint", "--noout", "--nonet", path])
        want(result.returncode == 0, f"xmllint: {result.stderr.decode()}")
        schema = os.environ.get("LIBVIRT_SCHEMA", SCHEMA)
        if os.path.exists(schema):
            result = run(["xmllint", "--noout", "--nonet", "--relaxng", schema, path])
            want(result.returncode == 0, f"libvirt's schema: {result.stderr.decode()}")
        return self.read(name).decode()
