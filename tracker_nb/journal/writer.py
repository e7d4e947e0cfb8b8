"""The writing end of a journal: one `os.write` a record, safe against SIGKILL once it has returned.

A writer owns its segments alone and holds a lock on the newest one; a free lock means that the writer is dead. A write
that the disk takes only in part is undone, and its record waits in memory for space. Nothing here raises for a full
disk: training is never broken.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType
from typing import Any
from zlib import crc32

import msgspec

from tracker_nb import portable
from tracker_nb.journal import forked, frames, records
from tracker_nb.journal.announced import key_names, user_frame

SEGMENT_BYTES = 64 << 20
WAITING_BYTES = 64 << 20
MAX_RECORD = 1 << 30
CODES = 1024
LAST_STEP = (1 << 63) - 1
SUFFIX = ".tnj"

_time_ns = time.time_ns
_getframe = sys._getframe
_write = os.write
_pack = frames.HEADER.pack
_MARKER = frames.MARKER


def now() -> int:
    """Microseconds since 1970, as every record has them."""
    return _time_ns() // 1000


def segment_name(run: str, writer: str, segment: int) -> str:
    """File name of a segment: enough to find a run's journals without opening any."""
    return f"{run}.{writer}.{segment:06d}{SUFFIX}"


class Writer:
    """Appends records of one process to one run's journal. Safe to use from several threads and after a fork.

    Args:
        folder: the store's `journals/`.
        head: whose journal it is; `writer`, `segment`, `pid` and `time` are filled in here.
        encode_hook: called for values MessagePack has no form for; returns one that it has.
        plain: called with a value that still could not be encoded; returns one that surely can.
        mode: permissions of new segments.
        step: the first implicit step.
    """

    def __init__(
        self,
        folder: Path,
        head: records.Head,
        *,
        encode_hook: Callable[[Any], Any],
        plain: Callable[[Any], Any],
        mode: int = 0o600,
        step: int = 0,
    ) -> None:
        self.folder = folder
        self.step = step
        self.running_cell: Callable[[], tuple[str, Mapping[str, Any], int] | None] | None = None
        self._head = head
        self._mode = mode
        self._plain = plain
        self._encode = msgspec.msgpack.Encoder(enc_hook=encode_hook).encode
        self._wrappers: set[str] = set()
        self._start_over(joined=head.joined)
        forked.watch(self)

    def _start_over(self, *, joined: bool) -> None:
        """Fresh identity: at birth, and in the child after a fork."""
        self.uid = secrets.token_hex(6)
        self.joined = joined
        self.closed = False
        self._lock = threading.RLock()  # reentrant: a signal handler may log while its own thread is logging
        self._acquire, self._release = self._lock.acquire, self._lock.release
        self._fd = -1
        self._segment = 0
        self._size = 0
        self._seq = 0
        self._keys: dict[tuple[Any, ...], int] = {}
        self._names: dict[tuple[str, ...], int] = {}
        self._sites: dict[tuple[str, int], int] = {}
        self._calls: dict[tuple[int, int], int] = {}
        self._codes: list[CodeType] = []
        self._last_code: CodeType | None = None
        self._last_names: tuple[Any, ...] | None = None
        self._last_at = self._last_site = self._last_keys = 0
        self._executions: dict[str, int] = {}
        self._ids = 0
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._waiting_bytes = 0
        self.lost = self.dropped = 0  # not yet said in the journal, and in all

    # ------------------------------------------------------------------------------------------------ the hot path

    def row(self, data: dict[Any, Any], step: int | None, partial: bool, depth: int) -> int:  # noqa: PLR0912, PLR0915
        """Append one row and return its step. `depth` is how many frames above this one the user's code is.

        This is what `log()` costs: one piece, because a call costs a twentieth of it. Encoding is done when it returns: the
        caller may reuse its arrays.
        """
        try:
            caller = _getframe(depth)
        except ValueError:  # called by the interpreter itself, at exit for example
            caller = _getframe(0)
        data = data.copy()  # another thread may change it while we look
        try:
            self._acquire()  # not `with`: for an RLock that costs twice as much, a twentieth of log()
            flags = 0
            if step is None:
                step = self.step
                flags = 2
            if partial:
                flags |= 1
                self.step = step
            else:
                self.step = step + 1 if step < LAST_STEP else step
            names = tuple(data)
            keys = self._last_keys if names == self._last_names else self._key_set(names)
            if caller.f_lasti == self._last_at and caller.f_code is self._last_code:
                site = self._last_site
            else:
                site = self._site(caller)
            execution = 0
            if self.running_cell is not None:
                execution, inferred = self._execution()
                flags |= inferred
            self._seq = seq = self._seq + 1
            row = (1, seq, step, _time_ns() // 1000, execution, site, flags, keys, [*data.values()])
            try:
                payload = self._encode(row)
            except Exception:  # noqa: BLE001 - whatever a user's object raises while it is looked at
                payload = self._encode((*row[:8], [self._plain(value) for value in row[8]]))
            size = len(payload)
            if size > MAX_RECORD:
                payload = self._shortened(row)
                size = len(payload)
            # As `_append(frame(payload))` does, without the two calls: they were a tenth of all that log() costs.
            framed = _pack(_MARKER, size, crc32(payload, size)) + payload
            if self._waiting or self._fd < 0:
                self._append_later(framed, droppable=True)
                return step
            try:
                written = _write(self._fd, framed)
            except OSError:
                written = 0
            if written != len(framed):
                self._undo(written)
                self._wait(framed, droppable=True)
                return step
            self._size = size = self._size + written
            if size >= SEGMENT_BYTES:
                self._roll()
        finally:
            try:
                self._release()
            except RuntimeError:  # interrupted before it was ours
                pass
        return step

    def _shortened(self, row: tuple[Any, ...]) -> bytes:
        """A row that no reader could take in one piece, with its giants replaced by a note."""
        values = []
        for value in row[8]:
            size = len(self._encode(self._plain(value)))
            values.append(value if size < MAX_RECORD // 64 else f"<{size} bytes: too large for one log() call>")
        return self._encode((*row[:8], [self._plain(value) for value in values]))

    def _append(self, framed: bytes, *, droppable: bool) -> None:
        if self._fd < 0 or self._waiting:
            self._append_later(framed, droppable=droppable)
            return
        try:
            written = _write(self._fd, framed)
        except OSError:
            written = 0
        if written == len(framed):
            self._size += written
            if self._size >= SEGMENT_BYTES:
                self._roll()
            return
        self._undo(written)
        self._wait(framed, droppable=droppable)

    # ------------------------------------------------------------------------------------------------ other records

    def write(self, make: Callable[[int, int], records.Record]) -> int:
        """Append what `make(seq, time)` returns; the sequence number it got."""
        with self._lock:
            self._seq = seq = self._seq + 1
            record = make(seq, now())
            self._append(frames.frame(self._payload(record)), droppable=False)
        return seq

    def origin(self, depth: int) -> tuple[int, int]:
        """Numbers of the execution and the call site that a record written now belongs to."""
        try:
            caller = _getframe(depth)
        except ValueError:
            caller = _getframe(0)
        with self._lock:
            site = self._site(caller)
            return (self._execution()[0] if self.running_cell is not None else 0), site

    def ignore_file(self, filename: str) -> None:
        """Never name this file as a call site: its frames are passed over."""
        self._wrappers.add(filename)

    def _payload(self, record: records.Record) -> bytes:
        try:
            return self._encode(record)
        except Exception:  # noqa: BLE001 - whatever a user's object raises while it is looked at
            fields = {name: self._plain(getattr(record, name)) for name in record.__struct_fields__}
            return self._encode(type(record)(**fields))

    def _define(self, record: records.Record) -> None:
        self._append(frames.frame(self._payload(record)), droppable=False)

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

    def _execution(self) -> tuple[int, int]:
        """Number of the running cell execution, announced when first met; 0 outside cells."""
        assert self.running_cell is not None
        running = self.running_cell()
        if running is None:
            return 0, 0
        uid, fields, flags = running
        number = self._executions.get(uid)
        if number is None:
            number = self._next_id()
            self._define(records.Execution(number, uid, now(), dict(fields)))
            self._executions[uid] = number
        return number, flags

    # ------------------------------------------------------------------------------------------------ segments

    def open(self) -> None:
        """Create the first segment. Raises OSError where the folder cannot be written."""
        with self._lock:
            self._open_segment(1)

    @property
    def run(self) -> str:
        """Id of the run."""
        return self._head.run

    @property
    def store(self) -> str:
        """Id of the store; "" where it had none yet."""
        return self._head.store

    @property
    def path(self) -> Path:
        """The segment being written."""
        return self.folder / segment_name(self._head.run, self.uid, self._segment)

    @property
    def size(self) -> int:
        """Bytes in the segment being written."""
        return self._size

    @property
    def segment(self) -> int:
        """Number of the segment being written, from 1."""
        return self._segment

    def _open_segment(self, number: int) -> None:
        final = self.folder / segment_name(self._head.run, self.uid, number)
        fresh = final.with_suffix(".new")
        # Locked before it gets the name that others look for: nobody ever sees it without its lock.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | portable.O_BINARY
        place = final if portable.WINDOWS else fresh
        fd = os.open(place, flags, self._mode)
        try:
            portable.try_lock(fd)
            head = msgspec.structs.replace(
                self._head, writer=self.uid, segment=number, joined=self.joined, pid=os.getpid(), time=now()
            )
            framed = frames.frame(self._payload(head))
            if _write(fd, framed) != len(framed):
                raise OSError(28, "no space left for the head of a segment")
            if not portable.WINDOWS:
                os.rename(fresh, final)
        except OSError:
            os.close(fd)
            portable.remove(place)
            raise
        old = self._fd
        self._fd, self._segment, self._size = fd, number, len(framed)
        if old >= 0:
            os.close(old)

    def _roll(self) -> None:
        """Go on in a new segment, in which every name is announced anew: numbers are never used twice."""
        try:
            self._open_segment(self._segment + 1)
        except OSError:
            return  # the segment grows beyond its size: better than losing a row
        for table in (self._keys, self._names, self._sites, self._calls, self._executions):
            table.clear()
        self._last_code = self._last_names = None

    def _undo(self, written: int) -> None:
        """Cut off what a short write left behind. Where even that fails, the reader finds the next marker."""
        with contextlib.suppress(OSError):
            # Not to `_size`: an interrupt may have come between a write and its count.
            self._size = os.fstat(self._fd).st_size - written
            os.ftruncate(self._fd, self._size)

    # ------------------------------------------------------------------------------------------------ a full disk

    def _wait(self, framed: bytes, *, droppable: bool) -> None:
        if droppable and self._waiting_bytes + len(framed) > WAITING_BYTES:
            self.lost += 1
            self.dropped += 1
            return
        self._waiting.append((framed, droppable))
        self._waiting_bytes += len(framed)

    def _append_later(self, framed: bytes, *, droppable: bool) -> None:
        self._wait(framed, droppable=droppable)
        self.retry()

    def retry(self) -> bool:
        """Write what waits in memory, in order; True when nothing waits any more."""
        with self._lock:
            if not self._waiting and not self.lost:
                return True
            if self._fd < 0:
                try:
                    self._open_segment(self._segment + 1)
                except OSError:
                    return not self._waiting
            while self._waiting:
                framed, _ = self._waiting[0]
                try:
                    written = _write(self._fd, framed)
                except OSError:
                    written = 0
                if written != len(framed):
                    self._undo(written)
                    return False
                self._size += written
                self._waiting.popleft()
                self._waiting_bytes -= len(framed)
            if self.lost:
                lost, self.lost = self.lost, 0
                self.write(lambda seq, time: records.Lost(seq, time, lost, "the disk was full and memory ran out"))
            return not self._waiting

    @property
    def waiting(self) -> int:
        """Records that wait in memory for space on the disk."""
        return len(self._waiting)

    # ------------------------------------------------------------------------------------------------ bad days

    def heal(self) -> bool:
        """If the journal's file was deleted under our feet, write it again from the open descriptor.

        Returns True where it had to. Raises OSError where it cannot be written.
        """
        with self._lock:
            if self._fd < 0 or portable.WINDOWS:
                return False
            with contextlib.suppress(OSError):
                if os.stat(self.path).st_ino == os.fstat(self._fd).st_ino:
                    return False
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            old, size = self._fd, self._size
            self._fd = -1
            try:
                self._open_segment(self._segment)
                os.ftruncate(self._fd, 0)  # the old bytes begin with the same head
                for at in range(0, size, 1 << 20):
                    data = os.pread(old, min(1 << 20, size - at), at)
                    if _write(self._fd, data) != len(data):
                        raise OSError(28, "no space left to write the journal again")
            except OSError:
                if self._fd >= 0:
                    os.close(self._fd)
                    portable.remove(self.path)
                self._fd, self._size = old, size
                raise
            os.close(old)
            self._size = size
            return True

    def sync(self) -> None:
        """Ask the disk to keep what was written: `durability="power"`."""
        with contextlib.suppress(OSError):
            if self._fd >= 0:
                os.fsync(self._fd)

    def close(self) -> None:
        """Let go of the journal. Its lock is free from now on."""
        with self._lock:
            if self._waiting:
                self.retry()
            self.closed = True
            fd, self._fd = self._fd, -1  # in this order: an interrupt in between must not close a number twice
            if fd >= 0:
                os.close(fd)

    def before_fork(self) -> bool:
        """Let no thread in: a segment that one has just opened would go along to the child, and its lock with it."""
        return self._lock.acquire(timeout=forked.SECONDS)

    def after_fork_in_parent(self) -> None:
        """Let threads in again."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Nothing of the parent's is ours: the child writes a journal of its own."""
        # The descriptor shares its lock with the parent's: closing it here frees nothing there.
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
        was_closed = self.closed
        self._start_over(joined=True)
        self.closed = was_closed
