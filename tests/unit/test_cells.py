"""Which cell a record belongs to: tasks, threads, and what is none of both."""

import _thread
import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tracker_nb.journal.records import INFERRED_EXECUTION
from tracker_nb.sdk import cells

ONE, TWO = ("one", {}, 0), ("two", {}, 0)


@pytest.fixture(autouse=True)
def watched():
    cells.watch()
    yield
    cells.end("one")
    cells.end("two")
    cells.unwatch()


def in_thread(start):
    """What the running cell is in a thread that `start` starts."""
    found, done = [], threading.Event()

    def work():
        found.append(cells.running_cell())
        done.set()

    start(work)
    assert done.wait(5)
    return found[0]


def test_there_is_a_cell_from_its_beginning_to_its_end():
    assert cells.running_cell() is None
    cells.begin(ONE)
    assert cells.running_cell() is ONE
    cells.end("one")
    assert cells.running_cell() is None


def test_a_thread_belongs_to_the_cell_that_started_it_also_when_another_one_runs():
    go, found = threading.Event(), []

    def work():
        go.wait(5)
        found.append(cells.running_cell())
        inner = threading.Thread(target=lambda: found.append(cells.running_cell()))
        inner.start()
        inner.join()

    cells.begin(ONE)
    thread = threading.Thread(target=work)
    thread.start()
    cells.end("one")
    cells.begin(TWO)
    go.set()
    thread.join()
    assert found == [ONE, ONE]


def test_what_nobody_saw_begin_belongs_to_the_running_cell_and_is_marked():
    cells.begin(ONE)
    assert in_thread(lambda work: _thread.start_new_thread(work, ())) == ("one", {}, INFERRED_EXECUTION)
    cells.end("one")
    assert in_thread(lambda work: _thread.start_new_thread(work, ())) is None


def test_a_task_belongs_to_the_cell_that_made_it():
    async def main():
        async def later():
            await asyncio.sleep(0.01)
            return cells.running_cell()

        cells.begin(ONE)
        task = asyncio.ensure_future(later())
        cells.end("one")
        cells.begin(TWO)
        here = cells.running_cell()
        return await task, here, await asyncio.to_thread(cells.running_cell)

    assert asyncio.run(main()) == (ONE, TWO, TWO)


def test_a_pool_belongs_to_the_cell_that_started_its_threads():
    cells.begin(ONE)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(cells.running_cell).result() is ONE


def test_a_thread_of_a_class_that_refuses_attributes_starts_all_the_same():
    class Strict(threading.Thread):
        def __setattr__(self, name, value):
            if name.startswith("_tracker"):
                raise AttributeError(name)
            super().__setattr__(name, value)

    cells.begin(ONE)
    assert in_thread(lambda work: Strict(target=work).start()) == ("one", {}, INFERRED_EXECUTION)


def test_threads_are_as_before_when_nobody_watches_any_more():
    cells.unwatch()
    assert threading.Thread.start.__module__ == "threading"
    assert cells.hook is None


def test_somebody_elses_wrapper_is_not_undone():
    mine = threading.Thread.start

    def theirs(self):
        mine(self)

    threading.Thread.start = theirs
    try:
        cells.unwatch()
        assert threading.Thread.start is theirs
    finally:
        threading.Thread.start = mine
