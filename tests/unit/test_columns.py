"""Packed columns give back what they were made of, bit for bit."""

import os
import struct
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tracker_nb.journal.records import Array
from tracker_nb.store import columns

DTYPES = {columns.FLOAT: "<f8", columns.INT: "<i8", columns.BOOL: "?"}

int64 = st.integers(-(2**63), 2**63 - 1)
# Steps and times as people have them, and anything else.
ints = st.one_of(
    hnp.arrays("<i8", st.integers(1, 200), elements=int64),
    st.builds(lambda a, d, n: np.arange(n) * d + a, st.integers(-1000, 1000), st.integers(-3, 3), st.integers(1, 200)),
    hnp.arrays("<i8", st.integers(1, 200), elements=st.integers(0, 100)).map(np.cumsum),
    hnp.arrays("<i8", st.integers(1, 200), elements=st.integers(2**40, 2**40 + 2**20)).map(np.sort),
)
floats = st.one_of(
    hnp.arrays("<f8", st.integers(1, 200), elements=st.floats()),
    hnp.arrays("<f8", st.integers(1, 200), elements=st.floats(width=32)),
    hnp.arrays("<f8", st.integers(1, 200), elements=st.floats(0, 1).map(lambda x: round(x, 2))),
    # Any bits: signalling NaN, NaN with a payload, -0.0, subnormal.
    hnp.arrays("<u8", st.integers(1, 200), elements=st.integers(0, 2**64 - 1)).map(lambda a: a.view("<f8")),
)
bools = hnp.arrays(np.bool_, st.integers(1, 200))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
arrays = st.builds(
    lambda a: Array(a.dtype.str, list(a.shape), a.tobytes()), hnp.arrays("<f4", hnp.array_shapes(max_dims=2))
)
objects = st.lists(plain | arrays, min_size=1, max_size=20)


def exactly(value):
    """Something equal only for the same value of the same type, floats by their bits."""
    if isinstance(value, float):
        return "float", struct.pack("<d", value)
    if isinstance(value, list):
        return [exactly(item) for item in value]
    if isinstance(value, dict):
        return {key: exactly(item) for key, item in value.items()}
    return type(value), value


@given(st.one_of(ints, floats, bools))
def test_a_packed_column_unpacks_to_the_same_bits(array):
    data = columns.pack(array)
    back = columns.unpack(data, len(array))

    assert back.dtype == np.dtype(DTYPES[columns.element_type(array)])
    assert back.tobytes() == array.tobytes()
    assert columns.unpack(memoryview(data), len(array)).tobytes() == array.tobytes()


@given(objects)
def test_objects_unpack_to_the_same_values(values):
    array = columns._objects(values)
    back = columns.unpack(columns.pack(array), len(array))

    assert back.dtype == object
    assert [exactly(value) for value in back] == [exactly(value) for value in values]


@given(
    st.lists(plain, min_size=1, max_size=20)
    | st.lists(int64 | st.floats(), min_size=1)
    | st.lists(st.booleans(), min_size=1)
)
def test_an_array_made_of_values_keeps_each_of_them(values):
    array = columns.from_values(values)

    assert array.shape == (len(values),)
    if array.dtype == object:
        assert [exactly(value) for value in array] == [exactly(value) for value in values]
    elif array.dtype == np.float64:  # integers among floats become floats, where that loses nothing
        assert [exactly(value) for value in array.tolist()] == [exactly(float(value)) for value in values]
        assert all(float(value) == value or value != value for value in values)
    else:
        assert [exactly(value) for value in array.tolist()] == [exactly(value) for value in values]


@given(st.lists(st.one_of(ints, floats, bools, objects.map(columns._objects)), min_size=1, max_size=5))
def test_joined_columns_keep_each_value(parts):
    joined = columns.join(parts)

    assert len(joined) == sum(map(len, parts))
    values = [value for part in parts for value in part.tolist()]
    if joined.dtype == np.float64:
        assert [exactly(value) for value in joined.tolist()] == [exactly(float(value)) for value in values]
        assert all(type(value) is float or float(value) == value for value in values)
    else:
        assert [exactly(value) for value in joined.tolist()] == [exactly(value) for value in values]


@given(st.one_of(ints, floats, bools))
def test_a_column_is_never_much_larger_than_its_bytes(array):
    assert len(columns.pack(array)) <= array.nbytes + 18


def test_the_usual_columns_are_small():
    steps = np.arange(8192)
    times = 1_700_000_000_000_000 + np.cumsum(np.random.default_rng(0).integers(900, 1100, 8192))
    losses = np.random.default_rng(0).random(8192)

    assert len(columns.pack(steps)) == 18
    assert columns.is_progression(columns.pack(steps))
    assert len(columns.pack(times)) < 2 * 8192
    assert len(columns.pack(losses)) <= 8 * 8192 + 2
    assert len(columns.pack(losses.astype(np.float32).astype(np.float64))) <= 4 * 8192 + 2
    assert len(columns.pack(np.full(8192, 0.1))) == 10


def test_several_threads_may_pack_and_unpack_at_once():
    """One compressor shared by threads crashed the process: it lets go of the GIL while it works."""
    rng = np.random.default_rng(0)
    found = [np.round(rng.normal(size=100_000).cumsum(), 2) for _ in range(4)]
    packed = [columns.pack(array) for array in found]
    wrong = [False] * 4

    def work(i):
        for _ in range(10):
            wrong[i] |= columns.pack(found[i]) != packed[i]
            wrong[i] |= columns.unpack(packed[i], len(found[i])).tobytes() != found[i].tobytes()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(wrong)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_packs_with_a_compressor_of_the_parent():
    array = np.round(np.random.default_rng(0).normal(size=10_000), 2)
    packed = columns.pack(array)
    pid = os.fork()
    if pid == 0:
        os._exit(int(columns.pack(array) != packed))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_an_encoding_of_a_later_release_is_refused():
    with pytest.raises(ValueError, match="unknown encoding 200"):
        columns.unpack(bytes([columns.FLOAT, 200]) + b"12345678", 1)
