# SPDX-License-Identifier: MIT
"""Makes XVA archives in the shape that XenServer writes, and OVF packages as XenCenter and others do.

Every part can be bent: a test that wants a wrong archive changes one thing of a right one.
"""

import hashlib
import io
import tarfile
from xml.sax.saxutils import escape

MIB = 1 << 20
MASK = (1 << 64) - 1
P1, P2, P3, P4, P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
                      0x27D4EB2F165667C5)


def rotate(value, count):
    return (value << count | value >> (64 - count)) & MASK


def xxh64_round(lane, word):
    return rotate((lane + word * P2) & MASK, 31) * P1 & MASK


def xxh64(data):
    """XXH64 with seed 0, from its specification: a second opinion beside libxxhash."""
    length, at = len(data), 0
    if length >= 32:
        words = memoryview(data[:length // 32 * 32]).cast("Q")
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        for begin in range(0, len(words), 4):
            for i in range(4):
                lanes[i] = rotate((lanes[i] + words[begin + i] * P2) & MASK, 31) * P1 & MASK
        value = sum(rotate(lane, count) for lane, count in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = ((value ^ xxh64_round(0, lane)) * P1 + P4) & MASK
        at = length // 32 * 32
    else:
        value = P5
    value = (value + length) & MASK
    while at + 8 <= length:
        value = (rotate(value ^ xxh64_round(0, int.from_bytes(data[at:at + 8], "little")), 27) * P1 + P4) & MASK
        at += 8
    if at + 4 <= length:
        value = (rotate(value ^ int.from_bytes(data[at:at + 4], "little") * P1 & MASK, 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        value = rotate(value ^ byte * P5 & MASK, 11) * P1 & MASK
    value = (value ^ value >> 33) * P2 & MASK
    value = (value ^ value >> 29) * P3 & MASK
    return value ^ value >> 32


# --- tar -----------------------------------------------------------------------------------------------------------

def tar(members, end=True):
    """Members are pairs of name and bytes, or a TarInfo and bytes."""
    out = io.BytesIO()
    for name, data in members:
        info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
        if not isinstance(name, tarfile.TarInfo):
            info.size = len(data)
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        out.write(data + bytes(-len(data) % 512))
    return out.getvalue() + (bytes(1024) if end else b"")


# --- XVA -----------------------------------------------------------------------------------------------------------

def value(thing):
    """Python's dicts, lists, booleans and strings as a value of XML-RPC. Numbers are strings, as XenServer has them."""
    if isinstance(thing, dict):
        return "<value><struct>%s</struct></value>" % "".join(
            "<member><name>%s</name>%s</member>" % (escape(key), value(content)) for key, content in thing.items())
    if isinstance(thing, list):
        return "<value><array><data>%s</data></array></value>" % "".join(map(value, thing))
    if isinstance(thing, bool):
        return "<value><boolean>%d</boolean></value>" % thing
    return "<value>%s</value>" % escape(str(thing))


def machine(ref, name, **fields):
    record = {"uuid": "11111111-2222-3333-4444-%012d" % int(ref[4:]), "name_label": name,
              "name_description": "made for a test", "is_a_template": False, "is_a_snapshot": False,
              "memory_static_max": 256 * MIB, "VCPUs_max": 2, "HVM_boot_policy": "BIOS order",
              "HVM_boot_params": {"order": "cd"}, "platform": {"acpi": "1"}, "domain_type": "hvm", "PV_bootloader": "",
              "PV_kernel": "", "PV_ramdisk": "", "PV_args": ""}
    record.update(fields)
    return {"class": "VM", "id": ref, "snapshot": record}


def disk(ref, size, name="disk"):
    return {"class": "VDI", "id": ref, "snapshot": {"virtual_size": size, "name_label": name}}


def device(ref, vm, vdi, number, **fields):
    record = {"VM": vm, "VDI": vdi, "userdevice": number, "type": "Disk", "bootable": number == 0, "mode": "RW"}
    record.update(fields)
    return {"class": "VBD", "id": ref, "snapshot": record}


def cd(ref, vm, number):
    return device(ref, vm, "OpaqueRef:NULL", number, type="CD", bootable=False, mode="RO", empty=True)


def nic(ref, vm, number, mac, network):
    return {"class": "VIF", "id": ref, "snapshot": {"VM": vm, "device": number, "MAC": mac, "network": network}}


def network(ref, name):
    return {"class": "network", "id": ref, "snapshot": {"name_label": name}}


def ova_xml(objects, export_vsn=2):
    version = {"hostname": "xen", "product_version": "8.3.0", "product_brand": "XenServer", "export_vsn": export_vsn}
    return ("<?xml version=\"1.0\"?>" + value({"version": version, "objects": objects})).encode()


def checksum(name, data, kind):
    if kind == "xxhash":
        return [(name + ".xxhash", b"%016X" % xxh64(data))]
    return [(name + ".checksum", hashlib.sha1(data).hexdigest().encode())] if kind == "sha1" else []


def chunks(ref, content, size=MIB, kind="xxhash", keep_alive=()):
    """
    A disk's members. Chunks of zeros are left out, but for the first and the last. Before each chunk whose number of the
    disk is in `keep_alive`, an empty one takes a number.
    """
    members, number, count = [], 0, (len(content) + size - 1) // size
    for i in range(count):
        data = content[i * size:(i + 1) * size]
        if i in keep_alive:
            name = "%s/%08d" % (ref, number)
            members += [(name, b"")] + checksum(name, b"", kind)
            number += 1
        if i in (0, count - 1) or data.strip(b"\0"):
            name = "%s/%08d" % (ref, number)
            members += [(name, data)] + checksum(name, data, kind)
        number += 1
    return members


# --- OVF -----------------------------------------------------------------------------------------------------------

VHD_FORMAT = "http://www.microsoft.com/technet/virtualserver/downloads/vhdspec.mspx"
VMDK_FORMAT = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"


def item(**fields):
    return "<Item>%s</Item>" % "".join("<rasd:%s>%s</rasd:%s>" % (key, escape(str(text)), key)
                                       for key, text in fields.items())


def ovf_hardware(disks, system_type="hvm-3.0-unknown", more=""):
    items = item(ElementName="cpus", InstanceID=1, ResourceType=3, VirtualQuantity=2)
    items += item(AllocationUnits="byte * 2^20", ElementName="memory", InstanceID=2, ResourceType=4,
                  VirtualQuantity=256)
    items += item(ElementName="CD", InstanceID=3, ResourceType=15, AddressOnParent=3)
    items += item(Address="00:16:3e:11:22:33", Connection="net", ElementName="nic", InstanceID=4, ResourceType=10)
    for place, name in enumerate(disks):
        items += item(AddressOnParent=place, ElementName="disk %d" % place, HostResource="ovf:/disk/" + name,
                      InstanceID=10 + place, ResourceType=19)
    return ("<VirtualHardwareSection><Info/><System><vssd:VirtualSystemType>%s</vssd:VirtualSystemType></System>%s%s"
            "</VirtualHardwareSection>" % (system_type, items, more))


def ovf_disk(name, capacity, disk_format=VHD_FORMAT, file=True, more=""):
    reference = ' ovf:fileRef="f-%s"' % name if file else ""
    return '<Disk ovf:diskId="%s" ovf:capacity="%d" ovf:format="%s"%s%s/>' % (name, capacity, escape(disk_format),
                                                                             reference, more)


def ovf_file(name, href, more=""):
    return '<File ovf:id="f-%s" ovf:href="%s"%s/>' % (name, escape(href), more)


def ovf(files, disks, systems, space="http://schemas.dmtf.org/ovf/envelope/1"):
    cim = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_"
    return ('<?xml version="1.0"?><Envelope xmlns="%s" xmlns:ovf="%s" xmlns:rasd="%sResourceAllocationSettingData" '
            'xmlns:vssd="%sVirtualSystemSettingData" xmlns:xenovf="http://schemas.citrix.com/ovf/envelope/1" '
            'xmlns:vmw="http://www.vmware.com/schema/ovf">'
            "<References>%s</References><DiskSection><Info/>%s</DiskSection>%s</Envelope>"
            % (space, space, cim, cim, "".join(files), "".join(disks), "".join(systems))).encode()


def ovf_system(name, hardware, ref="vm"):
    return '<VirtualSystem ovf:id="%s"><Info/><Name>%s</Name>%s</VirtualSystem>' % (ref, escape(name), hardware)


def manifest(files, kind="sha256"):
    return b"".join(b"%s(%s)= %s\n" % (kind.upper().encode(), name.encode(),
                                       hashlib.new(kind, data).hexdigest().encode()) for name, data in files)
