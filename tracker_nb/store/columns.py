"""Columns of a row group as bytes: the smallest of a few simple forms that gives the same array back.

A packed column is one byte for the element type, one for the encoding, then the data. Nothing here is clever: floats
that are exactly float32 take four bytes, progressions sixteen, and bytes are shuffled before zstd where that saves
at least a sixth. Measured on random float64 (which nothing compresses) reading must not pay for trying.
"""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from tracker_nb.journal.records import decode_value, encode_value

if TYPE_CHECKING:
    import zstandard

FLOAT, INT, BOOL, OBJECT = 0, 1, 2, 3
"""Element types: float64, int64, bool, and anything else."""

_RAW, _SHUFFLED, _DELTA, _PROGRESSION, _CONSTANT, _FLOAT32, _FLOAT32_SHUFFLED, _PACKED = range(8)
_DTYPES: dict[int, np.dtype[Any]] = {
    FLOAT: np.dtype("<f8"),
    INT: np.dtype("<i8"),
    BOOL: np.dtype("?"),
}
_WORTH = 5 / 6
_HEAD = struct.Struct("<BB")
_TWO = struct.Struct("<qq")


# A compressor lets go of the GIL while it works and may not be used by two threads at once: the process would crash.
_mine = threading.local()


def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_mine, "compressor"):
        import zstandard

        _mine.compressor = zstandard.ZstdCompressor(level=1, write_content_size=True)
    compressor: zstandard.ZstdCompressor = _mine.compressor
    return compressor


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_mine, "decompressor"):
        import zstandard

        _mine.decompressor = zstandard.ZstdDecompressor()
    decompressor: zstandard.ZstdDecompressor = _mine.decompressor
    return decompressor


def element_type(array: np.ndarray) -> int:
    """FLOAT, INT, BOOL or OBJECT for a NumPy array made by `from_values`."""
    return {"f": FLOAT, "i": INT, "b": BOOL}.get(array.dtype.kind, OBJECT)


def from_values(values: list[Any] | tuple[Any, ...]) -> np.ndarray:
    """An array that keeps each value exactly: float64, int64, bool, or object where one of them would lose something."""
    kinds = set(map(type, values))
    if kinds == {float}:
        return np.array(values, np.float64)
    if kinds == {int}:
        try:
            return np.array(values, np.int64)
        except OverflowError:
            return _objects(values)
    if kinds == {bool}:
        return np.array(values, np.bool_)
    # 1 among floats is 1.0 unless it is too large for a float64 to hold exactly.
    if kinds == {int, float} and all(type(v) is float or -(2**53) <= v <= 2**53 for v in values):
        return np.array(values, np.float64)
    return _objects(values)


def _objects(values: list[Any] | tuple[Any, ...]) -> np.ndarray:
    array = np.empty(len(values), object)
    for i, value in enumerate(values):  # all at once, NumPy would take nested lists for more dimensions
        array[i] = value
    return array


def pack(array: np.ndarray) -> bytes:
    """Bytes of a column, shape (n,)."""
    kind = element_type(array)
    if kind == OBJECT:
        body = _compressor().compress(encode_value(list(array)))
        return _HEAD.pack(OBJECT, _PACKED) + body
    array = np.ascontiguousarray(array, _DTYPES[kind])
    encoding, body = _pack_ints(array) if kind == INT else _pack_plain(array, kind)
    return _HEAD.pack(kind, encoding) + body


def _pack_plain(array: np.ndarray, kind: int) -> tuple[int, bytes]:
    raw = array.tobytes()
    size = array.itemsize
    if len(array) > 1 and raw == raw[:size] * len(array):
        return _CONSTANT, raw[:size]
    if kind == BOOL:
        return _PACKED, np.packbits(array, bitorder="little").tobytes()
    with np.errstate(over="ignore", invalid="ignore"):
        single = array.astype("<f4")
    # Bit for bit, so that -0.0 and the payload of a NaN survive.
    if single.astype("<f8").tobytes() == raw:
        shuffled = _shuffle(single)
        return (
            (_FLOAT32_SHUFFLED, shuffled) if len(shuffled) <= len(raw) // 2 * _WORTH else (_FLOAT32, single.tobytes())
        )
    shuffled = _shuffle(array)
    return (_SHUFFLED, shuffled) if len(shuffled) <= len(raw) * _WORTH else (_RAW, raw)


