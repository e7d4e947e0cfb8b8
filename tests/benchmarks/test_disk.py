"""How many bytes a point costs: at rest, and in writes on the way there."""

from __future__ import annotations

import pytest

from tests.benchmarks.conftest import scaled


def weight(folder):
    """Bytes of all files of a store, the write-ahead log and the journals among them."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(("name", "keys", "rows"), [("disk-2", 2, 100_000), ("disk-100", 100, 10_000)])
def test_a_point_costs_few_bytes_on_disk(name, keys, rows, child, new_store, repeat, record, check):
    rows = scaled(rows, least=50)

    def measure():
        empty, full = new_store(), new_store()
        child("empty_run", store=empty)
        child("random_rows", store=full, keys=keys, rows=rows)
        return (weight(full) - weight(empty)) / (keys * rows), weight(full) / (keys * rows)

    found = repeat(measure, 3)

    with_empty = found[0][1]
    record(
        name, [one[0] for one in found], note=f"{keys * rows:,} points; {with_empty:.2f} with the empty store's bytes"
    )
    check()


def test_a_slow_run_is_not_written_over_and_over(child, new_store, repeat, record, check):
    rows, keys = scaled(3600, least=50), 100

    def measure():
        empty, full = new_store(), new_store()
        child("empty_run", store=empty)
        written = child("hours", store=full, keys=keys, rows=rows)
        return {**written, "final": weight(full) - weight(empty)}

    found = repeat(measure, 3)

    one = found[0]
    parts = {name: one[name] / rows / keys for name in ("journal", "wal", "final")}
    record(
        "hour",
        [(one["journal"] + one["wal"]) / one["final"] for one in found],
        note=f"bytes a point: journal {parts['journal']:.1f}, WAL {parts['wal']:.1f}, at rest {parts['final']:.1f}; "
        f"{one['applies']} transactions; the clock is simulated",
    )
    if one["all"]:
        record("hour-all", [one["all"] / one["final"] for one in found])
    check()
