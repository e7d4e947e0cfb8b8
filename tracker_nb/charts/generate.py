"""Writes the specifications the browser draws from: `python -m tracker_nb.charts.generate [folder]`.

They are kept in the repository, so that building the front end needs no Python; a test holds them equal to what is made
here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tracker_nb.charts import line, palette

FOLDER = Path(__file__).parents[2] / "labextension" / "src" / "panels" / "specs"
PACKAGED = Path(__file__).with_name("specs")
"""Those that pictures are drawn from: reading one takes a millisecond, importing Altair to make it more than a second."""


def files() -> dict[str, str]:
    """Name and content of each file."""
    made = {
        "line.vl.json": line.line(),
        "line_time.vl.json": line.line(x="time", x_title="time"),
        "palette.json": {"hues": palette.HUES},
    }
    return {name: json.dumps(content, indent=1, ensure_ascii=False) + "\n" for name, content in made.items()}


def packaged() -> dict[str, str]:
    """The same of those that the package carries."""
    return {name: content for name, content in files().items() if name == "line.vl.json"}


def main(folder: Path = FOLDER, package: Path = PACKAGED) -> None:
    """Write them."""
    for where, written in ((folder, files()), (package, packaged())):
        where.mkdir(parents=True, exist_ok=True)
        for name, content in written.items():
            (where / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
