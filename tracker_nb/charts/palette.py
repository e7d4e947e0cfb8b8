"""The colours of runs: one for each run, the same in every table, chart and picture, on every machine.

Twenty hues: those of Okabe and Ito, then those of Observable 10, then four between them; shifted in lightness, where
needed, so that each can be seen on white and on black. Which of them a run has follows from its id alone, so that no
view has to know the other runs. `labextension/src/panels/palette.ts` does the same; one test vector holds both.
"""

from __future__ import annotations

import re

HUES = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#d69400", "#4da9d8",
    "#6f63bb", "#b5a300", "#4269d0", "#ff725c", "#3ca951", "#e57fa6",
    "#a463f2", "#4fb3a0", "#9c6b4e", "#8a929a", "#7f9fe0", "#b03f7a",
    "#6c8f1f", "#1f8a96",
)  # fmt: skip

_WRITTEN = re.compile(r"#[0-9a-fA-F]{6}\Z")


def colour(run: str, chosen: str = "") -> str:
    """The colour of a run, as "#rrggbb": the one a person has chosen, else one of `HUES` by the run's id."""
    return chosen.lower() if _WRITTEN.match(chosen) else HUES[index(run)]


def index(run: str) -> int:
    """Which of `HUES` the id of a run stands for: FNV-1a over its UTF-8 bytes, the high half folded into the low.

    Python's own `hash()` differs from process to process, and the lowest bits of FNV-1a alone are uneven.
    """
    value = 0x811C9DC5
    for byte in run.encode("utf-8", "surrogatepass"):
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return ((value >> 16) ^ (value & 0xFFFF)) % len(HUES)
