# SPDX-License-Identifier: MIT
"""What `vhdtool serve` must do: the lines that it prints are run as they are."""

import glob
import os
import re
import shlex
import signal
import socket
import subprocess

from cases import MIB, check_clean, wait_for
from server import VHDTOOL, expect, run


def line_with(text, word):
    for line in text.replace(" \\\n", "").splitlines():
        if word in line:
            return line.strip()
    expect(False, f"no line with {word}: {text}")
    return ""


def process_of(text):
    return int(re.search(r"kill (\d+)", text).group(1))


def write_and_read(uri):
    run("qemu-io", "-f", "raw", "-c", "write -P 0x5a 0 64k", "-c", "flush", uri)
    run("qemu-io", "-f", "raw", "-c", "read -P 0x5a 0 64k", uri)


def serve_in(folder, *arguments, status=0):
    """The tool's own directories go into the test's folder, where it can be seen that they are gone at the end."""
    return run(VHDTOOL, "serve", *arguments, status=status,
               env={**os.environ, "XDG_RUNTIME_DIR": folder.path})


def expect_clean(folder):
    wait_for(lambda: not glob.glob(folder("vhdtool-*")), "the private directory is still there")


def test_serve_background(folder):
    """The printed line for QEMU works, another server is refused, `kill` ends it and leaves nothing behind."""
    folder.dynamic("a.vhd", 8 * MIB)
    said = serve_in(folder, folder("a.vhd"))
    try:
        drive = shlex.split(line_with(said, "-drive"))[1]
        write_and_read(re.match(r"file=([^,]*)", drive).group(1))
        expect("format=raw" in drive and "nbd-client" in said and "<source protocol='nbd'>" in said, said)
        directory, = glob.glob(folder("vhdtool-*"))
        expect(os.stat(directory).st_mode & 0o777 == 0o700, "others can enter the directory")
        serve_in(folder, folder("a.vhd"), status=6)
        expect(glob.glob(folder("vhdtool-*")) == [directory], "the second one has left a directory")
    finally:
        os.kill(process_of(said), signal.SIGTERM)
    expect_clean(folder)
    check_clean(folder("a.vhd"))


def test_serve_storage_daemon(folder):
    """The printed command starts QEMU's storage daemon, and its vhost-user socket is there."""
    folder.dynamic("it's, a disk.vhd", 8 * MIB)
    said = serve_in(folder, "--socket", folder("it's, a socket"), folder("it's, a disk.vhd"))
    try:
        command = shlex.split(line_with(said, "qemu-storage-daemon"))
        drive = shlex.split(line_with(said, "-drive"))[1]
        write_and_read(re.match(r"file=([^,]*)", drive).group(1))
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as daemon:
            path = folder("it's, a socket.vhost")
            wait_for(lambda: os.path.exists(path) or daemon.poll() is not None, "no vhost-user socket")
            there = os.path.exists(path)
            daemon.terminate()
            expect(there, f"qemu-storage-daemon: {daemon.communicate()[0]}")
    finally:
        os.kill(process_of(said), signal.SIGTERM)
    expect_clean(folder)
    wait_for(lambda: not os.path.exists(folder("it's, a socket")), "the socket is still there")


def start_foreground(folder, *arguments):
    server = subprocess.Popen([VHDTOOL, "serve", "--foreground", *arguments], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "XDG_RUNTIME_DIR": folder.path})
    said = ""
    while "nbd-client" not in said:
        line = server.stdout.readline()
        expect(line, f"it ended: {said}")
        said += line
    return server, said


def test_serve_foreground(folder):
    folder.dynamic("a.vhd", 8 * MIB)
    for number in (signal.SIGINT, signal.SIGTERM):
        server, said = start_foreground(folder, folder("a.vhd"))
        write_and_read(re.search(r"file=([^,]*)", said).group(1))
        server.send_signal(number)
        expect(server.wait(20) == 0, f"signal {number}: status {server.returncode}")
        server.stdout.close()
        expect(not glob.glob(folder("vhdtool-*")), "the private directory is still there")
    check_clean(folder("a.vhd"))


def test_serve_dies_with_the_tool(folder):
    folder.dynamic("a.vhd", 8 * MIB)
    server, said = start_foreground(folder, folder("a.vhd"))
    process = process_of(said)
    server.kill()
    server.wait()
    server.stdout.close()
    wait_for(lambda: not os.path.exists(f"/proc/{process}"), "nbdkit lives on")


def test_serve_read_only_on_a_port(folder):
    folder.dynamic("a.vhd", 8 * MIB)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    before = os.stat(folder("a.vhd")).st_mtime_ns
    uri = serve_in(folder, "--quiet", "--read-only", "--port", str(port), folder("a.vhd")).strip()
    with open(glob.glob(folder("vhdtool-*/pid"))[0], encoding="ascii") as file:
        process = int(file.read())
    try:
        expect(uri == f"nbd://127.0.0.1:{port}", uri)
        run("qemu-io", "-r", "-f", "raw", "-c", "read -P 0 0 64k", uri)
        run("qemu-io", "-f", "raw", "-c", "write 0 64k", uri, status=1)
        said = serve_in(folder, "--read-only", folder("a.vhd"))
        os.kill(process_of(said), signal.SIGTERM)
        expect("readonly=on" in said and "<readonly/>" in said and "writable=off" in said, said)
    finally:
        os.kill(process, signal.SIGTERM)
    expect_clean(folder)
    expect(os.stat(folder("a.vhd")).st_mtime_ns == before, "the image was touched")


def test_serve_refuses(folder):
    folder.dynamic("a.vhd", 4 * MIB)
    with open(folder("taken"), "wb"):
        pass
    for arguments, status, words in (
            ([folder("absent.vhd")], 3, "absent.vhd"),
            (["--socket", folder("taken"), folder("a.vhd")], 2, "exists"),
            (["--socket", folder("s"), "--port", "1234", folder("a.vhd")], 2, "choose one"),
            (["--port", "70000", folder("a.vhd")], 2, "70000"),
            (["--socket", folder("x" * 120), folder("a.vhd")], 2, "too long"),
            (["--socket", folder("absent/s"), folder("a.vhd")], 3, "absent")):
        said = serve_in(folder, *arguments, status=status)
        expect(words in said, f"{arguments}: {said}")
    expect(os.path.exists(folder("taken")), "somebody else's file was removed")
    expect_clean(folder)


def test_serve_without_nbdkit(folder):
    folder.dynamic("a.vhd", 4 * MIB)
    said = run(VHDTOOL, "serve", folder("a.vhd"), status=3, env={"PATH": folder.path, "TMPDIR": folder.path})
    expect("not installed" in said, said)
    expect_clean(folder)


def test_serve_chain(folder):
    folder.dynamic("0.vhd", 8 * MIB)
    folder.snapshot("0.vhd", "1.vhd")
    os.mkdir(folder("vm"))
    folder.snapshot("1.vhd", "vm/2.vhd")
    serve_in(folder, folder("vm/2.vhd"), status=5)
    said = serve_in(folder, "--parent-dir", folder.path, folder("vm/2.vhd"))
    try:
        write_and_read(re.search(r"file=([^,]*)", said).group(1))
    finally:
        os.kill(process_of(said), signal.SIGTERM)
    expect_clean(folder)
