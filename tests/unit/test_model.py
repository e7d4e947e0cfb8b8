"""Whatever is logged, killed, applied, merged, resumed and read in whatever order: a run is the list of its rows."""

import math
import pickle
import shutil
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import tracker_nb
from tests.support import abandon, integrity, journals
from tracker_nb.journal import reader, writer
from tracker_nb.store import apply, background, batch, groups, merge
from tracker_nb.store.apply import Applier
from tracker_nb.store.database import Database
from tracker_nb.store.place import Place

# ---------------------------------------------------------------------------------------------------- what is logged

SCALARS = st.one_of(
    st.floats(),
    st.integers(-5, 5),
    st.sampled_from([0, 1, True, False, None, 2**53 + 1, -(2**63), 2**64, -(2**70), 10**400]),
    st.sampled_from(["", "text", "ü🙂", "\ud800", "a\udcffb"]),
)
VALUES = st.one_of(
    SCALARS,
    st.floats(),
    st.lists(SCALARS, max_size=3),
    st.sampled_from([b"\x00\xff", {}, {"_type": "x", "n": 2**70}, {"deep": {"er": 1.5}}]),
    st.sampled_from([np.float32(0.1), np.int64(7), np.bool_(True), np.arange(6).reshape(2, 3), np.array(2.5)]),
)
KEYS = st.sampled_from(["a", "b", "c", "d.e", "", "ü", "\udc80", 1])
ROWS = st.one_of(
    st.dictionaries(KEYS, VALUES, max_size=4),
    st.fixed_dictionaries({"loss": st.floats(), "acc": st.floats()}),
    st.fixed_dictionaries({"loss": VALUES}),
    st.integers(1, 300).map(lambda n: {f"w{i}": i / 2 for i in range(n)}),
)
STEPS = st.one_of(st.none(), st.none(), st.integers(-3, 12), st.sampled_from([2**62, -(2**63), 2**63 - 3]))


def recorded(data, prefix=""):
    """A row as it is read back."""
    row = {}
    for key, value in data.items():
        name = prefix + str(key).encode("utf-8", "backslashreplace").decode()
        if isinstance(value, dict) and value and "_type" not in value:
            row |= recorded(value, name + ".")
        else:
            row[name] = canonical(value)
    return row


def canonical(value):
    """Equal for values that are recorded alike: a whole float is its integer, NaN is NaN."""
    if isinstance(value, np.ndarray | np.generic):
        if value.size != 1:
            return ("array", value.dtype.str, value.shape, value.tobytes())
        value = value.item()
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return int(value) if value.is_integer() and abs(value) <= 2**53 else value
    if isinstance(value, str):
        return "text " + value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return tuple(map(canonical, value))
    if isinstance(value, dict):
        return tuple((key, canonical(item)) for key, item in value.items())
    return value


class Call:
    """One call of `log()`: the model is a list of these."""

    def __init__(self, who, step, partial, row):
        self.who, self.step, self.partial, self.row = who, step, partial, row


# ---------------------------------------------------------------------------------------------------- the machine

PATCHES = {
    (writer, "SEGMENT_BYTES"): (700, 64 << 20),
    (apply, "BATCH_BYTES"): (150, 4 << 20),
    (groups, "GROUP_ROWS"): (5, 8192),
    (merge, "MANY_SMALL"): (2, 16),
    (merge, "SMALL_ROWS"): (4, 512),
    (merge, "SORT_VALUES"): (10, 20_000_000),
    (batch, "MANY_SETS"): (1, 64),
    (batch, "BLOCK_VALUES"): (4, 16_384),
}


