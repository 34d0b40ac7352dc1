# SPDX-License-Identifier: MPL-2.0
"""The page of tools/conform-report: one HTML file that needs nothing else, no script, no picture, no font."""

import html
import re

from conformance import DIED, FAIL, PASS, SKIP, UNDECIDED

WORDS = {PASS: "pass", FAIL: "fail", SKIP: "not offered", UNDECIDED: "undecided", DIED: "died", None: "not run"}
MARKS = {PASS: "✓", FAIL: "✗", SKIP: "–", UNDECIDED: "?", DIED: "†", None: "·"}
NO_NOTE = "Nobody has written yet who is right."
MEANINGS = {
    PASS: "does what is required",
    FAIL: "does something else",
    SKIP: "does not advertise what the requirement is about, or has too few processors",
    UNDECIDED: "the documents contradict each other or are silent; what it did is written down",
    DIED: "the machine stopped or restarted in the middle",
}

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --band: #f6f8fa;
  --pass: #1a7f37; --pass-back: #dafbe1; --fail: #b3261e; --fail-back: #ffe3e0; --skip: #57606a; --skip-back: #eef1f4;
  --undecided: #7a5200; --undecided-back: #fff3c4; --died: #fff; --died-back: #8b1a1a; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --soft: #9da7b1; --line: #30363d;
  --band: #161b22; --pass: #6fdd8b; --pass-back: #0f2f1b; --fail: #ff9b93; --fail-back: #48130f; --skip: #9da7b1;
  --skip-back: #21262d; --undecided: #f0c75e; --undecided-back: #3a2d00; --died: #fff; --died-back: #8b1a1a; } }
body { background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto;
  max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
code, .id, pre { font-family: ui-monospace, monospace; font-size: .86em; }
.id, .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; }
th, td { border: 1px solid var(--line); padding: .3rem .55rem; text-align: left; vertical-align: top; }
thead th { background: var(--band); }
td.v { white-space: nowrap; width: 8.5rem; }
.pass { color: var(--pass); background: var(--pass-back); } .fail { color: var(--fail); background: var(--fail-back); }
.skip { color: var(--skip); background: var(--skip-back); } .died { color: var(--died); background: var(--died-back); }
.undecided { color: var(--undecided); background: var(--undecided-back); }
details summary { cursor: pointer; } details > *:not(summary) { margin: .4rem 0 .4rem 1rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--band); padding: .4rem .6rem; }
.note { border-left: 3px solid var(--undecided); padding-left: .7rem; margin: .3rem 0 1.1rem; }
.names { display: flex; flex-wrap: wrap; gap: .3rem 1rem; padding: 0; list-style: none; }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #333; --line: #999; --band: #f2f2f2;
  --pass: #000; --pass-back: #fff; --fail: #000; --fail-back: #ddd; --skip: #555; --skip-back: #fff;
  --undecided: #000; --undecided-back: #fff; --died: #fff; --died-back: #333; }
  body { font-size: 9pt; max-width: none; margin: 0; } tr, .note { break-inside: avoid; } h2 { break-after: avoid; }
  .names { display: none; } }
"""


def escape(text):
    return html.escape(text, quote=True)


def marked_up(text):
    """A note's text: paragraphs, `code`, nothing else."""
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", text.strip())]
    return "".join("<p>" + re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(p)) + "</p>" for p in paragraphs if p)


def css_class(verdict):
    return verdict or "skip"


def cell(outcome):
    verdict = outcome.verdict if outcome else None
    hover = f' title="{escape(outcome.reason)}"' if outcome and outcome.reason else ""
    return f'<td class="v {css_class(verdict)}"{hover}>{MARKS[verdict]} {WORDS[verdict]}</td>'


def summary_table(report):
    head = "".join(f'<th scope="col">{escape(column.name)}</th>' for column in report.columns)
    lines = [f'<table><thead><tr><th scope="col">verdict</th>{head}<th scope="col">means: the hypervisor</th></tr></thead>'
             "<tbody>"]
    for verdict, meaning in MEANINGS.items():
        counts = "".join(f"<td>{column.count(verdict)}</td>" for column in report.columns)
        lines.append(f'<tr><th scope="row" class="{verdict}">{MARKS[verdict]} {WORDS[verdict]}</th>{counts}'
                     f"<td>{escape(meaning)}</td></tr>")
    return "\n".join(lines + ["</tbody></table>"])


def hypervisors(report):
    parts = []
    for column in report.columns:
        lines = "\n".join(escape(line) for line in column.hypervisor)
        parts.append(f"<details><summary>{escape(column.name)}: what it says of itself</summary><pre>{lines}</pre></details>")
    return "\n".join(parts)


def differences(report):
    """Always open, because it is what one reads first, and what is printed."""
    head = "".join(f'<th scope="col">{escape(column.name)}</th>' for column in report.columns)
    parts = []
    for rows, note in report.explained():
        parts.append(f'<table><thead><tr><th scope="col">requirement</th>{head}</tr></thead><tbody>')
        for row in rows:
            cells = "".join(cell(column.outcomes.get(row.id)) for column in report.columns)
            parts.append(f'<tr><td>{escape(row.text)} <a class="id" href="#{escape(row.id)}">{escape(row.id)}</a></td>'
                         f"{cells}</tr>")
        parts.append(f'</tbody></table>\n<div class="note">{marked_up(note or NO_NOTE)}</div>')
    return "\n".join(parts) or "<p>None.</p>"


def row_details(report, row):
    parts = [f'<p>{escape(row.source)}. <span class="soft">Needs: {escape(row.needs)}; processors: {row.processors}.</span></p>']
    if row.id in report.notes:
        parts.append(f'<div class="note">{marked_up(report.notes[row.id])}</div>')
    for column in report.columns:
        outcome = column.outcomes.get(row.id)
        lines = ([outcome.reason] if outcome and outcome.reason else []) + (outcome.details if outcome else [])
        if lines:
            text = "\n".join(escape(line) for line in lines[:40])
            parts.append(f"<p>{escape(column.name)}: {WORDS[outcome.verdict]}</p><pre>{text}</pre>")
    return "".join(parts)


def matrix_row(report, row):
    cells = "".join(cell(column.outcomes.get(row.id)) for column in report.columns)
    return (f'<tr><td><details id="{escape(row.id)}"><summary>{escape(row.text)} <span class="id">{escape(row.id)}</span>'
            f"</summary>{row_details(report, row)}</details></td>{cells}</tr>")


def matrix(report):
    head = "".join(f'<th scope="col">{escape(column.name)}</th>' for column in report.columns)
    parts = []
    for area, rows in report.areas():
        parts.append(f'<h2 id="area-{escape(area)}">{escape(area)} <span class="soft">({len(rows)})</span></h2>')
        parts.append(f'<table><thead><tr><th scope="col">requirement</th>{head}</tr></thead><tbody>')
        parts += [matrix_row(report, row) for row in rows]
        parts.append("</tbody></table>")
    return "\n".join(parts)


def page(report):
    names = "".join(f'<li><a href="#area-{escape(area)}">{escape(area)}</a> {len(rows)}</li>' for area, rows in report.areas())
    return f"""<!-- SPDX-License-Identifier: MPL-2.0 -->
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(report.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(report.title)}</h1>
<p>{escape(report.introduction)}</p>
{summary_table(report)}
{hypervisors(report)}
<ul class="names">{names}</ul>
<h2 id="differences">Where they differ <span class="soft">({len(report.differing())})</span>, and other notes</h2>
{differences(report)}
{matrix(report)}
</body>
</html>
"""
