"""Workloads that run in a process of their own, as a user's script does: `python -m tests.benchmarks.children NAME JSON`.

Each prints its figures as one line of JSON behind a marker. The garbage collector stays on. The store is the one that
`TRACKER_NB_DIR` names.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MARK = "@@FIGURES "
READY = "@@READY"
WARM_CALLS = 1000
_ns = time.perf_counter_ns


def percentile(ordered: Any, share: float) -> int:
    """The value below which `share` of the sorted values lie."""
    return int(ordered[min(int(len(ordered) * share), len(ordered) - 1)])


def _run(**arguments: Any) -> Any:
    """A run without console, code, git and system capture: the peers' are switched off too."""
    import tracker_nb

    settings = tracker_nb.Settings(console="off", disable_code=True, disable_git=True, x_disable_stats=True)
    return tracker_nb.init(project="bench", settings=settings, **arguments)


def _rows(kind: str, keys: int) -> Callable[[int], dict[str, Any]]:
    """What makes the dict of the nth call, cheaply and outside of what is timed."""
    numbers: list[Any] = [random.random() for _ in range(4096)]
    if kind == "float32":
        import numpy as np

        numbers = list(np.array(numbers, np.float32))
    elif kind == "torch":
        import torch

        numbers = list(torch.tensor(numbers))
    if keys == 2:
        return lambda i: {"loss": numbers[i & 4095], "acc": numbers[(i * 7) & 4095]}
    names = [f"metric/{j}" for j in range(keys)]
    return lambda i: {name: numbers[(i + j) & 4095] for j, name in enumerate(names)}


def _timed(call: Callable[[Any, int], Any], make: Callable[[int], Any], begin: int, end: int) -> list[int]:
    """Nanoseconds of each call."""
    taken: list[int] = []
    add = taken.append
    for i in range(begin, end):
        data = make(i)
        before = _ns()
        call(data, i)
        add(_ns() - before)
    return taken


@contextlib.contextmanager
def _bare_file(size: int) -> Iterator[Callable[[Any, int], Any]]:
    """What the machine itself costs: one os.write of `size` bytes to a file of its own beside the journals."""
    path = Path(os.environ["TRACKER_NB_DIR"], f"bare-{os.getpid()}")
    payload = random.randbytes(size)
    write = os.write
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield lambda _data, _i: write(fd, payload)
    finally:
        os.close(fd)
        path.unlink()


def _journal_bytes(run: Any) -> int:
    return int(run._writer.size)


# ---------------------------------------------------------------------------------------------------- logging


def log(*, kind: str, keys: int, calls: int) -> dict[str, float]:
    """A tight loop of `log()`, then one of bare writes of as many bytes."""
    make = _rows(kind, keys)
    run = _run()
    _timed(run.log, make, 0, WARM_CALLS)
    before = _journal_bytes(run)
    taken = sorted(_timed(run.log, make, WARM_CALLS, WARM_CALLS + calls))
    size = (_journal_bytes(run) - before) // calls
    with _bare_file(size) as write:
        _timed(write, make, 0, WARM_CALLS)
        bare = sorted(_timed(write, make, 0, calls))
    run.finish()
    return {
        "median_us": percentile(taken, 0.5) / 1e3,
        "p99_us": percentile(taken, 0.99) / 1e3,
        "bare_us": percentile(bare, 0.5) / 1e3,
        "bytes": size,
    }


def durable(*, keys: int, calls: int) -> dict[str, float]:
    """From the first call until `finish()` has returned."""
    make = _rows("float", keys)
    run = _run()
    begin = _ns()
    for i in range(calls):
        run.log(make(i), i)
    logged = _ns()
    run.finish()
    end = _ns()
    return {"points_s": calls * keys / (end - begin) * 1e9, "finish_s": (end - logged) / 1e9}


def paced(*, keys: int, hertz: float, seconds: float, soon: float | None = None, worth: int | None = None) -> Any:
    """`log()` at a steady pace while the background applies; `soon` and `worth` make it apply more often."""
    from tracker_nb.store import background
    from tracker_nb.store.apply import Applier

    if soon is not None:
        background.SOON = soon
    if worth is not None:
        background.WORTH_BYTES = worth
    applied: list[int] = []
    apply = Applier.apply

    def counting(self: Applier, *positional: Any, **named: Any) -> int:
        begin = _ns()
        rows = apply(self, *positional, **named)
        if rows:
            applied.append(_ns() - begin)
        return rows

    Applier.apply = counting
    make = _rows("float", keys)
    run = _run()
    _timed(run.log, make, 0, 100)
    before = _journal_bytes(run)
    taken = sorted(_at_pace(run.log, make, hertz, seconds))
    size = (_journal_bytes(run) - before) // len(taken)
    applies = len(applied)
    run.finish()
    return {"applies": applies, "apply_ms": max(applied, default=0) / 1e6, "bytes": size, **_tail(taken)}


