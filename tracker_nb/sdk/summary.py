"""`run.summary`: the last value of every metric, and what the user sets by hand.

Nothing is kept for it while logging: what `log()` said is derived from the store and the journal when somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from tracker_nb.errors import UnknownMetric, closest

Write = Callable[[dict[str, Any], list[str], int], None]


class Summary(MutableMapping[str, Any]):
    """A dict of summary values. Values set by hand win over those derived until the metric is logged again."""

    def __init__(self, read: Callable[[], dict[str, Any]], write: Write) -> None:
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_write", write)

    def __getitem__(self, key: str) -> Any:
        values = self._read()
        if key not in values:
            close = closest(key, values)
            raise UnknownMetric(
                f"The summary has no {key!r}."
                + (f" Closest: {', '.join(close)}." if close else " Nothing was logged yet.")
            )
        return values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._write({str(key): value}, [], 2)

    def __delitem__(self, key: str) -> None:
        self[key]  # raises where there is none
        self._write({}, [key], 2)

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __contains__(self, key: object) -> bool:
        return key in self._read()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except UnknownMetric as error:
            raise AttributeError(str(error)) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._write({name: value}, [], 2)

    def update(self, *args: Any, **values: Any) -> None:
        """Set several values at once, in one record."""
        merged: dict[str, Any] = {}
        for mapping in (*args, values):
            merged.update({str(k): v for k, v in (mapping.items() if isinstance(mapping, Mapping) else mapping)})
        if merged:
            self._write(merged, [], 2)

    def __repr__(self) -> str:
        return f"Summary({self._read()!r})"
