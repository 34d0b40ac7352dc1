# SPDX-License-Identifier: MIT
"""OVF packages: archives and folders, right and wrong."""

import gzip
import os
import struct
import tarfile

import archives
from archives import MIB, manifest, ovf, ovf_disk, ovf_file, ovf_hardware, ovf_system, tar
from tool import TOOL, content, run, want

DISK = content(3 * MIB, 4, [(MIB, 2 * MIB + 512)])
RAW_FORMAT = "http://example.com/raw"


def vhd(case, data=DISK, kind="dynamic"):
    """A VHD that vhdtool did not make, where others can: a dynamic one of qemu-img's."""
    raw, path = case.write("source.raw", data), case.path("source.vhd")
    options = "subformat=%s,force_size=on" % kind
    result = run(["qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", options, raw, path])
    want(result.returncode == 0, result.stderr.decode())
    with open(path, "rb") as file:
        made = file.read()
    os.unlink(raw)
    os.unlink(path)
    return made


def descriptor(files=None, disks=None, hardware=None, name="app", **fields):
    return ovf(files if files is not None else [ovf_file("a", "a.vhd")],
               disks if disks is not None else [ovf_disk("a", len(DISK))],
               [ovf_system(name, hardware or ovf_hardware(["a"]))], **fields)


def package(case, kind="sha256", **fields):
    xml, image = descriptor(**fields), vhd(case)
    return [("app.ovf", xml), ("app.mf", manifest([("app.ovf", xml), ("a.vhd", image)], kind)), ("a.vhd", image)]


def unpack(case, members, folder="package"):
    for name, data in members:
        case.write(f"{folder}/{name}", data)
    return folder


def test_archive(case):
    case.write("app.ova", tar(package(case)))
    result = case.good("app.ova")
    want(not result.stderr, result.stderr)
    want(case.made() == ["app-disk0.vhd", "app.libvirt.xml", "app.qemu.sh"], case.made())
    case.disk("app-disk0.vhd", DISK)
    case.starts("app.qemu.sh")
    text = case.domain("app.libvirt.xml")
    want("00:16:3e:11:22:33" in text and "cdrom" in text and ">262144<" in text, text)


def test_archive_whose_manifest_is_last(case):
    members = package(case, "sha1")
    case.write("app.ova", tar([members[0], members[2], members[1], ("app.cert", b"x")]))
    want(b"signature was not checked" in case.good("app.ova").stderr, "nothing was said")
    case.disk("app-disk0.vhd", DISK)


def test_archive_from_a_pipe(case):
    case.good("-", "--type", "raw", data=gzip.compress(tar(package(case))))
    case.raw("app-disk0.raw", DISK)


def test_folder(case):
    folder = unpack(case, package(case, "sha512"))
    case.good(folder)
    case.disk("app-disk0.vhd", DISK)
    want(sorted(os.listdir(case.path(folder))) == ["a.vhd", "app.mf", "app.ovf"], "the package was changed")


def test_descriptor_by_its_path(case):
    unpack(case, package(case)[::2])
    unpack(case, [("other.ovf", descriptor(name="other"))])
    case.bad("package", 2, "2 files NAME.ovf")
    want(b"no manifest" in case.good("package/app.ovf").stderr, "nothing was said")
    case.disk("app-disk0.vhd", DISK)


def test_fixed_vhd_and_conversion(case):
    image = vhd(case, kind="fixed")
    case.write("app.ova", tar([("app.ovf", descriptor()), ("a.vhd", image)]))
    case.good("app.ova", "--type", "fixed")
    case.raw("app-disk0.vhd", DISK + case.read("app-disk0.vhd")[-512:])


def test_raw_disk(case):
    disks, files = [ovf_disk("a", len(DISK) + 100, RAW_FORMAT)], [ovf_file("a", "sub%20folder/a.img")]
    members = [("app.ovf", descriptor(files, disks)), ("sub folder/a.img", DISK)]
    case.write("app.ova", tar(members))
    case.good("app.ova")
    case.disk("app-disk0.vhd", DISK + bytes(512))
    unpack(case, members)
    case.out = case.path("second")
    case.good("package", "--type", "raw")
    case.raw("app-disk0.raw", DISK + bytes(512))


