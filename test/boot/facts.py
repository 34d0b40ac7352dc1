# SPDX-License-Identifier: MPL-2.0
"""What a Linux guest of root/initramfs reports about itself, and the questions that test/boot asks of it.

Every check is a function of (facts, case) that returns what is wrong, or "" when all is well. The checks are
named, so that the control case can demand that exactly those fail which a kernel without Verdigris must fail.
"""

import re

BEGIN = "VERDIGRIS-FACTS-BEGIN\n"
END = "VERDIGRIS-FACTS-END\n"

# What the emulated machine itself makes a kernel complain of, and no fault of ours. The first three are seen without
# Verdigris as well. The fourth came on a loaded host, and only with Verdigris so far: a late timer could hide behind it,
# which is why the clock's rate is checked by itself.
MACHINE_COMPLAINTS = re.compile("|".join([
    "fail to add MMCONFIG information",  # the "pc" machine has no memory-mapped configuration space
    "mtrr: your CPUs had inconsistent",  # its firmware sets those of the first processor only
    r"ACPI: IRQ 4 override to edge\(!\)",  # QEMU 11.1's tables describe the serial port so
    r"hrtimer: interrupt took \d+ ns|hpet: Lost \d RTC interrupts",  # the host gave the emulator no processor for a while
    "x2apic already enabled",  # what nox2apic says where x2APIC is on from the start, as it is here by design
    r"^(#\d+ ?)+$",  # the second half of the line that counts the processors up, which has no level
]))


class Facts:
    """The lines between the marks, by key; a key may come many times."""

    def __init__(self, text):
        self.complete = BEGIN in text and END in text
        self.lines = {}
        body = text.split(BEGIN, 1)[-1].split(END, 1)[0] if self.complete else ""
        for line in body.splitlines():
            key, _, value = line.partition(": ")
            self.lines.setdefault(key, []).append(value.strip())

    def one(self, key):
        return self.lines.get(key, [""])[0]

    def all(self, key):
        return self.lines.get(key, [])

    def number(self, key):
        value = self.one(key)
        return int(value) if value.isdigit() else -1

    def interrupts(self, name):
        """How many of these each processor took; an empty list if the kernel does not know the kind."""
        return [int(word) for word in self.one(f"interrupt {name}").split() if word.isdigit()]

    def said(self, key, pattern):
        return any(re.search(pattern, line) for line in self.all(key))


def expect(good, complaint):
    return "" if good else complaint


def check_processors(facts, case):
    everyone = "0" if case.smp == 1 else f"0-{case.smp - 1}"
    return expect(facts.one("online") == everyone and facts.number("processors") == case.smp,
                  f"processors online: {facts.one('online')}, expected {everyone}")


def check_memory(facts, case):
    rounds, stale = facts.number("rounds"), facts.number("stale")
    return expect(rounds == 200 and stale == 0, f"after {rounds} rounds of remapping {stale} stale reads")


def check_clock_rate(facts, case):
    return expect(95 <= facts.number("second") <= 200, f"a second's sleep took {facts.number('second')} hundredths")


def check_complaints(facts, case):
    bad = [line for line in facts.all("complaint") if not MACHINE_COMPLAINTS.search(line)]
    return expect(not bad, "the kernel complains: " + " | ".join(bad))


def check_hypervisor(facts, case):
    return expect(facts.said("detected", "Hypervisor detected: Microsoft Hyper-V$"), "Microsoft Hyper-V not detected")


def check_clocksource(facts, case):
    found = facts.one("clocksource")
    return expect(found == "hyperv_clocksource_tsc_page", f"the clock source is {found}")


def check_clockevents(facts, case):
    found = [facts.one(f"clockevent {cpu}") for cpu in range(case.smp)]
    return expect(all(name == "Hyper-V clockevent" for name in found), f"the clock event devices are {found}")


def check_synthetic_timers(facts, case):
    counts = facts.interrupts("HVS")
    return expect(len(counts) == case.smp and all(counts), f"synthetic timer interrupts: {counts}")


