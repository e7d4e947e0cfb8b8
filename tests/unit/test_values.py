"""Whatever is logged is recorded: exactly where it can be, as text where it cannot, and never with an exception."""

import collections
import dataclasses
import datetime
import decimal
import enum
import math
import pathlib
import threading
import uuid
import warnings

import msgspec
import numpy as np
import pytest

import tracker_nb
from tests.read_back import same, values
from tracker_nb.sdk.values import LoggedAsText

NAN, INF = math.nan, math.inf


# ---------------------------------------------------------------------------------------------------- numbers


def test_nan_and_infinities_are_kept_in_rows_series_summary_config_and_buckets(store):
    with tracker_nb.init(project="p", id="n", config={"a": NAN, "b": [INF, -INF]}) as run:
        for number in (1.0, NAN, INF, -INF, NAN):
            run.log({"x": number})
        run.summary["by_hand"] = -INF

    found = tracker_nb.Api().run("p/n")
    np.testing.assert_array_equal(found.series("x").value, [1.0, NAN, INF, -INF, NAN])
    assert same([row["x"] for row in found.scan_history()], [1.0, NAN, INF, -INF, NAN])
    assert same(found.config, {"a": NAN, "b": [INF, -INF]})
    assert same(found.summary["x"], NAN)
    assert same(found.summary["by_hand"], -INF)
    buckets = found.buckets("x")
    np.testing.assert_array_equal(buckets.min, [1.0, NAN, INF, -INF, NAN])
    assert buckets.count.tolist() == [1, 1, 1, 1, 1]
    one = found.buckets("x", n=1)
    assert (one.min[0], one.max[0], one.count[0]) == (-INF, INF, 5)


def test_a_series_of_only_nan_is_read_back(read_back):
    run = read_back(*[{"x": NAN}] * 3)

    assert np.isnan(run.series("x").value).all()
    assert same(run.summary["x"], NAN)
    assert run.buckets("x", n=1).count.tolist() == [3]


def test_negative_zero_keeps_its_sign(read_back):
    run = read_back({"x": -0.0}, {"x": 0.0})

    assert [math.copysign(1, v) for v in run.series("x").value] == [-1, 1]


INTEGERS = [0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 2**200, -(2**200), 10**400]


@pytest.mark.parametrize("number", INTEGERS)
def test_an_integer_of_any_size_is_read_back_exactly(read_back, number):
    run = read_back({"x": number, "y": [number, {"z": number}], "nested": {"n": number}})

    assert same(values(run), [{"x": number, "y": [number, {"z": number}], "nested.n": number}])
    assert same(run.summary["x"], number)
    assert run.series("x").value.tolist() == [number]
    assert len(run.buckets("x")) == 1


def test_integers_of_all_sizes_in_one_series_are_read_back_exactly(read_back):
    run = read_back(*({"x": number} for number in INTEGERS))

    assert run.series("x").value.tolist() == INTEGERS
    assert len(run.buckets("x", n=3)) > 0
    assert len(run.buckets("x", x="x", n=3)) > 0


def test_a_huge_integer_in_a_wide_row_of_many_is_read_back(read_back):
    # Wide rows that are few are folded into maps, which have statistics of their own.
    rows = [{f"{i}.{j}": 10**400 for j in range(300)} for i in range(2)]
    run = read_back(*rows)

    assert same(values(run), rows)


def test_a_huge_integer_in_the_config_is_read_back(store):
    with tracker_nb.init(project="p", id="c", config={"seed": 2**100, "deep": {"seed": [-(2**70)]}}) as run:
        run.config["later"] = 10**400

    assert same(tracker_nb.Api().run("p/c").config, {"seed": 2**100, "deep": {"seed": [-(2**70)]}, "later": 10**400})


def test_a_large_integer_among_floats_stays_exact(read_back):
    run = read_back({"x": 0.5}, {"x": 2**53 + 1}, {"x": 2})

    assert run.series("x").value.tolist() == [0.5, 2**53 + 1, 2]


# ---------------------------------------------------------------------------------------------------- steps


@pytest.mark.parametrize("step", [2**63 - 1, 2**63, -(2**63) - 1, 2**64, 2**200, NAN, INF, "one", 1.5])
def test_a_step_that_is_no_64_bit_integer_is_said_and_the_row_is_kept(store, step):
    run = tracker_nb.init(project="p", id="s")
    run.log({"x": 0})
    with pytest.warns(UserWarning, match="step="):
        run.log({"x": 1}, step=step)
    run.log({"x": 2})
    run.finish()

    assert sorted(tracker_nb.Api().run("p/s").series("x").value.tolist()) == [0, 1, 2]


