"""Ids, names and colours of runs."""

from __future__ import annotations

import re
import secrets

from tracker_nb.errors import BadValue

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
MOST_CHARACTERS = 64
PALETTE = (
    "#4269D0", "#D69400", "#FF725C", "#4FB3A0", "#3CA951", "#E57FA6", "#A463F2", "#7F9FE0", "#9C6B4E", "#8A929A",
    "#0072B2", "#6C8F1F", "#009E73", "#CC79A7", "#D55E00", "#4DA9D8", "#B03F7A", "#B5A300", "#6F63BB", "#1F8A96",
)  # fmt: skip
"""The hues of `tracker_nb.charts.palette`, which charts choose from by id; here in an order whose neighbours differ."""

_ADJECTIVES = (
    "amber brave breezy bright calm candid clear clever cosmic crisp curious daily dapper dawn deep eager early earnest "
    "easy electric fair fearless fine fresh gentle giddy glad golden good grateful happy hardy honest jolly keen kind "
    "lively logical lucky mellow merry mild misty modest neat noble patient peach polar polished proud pure quiet radiant "
    "rare royal ruby rural sage serene sharp silver smooth snowy soft solar spring stellar still sunny super swift tidy "
    "upbeat valiant vital vivid warm wild wise young zesty"
).split()
_NOUNS = (
    "aardvark air brook bush butterfly canyon cloud comet coral cosmos creek darkness dawn deer dew disco dragon dream "
    "dust eagle ember etched-glass falcon feather fern field fire firefly flower fog forest fox frog galaxy garden glade "
    "grass harbor haze heron hill island lake leaf leaves lion meadow meteor monkey moon morning mountain night oath "
    "ocean otter owl paper pine planet plasma pond pyramid rain resonance ridge river sea shadow shape sky smoke snow "
    "snowflake sound spaceship star sun sunset surf thunder tree valley violet voice water waterfall wave wildflower wind "
    "wood yogurt"
).split()


def new_id() -> str:
    """A run id of 8 characters."""
    return "".join(secrets.choice(_LETTERS) for _ in range(8))


def clean_id(given: str) -> str:
    """A run id as given by the user: other than word characters become dashes, 64 at most (1.11-28)."""
    cleaned = re.sub(r"[^\w-]", "-", str(given), flags=re.ASCII)[:MOST_CHARACTERS]
    if not cleaned:
        raise BadValue("A run id needs at least one letter, digit or dash. Leave `id` out to have one made up.")
    return cleaned


def new_name(number: int) -> str:
    """`adjective-noun-N`, N counting the project's runs."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{number}"


def color(number: int) -> str:
    """The colour of a project's N-th run: neighbours differ."""
    return PALETTE[(number - 1) % len(PALETTE)]
