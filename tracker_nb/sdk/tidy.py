"""Arguments of `log()` in other than the plain types: whatever can be understood is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

_LOW, _HIGH = -(2**63), 2**63 - 1  # the step after the last must be one too


class LogWarning(UserWarning):
    """Something about a `log()` call was not as it should be; its data was kept all the same."""


def tidy(data: Any, step: Any) -> tuple[dict[Any, Any], int | None]:
    """The row as a dict, and the step as an integer of 64 bits or None for the next one."""
    if not isinstance(data, Mapping):
        raise TypeError(f"log() takes a dict such as {{'loss': 0.1}}, not {type(data).__name__}.")
    if step is None:
        return dict(data), None
    try:
        whole = int(step)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is not None and not _LOW <= whole < _HIGH:
        whole = None
    if whole is None or whole != step:
        warnings.warn(
            f"step={step!r} is not an integer of 64 bits: the row was logged at "
            f"{'the next step' if whole is None else f'step {whole}'} instead. Log the value as a metric and use it as "
            f"x axis to keep it.",
            LogWarning,
            stacklevel=3,
        )
    return dict(data), whole
