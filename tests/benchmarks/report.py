"""Writes docs/performance.md from what the benchmarks found and what the peers need on the same machine.

`python -m tests.benchmarks.report FIGURES OUT`: FIGURES is the JSON of pytest-benchmark. Where a promise is broken, it
says which, and the exit status is 1.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import machine, peers
from tests.benchmarks.limits import LIMITS, Limit

US = peers.US


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value: the median of `times` repetitions, the smallest and the largest of them, and what to know."""

    value: float
    low: float
    high: float
    times: int
    note: str = ""

    @classmethod
    def of(cls, values: list[float], note: str = "") -> Figure:
        """From its repetitions."""
        return cls(statistics.median(values), min(values), max(values), len(values), note)


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything the page is made of.

    Attributes:
        figures: ours, by the names in `limits`.
        passes: results of the peers' driver, ours among them; empty where it did not run.
        no_peers: why it did not.
        load: 1-minute load average before the first benchmark.
        scale: 1 unless this is a trial.
    """

    figures: dict[str, Figure]
    passes: list[peers.Results]
    no_peers: str
    load: float
    scale: float

    def broken(self) -> list[str]:
        """The promises that are not kept, or not measured although they could have been."""
        found = []
        for name, limit in LIMITS.items():
            figure = self.figures.get(name)
            if figure is None and limit.bound is not None and not (limit.by_report and self.no_peers):
                found.append(f"{limit.row} ({limit.what}): not measured")
            elif figure is not None and not limit.kept(figure.value):
                found.append(f"{limit.row} ({limit.what}): {_shown(figure.value, limit)}, must be {limit.must}")
        return found


def main(figures: str, out: str) -> int:
    """Measure the peers, write the page, judge."""
    saved = json.loads(Path(figures).read_text("utf-8"))["benchmarks"]
    infos = [one["extra_info"] for one in saved if "figures" in one["extra_info"]]
    scale = min((info["scale"] for info in infos), default=1.0)
    found = {name: Figure(**figure) for info in infos for name, figure in info["figures"].items()}
    try:
        passes, no_peers = peers.measure(trial=scale != 1), ""
    except peers.NotMeasured as reason:
        passes, no_peers = [], str(reason)
    load = max((info["load"] for info in infos), default=0.0)
    measured = Measured(found | _against_peers(passes), passes, no_peers, load, scale)
    Path(out).write_text(page(measured), "utf-8")
    if scale != 1:
        return 0
    for promise in measured.broken():
        print(f"broken: {promise}")
    return 1 if measured.broken() else 0


# ---------------------------------------------------------------------------------------------------- peers


def _against_peers(passes: list[peers.Results]) -> dict[str, Figure]:
    """Figures that only the driver can give: ratios of one pass each, and what is left after a kill."""
    found: dict[str, Figure] = {}
    for name, test in (("durable-2-peer", "log"), ("durable-100-peer", "wide")):
        ratios, notes = [], []
        for one in passes:
            ours, best = _get(one, US, test, "durable_points_s"), _best(one, test, "durable_points_s", largest=True)
            if ours and best:
                ratios.append(ours / best[1])
                notes.append(f"{ours:,.0f} / {best[1]:,.0f} points/s ({best[0]})")
        if ratios:
            found[name] = Figure.of(ratios, notes[0])
    ratios, notes = [], []
    for one in passes:
        ours, theirs = _get(one, US, "log", "median_us"), _get(one, "trackio", "log", "median_us")
        if ours and theirs:
            ratios.append(ours / theirs)
            notes.append(f"{ours:.1f} / {theirs:.1f} µs")
    if ratios:
        found["log-2-peer"] = Figure.of(ratios, notes[0])
    for name, test in (("kill-fast", "kill_fast"), ("kill-1khz", "kill_1khz")):
        kills = passes[0].get(US, {}).get(test) if passes else None
        if kills and all("lost" in kill for kill in kills):
            returned = sum(kill["returned"] for kill in kills)
            lost = sum(kill["lost"] for kill in kills)
            found[name] = Figure(
                lost, lost, lost, len(kills), f"of {returned:,} in {len(kills)} kills; the tests kill more"
            )
    return found


def _get(one: peers.Results, peer: str, test: str, field: str) -> float | None:
    value = one.get(peer, {}).get(test)
    value = value.get(field) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) else None


def _best(one: peers.Results, test: str, field: str, *, largest: bool = False) -> tuple[str, float] | None:
    found = [(value, peer) for peer in peers.REQUIREMENTS if (value := _get(one, peer, test, field)) is not None]
    if not found:
        return None
    value, peer = max(found) if largest else min(found)
    return peer, value


def _plain(test: str, field: str, factor: float, unit: str, *, largest: bool = False) -> Callable[[peers.Results], str]:
    """The best of the peers in a field of a test."""

    def text(one: peers.Results) -> str:
        best = _best(one, test, field, largest=largest)
        return f"{best[0]} {_number(best[1] * factor)} {unit}" if best else ""

    return text


def _start(one: peers.Results) -> str:
    both = {p: (_get(one, p, "empty", "init_s"), _get(one, p, "empty", "finish_s")) for p in peers.REQUIREMENTS}
    sums = [(a + b, peer) for peer, (a, b) in both.items() if a is not None and b is not None]
    return f"{min(sums)[1]} {_number(min(sums)[0] * 1e3)} ms (wall time)" if sums else ""


def _read(one: peers.Results) -> str:
    """A million points at each peer's own speed: some did not get so far when the run was written."""
    speeds = []
    for peer in peers.REQUIREMENTS:
        seconds, points = _get(one, peer, "read", "read_s"), _get(one, peer, "read", "points")
        if seconds and points:
            scaled = "" if points >= 1e6 else f", scaled from {points:,.0f} points"
            speeds.append((seconds / points, f"{peer} {_number(seconds / points * 1e9)} ms{scaled}"))
    return min(speeds)[1] if speeds else ""


