"""Make the golden store of this release's schema: `python -m tests.golden.make`, once a schema number.

A released golden store is never made again: the tests show that what it holds can still be read. Nothing in it says on
which machine it was made.
"""

import contextlib
import os
import platform
import random
import secrets
import shutil
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

import tracker_nb
from tests.golden import content
from tests.support import abandon
from tracker_nb.journal import naming, writer
from tracker_nb.store import background, schema
from tracker_nb.store.database import Database
from tracker_nb.store.place import Place

FOLDER = Path(__file__).parent


def disguise():
    """Time, ids and names that are the same whenever and wherever this runs."""
    clock = [1_790_000_000_000_000_000]

    def time_ns():
        clock[0] += 1_000_000
        return clock[0]

    chance = random.Random(1)
    writer._time_ns = naming._time_ns = time.time_ns = time_ns
    secrets.token_hex = lambda n: chance.randbytes(n).hex()
    secrets.choice = chance.choice
    uuid.uuid4 = lambda: uuid.UUID(bytes=chance.randbytes(16), version=4)
    platform.node = lambda: "golden"
    platform.python_version = lambda: "3.11.0"
    os.getpid = lambda: 4242
    os.getcwd = lambda: "/home/ada"
    os.environ |= {"LOGNAME": "ada", "TRACKER_NB_SILENT": "true"}
    os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()  # else the user's servers know this store, and open it
    sys.argv = ["train.py", "--lr", "0.001"]
    sys.executable = "/usr/bin/python3"
    sys.modules["__main__"].__file__ = "train.py"
    background.TICK = 3600.0


def make(folder):
    """Fill the store: runs that finished, failed, crashed and were resumed, and one that nobody has applied."""
    place = {"entity": "ada", "project": "golden", "dir": folder}

    with tracker_nb.init(
        **place, id="finished", name="first-run", notes="# Notes", tags=content.TAGS, group="g", job_type="train",
        config=content.CONFIG,
    ) as run:  # fmt: skip
        run._writer.running_cell = lambda: ("cell-1", {"cell_id": "c1", "execution_count": 3, "source": "train()"}, 0)
        for i, loss in enumerate(content.losses()):
            run.log({"loss": loss, "i": i})
        run._writer.running_cell = None
        run.log({"array": np.array(content.ARRAY, np.int16)})
        for row in content.ODD_ROWS:
            run.log(row)
        for value, step in enumerate(content.STEPS):
            run.log({"unordered": value}, step=step)
        run.log({"first": 1}, step=5000, commit=False)
        run.log({"second": 2}, step=5000)
        run.config["later"] = {"added": 1}
        run.summary.update(content.SUMMARY)
        run.summary["loss"] = 0.25

    run = tracker_nb.init(**place, id="failed", name="second-run", config={"lr": 0.1})
    run.log({"loss": 1.0})
    run.finish(exit_code=3)

    run = tracker_nb.init(**place, id="crashed", name="third-run")
    for i in range(10):
        run.log({"loss": float(i)})
    abandon(run)
    with tracker_nb.init(**place, id="resumed", name="fourth-run") as run:
        run.log({"loss": 1.0})
    tracker_nb.Api(folder).close()  # takes the crashed one over
    with tracker_nb.init(**place, id="resumed", resume="must") as run:
        run.log({"loss": 2.0})

    run = tracker_nb.init(**place, id="left", name="fifth-run", config={"lr": 0.5})
    for i in range(content.LEFT):
        run.log({"loss": float(i), "text": f"row {i}"})
    abandon(run)


def main():
    """Make the store of this schema anew."""
    disguise()
    folder = FOLDER / f"schema-{schema.VERSION}"
    shutil.rmtree(folder, ignore_errors=True)
    make.__code__ = make.__code__.replace(co_filename="train.py")  # the place that logs
    make(folder)
    with contextlib.closing(Database(Place(folder))) as database, database.locked():
        database.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for path in (folder / "files", folder / "objects", folder / "tracker.lock"):
        path.rmdir() if path.is_dir() else path.unlink()
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert len(left) == 2, left  # the database and one segment
    for path in folder.rglob("*"):
        if path.is_file():
            assert str(FOLDER.parents[1]).encode() not in path.read_bytes(), path


if __name__ == "__main__":
    main()