def test_logging_goes_on_after_the_largest_step_there_is(read_back):
    run = read_back({"x": 0}, {"x": 1}, {"x": 2}, {"x": 3}, steps=[2**63 - 2, None, None, -(2**63)])

    assert run.series("x").value.tolist() == [3, 0, 1, 2]
    assert run.series("x").step.tolist() == [-(2**63), 2**63 - 2, 2**63 - 1, 2**63 - 1]


def test_steps_2_64_apart_make_buckets(read_back):
    run = read_back(*({"x": float(i)} for i in range(4)), steps=[-(2**63), 0, 1, 2**63 - 2])

    buckets = run.buckets("x", n=2)
    assert buckets.count.sum() == 4
    assert (buckets.min.min(), buckets.max.max()) == (0.0, 3.0)


# ---------------------------------------------------------------------------------------------------- text and keys


def test_any_text_is_kept_and_lone_surrogates_are_escaped(read_back):
    run = read_back({"x": "ü 日本 🙂 \0 end", "bad": "a\udc80b", "deep": ["\ud800"], "key \udcff": 1})

    assert values(run) == [{"x": "ü 日本 🙂 \0 end", "bad": "a\\udc80b", "deep": ["\\ud800"], "key \\udcff": 1}]


def test_surrogates_in_everything_that_init_is_told_are_escaped(store):
    with tracker_nb.init(
        project="p",
        id="s",
        name="n\udc80",
        notes="\udc80",
        tags=["\udc80"],
        group="g\udc80",
        config={"k\udc80": "\udc80"},
    ) as run:
        run.summary["s\udc80"] = "\udc80"
        run.name = "m\udc80"

    found = tracker_nb.Api().run("p/s")
    assert (found.name, found.notes, found.tags, found.group) == ("m\\udc80", "\\udc80", ["\\udc80"], "g\\udc80")
    assert found.config == {"k\\udc80": "\\udc80"}
    assert found.summary == {"s\\udc80": "\\udc80"}


def test_a_key_that_changes_its_type_keeps_every_value_as_it_was(read_back):
    logged = [1, 2.5, True, "text", None, [1, "a"], 2**70, NAN, {"_type": "table"}, {}]
    run = read_back(*({"x": value} for value in logged))

    assert same(values(run), [{"x": value} for value in logged])
    assert same(run.series("x").value.tolist(), logged)
    np.testing.assert_array_equal(run.buckets("x").mean[:3], [1, 2.5, 1])


class Awkward:
    def __str__(self):
        raise RuntimeError("no name")

    __repr__ = __str__


def test_keys_that_are_no_strings_are_kept_apart_by_name(read_back):
    logged = {"": 0, 1: 1, "1": 2, None: 3, (1, 2): 4, 2.5: 5, b"b": 6}
    run = read_back(logged, logged)

    assert values(run)[0] == values(run)[1]
    assert list(values(run)[0].values()) == [0, 1, 2, 3, 4, 5, 6]
    assert list(values(run)[0])[:2] == ["", "1"]
    assert run.series("").value.tolist() == [0, 0]
    assert run.series("(1, 2)").value.tolist() == [4, 4]


def test_keys_that_are_equal_and_print_differently_are_not_mixed_up(read_back):
    run = read_back({1: "int"}, {True: "bool"}, {1.0: "float"})

    assert values(run) == [{"1": "int"}, {"True": "bool"}, {"1.0": "float"}]


def test_a_key_that_cannot_be_printed_does_not_break_log(read_back):
    run = read_back({Awkward(): 1, "x": 2})

    assert run.series("x").value.tolist() == [2]
    assert sorted(values(run)[0].values()) == [1, 2]


def test_nested_dicts_become_dotted_keys_and_odd_inner_keys_are_kept(read_back):
    run = read_back({"a": {"b": {"c": 1}, 2: 3, "": 4}, "empty": {}})

    assert values(run) == [{"a.b.c": 1, "a.2": 3, "a.": 4, "empty": {}}]


def test_an_empty_row_is_a_row(read_back):
    run = read_back({}, {"x": 1}, {})

    assert values(run) == [{}, {"x": 1}, {}]
    assert run.series("x").step.tolist() == [1]


