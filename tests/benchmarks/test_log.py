"""What `log()` costs its caller, alone, beside the background that applies, and beside other processes."""

from __future__ import annotations

import importlib.util
import subprocess
from array import array

import numpy as np
import pytest

from tests.benchmarks.children import READY, percentile
from tests.benchmarks.conftest import ROOT, SCALE, command, environment, figures_in, scaled

CALLS = 20_000
PROCESSES = 8


@pytest.mark.parametrize(
    ("name", "kind", "keys"),
    [("log-2", "float", 2), ("log-100", "float", 100), ("log-2-float32", "float32", 2), ("log-2-torch", "torch", 2)],
)
def test_log_costs_its_caller_microseconds(name, kind, keys, child, repeat, record, check):
    if kind == "torch" and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")

    found = repeat(lambda: child("log", kind=kind, keys=keys, calls=scaled(CALLS, least=100)), 7)

    bare = np.median([one["bare_us"] for one in found])
    p99 = np.median([one["p99_us"] for one in found])
    record(
        name,
        [one["median_us"] for one in found],
        note=f"p99 {p99:.1f} µs; bare os.write of {found[0]['bytes']} bytes {bare:.1f} µs",
    )
    check()


@pytest.mark.parametrize(("name", "faster"), [("apply-usual", {}), ("apply-often", {"soon": 1.0, "worth": 64 << 10})])
def test_log_waits_only_milliseconds_while_the_background_applies(name, faster, child, repeat, record, check):
    pace = {"hertz": 1000, "seconds": 45 * SCALE}

    def measure():
        logged = child("paced", keys=20, **pace, **faster)
        bare = child("paced_bare", size=logged["bytes"], hertz=1000, seconds=10 * SCALE)
        return logged, bare

    [(logged, bare), *_] = repeat(measure, 1)

    assert logged["applies"] >= 2 or SCALE < 1, "the background did not apply: nothing was measured"
    record(
        name,
        [logged["p999_ms"]],
        note=f"{logged['applies']} applies of at most {logged['apply_ms']:.0f} ms; median {logged['median_ms']:.3f} ms, "
        f"max {logged['max_ms']:.1f} ms; bare os.write alone: p99.9 {bare['p999_ms']:.2f} ms",
    )
    check()


@pytest.mark.parametrize(("name", "keys", "calls"), [("durable-2", 2, 200_000), ("durable-100", 100, 20_000)])
def test_points_are_durable_when_finish_returns(name, keys, calls, child, repeat, record, check):
    found = repeat(lambda: child("durable", keys=keys, calls=scaled(calls, least=100)), 5)

    wait = np.median([one["finish_s"] for one in found])
    record(name, [one["points_s"] for one in found], note=f"{calls:,} calls; finish() took {wait:.2f} s of it")
    check()


@pytest.mark.parametrize(("name", "calls", "hertz"), [("crowd-tail", 100_000, 0), ("crowd-tail-paced", 10_000, 1000)])
def test_eight_processes_log_to_one_store_and_lose_nothing(name, calls, hertz, new_store, repeat, record, check):
    calls = scaled(calls, least=100)
    errors, lost, tails, bares, sizes = [], [], [], [], []

    def measure():
        store = new_store()
        store.mkdir()
        logged, problems, size = crowd(store, calls=calls, hertz=hertz, size=0)
        bare, *_ = crowd(store, calls=calls, hertz=hertz, size=size)
        errors.append(len(problems))
        lost.append(lost_calls(store, calls))
        tails.append(logged)
        bares.append(bare)
        sizes.append(size)
        return percentile(logged, 0.9999) / percentile(bare, 0.9999)

    ratios = repeat(measure, 5)

    log_ms, bare_ms = (np.median([percentile(one, 0.9999) for one in found]) / 1e6 for found in (tails, bares))
    if hertz:
        assert (sum(errors), sum(lost)) == (0, 0)
    else:
        record("crowd-errors", [sum(errors)])
        record("crowd-lost", [sum(lost)], note=f"of {PROCESSES * calls * len(lost):,}")
    record(name, ratios, note=f"log() {log_ms:.2f} ms, os.write of {sizes[0]} bytes {bare_ms:.2f} ms")
    check()


def crowd(store, *, calls, hertz, size):
    """Eight processes at once; (their latencies together, sorted; their errors; bytes a call)."""
    arguments = {"calls": calls, "hertz": hertz, "size": size}
    outs = [store.parent / f"latencies-{number}" for number in range(PROCESSES)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [
        subprocess.Popen(
            command("crowd", {**arguments, "number": number, "out": str(out)}),
            cwd=ROOT,
            env=environment(store),
            **pipes,
        )
        for number, out in enumerate(outs)
    ]
    for one in children:
        assert next(line for line in one.stdout if line.startswith(READY))
    for one in children:
        one.stdin.write("go\n")
        one.stdin.flush()
    found = [figures_in(one.communicate(timeout=600)[0]) for one in children]
    latencies = array("q")
    for out in outs:
        latencies.frombytes(out.read_bytes())
    problems = [error for one in found for error in one["errors"]]
    return np.sort(np.asarray(latencies)), problems, found[0]["bytes"]


def lost_calls(store, calls):
    """How many calls that returned are not in the store."""
    import tracker_nb

    api = tracker_nb.Api(dir=store)
    missing = 0
    for run in api.runs("bench"):
        found = set(run.series("i").value.tolist())
        missing += sum(i not in found for i in range(calls))
    missing += calls * (PROCESSES - len(api.runs("bench")))
    api.close()
    return missing
