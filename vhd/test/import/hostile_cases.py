# SPDX-License-Identifier: MIT
"""Archives that are wrong, by accident or on purpose: each gets its error, and nothing is left behind."""

import gzip
import tarfile

import archives
from archives import MIB
from tool import content
from xva_cases import small

DATA, MEMBERS = small()


def with_objects(objects):
    return [("ova.xml", archives.ova_xml(objects))]


def bad(case, members, code, words, *options):
    case.write("a.xva", members if isinstance(members, bytes) else archives.tar(members))
    case.bad("a.xva", code, words, *options)


def test_names_that_lead_out(case):
    for name in ("../../etc/passwd", "/etc/passwd", "Ref:1/../../x", "Ref:1/00000001/x", "x", "Ref:1/1"):
        bad(case, MEMBERS[:3] + [(name, b"x")], 4, "no name that an XVA archive has")


def test_links_and_devices(case):
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        info = tarfile.TarInfo("Ref:1/00000001")
        info.type, info.linkname = kind, "/etc/passwd"
        bad(case, MEMBERS[:3] + [(info, b"")], 4, "no plain file")


def test_sizes_beyond_limits(case):
    for size in (0, -1, 511, 2040 << 30 | 512, (2040 << 30) + 512, 1 << 63, 1 << 64, "x", ""):
        objects = [archives.machine("Ref:0", "m"), archives.disk("Ref:1", size),
                   archives.device("Ref:2", "Ref:0", "Ref:1", 0)]
        bad(case, with_objects(objects), 4, "has the size")


def test_huge_chunk(case):
    info = tarfile.TarInfo("Ref:1/00000000")
    info.size = 65 * MIB
    bad(case, archives.tar(MEMBERS[:1]), 4, "no chunk in the archive")
    objects = [archives.machine("Ref:0", "m"), archives.disk("Ref:1", 1 << 40),
               archives.device("Ref:2", "Ref:0", "Ref:1", 0)]
    bad(case, archives.tar(with_objects(objects) + [(info, b"x")]), 4, "at most 67108864")
    info.size = 1 << 40
    bad(case, archives.tar(with_objects(objects) + [(info, b"x")]), 4, "at most 67108864")


def test_data_beyond_the_end(case):
    bad(case, MEMBERS + [("Ref:1/00000004", b"x" * 512)], 4, "beyond the end of the disk")
    bad(case, MEMBERS[:3] + [("Ref:1/99999999", b"x" * 512)], 4, "beyond the end of the disk")
    bad(case, MEMBERS[:3] + [("Ref:1/999999999999", b"x" * 512)], 4, "beyond the end of the disk")


def test_numbers_out_of_order(case):
    bad(case, MEMBERS[:5] + MEMBERS[3:5], 4, "comes behind chunk")
    bad(case, MEMBERS[:1] + MEMBERS[3:], 4, "comes before any chunk with data")


def test_disk_in_two_places_and_unknown_disk(case):
    other = content(512, 9)
    objects = [archives.machine("Ref:0", "m"), archives.disk("Ref:1", 4 * 65536), archives.disk("Ref:9", 512),
               archives.device("Ref:2", "Ref:0", "Ref:1", 0)]
    members = with_objects(objects) + MEMBERS[1:3] + archives.chunks("Ref:9", other, kind="sha1") + MEMBERS[3:]
    bad(case, members, 4, "in two places")
    bad(case, MEMBERS + archives.chunks("Ref:9", other, kind="sha1"), 4, "which ova.xml knows as no disk")


def test_checksums(case):
    flipped = bytes([MEMBERS[3][1][0] ^ 1]) + MEMBERS[3][1][1:]
    bad(case, MEMBERS[:3] + [(MEMBERS[3][0], flipped)] + MEMBERS[4:], 4, "the archive is damaged")
    bad(case, MEMBERS[:4] + MEMBERS[5:], 4, "has no checksum behind it")
    bad(case, MEMBERS[:4], 4, "has no checksum behind it")
    bad(case, MEMBERS[:3] + MEMBERS[4:5], 4, "its chunk is not right before it")
    bad(case, MEMBERS[:3] + MEMBERS[2:3], 4, "its chunk is not right before it")
    bad(case, MEMBERS[:2] + [(MEMBERS[2][0], b"x" * 100)], 4, "are no checksum")
    bad(case, MEMBERS[:2] + [(MEMBERS[2][0], b"")], 4, "the archive is damaged")