class OneRun(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.saved = {where: getattr(*where) for where in PATCHES}
        self.tick, background.TICK = background.TICK, 3600.0
        self.folder = Path(tempfile.mkdtemp())
        self.store = self.folder / "store"
        self.calls, self.summary, self.config = [], {}, {}
        self.runs, self.steps = [], {}
        self.state, self.asked = None, None

    @initialize(small=st.sets(st.sampled_from(sorted(PATCHES, key=lambda where: where[1]))))
    def begin(self, small):
        for where, (little, usual) in PATCHES.items():
            setattr(*where, little if where in small else usual)
        self.resume()
        self.asked = tracker_nb.Api(self.store)

    # ------------------------------------------------------------------------------------------------ the run

    @precondition(lambda self: not self.runs)
    @rule()
    def resume(self):
        run = tracker_nb.init(project="p", id="model", dir=self.store, resume="allow", settings={"silent": True})
        last = max((call.step for call in self.calls), default=-1)
        assert run.step == min(last + 1, writer.LAST_STEP)
        self.open(run)
        self.state = "running"

    def open(self, run):
        self.runs.append(run)
        run.who = len(self.steps)
        self.steps[run.who] = run.step

    @precondition(lambda self: self.runs)
    @rule(data=ROWS, step=STEPS, commit=st.sampled_from([None, None, True, False]), pick=st.integers(0, 3))
    def log(self, data, step, commit, pick):
        run = self.runs[pick % len(self.runs)]
        data = {"who": run.who, "n": len(self.calls), **data}
        run.log(data, step=step, commit=commit)
        at = self.steps[run.who] if step is None else step
        self.steps[run.who] = at if commit is False else min(at + 1, writer.LAST_STEP)
        assert run.step == self.steps[run.who]
        row = recorded(data)
        self.calls.append(Call(run.who, at, commit is False, row))
        self.summary |= row

    @precondition(lambda self: self.runs)
    @rule(count=st.integers(2, 40))
    def log_many(self, count):
        for i in range(count):
            self.log({"many": i}, None, None, 0)

    @precondition(lambda self: self.runs)
    @rule(name=st.sampled_from(["loss", "a", "best"]), value=SCALARS)
    def set_summary(self, name, value):
        self.runs[0].summary[name] = value
        self.summary[name] = canonical(value)

    @precondition(lambda self: self.runs)
    @rule(name=st.sampled_from(["lr", "\ud800"]), value=SCALARS)
    def set_config(self, name, value):
        self.runs[0].config[name] = value
        self.config |= recorded({name: value})

    @precondition(lambda self: 0 < len(self.runs) < 3)
    @rule()
    def hand_to_another_process(self):
        self.open(pickle.loads(pickle.dumps(self.runs[0])))

    @precondition(lambda self: self.runs)
    @rule()
    def kill_all(self):
        for run in self.runs:
            abandon(run)
        self.runs.clear()
        self.state = "crashed"

    @precondition(lambda self: len(self.runs) > 1)
    @rule()
    def kill_the_other_process(self):
        abandon(self.runs.pop())

    @precondition(lambda self: self.runs)
    @rule(code=st.sampled_from([0, 0, 1]))
    def finish(self, code):
        for run in self.runs[1:]:
            abandon(run)
        self.runs[0].finish(exit_code=code)
        self.runs.clear()
        self.state = "failed" if code else "finished"

    # ------------------------------------------------------------------------------------------------ the store

    @precondition(lambda self: self.runs)
    @rule()
    def apply_in_the_background(self):
        applier = background.background(Place(self.store)).applier
        for journal in reader.journals(self.store / "journals"):
            applier.apply(journal)
            applier.drop_applied_segments(journal)

    @rule(most=st.integers(1, 3))
    def apply_in_another_process(self, most):
        database = Database(Place(self.store))
        applier = Applier(database)
        for journal in reader.journals(self.store / "journals")[:most]:
            if journal.alive():
                applier.apply(journal)
            else:
                applier.settle(journal)
        database.close()

    @rule()
    def look_with_another_api(self):
        with_another = tracker_nb.Api(self.store)
        self.check(with_another)
        with_another.close()

    @rule()
    def look(self):
        self.asked.flush()
        self.check(self.asked)

    # ------------------------------------------------------------------------------------------------ the model

    def expected_rows(self, who):
        """Rows of one writer in order of step, then of logging; commit=False goes on in the next call, if of its step."""
        rows, held = [], False
        for call in (call for call in self.calls if call.who == who):
            if held and rows[-1][0] == call.step:
                rows[-1][1].update(call.row)
            else:
                rows.append((call.step, dict(call.row)))
            held = call.partial
        return sorted(rows, key=lambda row: row[0])

    def check(self, asked):
        run = asked.run("p/model")
        assert run.state == self.state
        found = list(run.scan_history(page_size=7))
        steps = [row["_step"] for row in found]
        assert steps == sorted(steps)
        rows = [(row["_step"], {k: canonical(v) for k, v in row.items() if k[:1] != "_"}) for row in found]
        for who in self.steps:
            assert [row for row in rows if row[1]["who"] == who] == self.expected_rows(who)
        assert len(rows) == sum(len(self.expected_rows(who)) for who in self.steps)
        every = Counter(name for call in self.calls for name in call.row)
        assert sorted(run.keys()) == sorted(every)
        for name, count in every.most_common(5) + every.most_common()[-3:]:
            self.check_series(run, name, count)
        summary = {name: canonical(value) for name, value in run.summary.items() if name[:1] != "_"}
        assert summary == self.summary
        assert {name: canonical(value) for name, value in run.config.items()} == self.config

    def check_series(self, run, name, count):
        series = run.series(name)
        found = list(zip(series.step.tolist(), map(canonical, series.value), strict=True))
        wanted = [(call.step, call.row[name]) for call in self.calls if name in call.row]
        if len({call.who for call in self.calls if name in call.row}) == 1:
            assert found == sorted(wanted, key=lambda pair: pair[0])
        assert Counter(found) == Counter(wanted)
        assert [step for step, _ in found] == sorted(step for step, _ in found)
        for n in (1, 3, 10_000):
            buckets = run.buckets(name, n=n)
            assert buckets.count.sum() == count
            assert len(buckets) <= max(n, 1)
            assert (np.diff(buckets.x) >= 0).all()
            numbers = [v for _, v in wanted if isinstance(v, int | float) and not abs(v) > 1e300]
            if len(numbers) == len(wanted):
                assert buckets.min.min() == min(numbers)
                assert buckets.max.max() == max(numbers)

    def teardown(self):
        try:
            if self.state == "running":
                for run in self.runs:
                    abandon(run)
                self.state = "crashed"
            if self.state:
                self.look()
                self.look_with_another_api()
                assert journals(self.store) == []
                assert integrity(self.store) == "ok"
        finally:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for run in self.runs:
                    abandon(run)
            if self.asked is not None:
                self.asked.close()
            for where, value in self.saved.items():
                setattr(*where, value)
            background.TICK = self.tick
            shutil.rmtree(self.folder, ignore_errors=True)


TestOneRun = OneRun.TestCase
TestOneRun.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