def test_gzip(case):
    files = [ovf_file("a", "a.vhd.gz", ' ovf:compression="gzip"')]
    members = [("app.ovf", descriptor(files)), ("a.vhd.gz", gzip.compress(vhd(case)))]
    case.write("app.ova", tar(members))
    case.good("app.ova")
    case.disk("app-disk0.vhd", DISK)
    unpack(case, members)
    case.out = case.path("second")
    case.good("package")
    case.disk("app-disk0.vhd", DISK)
    case.out = case.path("third")
    case.write("app.ova", tar([members[0], ("a.vhd.gz", vhd(case))]))
    case.bad("app.ova", 4, "not gzip data")
    case.write("app.ova", tar([members[0], ("a.vhd.gz", members[1][1][:-9])]))
    case.bad("app.ova", 4, "")


def test_gzip_bomb(case):
    files = [ovf_file("a", "a.vhd.gz", ' ovf:compression="gzip"')]
    case.write("app.ova", tar([("app.ovf", descriptor(files)), ("a.vhd.gz", gzip.compress(bytes(200 * MIB)))]))
    case.bad("app.ova", 4, "allows no more")


def test_disk_without_file_is_empty(case):
    case.write("app.ova", tar([("app.ovf", descriptor([], [ovf_disk("a", 4096, file=False,
                                                                    more=' ovf:capacityAllocationUnits="KB"')]))]))
    case.good("app.ova")
    case.disk("app-disk0.vhd", bytes(4 * MIB))


def test_xencenter(case):
    more = "".join('<xenovf:VirtualSystemOtherConfigurationData Name="%s"><xenovf:Value>%s</xenovf:Value>'
                   "</xenovf:VirtualSystemOtherConfigurationData>" % pair
                   for pair in (("HVM_boot_params", "order=dc;firmware=uefi"), ("platform", "secureboot=true;nx=1"),
                                ("HVM_boot_policy", "BIOS order")))
    case.write("app.ova", tar(package(case, hardware=ovf_hardware(["a"], more=more))))
    want(b"secure boot" in case.good("app.ova").stderr, "nothing was said")
    text = case.domain("app.libvirt.xml")
    want("firmware='efi'" in text, text)
    want("ide-cd,bus=ide.1,bootindex=1" in case.read("app.qemu.sh").decode(), case.read("app.qemu.sh"))


def test_xencenter_paravirtual(case):
    more = ('<xenovf:VirtualSystemOtherConfigurationData Name="PV_kernel"><xenovf:Value>/boot/k</xenovf:Value>'
            "</xenovf:VirtualSystemOtherConfigurationData>")
    case.write("app.ova", tar(package(case, hardware=ovf_hardware(["a"], "xen-3.0-unknown", more))))
    want(b"/boot/k" in case.good("app.ova").stderr, "nothing was said")


def test_vmware_firmware_and_cards(case):
    more = '<vmw:Config vmw:key="firmware" vmw:value="efi"/>'
    more += archives.item(ElementName="n", InstanceID=50, ResourceType=10, ResourceSubType="VmxNet3")
    case.write("app.ova", tar(package(case, hardware=ovf_hardware(["a"], "vmx-19", more))))
    case.good("app.ova")
    want("vmxnet3,netdev=net1" in case.read("app.qemu.sh").decode(), "another card")
    want("model type='vmxnet3'" in case.domain("app.libvirt.xml"), "another card")


def test_several_machines(case):
    xml = ovf([ovf_file("a", "a.vhd")], [ovf_disk("a", len(DISK)), ovf_disk("b", 4096, file=False)],
              ["<VirtualSystemCollection>" + ovf_system("one", ovf_hardware(["a"]), "1")
               + ovf_system("two", ovf_hardware(["b"]), "2") + "</VirtualSystemCollection>"])
    case.write("app.ova", tar([("app.ovf", xml), ("a.vhd", vhd(case))]))
    want(b'machine "two"' in case.good("app.ova", "--list").stdout, "not listed")
    case.bad("app.ova", 2, "--vm says which")
    case.good("app.ova", "--vm", "two")
    want(case.made() == ["two-disk0.vhd", "two.libvirt.xml", "two.qemu.sh"], case.made())


# --- Wrong ones ----------------------------------------------------------------------------------------------------

