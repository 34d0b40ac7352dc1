# SPDX-License-Identifier: MPL-2.0
"""Who a row of abi/*.def is for, so that the page can say what an ordinary partition misses.

Most rows tell it by their privilege, their caller or their leaf; for the others, and for the reason why a row that is
for guests has no function, there is abi/gaps.def.
"""

import tables

GUEST = "GUEST"
WORDS = {
    "ROOT": "root or a parent",
    "PARENT": "the parent's software",
    "VSM": "virtual trust levels",
    "NESTED": "nested virtualization",
    "ISOLATION": "isolated partitions",
    "HARDWARE": "hardware that is not used here",
    "UNPUBLISHED": "nobody knows: a name without a description",
}

# A privilege that a guest does not get (2012 requirements: must be 0), or gets for a purpose of its own.
BY_PRIVILEGE = {
    "CREATE_PARTITIONS": "ROOT",
    "ACCESS_PARTITION_ID": GUEST,
    "ACCESS_MEMORY_POOL": "ROOT",
    "ADJUST_MESSAGE_BUFFERS": "ROOT",
    "ACCESS_STATS": "ROOT",
    "CPU_MANAGEMENT": "ROOT",
    "CONFIGURE_PROFILER": "ROOT",
    "ACCESS_VP_EXIT_TRACING": "ROOT",
    "ACCESS_ROOT_SCHEDULER_MSR": "ROOT",
    "ACCESS_VSM": "VSM",
    "ISOLATION": "ISOLATION",
}
BY_LEAF = {
    "0x40000007": "ROOT",
    "0x40000008": "HARDWARE",
    "0x40000009": "NESTED",
    "0x4000000A": "NESTED",
    "0x4000000B": "HARDWARE",
    "0x4000000C": "ISOLATION",
    "0x40000080": "PARENT",
    "0x40000081": "PARENT",
    "0x40000082": "PARENT",
}


class Gap:
    """A row of abi/gaps.def."""

    def __init__(self, row):
        self.row = row
        self.table, self.name, self.side, self.why = row.columns[:4]
        self.used = False

    def names(self, table, name):
        start = self.name.removesuffix("*")
        return self.table == table and (name.startswith(start) if self.name.endswith("*") else name == start)


def gaps(root):
    return [Gap(row) for row in tables.rows(root, "gaps")]


def of_caller(caller):
    """`parent`, `any, on itself`, `parent, or itself with ...`: in the words of the tables."""
    if "VTL" in caller:
        return "VSM"
    if "nested hypervisor" in caller:
        return "NESTED"
    if caller.startswith("any") or ("itself" in caller and "root on itself" not in caller):
        return GUEST
    return "ROOT"


def of_row(table, row, name, privilege, caller):
    if name.startswith("NESTED_") and table == "MSRS":
        return "NESTED"
    if privilege in BY_PRIVILEGE:
        return BY_PRIVILEGE[privilege]
    if table == "CPUID":
        return BY_PRIVILEGE.get(name, BY_LEAF.get(row[0], GUEST))
    return of_caller(caller)
