"""What every benchmark needs: a fresh store, child processes, and a place for its figures.

`BENCH_SCALE` (a number below 1) shrinks every size, to see whether the benchmarks run; then no limit is asserted.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.children import MARK
from tests.benchmarks.limits import LIMITS

SCALE = float(os.environ.get("BENCH_SCALE", "1"))
LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
ROOT = Path(__file__).parents[2]
Child = Callable[..., dict[str, Any]]


def scaled(number: int, *, least: int = 1) -> int:
    """A size, shrunk by `BENCH_SCALE`."""
    return max(int(number * SCALE), least)


def environment(store: Path) -> dict[str, str]:
    """Variables for a child process: those that could change a figure are left out.

    An installed package comes with its bytecode; without it, imports would be measured with compiling.
    """
    unwanted = ("TRACKER_NB_", "WANDB_", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
    return kept | {"TRACKER_NB_DIR": str(store), "TRACKER_NB_SILENT": "true"}


def command(workload: str, arguments: dict[str, Any]) -> list[str]:
    """Command line of a workload in a process of its own."""
    return [sys.executable, "-m", "tests.benchmarks.children", workload, json.dumps(arguments)]


def figures_in(output: str) -> dict[str, Any]:
    """What a child printed."""
    return json.loads(next(line for line in output.splitlines() if line.startswith(MARK))[len(MARK) :])


@pytest.fixture(autouse=True)
def quiet_disk():
    """Nothing of the benchmark before waits to be written while this one is measured."""
    os.sync()


@pytest.fixture(scope="session")
def new_store(tmp_path_factory) -> Iterator[Callable[[], Path]]:
    """Makes the place of a store that is not there yet. All of them are deleted at the end: they are large."""
    made: list[Path] = []

    def make() -> Path:
        made.append(tmp_path_factory.mktemp("store"))
        return made[-1] / "s"

    yield make
    for folder in made:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def child(new_store) -> Child:
    """Runs a workload in a process of its own, in a fresh store unless one is given; its figures."""

    def run(workload: str, *, store: Path | None = None, **arguments: Any) -> dict[str, Any]:
        store = store or new_store()
        store.mkdir(exist_ok=True)
        done = subprocess.run(
            command(workload, arguments), cwd=ROOT, env=environment(store), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return figures_in(done.stdout)

    return run


@pytest.fixture
def repeat(benchmark) -> Callable[[Callable[[], Any], int], list[Any]]:
    """Calls a measurement several times, and keeps what each returned."""

    def run(measure: Callable[[], Any], times: int) -> list[Any]:
        found: list[Any] = []
        rounds = times if SCALE >= 1 else min(times, 2)
        benchmark.pedantic(lambda: found.append(measure()), rounds=rounds, iterations=1)
        return found

    return run


@pytest.fixture
def record(benchmark) -> Callable[..., None]:
    """Keeps a figure for the report: the median of its repetitions with the smallest and the largest of them.

    `check()`, called when all figures are recorded, fails the benchmark if one breaks its limit.
    """
    figures = benchmark.extra_info.setdefault("figures", {})
    benchmark.extra_info |= {"scale": SCALE, "load": LOAD}

    def keep(name: str, values: Sequence[float], *, note: str = "") -> None:
        limit = LIMITS[name]
        assert not limit.by_report
        figures[name] = {
            "value": statistics.median(values),
            "low": min(values),
            "high": max(values),
            "times": len(values),
            "note": note,
        }

    return keep


@pytest.fixture
def check(benchmark) -> Callable[[], None]:
    """Fails where a recorded figure breaks its limit."""

    def run() -> None:
        if SCALE != 1:
            return
        found = benchmark.extra_info["figures"]
        broken = [
            f"{limit.row} ({limit.what}): {found[name]['value']:.4g} {limit.unit}, must be {limit.must}"
            for name, limit in LIMITS.items()
            if name in found and not limit.kept(found[name]["value"])
        ]
        assert not broken, "; ".join(broken)

    return run
