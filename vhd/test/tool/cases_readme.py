# SPDX-License-Identifier: MIT
"""The examples of the README, as they stand there."""

import os
import re

from box import MIB, ROOT, Missing, equal


def examples(language):
    with open(os.path.join(ROOT, "vhd", "README.md"), encoding="utf-8") as file:
        return re.findall(rf"^```{language}\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)


def test_examples(box):
    scripts = examples("sh")
    assert len(scripts) >= 10, f"only {len(scripts)} examples"
    os.mkdir(box.path("bin"))
    os.symlink(box.tool_path, box.path("bin/vhdtool"))
    os.mkdir(box.path("examples"))
    said = [box.program("bash", "-euo", "pipefail", "-c", f"PATH='{box.path('bin')}':$PATH; cd examples; {script}")
            for script in scripts]
    assert "dynamic" in said[0] and "10 GiB" in said[0], said[0]
    equal(said[2], "They are the same.\n", "comparison")
    equal(int(said[-2]) % MIB, 0, "size for Azure")
    assert 'machine "web server"' in said[-1] and "web/web_server.qemu.sh" in said[-1], said[-1]


def test_program(box):
    """The C program of the README, with the static library."""
    box.write("first.c", examples("c")[0].encode())
    library = os.path.join(os.path.dirname(box.tool_path), "libverdivhd.a")
    if not os.path.exists(library):
        raise Missing(library)
    box.program("cc", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(ROOT, "vhd", "include"), "first.c", library, "-lpthread",
                "-o", "first")
    box.tool("create", "--size", "1M", "a.vhd")
    box.poke("a.vhd", 0, b"\x07")
    equal(box.program(box.path("first"), "a.vhd"), "1048576 bytes, the first one is 7\n", "what it says")