def test_formats_that_cannot_be_read(case):
    for uri, words in ((archives.VMDK_FORMAT, "VMDK disks cannot be read"), ("x-vhdx", "VHDX disks"),
                       ("http://x/qcow2", "qcow2 disks"), ("http://x/unknown", "only VHD and raw")):
        case.write("app.ova", tar([("app.ovf", descriptor(disks=[ovf_disk("a", 512, uri)])), ("a.vhd", b"x")]))
        case.bad("app.ova", 4, words)
    case.write("app.ova", tar([("app.ovf", descriptor([ovf_file("a", "a", ' ovf:chunkSize="1000"')]))]))
    case.bad("app.ova", 4, "cut into pieces")
    case.write("app.ova", tar([("app.ovf", descriptor([ovf_file("a", "a", ' ovf:compression="bzip2"')]))]))
    case.bad("app.ova", 4, "only gzip")
    case.write("app.ova", tar([("app.ovf", descriptor(disks=[ovf_disk("a", 512, more=' ovf:parentRef="b"')]))]))
    case.bad("app.ova", 4, "differs from another")


def test_files_outside(case):
    case.write("secret.vhd", vhd(case))
    for href in ("../secret.vhd", case.path("secret.vhd"), "file://" + case.path("secret.vhd"), "..%2fsecret.vhd",
                 "http://example.com/a.vhd", "a/../../secret.vhd", ""):
        xml = descriptor([ovf_file("a", href)])
        unpack(case, [("app.ovf", xml)])
        case.bad("package", 4, "only files of the package itself")
        case.write("app.ova", tar([("app.ovf", xml)]))
        case.bad("app.ova", 4, "only files of the package itself")


def test_links_are_not_followed(case):
    case.write("secret.vhd", vhd(case))
    unpack(case, [("app.ovf", descriptor())])
    os.symlink("../secret.vhd", case.path("package/a.vhd"))
    case.bad("package", 4, "links are not followed")
    os.unlink(case.path("package/a.vhd"))
    os.mkfifo(case.path("package/a.vhd"))
    case.bad("package", 4, "no plain file")
    unpack(case, [("app.ovf", descriptor([ovf_file("a", "sub/secret.vhd")]))])
    os.symlink("..", case.path("package/sub"))
    case.bad("package", 4, "links are not followed")


def test_members_outside(case):
    for name in ("../x", "/etc/x", "a/../../x"):
        case.write("app.ova", tar(package(case) + [(name, b"x")]))
        case.bad("app.ova", 4, "outside the package")


def test_wrong_checksums(case):
    members = package(case)
    case.write("app.ova", tar(members[:2] + [("a.vhd", vhd(case, content(3 * MIB, 5)))]))
    case.bad("app.ova", 4, "the package is damaged or was changed")
    case.good("app.ova", "--no-verify")
    case.out = case.path("second")
    case.write("app.ova", tar([members[0], members[2], ("app.mf", manifest([("app.ovf", b"x")]))]))
    case.bad("app.ova", 4, "the package is damaged or was changed")
    case.write("app.ova", tar([members[0], members[2], ("app.mf", manifest([members[0]]))]))
    case.bad("app.ova", 4, "the manifest says nothing about it")
    case.write("app.ova", tar([members[0], members[2], ("app.mf", b"x")]))
    case.bad("app.ova", 4, "line 1 is not")
    case.write("app.ova", tar(members[:1] + members[2:] + [("app.mf", manifest([*members[::2], ("x", b"")]))]))
    case.bad("app.ova", 4, "and not in the package")
    unpack(case, [members[0], ("app.mf", manifest([members[0]])), members[2]])
    case.bad("package", 4, "the manifest says nothing about it")
    unpack(case, [("app.mf", manifest([members[0], ("a.vhd", b"")]))])
    case.bad("package", 4, "the package is damaged or was changed")


def test_missing_and_double_files(case):
    members = package(case)
    case.write("app.ova", tar(members[:1]))
    case.bad("app.ova", 4, "is not in the package")
    case.write("app.ova", tar(members + members[2:]))
    case.bad("app.ova", 4, "twice")
    case.write("app.ova", tar(members + members[1:2]))
    case.bad("app.ova", 4, "second manifest")
    case.write("app.ova", tar(members, end=False))
    case.bad("app.ova", 4, "no end marker")
    unpack(case, members[:1])
    case.bad("package", 3, "No such file")


