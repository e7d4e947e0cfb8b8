"""`%%track`, `%track` and the cells that ran, with real kernels: failing cells, await, interrupts, kernels that die."""

import contextlib
import hashlib
import os
import re
import signal
import sqlite3
import time

import pytest

import tracker_nb
from tests.support import ROOT, integrity, journals, rows_of, wait_for, wait_for_death
from tracker_nb.journal.records import INFERRED_EXECUTION
from tracker_nb.store import columns, commands
from tracker_nb.store.doctor import examine
from tracker_nb.store.intern import key_set
from tracker_nb.store.place import Place

pytest.importorskip("ipykernel")
nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
jupyter_client = pytest.importorskip("jupyter_client")

MIME = "application/vnd.tracker-nb.v1+json"


class Notebook:
    """Cells executed one after the other in a kernel."""

    def __init__(self, folder):
        self.manager, self.client = jupyter_client.manager.start_new_kernel(kernel_name="python3", cwd=str(folder))
        self.printed, self.shown, self.traceback, self.closed = "", [], "", False

    def run(self, code, *, seconds=60):
        """How a cell ended: "ok" or the name of its error. What it printed and showed is kept."""
        printed, self.shown, self.traceback = [], [], ""

        def hook(message):
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                printed.append(content["text"])
            elif kind in ("display_data", "update_display_data") and MIME in content["data"]:
                self.shown.append(content["data"])
            elif kind == "error":
                self.traceback = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))

        reply = self.client.execute_interactive(code, timeout=seconds, output_hook=hook)["content"]
        self.printed = "".join(printed)
        return reply["status"] if reply["status"] == "ok" else reply["ename"]

    def begin(self, code):
        """Execute a cell without waiting for its end."""
        self.client.execute(code)

    def end_of_cell(self, seconds=30):
        """The status of a cell that was begun."""
        return self.client.get_shell_msg(timeout=seconds)["content"]["status"]

    def kill(self):
        self.manager.signal_kernel(signal.SIGKILL)

    def close(self):
        """End the kernel as Jupyter does. A test may do it before the fixture does."""
        if self.closed:
            return
        self.closed = True
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        self.manager.cleanup_resources()


