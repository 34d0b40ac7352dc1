# SPDX-License-Identifier: MIT
"""Those who use a VHD through what `vhdtool serve` prints for them: each line is taken from there as it is."""

import os
import re
import shlex
import signal
import socket
import subprocess

from cases import wait_for
from machine import INITRAMFS, KERNEL, MEMORY_MIB, Machine, command_line, qemu
from serve_cases import line_with, process_of, serve_in
from server import expect

VISIT = "vhd.mode=visit"
NBD_IN_GUEST = ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="]
HOST_IN_GUEST = "10.0.2.2"  # QEMU's user network: what listens on the host's own address


class Served:
    """`vhdtool serve` in the background, and what it said."""

    def __init__(self, folder, image, *arguments):
        self.text = serve_in(folder, *arguments, folder(image))

    def __enter__(self):
        return self.text

    def __exit__(self, *_):
        process = process_of(self.text)
        os.kill(process, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(f"/proc/{process}"), "the server does not end")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def visit_qemu(folder, image, look):
    with Served(folder, image) as said:
        look(Machine(qemu([VISIT], shlex.split(line_with(said, "-drive")))))


def visit_vhost_user(folder, image, look):
    """As Cloud Hypervisor does it: QEMU's storage daemon has the disk, and the guest's memory is shared with it."""
    path = folder("s.vhost")
    disk = ["-object", f"memory-backend-memfd,id=memory,size={MEMORY_MIB}M,share=on", "-machine", "pc,memory-backend=memory",
            "-chardev", f"socket,id=disk,path={path}", "-device", "vhost-user-blk-pci,chardev=disk"]
    with Served(folder, image, "--socket", folder("s")) as said:
        command = shlex.split(line_with(said, "qemu-storage-daemon"))
        expect(f"socket={path}" in line_with(said, "cloud-hypervisor"), said)
        with subprocess.Popen(command) as daemon:
            try:
                wait_for(lambda: os.path.exists(path), "no vhost-user socket")
                look(Machine(qemu([VISIT], disk)))
            finally:
                daemon.terminate()


def visit_kernel_nbd(folder, image, look):
    """The Linux in the guest is the client; the printed address is the host's, which has another one there."""
    with Served(folder, image, "--port", str(free_port())) as said:
        _, host, port, device = shlex.split(line_with(said, "nbd-client"))
        expect(host == "127.0.0.1", said)
        look(Machine(qemu([VISIT, f"vhd.nbd={HOST_IN_GUEST},{port},{device}"], NBD_IN_GUEST)))


DOMAIN = """<domain type='qemu'>
  <name>vhd</name>
  <memory unit='MiB'>{memory}</memory>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{kernel}</kernel><initrd>{initramfs}</initrd><cmdline>{words}</cmdline>
  </os>
  <features><acpi/></features>
  <on_reboot>destroy</on_reboot>
  <devices>
{disk}
    <serial type='pipe'><source path='{console}'/><target port='0'/></serial>
  </devices>
</domain>
"""


def write_domain(folder, said, console):
    disk = re.search(r" *<disk.*?</disk>", said, re.DOTALL).group(0)
    with open(folder("domain.xml"), "w", encoding="utf-8") as file:
        file.write(DOMAIN.format(memory=MEMORY_MIB, kernel=KERNEL, initramfs=INITRAMFS, disk=disk, console=console,
                                 words=command_line(VISIT)))


def visit_libvirt(folder, image, look):
    """libvirt's own driver for QEMU, in a program of its own instead of the daemon."""
    console = folder("console")
    os.mkfifo(console + ".in")
    os.mkfifo(console + ".out")
    os.makedirs(folder("libvirt/etc"))
    with open(folder("libvirt/etc/qemu.conf"), "w", encoding="utf-8") as file:
        file.write('stdio_handler = "file"\n')
    command = ["virt-qemu-run", "--root", folder("libvirt"), folder("domain.xml")]
    if os.geteuid() == 0:
        # Without rights of its own it does not want a user named libvirt-qemu.
        command = ["unshare", "--user", *command]
    with Served(folder, image) as said:
        write_domain(folder, said, console)
        with subprocess.Popen(command) as runner:
            try:
                look(Machine(["cat", console + ".out"]))
            finally:
                runner.terminate()  # it does not always end when the machine has


VISITS = {"QEMU": visit_qemu, "vhost-user": visit_vhost_user, "the kernel's NBD": visit_kernel_nbd, "libvirt": visit_libvirt}