def _kills(test: str) -> Callable[[peers.Results], str]:
    def text(one: peers.Results) -> str:
        lost = []
        for peer in peers.REQUIREMENTS:
            kills = one.get(peer, {}).get(test) or []
            if kills and all("lost" in kill for kill in kills):
                of = sum(kill["returned"] for kill in kills)
                lost.append(
                    (sum(kill["lost"] for kill in kills), f"{peer} {sum(k['lost'] for k in kills):,} of {of:,}")
                )
        return min(lost)[1] if lost else ""

    return text


BEST_PEER: dict[str, Callable[[peers.Results], str]] = {
    "log-2": _plain("log", "median_us", 1, "µs"),
    "log-100": _plain("wide", "median_us", 1, "µs"),
    "durable-2": _plain("log", "durable_points_s", 1, "points/s", largest=True),
    "durable-100": _plain("wide", "durable_points_s", 1, "points/s", largest=True),
    "kill-fast": _kills("kill_fast"),
    "kill-1khz": _kills("kill_1khz"),
    "crowd-errors": _plain("conc", "errors", 1, "errors"),
    "crowd-lost": _plain("conc", "lost", 1, "calls"),
    "import": _plain("import", "import_s", 1e3, "ms"),
    "start-warm": _start,
    "start-first": _plain("empty", "first_init_s", 1e3, "ms (in a new store)"),
    "read-all": _read,
    "disk-2": _plain("log", "bytes_point", 1, "bytes"),
    "disk-100": _plain("wide", "bytes_point", 1, "bytes"),
}


# ---------------------------------------------------------------------------------------------------- the page


def page(measured: Measured) -> str:
    """docs/performance.md."""
    parts = [_BEGINNING]
    if measured.scale != 1:
        parts.append(f"**A trial with sizes shrunk to {measured.scale:g}: none of these figures means anything.**")
    broken = measured.broken() if measured.scale == 1 else []
    if broken:
        parts.append("**Broken in this run:**\n\n" + "\n".join(f"- {promise}" for promise in broken))
    parts += ["## Promises", _promises(measured), "## How it was measured", _method(measured)]
    parts += ["## Beside other trackers", _others(measured), "## How much it varies", _variance(measured)]
    return "\n\n".join(parts) + "\n"


def _promises(measured: Measured) -> str:
    lines = ["| what | must | measured | best peer, same run | to know |", "|---|---|---|---|---|"]
    row = ""
    for name, limit in LIMITS.items():
        if limit.row != row:
            row = limit.row
            lines.append(f"| **{row}** | | | | |")
        figure = measured.figures.get(name)
        peer = BEST_PEER[name](measured.passes[0]) if name in BEST_PEER and measured.passes else ""
        if figure is None:
            shown = "torch is not installed" if name == "log-2-torch" else "not measured"
        else:
            shown = _shown(figure.value, limit)
            if not limit.kept(figure.value) and measured.scale == 1:
                shown = f"**{shown}: broken**"
            if figure.times > 1 and figure.low != figure.high:
                shown += f" ({_number(figure.low)} to {_number(figure.high)})"
        note = figure.note if figure else ""
        lines.append(f"| {limit.what} | {limit.must} | {shown} | {peer or ''} | {note} |")
    return "\n".join(lines)


