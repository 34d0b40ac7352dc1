# SPDX-License-Identifier: MPL-2.0
"""One run of tools/run: starts it, watches and answers what it prints, and keeps everything that it said."""

import os
import selectors
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CACHE = os.environ.get("VERDIGRIS_CACHE") or os.path.expanduser("~/.cache/verdigris")
BUILD = os.path.join(ROOT, "build")
OUTPUT = os.path.join(BUILD, "test", "boot")


class Result:
    """What a run left: its exit status (None if it was stopped on purpose), serial text, hypervisor's console."""

    def __init__(self, status, serial, console):
        self.status = status
        self.serial = serial
        self.console = console


class Run:
    """A guest under way. dialogue is a list of (text to wait for, line to type); until ends the run early."""

    def __init__(self, name, arguments, dialogue=(), until=None):
        os.makedirs(OUTPUT, exist_ok=True)
        self.base = os.path.join(OUTPUT, name)
        self.dialogue = list(dialogue)
        self.until = until
        self.text = ""
        self.answered = 0
        self.stopped = False
        log = self.base + ".console"
        if os.path.exists(log):
            os.unlink(log)
        self.command = [os.path.join(ROOT, "tools", "run"), "--log", log] + arguments

    def answer(self):
        """Type the next line once its prompt has appeared in what came since the last one."""
        while self.dialogue and self.dialogue[0][0] in self.text[self.answered:]:
            self.answered = len(self.text)
            line = self.dialogue.pop(0)[1]
            self.process.stdin.write((line + "\n").encode())
            self.process.stdin.flush()

    def take(self, piece):
        self.text += piece.decode(errors="replace").replace("\r", "")
        self.answer()
        if self.until and self.until(self.text) and not self.stopped:
            self.stopped = True
            self.process.send_signal(signal.SIGTERM)

    def watch(self):
        selector = selectors.DefaultSelector()
        selector.register(self.process.stdout, selectors.EVENT_READ)
        while True:
            selector.select()
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return
            self.take(piece)

    def console(self):
        try:
            with open(self.base + ".console", encoding="utf-8", errors="replace") as f:
                return f.read().replace("\r", "")
        except OSError:
            return ""

    def finish(self):
        with subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as self.process:
            self.watch()
        with open(self.base + ".serial", "w", encoding="utf-8") as f:
            f.write("+ " + " ".join(self.command) + "\n" + self.text)
        return Result(None if self.stopped else self.process.returncode, self.text, self.console())


def timed(function):
    start = time.monotonic()
    value = function()
    return value, time.monotonic() - start


def kernel(version):
    return os.path.join(CACHE, f"kernel-{version}", "vmlinuz")


def initramfs(version):
    return os.path.join(BUILD, f"initramfs-{version}.cpio")


def host_qemu_version():
    try:
        text = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return text.split("version ", 1)[1] if "version " in text else ""


def qemu(version):
    """The machine's own QEMU if it is of that version, or else the one that tools/fetch-debian keeps."""
    if host_qemu_version().startswith(version + "."):
        return "qemu-system-x86_64"
    return os.path.join(CACHE, f"qemu-{version}")
