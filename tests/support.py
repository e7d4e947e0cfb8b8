"""What tests share: children to kill, what they reported, stores read back, small and read-only file systems."""

import contextlib
import importlib
import json
import os
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
_REPORTS = "TRACKER_TEST_REPORTS"
_PACK = struct.Struct("<I")


# ---------------------------------------------------------------------------------------------------- in the child


class Reports:
    """Says, call by call, that `log()` has returned: four bytes in a pipe, which outlive the process.

    Args:
        who: number of the writer, below 256, where a test has several.
    """

    def __init__(self, who=0):
        self._who = who << 24
        self._fd = os.open(os.environ[_REPORTS], os.O_WRONLY)

    def __call__(self, index):
        os.write(self._fd, _PACK.pack(self._who | index))


def apply_all_the_time(segment_bytes=None):
    """Let the background of this process apply whatever there is, without a rest."""
    from tracker_nb.journal import writer
    from tracker_nb.store import background

    background.TICK = 0.001
    background.BREATH = 0.0
    background.BATCH_BYTES = background.WORTH_BYTES = 1
    if segment_bytes:
        writer.SEGMENT_BYTES = segment_bytes


# ---------------------------------------------------------------------------------------------------- in the test


def environment(store=None, **more):
    """Variables for a child: this package, this store, nobody's settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_NB_", "WANDB_"))}
    kept |= {"PYTHONPATH": str(ROOT), "TRACKER_NB_SILENT": "true", "PYTHONFAULTHANDLER": "1"}
    if store is not None:
        kept["TRACKER_NB_DIR"] = str(store)
    return kept | {name: str(value) for name, value in more.items()}


def command(function, *arguments):
    """The command that calls a function of a test module in a process of its own."""
    name = f"{function.__module__}:{function.__qualname__}"
    return [sys.executable, "-m", "tests.support", name, json.dumps(arguments)]


def call(function, *arguments, store=None, before=(), seconds=60, **variables):
    """Call a function of a test module in a process of its own; what it returned, by way of JSON.

    Args:
        before: a command in front, such as one that changes the file system.
    """
    done = subprocess.run(
        [*before, *command(function, *arguments)],
        env=environment(store, **variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines else None


class Watched:
    """Children that report what returned. Leaving the block kills what is left of them.

    Attributes:
        returned: how many calls of each writer have returned: its last report plus one.
    """

    def __init__(self, folder, store):
        self._path = Path(folder) / "reports"
        self._env = environment(store, **{_REPORTS: self._path})
        self._rest = b""
        self.processes = []
        self.returned = {}

    def __enter__(self):
        os.mkfifo(self._path)
        self._fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        self._open = os.open(self._path, os.O_WRONLY)  # until all children run there must be someone at the other end
        return self

    def __exit__(self, *_):
        self.kill()
        os.close(self._fd)
        os.unlink(self._path)

    def start(self, function, *arguments):
        process = subprocess.Popen(
            command(function, *arguments),
            env=self._env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def drain(self):
        """Read what there is. True at the end: nobody is left to report."""
        while True:
            try:
                data = os.read(self._fd, 1 << 16)
            except BlockingIOError:
                return False
            if not data:
                return True
            data = self._rest + data
            whole = len(data) // 4 * 4
            self._rest = data[whole:]
            last = {report >> 24: report & 0xFFFFFF for (report,) in _PACK.iter_unpack(data[:whole])}
            self.returned.update({who: index + 1 for who, index in last.items()})

    def wait(self, until=lambda returned: False, seconds=30.0):
        """Read until a condition on `returned` holds, all processes have ended, or so many seconds are over."""
        deadline = time.monotonic() + seconds
        while not until(self.returned) and time.monotonic() < deadline:
            if all(process.poll() is not None for process in self.processes):
                break
            select.select([self._fd], [], [], 0.005)
            self.drain()
        self.drain()

    def kill(self):
        """SIGKILL to every child and grandchild; returns when all are dead and all they said is read."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self.processes:
            process.wait()
        if self._open is not None:
            os.close(self._open)
            self._open = None
        deadline = time.monotonic() + 10
        while not self.drain() and time.monotonic() < deadline:
            time.sleep(0.002)


def abandon(run):
    """Leave a run as SIGKILL would, in this process: its journal as it is, its lock free, nothing said of an end."""
    import importlib

    from tracker_nb.store.background import background

    begin = importlib.import_module("tracker_nb.sdk.init")
    service = background(run._place)
    with service._lock:
        service._writers.discard(run._writer)
        service._taken_over = time.monotonic()  # nor does this process take its journal over, for a while
        if not service._writers:
            service._stop = True
            service._wake.set()
    with run._writer._lock:
        if run._writer._fd >= 0:
            os.close(run._writer._fd)
            run._writer._fd = -1
        run._writer._waiting.clear()
    run._finished = True
    if run in begin._open:
        begin._open.remove(run)


def journal_of(store, uid=None):
    from tracker_nb.journal import reader

    found = [j for j in reader.journals(store / "journals") if uid in (None, j.writer)]
    return found[0]


def wait_for(condition, seconds=10.0):
    """True as soon as the condition holds; False if it did not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def journals(store):
    """Names of the segments in a store."""
    return sorted(path.name for path in (Path(store) / "journals").glob("*.tnj"))


def wait_for_death(store, seconds=10.0):
    """Wait until no journal of a store has a living writer: a killed process lets go of its locks one by one."""
    from tracker_nb.journal import reader

    folder = Path(store) / "journals"
    assert wait_for(lambda: not any(journal.alive() for journal in reader.journals(folder)), seconds)


def integrity(store):
    """What SQLite says of the database: "ok"."""
    with contextlib.closing(sqlite3.connect(f"file:{store}/tracker.db?mode=ro", uri=True)) as db:
        return db.execute("PRAGMA integrity_check").fetchone()[0]


def rows_of(store, question, *values):
    """Rows of a question to the database itself."""
    with contextlib.closing(sqlite3.connect(f"file:{store}/tracker.db?mode=ro", uri=True)) as db:
        return db.execute(question, values).fetchall()


def api(store):
    """A new `Api` on a store; closed at the end of the block."""
    import tracker_nb

    return contextlib.closing(tracker_nb.Api(store))


# ---------------------------------------------------------------------------------------------------- file systems


def mounting():
    """The command that gives what follows it a mount namespace of its own; None where that is not allowed."""
    for way in (["unshare", "-m"], ["unshare", "-r", "-m"]):
        with contextlib.suppress(OSError):
            if not subprocess.run([*way, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode:
                return way
    return None


def on_small_disk(folder, size):
    """Arguments for `call(before=...)`: `folder` is a tmpfs of `size` (such as "2m"), for that process only."""
    script = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@"'
    return [*(mounting() or ["false"]), "sh", "-c", script, "sh", size, str(folder)]


def on_read_only(folder):
    """Arguments for `call(before=...)`: nothing in `folder` can be written, not even by root, for that process only."""
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    return [*(mounting() or ["false"]), "sh", "-c", script, "sh", str(folder)]


if __name__ == "__main__":
    module, function = sys.argv[1].split(":")
    answer = getattr(importlib.import_module(module), function)(*json.loads(sys.argv[2]))
    if answer is not None:
        print(json.dumps(answer))  # noqa: T201 - that is how `call` gets it
