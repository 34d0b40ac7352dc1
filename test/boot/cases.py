# SPDX-License-Identifier: MPL-2.0
"""The table of whole-system tests: what to start and what must come of it.

A case's run() returns a list of complaints; an empty one means that it passed. Skip tells why it cannot be tried.
"""

import os
import re

import machine
from facts import ENLIGHTENED, SOAKED, Facts, failures

KERNELS = ["6.1", "7.3"]
QEMUS = ["7.2", "11.1"]
PROCESSORS = [1, 2, 4]
HYPERVISOR = os.path.join(machine.BUILD, "verdigris.elf")
ISO = os.path.join(machine.BUILD, "test", "boot", "test.iso")
# The conformance suite's image, told to run a part of its own test.
CONFORM_ISO = os.path.join(machine.BUILD, "test", "boot", "conform.iso")
CONFORM_POINTS = ["ok 1 - selftest/passes", "not ok 2 - selftest/hangs-halted", "not ok 3 - selftest/hangs-elsewhere",
                  "ok 4 - selftest/others-answer-again", "1..4"]
MENDED_QEMU = os.path.join(machine.OUTPUT, "qemu-mended")
MULTIBOOT_1 = (0x1BADB002).to_bytes(4, "little")
UEFI = "/usr/share/ovmf/OVMF.fd"
OPTIONS = "identity=guest debug-exit=0xf4"
# What the hypervisor writes to the debug-exit port when it stops for good.
STOPPED = 125
PROMPT = "verdigris:/# "


class Skip(Exception):
    """The case could not be tried here."""


def need(path):
    if not os.path.exists(path):
        raise Skip(f"{os.path.basename(path)} is missing")
    return path


class Case:
    """What all cases share; a subclass says how to start and how to judge."""

    kernel = "6.1"
    qemu = "7.2"
    smp = 1
    timeout = 300
    xapic = False

    def __init__(self, name, **settings):
        self.name = name
        for key, value in settings.items():
            if not hasattr(type(self), key):
                raise TypeError(f"a {type(self).__name__} has no {key}")
            setattr(self, key, value)

    def emulator(self):
        return machine.qemu(self.qemu)

    def options(self):
        emulator = self.emulator()
        if os.path.isabs(emulator):
            need(emulator)
        return ["--qemu", emulator, "--smp", str(self.smp), "--timeout", str(self.timeout)]

    def start(self, arguments, **watching):
        return machine.Run(self.name, self.options() + arguments, **watching).finish()

    def linux(self, words):
        # A kernel that dies restarts at once, which ends the machine: no need to wait for the time limit.
        return ["--append", f"console=ttyS0 panic=-1 {words}", need(machine.kernel(self.kernel)),
                need(machine.initramfs(self.kernel))]


def expect_status(result, expected):
    return [] if result.status == expected else [f"exit status {result.status}, expected {expected}"]


def expect_text(text, pattern, where):
    return [] if re.search(pattern, text) else [f"no /{pattern}/ {where}"]


class Boot(Case):
    """A kernel does some work, tells what it found, and powers off."""

    words = ""

    def run(self):
        words = self.words + (" nox2apic" if self.xapic else "")
        result = self.start(self.linux("verdigris.test " + words))
        found = failures(Facts(result.serial), self)
        return expect_status(result, 0) + [f"{name}: {text}" for name, text in found.items()]


class Profile(Case):
    """A kernel that is told less uses less, exactly so much less, and works all the same."""

    smp = 2
    profile = ""
    without = ()

    def run(self):
        result = self.start(["--hv-profile", self.profile] + self.linux("verdigris.test"))
        # Without the frequency registers the kernel measures its clock, and complains when the host disturbs it.
        missing = set(failures(Facts(result.serial), self)) - {"complaints"}
        wrong = sorted(missing ^ set(self.without))
        return expect_status(result, 0) + [f"not as with the profile {self.profile}: {name}" for name in wrong]


class InvariantTsc(Case):
    """A kernel that may trust the TSC takes it for its clock, and everything else from the hypervisor as ever."""

    smp = 2

    def run(self):
        result = self.start(["--option", "tsc=invariant"] + self.linux("verdigris.test"))
        facts = Facts(result.serial)
        missing = sorted(set(failures(facts, self)) - {"clocksource"})
        return expect_status(result, 0) + [f"not as without the option: {name}" for name in missing] + (
            expect_text(facts.one("clocksource") or "", "^tsc$", "as the clock source"))


class Soak(Case):
    """All processors work hard for a while: nobody stalls, nobody is forgotten, and the clocks stay together.

    On a QEMU without the race that otherwise ends such work within minutes: see tools/mend-qemu.
    """

    smp = 4
    seconds = int(os.environ.get("VERDIGRIS_SOAK_SECONDS", "30"))

    def emulator(self):
        return MENDED_QEMU

    def run(self):
        self.timeout = self.seconds * 2 + 180
        result = self.start(self.linux(f"verdigris.test verdigris.soak={self.seconds}"))
        found = failures(Facts(result.serial), self, SOAKED)
        said = [line for line in result.serial.splitlines() if line.startswith("soak ")]
        print(f"# boot/{self.name}, {self.seconds} s: " + "; ".join(said), flush=True)
        return expect_status(result, 0) + [f"{name}: {text}" for name, text in found.items()]


