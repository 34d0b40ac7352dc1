# SPDX-License-Identifier: MIT
"""nbdkit with the plugin of this tree, images for it, and clients: what the tests of vhd/test/nbd and the guest share."""

import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("VHD_BUILD") or os.path.join(ROOT, "build", "vhd")
PLUGIN = os.environ.get("VHD_PLUGIN") or os.path.join(BUILD, "nbdkit-verdivhd-plugin.so")
VHDTOOL = os.environ.get("VHD_TOOL") or os.path.join(BUILD, "vhdtool")
START_SECONDS = 30


class Failure(Exception):
    """A test says no; the text says why."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


def run(*command, status=0, **more):
    """The output of a command, both streams; its exit status must be the one that is expected, None for any."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          timeout=120, check=False, **more)
    expect(status is None or done.returncode == status,
           f"{' '.join(command)}: status {done.returncode}: {done.stdout.strip()}")
    return done.stdout


def vhdtool(*arguments, status=0):
    return run(VHDTOOL, *arguments, status=status)


class Folder:
    """A folder for one test's files, and the servers that run in it; both are gone at its end."""

    def __init__(self):
        # Short, because the path of a Unix socket may have 107 bytes.
        self.path = tempfile.mkdtemp(prefix="vhd.", dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.servers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.kill()
        shutil.rmtree(self.path)

    def __call__(self, name):
        return os.path.join(self.path, name)

    def dynamic(self, name, size):
        vhdtool("create", "--type", "dynamic", "--size", str(size), self(name))
        return self(name)

    def snapshot(self, parent, name):
        vhdtool("snapshot", self(parent), self(name))
        return self(name)

    def serve(self, name, *parameters, **more):
        server = Server(self, self(name), *parameters, **more)
        self.servers.append(server)
        return server


def limit_file_size(size):
    """For a process that is about to start: its files cannot grow beyond that, as on a full disk."""
    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return prepare


class Server:
    """One nbdkit in the foreground on a Unix socket, its messages in a file."""

    count = 0

    def __init__(self, folder, image, *parameters, options=(), plugin=PLUGIN, prepare=None):
        Server.count += 1
        self.socket = folder(f"s{Server.count}")
        self.log = folder(f"log{Server.count}")
        self.pid_file = folder(f"pid{Server.count}")
        command = ["nbdkit", "--foreground", "--exit-with-parent", "--pidfile", self.pid_file, "--unix", self.socket,
                   *options, plugin, "file=" + image, *parameters]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            preexec_fn=prepare)
        self.wait_ready()

    def wait_ready(self):
        end = time.monotonic() + START_SECONDS
        while not os.path.exists(self.pid_file):
            expect(self.process.poll() is None, f"nbdkit ended: {self.messages()}")
            expect(time.monotonic() < end, "nbdkit does not become ready")
            time.sleep(0.005)

    def messages(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read().strip()

    @property
    def uri(self):
        return "nbd+unix:///?socket=" + self.socket

    def connect(self):
        import nbd  # the package that has it belongs to the tests, not to everybody who imports this file
        handle = nbd.NBD()
        handle.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
        handle.set_full_info(True)
        handle.connect_uri(self.uri)
        return handle

    def stop(self):
        """As `kill PID`: what was written is flushed and the image closed."""
        self.process.terminate()
        expect(self.process.wait(60) == 0, f"nbdkit ended with {self.process.returncode}: {self.messages()}")

    def kill(self):
        """As a crash."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def refused(folder, *arguments, options=()):
    """What nbdkit says when it does not start. It must not start."""
    return run("nbdkit", "--foreground", "--unix", folder("refused"), *options, PLUGIN, *arguments, "--run", "true",
               status=1)
