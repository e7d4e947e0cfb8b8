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
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

from tracker_nb import portable
from tracker_nb.journal import forked, frames, records
from tracker_nb.journal.naming import Cell, Naming, now

SEGMENT_BYTES = 64 << 20
WAITING_BYTES = 64 << 20
MAX_RECORD = 1 << 30
LAST_STEP = (1 << 63) - 1
SUFFIX = ".tnj"

_time_ns = time.time_ns
_getframe = sys._getframe
_write = os.write
_pack = frames.HEADER.pack
_MARKER = frames.MARKER
_HEAD = frames.HEADER.size


def segment_name(run: str, writer: str, segment: int) -> str:
    """File name of a segment: enough to find a run's journals without opening any."""
    return f"{run}.{writer}.{segment:06d}{SUFFIX}"


class Writer(Naming):
    """Appends records of one process to one run's journal. Safe to use from several threads and after a fork.

    Args:
        folder: the store's `journals/`.
        head: whose journal it is; `writer`, `segment`, `pid` and `time` are filled in here.
        encode_hook: called for values MessagePack has no form for; returns one that it has.
        plain: called with a value that still could not be encoded; returns one that surely can.
        tidy: called with data and step where they are not of the plain types; returns them as a dict and an int of 64 bits.
        refusal: makes the exception that `log` raises when the run has `ended`.
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
        tidy: Callable[[Any, Any], tuple[dict[Any, Any], int | None]] = lambda data, step: (dict(data), step),
        refusal: Callable[[], Exception] = lambda: ValueError("this journal was closed"),
        mode: int = 0o600,
        step: int = 0,
    ) -> None:
        self.folder = folder
        self.step = step
        self.running_cell: Callable[[], Cell | None] | None = None
        self._head = head
        self._mode = mode
        self._plain = plain
        self._tidy = tidy
        self._refusal = refusal
        self.ended = False
        self._encode = msgspec.msgpack.Encoder(enc_hook=encode_hook).encode
        self._wrappers = set()
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
        self._name_nothing()
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._waiting_bytes = 0
        self.lost = self.dropped = 0  # not yet said in the journal, and in all

    # ------------------------------------------------------------------------------------------------ the hot path

    def log(self, data: Any, step: int | None = None, commit: bool | None = None, _depth: int = 1) -> None:  # noqa: PLR0912, PLR0915
        """Append one row: what `Run.log` is. `_depth` is how many frames above this one the user's code is.

        One piece, because a call costs a twentieth of it. Encoding is done when it returns: the caller may reuse its arrays.
        """
        if type(data) is not dict or (step is not None and (type(step) is not int or not 0 <= step < LAST_STEP)):
            data, step = self._tidy(data, step)
        if self.ended:
            raise self._refusal()
        try:
            caller = _getframe(_depth)
        except ValueError:  # called by the interpreter itself, at exit for example
            caller = _getframe(0)
        data = data.copy()  # another thread may change it while we look
        try:
            self._acquire()  # not `with`: for an RLock that costs twice as much, a twentieth of log()
            flags = 0
            if step is None:
                step = self.step
                flags = 2
            if commit is False:
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
                cell = self.running_cell()
                if cell is not None:  # mostly the same one as before: to find that out takes no call
                    execution = self._last_execution if cell is self._last_cell else self._execution(cell)
                    flags |= cell[2]
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
                return
            try:
                written = _write(self._fd, framed)
            except OSError:
                written = 0
            if written != size + _HEAD:
                self._undo(written)
                self._wait(framed, droppable=True)
                return
            self._size = size = self._size + written
            if size >= SEGMENT_BYTES:
                self._roll()
        finally:
            try:
                self._release()
            except RuntimeError:  # interrupted before it was ours
                pass

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
            cell = self.running_cell() if self.running_cell is not None else None
            return (0 if cell is None else self._execution(cell)), site

    def announce(self, cell: Cell) -> None:
        """Append the record of a cell execution that has begun, unless it is there already."""
        with self._lock:
            self._execution(cell)

    def has_announced(self, uid: str) -> bool:
        """True where the segment being written knows of this cell execution."""
        return uid in self._executions

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
    def written(self) -> int:
        """How many records were written, rows and all."""
        return self._seq

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
        """Go on in a new segment."""
        try:
            self._open_segment(self._segment + 1)
        except OSError:
            return  # the segment grows beyond its size: better than losing a row
        self._forget_names()

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
