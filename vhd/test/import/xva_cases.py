# SPDX-License-Identifier: MIT
"""XVA archives that are right."""

import gzip
import os
import re
import resource
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import archives
from archives import MIB
from tool import TOOL, Skip, content, run, want

FIRST = content(5 * MIB + 4096, 1, [(MIB, 3 * MIB)])
SECOND = content(3 * MIB, 2, [(MIB, 2 * MIB)])


def two_disks(kind="xxhash", name="web server", keep_alive=(), **fields):
    objects = [archives.machine("Ref:0", name, **fields), archives.disk("Ref:7", len(FIRST), "system"),
               archives.disk("Ref:12", len(SECOND), "data"), archives.device("Ref:3", "Ref:0", "Ref:12", 1),
               archives.device("Ref:4", "Ref:0", "Ref:7", 0), archives.cd("Ref:5", "Ref:0", 3),
               archives.nic("Ref:6", "Ref:0", 1, "00:16:3e:00:00:02", "Ref:9"),
               archives.nic("Ref:8", "Ref:0", 0, "00:16:3E:00:00:01", "Ref:9"), archives.network("Ref:9", "Pool & LAN")]
    return ([("ova.xml", archives.ova_xml(objects, 0 if kind is None else 2))]
            + archives.chunks("Ref:12", SECOND, kind=kind)
            + archives.chunks("Ref:7", FIRST, kind=kind, keep_alive=keep_alive))


def small(size=3 * 65536 + 512, kind="sha1", **fields):
    """One disk of little chunks."""
    data = content(size, 3, [(65536, 131072)])
    objects = [archives.machine("Ref:0", "small", **fields), archives.disk("Ref:1", size),
               archives.device("Ref:2", "Ref:0", "Ref:1", 0)]
    return data, [("ova.xml", archives.ova_xml(objects))] + archives.chunks("Ref:1", data, 65536, kind)


def test_dynamic_disks_with_xxhash(case):
    case.write("a.xva", archives.tar(two_disks()))
    result = case.good("a.xva")
    names = ["web_server-disk0.vhd", "web_server-disk1.vhd", "web_server.libvirt.xml", "web_server.qemu.sh"]
    want(case.made() == names, case.made())
    want(sorted(os.path.basename(line) for line in result.stdout.decode().split()) == names, result.stdout)
    case.disk(names[0], FIRST)
    case.disk(names[1], SECOND)


def test_keep_alive_chunks_take_no_room(case):
    case.write("a.xva", archives.tar(two_disks(keep_alive=(1, 3, 4))))
    case.good("a.xva")
    case.disk("web_server-disk0.vhd", FIRST)


def test_sha1_and_raw(case):
    case.write("a.xva", archives.tar(two_disks("sha1")))
    case.good("a.xva", "--type", "raw")
    case.raw("web_server-disk0.raw", FIRST)
    case.raw("web_server-disk1.raw", SECOND)
    want("'{\"driver\":\"raw\"" in case.read("web_server.qemu.sh").decode(), "another driver")
    case.starts("web_server.qemu.sh")
    want("type='raw'" in case.domain("web_server.libvirt.xml"), "another driver")


def test_fixed(case):
    case.write("a.xva", archives.tar(two_disks()))
    case.good("a.xva", "--type", "fixed")
    want(case.read("web_server-disk0.vhd")[:-512] == FIRST, "other bytes")
    case.disk("web_server-disk0.vhd", FIRST)


def test_without_checksums_is_said(case):
    case.write("a.xva", archives.tar(two_disks(None)))
    want(b"no checksums" in case.good("a.xva").stderr, "nothing was said")
    case.disk("web_server-disk0.vhd", FIRST)


def test_from_a_pipe_and_compressed(case):
    archive = archives.tar(small()[1])
    case.good("-", data=archive)
    case.disk("small-disk0.vhd", small()[0])
    shutil.rmtree(case.out)
    case.good("-", data=gzip.compress(archive))
    case.disk("small-disk0.vhd", small()[0])


def test_zstd(case):
    if not shutil.which("zstd"):
        raise Skip("zstd is not installed")
    packed = run(["zstd", "-c"], archives.tar(small()[1])).stdout
    case.good("-", data=packed)
    case.disk("small-disk0.vhd", small()[0])


def test_disk_that_ends_early_is_zeros(case):
    data, members = small()
    case.write("a.xva", archives.tar(members[:-2]))
    case.good("a.xva")
    case.disk("small-disk0.vhd", data[:3 * 65536] + bytes(512) if len(members) == 9 else data[:65536] + data[131072:0]
              + bytes(65536) + data[131072:3 * 65536] + bytes(512))