class Control(Case):
    """The same kernel without Verdigris must fail exactly the checks of Verdigris, or they prove nothing."""

    def run(self):
        result = self.start(["--bare"] + self.linux("verdigris.test"))
        # Without Verdigris the kernel calibrates its clock and complains when the host disturbs it: as it happens.
        found = set(failures(Facts(result.serial), self)) - {"complaints"}
        wrong = found ^ (set(ENLIGHTENED) - {"complaints"})
        return expect_status(result, 0) + [f"wrongly judged without Verdigris: {name}" for name in sorted(wrong)]


class Panic(Case):
    """A crashing kernel's last words arrive on the hypervisor's console, not only on its own."""

    def run(self):
        result = self.start(self.linux("verdigris.panic"))
        return expect_status(result, 0) + expect_text(
            result.console, "Kernel panic - not syncing: sysrq triggered crash", "on the hypervisor's console")


class Reboot(Case):
    """A restarted machine comes up again, hypervisor and all."""

    def run(self):
        result = self.start(["--reboot"] + self.linux("verdigris.reboot"),
                            until=lambda text: text.count("Linux version") == 2)
        return [] if result.status is None else [f"the kernel did not come up twice (exit status {result.status})"]


class Session(Case):
    """A person at the prompt: typed commands work, the welcome tells the truth, poweroff ends it."""

    dialogue = ((PROMPT, "echo $((6 * 7)) answers"), ("42 answers", ""), (PROMPT, "poweroff"))

    def run(self):
        result = self.start(self.linux("quiet"), dialogue=self.dialogue)
        return (expect_status(result, 0) + expect_text(result.serial, r"\n42 answers", "on the serial line") +
                expect_text(result.serial, "hypervisor +Microsoft Hyper-V\n", "on the serial line"))


class Disk(Case):
    """The kernel reads from and writes to a virtio disk, which moves its data past the hypervisor."""

    def run(self):
        path = os.path.join(machine.OUTPUT, self.name + ".img")
        os.makedirs(machine.OUTPUT, exist_ok=True)
        with open(path, "wb") as f:
            f.write(b"read by the guest\n".ljust(1 << 20, b"\0"))
        typed = ["head -n1 /dev/vda", "echo written by the guest | dd of=/dev/vda bs=512 seek=1 conv=sync", "poweroff"]
        result = self.start(["--disk", path] + self.linux("quiet"), dialogue=[(PROMPT, line) for line in typed])
        with open(path, "rb") as f:
            written = f.read()[512:1024].startswith(b"written by the guest\n")
        return (expect_status(result, 0) + expect_text(result.serial, "\nread by the guest", "on the serial line") +
                ([] if written else ["what the guest wrote is not on the disk"]))


class CdRom(Case):
    """The image of tools/make-iso starts from a CD-ROM, through a BIOS and GRUB."""

    def run(self):
        result = self.start(["--cdrom", need(ISO)])
        found = failures(Facts(result.serial), self)
        return expect_status(result, 0) + [f"{name}: {text}" for name, text in found.items()]


class ConformCdRom(Case):
    """The conformance suite's image starts from a CD-ROM by BIOS or UEFI, finds all processors and reports."""

    firmware = "bios"

    def run(self):
        if self.firmware == "uefi":
            need(UEFI)
        result = self.start(["--cdrom", need(CONFORM_ISO)] + (["--uefi"] if self.firmware == "uefi" else []))
        # Two of the points are there to fail, and so the verdict is 1.
        complaints = expect_status(result, 1)
        for text in [f"# machine: {self.smp} processors", *CONFORM_POINTS]:
            complaints += expect_text(result.serial, re.escape(text), "on the serial line")
        return complaints


class Pvh(Case):
    """The conformance suite's image without its multiboot 1 header, which loaders would prefer: started as PVH."""

    smp = 2
    bare = False

    def image(self):
        with open(need(os.path.join(machine.BUILD, "hvconform.elf")), "rb") as file:
            content = file.read()
        path = os.path.join(machine.OUTPUT, self.name + ".elf")
        with open(path, "wb") as file:
            file.write(content.replace(MULTIBOOT_1, bytes(4), 1))
        return path

    def run(self):
        os.makedirs(machine.OUTPUT, exist_ok=True)
        words = "hvconform.elf only=calls/vp-index,calls/vp-index-unknown"
        result = self.start((["--bare"] if self.bare else []) + ["--append", words, self.image()])
        says = "2 passed, 0 failed" if not self.bare else "0 passed, 0 failed, 2 skipped"
        return expect_status(result, 77 if self.bare else 0) + expect_text(result.serial, says, "on the serial line")