# ---------------------------------------------------------------------------------------------------- much of it


def test_a_hundred_thousand_distinct_keys_are_read_back(store):
    with tracker_nb.init(project="p", id="many") as run:
        for start in range(0, 100_000, 100):
            run.log({f"key {i}": i for i in range(start, start + 100)})

    found = tracker_nb.Api().run("p/many")
    assert len(found.keys()) == 100_000
    assert found.series("key 77777").value.tolist() == [77777]
    assert sum(len(row) - 3 for row in found.scan_history()) == 100_000


def test_rows_of_ten_thousand_columns_are_read_back(read_back):
    rows = [{f"layer {i}": float(i * n) for i in range(10_000)} for n in range(3)]
    run = read_back(*rows)

    assert values(run) == rows
    assert run.series("layer 9999").value.tolist() == [0.0, 9999.0, 19998.0]


def test_a_value_of_25_mb_is_read_back(read_back):
    text, array = "x" * 25_000_000, np.arange(3_200_000)
    run = read_back({"text": text, "array": array, "loss": 1.0}, {"loss": 2.0})

    row = values(run)[0]
    assert row["text"] == text
    assert same(row["array"], array)
    assert run.series("loss").value.tolist() == [1.0, 2.0]
    assert run.summary["loss"] == 2.0


# ---------------------------------------------------------------------------------------------------- anything else


class Metres(float):
    """A number of a class of its own."""


class Count(int):
    """Likewise."""


class Text(str):
    """Likewise."""


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Point:
    x: int
    label: str


class Struct(msgspec.Struct):
    x: object


class NoRepr:
    def __repr__(self):
        raise ValueError("no")


class Loud(float):
    def __float__(self):
        raise ValueError("no")


def recursive(*, twice):
    made = [1]
    made += [made] * (2 if twice else 1)
    return made


def recursive_dict():
    made = {"a": 1}
    made["self"] = made
    return made


def numbers():
    yield 1
    yield 2


