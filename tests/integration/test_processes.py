"""Runs in programs that fork, spawn, thread and leave in every way there is."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter

import pytest

import tracker_nb
from tests.support import Reports, Watched, abandon, api, apply_all_the_time, call, integrity, journals, wait_for_death
from tracker_nb import portable
from tracker_nb.journal import reader, writer
from tracker_nb.store import background


def fork(what):
    """Run a function in a forked child; the child's id. The child leaves as `what` does, or as a script ends."""
    child = os.fork()
    if child == 0:
        what()
        sys.exit(0)
    return child


def wait(child, seconds=20):
    """How a child ended. One that hangs is killed, and its end is -9."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -9


# ---------------------------------------------------------------------------------------------------- the children


def leave_by_exit():
    os._exit(0)


def leave_by_sys_exit():
    sys.exit(3)


def leave_by_exception():
    raise ValueError("in the child")


def leave_by_finish():
    tracker_nb.finish(exit_code=5)


def leave_by_kill():
    os.kill(os.getpid(), signal.SIGKILL)


WAYS = [leave_by_exit, leave_by_sys_exit, leave_by_exception, leave_by_finish, leave_by_kill]


def fork_and_go_on(way):
    run = tracker_nb.init(project="p", id="parent")
    run.log({"before": 1})

    def in_child():
        for i in range(100):
            run.log({"child": i})
        globals()[way]()

    child = fork(in_child)
    for i in range(100):
        run.log({"parent": i})
    code = wait(child)
    with api(os.environ["TRACKER_NB_DIR"]) as asked:
        state = asked.run("p/parent").state
    run.log({"after": 1})
    run.finish()
    return {"code": code, "state": state}


def fork_with_the_run_as_a_block():
    with tracker_nb.init(project="p", id="parent") as run:
        child = os.fork()
        run.log({"child" if child == 0 else "parent": 1})
        if child == 0:
            sys.exit(3)
        code = wait(child)
        run.log({"after": 1})
    return {"code": code}


def fork_all_the_time(forks, applying):
    """Threads log, the background applies, children log and leave in every way."""
    if applying:
        apply_all_the_time(segment_bytes=30_000)
    run = tracker_nb.init(project="p", id="parent")
    stop, counts = threading.Event(), [0, 0]

    def log(who):
        while not stop.is_set():
            run.log({f"thread{who}": counts[who]})
            counts[who] += 1
            time.sleep(0.0003)

    threads = [threading.Thread(target=log, args=(who,)) for who in range(2)]
    for thread in threads:
        thread.start()
    codes = []
    ways = [leave_by_exit, leave_by_sys_exit, leave_by_finish, lambda: tracker_nb.Api().run("p/parent").summary]
    for n in range(forks):

        def in_child(n=n):
            for i in range(20):
                run.log({"child": n * 100 + i})
            ways[n % len(ways)]()

        codes.append(wait(fork(in_child)))
        time.sleep(0.005)
    stop.set()
    for thread in threads:
        thread.join()
    run.finish()
    return {"codes": codes, "counts": counts}


def fork_and_begin_runs(forks, applying):
    if applying:
        apply_all_the_time()
    run = tracker_nb.init(project="p", id="parent")
    stop = threading.Event()

    def log():
        while not stop.is_set():
            run.log({"x": 1})
            time.sleep(0.0003)

    thread = threading.Thread(target=log)
    thread.start()
    codes, longest = [], 0.0
    for n in range(forks):

        def in_child(n=n):
            warnings.simplefilter("error")  # such as: not yet in the database
            with tracker_nb.init(project="p", id=f"child{n}", reinit="create_new") as mine:
                for i in range(50):
                    mine.log({"x": i})

        begin = time.monotonic()
        codes.append(wait(fork(in_child)))
        longest = max(longest, time.monotonic() - begin)
    stop.set()
    thread.join()
    run.finish()
    return {"codes": codes, "longest": longest}


def fork_a_child_that_outlives_its_parent():
    report = Reports()
    run = tracker_nb.init(project="p", id="parent")
    run.log({"x": 0})

    def in_child():
        while os.getppid() == parent:
            time.sleep(0.005)
        for i in range(1, 100):
            run.log({"x": i})
        report(1)

    parent = os.getpid()
    fork(in_child)
    run.finish()


def fork_a_child_that_only_waits(with_subprocess):
    apply_all_the_time()
    report = Reports()
    run = tracker_nb.init(project="p", id="parent")
    for _ in range(3):
        for _ in range(200):
            run.log({"x": 1})
        if with_subprocess:
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        else:
            fork(lambda: time.sleep(60))
    i = 0
    while True:
        run.log({"y": i})
        report(i)
        i += 1


def fork_while_the_store_is_locked():
    run = tracker_nb.init(project="p", id="parent")
    run.log({"x": 1})
    with background.background(run._place).applier.database.locked():
        fork(lambda: time.sleep(60))
        Reports()(0)
        os.kill(os.getpid(), signal.SIGKILL)


def fork_while_a_thread_begins_a_segment():
    run = tracker_nb.init(project="p", id="parent")
    run.log({"x": 0})
    entered, real = threading.Event(), portable.try_lock

    def slow(fd, **how):
        locked = real(fd, **how)
        writer.SEGMENT_BYTES = 1 << 20  # one new segment is enough
        entered.set()
        time.sleep(0.3)
        return locked

    writer.portable.try_lock, writer.SEGMENT_BYTES = slow, 1
    thread = threading.Thread(target=run.log, args=({"x": 1},))
    thread.start()
    entered.wait()
    fork(lambda: time.sleep(60))
    thread.join()
    os.kill(os.getpid(), signal.SIGKILL)


def ask_in_children(forks):
    """An Api made before a fork answers in the child and in the parent."""
    apply_all_the_time()
    run = tracker_nb.init(project="p", id="parent")
    run.log({"x": 0})
    api = tracker_nb.Api()
    found = api.run("p/parent")
    codes = []
    for n in range(forks):

        def in_child(n=n):
            api.flush()
            run.log({"child": n})
            rows = found.history(samples=None, pandas=False)
            sys.exit(0 if found.state == "running" and sum("x" in row for row in rows) == n + 1 else 9)

        codes.append(wait(fork(in_child)))
        run.log({"x": n + 1})
        codes.append(len(found.series("x").value) - n - 2)
    run.finish()
    return codes


def worker(run, who, rows, finish=False):
    for i in range(rows):
        run.log({f"worker{who}": i})
    if finish:
        run.finish()


def hand_over(method, finish):
    run = tracker_nb.init(project="p", id="parent", config={"lr": 0.1})
    run.log({"before": 1})
    context = multiprocessing.get_context(method)
    processes = [context.Process(target=worker, args=(run, who, 100, finish)) for who in range(2)]
    for process in processes:
        process.start()
    for i in range(100):
        run.log({"parent": i})
    for process in processes:
        process.join()
    with api(os.environ["TRACKER_NB_DIR"]) as asked:
        state = asked.run("p/parent").state
    run.log({"after": 1})
    run.finish()
    return {"codes": [process.exitcode for process in processes], "state": state}


def square(x):
    tracker_nb.log({"pool": x})
    return x * x


def use_a_pool():
    with tracker_nb.init(project="p", id="parent") as run, multiprocessing.get_context("fork").Pool(3) as pool:
        run.log({"parent": 1})
        return pool.map(square, range(30))


def leave_right_after_log():
    run = tracker_nb.init(project="p", id="parent")
    run.log({"x": 1}, step=7)
    os._exit(0)


def leave_without_finish(code):
    run = tracker_nb.init(project="p", id="parent")
    run.log({"x": 1})
    if code == "exception":
        raise ValueError("oh")
    sys.exit(code)


# ---------------------------------------------------------------------------------------------------- looking back


def values(store, key, run_id="parent"):
    with api(store) as asked:
        return sorted(asked.run(f"p/{run_id}").series(key).value.tolist())


def state(store, run_id="parent"):
    with api(store) as asked:
        return asked.run(f"p/{run_id}").state


# ---------------------------------------------------------------------------------------------------- fork


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.removeprefix("leave_by_"))
def test_a_forked_child_logs_to_the_same_run_and_its_end_is_not_the_runs_end(store, way):
    codes = {"leave_by_sys_exit": 3, "leave_by_exception": 1, "leave_by_kill": -9}

    found = call(fork_and_go_on, way.__name__, store=store)

    assert found == {"code": codes.get(way.__name__, 0), "state": "running"}
    assert state(store) == "finished"
    for key, rows in (("before", [1]), ("child", list(range(100))), ("parent", list(range(100))), ("after", [1])):
        assert values(store, key) == rows
    assert journals(store) == []


def test_a_child_that_leaves_a_with_block_does_not_end_its_parents_run(store):
    assert call(fork_with_the_run_as_a_block, store=store) == {"code": 3}

    assert state(store) == "finished"
    assert [values(store, key) for key in ("child", "parent", "after")] == [[1], [1], [1]]


def test_a_child_that_is_forked_while_a_thread_begins_a_segment_does_not_keep_its_lock(store, tmp_path):
    with Watched(tmp_path, store) as family:
        family.start(fork_while_a_thread_begins_a_segment)
        family.processes[0].wait()
        wait_for_death(store, seconds=2)

        assert state(store) == "crashed"
        assert values(store, "x") == [0, 1]


@pytest.mark.parametrize("applying", [False, True], ids=["logging", "applying"])
def test_children_forked_while_threads_log_and_journals_are_applied_neither_hang_nor_lose_a_row(store, applying):
    forks = 24
    found = call(fork_all_the_time, forks, applying, store=store, seconds=120)

    assert found["codes"] == [0, 3, 0, 0] * (forks // 4)
    for who, count in enumerate(found["counts"]):
        assert values(store, f"thread{who}") == list(range(count))
    assert values(store, "child") == [n * 100 + i for n in range(forks) for i in range(20)]
    assert state(store) == "finished"
    assert integrity(store) == "ok"


@pytest.mark.parametrize("applying", [False, True], ids=["logging", "applying"])
def test_runs_begun_in_forked_children_are_recorded(store, applying):
    forks = 20
    found = call(fork_and_begin_runs, forks, applying, store=store, seconds=120)

    assert found["codes"] == [0] * forks
    assert found["longest"] < 5  # nobody waited for a lock that only a parent's thread could let go of
    for n in range(forks):
        assert state(store, f"child{n}") == "finished"
        assert values(store, "x", f"child{n}") == list(range(50))
    assert integrity(store) == "ok"


def test_a_child_that_outlives_its_parent_still_adds_to_the_finished_run(store, tmp_path):
    with Watched(tmp_path, store) as family:
        family.start(fork_a_child_that_outlives_its_parent)
        family.processes[0].wait()
        assert state(store) == "finished"
        while 0 not in family.returned:
            family.drain()
            time.sleep(0.005)
    wait_for_death(store)

    assert values(store, "x") == list(range(100))
    assert state(store) == "finished"
    assert journals(store) == []


def test_a_child_forked_while_its_parent_holds_the_stores_lock_does_not_keep_it(store, tmp_path):
    with Watched(tmp_path, store) as family:
        family.start(fork_while_the_store_is_locked)
        family.processes[0].wait()
        wait_for_death(store, seconds=2)

        assert state(store) == "crashed"
        assert journals(store) == []


def test_an_api_made_before_a_fork_answers_in_the_child_and_in_the_parent(store):
    assert call(ask_in_children, 20, store=store) == [0] * 40


@pytest.mark.parametrize("with_subprocess", [False, True], ids=["fork", "subprocess"])
def test_children_that_live_on_do_not_keep_a_killed_parents_journal_or_lock(store, tmp_path, with_subprocess):
    with Watched(tmp_path, store) as family:
        family.start(fork_a_child_that_only_waits, with_subprocess)
        family.wait(lambda returned: returned.get(0, 0) > 300)
        family.processes[0].kill()  # the parent only
        family.processes[0].wait()
        family.drain()
        returned = family.returned[0]
        wait_for_death(store, seconds=2)

        assert state(store) == "crashed"
        assert journals(store) == []  # taken over: the store's lock is free
        assert len(values(store, "y")) in (returned, returned + 1)
        assert values(store, "x") == [1] * 600


# ---------------------------------------------------------------------------------------------------- multiprocessing


@pytest.mark.parametrize("finish", [False, True], ids=["left open", "finished in the child"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_run_handed_to_a_process_is_logged_to_by_it_and_not_ended(store, method, finish):
    found = call(hand_over, method, finish, store=store)

    assert found == {"codes": [0, 0], "state": "running"}
    assert state(store) == "finished"
    for key in ("worker0", "worker1", "parent"):
        assert values(store, key) == list(range(100))
    assert values(store, "after") == [1]
    with api(store) as asked:
        assert asked.run("p/parent").config == {"lr": 0.1}
        assert len(asked.runs()) == 1
    assert journals(store) == []


def test_workers_of_a_pool_log_to_the_run_of_their_parent(store):
    assert call(use_a_pool, store=store) == [x * x for x in range(30)]

    assert values(store, "pool") == list(range(30))
    assert state(store) == "finished"


# ---------------------------------------------------------------------------------------------------- ends


def test_a_program_that_leaves_right_after_log_has_crashed_and_its_row_is_there(store):
    call(leave_right_after_log, store=store)

    assert state(store) == "crashed"
    with api(store) as asked:
        assert asked.run("p/parent").series("x").step.tolist() == [7]


@pytest.mark.parametrize(
    ("code", "ended"), [(0, "finished"), (None, "finished"), (2, "failed"), ("exception", "failed")]
)
def test_a_program_that_ends_without_finish_says_how_it_ended(store, code, ended):
    from tests.support import ROOT, command, environment

    subprocess.run(command(leave_without_finish, code), env=environment(store), cwd=ROOT, capture_output=True)

    assert state(store) == ended
    assert values(store, "x") == [1]
    with api(store) as asked:
        assert ("ValueError: oh" in asked.run("p/parent").metadata.get("error", "")) == (code == "exception")


# ---------------------------------------------------------------------------------------------------- threads


def test_threads_that_log_at_once_lose_no_row_and_share_the_steps(store, monkeypatch):
    monkeypatch.setattr(background, "TICK", 0.001)
    monkeypatch.setattr(background, "BATCH_BYTES", 1)
    sys_interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    run = tracker_nb.init(project="p", id="parent")
    threads = [threading.Thread(target=worker, args=(run, who, 1500)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(sys_interval)
    run.finish()

    with api(store) as asked:
        rows = list(asked.run("p/parent").scan_history())
    assert [row["_step"] for row in rows] == list(range(8 * 1500))
    seen = Counter(key for row in rows for key in row if key.startswith("worker"))
    assert seen == {f"worker{who}": 1500 for who in range(8)}
    for who in range(8):
        assert [row[f"worker{who}"] for row in rows if f"worker{who}" in row] == list(range(1500))


def test_two_writers_of_one_run_are_read_in_the_order_of_their_steps(store):
    first = tracker_nb.init(project="p", id="parent")
    import pickle

    second = pickle.loads(pickle.dumps(first))
    for i in range(50):
        (first if i % 2 else second).log({"x": i}, step=i)
        if i == 25:
            for journal in reader.journals(store / "journals"):
                background.background(first._place).applier.apply(journal)
    first.log({"x": 100}, step=10)
    second.log({"x": 101}, step=10)

    def check():
        with api(store) as asked:
            series = asked.run("p/parent").series("x")
            assert series.step.tolist() == sorted([*range(50), 10, 10])
            assert sorted(series.value.tolist()) == [*range(50), 100, 101]
            assert set(series.value[series.step == 10].tolist()) == {10, 100, 101}
            assert len(list(asked.run("p/parent").scan_history())) == 52

    check()
    abandon(second)
    first.finish()
    check()
    assert state(store) == "finished"


def test_a_run_that_was_pickled_and_never_used_leaves_nothing_behind(store):
    import pickle

    run = tracker_nb.init(project="p", id="parent")
    pickle.dumps(run)
    run.log({"x": 1})
    run.finish()

    assert journals(store) == []
    assert state(store) == "finished"
