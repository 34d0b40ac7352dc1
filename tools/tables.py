# SPDX-License-Identifier: MPL-2.0
"""Reads the rows of `abi/*.def`, for tools that show or check them."""

import re

import tree


class Row:
    """One row: the macro's name and its arguments as text, strings without their quotes."""

    def __init__(self, path, line, macro, columns):
        self.path = path
        self.line = line
        self.macro = macro
        self.columns = columns

    def __getitem__(self, index):
        return self.columns[index]


def split_columns(text):
    columns = [part.strip() for part in re.findall(r'\s*("(?:[^"]*)"|[^,"]+)\s*(?:,|$)', text)]
    return [part[1:-1] if part.startswith('"') else part for part in columns]


def rows(root, name):
    """The rows of one table, in order. A row begins in the first column and may span lines."""
    path = f"abi/{name}.def"
    text = tree.without_comments(tree.read(root, path))
    found = []
    for match in re.finditer(r"^([A-Z_]+)\(((?:[^()\"]|\"[^\"]*\")*)\)$", text, re.MULTILINE):
        line = text.count("\n", 0, match.start()) + 1
        found.append(Row(path, line, match.group(1), split_columns(" ".join(match.group(2).split()))))
    return found