def test_qemu_starts_bios(case):
    case.write("a.xva", archives.tar(two_disks()))
    case.good("a.xva")
    script = case.read("web_server.qemu.sh").decode()
    for words in ("-machine 'pc'", "-smp 2", "-m 256M", "mac=00:16:3e:00:00:01,bootindex=", "mac=00:16:3e:00:00:02",
                  "ide-cd,bus=ide.1,unit=0,bootindex=2", "drive=disk0,bus=ide.0,unit=0,bootindex=1", "Pool & LAN"):
        want(words in script or words.replace(",bootindex=", "'") in script, f"{words} is not in {script}")
    text = case.starts("web_server.qemu.sh")
    want("disk0" in text and "disk1" in text and "vpc" in text, text)


def test_domain(case):
    case.write("a.xva", archives.tar(two_disks()))
    case.good("a.xva")
    domain = ElementTree.fromstring(case.domain("web_server.libvirt.xml"))
    want(domain.findtext("name") == "web server", "name")
    want(domain.findtext("uuid") == "11111111-2222-3333-4444-000000000000", "uuid")
    want(domain.findtext("memory") == str(256 * 1024) and domain.findtext("vcpu") == "2", "memory, processors")
    disks = domain.findall("devices/disk")
    want([disk.get("device") for disk in disks] == ["disk", "disk", "cdrom"], "disks")
    want(disks[0].find("source").get("file") == os.path.realpath(case.out) + "/web_server-disk0.vhd", "file")
    want([disk.find("target").get("dev") for disk in disks] == ["hda", "hdb", "hdc"], "targets")
    want([mac.get("address") for mac in domain.findall("devices/interface/mac")]
         == ["00:16:3e:00:00:01", "00:16:3e:00:00:02"], "addresses")


def test_uefi(case):
    case.write("a.xva", archives.tar(small(HVM_boot_params={"order": "ndc", "firmware": "uefi"},
                                           platform={"secureboot": "true"})[1]))
    result = case.good("a.xva")
    want(b"secure boot" in result.stderr, "secure boot was not mentioned")
    script = case.read("small.qemu.sh").decode()
    want("-machine 'q35'" in script and "if=pflash" in script, script)
    want("firmware='efi'" in case.domain("small.libvirt.xml"), "no firmware")
    if not any(os.path.exists("/usr/share/OVMF/" + name) for name in ("OVMF_CODE.fd", "OVMF_CODE_4M.fd")):
        raise Skip("ovmf is not installed: QEMU was not started")
    case.starts("small.qemu.sh")
    want(os.path.exists(os.path.join(case.out, "small.vars.fd")), "no variables of its own")


def test_paravirtual(case):
    case.write("a.xva", archives.tar(small(HVM_boot_policy="", domain_type="pv", PV_bootloader="pygrub",
                                           PV_kernel="/boot/vmlinuz-xen", PV_args="root=/dev/xvda1")[1]))
    result = case.good("a.xva")
    want(b"/boot/vmlinuz-xen" in result.stderr and b"pygrub" in result.stderr, result.stderr)
    script = case.read("small.qemu.sh").decode()
    want("# kernel arguments: root=/dev/xvda1" in script and "kernel for real" in script, script)
    case.starts("small.qemu.sh")
    case.domain("small.libvirt.xml")
    case.disk("small-disk0.vhd", small()[0])


def test_names_cannot_do_harm(case):
    name = "a'; touch \"$HOME\"/harm; $(touch harm) `touch harm`,<&>\n\ttouch harm\n../..\u00e4"
    case.write("a.xva", archives.tar(small(name_description=name, PV_args=name, domain_type="pv")[1]))
    case.write("b.xva", archives.tar([(member, data.replace(b">small<", ">".encode() + archives.escape(name).encode()
                                                            + b"<")) for member, data in small()[1]]))
    case.good("a.xva")
    want("harm" in case.domain("small.libvirt.xml"), "the description is missing")
    case.starts("small.qemu.sh")
    shutil.rmtree(case.out)
    case.good("b.xva")
    script = [file for file in case.made() if file.endswith(".sh")][0]
    want(re.fullmatch(r"[A-Za-z0-9._-]+", script), script)
    case.starts(script)
    case.domain(script.replace(".qemu.sh", ".libvirt.xml"))
    found = run(["find", case.folder, "-name", "harm*"]).stdout
    want(not found and not os.path.exists(os.path.expanduser("~/harm")), f"it did harm: {found}")


