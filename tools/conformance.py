# SPDX-License-Identifier: MPL-2.0
"""What the tools of the conformance suite share: the rows of the requirements, and what a log says of each.

A log is the serial output of build/hvconform.elf. test/conform/README.md has its form.
"""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
ROWS = os.path.join(ROOT, "test", "conform", "requirements")

PASS, FAIL, SKIP, UNDECIDED, DIED = "pass", "fail", "skip", "undecided", "died"

_ROW = re.compile(r'REQUIREMENT\(\s*(\w+)\s*,\s*(\w+)\s*,\s*([^,"]+?)\s*,\s*(\d+)\s*,\s*((?:"(?:\\.|[^"\\])*"\s*)+),'
                  r'\s*((?:"(?:\\.|[^"\\])*"\s*)+)\)', re.DOTALL)
_POINT = re.compile(r"(ok|not ok) (\d+) - (\S+)(?: # ?(.*))?$")
_STRING = re.compile(r'"((?:\\.|[^"\\])*)"')


class Row:
    """One requirement as its row has it."""

    def __init__(self, area, name, needs, processors, source, text):
        self.area = area.replace("_", "-")
        self.id = f"{self.area}/{name.replace('_', '-')}"
        self.needs = needs
        self.processors = processors
        self.source = source
        self.text = text


def _joined(literals):
    return re.sub(r"\\(.)", r"\1", "".join(_STRING.findall(literals)))


def rows(folder=ROWS):
    """All rows, area by area, in the order of the image."""
    found = []
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".def")):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
        for area, row, needs, processors, source, what in _ROW.findall(text):
            found.append(Row(area, row, needs, int(processors), _joined(source), _joined(what)))
    return found


class Outcome:
    """What one run said of one requirement."""

    def __init__(self, verdict, reason, details):
        self.verdict = verdict
        self.reason = reason  # of a skip, or what was seen
        self.details = details  # lines


class Log:
    """One log: what the hypervisor is, and an outcome per id. `wrong` says why the run itself is not to be trusted."""

    def __init__(self, text):
        self.hypervisor = []
        self.outcomes = {}
        self.wrong = []
        self.plan = None
        self._begun = None
        self._details = []
        for line in text.replace("\r", "").split("\n"):
            self._line(line)
        self._close()
        if self.plan is None:
            self.wrong.append("the log has no plan")
        elif self.plan != self._points_in_run:
            self.wrong.append(f"{self.plan} points planned, {self._points_in_run} seen")

    _points_in_run = 0

    def _line(self, line):
        point = _POINT.match(line)
        if point:
            self._point(*point.groups())
        elif line.startswith("TAP version"):
            self._close()
            self._points_in_run = 0
        elif line.startswith("# hv: "):
            if line[6:] not in self.hypervisor:
                self.hypervisor.append(line[6:])
        elif line.startswith("# begin "):
            self._close()
            self._begun = line[8:].strip()
            self._details = []
        elif re.match(r"1\.\.\d+$", line):
            self.plan = int(line[3:])
        elif line.startswith("Bail out!"):
            self._details.append(line)
            self.wrong.append(line)
        elif line.startswith("# ") and self._begun:
            self._details.append(line[2:])

    def _point(self, state, number, name, rest):
        self._points_in_run += 1
        if int(number) != self._points_in_run:
            self.wrong.append(f"point {number} came where {self._points_in_run} was due")
        rest = rest or ""
        details = self._details if self._begun == name else []
        if state == "not ok":
            verdict, reason = FAIL, ""
        elif rest.startswith("SKIP "):
            verdict, reason = SKIP, rest[5:]
        elif rest.startswith("UNDECIDED "):
            verdict, reason = UNDECIDED, rest[10:]
        else:
            verdict, reason = PASS, ""
        self.outcomes[name] = Outcome(verdict, reason, details)
        self._begun = None
        self._details = []

    def _close(self):
        """A requirement that was begun and never ended took the machine with it."""
        if self._begun is not None and self._begun not in self.outcomes:
            self.outcomes[self._begun] = Outcome(DIED, "", self._details)
        self._begun = None

    def last_begun(self):
        """The id that the run died in, or None."""
        died = [name for name, outcome in self.outcomes.items() if outcome.verdict == DIED]
        return died[-1] if died else None

    def count(self, verdict):
        return sum(1 for outcome in self.outcomes.values() if outcome.verdict == verdict)


def run_to_end(run_once, words, file, restarts=20):
    """Runs the suite, going on behind each requirement that kills the machine.

    run_once(words) returns the text, which goes to the file at once; all of it is the answer.
    """
    whole, more = "", words
    for _ in range(restarts + 1):
        text = run_once(more)
        text += "" if text.endswith("\n") else "\n"
        whole += text
        file.write(text)
        file.flush()
        last = Log(text)
        if last.plan is not None or last.last_begun() is None:
            break
        more = words + [f"after={last.last_begun()}"]
    return whole


def selftest_rows(text):
    """The runner's own test: the id of each row, and the verdict that it must get."""
    return {f"selftest/{name.replace('_', '-')}": verdict
            for name, verdict in re.findall(r'^\tSELFTEST\((\w+), \d+, "(\w+)"\)', text, re.MULTILINE)}