def paced_bare(*, size: int, hertz: float, seconds: float) -> dict[str, float]:
    """The same pace with bare writes and no background: how much of the tail is the machine's."""
    with _bare_file(size) as write:
        return _tail(sorted(_at_pace(write, lambda i: i, hertz, seconds)))


def _at_pace(call: Callable[[Any, int], Any], make: Callable[[int], Any], hertz: float, seconds: float) -> list[int]:
    taken: list[int] = []
    begin = time.perf_counter()
    for i in range(max(int(hertz * seconds), 10)):
        data = make(i)
        before = _ns()
        call(data, i)
        taken.append(_ns() - before)
        left = begin + (i + 1) / hertz - time.perf_counter()
        if left > 0:
            time.sleep(left)
    return taken


def _tail(ordered: list[int]) -> dict[str, float]:
    shares = {"median": 0.5, "p99": 0.99, "p999": 0.999, "p9999": 0.9999, "max": 1.0}
    return {f"{name}_ms": percentile(ordered, share) / 1e6 for name, share in shares.items()}


def crowd(*, number: int, calls: int, hertz: float, size: int, out: str) -> dict[str, Any]:
    """One of several that log to one store at once, or, where `size` is given, that write so many bytes each time."""
    make: Callable[[int], Any] = lambda i: {"loss": i * 0.5, "i": i}  # noqa: E731 - as in _rows
    errors: list[str] = []
    run = None
    with contextlib.ExitStack() as open_file:
        if size:
            call = open_file.enter_context(_bare_file(size))
        else:
            run = _run(id=f"crowd{number}")
            call = run.log
        print(READY, flush=True)
        sys.stdin.readline()
        taken: list[int] = []
        try:
            before = _journal_bytes(run) if run else 0
            taken = _at_pace(call, make, hertz, calls / hertz) if hertz else _timed(call, make, 0, calls)
            if run:
                size = (_journal_bytes(run) - before) // len(taken)
                run.finish()
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
    with Path(out).open("wb") as file:
        array("q", taken).tofile(file)
    return {"calls": len(taken), "errors": errors, "bytes": size}


# ---------------------------------------------------------------------------------------------------- beginning a run


def start_warm(*, times: int) -> dict[str, float]:
    """CPU time, of all threads, and wall time of `init()` and `finish()`, repeated in one process."""
    cpu, wall = [], []
    for _ in range(times + 5):
        before = time.process_time_ns(), _ns()
        _run().finish()
        cpu.append(time.process_time_ns() - before[0])
        wall.append(_ns() - before[1])
    return {"cpu_ms": percentile(sorted(cpu[5:]), 0.5) / 1e6, "wall_ms": percentile(sorted(wall[5:]), 0.5) / 1e6}


def start_first() -> dict[str, float]:
    """Wall time of the first `init()` and `finish()` of a process: what they import counts."""
    import tracker_nb  # noqa: F401 - what importing costs is another figure

    before = _ns()
    _run().finish()
    return {"wall_ms": (_ns() - before) / 1e6}


# ---------------------------------------------------------------------------------------------------- reading


def fill(*, points: int, across: bool) -> dict[str, float]:
    """A long run: `loss`, and where `across` also `x`, which goes up and down at random."""
    import numpy as np

    rng = np.random.default_rng(1)
    run = _run(id="long")
    begin = _ns()
    for start in range(0, points, 1 << 16):
        n = min(1 << 16, points - start)
        loss, x = rng.random(n).tolist(), rng.random(n).tolist()
        if across:
            for i in range(n):
                run.log({"loss": loss[i], "x": x[i]})
        else:
            for i in range(n):
                run.log({"loss": loss[i]})
    run.finish()
    return {"seconds": (_ns() - begin) / 1e9}


def read(*, points: int, times: int) -> dict[str, float]:
    """A metric of the long run, its values alone and with steps and times; each time from a new connection."""
    import tracker_nb

    values, everything, opening = [], [], []
    for _ in range(times + 1):
        api = tracker_nb.Api()
        run = api.run("bench/long")
        begin = _ns()
        found = run.series("loss").value
        values.append(_ns() - begin)
        assert len(found) == points
        api.close()

        opened = _ns()
        api = tracker_nb.Api()
        run = api.run("bench/long")
        begin = _ns()
        series = run.series("loss")
        assert len(series.value) == len(series.step) == len(series.time) == points
        everything.append(_ns() - begin)
        opening.append(_ns() - opened)
        api.close()
    taken = {"values": values, "all": everything, "opening": opening}
    return {f"{name}_ms": percentile(sorted(one[1:]), 0.5) / 1e6 for name, one in taken.items()}