def several():
    data = [content(65536, seed) for seed in range(3)]
    objects = [archives.machine("Ref:0", "web"), archives.machine("Ref:1", "db"),
               archives.machine("Ref:2", "web", is_a_template=True, is_a_snapshot=True)]
    members = []
    for i in range(3):
        objects += [archives.disk(f"Ref:1{i}", 65536), archives.device(f"Ref:2{i}", f"Ref:{i}", f"Ref:1{i}", 0)]
        members += archives.chunks(f"Ref:1{i}", data[i])
    return data, [("ova.xml", archives.ova_xml(objects))] + members


def test_machines_are_listed_and_chosen(case):
    data, members = several()
    case.write("a.xva", archives.tar(members))
    result = case.good("a.xva", "--list")
    want(not case.made(), "files were made")
    text = result.stdout.decode()
    for words in ('machine "web"', 'machine "db"', 'snapshot "web"', "id Ref:1, uuid 11111111-2222-3333-4444-",
                  "2 processors, 256 MiB"):
        want(words in text, f"{words} is not in {text}")
    case.bad("a.xva", 2, "--vm says which")
    case.bad("a.xva", 2, "2 machines are called", "--vm", "web")
    case.bad("a.xva", 2, "no machine is called", "--vm", "mail")
    case.good("a.xva", "--vm", "db")
    want(case.made() == ["db-disk0.vhd", "db.libvirt.xml", "db.qemu.sh"], case.made())
    case.disk("db-disk0.vhd", data[1])
    want(b"is a snapshot" in case.good("a.xva", "--vm", "Ref:2").stderr, "not mentioned")
    case.disk("web-disk0.vhd", data[2])


def test_template_alone(case):
    case.write("a.xva", archives.tar(small(is_a_template=True)[1]))
    want(b"is a template" in case.good("a.xva").stderr, "not mentioned")


def test_existing_files_stay(case):
    case.write("a.xva", archives.tar(small()[1]))
    for name in ("small-disk0.vhd", "small.qemu.sh", "small.libvirt.xml", "small-disk0.vhd.partial"):
        case.write("out/" + name, b"mine")
        result = case.command("a.xva")
        want(result.returncode == 2 and b"exists" in result.stderr, f"{name}: {result.returncode} {result.stderr}")
        want(case.made() == [name] and case.read(name) == b"mine", f"{name} is not as it was: {case.made()}")
        os.unlink(os.path.join(case.out, name))
    case.good("a.xva")


def test_a_signal_leaves_nothing(case):
    data = archives.tar(two_disks())
    with subprocess.Popen([TOOL, "import", "-o", case.out, "-"], stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        process.stdin.write(data[:3 * MIB])
        process.stdin.flush()
        for _ in range(200):
            if case.made():
                break
            time.sleep(0.05)
        want(case.made(), "it has not begun")
        process.send_signal(signal.SIGTERM)
        try:
            process.stdin.write(data[3 * MIB:])
            process.stdin.close()
        except BrokenPipeError:
            pass
        process.stdin = None
        text = process.communicate(timeout=30)[1]
        want(process.returncode == 7, f"exit {process.returncode}: {text}")
    want(not os.path.exists(case.out), f"left: {case.made()}")


def test_no_space_leaves_nothing(case):
    """Files may not grow beyond a MiB: for the tool as a disk that is full."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))

    case.write("a.xva", archives.tar(two_disks()))
    for kind in ("dynamic", "raw", "fixed"):
        result = subprocess.run([TOOL, "import", "-o", case.out, "--type", kind, case.path("a.xva")],
                                stderr=subprocess.PIPE, preexec_fn=limit, check=False, timeout=60)
        want(result.returncode == 3, f"{kind}: exit {result.returncode}: {result.stderr}")
        want(not os.path.exists(case.out), f"{kind}: left behind: {case.made()}")


def test_partial_files_can_be_kept(case):
    members = two_disks()
    case.write("a.xva", archives.tar(members[:-2], end=False))
    result = case.command("a.xva", "--keep-partial")
    want(result.returncode == 4, result.stderr)
    want(case.made() == ["web_server-disk0.vhd.partial", "web_server-disk1.vhd.partial"], case.made())


def test_no_verify(case):
    data, members = small()
    members = [(name, b"0" * len(text) if name.endswith(".checksum") else text) for name, text in members]
    case.write("a.xva", archives.tar(members))
    case.bad("a.xva", 4, "--no-verify")
    case.good("a.xva", "--no-verify")
    case.disk("small-disk0.vhd", data)
    shutil.rmtree(case.out)
    case.write("b.xva", archives.tar([member for member in members if not member[0].endswith(".checksum")]))
    case.bad("b.xva", 4, "--no-verify")
    case.good("b.xva", "--no-verify")