@pytest.fixture
def kernels(store, tmp_path, monkeypatch):
    """Starts notebooks; they end with the test."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    opened = []

    def start():
        opened.append(Notebook(tmp_path))
        return opened[-1]

    yield start
    for notebook in opened:
        notebook.close()


@pytest.fixture
def notebook(kernels):
    found = kernels()
    assert found.run("import tracker_nb") == "ok"
    return found


def runs():
    """(name, state) of every run, oldest first."""
    return [(run.name, run.state) for run in tracker_nb.Api().runs(order="+created_at")]


def cells(store):
    """(source, outcome) of every execution that is in the database, in order."""
    return rows_of(store, "SELECT source, outcome FROM executions ORDER BY started, id")


def sources(store, like="%"):
    return [row[0] for row in rows_of(store, "SELECT source FROM executions WHERE source LIKE ? ORDER BY id", like)]


# ------------------------------------------------------------------------------------------------ a tracked cell


def test_a_tracked_cell_is_a_run_that_ends_with_it_and_another_one_when_it_is_run_again(notebook):
    cell = "%%track digits/first -t a,b -c lr=0.1 -h 500\nfor i in range(3):\n    tracker_nb.log({'x': i})\ni"
    assert notebook.run(cell) == "ok"
    assert notebook.run(cell.replace("digits/first", "digits -n second")) == "ok"

    first, second = tracker_nb.Api().runs("digits", order="+created_at")
    assert (first.name, first.state, first.tags, first.config) == ("first", "finished", ["a", "b"], {"lr": 0.1})
    assert (second.name, second.state, second.series("x").value.tolist()) == ("second", "finished", [0, 1, 2])
    payload = notebook.shown[0][MIME]
    assert (payload["view"], payload["project"], payload["run"], payload["height"]) == ("run", "digits", second.id, 500)
    assert payload["version"] == 1
    assert "text/html" not in notebook.shown[0]
    assert notebook.run("assert tracker_nb.run is None") == "ok"


def test_a_failing_tracked_cell_is_a_failed_run_with_its_traceback_and_fails(notebook):
    assert notebook.run("%%track p -n a\ntracker_nb.log({'x': 1})\n\n1 / 0\n") == "ZeroDivisionError"

    assert re.search(r"-+> 4 1 / 0", notebook.traceback)
    assert runs() == [("a", "failed")]
    metadata = tracker_nb.Api().run("p/a").metadata
    assert "line 4, in <module>" in metadata["error"]
    assert "IPython" not in metadata["error"]
    assert notebook.run("%%track p -n b\ntracker_nb.log({'x': 1})") == "ok"
    assert runs()[1:] == [("b", "finished")]


def test_a_syntax_error_below_the_first_line_begins_no_run(notebook):
    assert notebook.run("%%track p\nx = (") == "SyntaxError"
    assert runs() == []


def test_top_level_await_works_in_a_tracked_cell(notebook):
    cell = "%%track p -n a\nimport asyncio\nfor i in range(3):\n    await asyncio.sleep(0.01)\n    tracker_nb.log({'x': i})"
    assert notebook.run(cell) == "ok"
    assert runs() == [("a", "finished")]


# An interrupted await ends when the kernel's loop wakes up the next time: ipykernel#881.
@pytest.mark.parametrize(
    "wait", ["time.sleep(60)", "for _ in range(600): await asyncio.sleep(0.1)"], ids=["busy", "awaiting"]
)
def test_an_interrupted_tracked_cell_is_a_killed_run_and_the_next_cell_works(notebook, wait):
    notebook.begin(f"%%track p -n a\nimport asyncio, time\ntracker_nb.log({{'x': 1}})\n{wait}")
    assert wait_for(lambda: [state for _, state in runs()] == ["running"], 30)
    time.sleep(0.5)
    notebook.manager.interrupt_kernel()
    assert notebook.end_of_cell() == "error"

    assert runs() == [("a", "killed")]
    assert notebook.run("%%track p -n b\ntracker_nb.log({'x': 1})") == "ok"
    assert runs()[1:] == [("b", "finished")]


def test_the_stop_of_a_dashboard_kills_the_run_of_a_tracked_cell_and_leaves_the_kernel_alive(notebook, store):
    notebook.begin("%%track p -n a\nimport time\nwhile True:\n    tracker_nb.log({'x': 1}); time.sleep(0.01)")
    assert wait_for(lambda: [state for _, state in runs()] == ["running"], 30)
    run = tracker_nb.Api().run("p/a")
    path = commands.RunPath(run.entity, run.project, run.id)
    assert commands.carry_out(Place(store), path, lambda db, p: commands.stop_run(db, p, actor="ada")) == 1
    assert notebook.end_of_cell() == "error"

    assert runs() == [("a", "killed")]
    assert tracker_nb.Api().run("p/a").metadata["stopped_by"] == "ada"
    assert notebook.run("%%track p -n b\ntracker_nb.log({'x': 2})") == "ok"
    assert runs()[1:] == [("b", "finished")]


def test_a_failing_tracked_cell_stops_run_all_at_that_cell(store, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    book = nbformat.v4.new_notebook()
    bodies = ["import tracker_nb", "%%track p -n a\ntracker_nb.log({'x': 1})", "%%track p -n b\n1 / 0", "after = 1"]
    book.cells = [nbformat.v4.new_code_cell(source) for source in bodies]

    with pytest.raises(nbclient.exceptions.CellExecutionError, match="ZeroDivisionError"):
        nbclient.NotebookClient(book, resources={"metadata": {"path": str(tmp_path)}}).execute()

    assert [cell.execution_count is not None for cell in book.cells] == [True, True, True, False]
    assert runs() == [("a", "finished"), ("b", "failed")]
    assert MIME in book.cells[1].outputs[0].data
    assert [outcome for _, outcome in cells(store)] == ["ok", "ok", "error"]


def test_a_wrong_option_fails_the_cell_with_the_usage_and_begins_no_run(notebook):
    assert notebook.run("%%track p --frobnicate\nran = 1") == "UsageError"
    assert "--frobnicate" in notebook.traceback
    assert "--job-type TYPE" in notebook.traceback
    assert notebook.run("ran") == "NameError"
    assert runs() == []


def test_help_and_completion_know_the_magic(notebook):
    reply = notebook.client.complete("%%tra", reply=True, timeout=30)["content"]
    assert "%%track" in reply["matches"]
    notebook.client.execute("%%track?")
    payload = notebook.client.get_shell_msg(timeout=30)["content"]["payload"]
    assert any("-c, --config NAME" in one["data"]["text/plain"] for one in payload)


def test_names_and_expressions_are_replaced_as_in_other_magics(notebook):
    assert notebook.run("lr, params, project = 0.5, {'depth': 3}, 'digits'") == "ok"
    assert notebook.run("%%track $project -n run-{lr * 2} -c params -c lr=$lr\ntracker_nb.log({'x': 1})") == "ok"

    (run,) = tracker_nb.Api().runs("digits")
    assert (run.name, run.config) == ("run-1.0", {"depth": 3, "lr": 0.5})


def test_other_cell_magics_go_inside_and_around(notebook):
    assert notebook.run("%%track p -n a\n%%time\ntracker_nb.log({'x': 1})") == "ok"
    assert "Wall time" in notebook.printed
    assert notebook.run("%%time\n%%track p -n b\ntracker_nb.log({'x': 1})") == "ok"
    assert notebook.run("%%capture out\n%%track p -n c\nprint('quiet')\ntracker_nb.log({'x': 1})") == "ok"
    assert runs() == [("a", "finished"), ("b", "finished"), ("c", "finished")]


# ------------------------------------------------------------------------------------------------ an open run


def test_a_tracked_cell_joins_the_run_that_init_opened_and_its_failure_leaves_it_open(notebook, store):
    assert notebook.run("run = tracker_nb.init(project='p', name='n')") == "ok"
    assert notebook.run("%%track p -t late -c a=1\nrun.log({'x': 1})\n1 / 0") == "ZeroDivisionError"
    assert notebook.shown[0][MIME]["run"] == tracker_nb.Api().run("p/n").id
    assert runs() == [("n", "running")]
    assert notebook.run("run.log({'x': 2})\nrun.finish()") == "ok"

    run = tracker_nb.Api().run("p/n")
    assert (run.state, run.tags, run.config) == ("finished", ["late"], {"a": 1})
    assert ("%%track p -t late -c a=1\nrun.log({'x': 1})\n1 / 0", "error") in cells(store)


def test_a_tracked_cell_that_names_another_run_than_the_open_one_is_refused(notebook):
    assert notebook.run("run = tracker_nb.init(project='p', name='n')") == "ok"
    assert notebook.run("%%track other\nran = 1") == "UsageError"
    assert "still open" in notebook.traceback
    assert notebook.run("ran") == "NameError"
    assert runs() == [("n", "running")]


def test_init_in_a_tracked_cell_gets_the_run_of_the_cell_and_then_begins_others(notebook):
    cell = """%%track p
