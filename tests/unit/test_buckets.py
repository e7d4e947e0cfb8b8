"""Buckets for charts: whatever was logged and whichever way it is answered, no minimum or maximum is lost.

Row groups and summary levels are made small here, so that a few hundred rows have all that ten million have. What a bucket
holds is checked by looking at each value.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tracker_nb
from tracker_nb import BadValue
from tracker_nb.journal import naming
from tracker_nb.journal import writer as journal_writer
from tracker_nb.query import levels
from tracker_nb.query.parts import Part
from tracker_nb.store import groups, pyramid

START = 1_700_000_000_000_000
AXES = ("_step", "_runtime", "_timestamp", "x")


@pytest.fixture(scope="module", autouse=True)
def small():
    """Row groups of 32 rows, levels of 4 and 16 rows an entry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "GROUP_ROWS", 32)
        patch.setattr(pyramid, "FINE", 4)
        patch.setattr(pyramid, "COARSE", 16)
        patch.setattr(pyramid, "WORTH", 8)
        yield


# ---------------------------------------------------------------------------------------------------- what was logged


@dataclass
class Row:
    """One log() call: `x` or `y` is None where it has none; `at` is its time in microseconds since the start."""

    y: float | None
    x: float | None
    step: int | None
    at: int


class Clock:
    """Tells the journal's writer the times of the rows."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now * 1000


def log(sessions, *, live, project="p"):
    """A run of these sessions, each a list of rows by a writer of its own; the last one goes on if `live`."""
    clock = Clock()
    journal_writer._time_ns, naming._time_ns, before = clock, clock, journal_writer._time_ns
    try:
        run = None
        for rows in sessions:
            if run is not None:
                run.finish()
            run = tracker_nb.init(
                project=project,
                id=run.id if run else None,
                resume="allow",
                reinit="create_new",
                settings={"silent": True},
            )
            for row in rows:
                clock.now = START + row.at
                run.log({k: v for k, v in (("y", row.y), ("x", row.x)) if v is not None} or {"z": 0}, step=row.step)
        if not live:
            run.finish()
        return run
    finally:
        journal_writer._time_ns = naming._time_ns = before


def as_read(sessions):
    """(step, row) of each row, by step and then as logged: what series and history say."""
    found, step = [], 0
    for rows in sessions:
        for row in rows:
            at = step if row.step is None else row.step
            found.append((at, row))
            step = at + 1
        # A resumed run counts on from its largest step.
        step = max((at for at, _ in found), default=-1) + 1
    return sorted(found, key=lambda pair: pair[0])


def points(sessions, axis, created):
    """(x, y) of each row that holds y, by x; rows of equal x in their order by step."""
    rows = as_read(sessions)
    made = []
    for n, (step, row) in enumerate(rows):
        if row.y is None:
            continue
        if axis == "_step":
            x = float(step)
        elif axis == "_timestamp":
            x = (START + row.at) / 1e6
        elif axis == "_runtime":
            x = (START + row.at - created) / 1e6
        elif row.x is not None:
            x = row.x
        else:
            before = [other.x for at, other in rows if at <= step and other.x is not None]
            if not before:
                continue
            x = before[-1]
        made.append((x, row.y, n))
    return sorted(made, key=lambda point: point[0]) if axis != "x" else made


# ---------------------------------------------------------------------------------------------------- what must hold


def check(found, made, n, *, crossed):
    """Buckets against the points that they are of."""
    if crossed:
        # Points are taken by step: for each bucket its members in that order.
        made = sorted(made, key=lambda point: point[0])
    y = np.array([point[1] for point in made], np.float64)
    x = np.array([point[0] for point in made], np.float64)
    order = np.array([point[2] for point in made], np.int64)

    assert found.count.sum() == len(made)  # nothing is lost, nothing counted twice
    assert len(found) <= n
    assert (np.diff(found.x) >= 0).all()
    assert (found.count > 0).all()
    if len(made) <= n:
        assert found.exact
        for column in (found.min, found.max, found.last, found.mean):
            assert np.array_equal(column, y, equal_nan=True)
        assert np.array_equal(found.x, x)
        return
    assert found.exact == (found.count == 1).all()
    ends = np.cumsum(found.count)
    for i, (begin, end) in enumerate(zip(ends - found.count, ends, strict=True)):
        here = y[begin:end]
        good = here[~np.isnan(here)]
        assert found.x[i] == x[begin]
        last = here[np.argmax(order[begin:end])] if crossed else here[-1]
        assert np.array_equal(found.last[i], last, equal_nan=True)
        if not len(good):
            assert np.isnan([found.min[i], found.max[i], found.mean[i]]).all()
            continue
        assert (found.min[i], found.max[i]) == (good.min(), good.max())
        largest = np.abs(good).max()
        if largest < 1e300:
            assert found.mean[i] == pytest.approx(math.fsum(good) / len(good), rel=1e-9, abs=1e-9 * largest)


def inside(made, low, high):
    return [p for p in made if (low is None or p[0] >= low) and (high is None or p[0] <= high)]


numbers = st.one_of(
    st.floats(-10, 10), st.integers(-5, 5).map(float), st.sampled_from([math.nan, math.inf, -math.inf]), st.floats()
)


@st.composite
def histories(draw, *, sorted_, with_x):
    """Sessions of rows; `sorted_` are the steps and times of a plain loop, else anything goes."""
    sizes = draw(st.lists(st.integers(0, 120), min_size=1, max_size=3))
    # Drawn in bulk: a value for each row would make examples that are slow to find and slow to shrink.
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    special = draw(st.lists(numbers, min_size=1, max_size=8))
    odd = draw(st.sampled_from([0.0, 0.05, 0.5]))
    times = np.cumsum(random.integers(1, 2_000_000, sum(sizes)))
    if not sorted_:
        times = random.permutation(times)
    steps = (
        draw(st.sampled_from(["implicit", "gaps"])) if sorted_ else draw(st.sampled_from(["any", "repeated", "mixed"]))
    )
    sessions, n = [], 0
    step = 0
    for size in sizes:
        rows = []
        for _ in range(size):
            y = special[random.integers(len(special))] if random.random() < odd else float(random.normal())
            x = special[random.integers(len(special))] if random.random() < odd else float(random.normal())
            has_x = with_x == "always" or (with_x == "sometimes" and random.random() < 0.5)
            has_y = with_x != "sometimes" or random.random() < 0.7
            step += int(random.integers(1, 50))
            given_step = {
                "implicit": None, "gaps": step, "any": int(random.integers(-100, 100)), "repeated": n // 7,
                "mixed": None if random.random() < 0.5 else int(random.integers(0, 60)),
            }[steps]  # fmt: skip
            rows.append(Row(y if has_y else None, x if has_x else None, given_step, int(times[n])))
            n += 1
        sessions.append(rows)
    return sessions


def windows(made):
    """Ends of a window: none, at a point, between points, beyond all."""
    xs = sorted({point[0] for point in made if math.isfinite(point[0])}) or [0.0]
    end = st.one_of(st.none(), st.sampled_from(xs), st.floats(xs[0] - 1, xs[-1] + 1, allow_subnormal=False))
    return st.tuples(end, end).filter(lambda w: None in w or w[0] <= w[1])


slow = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@slow
@pytest.mark.parametrize("sorted_", [True, False], ids=["sorted", "unsorted"])
@pytest.mark.parametrize("axis", AXES[:3])
@given(data=st.data())
def test_buckets_hold_what_was_logged_by_step_and_by_time(store, axis, sorted_, data):
    sessions = data.draw(histories(sorted_=sorted_, with_x="never"))
    run = log(sessions, live=data.draw(st.booleans()))
    try:
        found = tracker_nb.Api(store).run(run.path)
        created = found._state.created
        made = points(sessions, axis, created)
        if not made:
            return
        for _ in range(3):
            low, high = data.draw(windows(made))
            n = data.draw(st.sampled_from([1, 2, 3, 7, 20, 100, 1000]))
            check(found.buckets("y", x=axis, window=(low, high), n=n), inside(made, low, high), n, crossed=False)
    finally:
        run.finish()


@slow
@pytest.mark.parametrize("sorted_", [True, False], ids=["sorted", "unsorted"])
@pytest.mark.parametrize("with_x", ["always", "sometimes"])
@given(data=st.data())
def test_buckets_hold_what_was_logged_by_another_metric(store, with_x, sorted_, data):
    sessions = data.draw(histories(sorted_=sorted_, with_x=with_x))
    run = log(sessions, live=data.draw(st.booleans()))
    try:
        rows = [row for session in sessions for row in session]
        if not any(row.x is not None for row in rows) or not any(row.y is not None for row in rows):
            return
        found = tracker_nb.Api(store).run(run.path)
        made = points(sessions, "x", 0)
        finite = [p for p in made if math.isfinite(p[0])]
        for _ in range(3):
            low, high = data.draw(windows(finite))
            n = data.draw(st.sampled_from([1, 2, 3, 7, 20, 100, 1000]))
            check(found.buckets("y", x="x", window=(low, high), n=n), inside(finite, low, high), n, crossed=True)
            again = found.buckets("y", x="x", window=(low, high), n=n)  # from the cache
            assert np.array_equal(again.min, found.buckets("y", x="x", window=(low, high), n=n).min, equal_nan=True)
    finally:
        run.finish()


# ---------------------------------------------------------------------------------------------------- stored levels


@slow
@given(data=st.data(), n=st.integers(1, 12))
def test_stored_levels_answer_as_the_raw_values_do(store, data, n):
    sessions = data.draw(histories(sorted_=True, with_x="never"))
    run = log(sessions, live=False)
    found = tracker_nb.Api(store).run(run.path)
    made = points(sessions, "_step", 0)
    if not made:
        return
    from_levels = found.buckets("y", n=n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "ENTRIES_A_BUCKET", 1 << 40)
        raw = found.buckets("y", n=n)

    # Both are right, each over its own edges; and over the edges of the levels raw values say the same.
    check(from_levels, made, n, crossed=False)
    check(raw, made, n, crossed=False)
    assert (from_levels.count.sum(), np.fmin.reduce(from_levels.min)) == (raw.count.sum(), np.fmin.reduce(raw.min)) or (
        np.isnan(np.fmin.reduce(raw.min))
    )


@pytest.mark.parametrize("axis", AXES[:3])
def test_a_long_run_is_answered_from_its_levels_and_never_reads_its_values(store, axis, monkeypatch):
    sessions = [[Row(math.sin(i), None, None, i * 1000) for i in range(3000)]]
    run = log(sessions, live=False)
    found = tracker_nb.Api().run(run.path)
    made = points(sessions, axis, found._state.created)
    decoded = []
    values = Part.values
    monkeypatch.setattr(Part, "values", lambda part: decoded.append(part.rows) or values(part))

    check(found.buckets("y", x=axis, n=10), made, 10, crossed=False)
    assert decoded == []
    # The ends of a window come from raw values, what lies between from the levels.
    window = (made[5][0], made[2990][0])
    check(found.buckets("y", x=axis, n=10, window=window), inside(made, *window), 10, crossed=False)
    assert 0 < sum(decoded) <= 2 * groups.GROUP_ROWS


# ---------------------------------------------------------------------------------------------------- by example


def test_so_few_points_as_buckets_come_back_one_by_one(store):
    with tracker_nb.init(project="p") as run:
        for i in range(10):
            run.log({"y": i * 1.5})
    found = tracker_nb.Api().run(run.path).buckets("y", n=10)

    assert found.exact
    assert found.x.tolist() == list(range(10))
    assert (
        found.min.tolist()
        == found.max.tolist()
        == found.mean.tolist()
        == found.last.tolist()
        == [i * 1.5 for i in range(10)]
    )
    assert len(found) == 10


def test_x_is_that_of_the_same_row_also_where_a_step_repeats(store):
    with tracker_nb.init(project="p") as run:
        run.log({"x": 1.0, "y": 1.0}, step=0)
        run.log({"x": 2.0, "y": 2.0}, step=0)
        run.log({"y": 3.0}, step=1)  # has none: the last before it

    found = tracker_nb.Api().run(run.path).buckets("y", x="x")
    assert (found.x.tolist(), found.last.tolist()) == ([1.0, 2.0, 2.0], [1.0, 2.0, 3.0])


def test_x_logged_with_another_call_of_the_same_step_counts(store):
    with tracker_nb.init(project="p") as run:
        for epoch in range(5):
            run.log({"loss": 1.0 / (epoch + 1)}, commit=False)
            run.log({"epoch": epoch})

    found = tracker_nb.Api().run(run.path).buckets("loss", x="epoch")
    assert (found.x.tolist(), found.last.tolist()) == ([0, 1, 2, 3, 4], [1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5])


@pytest.mark.parametrize("x", ["_runtime", "_timestamp"])
def test_a_window_that_ends_at_points_has_these_points(store, x):
    """From 2038 to 2041 a float of seconds, times a million, is not always the microsecond that it came from."""
    later = 2_200_000_000_000_000 - START
    sessions = [[Row(float(i), None, None, later + i * 333_333) for i in range(500)]]
    run = log(sessions, live=False)
    found = tracker_nb.Api().run(run.path)
    xs = found.buckets("y", x=x).x

    for i in range(0, 500, 3):
        assert found.buckets("y", x=x, window=(xs[i], xs[i])).last.tolist() == [float(i)]


@pytest.mark.parametrize("values", [[-1.7e308, 1.7e308, 0.0], [0.0, 5e-324, 1e-323], [1e308] * 3, [0.0, 1e-320, 1e300]])
@pytest.mark.parametrize("n", [1, 2])
def test_an_x_of_any_size_has_buckets(store, values, n):
    with tracker_nb.init(project="p") as run:
        for value in values:
            run.log({"x": value, "y": 1.0})

    found = tracker_nb.Api().run(run.path).buckets("y", x="x", n=n)
    assert found.count.sum() == 3
    assert found.x[0] == min(values)


def test_what_is_no_number_counts_as_nan(store):
    with tracker_nb.init(project="p") as run:
        for value in [1.0, "text", None, [1], True, 10**400, -(10**400), 2**70]:
            run.log({"y": value, "x": value})

    found = tracker_nb.Api().run(run.path)
    assert found.buckets("y").last.tolist()[4:] == [1.0, math.inf, -math.inf, float(2**70)]
    assert np.isnan(found.buckets("y").last[1:4]).all()
    whole = found.buckets("y", n=1)
    assert (whole.min[0], whole.max[0], whole.count[0]) == (-math.inf, math.inf, 8)
    assert found.buckets("y", x="x").x.tolist() == [1.0, 1.0, float(2**70)]


def test_an_infinite_end_of_a_window_is_no_end(store):
    with tracker_nb.init(project="p") as run:
        for i in range(10):
            run.log({"y": i, "x": i})

    found = tracker_nb.Api().run(run.path)
    for axis in AXES:
        assert found.buckets("y", x=axis, window=(-math.inf, math.inf), n=3).count.sum() == 10
        assert len(found.buckets("y", x=axis, window=(1e18, None))) == 0


def test_a_live_run_grows_between_two_questions_over_another_metric(store):
    run = tracker_nb.init(project="p")
    found = None
    for i in range(100):
        run.log({"x": i, "y": -i})
        found = found or tracker_nb.Api().run(run.path)
        assert found.buckets("y", x="x", n=5).count.sum() == i + 1


@pytest.mark.parametrize(
    ("question", "says"),
    [({"n": 0}, "at least 1"), ({"n": -5}, "at least 1"), ({"window": (2, 1)}, "from 2 to 1 is empty")],
)
def test_a_question_that_cannot_be_answered_says_what_can(store, question, says):
    with tracker_nb.init(project="p") as run:
        run.log({"y": 1})
    with pytest.raises(BadValue, match=says):
        tracker_nb.Api().run(run.path).buckets("y", **question)
