"""A clock that jumps: order, steps and states do not depend on it."""

import time

import numpy as np
import pytest

import tracker_nb
from tests.support import abandon, api
from tracker_nb.journal import naming, reader, writer
from tracker_nb.store.background import background

HOUR = 3600 * 10**9


@pytest.fixture
def clock(monkeypatch):
    """The wall clock, which a test may move."""

    class Clock:
        offset = 0

        def back(self, hours):
            self.offset -= int(hours * HOUR)

    moved = Clock()
    for module in (writer, naming):
        monkeypatch.setattr(module, "_time_ns", lambda: time.time_ns() + moved.offset)
    return moved


@pytest.fixture(params=["applied", "journal", "both"])
def run_with_jumps(request, store, clock):
    """A run whose clock went back, forth and back again, stored, in its journal, or half of each."""
    run = tracker_nb.init(project="p", id="jumps")
    for i in range(60):
        if i in (20, 40, 50):
            clock.back(-3 if i == 40 else 2)
        run.log({"loss": float(i)})
        if request.param == "both" and i in (10, 45):
            for journal in reader.journals(run._place.journals):
                background(run._place).applier.apply(journal)
    if request.param == "applied":
        run.finish()
    return request.param


def test_order_steps_and_series_do_not_change_when_the_clock_goes_back(store, run_with_jumps):
    with api(store) as asked:
        run = asked.run("p/jumps")
        series = run.series("loss")
        assert series.value.tolist() == [float(i) for i in range(60)]
        assert series.step.tolist() == list(range(60))
        assert [row["loss"] for row in run.scan_history()] == [float(i) for i in range(60)]
        assert run.summary["loss"] == 59.0
        assert run.summary["_step"] == 59
        jumps = np.diff(series.time.astype(np.int64)) / 1e6 / 3600
        assert np.flatnonzero(np.abs(jumps) > 1).tolist() == [19, 39, 49]


@pytest.mark.parametrize("x", ["_runtime", "_timestamp"])
@pytest.mark.parametrize("n", [1, 7, 1000])
def test_buckets_over_time_hold_every_point_in_ascending_order_when_the_clock_goes_back(store, run_with_jumps, x, n):
    with api(store) as asked:
        found = asked.run("p/jumps").buckets("loss", x=x, n=n)
    assert found.count.sum() == 60
    assert (np.diff(found.x) >= 0).all()
    assert (found.min.min(), found.max.max()) == (0.0, 59.0)
    assert len(found) <= n


def test_a_large_run_whose_clock_goes_back_has_right_buckets_over_time(store, clock):
    run = tracker_nb.init(project="p", id="large")
    for i in range(30_000):
        if i % 10_000 == 9_999:
            clock.back(0.01)
        run.log({"loss": float(i)})
    run.finish()

    with api(store) as asked:
        run = asked.run("p/large")
        for x in ("_runtime", "_timestamp", "_step"):
            found = run.buckets("loss", x=x, n=100)
            assert found.count.sum() == 30_000
            assert (np.diff(found.x) >= 0).all()
            assert (found.min.min(), found.max.max()) == (0.0, 29_999.0)
        assert run.series("loss").value.tolist() == [float(i) for i in range(30_000)]


def test_a_run_that_ends_before_it_began_has_finished(store, clock):
    run = tracker_nb.init(project="p", id="back")
    run.log({"loss": 1.0})
    clock.back(2)
    run.finish()

    with api(store) as asked:
        found = asked.run("p/back")
        assert found.state == "finished"
        assert found.exit_code == 0
        assert found.runtime >= 0


def test_a_run_resumed_with_an_earlier_clock_runs_and_ends_as_its_last_session_did(store, clock):
    with tracker_nb.init(project="p", id="again") as run:
        run.log({"loss": 1.0})
    clock.back(24)
    run = tracker_nb.init(project="p", id="again", resume="must")
    run.log({"loss": 2.0})
    with api(store) as asked:
        assert asked.run("p/again").state == "running"
    run.finish(exit_code=4)

    with api(store) as asked:
        found = asked.run("p/again")
        assert (found.state, found.exit_code) == ("failed", 4)
        assert found.series("loss").step.tolist() == [0, 1]
        assert found.series("loss").value.tolist() == [1.0, 2.0]


def test_a_crash_after_an_earlier_clock_is_a_crash(store, clock):
    with tracker_nb.init(project="p", id="again") as run:
        run.log({"loss": 1.0})
    clock.back(24)
    run = tracker_nb.init(project="p", id="again", resume="must")
    run.log({"loss": 2.0})
    abandon(run)

    with api(store) as asked:
        assert asked.run("p/again").state == "crashed"
        assert asked.run("p/again").series("loss").value.tolist() == [1.0, 2.0]


def test_a_summary_set_by_hand_before_a_clock_went_back_gives_way_to_what_is_logged_later(store, clock):
    run = tracker_nb.init(project="p", id="hand")
    run.summary["loss"] = 100.0
    clock.back(1)
    run.log({"loss": 1.0})
    run.finish()

    with api(store) as asked:
        assert asked.run("p/hand").summary["loss"] == 1.0


def test_a_clock_before_1970_does_no_harm(store, clock):
    clock.back(24 * 365 * 100)
    run = tracker_nb.init(project="p", id="old")
    run.log({"loss": 1.0})
    run.finish()

    with api(store) as asked:
        found = asked.run("p/old")
        assert found.state == "finished"
        assert found.created_at.startswith("19")
        assert found.series("loss").time.astype("datetime64[Y]").astype(int)[0] < 0