run = tracker_nb.init(project="p", name="inner", config={"a": 1}, tags=["t"], group="g")
run.log({"x": 1})
other = tracker_nb.init(project="p", name="other")
other.log({"x": 2})"""
    assert notebook.run(cell) == "ok"

    assert runs() == [("inner", "finished"), ("other", "running")]  # an init() of the cell's own stays open, as always
    run = tracker_nb.Api().run("p/inner")
    assert (run.config, run.tags, run.group) == ({"a": 1}, ["t"], "g")


def test_init_of_another_project_in_a_tracked_cell_begins_its_own_run(notebook):
    assert notebook.run("%%track p/mine\ntracker_nb.init(project='q', name='theirs').log({'x': 1})") == "ok"
    assert runs() == [("mine", "finished"), ("theirs", "running")]


def test_finish_in_a_tracked_cell_ends_its_run_and_a_later_failure_does_not_change_that(notebook):
    assert notebook.run("%%track p/a\ntracker_nb.log({'x': 1})\ntracker_nb.finish()\n1 / 0") == "ZeroDivisionError"
    assert runs() == [("a", "finished")]


def test_sys_exit_tells_the_state_by_its_code(notebook):
    notebook.run("%%track p/a\nimport sys\nsys.exit(0)")
    notebook.run("%%track p/b\nimport sys\nsys.exit(3)")
    assert runs() == [("a", "finished"), ("b", "failed")]


def test_a_cell_run_by_a_cell_belongs_to_it(notebook, store):
    cell = "%%track p/a\nget_ipython().run_cell('tracker_nb.log({\"x\": 1})', store_history=True)\ntracker_nb.log({'x': 2})"
    assert notebook.run(cell) == "ok"
    assert runs() == [("a", "finished")]
    assert tracker_nb.Api().run("p/a").series("x").value.tolist() == [1, 2]
    assert [row for row in cells(store) if "run_cell" in row[0]] == [(cell, "ok")]


# ------------------------------------------------------------------------------------------------ showing


def test_the_line_magic_shows_a_project_a_run_the_current_one_or_the_projects(notebook):
    notebook.run("%%track digits/first\ntracker_nb.log({'x': 1})")
    views = {}
    for line in ("%track", "%track digits", "%track digits/first", "%track -h 600 digits"):
        assert notebook.run(line) == "ok"
        views[line] = notebook.shown[0][MIME]
    assert views["%track"]["view"] == "projects"
    assert (views["%track digits"]["view"], views["%track digits"]["project"]) == ("project", "digits")
    assert views["%track digits/first"]["run"] == tracker_nb.Api().run("digits/first").id
    assert views["%track -h 600 digits"]["height"] == 600
    notebook.run("run = tracker_nb.init(project='digits')")
    assert notebook.run("%track") == "ok"
    assert notebook.shown[0][MIME]["view"] == "run"


def test_a_name_that_is_not_there_is_an_error_with_the_closest(notebook):
    notebook.run("%%track digits/first\ntracker_nb.log({'x': 1})")
    assert notebook.run("%track digitz") == "ProjectNotFound"
    assert "Closest projects: digits" in notebook.traceback
    assert notebook.run("%track digits/frist") == "RunNotFound"
    assert "Closest: first" in notebook.traceback
    assert notebook.run("%track digitz/first") == "ProjectNotFound"


# ------------------------------------------------------------------------------------------------ cells that ran


def test_every_cell_is_recorded_from_the_one_that_imports_us(notebook, store):
    notebook.run("x = 1\nx")
    notebook.run("1 / 0")
    notebook.run("")
    notebook.client.execute("hidden = 1", silent=True)
    notebook.client.execute("unstored = 1", store_history=False)
    notebook.run("run = tracker_nb.init(project='p')\nrun.log({'x': 1})")
    notebook.close()

    found = rows_of(
        store, "SELECT execution_count, source, outcome, ended >= started, session FROM executions ORDER BY started"
    )
    assert [row[:4] for row in found] == [
        (1, "import tracker_nb", "ok", 1),
        (2, "x = 1\nx", "ok", 1),
        (3, "1 / 0", "error", 1),
        (4, "run = tracker_nb.init(project='p')\nrun.log({'x': 1})", "ok", 1),
    ]
    assert len({row[4] for row in found}) == 1
    assert journals(store) == []
    assert len(runs()) == 1
    assert integrity(store) == "ok"


def test_a_killed_kernel_loses_no_cell_and_the_one_that_ran_has_crashed(notebook, store):
    notebook.run("x = 1")
    notebook.begin("import time\ntime.sleep(60)")
    assert wait_for(lambda: any(b"time.sleep" in p.read_bytes() for p in (store / "journals").glob("@*")))
    notebook.kill()
    wait_for_death(store)
    assert runs() == []  # whoever opens the store takes the journal over, and lists no run

    assert cells(store) == [("import tracker_nb", "ok"), ("x = 1", "ok"), ("import time\ntime.sleep(60)", "crashed")]
    assert journals(store) == []
    assert rows_of(store, "SELECT count(*) FROM projects") == [(0,)]
    assert examine(Place(store)).healthy


def test_two_notebooks_at_once_record_into_one_store_and_know_their_cells_apart(kernels, store):
    one, two = kernels(), kernels()
    for n, notebook in enumerate((one, two)):
        assert notebook.run("import tracker_nb") == "ok"
        notebook.begin(f"%%track p/n{n}\nfor i in range(200):\n    tracker_nb.log({{'x': i}})\nmine = {n}")
    assert [one.end_of_cell(60), two.end_of_cell(60)] == ["ok", "ok"]
    one.close()
    assert two.run("still = 1") == "ok"
    two.close()

    assert sorted(runs()) == [("n0", "finished"), ("n1", "finished")]
    assert [len(tracker_nb.Api().run(f"p/n{n}").series("x").value) for n in (0, 1)] == [200, 200]
    found = rows_of(store, "SELECT session, group_concat(source, '|') FROM executions GROUP BY session")
    assert len(found) == 2
    assert all(("n0" in text) != ("n1" in text) for _, text in found)


def test_a_row_belongs_to_the_cell_that_started_its_thread_or_task(notebook, store):
    notebook.run("run = tracker_nb.init(project='p', name='n')\nimport asyncio, threading, time, _thread")
    started = """def work():
    time.sleep(0.3)
    run.log({'thread': 1})
