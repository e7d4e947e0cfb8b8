"""`run.config`: what a run was told, readable by item and by attribute, changed at any time.

Each change is a record in the journal with its time and place, never an exception: configs are versioned.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from tracker_nb.errors import BadValue

Write = Callable[[dict[str, Any], list[str], int], None]
"""Called with values set, keys removed, and how many frames above it the user's code is."""


class Config(MutableMapping[str, Any]):
    """A dict whose keys are attributes too. Nested dicts stay nested."""

    def __init__(self, values: Mapping[str, Any] | None = None, write: Write | None = None) -> None:
        object.__setattr__(self, "_values", dict(values or {}))
        object.__setattr__(self, "_write", write or (lambda values, removed, depth: None))

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._set({str(key): value}, 3)

    def __delitem__(self, key: str) -> None:
        self._values[key]  # raises where there is none
        self._write({}, [key], 2)
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            known = ", ".join(self._values) or "nothing yet"
            raise AttributeError(f"The config has no key {name!r}. It has: {known}.") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._set({name: value}, 3)

    def update(self, *args: Any, allow_val_change: bool | None = None, **values: Any) -> None:
        """Set keys from a dict, an argparse namespace, a dataclass, absl flags, or anything with `keys()`.

        `allow_val_change` is accepted for W&B's sake: a change is always allowed and always remembered.
        """
        del allow_val_change
        if len(args) > 1:
            raise TypeError(f"config.update() takes one mapping, {len(args)} were given.")
        merged = {**(as_dict(args[0]) if args else {}), **values}
        if merged:
            self._set(merged, 3)

    def setdefaults(self, values: Mapping[str, Any]) -> None:
        """Set only the keys that are not there yet."""
        missing = {key: value for key, value in as_dict(values).items() if key not in self._values}
        if missing:
            self._set(missing, 3)

    def as_dict(self) -> dict[str, Any]:
        """A plain copy."""
        return dict(self._values)

    def _set(self, values: dict[str, Any], depth: int) -> None:
        changed = {key: value for key, value in values.items() if not _same(self._values, key, value)}
        # Written first: an interrupt in between must not make the same change look like none when it is made again.
        if changed:
            self._write(changed, [], depth)
        self._values.update(values)

    def __repr__(self) -> str:
        return f"Config({self._values!r})"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *map(str, self._values)]


def _same(values: dict[str, Any], key: str, value: Any) -> bool:
    """True if setting changes nothing. A value that was changed in place is the same object: written again."""
    if key not in values:
        return False
    old = values[key]
    return isinstance(value, str | int | float | bool) and type(old) is type(value) and old == value


def as_dict(given: Any) -> dict[str, Any]:
    """A dict from whatever holds hyperparameters.

    Raises:
        BadValue: it holds none that we can see.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(key): value for key, value in given.items()}
    if isinstance(given, argparse.Namespace):
        return dict(vars(given))
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        return dataclasses.asdict(given)
    if hasattr(given, "flag_values_dict"):  # absl
        return dict(given.flag_values_dict())
    if hasattr(given, "keys") and hasattr(given, "__getitem__"):
        return {str(key): given[key] for key in given.keys()}  # noqa: SIM118 - it is no dict
    raise BadValue(
        f"config must be a dict, an argparse namespace, a dataclass or absl flags, not {type(given).__name__}. "
        f"Pass `vars(obj)` if it is a plain object."
    )
