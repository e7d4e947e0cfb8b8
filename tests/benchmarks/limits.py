"""What is promised about speed and size, figure by figure: the only place where a limit stands.

`row` is the row of docs/performance.md that a figure belongs to, `must` its limit as it is written there. A figure without
a bound is reported and nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass

LOG = "`log()` of 2 metrics, median in the caller, tight loop"
WIDE = "`log()` of 100 metrics; of 2 `np.float32`; of 2 torch scalars"
APPLY = "the same with apply running, 1 kHz x 20 metrics, p99.9"
DURABLE = "durable points/s (`finish()` returned), 2 / 100 metrics a call"
KILL = "calls lost of those that returned, SIGKILL at random, full speed and 1 kHz"
CROWD = "8 processes logging to one store"
IMPORT = "`import tracker_nb`"
START = "`init()` + `finish()` of an empty run: warm CPU; first, on an existing store"
READ = "values of one metric of 1,000,000 points; with step and time"
BUCKETS = "1,000 buckets (min, max, mean, last) of 10,000,000 points; x by another metric, cold and cached"
DISK = "bytes a point on disk after finish (random float64)"
PIXELS = "`log()` to the panel's pixels, CPU-bound busy kernel, p95"
FIRST = "dashboard of 10 runs x 12 metrics x 100,000 points: first charts"
ZOOM = "zoom into 1 % of 10,000,000 points: new picture"
LINES = "20 live lines in all over 6 panels at 2 Hz"
SIDE = "8 dashboards in 2 tabs: Jupyter's own requests"
SAVED = "saved notebook, a dashboard"
IDLE = "idle server, 10 open but hidden dashboards"
HOUR = "WAL and journal bytes written per point at one row a second, 100 keys"


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure and what it must be.

    Attributes:
        what: the figure in words.
        bound: the largest value that keeps the promise, or the smallest where `at_least`; None: reported only.
        unit: of the bound and of the figure; "x" is a ratio.
        against: what the ratio is to.
        by_report: judged by report.py, because the peers are measured there, not by the benchmark.
    """

    row: str
    what: str
    bound: float | None
    unit: str
    at_least: bool = False
    against: str = ""
    by_report: bool = False

    @property
    def must(self) -> str:
        """The limit as a reader of the table sees it."""
        if self.bound is None:
            return "reported"
        if self.bound == 0:
            return "0"
        if self.unit == "x":
            return f"at {'least' if self.at_least else 'most'} {self.bound:g} x {self.against}"
        return f"at {'least' if self.at_least else 'most'} {self.bound:g} {self.unit}"

    def kept(self, value: float) -> bool:
        """True if this value keeps the promise."""
        return self.bound is None or (value >= self.bound if self.at_least else value <= self.bound)


LIMITS: dict[str, Limit] = {
    "log-2": Limit(LOG, "2 floats", 6, "µs"),
    "log-2-peer": Limit(LOG, "2 floats, in the loop all peers run in", 0.25, "x", against="trackio", by_report=True),
    "log-100": Limit(WIDE, "100 floats", 15, "µs"),
    "log-2-float32": Limit(WIDE, "2 np.float32", 8, "µs"),
    "log-2-torch": Limit(WIDE, "2 torch scalars", None, "µs"),
    "apply-usual": Limit(APPLY, "applied when it usually is", 6, "ms"),
    "apply-often": Limit(APPLY, "applied every second", 6, "ms"),
    "durable-2": Limit(DURABLE, "2 metrics", None, "points/s"),
    "durable-100": Limit(DURABLE, "100 metrics", None, "points/s"),
    "durable-2-peer": Limit(
        DURABLE, "2 metrics, 20,000 calls, as the peers", 5, "x", at_least=True, against="the best peer", by_report=True
    ),
    "durable-100-peer": Limit(
        DURABLE,
        "100 metrics, 2,000 calls, as the peers",
        5,
        "x",
        at_least=True,
        against="the best peer",
        by_report=True,
    ),
    "kill-fast": Limit(KILL, "full speed", 0, "calls", by_report=True),
    "kill-1khz": Limit(KILL, "1 kHz", 0, "calls", by_report=True),
    "crowd-errors": Limit(CROWD, "errors", 0, "errors"),
    "crowd-lost": Limit(CROWD, "calls lost of those that returned", 0, "calls"),
    "crowd-tail": Limit(CROWD, "p99.99 of log(), full speed", 2, "x", against="bare os.write"),
    "crowd-tail-paced": Limit(CROWD, "p99.99 of log(), 1 kHz a process", None, "x", against="bare os.write"),
    "import": Limit(IMPORT, "over bare Python", 100, "ms"),
    "import-all": Limit(IMPORT, "with everything that init, log and Api load later", None, "ms"),
    "start-warm": Limit(START, "CPU time, warm", 10, "ms"),
    "start-first": Limit(START, "wall time, the first of a process, existing store", 150, "ms"),
    "read-values": Limit(READ, "values", 20, "ms"),
    "read-all": Limit(READ, "values, steps and times", 50, "ms"),
    "read-opening": Limit(READ, "values, steps and times, opening the store included", None, "ms"),
    "buckets": Limit(BUCKETS, "by step, on an open store", 10, "ms"),
    "buckets-first": Limit(BUCKETS, "by step, the first question after opening", None, "ms"),
    "buckets-crossed": Limit(BUCKETS, "by another metric, cold", 1500, "ms"),
    "buckets-cached": Limit(BUCKETS, "by another metric, cached", 50, "ms"),
    "disk-2": Limit(DISK, "2 metrics a call", 10, "bytes"),
    "disk-100": Limit(DISK, "100 metrics a call", 10, "bytes"),
    "hour": Limit(HOUR, "WAL + journal, of one hour", 3, "x", against="the final size"),
    "hour-all": Limit(HOUR, "with the copying from the WAL into the database", None, "x", against="the final size"),
    "pixels": Limit(PIXELS, "a line of one run", 400, "ms"),
    "dashboard": Limit(FIRST, "two charts with their lines", 2, "s"),
    "zoom": Limit(ZOOM, "until the picture is still", 400, "ms"),
    "live-lines": Limit(LINES, "of the page's main thread", 40, "%"),
    "jupyter-requests": Limit(SIDE, "p95 beyond that without dashboards", 25, "ms"),
    "saved": Limit(SAVED, "30 metrics", 300, "kB"),
    "idle": Limit(IDLE, "of a core", 0.5, "%"),
}
