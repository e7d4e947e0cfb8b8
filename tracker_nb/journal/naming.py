"""Names that repeat in a journal: key sets, call sites, cell executions. Each is announced once a segment, by a number."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import CodeType
from typing import Any

from tracker_nb.journal import records
from tracker_nb.journal.announced import key_names, user_frame

CODES = 1024

Cell = tuple[str, Mapping[str, Any], int]
"""A cell execution as `Writer.running_cell` returns it: its uid, the fields of its record, and the flags of the rows."""

_time_ns = time.time_ns


def now() -> int:
    """Microseconds since 1970, as every record has them."""
    return _time_ns() // 1000


class Naming(ABC):
    """The part of a writer that knows which number each name has. Its methods are called with the writer's lock held."""

    _wrappers: set[str]

    @abstractmethod
    def _define(self, record: records.Record) -> None:
        """Append the record of a name."""

    def _name_nothing(self) -> None:
        self._keys: dict[tuple[Any, ...], int] = {}
        self._names: dict[tuple[str, ...], int] = {}
        self._sites: dict[tuple[str, int], int] = {}
        self._calls: dict[tuple[int, int], int] = {}
        self._codes: list[CodeType] = []
        self._last_code: CodeType | None = None
        self._last_names: tuple[Any, ...] | None = None
        self._last_at = self._last_site = self._last_keys = 0
        self._executions: dict[str, int] = {}
        self._last_cell: Cell | None = None
        self._last_execution = 0
        self._ids = 0

    def _forget_names(self) -> None:
        """In a new segment every name is announced anew: numbers are never used twice."""
        for table in (self._keys, self._names, self._sites, self._calls, self._executions):
            table.clear()
        self._last_code = self._last_names = self._last_cell = None

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids

    def _key_set(self, keys: tuple[Any, ...]) -> int:
        """Number of a key set. Remembered where it can be found again: mostly the next call has the same one."""
        number = self._keys.get(keys)
        if number is None:
            return self._new_keys(keys)
        self._last_names = None  # while the number does not belong to it
        self._last_keys = number
        self._last_names = keys
        return number

    def _new_keys(self, keys: tuple[Any, ...]) -> int:
        names = key_names(keys)
        number = self._names.get(names)
        if number is None:
            number = self._next_id()
            self._define(records.Keys(number, list(names)))
            self._names[names] = number  # last, as below: an interrupt in between only announces it again
        # 1 == True == 1.0 as dict keys: only sets of real strings can be found again by equality.
        if all(type(key) is str for key in keys):
            self._keys[keys] = number
        return number

    def _site(self, caller: Any) -> int:
        """Number of a call site. Not looked up by line: to find it, Python reads a table as long as the function."""
        code, at = caller.f_code, caller.f_lasti
        number = self._calls.get((id(code), at))
        if number is None:
            return self._new_site(caller)
        self._last_code = None  # while the other two do not belong to it
        self._last_at, self._last_site = at, number
        self._last_code = code
        return number

    def _new_site(self, caller: Any) -> int:
        frame = user_frame(caller, self._wrappers)
        place = (frame.f_code.co_filename, frame.f_lineno or 0)
        number = self._sites.get(place)
        if number is None:
            number = self._next_id()
            file = place[0].encode("utf-8", "backslashreplace").decode()
            self._define(records.Site(number, file, place[1], frame.f_code.co_qualname))
            self._sites[place] = number
        if frame is caller:
            if len(self._codes) >= CODES:
                self._calls.clear()
                self._codes.clear()
            self._codes.append(frame.f_code)  # kept, so that no other code gets its id
            self._calls[id(frame.f_code), frame.f_lasti] = number
        return number

    def _execution(self, cell: Cell) -> int:
        """Number of a cell execution, announced when first met."""
        uid = cell[0]
        number = self._executions.get(uid)
        if number is None:
            fields = dict(cell[1])
            began = fields.pop("started", None)
            number = self._next_id()
            self._define(records.Execution(number, uid, began or now(), fields))
            self._executions[uid] = number
        self._last_cell = None  # while the number does not belong to it
        self._last_execution = number
        self._last_cell = cell
        return number
