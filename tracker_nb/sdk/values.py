"""What users log, in a form a journal can hold: NumPy and torch scalars, arrays, odd numbers and strings, anything else.

Nothing here imports NumPy or torch: a value brings its own library along. `log()` never raises for a value.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tracker_nb.journal.records import ARRAY, BIG_INT, Pointer

PLAIN = (float, int, bool, str, type(None))
_LONGEST_REPR = 4096
_MOST_BITS = 14_000  # Python refuses to print or read integers of more than 4,300 digits
_DEEPEST = 64
_converters: dict[type, Callable[[Any], Any]] = {}
_warned: set[type] = set()


class LoggedAsText(UserWarning):
    """A value was recorded by its repr because it has no other form."""


def encode_hook(value: Any) -> Any:
    """The form of a value that MessagePack does not know. Called by the encoder; what it raises is caught there."""
    converter = _converters.get(type(value))
    if converter is None:
        converter = _converters[type(value)] = _choose(value)
    return converter(value)


def _choose(value: Any) -> Callable[[Any], Any]:
    kind = type(value)
    for exact, convert in ((float, float.__float__), (int, int.__int__), (str, str.__str__)):
        if isinstance(value, exact):  # np.float64 among them
            return convert
    if hasattr(value, "detach") and hasattr(value, "numpy"):  # torch
        return _tensor
    numpy = {base.__name__ for base in kind.__mro__ if base.__module__ == "numpy"}
    if "ndarray" in numpy:  # of no dimensions too: the next one of this type may have some
        return _array
    if "generic" in numpy:
        return _scalar
    if hasattr(value, "dtype") and hasattr(value, "__array__"):  # jax, TensorFlow, cupy by way of NumPy
        return _foreign
    if hasattr(value, "as_array") or hasattr(value, "to_dict"):  # pandas objects and the like are issue D's tables
        return _text
    if isinstance(value, Mapping):
        return dict
    if kind.__name__ == "OrderedDict":
        return dict
    return _text


def _scalar(value: Any) -> Any:
    plain = value.item()
    if type(plain) is int and not -(2**63) <= plain < 2**64:
        return _big(plain)
    if isinstance(plain, PLAIN):
        return plain
    try:  # longdouble.item() is a longdouble
        return float(plain)
    except (TypeError, ValueError, OverflowError):
        return str(plain)


def _array(value: Any) -> Any:
    if value.size == 1:
        return _scalar(value.reshape(())[()])
    if value.dtype.hasobject:
        return value.tolist()
    little = value.astype(value.dtype.newbyteorder("<"), copy=False)
    return msgspec.msgpack.Ext(ARRAY, msgspec.msgpack.encode([little.dtype.str, list(value.shape), little.tobytes()]))


def _tensor(value: Any) -> Any:
    if value.numel() == 1:
        return _scalar_of(value.item())
    flat = value.detach().cpu()
    try:
        return _array(flat.numpy())
    except TypeError:  # bfloat16 has no NumPy type: float32 holds it exactly
        return _array(flat.float().numpy())


def _scalar_of(plain: Any) -> Any:
    return _big(plain) if type(plain) is int and not -(2**63) <= plain < 2**64 else plain


def _foreign(value: Any) -> Any:
    array = value.__array__()
    return _array(array) if array.ndim else _scalar(array[()])


def _big(value: int) -> Any:
    if value.bit_length() > _MOST_BITS:
        return _cut(hex(value))
    return msgspec.msgpack.Ext(BIG_INT, str(value).encode())


def _text(value: Any) -> str:
    if type(value) not in _warned:
        _warned.add(type(value))
        warnings.warn(
            f"tracker_nb records a {type(value).__module__}.{type(value).__qualname__} as text: it is neither a number, "
            f"a string, an array, a list nor a dict. Convert it before log() to keep more of it.",
            LoggedAsText,
            stacklevel=2,
        )
    return _repr(value)


def _repr(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a user's __repr__ may raise anything
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return escape(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_REPR else text[:_LONGEST_REPR] + "…"


def escape(text: str) -> str:
    r"""The text with lone surrogates as `\udc80` and the like: UTF-8 has no other form for them."""
    return text.encode("utf-8", "backslashreplace").decode()


def plain(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """The slow path: a form that surely can be encoded. Never raises. `inside` are the ids of what it lies in."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else _big(int(value))
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, bytes | bytearray | memoryview | msgspec.msgpack.Ext):
        return value
    if len(inside) > _DEEPEST or id(value) in inside:
        return _repr(value)
    inside = (*inside, id(value))
    try:
        if isinstance(value, Mapping):
            return {_text_of(key): plain(item, inside) for key, item in list(value.items())}
        if isinstance(value, list | tuple | set | frozenset):
            return [plain(item, inside) for item in list(value)]
        if isinstance(value, Pointer):  # a record's own part
            return value
        if isinstance(value, msgspec.Struct) or dataclasses.is_dataclass(type(value)):
            names = value.__struct_fields__ if isinstance(value, msgspec.Struct) else _field_names(value)
            return {name: plain(getattr(value, name), inside) for name in names}
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            msgspec.msgpack.encode(value)  # dates, enums, decimals and the like
            return value
        return _encodable(encode_hook(value), inside)
    except Exception:  # noqa: BLE001 - whatever looking at the value raised, its repr is better than nothing
        return _repr(value)


def _encodable(converted: Any, inside: tuple[int, ...]) -> Any:
    return plain(converted, inside) if isinstance(converted, dict | list | str | int) else converted


def _field_names(value: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(value)]


def _text_of(key: Any) -> str:
    try:
        return escape(str(key))
    except Exception:  # noqa: BLE001 - a user's __str__ may raise anything
        return _repr(key)
