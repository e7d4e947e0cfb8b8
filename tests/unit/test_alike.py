"""Rows decoded together are the rows decoded one by one."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_nb.journal import records
from tracker_nb.store import alike
from tracker_nb.store.batch import Batch

encode = msgspec.msgpack.Encoder().encode
NUMBERS = {
    "float": st.floats(),
    "small": st.integers(0, 127),
    "negative": st.integers(-32, -1),
    "int": st.integers(-(2**63), 2**63 - 1),
    "byte": st.integers(128, 255),
    "huge": st.integers(2**63, 2**64 - 1),
    "either": st.one_of(st.integers(), st.floats()).filter(lambda v: isinstance(v, float) or -(2**63) <= v < 2**63),
    "bool": st.booleans(),
    "text": st.text(max_size=3),
    "nothing": st.none(),
    "nested": st.dictionaries(st.text(max_size=2), st.floats(), max_size=2),
}


@st.composite
def logged(draw):
    """Rows as a program logs them: mostly alike, of one key set or two, all numbers at their edges."""
    kinds = draw(st.lists(st.sampled_from([*NUMBERS, *["float"] * 10]), min_size=1, max_size=5))
    first = draw(st.sampled_from([1, 120, 250, 65_530, 2**32 - 5, 2**62]))
    step = draw(st.sampled_from([-40, 0, 100, 65_000, 2**31]))
    sets = draw(st.sampled_from([1, 1, 1, 2]))
    cell = draw(st.sampled_from([0, 3, 200]))
    rows = []
    for i in range(draw(st.integers(1, 60))):
        values = [draw(NUMBERS[kind]) for kind in kinds]
        rows.append(
            [
                1,
                first + i,
                step + i * draw(st.integers(0, 2)),
                1_795_378_407_123_456 + i,
                cell,
                7,
                0,
                1 + i % sets,
                values,
            ]
        )
    return [encode(row) for row in rows], len(kinds)


def batch_of(payloads, names, blocks):
    batch = Batch({n: (tuple(f"set {n} key {i}" for i in range(names)), 0) for n in (1, 2)})
    for block in blocks(payloads):
        batch.feed(list(range(len(block))), block)
    return batch


def same(one, other):
    assert one.dtype == other.dtype
    if one.dtype == object:
        assert [(type(v), repr(v)) for v in one] == [(type(v), repr(v)) for v in other]
    else:
        assert one.tobytes() == other.tobytes()


@given(logged())
def test_rows_read_together_give_the_columns_of_rows_read_one_by_one(found):
    payloads, names = found
    together = batch_of(
        payloads, names, lambda all_: [all_[: len(all_) // 2 + 1], all_[len(all_) // 2 + 1 :] or all_[:0]]
    )
    single = batch_of(payloads, names, lambda all_: [[one] for one in all_])

    assert (together.count, together.last_seq, together.last_time) == (single.count, single.last_seq, single.last_time)
    left, right = list(together.groups()), list(single.groups())
    assert [(group.names, group.stream, len(group), repr(group.maps)) for group in left] == [
        (group.names, group.stream, len(group), repr(group.maps)) for group in right
    ]
    for one, other in zip(left, right, strict=True):
        for name in alike.LINE:
            same(getattr(one, name), getattr(other, name))
        for a, b in zip(one.values, other.values, strict=True):
            same(a, b)


def rows(n, value, *, keys=1, seq=1000):
    return [encode([1, seq + i, 300 + i, 2**50 + i, 0, 1, 2, keys, value(i)]) for i in range(n)]


def test_what_a_training_loop_logs_is_read_together():
    found = alike.decode(rows(100, lambda i: [i * 0.5, math.nan, i % 100]))

    assert found.keys == 1
    assert [column.tolist() for column in found.line[:3]] == [
        list(range(1000, 1100)),
        list(range(300, 400)),
        list(range(2**50, 2**50 + 100)),
    ]
    assert found.values[0].tolist() == [i * 0.5 for i in range(100)]
    assert np.isnan(found.values[1]).all()
    assert found.values[2].dtype == np.int64
    assert [records.decode(payload) for payload in rows(100, lambda i: [i * 0.5])] == alike.decode(
        rows(100, lambda i: [i * 0.5])
    ).records()


@pytest.mark.parametrize(
    "payloads",
    [
        rows(3, lambda _: [1.0]),
        [*rows(20, lambda _: [1.0]), encode([11, 1, 2, "finished"])],
        [*rows(20, lambda _: [1.0]), *rows(20, lambda _: [1.0], keys=2)],
        rows(40, lambda i: [1.0 if i % 2 else "123456789"[:8]]),
        rows(40, lambda i: [i - 20]),
        rows(40, lambda i: [2**64 - 1 - i]),
        rows(40, lambda i: [1.0] * (1 + i % 2)),
        rows(40, lambda _: [True]),
        [encode([1, *range(8)]) for _ in range(40)],
        [payload[:-1] for payload in rows(40, lambda _: [5])],
    ],
    ids=["few", "another record", "two key sets", "text", "negative", "huge", "ragged", "bools", "no list", "cut off"],
)
def test_what_is_not_alike_is_left_to_the_decoder_of_records(payloads):
    assert alike.decode(payloads) is None
