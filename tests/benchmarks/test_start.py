"""What it costs to have tracker_nb at all: importing it, and beginning and ending a run."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np

from tests.benchmarks.conftest import ROOT, environment, scaled

ALL = "import tracker_nb; tracker_nb.init, tracker_nb.Api, tracker_nb.Settings; import tracker_nb.store.background"


def test_importing_is_fast(new_store, repeat, record, check):
    surroundings = environment(new_store())

    def seconds(code):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=surroundings)
        return time.perf_counter() - begin

    def measure():
        # Interleaved, so that a slow moment of the machine meets all of them.
        taken = [[seconds(code) for code in ("pass", "import tracker_nb", ALL)] for _ in range(scaled(11, least=2))]
        bare, ours, everything = np.median(taken, axis=0) * 1e3
        return bare, ours - bare, everything - bare

    found = repeat(measure, 5)

    bare = np.median([one[0] for one in found])
    record("import", [one[1] for one in found], note=f"bare Python {bare:.0f} ms")
    record("import-all", [one[2] for one in found])
    check()


def test_an_empty_run_costs_milliseconds(child, new_store, repeat, record, check):
    store = new_store()

    def measure():
        warm = child("start_warm", times=scaled(50, least=3))
        child("start_first", store=store)  # makes the store, the first time
        first = [child("start_first", store=store)["wall_ms"] for _ in range(scaled(5))]
        return warm["cpu_ms"], warm["wall_ms"], np.median(first)

    found = repeat(measure, 5)

    wall = np.median([one[1] for one in found])
    record("start-warm", [one[0] for one in found], note=f"wall time {wall:.1f} ms: the disk is waited for")
    record("start-first", [one[2] for one in found])
    check()