def _method(measured: Measured) -> str:
    rows = {**machine.description(), "load before it began": f"{measured.load:.2f} (processes, average of a minute)"}
    about = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"{_COMMAND}\n\n| machine | |\n|---|---|\n{about}\n\n{_METHOD}"


def _others(measured: Measured) -> str:
    if not measured.passes:
        return f"Not measured in this run: {measured.no_peers}."
    return f"{_DRIVER}\n\n{measured.passes[0]['table']['text']}\n\n{_ABOUT_PEERS}"


def _variance(measured: Measured) -> str:
    spreads = {
        name: figure.high / figure.low
        for name, figure in measured.figures.items()
        if figure.times > 2 and figure.low > 0 and not name.startswith("crowd")
    }
    parts = []
    if spreads:
        widest = sorted(spreads, key=lambda name: -spreads[name])[:3]
        shown = "; ".join(f"{LIMITS[name].row} ({LIMITS[name].what}) {spreads[name]:.2f}" for name in widest)
        parts.append(
            f"In this run the largest repetition was {statistics.median(spreads.values()):.2f} times the smallest for the "
            f"median figure. Worst: {shown}."
        )
    parts.append(_VARIANCE)
    ours = [value for one in measured.passes if (value := _get(one, US, "log", "median_us"))]
    if ours and "log-2" in measured.figures:
        theirs = ", ".join(f"{value:.1f}" for value in ours)
        parts.append(
            f"Two independent loops measured `log()` of 2 metrics: {measured.figures['log-2'].value:.1f} µs here, "
            f"{theirs} µs in the peers' driver, whose loop calls through one more function."
        )
    return "\n\n".join(parts)


def _shown(value: float, limit: Limit) -> str:
    return f"{_number(value)} {limit.unit}"


_BEGINNING = """\
# Performance

You want to know what logging costs your training, what a crash costs you, and how long you wait for a chart. These are
the promises, and what was measured. `make bench` writes this page, and fails where a promise is broken: do not edit it."""

_COMMAND = """\
`make bench`: first `pytest tests/benchmarks --benchmark-enable --numprocesses=0`, one measurement at a time, then
`python -m tests.benchmarks.report`, which measures the peers and writes this page. Measure on a quiet machine."""

_METHOD = """\
- A figure is the median of several repetitions, each in a fresh process, most in a fresh store. In brackets: the
  smallest and the largest repetition.
- `log()` is timed call by call as its caller sees it, by `perf_counter_ns`, after 1,000 calls to warm up and with the
  garbage collector on. The median says nothing of rare slow calls: those are the rows of p99.9 and p99.99.
- Console, code, git and system capture are off, as they are for the peers.
- Stores lie in the system's temporary folder. Readers find the files in the system's cache, as they are after a run was
  written, and open a new connection each time unless the row says otherwise.
- Durable means that `finish()` has returned: everything is committed to the database and synchronised to disk. SIGKILL
  takes nothing from the moment `log()` returns; a power cut may take what is not applied yet, unless
  `durability="power"` is set.
- Random numbers do not compress. Real metrics take less space.
- The hour of one row a second is simulated: the clock is ours; records, thresholds, transactions and checkpoints are
  the usual ones."""

_DRIVER = """\
One driver runs the same loops for all, one tracker after the other, each in an environment of its own and through its
public interface, without console, code, git and system capture."""

_ABOUT_PEERS = """\
- Lost are calls of `log()` that had returned when the process was killed, and whose values cannot be read afterwards.
- trackio keeps calls in memory until its next flush, twice a second: a kill takes them.
- wandb runs offline and cannot read such runs: the driver parses its files. tensorboardX has no table of runs.
- The driver writes the long run within a time limit. Where it has fewer than 1,000,000 points, compare µs per point."""

_VARIANCE = """\
From one run to the next expect more: processors change their clock, and virtual machines share theirs. Whatever has
threads has varied by a factor of 2 on two cores. Ratios of what is measured in the same run are steadier than
microseconds. Tails are the least steady of all: with more processes than cores they show the time slices of the system,
which is why they stand beside a bare `os.write` loop under the same load."""


def _number(value: float) -> str:
    """Three digits are more than the measurement is worth."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
