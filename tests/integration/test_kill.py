"""kill -9 at any moment loses no call that has returned."""

import os
import random
import time

import numpy as np
import pytest

import tracker_nb
from tests.support import (
    Reports,
    Watched,
    api,
    apply_all_the_time,
    call,
    integrity,
    journals,
    rows_of,
    wait_for_death,
)
from tracker_nb.errors import StoreNotFound

FULL_SPEED, ONE_KHZ = 0.0, 0.001


def kills(few, many):
    """A test that kills a few times by default and many times in the full suite."""
    return pytest.mark.parametrize(
        "kill", [*range(few), *(pytest.param(k, marks=pytest.mark.full) for k in range(few, many))]
    )


def value(i):
    return 1.0 / (i + 1)


# ---------------------------------------------------------------------------------------------------- the children


def log_forever(period, who=0, run_id="killed", applying=False):
    if applying:
        apply_all_the_time(segment_bytes=20_000)
    run = tracker_nb.init(project="p", id=run_id)
    log_rows(run, period, who)


def log_rows(run, period, who):
    report = Reports(who)
    for i in range(1 << 24):
        run.log({f"i{who}": i, f"loss{who}": value(i)})
        report(i)
        if period:
            time.sleep(period)


def fork_and_log(children):
    run = tracker_nb.init(project="p", id="killed")
    for who in range(1, children + 1):
        if os.fork() == 0:
            log_rows(run, ONE_KHZ, who)
    log_rows(run, ONE_KHZ, 0)


def spawn_and_log(children):
    import multiprocessing

    run = tracker_nb.init(project="p", id="killed")
    context = multiprocessing.get_context("spawn")
    for who in range(1, children + 1):
        context.Process(target=log_rows, args=(run, ONE_KHZ, who)).start()
    log_rows(run, ONE_KHZ, 0)


def log_and_finish(rows):
    report = Reports()
    run = tracker_nb.init(project="p", id="killed")
    for i in range(rows):
        run.log({"i0": i, "loss0": value(i)})
    report(rows - 1)
    run.finish()
    Reports(who=1)(0)
    time.sleep(60)


def init_and_finish_forever(folder):
    report = Reports()
    for i in range(1 << 24):
        place = folder if i % 2 else f"{folder}-{i}"  # an existing store, and a new one
        with tracker_nb.init(project="p", id=f"run{i}", dir=place) as run:
            run.log({"i": i})
        report(i)


def init_and_finish(run_id):
    with tracker_nb.init(project="p", id=run_id) as run:
        run.log({"i": 1})


# ---------------------------------------------------------------------------------------------------- looking back


def assert_nothing_lost(store, returned, *, state="crashed", run_id="killed"):
    """Everything that returned is there, once, in order, with its step; and again when asked by another Api."""
    wait_for_death(store)
    assert returned
    assert min(returned.values()) > 0
    before = None
    for _ in range(2):
        with api(store) as asked:
            run = asked.run(f"p/{run_id}")
            assert run.state == state
            found = {}
            for who, calls in returned.items():
                series = run.series(f"i{who}")
                rows = found[who] = series.value
                assert calls <= len(rows) <= calls + 1  # the last call may have been killed between write and return
                assert rows.tolist() == list(range(len(rows)))
                np.testing.assert_array_equal(run.series(f"loss{who}").value, value(np.arange(len(rows))))
            assert sum(map(len, found.values())) == sum(1 for _ in run.scan_history())
            summary = run.summary
            assert [summary[f"i{who}"] for who in returned] == [len(rows) - 1 for rows in found.values()]
            if before is not None:
                assert (summary, {who: len(rows) for who, rows in found.items()}) == before
            before = summary, {who: len(rows) for who, rows in found.items()}
    assert journals(store) == []
    assert integrity(store) == "ok"
    assert rows_of(store, "SELECT sum(skipped_bytes) FROM writers WHERE skipped_places > 1") == [(None,)]


# ---------------------------------------------------------------------------------------------------- the tests


