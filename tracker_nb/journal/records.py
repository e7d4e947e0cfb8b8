"""What a journal can say: one struct a kind of record. This is the contract between releases.

On disk a record is a MessagePack array: its kind (an integer), then the fields in the order they have here. Fields are
only ever added at the end, with a default; a kind's number is never used again. A reader that meets a kind it does
not know keeps the bytes and goes on.

Times are integer microseconds since 1970-01-01 UTC, as the writer's clock said. `seq` counts a writer's records. Names
that repeat (key sets, call sites, cell executions) are announced once a segment by a number that stays the writer's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

FORMAT = 1
"""Version of the record format, in the head of each segment."""

ROW = 1
"""Kind of `Row`, named because the hot path writes rows without building a struct."""

PARTIAL = 1
"""Flag of a row logged with `commit=False`: later rows of the same step belong to it."""
IMPLICIT_STEP = 2
"""Flag of a row whose step was counted by us, not given."""
INFERRED_EXECUTION = 4
"""Flag of a row whose execution is the likely one, not the certain one (a thread started elsewhere)."""

SESSION = "@session"
"""In place of a run's id: the journal of a kernel session, which holds the cells that ran, and belongs to no run.

No run can have this id, and its head names no entity and no project; `extra["session"]` says which session it is."""

BIG_INT = 1
"""MessagePack extension: an integer outside 64 bits, as decimal digits."""
ARRAY = 2
"""MessagePack extension: an array, as MessagePack of [dtype, shape, bytes in C order, little endian]."""


Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Record(msgspec.Struct, array_like=True, frozen=True):
    """Base of all records."""


class Head(Record, tag=0, frozen=True):
    """First record of each segment: whose journal it is. A segment can be read without those before it."""

    format: int
    store: str
    entity: str
    project: str
    run: str
    generation: int
    writer: str
    segment: int
    joined: bool
    host: str
    pid: int
    time: int
    extra: dict[str, Any] = {}


class Row(Record, tag=ROW, frozen=True, gc=False):
    """One `log()` call: the values of a key set, in its order.

    Decoded by the thousand and part of no cycle: without the garbage collector's eye on it, that takes half the time.
    """

    seq: Int64
    step: Int64
    time: Int64
    execution: int
    site: int
    flags: int
    keys: int
    values: list[Any]


class Start(Record, tag=2, frozen=True):
    """A run begins, or is resumed: what `init()` was told and found out. `parent` is set for forks and rewinds."""

    seq: int
    time: int
    fields: dict[str, Any]
    parent: Pointer | None = None


class Pointer(msgspec.Struct, array_like=True, frozen=True):
    """Where a fork or rewind begins: `step` and what comes before it in that generation is inherited.

    `marks` holds the high-water sequence number of each writer, so that what a parent logs later is not inherited.
    """

    run: str
    generation: int
    step: int
    marks: dict[str, int]


class Keys(Record, tag=3, frozen=True):
    """A key set gets a number. `stream` 0 is the history, 1 the system metrics."""

    id: int
    names: list[str]
    stream: int = 0


class Site(Record, tag=4, frozen=True):
    """A place in the user's code that logs."""

    id: int
    file: str
    line: int
    function: str = ""


class Execution(Record, tag=5, frozen=True):
    """A cell execution begins; `uid` is unique everywhere, `fields` hold cell id, count, source, its SHA-256 ..."""

    id: int
    uid: str
    time: int
    fields: dict[str, Any] = {}


class ExecutionEnd(Record, tag=6, frozen=True):
    """A cell execution has ended: outcome, traceback, digests of its outputs."""

    seq: int
    time: int
    uid: str
    fields: dict[str, Any] = {}


class Config(Record, tag=7, frozen=True):
    """Config keys set or removed."""

    seq: int
    time: int
    execution: int
    site: int
    values: dict[str, Any]
    removed: list[str] = []