def test_cut_off_anywhere(case):
    """At each boundary of a member, inside headers and inside data; plain and compressed."""
    archive = archives.tar(MEMBERS)
    boundaries = [len(archives.tar(MEMBERS[:count], end=False)) for count in range(1, len(MEMBERS) + 1)]
    for at in boundaries + [at + 100 for at in boundaries[:-1]] + [at + 700 for at in boundaries[:-1]]:
        case.write("a.xva", archive[:at])
        case.bad("a.xva", 4, "")
    packed = gzip.compress(archive)
    for at in (len(packed) - 9, len(packed) // 2, 200):
        case.write("a.xva", packed[:at])
        case.bad("a.xva", 4, "")


def test_many_members(case):
    """Ten thousand empty chunks are no error, and no work either."""
    members = MEMBERS[:1] + [(f"Ref:1/{i:08d}", b"") for i in range(10000)]
    bad(case, members, 4, "has no checksum behind it")
    case.write("a.xva", archives.tar(members))
    case.good("a.xva", "--no-verify")


def test_xml(case):
    laughs = b'<?xml version="1.0"?><!DOCTYPE value [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><value>&b;</value>'
    outside = b'<?xml version="1.0"?><!DOCTYPE value SYSTEM "file:///etc/passwd"><value/>'
    for xml, words in ((laughs, "document type declaration"), (outside, "document type declaration"),
                       (b"<value>", "not well-formed"), (b"", "not well-formed"), (b"\0" * 100, "not well-formed"),
                       (b"<value/>", "no objects"), (b"<a/>", "was expected"),
                       (b"<a>" * 10000, "not well-formed"), (b"<value>&x;</value>", "not well-formed"),
                       (b"<b>" + b"<a/>" * 1000001 + b"</b>", "million")):
        bad(case, [("ova.xml", xml)], 4, words)


def test_xml_of_gigabytes(case):
    info = tarfile.TarInfo("ova.xml")
    info.size = 7 << 30
    bad(case, archives.tar([(info, b"")]), 4, "at most 67108864")


def test_contradicting_objects(case):
    machine, disk = archives.machine("Ref:0", "m"), archives.disk("Ref:1", 512)
    first, second = archives.device("Ref:2", "Ref:0", "Ref:1", 0), archives.device("Ref:3", "Ref:0", "Ref:1", 1)
    bad(case, with_objects([machine, machine]), 4, "two objects have the id")
    bad(case, with_objects([machine, first]), 4, "which is not in the archive")
    bad(case, with_objects([machine, disk, first, second]), 4, "twice")
    bad(case, with_objects([disk]), 4, "no virtual machine")
    bad(case, with_objects([archives.machine("Ref:0", "m", memory_static_max=-1)]), 4, "bytes of memory")
    bad(case, with_objects([archives.machine("Ref:0", "m", VCPUs_max="1;reboot")]), 4, "processors")
    bad(case, with_objects([machine, archives.nic("Ref:5", "Ref:0", 0, "00:16:3e:0,x=y", "")]), 4, "address")
    many = [archives.disk(f"Ref:{i}", 512) for i in range(100, 165)]
    many += [archives.device(f"Ref:{i + 100}", "Ref:0", f"Ref:{i}", i - 100) for i in range(100, 165)]
    bad(case, with_objects([machine] + many), 4, "more than 64 disks")


def test_no_archives(case):
    case.bad("missing", 3, "No such file")
    for data in (b"", b"x", b"x" * 4096, bytes(10240), gzip.compress(b"x" * 4096)):
        case.write("a.xva", data)
        case.bad("a.xva", 4, "")
    bad(case, [("x", b"x"), MEMBERS[0]], 4, "its first member is")
    bad(case, [("./../ova.xml", b"x")], 4, "its first member is")
    case.bad("-", 4, "no XVA or OVA archive", data=b"")


def test_version_1(case):
    bad(case, [("ova.xml", b'<appliance version="0.1"><vm/></appliance>')], 4, "version 1 of the format")
    case.write("old/ova.xml", b"<appliance/>")
    case.bad("old", 4, "version 1 of XVA")
    case.write("empty/readme", b"")
    case.bad("empty", 4, "0 files NAME.ovf")


def test_output_that_is_no_directory(case):
    case.write("a.xva", archives.tar(MEMBERS))
    case.out = case.write("file", b"")
    result = case.command("a.xva")
    assert result.returncode == 3 and b"Not a directory" in result.stderr, result.stderr
    case.out = case.path("missing/out")
    result = case.command("a.xva")
    assert result.returncode == 3 and b"No such file" in result.stderr, result.stderr