@pytest.mark.parametrize("period", [FULL_SPEED, ONE_KHZ], ids=["full speed", "1 kHz"])
@kills(10, 100)
def test_every_call_that_returned_before_a_kill_is_read_back(store, tmp_path, period, kill):
    chance = random.Random(f"{period} {kill}")
    calls = chance.randrange(1, 200 if period else 20_000)
    with Watched(tmp_path, store) as child:
        child.start(log_forever, period)
        child.wait(lambda returned: returned.get(0, 0) >= calls)
        child.kill()
        returned = dict(child.returned)

    assert returned[0] >= calls
    assert_nothing_lost(store, returned)
    with api(store) as asked:
        series = asked.run("p/killed").series("i0")
        assert series.step.tolist() == series.value.tolist()


@kills(5, 100)
def test_every_call_that_returned_is_read_back_when_the_kill_hits_while_journals_are_applied(store, tmp_path, kill):
    chance = random.Random(f"applying {kill}")
    with Watched(tmp_path, store) as child:
        child.start(log_forever, FULL_SPEED, 0, "killed", True)
        child.wait(lambda returned: bool(returned))
        child.wait(seconds=chance.uniform(0.01, 0.8))
        child.kill()
        returned = dict(child.returned)

    assert_nothing_lost(store, returned)


@kills(2, 30)
def test_eight_processes_logging_to_one_store_lose_nothing_when_each_is_killed(store, tmp_path, kill):
    chance = random.Random(f"eight {kill}")
    with Watched(tmp_path, store) as children:
        for who in range(8):
            children.start(log_forever, ONE_KHZ, who, f"killed{who}", bool(who % 2))
        children.wait(lambda returned: len(returned) == 8)
        for process in chance.sample(children.processes, 8):
            children.wait(seconds=chance.uniform(0, 0.05))
            process.kill()
        children.kill()
        returned = dict(children.returned)

    assert len(returned) == 8
    wait_for_death(store)
    with api(store) as asked:
        assert len(asked.runs("p")) == 8
    for who in range(8):
        assert_nothing_lost(store, {who: returned[who]}, run_id=f"killed{who}")


@pytest.mark.parametrize("start", [fork_and_log, spawn_and_log], ids=["fork", "spawn"])
@kills(1, 20)
def test_several_processes_logging_to_one_run_lose_nothing_when_all_are_killed(store, tmp_path, start, kill):
    chance = random.Random(f"one run {kill}")
    with Watched(tmp_path, store) as children:
        children.start(start, 3)
        children.wait(lambda returned: len(returned) == 4)
        children.wait(seconds=chance.uniform(0.01, 0.3))
        children.kill()
        returned = dict(children.returned)

    assert len(returned) == 4
    assert_nothing_lost(store, returned)


@kills(6, 60)
def test_a_kill_during_finish_loses_nothing(store, tmp_path, kill):
    chance = random.Random(f"finish {kill}")
    rows = 20_000
    with Watched(tmp_path, store) as child:
        child.start(log_and_finish, rows)
        child.wait(lambda returned: bool(returned))
        child.wait(lambda returned: 1 in returned, seconds=chance.uniform(0, 0.12))
        child.kill()
        finished = child.returned.pop(1, None)
        returned = dict(child.returned)

    wait_for_death(store)
    with api(store) as asked:
        state = asked.run("p/killed").state
    assert state == "finished" if finished else state in ("crashed", "finished")
    assert_nothing_lost(store, returned, state=state)


@kills(6, 60)
def test_a_kill_during_init_leaves_a_store_that_works(store, tmp_path, kill):
    chance = random.Random(f"init {kill}")
    with Watched(tmp_path, store) as child:
        child.start(init_and_finish_forever, str(store))
        child.wait(lambda returned: bool(returned))
        child.wait(seconds=chance.uniform(0, 0.1))
        child.kill()
        returned = child.returned[0]

    stores = [store, *store.parent.glob("store-*")]
    for place in stores:
        if place.exists():
            wait_for_death(place)
    for i in range(returned):
        with api(store if i % 2 else f"{store}-{i}") as asked:
            assert asked.run(f"p/run{i}").state == "finished"
            assert asked.run(f"p/run{i}").series("i").value.tolist() == [i]
    for place in stores[-3:]:  # the one that was being made among them
        try:
            with api(place) as asked:
                assert {run.state for run in asked.runs()} <= {"finished", "crashed"}
        except StoreNotFound:
            pass
        call(init_and_finish, "after", store=place)
        with api(place) as asked:
            assert asked.run("p/after").state == "finished"
        assert integrity(place) == "ok"
        assert journals(place) == []