class Summary(Record, tag=8, frozen=True):
    """Summary values set or removed by hand: an overlay on what is derived from the metrics."""

    seq: int
    time: int
    execution: int
    site: int
    values: dict[str, Any]
    removed: list[str] = []


class Attributes(Record, tag=9, frozen=True):
    """Name, notes, tags and the like changed by the run itself."""

    seq: int
    time: int
    execution: int
    site: int
    values: dict[str, Any]


class Define(Record, tag=10, frozen=True):
    """A metric definition: name or prefix, and what was said of it."""

    seq: int
    time: int
    execution: int
    site: int
    name: str
    fields: dict[str, Any]


class Finish(Record, tag=11, frozen=True):
    """The run has ended. Later records of other writers still count."""

    seq: int
    time: int
    state: str
    exit_code: int | None = None
    fields: dict[str, Any] = {}


class Lost(Record, tag=12, frozen=True):
    """What could not be kept while the disk was full: said, never silent."""

    seq: int
    time: int
    records: int
    reason: str


class Unknown(msgspec.Struct, frozen=True):
    """A whole record of a kind this release does not know, or cannot decode."""

    payload: bytes
    reason: str


class Array:
    """An array as it travels: NumPy is not needed to carry it. No struct, so that the encoder asks what to do with it."""

    __slots__ = ("data", "dtype", "shape")

    def __init__(self, dtype: str, shape: list[int], data: bytes) -> None:
        self.dtype, self.shape, self.data = dtype, shape, data

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Array):
            return NotImplemented
        return (self.dtype, self.shape, self.data) == (other.dtype, other.shape, other.data)

    def __hash__(self) -> int:
        return hash((self.dtype, self.data))

    def __repr__(self) -> str:
        return f"<array of {'x'.join(map(str, self.shape))} {self.dtype}>"


Known = (
    Head | Row | Start | Keys | Site | Execution | ExecutionEnd | Config | Summary | Attributes | Define | Finish | Lost
)


def _decode_extension(code: int, data: memoryview) -> Any:
    if code == BIG_INT:
        return int(bytes(data))
    if code == ARRAY:
        return Array(*msgspec.msgpack.decode(data))
    return msgspec.msgpack.Ext(code, bytes(data))


_decoder: msgspec.msgpack.Decoder[Known] = msgspec.msgpack.Decoder(Known, ext_hook=_decode_extension)
_values = msgspec.msgpack.Decoder(ext_hook=_decode_extension)


def decode(payload: bytes | memoryview) -> Known | Unknown:
    """One record from its payload; what cannot be understood comes back as `Unknown`, never as an exception."""
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        return Unknown(bytes(payload), str(error))


def decode_all(payloads: Sequence[bytes | memoryview]) -> list[Known | Unknown]:
    """Several, as `decode` would."""
    try:
        return list(map(_decoder.decode, payloads))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return [decode(payload) for payload in payloads]


def _extension(value: Any) -> Any:
    if isinstance(value, Array):
        body = msgspec.msgpack.encode([value.dtype, value.shape, value.data])
        return msgspec.msgpack.Ext(ARRAY, body)
    raise NotImplementedError(f"{type(value).__name__} cannot be stored")


_encoder = msgspec.msgpack.Encoder(enc_hook=_extension)


def encode_value(value: Any) -> bytes:
    """MessagePack of a decoded value, big integers and arrays included: the form in which the store keeps objects."""
    try:
        return _encoder.encode(value)
    except OverflowError:
        return _encoder.encode(_tagged(value))


def decode_value(data: bytes | memoryview) -> Any:
    """The value that `encode_value` was given."""
    return _values.decode(data)


def _tagged(value: Any) -> Any:
    """Integers beyond 64 bits as MessagePack extensions, at any depth."""
    if isinstance(value, dict):
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tagged(item) for item in value]
    if type(value) is int and not -(2**63) <= value < 2**64:
        return msgspec.msgpack.Ext(BIG_INT, str(value).encode())
    return value
