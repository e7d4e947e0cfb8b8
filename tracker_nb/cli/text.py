"""Text for a terminal of any encoding: numbers, times, names that somebody else gave."""

from __future__ import annotations

import os
import shutil
import sys
import time
import unicodedata
from datetime import UTC, datetime
from typing import Any

import click

PLAIN_WIDTH = 100
"""Columns where nobody says how many there are: output goes to a file or another program."""

STATES = {
    "running": ("●", "*", "Running"),
    "finished": ("✓", "+", "Finished"),
    "failed": ("✗", "x", "Failed"),
    "crashed": ("▲", "!", "Crashed"),
    "killed": ("■", "#", "Killed"),
}
"""Symbol, the same in ASCII, and text of each state: told by shape and word, not by colour alone."""


def is_terminal() -> bool:
    """True where output is read by a person as it comes."""
    return sys.stdout.isatty()


def width() -> int:
    """Columns to fill."""
    default = 80 if is_terminal() else PLAIN_WIDTH
    return max(shutil.get_terminal_size((default, 24)).columns, 20)


def encodes(text: str) -> bool:
    """True if standard output can show `text`."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def symbol(pretty: str, plain: str) -> str:
    """The prettier of two where standard output can show it."""
    return pretty if encodes(pretty) else plain


def echo(text: str = "", *, err: bool = False) -> None:
    """Print, whatever the encoding: what it lacks is written as an escape."""
    click.echo(_encodable(text, sys.stderr if err else sys.stdout), err=err)


def _encodable(text: str, stream: Any = None) -> str:
    """`text` with escapes for what a stream, by default standard output, cannot show."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def style(text: str, **how: Any) -> str:
    """Coloured or bold text, where the terminal and its user want that."""
    return text if not is_terminal() or os.environ.get("NO_COLOR") else click.style(text, **how)


def one_line(text: str) -> str:
    """Text that somebody gave a name or note: no line breaks, and no control codes for the terminal to obey."""
    if not encodes(text):
        text = _encodable(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\\n" if c == "\n" else "\\t" if c == "\t" else _escape(c) for c in text)


def paragraphs(text: str) -> list[str]:
    """Lines of a text that may have several."""
    return [one_line(line.expandtabs(4)) for line in text.splitlines()]


def _escape(character: str) -> str:
    # Spaces of other widths and joiners of emoji are no danger.
    if unicodedata.category(character) in ("Zs", "Cf") and ord(character) > 0x7F and not _turns_text(character):
        return character
    return character.encode("unicode_escape").decode()


def _turns_text(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


# ---------------------------------------------------------------------------------------------------- one value


def number(value: float) -> str:
    """Four significant digits; whole numbers whole, with separators."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        if abs(value) >= 10**300:
            return f"about {'-' if value < 0 else ''}2^{value.bit_length() - 1}"
        return f"{value:,}" if abs(value) < 10**12 else _exponent(f"{value:.4g}")
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    if value.is_integer() and abs(value) < 10**6:
        return f"{int(value):,}"
    return _exponent(f"{value:.4g}")


def _exponent(text: str) -> str:
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{int(exponent)}"


def value(given: Any) -> str:
    """Any value on one line."""
    if isinstance(given, bool | int | float):
        return number(given)
    if isinstance(given, str):
        return one_line(given)
    if hasattr(given, "dtype") and hasattr(given, "shape"):
        return f"array of {given.dtype}, shape {tuple(given.shape)}"
    return one_line(repr(given))


def ago(then: int, *, now: int | None = None) -> str:
    """How long ago a time in microseconds was; the date where that is more than a month."""
    seconds = ((time.time_ns() // 1000 if now is None else now) - then) / 1e6
    if seconds < -1:
        return _local(then)[:10]  # another machine's clock
    for size, unit, most in ((1, "s", 60), (60, "min", 60), (3600, "h", 24)):
        if seconds < size * most:
            return f"{int(seconds / size)} {unit} ago"
    days = int(seconds / 86400)
    if days < 31:
        return f"{days} day{'s' if days > 1 else ''} ago"
    return _local(then)[:10]


def exactly(then: int) -> str:
    """A time in microseconds since 1970 in this machine's time zone, and how long ago it was."""
    return f"{_local(then)} ({ago(then)})"


def _local(then: int) -> str:
    return f"{datetime.fromtimestamp(then / 1e6, UTC).astimezone():%Y-%m-%d %H:%M:%S %z}"


def duration(seconds: float) -> str:
    """0:42, 1:02:03, 2 d 01:02:03."""
    whole = max(int(seconds), 0)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if days:
        return f"{days} d {hours:02}:{minutes:02}:{rest:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def state(name: str) -> str:
    """A state by its symbol and word."""
    pretty, plain, word = STATES.get(name, ("?", "?", one_line(name)))
    return f"{symbol(pretty, plain)} {word}"


def in_colour(text: str, colour: str) -> str:
    """Text in a run's own colour, where the terminal has that many."""
    many = os.environ.get("COLORTERM") in ("truecolor", "24bit")
    if not many or len(colour) != 7:
        return text
    try:
        return style(text, fg=(int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)))
    except ValueError:
        return text
