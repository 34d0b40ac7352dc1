# SPDX-License-Identifier: MPL-2.0
"""What the checks share: the files of the tree, their text without comments, and a report that can fail."""

import os
import re
import sys

IGNORED_FOLDERS = {".git", "build", "__pycache__"}  # .git is a file in a second worktree


def root_from(arguments):
    """The tree to look at: `--root DIR`, for the checks' own tests, or the one that this file lies in."""
    if "--root" in arguments:
        return os.path.abspath(arguments[arguments.index("--root") + 1])
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def files(root, *suffixes):
    """Paths relative to the root, sorted; all files when no suffix is given."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in IGNORED_FOLDERS)
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), root)
            wanted = name not in IGNORED_FOLDERS and (not suffixes or name.endswith(suffixes))
            if wanted and not os.path.islink(os.path.join(root, path)):
                found.append(path)
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def without_comments(text, keep_strings=True):
    """C text with comments (and, if wanted, the insides of strings) blanked; line numbers stay."""

    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token if keep_strings else token[0] * 2
        return re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(blank, text)


class Report:
    """Collects complaints; `finish` prints them and gives the exit status."""

    def __init__(self, name):
        self.name = name
        self.complaints = []

    def complain(self, path, line, message):
        where = f"{path}:{line}" if line else path
        self.complaints.append(f"{where}: {message}")

    def finish(self, summary):
        for complaint in self.complaints:
            print(complaint)
        verdict = f"{len(self.complaints)} complaints" if self.complaints else "ok"
        print(f"{self.name}: {verdict} ({summary})")
        sys.exit(1 if self.complaints else 0)
