# SPDX-License-Identifier: MIT
"""The command line itself: help, wrong use, sizes, what is shared by all commands."""

import os
import re
import signal
import subprocess
import time

from box import CANCELLED, GIB, MIB, OK, ROOT, SYSTEM, USAGE, equal

MANUAL = os.path.join(ROOT, "vhd", "man", "vhdtool.1")
COMPLETION = os.path.join(ROOT, "vhd", "tool", "completion", "vhdtool.bash")


def commands(box):
    return box.tool("help", "--list").stdout.split()


def options(box, command):
    """Names with their dashes, without values."""
    return [line.split("=")[0] for line in box.tool("help", "--list", command).stdout.split()]


def test_version_and_help(box):
    assert re.fullmatch(r"vhdtool \d+\.\d+\.\d+\n", box.tool("--version").stdout)
    listed = box.tool("help").stdout
    equal(box.tool("--help").stdout, listed, "vhdtool --help")
    for command in commands(box):
        assert re.search(rf"^  {command} ", listed, re.MULTILINE), f"help does not list {command}"


def test_help_names_every_option(box):
    for command in commands(box):
        if command == "help":
            continue
        text = box.tool("help", command).stdout
        equal(box.tool(command, "--help").stdout, text, f"{command} --help")
        missing = [option for option in options(box, command) if option not in text]
        equal(missing, [], f"options that `help {command}` does not name")


def test_manual_has_every_command_and_option(box):
    with open(MANUAL, encoding="utf-8") as file:
        manual = file.read()
    for command in commands(box):
        assert re.search(rf"^\.Ss {command}\b", manual, re.MULTILINE), f"no section {command} in the manual page"
        if command != "help":
            missing = [o for o in options(box, command) if f"-{o[2:]}" not in re.sub(r"Fl (\w , )?", "", manual)]
            equal(missing, [], f"options of {command} that the manual page does not name")


def test_manual_lint(box):
    # Which other pages this machine has is not the page's fault.
    result = box.program("sh", "-c", f"mandoc -Tlint '{MANUAL}' 2>&1 | grep -v 'mandoc.db\\|manual not found' || true")
    equal(result, "", "mandoc -Tlint")


