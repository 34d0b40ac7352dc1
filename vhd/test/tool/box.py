# SPDX-License-Identifier: MIT
"""What a test of vhdtool has: a directory of its own, the tool, other programs, data, and ways to look at files."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

# Exit codes, as the manual page has them.
OK, NO, USAGE, SYSTEM, IMAGE, PARENT, BUSY, CANCELLED = range(8)


class Missing(Exception):
    """A program that a test needs is not there."""


class Box:
    """A directory that is gone afterwards, and what is done in it."""

    def __init__(self, build):
        self.tool_path = os.path.join(build, "vhdtool")
        self.poke_path = os.path.join(build, "test", "poke")
        self.directory = None

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="vhdtool-test-", dir=os.environ.get("TMPDIR", "/var/tmp"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    # --- Programs

    def tool(self, *words, code=OK, directory=None):
        """Runs vhdtool, expects this exit code, and returns its result. Errors must look as they all do."""
        result = subprocess.run([self.tool_path, *map(str, words)], cwd=directory or self.directory, timeout=120,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
        said = f"vhdtool {' '.join(map(str, words))}: exit status {result.returncode}, expected {code}"
        assert result.returncode == code, f"{said}\n{result.stdout}{result.stderr}"
        assert "\033" not in result.stdout + result.stderr, f"{said}: codes for terminals, and there is none"
        if code >= USAGE:
            assert result.stderr.startswith("vhdtool: "), f"{said}: no message\n{result.stderr}"
        assert not [name for name in self.files() if name.endswith(".partial")], f"{said}: a partial file is left"
        return result

    def refuses(self, code, text, *words, **more):
        """The tool ends with this code, and says this text."""
        result = self.tool(*words, code=code, **more)
        assert text in result.stderr, f"the message lacks \"{text}\":\n{result.stderr}"
        return result

    def info(self, image, *words):
        return json.loads(self.tool("info", "--json", *words, image).stdout)

    def program(self, *words, **more):
        """Another program, which must succeed; its standard output."""
        if not shutil.which(words[0]):
            raise Missing(words[0])
        more.setdefault("text", True)
        result = subprocess.run([str(word) for word in words], cwd=self.directory, timeout=120, check=False,
                                capture_output=True, **more)
        assert result.returncode == 0, f"{' '.join(map(str, words))}: exit status {result.returncode}\n{result.stderr}"
        return result.stdout

    def qemu_img(self, *words):
        return self.program("qemu-img", *words)

    def seven_zip(self, image):
        """What 7-Zip reads of a VHD."""
        name = next((name for name in ("7zz", "7z") if shutil.which(name)), None)
        if not name:
            raise Missing("7zz")
        return self.program(name, "x", "-so", "-tvhd", image, text=False)

    def qemu_reads(self, image):
        """What qemu-img reads of a VHD."""
        self.qemu_img("convert", "-f", "vpc", "-O", "raw", image, "qemu-reads.raw")
        data = self.read("qemu-reads.raw")
        os.unlink(self.path("qemu-reads.raw"))
        return data

    def we_read(self, image, *words):
        self.tool("convert", *words, "--to", "raw", image, "we-read.raw")
        data = self.read("we-read.raw")
        os.unlink(self.path("we-read.raw"))
        return data

    def poke(self, image, offset, data=b""):
        """Writes into an image with the library."""
        self.program(self.poke_path, image, offset, input=data, text=False)

    def poke_zero(self, image, offset, length):
        self.program(self.poke_path, image, offset, "zero", length)

    @contextlib.contextmanager
    def holding(self, image):
        """Another program has the image open for writing."""
        with subprocess.Popen([self.poke_path, image, "hold"], cwd=self.directory, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout.readline() == b"open\n", "the image could not be held open"
                yield
            finally:
                process.stdin.close()

    # --- Files

    def path(self, name):
        return os.path.join(self.directory, name)

    def files(self):
        return sorted(os.path.relpath(os.path.join(folder, name), self.directory)
                      for folder, _, names in os.walk(self.directory) for name in names)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def change(self, name, offset, data):
        """Writes into a file; below 0 counts from its end."""
        with open(self.path(name), "r+b") as file:
            file.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
            file.write(data)

    def size(self, name):
        return os.stat(self.path(name)).st_size

    def space(self, name):
        """What the file takes on the disk."""
        return os.stat(self.path(name)).st_blocks * 512

    def raw(self, name, size, pieces, seed=1):
        """A raw file with random data at these (offset, length) and holes elsewhere. Returns its contents."""
        with open(self.path(name), "wb") as file:
            file.truncate(size)
            for offset, length in pieces:
                file.seek(offset)
                file.write(noise(length, seed + offset))
        return self.read(name)


def noise(length, seed):
    return random.Random(seed).randbytes(length)


def same(a, b, what):
    """The same bytes; where one goes on, it is with zeros."""
    length = min(len(a), len(b))
    if a[:length] != b[:length]:
        first = next(i for i in range(length) if a[i] != b[i])
        raise AssertionError(f"{what}: differs first at {first}")
    assert not any(a[length:]) and not any(b[length:]), f"{what}: data behind the end of the shorter one"


def equal(got, expected, what):
    assert got == expected, f"{what}: {got!r}, expected {expected!r}"
