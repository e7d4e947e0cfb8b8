"""Ctrl-C, or the stop button of a notebook, at any moment: what was logged is there, and the run can go on or end.

Python looks for a signal when it enters a function and when a C function has returned (and in loops): KeyboardInterrupt is
raised there.
"""

import contextlib
import signal
import sqlite3
import sys
import time

import pytest

import tracker_nb
from tests.support import api, call, journals
from tracker_nb.store import background

WHERE = (tracker_nb.__path__[0], contextlib.__file__)


# What is interrupted in open() drops its file, what is interrupted in a generator that is dropped cannot raise.
dropped = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Moments:
    """Counts the moments at which a call of ours could be interrupted, and interrupts it at the n-th."""

    def __init__(self, n=0):
        self.n = n
        self.reached = []

    def __call__(self, call):
        """True if the call came to its end."""
        sys.setprofile(self._look)
        try:
            call()
        except KeyboardInterrupt:
            return False
        finally:
            sys.setprofile(None)
        return True

    def _look(self, frame, event, argument):
        code = frame.f_code
        if event in ("call", "c_return") and code.co_filename.startswith(WHERE):
            called = argument.__qualname__ if event == "c_return" else ""
            self.reached.append((code.co_filename, frame.f_lineno, code.co_name, called))
            if len(self.reached) == self.n:
                sys.setprofile(None)
                raise KeyboardInterrupt


def somewhere_else(n, call):
    """Call from a line of the user's that has not called yet."""
    code = compile("\n" * n + "call()", "user.py", "exec")
    exec(code, {"call": call})


@pytest.mark.parametrize("how", ["log", "commit", "step", "config", "summary", "name"])
def test_an_interrupt_at_any_moment_of_log_loses_nothing_that_is_logged_after_it(store, how):
    """The number of a key set was remembered before it was announced: an interrupt in between cost all its names."""
    run = tracker_nb.init(project="p")
    n, ended = 0, False
    while not ended:
        n += 1
        data = {f"key{n}": float(n), "n": n}
        call = {
            "log": lambda data=data: run.log(data),
            "commit": lambda data=data: run.log(data, commit=False),
            "step": lambda data=data, n=n: tracker_nb.log(data, step=n),
            "config": lambda data=data: run.config.update(data),
            "summary": lambda data=data: run.summary.update(data),
            "name": lambda n=n: setattr(run, "name", f"name{n}"),
        }[how]
        ended = Moments(n)(lambda n=n, call=call: somewhere_else(n, call))
        call()  # again, as a person would: this one is there whatever came before
        run.log({f"key{n}": -1.0})
    assert n > 4

    for when in ("live", "finished"):
        if when == "finished":
            run.finish()
        with api(store) as one:
            found = one.run(run.path)
            for i in range(1, n + 1):
                if how in ("log", "commit", "step"):
                    # The interrupted call too, if it had come far enough.
                    rows = found.series(f"key{i}").value.tolist()
                    assert rows in ([float(i), -1.0], [float(i), float(i), -1.0])
                elif how == "config":
                    assert found.config[f"key{i}"] == i
            if how == "summary":
                assert found.summary["n"] == n
            if how == "name":
                assert found.name == f"name{n}"
            keys = {"n"} if how in ("log", "commit", "step") else set()
            assert set(found.keys()) == {f"key{i}" for i in range(1, n + 1)} | keys
            if when == "finished":
                assert all((found.series(key).site > 0).all() for key in list(found.keys()))
                assert found.state == "finished"
    assert journals(store) == []


def first_times(reached):
    """Numbers of the moments at which a place is reached for the first time."""
    seen = set()
    return [n for n, place in enumerate(reached, 1) if place not in seen and not seen.add(place)]


def begun():
    run = tracker_nb.init(project="p", reinit="create_new")
    run.log({"a": 1.0})
    run.log({"a": 2.0, "b": {"c": "text"}})
    run.summary["best"] = 1
    return run


@dropped
@pytest.mark.parametrize("part", range(4))
def test_an_interrupt_at_any_moment_of_finish_leaves_a_run_that_can_be_read_and_finished(store, part, monkeypatch):
    monkeypatch.setattr(background.Background, "_tick", lambda self: None)  # finish() does it all
    begun().finish()
    moments = Moments()
    assert moments(begun().finish)
    numbers = first_times(moments.reached)
    assert len(numbers) > 300

    for n in numbers[part::4]:
        run = begun()
        Moments(n)(run.finish)
        with api(store) as one:
            found = one.run(run.path)
            assert found.series("a").value.tolist() == [1.0, 2.0], moments.reached[n - 1]
            assert found.state in ("running", "finished")
        run.finish()
        with api(store) as one:
            found = one.run(run.path)
            rows = [{k: v for k, v in row.items() if not k.startswith("_")} for row in found.scan_history()]
            assert rows == [{"a": 1.0}, {"a": 2.0, "b.c": "text"}], moments.reached[n - 1]
            assert (found.state, found.summary["best"]) == ("finished", 1), moments.reached[n - 1]
        assert journals(store) == [], moments.reached[n - 1]
        assert tracker_nb.run is None
        # Nobody was left holding the lock or a transaction.
        with sqlite3.connect(store / "tracker.db", timeout=0.1, isolation_level=None) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
        db.close()


@dropped
def test_an_interrupt_at_any_moment_of_a_question_leaves_an_api_that_answers(store):
    """A read transaction was left open: the next question said that the store was damaged."""
    begun().finish()
    with api(store) as one:
        questions = [
            lambda run: list(run.series("a").value),
            lambda run: [row["_step"] for row in run.scan_history()],
            lambda run: [(each.name, each.summary["a"]) for each in one.runs("p")],
            lambda run: list(run.buckets("a").last),
        ]
        name = one.runs("p")[0].id
        for question in questions:

            def ask(question=question):
                return question(one.run(f"p/{name}"))

            answer = ask()
            moments = Moments()
            assert moments(ask)
            for n in first_times(moments.reached):
                Moments(n)(ask)
                assert ask() == answer, moments.reached[n - 1]


def log_while_interrupted(seconds):
    run = tracker_nb.init(project="p")
    returned, tried, armed = [], 0, []
    end = time.monotonic() + seconds

    def interrupt(*_):
        if armed:
            armed.clear()
            raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0007)
    while time.monotonic() < end:
        try:
            armed.append(True)
            while time.monotonic() < end:
                tried += 1
                run.log({"i": tried, f"key{tried // 100}": tried})
                returned.append(tried)
            armed.clear()
        except KeyboardInterrupt:
            continue
    signal.setitimer(signal.ITIMER_REAL, 0)
    run.finish()
    return [returned, tried, run.path]


def test_interrupts_by_a_real_signal_lose_no_call_that_returned(store):
    """As a user who presses Ctrl-C again and again, in a loop that goes on."""
    returned, tried, path = call(log_while_interrupted, 0.5, store=store)

    with api(store) as one:
        found = one.run(path).series("i").value.tolist()
        rows = {row["i"]: row for row in one.run(path).scan_history()}
    assert len(returned) > 100
    assert set(returned) <= set(found) <= set(range(1, tried + 1))
    assert len(found) == len(set(found))
    assert all(rows[i][f"key{i // 100}"] == i for i in returned)