DATE = datetime.datetime(2024, 5, 6, 7, 8, 9, 10, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (Color.RED, "red"),
        (Level.HIGH, 3),
        ({1}, [1]),
        (frozenset({"a"}), ["a"]),
        ((1, 2), [1, 2]),
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"a"), b"a"),
        (DATE, DATE),
        (datetime.date(2024, 5, 6), "2024-05-06"),
        (decimal.Decimal("1.5"), "1.5"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (collections.OrderedDict(_type="x"), {"_type": "x"}),
        (collections.deque([1]), "deque([1])"),
        (pathlib.PurePosixPath("a/b"), "PurePosixPath('a/b')"),
        (1 + 2j, "(1+2j)"),
        (range(2), "range(0, 2)"),
        (NoRepr(), "<NoRepr whose repr raised ValueError>"),
        (Loud(1.5), 1.5),
        (Metres(1.5), 1.5),
        (Count(3), 3),
        (Count(2**70), 2**70),
        (Text("a"), "a"),
        ([{"a": Count(2**70)}], [{"a": 2**70}]),
        (int, "<class 'int'>"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.filterwarnings("ignore::tracker_nb.sdk.values.LoggedAsText")
def test_a_value_of_another_type_is_recorded_in_the_nearest_form(read_back, value, wanted):
    run = read_back({"x": value, "list": [value], "y": 1})

    assert same(values(run), [{"x": wanted, "list": [wanted], "y": 1}])


@pytest.mark.filterwarnings("ignore::tracker_nb.sdk.values.LoggedAsText")
@pytest.mark.parametrize(
    "make",
    [
        lambda: recursive(twice=False),
        lambda: recursive(twice=True),
        recursive_dict,
        lambda: {"_type": "x", "deep": recursive(twice=True)},
        numbers,
        lambda: Struct(2**100),
        lambda: Struct(NoRepr()),
        lambda: Point(2**100, "\udc80"),
        lambda: [NoRepr()] * 3,
        lambda: {NoRepr(): NoRepr()},
        lambda: np.array([NoRepr(), recursive(twice=True)], object),
        lambda: open,
        lambda: math,
        object,
    ],
)
def test_log_never_raises_for_a_value_and_keeps_the_rest_of_the_row(read_back, make):
    run = read_back({"before": 1, "x": make(), "after": 2})

    assert run.series("before").value.tolist() == [1]
    assert run.series("after").value.tolist() == [2]
    assert any(name.startswith("x") for name in values(run)[0])


def test_a_dataclass_is_recorded_as_its_fields(read_back):
    run = read_back({"p": Point(1, "a")})

    assert values(run) == [{"p.x": 1, "p.label": "a"}]


def test_a_generator_is_not_consumed(read_back):
    generator = numbers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_back({"x": generator})

    assert list(generator) == [1, 2]


def test_what_is_recorded_as_text_is_said_once(store, monkeypatch):
    from tracker_nb.sdk import values as module

    monkeypatch.setattr(module, "_warned", set())
    run = tracker_nb.init(project="p")
    with pytest.warns(LoggedAsText, match="records a .*NoRepr as text") as caught:
        run.log({"x": NoRepr()})
        run.log({"x": NoRepr(), "y": NoRepr()})

    assert len(caught) == 1


def test_a_dict_that_another_thread_changes_while_it_is_logged_breaks_nothing(store):
    shared, stop = {f"k{i}": i for i in range(20)}, threading.Event()

    def change():
        i = 0
        while not stop.is_set():
            i += 1
            shared[f"new{i % 7}"] = i
            shared.pop(f"new{(i + 3) % 7}", None)

    run = tracker_nb.init(project="p", id="shared")
    thread = threading.Thread(target=change)
    thread.start()
    for _ in range(20_000):
        run.log(shared)
    stop.set()
    thread.join()
    run.log({"end": 1})
    run.finish()

    found = tracker_nb.Api().run("p/shared")
    assert found.state == "finished"
    assert len(found.series("end")) == 1
    rows = values(found)
    assert len(rows) == 20_001
    assert all(row[f"k{i}"] == i for row in rows[:-1] for i in range(20))


def test_a_dict_that_changes_in_the_middle_of_log_is_recorded_as_it_was(store):
    class Sly(str):
        """A key that changes its dict when it is looked up: as another thread could, at the worst moment."""

        __slots__ = ()

        def __hash__(self):
            if armed:
                shared["later"] = armed.pop()
            return str.__hash__(self)

        __eq__ = str.__eq__

    armed, shared = [], {}
    shared[Sly("sly")], shared["x"] = 1, 2
    armed += [3]
    run = tracker_nb.init(project="p", id="shared")
    run.log(shared)
    assert not armed
    run.log({"x": 4})
    run.finish()

    assert values(tracker_nb.Api().run("p/shared")) == [{"sly": 1, "x": 2}, {"x": 4}]


def test_a_row_whose_values_do_not_match_its_keys_does_not_stop_those_after_it(store):
    # No writer of ours makes it; a reader that stumbled over it would never get to what follows.
    from tracker_nb.journal import frames

    run = tracker_nb.init(project="p", id="odd")
    run.log({"a": 1.0, "b": 2.0})
    writer = run._writer
    number = writer._keys["a", "b"]
    for seq, wrong in ((9_000, [3.0]), (9_001, [3.0, 4.0, 5.0]), (9_002, [])):
        payload = msgspec.msgpack.encode((1, seq, 7, 1, 0, 0, 0, number, wrong))
        writer._append(frames.frame(payload), droppable=True)
    run.log({"a": 5.0, "b": 6.0})
    run.finish()

    found = tracker_nb.Api().run("p/odd")
    assert [row for row in values(found) if set(row) == {"a", "b"}] == [{"a": 1.0, "b": 2.0}, {"a": 5.0, "b": 6.0}]
    assert len(values(found)) == 5


def test_values_of_every_kind_in_config_and_summary_are_kept_or_recorded_as_text(store):
    odd = {
        "nan": NAN,
        "big": 2**70,
        "array": np.arange(3),
        "set": {1},
        "date": DATE,
        "bytes": b"x",
        "nested": {"a": {2: 3}},
    }
    with tracker_nb.init(project="p", id="odd", config=odd) as run:
        run.summary.update(odd)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LoggedAsText)
            run.config["odd"] = NoRepr()
            run.summary["odd"] = recursive(twice=True)

    found = tracker_nb.Api().run("p/odd")
    for kept in (found.config, found.summary):
        assert same(kept["array"], np.arange(3))
        assert same([kept["nan"], kept["big"], kept["set"], kept["date"], kept["bytes"]], [NAN, 2**70, [1], DATE, b"x"])
        assert "odd" in kept