def _pack_ints(array: np.ndarray) -> tuple[int, bytes]:
    n = len(array)
    if n > 1:
        with np.errstate(over="ignore"):
            steps = np.diff(array)  # wraps around at 64 bits, and back again when summed
        if not (steps != steps[0]).any():
            return _PROGRESSION, _TWO.pack(int(array[0]), int(steps[0]))
        narrow = _narrow(steps)
        shuffled = _shuffle(narrow)
        if len(shuffled) + 9 < n * 8 * _WORTH:
            return _DELTA, struct.pack("<qB", int(array[0]), narrow.itemsize) + shuffled
    elif n == 1:
        return _PROGRESSION, _TWO.pack(int(array[0]), 0)
    return _RAW, array.tobytes()


def _narrow(array: np.ndarray) -> np.ndarray:
    """The same integers in the narrowest type that holds them all."""
    low, high = int(array.min()), int(array.max())
    for code in ("<i1", "<i2", "<i4"):
        limits = np.iinfo(code)
        if limits.min <= low and high <= limits.max:
            return array.astype(code)
    return array


def _shuffle(array: np.ndarray) -> bytes:
    planes = array.view(np.uint8).reshape(len(array), array.itemsize).T
    return _compressor().compress(np.ascontiguousarray(planes).tobytes())


def _unshuffle(body: bytes | memoryview, n: int, dtype: np.dtype[Any]) -> np.ndarray:
    size = dtype.itemsize
    data = np.frombuffer(_decompressor().decompress(body, max_output_size=n * size), np.uint8)
    planes = data.reshape(size, n)
    out = np.empty((n, size), np.uint8)
    for i in range(size):  # strided copies: four times as fast as transposing at once
        out[:, i] = planes[i]
    return out.reshape(-1).view(dtype)


def unpack(data: bytes | memoryview, n: int) -> np.ndarray:
    """The column of `n` values that `pack` was given. May be read-only."""
    view = memoryview(data)
    kind, encoding = _HEAD.unpack_from(view)
    body = view[2:]
    if kind == OBJECT:
        return _objects(decode_value(_decompressor().decompress(body)))
    dtype = _DTYPES[kind]
    if encoding == _RAW:
        return np.frombuffer(body, dtype)
    if encoding == _PROGRESSION:
        base, stride = _TWO.unpack(body)
        with np.errstate(over="ignore"):
            return np.arange(n, dtype=np.int64) * np.int64(stride) + np.int64(base)
    if encoding == _CONSTANT:
        return np.full(n, np.frombuffer(body, dtype)[0])
    if encoding == _DELTA:
        return _undelta(body, n)
    if encoding == _FLOAT32:
        return np.frombuffer(body, "<f4").astype("<f8")
    if encoding == _FLOAT32_SHUFFLED:
        return _unshuffle(body, n, np.dtype("<f4")).astype("<f8")
    if encoding == _SHUFFLED:
        return _unshuffle(body, n, dtype)
    if encoding == _PACKED and kind == BOOL:
        return np.unpackbits(np.frombuffer(body, np.uint8), count=n, bitorder="little").view(np.bool_)
    raise ValueError(f"a column of type {kind} has the unknown encoding {encoding}")


def _undelta(body: memoryview, n: int) -> np.ndarray:
    base, size = struct.unpack_from("<qB", body)
    deltas = _unshuffle(body[9:], n - 1, np.dtype(f"<i{size}"))
    out = np.empty(n, np.int64)
    out[0] = base
    with np.errstate(over="ignore"):
        np.cumsum(deltas, dtype=np.int64, out=out[1:])
        out[1:] += base
    return out


def is_progression(data: bytes) -> bool:
    """True for a packed column that costs nothing to unpack."""
    return data[1] == _PROGRESSION


def join(parts: list[np.ndarray]) -> np.ndarray:
    """One column from several, of the narrowest type that keeps every value exactly."""
    if len(parts) == 1:
        return parts[0]
    kinds = {element_type(part) for part in parts}
    if len(kinds) == 1:
        return np.concatenate(parts)
    if kinds == {FLOAT, INT} and all(
        element_type(part) == FLOAT or not len(part) or (part.min() >= -(2**53) and part.max() <= 2**53)
        for part in parts
    ):
        return np.concatenate([part.astype(np.float64) for part in parts])
    return np.concatenate([part if part.dtype == object else _objects(part.tolist()) for part in parts])
