# SPDX-License-Identifier: MIT
"""What the plugin must do, one function per test, found by its name. Each gets a folder of its own."""

import errno
import hashlib
import os
import random
import threading
import time

import nbd

from server import PLUGIN, Failure, expect, limit_file_size, refused, run, vhdtool

MIB = 1 << 20
SECTOR = 512


def pattern(seed, length):
    return random.Random(seed).randbytes(length)


def fails_with(code, function, *arguments, **more):
    try:
        function(*arguments, **more)
    except nbd.Error as error:
        expect(error.errnum == code, f"{errno.errorcode.get(error.errnum, error.errnum)} in place of "
               f"{errno.errorcode[code]}: {error}")
        return
    raise Failure(f"{errno.errorcode[code]} was expected, and it worked")


def extents(handle, offset, length, flags=0):
    """Pairs of length and flags, as one answer gives them."""
    found = []

    def take(_context, _offset, entries, _error):
        found.extend(zip(entries[::2], entries[1::2]))

    handle.block_status(length, offset, take, flags)
    return found


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def check_clean(path):
    vhdtool("check", path)


# --- One image ------------------------------------------------------------------------------------------------------------


def test_what_a_client_is_told(folder):
    folder.dynamic("a.vhd", 64 * MIB)
    client = folder.serve("a.vhd").connect()
    expect(client.get_size() == 64 * MIB, f"size {client.get_size()}")
    blocks = [client.get_block_size(kind) for kind in (nbd.SIZE_MINIMUM, nbd.SIZE_PREFERRED, nbd.SIZE_MAXIMUM)]
    expect(blocks == [512, 4096, 32 * MIB], f"block sizes {blocks}")
    for question in ("can_multi_conn", "can_flush", "can_fua", "can_trim", "can_zero", "can_fast_zero", "can_cache"):
        expect(getattr(client, question)(), question)
    expect(not client.is_read_only(), "read-only")
    said = client.get_export_description()
    expect("dynamic" in said and "chain of 1" in said, said)