class Stop(Case):
    """A start that cannot succeed, or a guest that kills itself: one clear line, then a clean stop."""

    arguments = ()
    says = ""

    def run(self):
        need(HYPERVISOR)
        arguments = self.arguments() if callable(self.arguments) else list(self.arguments)
        result = self.start(arguments)
        return (expect_status(result, STOPPED) + expect_text(result.serial, self.says, "on the serial line") +
                expect_text(result.console, self.says, "on port 0xE9"))


def garbage():
    """A file that is no kernel."""
    os.makedirs(machine.OUTPUT, exist_ok=True)
    path = os.path.join(machine.OUTPUT, "garbage")
    with open(path, "wb") as f:
        f.write(bytes((i * 167 + 13) & 0xFF for i in range(8192)))
    return path


def stump(size):
    """The first bytes of a real kernel: a header that promises more than there is."""
    path = os.path.join(machine.OUTPUT, f"stump-{size}")
    os.makedirs(machine.OUTPUT, exist_ok=True)
    with open(need(machine.kernel("6.1")), "rb") as whole, open(path, "wb") as f:
        f.write(whole.read(size))
    return path


def boots():
    for kernel in KERNELS:
        for qemu in QEMUS:
            for smp in PROCESSORS:
                for xapic in (False, True):
                    name = f"linux-{kernel}-qemu-{qemu}-smp{smp}-{'xapic' if xapic else 'x2apic'}"
                    yield Boot(name, kernel=kernel, qemu=qemu, smp=smp, xapic=xapic)


def endings():
    for kernel in KERNELS:
        yield Panic(f"panic-text-{kernel}", kernel=kernel)
        yield Reboot(f"reboot-{kernel}", kernel=kernel)
    yield Panic("panic-text-smp2", smp=2, qemu="11.1")
    yield Reboot("reboot-smp2", smp=2, qemu="11.1")


def uses():
    yield Control("control-bare-kernel-fails")
    yield Session("session-at-the-prompt")
    yield Session("session-qemu-10.0", qemu="10.0", kernel="7.3", smp=2)
    yield Disk("virtio-disk", smp=2)
    yield CdRom("cd-rom")
    yield ConformCdRom("conform-cd-rom-bios", smp=2)
    yield ConformCdRom("conform-cd-rom-uefi", smp=4, firmware="uefi")
    yield Pvh("conform-pvh")
    yield Pvh("conform-pvh-without-verdigris", bare=True)


def profiles():
    by_timer = ("clocksource", "clockevents", "synthetic-timers")
    yield Profile("profile-ws2008", profile="ws2008", xapic=True, without=by_timer + ("ipis", "spinlocks"))
    yield Profile("profile-minimal", profile="minimal",
                  without=by_timer + ("ipis", "spinlocks", "apic", "tlb-flush"))
    for kernel in KERNELS:
        yield InvariantTsc(f"invariant-tsc-{kernel}", kernel=kernel)


def soaks():
    for kernel in KERNELS:
        yield Soak(f"soak-{kernel}", kernel=kernel)


def stops():
    yield Stop("stop-no-kernel", arguments=["--bare", "--append", OPTIONS, HYPERVISOR], says="no kernel")
    yield Stop("stop-garbage-kernel", arguments=lambda: [garbage()], says="kernel")
    yield Stop("stop-truncated-kernel", arguments=lambda: [stump(1 << 20)], says="kernel")
    yield Stop("stop-truncated-header", arguments=lambda: [stump(700)], says="kernel")
    yield Stop("stop-no-svm", arguments=lambda: ["--cpu", "max,-svm", garbage()], says="SVM")
    yield Stop("stop-no-nested-paging", arguments=lambda: ["--cpu", "max,+svm,-npt", garbage()],
               says="[Nn]ested paging")
    yield Stop("stop-little-memory", arguments=lambda: ["--mem", "6M", garbage()], says="memory")
    yield Stop("stop-unknown-identity", arguments=lambda: [
        "--bare", "--append", "identity=king debug-exit=0xf4", HYPERVISOR, garbage()], says="identity")
    yield Stop("stop-unknown-profile", arguments=lambda: ["--hv-profile", "best", garbage()],
               says="hv-profile=best is no profile; there are: full everything minimal ws2008")
    yield Stop("stop-unknown-tsc", arguments=lambda: ["--option", "tsc=fast", garbage()],
               says="tsc=fast is not known; there is tsc=invariant")
    yield Stop("stop-unknown-option", arguments=lambda: ["--option", "hv_profile=ws2008", garbage()],
               says="hv_profile= is no option; there are debug-exit, identity, hv-profile, debug-channel and tsc")
    # Linux itself makes the triple fault here, as its way to restart the machine.
    yield Stop("stop-triple-fault", says="(?i)triple fault(.|\n)*rip",
               arguments=lambda: Case("").linux("reboot=t verdigris.reboot"))


def all_cases():
    return [*stops(), *uses(), *endings(), *boots(), *profiles(), *soaks()]
