"""The reading end of a journal: which segments there are, whose they are, whether their writer lives, what they say."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tracker_nb import portable
from tracker_nb.journal import frames, records
from tracker_nb.journal.writer import SUFFIX, segment_name


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a journal. `run` and `writer` are read from its name; its head says the rest."""

    path: Path
    run: str
    writer: str
    number: int


@dataclass(frozen=True, slots=True)
class Journal:
    """All segments of one writer that still exist, in order."""

    run: str
    writer: str
    segments: tuple[Segment, ...]

    def head(self) -> records.Head | None:
        """Whose journal this is; None where even the first record of every segment is damaged."""
        for segment in self.segments:
            with contextlib.suppress(FileNotFoundError):
                for _, record in read(segment.path, 0, most=1 << 16):
                    if isinstance(record, records.Head):
                        return record
                    break
        return None

    def alive(self) -> bool:
        """True while the writer holds the lock of its newest segment."""
        newest = self.segments[-1]
        while not is_locked(newest.path):
            # It may have gone on to a new segment since we listed them: that one is locked before the old is let go.
            number = newest.number + 1
            path = newest.path.with_name(segment_name(newest.run, newest.writer, number))
            if not path.exists():
                return False
            newest = Segment(path, newest.run, newest.writer, number)
        return True


def journals(folder: Path, *, run: str | None = None) -> list[Journal]:
    """The journals in a store's `journals/`, of one run or of all."""
    found: defaultdict[tuple[str, str], list[Segment]] = defaultdict(list)
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    for name in names:
        parts = name.removesuffix(SUFFIX).split(".")
        if not name.endswith(SUFFIX) or len(parts) != 3 or not parts[2].isdigit():
            continue
        if run is None or parts[0] == run:
            segment = Segment(folder / name, parts[0], parts[1], int(parts[2]))
            found[parts[0], parts[1]].append(segment)
    return [
        Journal(run_id, writer, tuple(sorted(segments, key=lambda s: s.number)))
        for (run_id, writer), segments in sorted(found.items())
    ]


def is_locked(path: Path) -> bool:
    """True if a living process holds the segment. A shared lock asks, so that many may ask at once."""
    try:
        with portable.opened(path, os.O_RDONLY) as fd:
            return not portable.try_lock(fd, shared=True)
    except OSError:
        return False


@dataclass(slots=True)
class Reading:
    """Progress through one segment: give it to `read` again and it goes on where it stopped.

    Attributes:
        offset: bytes taken so far.
        damage: what had to be skipped.
    """

    offset: int = 0
    damage: frames.Damage = field(default_factory=frames.Damage)


def read(
    path: Path, offset: int = 0, *, most: int = 1 << 22, ended: bool = False, reading: Reading | None = None
) -> Iterator[tuple[int, records.Known | records.Unknown]]:
    """Records of a segment from `offset`, each with the offset behind it; at most about `most` bytes of them.

    A record longer than `most` is still read whole. With `ended`, an incomplete record at the end counts as damage.

    Raises:
        FileNotFoundError: the segment is gone, which means that it was applied: ask the store again.
    """
    for ends, payloads in read_payloads(path, offset, most=most, ended=ended, reading=reading):
        yield from zip(ends, records.decode_all(payloads), strict=True)


def read_payloads(
    path: Path, offset: int = 0, *, most: int = 1 << 22, ended: bool = False, reading: Reading | None = None
) -> Iterator[tuple[list[int], list[bytes]]]:
    """As `read`, some hundred records at a time, and not decoded."""
    reading = reading if reading is not None else Reading(offset)
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        left = max(size - reading.offset, 0)
        span = most
        while left:
            file.seek(reading.offset)
            data = file.read(min(span, left))
            whole = len(data) >= left
            start = reading.offset
            for ends, payloads in frames.blocks(data, damage=reading.damage, ended=ended and whole):
                reading.offset = start + ends[-1]
                yield [start + end for end in ends], payloads
            if whole and ended:
                reading.offset = size
            if reading.offset > start or whole:
                return
            span *= 4  # one record is longer than what was read