def buckets(*, points: int, times: int) -> dict[str, float]:
    """1,000 buckets of the long run, first on a new connection, then on that one; one answer is compared with NumPy's."""
    import tracker_nb

    first, plain, cold, cached = [], [], [], []
    for n in range(times + 1):
        api = tracker_nb.Api()
        run = api.run("bench/long")
        begin = _ns()
        found = run.buckets("loss", n=1000)
        first.append(_ns() - begin)
        for _ in range(3):
            begin = _ns()
            run.buckets("loss", n=1000)
            plain.append(_ns() - begin)
        if n == 0:
            values = run.series("loss").value
            assert found.count.sum() == points
            assert found.min.min() == values.min()
            assert found.max.max() == values.max()
            assert found.last[-1] == values[-1]
            assert abs((found.mean * found.count).sum() / points - values.mean()) < 1e-9
        api.close()
    for _ in range(max(times // 5, 1) + 1):
        api = tracker_nb.Api()
        run = api.run("bench/long")
        begin = _ns()
        across = run.buckets("loss", x="x", n=1000)
        cold.append(_ns() - begin)
        assert across.count.sum() == points
        for _ in range(5):
            begin = _ns()
            run.buckets("loss", x="x", n=1000)
            cached.append(_ns() - begin)
        api.close()
    taken = {"first": first[1:], "plain": plain, "cold": cold[1:], "cached": cached}
    return {f"{name}_ms": percentile(sorted(one), 0.5) / 1e6 for name, one in taken.items()}


# ---------------------------------------------------------------------------------------------------- bytes


def random_rows(*, keys: int, rows: int) -> dict[str, float]:
    """A run of random float64 that finishes."""
    make = [f"metric/{j}" for j in range(keys)]
    run = _run()
    for i in range(rows):
        run.log({name: random.random() for name in make}, i)
    run.finish()
    return {}


def empty_run() -> dict[str, float]:
    """A run without a row: what a store weighs before the first point."""
    _run().finish()
    return {}


def hours(*, keys: int, rows: int) -> dict[str, float]:
    """A row a second, hours of it, in seconds: the background's ticks are ours and so is the clock it looks at.

    Everything else is what always runs: the same records, the same thresholds, the same transactions and checkpoints.
    """
    from tracker_nb.journal import naming, writer
    from tracker_nb.store import background, database, place

    elapsed = [0.0]
    born = time.time_ns()
    jitter = random.Random(1)
    late = [0.0]
    writer._time_ns = naming._time_ns = lambda: born + int((elapsed[0] + late[0]) * 1e9)
    grown = _count_wal(database.Database)
    where = place.find()
    service = background.Background(where, clock=lambda: elapsed[0])
    service._start = lambda: None
    background._services[os.getpid(), where.root] = service

    names = [f"metric/{j}" for j in range(keys)]
    run = _run()
    begin = _written()
    for i in range(rows):
        late[0] = jitter.random() * 0.01
        run.log({name: random.random() for name in names}, i)
        elapsed[0] = i + 1.0
        service._tick()
    journal = _journal_bytes(run)
    run.finish()
    service.applier.database.close()
    return {"journal": journal, "wal": grown[0], "all": _written() - begin, "applies": grown[1]}


def _count_wal(database: Any) -> list[int]:
    """Counts, from now on, the bytes that transactions append to the write-ahead log, and the transactions that do.

    Only checkpoints shorten it, and they never run inside a transaction.
    """
    counted = [0, 0]
    transaction = database.transaction

    @contextlib.contextmanager
    def counting(self: Any, *positional: Any) -> Iterator[Any]:
        with self.locked():
            before = _size(f"{self.place.database}-wal")
            with transaction(self, *positional) as connection:
                yield connection
            grown = _size(f"{self.place.database}-wal") - before
            counted[0] += max(grown, 0)
            counted[1] += grown > 0

    database.transaction = counting
    return counted


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _written() -> int:
    """Bytes this process has handed to write calls; 0 where the system does not say."""
    try:
        lines = Path("/proc/self/io").read_text("ascii").split("\n")
    except OSError:
        return 0
    return int(next(line.split()[1] for line in lines if line.startswith("wchar")))


WORKLOADS: dict[str, Callable[..., dict[str, Any]]] = {
    work.__name__: work
    for work in (
        log, durable, paced, paced_bare, crowd, start_warm, start_first, fill, read, buckets, random_rows, empty_run, hours,
    )
}  # fmt: skip


if __name__ == "__main__":
    print(MARK + json.dumps(WORKLOADS[sys.argv[1]](**json.loads(sys.argv[2]))), flush=True)
