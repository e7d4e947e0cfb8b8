"""The table of figures in README.md and docs/why.md, from docs/performance.md: `python -m tests.benchmarks.readme`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PERFORMANCE = ROOT / "docs/performance.md"
PAGES = (ROOT / "README.md", ROOT / "docs/why.md")
BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
ROWS = {
    "version": "version",
    "import, s": "`import`, s",
    "log 2 metrics: median / p99 µs": "`log()` of 2 metrics: median / p99, µs",
    "log 100 metrics: median / p99 µs": "`log()` of 100 metrics: median / p99, µs",
    "kill -9, 1 kHz: lost/returned calls": "`kill -9` at 1,000 calls a second: lost of those that returned, three times",
    "µs per point read": "reading one metric: µs a point",
    "bytes/point, 2 metrics / 100 metrics": "bytes a point on disk: 2 / 100 metrics a call",
}
"""Rows of the driver's table, and what they are called here."""


def table(performance: str) -> str:
    """Some rows of the table of other trackers, cells as they are."""
    section = performance.partition("## Beside other trackers")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    found = {cells[0].strip(): cells[1:] for line in lines if (cells := line.strip("|").split("|"))}
    quoted = [f"| {name} |{'|'.join(found[row])}|" for row, name in ROWS.items() if row in found]
    return "\n".join([*lines[:2], *quoted])


def write() -> None:
    """Put it into the pages."""
    made = table(PERFORMANCE.read_text("utf-8"))
    for page in PAGES:
        text = page.read_text("utf-8")
        page.write_text(re.sub(f"(?s){BEGIN}.*{END}", lambda _: f"{BEGIN}\n{made}\n{END}", text), "utf-8")


if __name__ == "__main__":
    write()
