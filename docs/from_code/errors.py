"""The errors a user can meet, from their classes."""

from __future__ import annotations

import inspect

import tracker_nb
from from_code.tables import table


def every() -> str:
    """Name, the builtin it is too, and what happened."""
    kinds = [value for name in tracker_nb.__all__ if inspect.isclass(value := getattr(tracker_nb, name))]
    rows = (
        (
            f'`{kind.__name__}`<span id="tracker_nb.{kind.__name__}"></span>',
            ", ".join(f"`{base.__name__}`" for base in kind.__bases__ if base.__module__ == "builtins"),
            inspect.cleandoc(kind.__doc__ or ""),
        )
        for kind in sorted(kinds, key=lambda kind: (kind is not tracker_nb.TrackerError, kind.__name__))
        if issubclass(kind, tracker_nb.TrackerError)
    )
    return table(("error", "also a", "when"), rows)
