"""The table of docs/why.md from docs/figures/first-chart.json: `python -m tests.benchmarks.first_chart_page`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path

from tests.benchmarks.first_chart_tools import TOOLS, Tool

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs/figures/first-chart.json"
PAGE = ROOT / "docs/why.md"
BEGIN, END = "<!-- first chart: begin -->", "<!-- first chart: end -->"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one tracker.

    Attributes:
        megabytes: what the installation added to an empty environment.
        command_to_chart_s: from the first command after the installation to a chart with points.
        row_to_chart_s: from the first logged row to a chart with points.
        moved_after_s: from then until the chart changed by itself; None: not within `watched_s`.
    """

    version: str
    install_s: float
    megabytes: float
    command_to_chart_s: float
    row_to_chart_s: float
    moved_after_s: float | None
    watched_s: float


def write() -> None:
    """Put the table into the page."""
    text = PAGE.read_text("utf-8")
    PAGE.write_text(with_table(text, table(FIGURES.read_text("utf-8"))), "utf-8")


def with_table(page: str, made: str) -> str:
    """The page with another table."""
    return re.sub(f"(?s){BEGIN}.*{END}", lambda _: f"{BEGIN}\n{made}\n{END}", page)


def table(figures: str) -> str:
    """Markdown of figures in JSON."""
    told = json.loads(figures)
    names = [field.name for field in fields(Figures)]
    found = {name: Figures(**{key: one[key] for key in names}) for name, one in told["tools"].items()}
    tools = [tool for tool in TOOLS if tool.name in found]
    rows = {
        "version": [found[tool.name].version for tool in tools],
        "**typed in a shell**": [f"{len(tool.typed)}: {_codes(tool.typed)}" for tool in tools],
        "**lines of code**": [f"{len(tool.tracking)}: {_codes(tool.tracking)}" for tool in tools],
        "**clicks, pages opened**": [_clicks(tool) for tool in tools],
        "installing": [f"{found[tool.name].install_s:.0f} s, {found[tool.name].megabytes:,.0f} MB" for tool in tools],
        "next command to chart": [_seconds(found[tool.name].command_to_chart_s) for tool in tools],
        "**install + that**": [
            f"**{found[tool.name].install_s + found[tool.name].command_to_chart_s:.0f} s**" for tool in tools
        ],
        "first row to chart": [_seconds(found[tool.name].row_to_chart_s) for tool in tools],
        "then the chart moves by itself": [_moves(found[tool.name]) for tool in tools],
        "the chart is": [tool.place for tool in tools],
    }
    lines = ["| | " + " | ".join(tool.title for tool in tools) + " |", "|---" * (len(tools) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items()]
    about = "; ".join(f"{name}: {told['machine'][name]}" for name in ("processor", "memory", "system"))
    return "\n".join([*lines, "", f"Measured {told['date']}, all in one run. {about}."])


def _codes(texts: tuple[str, ...]) -> str:
    return "<br>".join(f"`{text}`" for text in texts)


def _clicks(tool: Tool) -> str:
    return f"{len(tool.clicks)}: {', '.join(tool.clicks)}" if tool.clicks else "0"


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def _moves(one: Figures) -> str:
    if one.moved_after_s is None:
        return f"no, not in {one.watched_s:.0f} s"
    return f"after {one.moved_after_s:.1f} s"


if __name__ == "__main__":
    write()
