"""What an examination of a store finds: one thing each, how bad it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["ok", "warn", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: "ok", "warn" (works, and is worth knowing) or "error" (something does not work, or is lost).
        what: the thing, by a name that stays the same between releases.
        detail: what was found, for a person.
        advice: what to do, if anything.
        data: the same for programs: numbers and names.
    """

    level: Level
    what: str
    detail: str
    advice: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def ok(what: str, detail: str, advice: str = "", *, data: Mapping[str, Any] | None = None) -> Finding:
    """As it should be."""
    return Finding("ok", what, detail, advice, data or {})


def warn(what: str, detail: str, advice: str = "", *, data: Mapping[str, Any] | None = None) -> Finding:
    """Works, and is worth knowing."""
    return Finding("warn", what, detail, advice, data or {})


def error(what: str, detail: str, advice: str = "", *, data: Mapping[str, Any] | None = None) -> Finding:
    """Does not work, or something is lost."""
    return Finding("error", what, detail, advice, data or {})


def readable(count: float) -> str:
    """Bytes in binary units."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def some(items: list[str], most: int = 5) -> str:
    """The first of a list, and how many more there are."""
    return "; ".join(items[:most]) + (f"; and {len(items) - most} more" if len(items) > most else "")