def test_written_is_read(folder):
    """Random requests, aligned or not, against a plain array; the image is right for other readers, too."""
    size = 12 * MIB
    chance = random.Random(4)
    plain = bytearray(size)
    folder.dynamic("a.vhd", size)
    server = folder.serve("a.vhd")
    client = server.connect()
    client.set_strict_mode(client.get_strict_mode() & ~nbd.STRICT_ALIGN)
    for step in range(300):
        length = chance.choice([1, 511, 512, 4096, 65536, 300000])
        offset = chance.randrange(size - length)
        if chance.random() < 0.6:
            offset -= offset % SECTOR
        kind = chance.choice(["write", "write", "zero", "trim", "read"])
        if kind == "write":
            plain[offset:offset + length] = pattern(step, length)
            client.pwrite(plain[offset:offset + length], offset)
        elif kind == "zero":
            plain[offset:offset + length] = bytes(length)
            client.zero(length, offset, chance.choice([0, nbd.CMD_FLAG_NO_HOLE]))
        elif kind == "trim":
            client.trim(length, offset)
            plain[offset:offset + length] = client.pread(length, offset)
            whole = plain[offset + -offset % SECTOR:(offset + length) // SECTOR * SECTOR]
            expect(not any(whole), "trimmed sectors are not zero")
        else:
            expect(client.pread(length, offset) == plain[offset:offset + length], f"step {step}: {length} at {offset}")
    expect(client.pread(size, 0) == plain, "the whole disk")
    client.shutdown()
    server.stop()
    check_clean(folder("a.vhd"))
    with open(folder("plain"), "wb") as file:
        file.write(plain)
    run("qemu-img", "compare", "-f", "raw", "-F", "vpc", folder("plain"), folder("a.vhd"))


def test_zero_and_trim(folder):
    folder.dynamic("a.vhd", 16 * MIB)
    server = folder.serve("a.vhd")
    client = server.connect()
    client.pwrite(b"x" * 8 * MIB, 0)
    client.flush()
    before = os.stat(folder("a.vhd")).st_blocks * 512
    client.trim(4 * MIB, 0)
    client.zero(4 * MIB, 4 * MIB)
    client.flush()
    after = os.stat(folder("a.vhd")).st_blocks * 512
    expect(before - after >= 7 * MIB, f"{before} bytes used before, {after} after")
    expect(not any(client.pread(8 * MIB, 0)), "they do not read as zeros")
    client.zero(4 * MIB, 0, nbd.CMD_FLAG_NO_HOLE)
    client.flush()
    filled = os.stat(folder("a.vhd")).st_blocks * 512
    expect(filled - after >= 3 * MIB, "zeros without holes took no space")
    client.zero(2 * MIB, 0, nbd.CMD_FLAG_FAST_ZERO)
    fails_with(errno.ENOTSUP, client.zero, 2 * MIB, 0, nbd.CMD_FLAG_FAST_ZERO | nbd.CMD_FLAG_NO_HOLE)
    client.cache(MIB, 0)
    client.shutdown()
    server.stop()
    check_clean(folder("a.vhd"))


def test_beyond_the_end(folder):
    folder.dynamic("a.vhd", 4 * MIB)
    client = folder.serve("a.vhd").connect()
    client.set_strict_mode(client.get_strict_mode() & ~nbd.STRICT_BOUNDS)
    fails_with(errno.EINVAL, client.pread, 4096, 4 * MIB)
    fails_with(errno.ENOSPC, client.pwrite, bytes(4096), 4 * MIB - 512)
    expect(not any(client.pread(4 * MIB, 0)), "something was written")


def test_extents(folder):
    """What is said to be zero is, everything is covered, and data that were written are said to be data."""
    size = 64 * MIB
    folder.dynamic("a.vhd", size)
    server = folder.serve("a.vhd")
    client = server.connect()
    expect(extents(client, 0, size) == [(size, nbd.STATE_HOLE | nbd.STATE_ZERO)], "an empty disk is one hole")
    chance = random.Random(7)
    written = [(chance.randrange(size // 4096) * 4096, 4096) for _ in range(40)]
    for offset, length in written:
        client.pwrite(b"\x55" * length, offset)
    content = client.pread(32 * MIB, 0) + client.pread(32 * MIB, 32 * MIB)
    at, kinds = 0, []
    while at < size:
        for length, flags in extents(client, at, size - at):
            kinds.append((at, length, flags))
            expect(flags & nbd.STATE_ZERO == 0 or not any(content[at:at + length]), f"not zero at {at}")
            at += length
    expect(at == size, f"they end at {at}")
    data = [(begin, begin + length) for begin, length, flags in kinds if not flags & nbd.STATE_ZERO]
    for offset, length in written:
        expect(any(begin <= offset and offset + length <= end for begin, end in data), f"no data at {offset}")
    expect(sum(end - begin for begin, end in data) < 8 * MIB, "most of the disk is said to be data")
    one = extents(client, 0, size, nbd.CMD_FLAG_REQ_ONE)
    expect(len(one) == 1 and one[0][0] <= size, f"one extent was asked for: {one}")


def test_parallel_connections(folder):
    """Eight connections write and read at once; what each has written is there, for all the others as well."""
    share, count = 4 * MIB, 8
    folder.dynamic("a.vhd", share * count)
    server = folder.serve("a.vhd")
    errors = []

    def work(number):
        try:
            client = server.connect()
            chance = random.Random(number)
            plain = bytearray(share)
            # Chunks of all clients lie side by side, so that they meet in each block and each bitmap.
            for step in range(120):
                chunk = chance.randrange(share // 4096)
                data = pattern(number * 1000 + step, 4096)
                plain[chunk * 4096:chunk * 4096 + 4096] = data
                client.pwrite(data, (chunk * count + number) * 4096, nbd.CMD_FLAG_FUA if step % 40 == 0 else 0)
            for chunk in range(share // 4096):
                data = client.pread(4096, (chunk * count + number) * 4096)
                expect(data == plain[chunk * 4096:chunk * 4096 + 4096], f"client {number}, chunk {chunk}")
            client.flush()
            client.shutdown()
        except Exception as error:  # of a thread: it must reach the test
            errors.append(f"client {number}: {error}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not errors, "; ".join(errors))
    server.stop()
    check_clean(folder("a.vhd"))


def test_requests_in_flight(folder):
    """64 requests at once on one connection, which answers in any order."""
    folder.dynamic("a.vhd", 32 * MIB)
    client = folder.serve("a.vhd").connect()
    buffers = [nbd.Buffer.from_bytearray(bytearray(pattern(i, 8192))) for i in range(64)]

    def wait(cookies):
        while cookies:
            client.poll(-1)
            cookies = [cookie for cookie in cookies if not client.aio_command_completed(cookie)]

    wait([client.aio_pwrite(buffer, i * 500 * 1024) for i, buffer in enumerate(buffers)])
    answers = [nbd.Buffer(8192) for _ in buffers]
    wait([client.aio_pread(answer, i * 500 * 1024) for i, answer in enumerate(answers)])
    for i, answer in enumerate(answers):
        expect(answer.to_bytearray() == pattern(i, 8192), f"request {i}")


def test_one_connection_flushes_for_all(folder):
    folder.dynamic("a.vhd", 16 * MIB)
    server = folder.serve("a.vhd")
    first, second = server.connect(), server.connect()
    first.pwrite(b"first" * 8192, 2 * MIB)
    expect(second.pread(512, 2 * MIB)[:5] == b"first", "the other connection does not see it")
    second.flush()
    server.kill()
    expect(folder.serve("a.vhd").connect().pread(512, 2 * MIB)[:5] == b"first", "it was not flushed")


# --- Crashes, full disks -------------------------------------------------------------------------------------------------------


def test_fua_lasts(folder):
    """What was written with FUA is there after SIGKILL, in each case that creates something new."""
    folder.dynamic("a.vhd", 32 * MIB)
    server = folder.serve("a.vhd")
    client = server.connect()
    client.pwrite(b"one" * 4096, 0, nbd.CMD_FLAG_FUA)
    client.pwrite(b"two" * 4096, 9 * MIB, nbd.CMD_FLAG_FUA)
    client.zero(4096, 0, nbd.CMD_FLAG_FUA)
    server.kill()
    server = folder.serve("a.vhd")
    client = server.connect()
    expect(client.pread(8192, 0) == bytes(4096) + (b"one" * 4096)[4096:8192], "the first block")
    expect(client.pread(12288, 9 * MIB) == b"two" * 4096, "the second block")
    client.shutdown()
    server.stop()
    check_clean(folder("a.vhd"))


def test_killed_while_writing(folder):
    """Writers in full swing, SIGKILL: the image is clean or repaired, and has what was flushed."""
    size, area = 64 * MIB, 32 * MIB
    for attempt in range(3):
        name = f"{attempt}.vhd"
        folder.dynamic(name, size)
        server = folder.serve(name)
        client = server.connect()
        flushed = {}
        for step in range(40):
            flushed[step] = pattern(step, 4096)
            client.pwrite(flushed[step], step * 700 * 1024)
        client.flush()
        writer = threading.Thread(target=write_until_it_fails, args=(server, area, size))
        writer.start()
        time.sleep(0.05 + 0.1 * attempt)
        server.kill()
        writer.join()
        vhdtool("check", "--repair", folder(name))
        check_clean(folder(name))
        client = folder.serve(name).connect()
        for step, data in flushed.items():
            expect(client.pread(4096, step * 700 * 1024) == data, f"attempt {attempt}: flushed write {step} is lost")
        rest = client.pread(size - area, area)
        for at in range(0, len(rest), SECTOR):
            sector = rest[at:at + SECTOR]
            expect(not any(sector) or sector == bytes([sector[0]]) * SECTOR, f"sector {at // SECTOR} is mixed")


def write_until_it_fails(server, begin, end):
    try:
        client = server.connect()
        for step in range(1, 1 << 30):
            offset = begin + step * 7919 * SECTOR % (end - begin - 8192)
            client.pwrite(bytes([step % 255 + 1]) * 8192, offset)
            if step % 50 == 0:
                client.flush()
    except nbd.Error:
        pass


def test_full_disk(folder):
    """No room for another block: the client hears ENOSPC, and everything that was there before still is."""
    folder.dynamic("a.vhd", 64 * MIB)
    server = folder.serve("a.vhd", prepare=limit_file_size(10 * MIB))
    client = server.connect()
    client.pwrite(b"good" * 1024, 0, nbd.CMD_FLAG_FUA)
    for block in range(1, 3):
        client.pwrite(b"more" * 1024, block * 2 * MIB, nbd.CMD_FLAG_FUA)

    def fill():
        for block in range(3, 32):
            client.pwrite(b"full" * 1024, block * 2 * MIB)
        client.flush()

    fails_with(errno.ENOSPC, fill)
    expect(client.pread(4096, 0) == b"good" * 1024, "what was there before")
    client.pwrite(b"also" * 1024, 4096, nbd.CMD_FLAG_FUA)
    server.kill()
    vhdtool("check", "--repair", folder("a.vhd"))
    client = folder.serve("a.vhd").connect()
    expect(client.pread(8192, 0) == b"good" * 1024 + b"also" * 1024, "after a restart")
    expect(client.pread(4096, 4 * MIB) == b"more" * 1024, "after a restart, another block")


# --- Locks and read-only ----------------------------------------------------------------------------------------------------------


def test_read_only(folder):
    folder.dynamic("a.vhd", 4 * MIB)
    before = digest(folder("a.vhd"))
    for parameters, options in ((["read-only=true"], []), ([], ["-r"])):
        server = folder.serve("a.vhd", *parameters, options=options)
        client = server.connect()
        expect(client.is_read_only(), "the client is not told")
        client.set_strict_mode(0)
        fails_with(errno.EPERM, client.pwrite, bytes(512), 0)
        fails_with(errno.EPERM, client.zero, 512, 0)
        fails_with(errno.EPERM, client.trim, 512, 0)
        expect(not any(client.pread(4096, 0)), "reading")
        client.shutdown()
        server.stop()
    expect(digest(folder("a.vhd")) == before, "the file has changed")


def test_second_writer_is_locked_out(folder):
    folder.dynamic("a.vhd", 4 * MIB)
    writer = folder.serve("a.vhd")
    expect("read-only=true" in refused(folder, "file=" + folder("a.vhd")), "a second writer: no hint")
    refused(folder, "file=" + folder("a.vhd"), "read-only=true")
    qemu = run("qemu-io", "-f", "vpc", "-c", "write 0 512", folder("a.vhd"), status=1)
    expect("lock" in qemu, f"QEMU writes: {qemu}")
    writer.stop()
    folder.serve("a.vhd", "read-only=true")
    folder.serve("a.vhd", "read-only=true")
    refused(folder, "file=" + folder("a.vhd"))


def test_lock_is_kept_in_the_background(folder):
    """nbdkit forks after the image was opened."""
    folder.dynamic("a.vhd", 4 * MIB)
    run("nbdkit", "--unix", folder("sock"), "--pidfile", folder("pid"), PLUGIN, folder("a.vhd"))
    # The child writes it, perhaps after its parent has ended.
    wait_for(lambda: os.path.exists(folder("pid")) and os.path.getsize(folder("pid")) > 0, "nbdkit writes no pidfile")
    with open(folder("pid"), encoding="ascii") as file:
        process = int(file.read())
    try:
        refused(folder, "file=" + folder("a.vhd"))
        client = nbd.NBD()
        client.connect_unix(folder("sock"))
        client.pwrite(b"a" * 4096, 0)
        client.shutdown()
    finally:
        os.kill(process, 15)
    wait_for(lambda: not os.path.exists(f"/proc/{process}"), "nbdkit does not end")
    check_clean(folder("a.vhd"))


def wait_for(condition, text, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < end, text)
        time.sleep(0.01)


# --- Chains -------------------------------------------------------------------------------------------------------------------------


def make_chain(folder, size):
    """Three layers, each with writes of its own; what the whole reads as."""
    plain = bytearray(size)
    chance = random.Random(11)
    folder.dynamic("0.vhd", size)
    for layer in range(3):
        if layer:
            folder.snapshot(f"{layer - 1}.vhd", f"{layer}.vhd")
        server = folder.serve(f"{layer}.vhd")
        client = server.connect()
        for step in range(60):
            offset = chance.randrange(size // SECTOR - 64) * SECTOR
            data = pattern(layer * 100 + step, chance.randrange(1, 64) * SECTOR)
            plain[offset:offset + len(data)] = data
            client.pwrite(data, offset)
        client.zero(8192, layer * 65536)
        plain[layer * 65536:layer * 65536 + 8192] = bytes(8192)
        client.shutdown()
        server.stop()
    return plain


def test_chain_of_three(folder):
    size = 16 * MIB
    plain = make_chain(folder, size)
    parents = [digest(folder("0.vhd")), digest(folder("1.vhd"))]
    server = folder.serve("2.vhd")
    client = server.connect()
    expect("chain of 3" in client.get_export_description(), client.get_export_description())
    expect(client.pread(size, 0) == plain, "it reads as something else")
    at = 0
    while at < size:
        for length, flags in extents(client, at, size - at):
            expect(not flags & nbd.STATE_ZERO or not any(plain[at:at + length]), f"zeros at {at} are none")
            at += length
    chance = random.Random(12)
    for step in range(100):
        offset = chance.randrange(size - 5000)
        data = pattern(step, 5000)
        plain[offset:offset + 5000] = data
        client.set_strict_mode(0)
        client.pwrite(data, offset)
    client.trim(MIB, 3 * MIB)
    plain[3 * MIB:4 * MIB] = bytes(MIB)
    expect(client.pread(size, 0) == plain, "after writing")
    client.shutdown()
    server.stop()
    expect([digest(folder("0.vhd")), digest(folder("1.vhd"))] == parents, "a parent has changed")
    with open(folder("plain"), "wb") as file:
        file.write(plain)
    for layer in range(3):
        check_clean(folder(f"{layer}.vhd"))
    vhdtool("compare", "--from", "raw", folder("plain"), folder("2.vhd"))


def test_parent_elsewhere(folder):
    os.mkdir(folder("golden"))
    folder.dynamic("golden/base.vhd", 4 * MIB)
    server = folder.serve("golden/base.vhd")
    server.connect().pwrite(b"base" * 1024, 0, nbd.CMD_FLAG_FUA)
    server.stop()
    os.mkdir(folder("vm"))
    folder.snapshot("golden/base.vhd", "vm/child.vhd")
    said = refused(folder, "file=" + folder("vm/child.vhd"))
    expect("base.vhd" in said, said)
    client = folder.serve("vm/child.vhd", "parent-dir=" + folder("golden")).connect()
    expect(client.pread(4096, 0) == b"base" * 1024, "the parent's data")
    os.rename(folder("golden/base.vhd"), folder("golden/other.vhd"))
    folder.servers[-1].kill()
    refused(folder, "file=" + folder("vm/child.vhd"), "parent-dir=" + folder("golden"))
    client = folder.serve("vm/child.vhd", "parent=" + folder("golden/other.vhd")).connect()
    expect(client.pread(4096, 0) == b"base" * 1024, "the parent's data by its other name")
    folder.dynamic("golden/stranger.vhd", 4 * MIB)
    folder.servers[-1].kill()
    stranger = "parent=" + folder("golden/stranger.vhd")
    refused(folder, "file=" + folder("vm/child.vhd"), stranger)
    client = folder.serve("vm/child.vhd", stranger, "force-parent=true").connect()
    expect(not any(client.pread(4096, 0)), "the stranger's data")


# --- Parameters --------------------------------------------------------------------------------------------------------------------


def test_wrong_parameters(folder):
    folder.dynamic("a.vhd", 4 * MIB)
    with open(folder("raw"), "wb") as file:
        file.truncate(MIB)
    image = "file=" + folder("a.vhd")
    for arguments, words in (
            ([], "file="),
            (["file=" + folder("absent.vhd")], "absent.vhd"),
            (["file=" + folder("raw")], "raw"),
            ([image, "colour=red"], "colour"),
            ([image, image], "twice"),
            ([image, "read-only=perhaps"], "perhaps"),
            ([image, "size-rule=big"], "auto, current or chs"),
            ([image, "parent-format=qcow2"], "vhd or raw"),
            ([image, "parent-format=raw"], "parent="),
            ([image, "repair=true", "read-only=true"], "repair"),
            ([image, *["parent-dir=/"] * 65], "more than 64")):
        said = refused(folder, *arguments)
        expect(words in said, f"{arguments}: {said}")


def test_relative_path_and_dump(folder):
    folder.dynamic("a.vhd", 4 * MIB)
    plugin = PLUGIN
    said = run("nbdkit", "-U", "-", plugin, "a.vhd", "--run", "nbdinfo --size \"$uri\"", cwd=folder.path)
    expect(said.strip() == str(4 * MIB), said)
    said = run("nbdkit", "--dump-plugin", plugin)
    for line in ("name=verdivhd", "thread_model=parallel", "api_version=2", "libverdivhd_version=", "verdivhd_types="):
        expect(line in said, f"no {line} in: {said}")
    said = run("nbdkit", "--help", plugin)
    expect("parent-dir=" in said, said)


# --- Other programs ----------------------------------------------------------------------------------------------------------------


def test_nbdcopy_and_nbdinfo(folder):
    plain = bytearray(24 * MIB)
    for step in range(12):
        offset = step * 2 * MIB + step * 4096
        plain[offset:offset + 300000] = pattern(step, 300000)
    with open(folder("plain"), "wb") as file:
        file.write(plain)
    folder.dynamic("a.vhd", len(plain))
    server = folder.serve("a.vhd")
    run("nbdcopy", "--flush", folder("plain"), server.uri)
    run("nbdcopy", server.uri, folder("copy"))
    expect(digest(folder("copy")) == digest(folder("plain")), "the copy differs")
    lines = run("nbdinfo", "--map", server.uri).splitlines()
    covered = sum(int(line.split()[1]) for line in lines)
    expect(covered == len(plain), f"the map covers {covered}")
    run("nbdinfo", "--can", "multi-conn", server.uri)
    server.stop()
    run("qemu-img", "compare", "-f", "raw", "-F", "vpc", folder("plain"), folder("a.vhd"))


def test_qemu_io(folder):
    folder.dynamic("a.vhd", 32 * MIB)
    server = folder.serve("a.vhd")
    commands = ["write -P 0xa5 1M 3M", "write -f -P 0x11 8M 64k", "read -P 0xa5 1M 3M", "discard 2M 1M",
                "write -z -u 1M 512k", "write -z 1536k 64k", "flush", "read -P 0 1M 576k", "read -P 0 2M 1M",
                "read -P 0xa5 3M 1M", "read -P 0x11 8M 64k", "aio_write -P 0x22 16M 1M", "aio_write -P 0x33 20M 1M",
                "aio_flush", "read -P 0x22 16M 1M", "read -P 0x33 20M 1M"]
    said = run("qemu-io", "-f", "raw", "-d", "unmap", *[part for command in commands for part in ("-c", command)],
               server.uri)
    expect("failed" not in said.lower(), said)
    server.stop()
    check_clean(folder("a.vhd"))
    run("qemu-io", "-f", "vpc", "-r", "-c", "read -P 0x33 20M 1M", folder("a.vhd"))