def complete(box, *words):
    """What bash offers for the last word."""
    script = (f". '{COMPLETION}'; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _vhdtool; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    return box.program("bash", "-c", script, "bash", box.tool_path, *words).split()


def test_bash_completion(box):
    equal(complete(box, "com"), ["compact", "compare"], "commands")
    equal(complete(box, "help", "sn"), ["snapshot"], "help")
    equal(complete(box, "convert", "--a"), ["--azure"], "options")
    equal(complete(box, "convert", "--to", ""), ["raw", "fixed", "dynamic"], "words of an option")
    equal(complete(box, "convert", "--progress", "=", "al"), ["always"], "words behind =")
    equal(complete(box, "convert", "x.v"), [], "files are bash's matter")


def test_wrong_use(box):
    box.refuses(USAGE, "say what to do")
    box.refuses(USAGE, 'no command "frobnicate"', "frobnicate")
    box.refuses(USAGE, 'no command "frobnicate"', "help", "frobnicate")
    box.refuses(USAGE, "the command comes first", "-q", "info", "a.vhd")
    box.refuses(USAGE, "something is missing", "info")
    box.refuses(USAGE, "there is too much", "info", "a.vhd", "b.vhd")
    box.refuses(USAGE, "no option --frob", "info", "--frob", "a.vhd")
    box.refuses(USAGE, "no option -z", "info", "-z", "a.vhd")
    box.refuses(USAGE, "needs a value", "create", "a.vhd", "--size")
    box.refuses(USAGE, "takes no value", "info", "--json=yes", "a.vhd")
    box.refuses(USAGE, "fixed|dynamic", "create", "--type", "fix", "--size", "1M", "a.vhd")
    box.refuses(USAGE, "above 0", "convert", "--threads", "0", "--to", "raw", "a.vhd", "b")
    box.refuses(USAGE, "may not be empty", "info", "--parent", "", "a.vhd")
    box.refuses(USAGE, "too often", "info", *["--parent-dir=d"] * 17, "a.vhd")
    box.refuses(USAGE, "a pipe cannot take", "create", "--size", "1M", "-")
    equal(box.files(), [], "files that came into being")
    box.tool("help", "help")


def test_sizes(box):
    for text, size in (("65536", 65536), ("64K", 65536), ("64k", 65536), ("3M", 3 * MIB), ("2g", 2 * GIB), ("1T", 1 << 40)):
        box.tool("create", "--size", text, "--force", "a.vhd")
        equal(box.info("a.vhd")["size"], size, text)
    for text in ("", "x", "-1", "1X", "1KB", "1.5G", "1_000", " 1M", "1M ", "18446744073709551616", "16777216T", "0"):
        box.refuses(USAGE, "size", "create", f"--size={text}", "--force", "a.vhd")
    box.refuses(USAGE, "1024 is the next", "create", "--size", "1000", "b.vhd")
    equal(box.files(), ["a.vhd"], "files")


def test_options_and_files_in_any_order(box):
    box.tool("create", "a.vhd", "--size", "1M")
    box.tool("create", "--size=1M", "--", "-b.vhd")
    equal(box.files(), ["-b.vhd", "a.vhd"], "files")


def test_no_such_file(box):
    box.tool("create", "--size", "1M", "b.vhd")
    for words in (["info"], ["check"], ["map"], ["compact"], ["merge"], ["set", "--hidden", "on"], ["convert", "--to", "raw"],
                  ["resize"], ["compare"], ["relink"]):
        more = {"convert": ["b"], "resize": ["1M"], "compare": ["b.vhd"], "relink": ["b.vhd"]}.get(words[0], [])
        result = box.refuses(SYSTEM, "absent.vhd", *words, "absent.vhd", *more)
        assert "No such file" in result.stderr, result.stderr
    equal(box.files(), ["b.vhd"], "files")


def test_standard_output_full(box):
    box.tool("create", "--size", "1M", "a.vhd")
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([box.tool_path, "info", box.path("a.vhd")], stdout=full, stderr=subprocess.PIPE, check=False)
    equal(result.returncode, SYSTEM, "exit status")
    assert b"standard output" in result.stderr


def test_names_cannot_steer_a_terminal(box):
    # Box.tool refuses escape characters in whatever the tool says.
    box.refuses(SYSTEM, "[31mred.vhd", "info", "\033[31mred.vhd")
    box.tool("create", "--size", "1M", "\033[31mred.vhd")
    assert "\\x1b[31m" in box.tool("info", "\033[31mred.vhd").stdout
    equal(box.info("\033[31mred.vhd")["image"], "\033[31mred.vhd", "image")


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed_signals():
    """Whoever runs the tests may ignore some, as nohup does, and programs inherit that."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def long_conversion(box, size):
    """Starts one of many MiB, and waits until its target is being written."""
    with open(box.path("big.raw"), "wb") as file:
        for _ in range(size // MIB):
            file.write(b"x" * MIB)
    process = subprocess.Popen([box.tool_path, "convert", "--threads=1", "--from", "raw", "--to", "fixed", "big.raw", "big.vhd"],
                               cwd=box.directory, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               preexec_fn=heed_signals)
    while process.poll() is None and not any(name.endswith(".partial") for name in box.files()):
        time.sleep(0.001)
    return process


def signalled(box, number):
    """A conversion that got a signal before it was done. Fast machines get more to do."""
    for size in (128, 256, 512, 1024, 2048):
        process = long_conversion(box, size * MIB)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        if process.returncode != OK:
            return process.returncode, out + err
        os.unlink(box.path("big.vhd"))
    raise AssertionError("each conversion was done before the signal came")


def test_signals_leave_nothing(box):
    for number in SIGNALS:
        code, said = signalled(box, number)
        equal(code, CANCELLED, f"exit status after {number.name}\n{said}")
        assert said.startswith("vhdtool: ") and "cancel" in said, said
        equal(box.files(), ["big.raw"], "files that are left")


def test_ignored_signals_stay_ignored(box):
    box.raw("a.raw", 8 * MIB, [(0, MIB)])
    box.program("sh", "-c", f"trap '' INT HUP; '{box.tool_path}' convert --from raw --to dynamic a.raw a.vhd")
    equal(box.files(), ["a.raw", "a.vhd"], "files")


def test_progress(box):
    box.raw("a.raw", 64 * MIB, [(0, 32 * MIB)])
    words = ["convert", "--from", "raw", "--to", "fixed", "a.raw", "--force", "b.vhd"]
    equal(box.tool(*words).stderr, "", "said without a terminal")
    equal(box.tool(*words, "--progress=always", code=OK).stdout, "", "standard output")
    equal(box.tool(*words, "--progress=never").stderr, "", "said with never")


def test_bar_on_a_terminal(box):
    shown = b""
    for size in (128, 256, 512, 1024, 2048):
        box.write("big.raw", b"x" * (size * MIB))
        command = f"'{box.tool_path}' convert --force --from raw --to fixed big.raw big.vhd"
        shown = box.program("script", "-qec", command, "/dev/null", stdin=subprocess.DEVNULL, text=False)
        if shown:
            break
    assert re.search(rb"\rconvert \[=*> *\] +\d+%  [\d.]+ .iB/s  \d+:\d\d left\033\[K", shown), repr(shown[:300])
    assert shown.endswith(b"\r\033[K"), f"the bar is not taken away: {shown[-80:]!r}"
    quiet = box.program("script", "-qec", command + " -q", "/dev/null", stdin=subprocess.DEVNULL, text=False)
    equal(quiet, b"", "shown with -q")
