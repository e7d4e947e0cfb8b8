"""A full disk: training goes on, nothing blocks, what fits in memory is written later, what does not is counted."""

import errno
import os
import random
import resource
import time
import warnings
from pathlib import Path

import pytest

import tracker_nb
from tests.support import api, apply_all_the_time, call, integrity, mounting, on_small_disk, rows_of, wait_for
from tracker_nb.journal import frames, writer
from tracker_nb.store import background

needs_mount = pytest.mark.skipif(mounting() is None, reason="needs a mount namespace: root, or user namespaces")


# ---------------------------------------------------------------------------------------------------- the children


class SmallDisk:
    """The disk of this process's namespace, filled by a ballast file up to the last bytes."""

    def __init__(self, folder):
        self.ballast = Path(folder) / "ballast"
        self.store = Path(folder) / "store"

    def fill(self):
        with self.ballast.open("ab", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(1 << 12))
                except OSError:
                    return

    def free(self):
        self.ballast.unlink()


class SmallFiles:
    """No file of this process may grow beyond what its journal has now. Needs no rights, and is no round number."""

    def __init__(self, folder):
        self.store = Path(folder) / "store"

    def fill(self):
        segments = (self.store / "journals").glob("*")
        size = max((path.stat().st_size for path in segments), default=0) + 333
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def free(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


DISKS = {"tmpfs": SmallDisk, "rlimit": SmallFiles}


class Log:
    """Logs rows and measures the longest call."""

    def __init__(self, run):
        self.run, self.rows, self.longest = run, 0, 0.0

    def __call__(self, count):
        for _ in range(count):
            begin = time.perf_counter()
            self.run.log({"x": self.rows, "y": self.rows / 2})
            self.longest = max(self.longest, time.perf_counter() - begin)
            self.rows += 1


def whole(run):
    """True if the journal on the disk consists of whole records."""
    damage = frames.Damage()
    with run._writer._lock:  # the background may be trying again
        data = run._writer.path.read_bytes()
    list(frames.frames(data, damage=damage, ended=True))
    return damage.places == 0


def count_short_writes():
    counted = []
    undo = writer.Writer._undo

    def counting(self, written):
        counted.append(written)
        undo(self, written)

    writer.Writer._undo = counting
    return counted


def read(store, run_id="full"):
    with api(store) as asked:
        run = asked.run(f"p/{run_id}")
        series = run.series("x")
        assert series.step.tolist() == series.value.tolist()
        assert (run.series("y").value * 2 == series.value).all()
        return {"state": run.state, "x": series.value.tolist(), "integrity": integrity(store)}


def finish(run):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begin = time.monotonic()
        run.finish()
        return {"said": [str(w.message) for w in caught], "seconds": time.monotonic() - begin}


def space_comes_back(kind, folder, applying):
    disk = DISKS[kind](folder)
    if applying:
        apply_all_the_time(segment_bytes=20_000 if kind == "tmpfs" else None)
    background.TICK = 0.02
    short = count_short_writes()
    run = tracker_nb.init(project="p", id="full", dir=disk.store)
    log = Log(run)
    log(500)
    facts = {"whole": True, "waited": []}
    for _ in range(3):
        disk.fill()
        log(1000)
        facts["waited"].append(run._writer.waiting)
        facts["whole"] &= whole(run)
        disk.free()
        facts["written"] = wait_for(lambda: not run._writer.waiting)
        log(100)
    facts |= finish(run) | read(disk.store)
    return facts | {"rows": log.rows, "longest": log.longest, "short": sum(map(bool, short))}


def memory_overflows(kind, folder):
    disk = DISKS[kind](folder)
    writer.WAITING_BYTES = 10_000
    background.TICK = 0.02
    run = tracker_nb.init(project="p", id="full", dir=disk.store)
    log = Log(run)
    log(100)
    disk.fill()
    log(3000)
    lost = run._writer.lost
    disk.free()
    written = wait_for(lambda: not run._writer.waiting and not run._writer.lost)
    log(100)
    facts = finish(run) | read(disk.store)
    counted = rows_of(disk.store, "SELECT sum(lost) FROM writers")[0][0]
    said = rows_of(disk.store, "SELECT count(*) FROM run_events WHERE kind = 'lost'")[0][0]
    return facts | {
        "rows": log.rows, "lost": lost, "written": written, "counted": counted, "events": said, "longest": log.longest
    }  # fmt: skip


def finish_on_a_full_disk(kind, folder):
    disk = DISKS[kind](folder)
    run = tracker_nb.init(project="p", id="full", dir=disk.store)
    log = Log(run)
    log(500)
    disk.fill()
    log(1000)
    waiting = run._writer.waiting
    facts = finish(run)
    again = finish(run)["said"]
    other = tracker_nb.run is None
    disk.free()
    return facts | read(disk.store) | {"waiting": waiting, "rows": log.rows, "again": again, "other": other}


def begin_on_a_full_disk(kind, folder, existing):
    disk = DISKS[kind](folder)
    background.TICK = 0.02
    if existing:
        tracker_nb.init(project="p", id="before", dir=disk.store).finish()
    else:
        (disk.store / "journals").mkdir(parents=True)
        (disk.store / "journals" / "other").write_bytes(bytes(4000))
    disk.fill()
    os.environ["XDG_DATA_HOME"] = str(Path(folder).parent / "user")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = tracker_nb.init(project="p", dir=disk.store)
    log = Log(run)
    log(10)
    disk.free()
    written = wait_for(lambda: not run._writer.waiting)
    log(10)
    facts = finish(run)
    place = run._place.root
    return (
        facts | read(place, run.id) | {"begun": [str(w.message) for w in caught], "rows": log.rows, "written": written}
    )


# ---------------------------------------------------------------------------------------------------- the tests

on_each_disk = pytest.mark.parametrize("kind", [pytest.param("tmpfs", marks=needs_mount), "rlimit"])


def on(kind, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    return str(disk), on_small_disk(disk, "1m") if kind == "tmpfs" else ()


@on_each_disk
@pytest.mark.parametrize("applying", [False, True], ids=["logging", "applying"])
def test_what_fits_in_memory_is_written_when_space_comes_back(tmp_path, kind, applying):
    folder, before = on(kind, tmp_path)
    found = call(space_comes_back, kind, folder, applying, before=before)

    assert min(found["waited"]) > 100  # the disk was full
    if not applying:
        assert found["short"] > 0  # ... and writes were cut short
    assert found["whole"]
    assert found["written"]
    assert found["x"] == list(range(found["rows"]))
    assert found["state"] == "finished"
    assert found["said"] == []
    assert found["integrity"] == "ok"
    assert found["longest"] < 0.5


@on_each_disk
def test_what_overflows_memory_is_counted_and_said(tmp_path, kind):
    folder, before = on(kind, tmp_path)
    found = call(memory_overflows, kind, folder, before=before)

    assert found["lost"] > 1000
    assert found["written"]
    assert found["counted"] == found["lost"]
    assert found["events"] >= 1
    assert len(found["x"]) == found["rows"] - found["lost"]
    assert found["x"] == sorted(set(found["x"]))
    assert found["x"][:100] == list(range(100))
    assert found["x"][-100:] == list(range(found["rows"] - 100, found["rows"]))
    assert found["longest"] < 0.5
    assert any(str(found["lost"]) in said for said in found["said"])


@on_each_disk
def test_finish_on_a_full_disk_returns_with_a_warning_and_keeps_what_was_written(tmp_path, kind):
    folder, before = on(kind, tmp_path)
    found = call(finish_on_a_full_disk, kind, folder, before=before)

    assert found["seconds"] < 5
    assert any("could not be written" in said for said in found["said"])
    assert found["again"] == []
    assert found["other"]
    assert found["x"] == list(range(found["rows"] - found["waiting"]))
    assert found["state"] == "crashed"  # it could not say how it ended
    assert found["integrity"] == "ok"


@on_each_disk
@pytest.mark.parametrize("existing", [True, False], ids=["existing store", "new store"])
def test_a_run_that_begins_on_a_full_disk_is_recorded(tmp_path, kind, existing):
    folder, before = on(kind, tmp_path)
    found = call(begin_on_a_full_disk, kind, folder, existing, before=before)

    assert found["x"] == list(range(found["rows"]))
    assert found["state"] == "finished"
    assert found["written"]
    assert found["said"] == []


# ---------------------------------------------------------------------------------------------------- one by one


class Interrupt(BaseException):
    """As KeyboardInterrupt, which would end pytest where a test fails."""


class Moody:
    """`os.write` on a bad day: writes all, some, or none of it."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def __call__(self, fd, data):
        mood = self.chance.random()
        if mood < 0.3:
            raise OSError(errno.ENOSPC, "No space left on device")
        if mood < 0.6:
            return os.write(fd, data[: self.chance.randrange(len(data))])
        return os.write(fd, data)


@pytest.mark.parametrize("seed", range(8))
def test_writes_of_any_length_leave_whole_records_in_the_order_of_logging(store, monkeypatch, seed):
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 3_000)
    monkeypatch.setattr(background, "TICK", 0.001)
    run = tracker_nb.init(project="p", id="full")
    monkeypatch.setattr(writer, "_write", Moody(seed))
    for i in range(400):
        run.log({"x": i, f"key {i % 7}": i})
        assert whole(run)
    monkeypatch.setattr(writer, "_write", os.write)
    run.finish()

    with api(store) as asked:
        found = asked.run("p/full")
        assert found.series("x").value.tolist() == list(range(400))
        assert [row[f"key {i % 7}"] for i, row in enumerate(found.scan_history())] == list(range(400))
        assert found.state == "finished"
    assert rows_of(store, "SELECT sum(skipped_bytes) FROM writers") == [(0,)]


def test_a_short_write_that_cannot_be_undone_costs_nothing_that_returned(store, monkeypatch):
    run = tracker_nb.init(project="p", id="full")
    monkeypatch.setattr(background, "TICK", 60)
    moody = Moody(1)

    def no(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    real = os.ftruncate
    for i in range(300):
        monkeypatch.setattr(writer, "_write", moody if i % 10 < 5 else os.write)
        monkeypatch.setattr(os, "ftruncate", no if i % 20 < 10 else real)
        run.log({"x": i})
    monkeypatch.setattr(writer, "_write", os.write)
    monkeypatch.setattr(os, "ftruncate", real)
    run.finish()

    with api(store) as asked:
        assert asked.run("p/full").series("x").value.tolist() == list(range(300))
    assert rows_of(store, "SELECT sum(skipped_places) > 0 FROM writers") == [(1,)]


def test_an_interrupt_between_a_write_and_its_count_does_not_let_the_next_short_write_cut_too_much(store, monkeypatch):
    run = tracker_nb.init(project="p", id="full")

    def log(x):
        run.log({"x": x})

    log(0)

    def interrupted(fd, data):
        os.write(fd, data)
        raise Interrupt  # Ctrl+C in a notebook, between os.write and what follows it

    def short(fd, data):
        return os.write(fd, data[:5])

    monkeypatch.setattr(writer, "_write", interrupted)
    with pytest.raises(Interrupt):
        log(1)
    monkeypatch.setattr(writer, "_write", os.write)
    log(2)
    monkeypatch.setattr(writer, "_write", short)
    log(3)
    assert whole(run)
    monkeypatch.setattr(writer, "_write", os.write)
    log(4)
    run.finish()

    with api(store) as asked:
        assert asked.run("p/full").series("x").value.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("announced", ["keys", "site"])
def test_an_interrupt_while_names_are_announced_does_not_leave_rows_without_names(store, monkeypatch, announced):
    run = tracker_nb.init(project="p", id="full")

    def log(x):
        run.log({"x": x})

    if announced == "site":
        run.log({"x": 0})

    def interrupted(fd, data):
        raise Interrupt

    monkeypatch.setattr(writer, "_write", interrupted)
    with pytest.raises(Interrupt):
        log(1)
    monkeypatch.setattr(writer, "_write", os.write)
    log(2)
    run.finish()

    with api(store) as asked:
        assert asked.run("p/full").series("x").value.tolist()[-1:] == [2]
        assert asked.run("p/full").series("x").site[-1] > 0
