"""What the golden store of schema 1 holds, as plain data: written by `make.py`, and read back by the tests for ever."""

import math

NAN, INF = math.nan, math.inf

CONFIG = {
    "lr": 0.001,
    "layers": [64, 32],
    "optimizer": {"name": "adam", "betas": [0.9, 0.999]},
    "seed": 2**70,
    "missing": NAN,
    "text": "größer 日本",
    "flag": True,
    "nothing": None,
}
SUMMARY = {"best": 0.5, "verdict": "good"}
TAGS = ["baseline", "größer"]


def losses():
    """1,200 numbers, NaN and infinities among them: enough for a pyramid."""
    values = [1 / (i + 1) for i in range(1200)]
    values[7], values[100], values[101] = NAN, INF, -INF
    return values


ODD_ROWS = [
    {"text": "a string"},
    {"text": "größer 🙂"},
    {"big": 2**100},
    {"big": -(2**63)},
    {"flag": True},
    {"list": [1, "two", None, 2.5]},
    {"nested": {"deep": {"er": 1}}},
    {"changes": 1},
    {"changes": "text"},
    {"changes": 2.5},
    {"nothing": None},
    {"bytes": b"\x00\xff"},
    {},
]
STEPS = [5, 3, 3, -1, 10]
"""Steps of the metric `unordered`, in the order of logging; its value is its place in this list."""
ARRAY = [[0, 1, 2], [3, 4, 5]]
LEFT = 40
"""Rows of the run whose journal nobody has applied."""