def check_apic(facts, case):
    mode = "xapic" if case.xapic else "x2apic"
    return expect(facts.said("hyperv", rf"Using enlightened APIC \({mode} mode\)"), f"no enlightened {mode}")


def check_tlb_flush(facts, case):
    if not facts.said("hyperv", "Using (ext )?hypercalls? for remote TLB flush"):
        return "no hypercall for remote TLB flush announced"
    if case.smp == 1:
        return ""
    asked, fallbacks = facts.number("flushes asked"), sum(facts.interrupts("TLB"))
    return expect(asked > 0 and fallbacks == 0, f"{asked} flushes by hypercall, {fallbacks} by interrupt")


def check_ipis(facts, case):
    if not facts.said("hyperv", "Using (IPI|ext) hypercalls"):
        return "no IPI hypercalls announced"
    if case.smp == 1:
        return ""
    sent, refused, taken = facts.number("ipis sent"), facts.number("ipis refused"), facts.interrupts("CAL")
    return expect(sent > 0 and refused == 0 and len(taken) == case.smp and all(taken[1:]),
                  f"{sent} IPI hypercalls done, {refused} refused, taken by processor: {taken}")


def check_spinlocks(facts, case):
    return expect(facts.said("hyperv", "PV spinlocks enabled"), "no PV spinlocks")


# --- after a soak ---

LONG_SOAK_SECONDS = 300


def check_soak_work(facts, case):
    done = {what: facts.number(f"soak {what}") for what in ("forks", "mappings", "sleeps", "wake-ups")}
    return expect(min(done.values()) >= case.seconds, f"too little was done in {case.seconds} s: {done}")


def check_soak_wake_ups(facts, case):
    return expect(facts.number("soak stuck") == 0, f"workers that nothing woke: {facts.one('soak stuck')}")


# How late a sleeper is depends on the host; a tick that got lost altogether would show as seconds.
def check_soak_timers(facts, case):
    return expect(0 <= facts.number("soak late us") < 10000000, f"a sleeper was late by {facts.one('soak late us')} us")


def check_soak_clocks(facts, case):
    """Within a microsecond of processor 0's. A short soak on a busy host may know too little of a clock, a long one not."""
    if facts.number("soak backwards") != 0:
        return f"a clock ran backwards {facts.one('soak backwards')} times"
    for cpu in range(1, case.smp):
        bounds = [int(word) for word in facts.one(f"soak clock {cpu} ns").split()]
        apart = len(bounds) != 2 or bounds[0] > 1000 or bounds[1] < -1000
        unknown = not apart and (bounds[0] < -1000 or bounds[1] > 1000)
        if apart or (unknown and case.seconds >= LONG_SOAK_SECONDS):
            return f"the clock of processor {cpu} is ahead by between {bounds} ns"
    return ""


SOAKED = {"soak-work": check_soak_work, "soak-wake-ups": check_soak_wake_ups, "soak-timers": check_soak_timers,
          "soak-clocks": check_soak_clocks}

# Any kernel on any machine passes these...
GENERAL = {"processors": check_processors, "memory": check_memory, "clock-rate": check_clock_rate}
# ...and on Verdigris these as well.
ENLIGHTENED = {
    "hypervisor": check_hypervisor, "clocksource": check_clocksource, "clockevents": check_clockevents,
    "synthetic-timers": check_synthetic_timers, "apic": check_apic, "tlb-flush": check_tlb_flush,
    "ipis": check_ipis, "spinlocks": check_spinlocks, "complaints": check_complaints,
}


def failures(facts, case, more=None):
    """All that is wrong, as a dictionary from a check's name to its complaint."""
    if not facts.complete:
        return {"facts": "the guest did not report its facts"}
    found = {name: check(facts, case) for name, check in {**GENERAL, **ENLIGHTENED, **(more or {})}.items()}
    return {name: complaint for name, complaint in found.items() if complaint}
