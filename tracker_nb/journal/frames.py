"""How a record lies in a file: marker, length, checksum, payload.

    4 bytes  marker  F5 54 4E 4A    (F5 never occurs in UTF-8, so text in a payload cannot look like a frame)
    4 bytes  length of the payload, little endian
    4 bytes  CRC-32 of length and payload, little endian
    n bytes  payload

A torn or overwritten frame costs itself and nothing else: the reader looks for the next marker whose checksum holds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

MARKER = b"\xf5TNJ"
HEADER = struct.Struct("<4sII")
MAX_PAYLOAD = 0x7FFF_FFFF
BLOCK_BYTES = 96 << 10
"""Taken together: what is decoded in less than a millisecond, since that keeps the GIL."""
_pack = HEADER.pack
_LENGTH = struct.Struct("<I").pack


def frame(payload: bytes) -> bytes:
    """The bytes to write for one record."""
    length = len(payload)
    # The length seeds the checksum: a flipped bit in it is found without hashing the four bytes on their own.
    return _pack(MARKER, length, crc32(payload, length)) + payload


@dataclass(slots=True)
class Damage:
    """What a reader had to skip.

    Attributes:
        places: how many stretches of bytes were no whole record.
        bytes: how many bytes they had.
    """

    places: int = 0
    bytes: int = 0


def frames(data: bytes | memoryview, *, damage: Damage, ended: bool) -> Iterator[tuple[int, bytes]]:
    """Each whole record in `data`: the offset just behind it, and its payload.

    An incomplete frame at the end is left for later where the writer may still be writing it (`ended` is False), and
    counted as damage where nobody will complete it.
    """
    for ends, payloads in blocks(data, damage=damage, ended=ended):
        yield from zip(ends, payloads, strict=True)


def blocks(data: bytes | memoryview, *, damage: Damage, ended: bool) -> Iterator[tuple[list[int], list[bytes]]]:
    """As `frames`, some hundred at a time: passing on one by one what is that small takes as long as finding it."""
    data = bytes(data)  # most payloads are small: to copy one takes half the time of making a view of it
    size = len(data)
    at = 0
    unpack = HEADER.unpack_from
    head = HEADER.size
    while size - at >= head:
        ends: list[int] = []
        payloads: list[bytes] = []
        until = min(at + BLOCK_BYTES, size - head + 1)
        while at < until:
            marker, length, checksum = unpack(data, at)
            begin = at + head
            end = begin + length
            payload = data[begin:end]
            if marker != MARKER or end > size or crc32(payload, length) != checksum:
                break
            ends.append(end)
            payloads.append(payload)
            at = end
        if ends:
            yield ends, payloads
            continue
        following = _next_whole(data, at + 1)
        if following < 0:
            if marker == MARKER and length <= MAX_PAYLOAD and not ended:
                return  # a long record that is not all there yet
            break
        damage.places += 1
        damage.bytes += following - at
        at = following
    if ended and at < size:
        damage.places += 1
        damage.bytes += size - at


def _next_whole(data: bytes, start: int) -> int:
    """Offset of the next frame that is whole and whose checksum holds; -1 where there is none."""
    size = len(data)
    at = data.find(MARKER, start)
    while at >= 0:
        if at + HEADER.size <= size:
            _, length, checksum = HEADER.unpack_from(data, at)
            end = at + HEADER.size + length
            if end <= size and crc32(data[at + HEADER.size : end], length) == checksum:
                return at
        at = data.find(MARKER, at + 1)
    return -1