def test_wrong_descriptors(case):
    hardware = ovf_hardware(["a"])
    for xml, words in (
            (descriptor([ovf_file("a", "a.vhd")] * 2), "is there twice"),
            (descriptor(disks=[ovf_disk("a", 512)] * 2), "that of another"),
            (descriptor(disks=[ovf_disk("a", 512), ovf_disk("b", 512).replace("f-b", "f-a")]), "two disks"),
            (descriptor([]), "which is not listed"),
            (descriptor(hardware=ovf_hardware(["b"])), "not in the package"),
            (descriptor(hardware=ovf_hardware(["a", "a"])), "two times the disk"),
            (descriptor(disks=[ovf_disk("a", 0)]), "capacity"),
            (descriptor(disks=[ovf_disk("a", 1 << 62)]), "capacity"),
            (descriptor(disks=[ovf_disk("a", 5, more=' ovf:capacityAllocationUnits="byte * 2^62"')]), "capacity"),
            (descriptor(hardware=hardware.replace(">2<", ">99999<")), "processors"),
            (descriptor(hardware=hardware.replace("00:16:3e:11:22:33", "00:16,addr=5")), "address"),
            (descriptor(hardware="<x/>"), "it has no"),
            (descriptor(space="http://www.vmware.com/schema/ovf/1/envelope"), "its version of OVF"),
            (b"<Envelope/>", "its version of OVF"), (b"<a/>", "was expected"),
            (b'<!DOCTYPE a SYSTEM "http://example.com/x">' + descriptor()[21:], "document type declaration"),
            (ovf([], [], []), "no virtual machine")):
        case.write("app.ova", tar([("app.ovf", xml)]))
        case.bad("app.ova", 4, words)


def test_disk_larger_than_its_capacity(case):
    disks = [ovf_disk("a", MIB, RAW_FORMAT)]
    case.write("app.ova", tar([("app.ovf", descriptor(disks=disks)), ("a.vhd", DISK)]))
    case.bad("app.ova", 4, "allows no more")
    case.write("app.ova", tar([("app.ovf", descriptor(disks=[ovf_disk("a", MIB)])), ("a.vhd", vhd(case))]))
    want(b"the descriptor says" in case.good("app.ova").stderr, "nothing was said")
    case.disk("app-disk0.vhd", DISK)


def test_wrong_vhds(case):
    image = vhd(case)
    for data, words in ((b"", ""), (bytes(4096), ""), (image[:1536], ""), (b"x" * 5000, "")):
        case.write("app.ova", tar([("app.ovf", descriptor()), ("a.vhd", data)]))
        case.bad("app.ova", 4, words)
        unpack(case, [("app.ovf", descriptor()), ("a.vhd", data)])
        case.bad("package", 4, words)


def test_differencing_vhds(case):
    """Neither opened nor believed, whatever lies beside it."""
    raw = case.write("parent.raw", DISK)
    for words in (["convert", "--from", "raw", "--to", "dynamic", raw, case.path("parent.vhd")],
                  ["snapshot", case.path("parent.vhd"), case.path("child.vhd")]):
        result = run([TOOL, *words])
        want(result.returncode == 0, result.stderr.decode())
    with open(case.path("child.vhd"), "rb") as file:
        child = file.read()
    want(struct.unpack(">I", child[60:64])[0] == 4, "no differencing VHD was made")
    case.write("app.ova", tar([("app.ovf", descriptor()), ("a.vhd", child)]))
    case.bad("app.ova", 4, "a differencing VHD")
    unpack(case, [("app.ovf", descriptor([ovf_file("a", "child.vhd")])), ("child.vhd", child)])
    os.link(case.path("parent.vhd"), case.path("package/parent.vhd"))
    case.bad("package", 4, "a differencing VHD")


def test_too_many_members(case):
    case.write("app.ova", tar(package(case) + [(f"x{i}", b"") for i in range(4100)]))
    case.bad("app.ova", 4, "more than 4096 files")


def test_sparse_members(case):
    info = tarfile.TarInfo("a.vhd")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 512
    case.write("app.ova", tar([("app.ovf", descriptor()), (info, bytes(512))]))
    case.bad("app.ova", 4, "")