async def task():
    await asyncio.sleep(0.3)
    run.log({'task': 1})
threading.Thread(target=work).start()
kept = asyncio.ensure_future(task())"""
    notebook.run(started)
    later = "_thread.start_new_thread(lambda: run.log({'unknown': 1}), ())\nawait asyncio.sleep(1)\nrun.log({'own': 1})"
    notebook.run(later)
    notebook.run("run.finish()")
    notebook.close()

    wanted = {"thread": (started, 0), "task": (started, 0), "unknown": (later, 4), "own": (later, 0)}
    assert dict(sources_by_key(store)) == wanted


def sources_by_key(store):
    """For each key: source of the cell that logged it, and whether that was inferred."""
    question = "SELECT key_set_id, rows, execution, flags FROM row_groups"
    with contextlib.closing(sqlite3.connect(f"file:{store}/tracker.db?mode=ro", uri=True)) as db:
        for keys, rows, execution, flags in db.execute(question).fetchall():
            (name,), _ = key_set(db, keys)
            id_, mark = (columns.unpack(data, rows).tolist()[0] for data in (execution, flags))
            source = db.execute("SELECT source FROM executions WHERE id = ?", (id_,)).fetchone()[0]
            yield name, (source, mark & INFERRED_EXECUTION)


# ------------------------------------------------------------------------------------------------ secrets, off, purge


def test_secrets_are_not_in_the_store_and_the_hash_is_of_the_source_as_run(notebook, store, monkeypatch):
    source = "api_key = 'sk-abcdefghijklmnopqrstuvwx'\n1 / 0  # hunter2hunter2"
    notebook.run("import os; os.environ['DB_PASSWORD'] = 'hunter2' * 2")
    notebook.run(source)
    notebook.close()

    stored = b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())
    assert b"sk-abcdefgh" not in stored
    assert b"hunter2hunter2" not in stored
    digest = hashlib.sha256(source.encode()).hexdigest()
    ((text,),) = rows_of(store, "SELECT source FROM executions WHERE source_sha256 = ?", digest)
    assert text == "api_key = '[redacted]'\n1 / 0  # [redacted]"


def test_a_notebook_whose_history_is_off_records_runs_and_no_source(notebook, store):
    notebook.run("%track --history off")
    assert "not recorded" in notebook.printed
    notebook.run("unseen = 1")
    notebook.run("%%track p/a\ntracker_nb.log({'unseen': 1})")
    notebook.close()

    assert runs() == [("a", "finished")]
    assert [source for source in sources(store) if "unseen" in source] == []
    assert rows_of(store, "SELECT count(*) FROM executions WHERE source IS NULL AND execution_count = 4") == [(1,)]


def test_the_variable_switches_the_history_off_and_then_there_is_no_journal_of_the_session(kernels, store, monkeypatch):
    monkeypatch.setenv("TRACKER_NB_HISTORY", "off")
    notebook = kernels()
    notebook.run("import tracker_nb")
    notebook.run("x = 1")
    assert not store.exists()
    assert notebook.run("%track --history on") == "ok"
    assert "switched off elsewhere" in notebook.printed


def test_switched_off_for_a_notebook_it_stays_off_in_its_next_kernel(kernels, store, monkeypatch, tmp_path):
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "a.ipynb"))
    first = kernels()
    first.run("import tracker_nb\nseen = 1")
    first.run("%track --history off")
    first.close()
    second = kernels()
    second.run("import tracker_nb\nunseen = 1")
    second.run("%track --history on")
    second.run("again = 1")
    second.close()

    found = sources(store)
    assert found == ["import tracker_nb\nseen = 1", "%track --history off", "again = 1"]
    assert rows_of(store, "SELECT DISTINCT notebook FROM executions") == [(str(tmp_path / "a.ipynb"),)]


def test_the_notice_is_said_once_a_user(kernels, store, monkeypatch):
    monkeypatch.delenv("TRACKER_NB_SILENT")
    said = []
    for _ in range(2):
        notebook = kernels()
        notebook.run("import tracker_nb")
        said.append(notebook.printed.count("tracker-nb history purge"))
        notebook.run("x = 1")
        said.append(notebook.printed.count("tracker-nb history purge"))
    assert said == [1, 0, 0, 0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_cannot_be_written_is_one_warning_and_the_cells_run(kernels, store):
    store.mkdir(mode=0o500)
    notebook = kernels()
    assert notebook.run("import tracker_nb") == "ok"
    assert notebook.printed.count("not recorded") == 1
    assert notebook.run("x = 1") == "ok"
    assert notebook.printed == ""


def test_unloading_leaves_nothing_behind_and_loading_again_works(notebook):
    assert notebook.run("%unload_ext tracker_nb\nimport threading\nprint(threading.Thread.start.__module__)") == "ok"
    assert notebook.run("%%track p\n1") != "ok" or "not found" in notebook.printed
    assert runs() == []
    assert notebook.run("%load_ext tracker_nb") == "ok"
    assert notebook.run("%%track p/a\ntracker_nb.log({'x': 1})") == "ok"
    assert runs() == [("a", "finished")]
