"""Displays in real kernels: what a saved notebook has in it, and which cell it stands under."""

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import time

import pytest

import tracker_nb
from tests.support import ROOT
from tracker_nb.notebook.display import MIME, WIDGET_MIME
from tracker_nb.store import known
from tracker_nb.store.place import Place

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
jupyter_client = pytest.importorskip("jupyter_client")
for name in ("ipykernel", "vl_convert", "PIL"):
    pytest.importorskip(name)

BEGIN = """
import math, time, tracker_nb
from tracker_nb.notebook import display, live
run = tracker_nb.init(project="digits", name="brave-otter-7")
"""
TRACKED = """
handle = display.begin(run, height=420, cell="cell-1")
for i in range(200):
    run.log({"loss": math.exp(-i / 50), "acc": 1 - math.exp(-i / 50), "note": "text"})
run.finish()
handle.end()
"""


@pytest.fixture
def environment(store, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in [name for name in os.environ if name.startswith(("VSCODE_", "JPY_", "COLAB_"))]:
        monkeypatch.delenv(name)
    return monkeypatch


def executed(tmp_path, *cells):
    """The notebook with these cells, executed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    return notebook


def displays(cell):
    return [output for output in cell.outputs if output["output_type"] in ("display_data", "execute_result")]


def png(output):
    data = base64.b64decode(output["data"]["image/png"])
    assert data.startswith(b"\x89PNG")
    return data


def test_an_executed_notebook_has_the_payload_the_picture_and_a_summary_and_nothing_else(environment, store, tmp_path):
    notebook = executed(tmp_path, BEGIN, TRACKED, "print('after')")

    (shown,) = displays(notebook.cells[1])
    assert set(shown["data"]) == {MIME, "image/png", "text/plain"}
    run = tracker_nb.Api().run("digits/brave-otter-7")
    payload = shown["data"][MIME]
    assert payload.pop("store") == known.identity(Place(store))
    assert payload == {
        "version": 1, "view": "run", "entity": run.entity, "project": "digits", "run": run.id,
        "name": "brave-otter-7", "height": 420, "cell": "cell-1",
    }  # fmt: skip
    assert len(png(shown)) > 5000
    first, values = shown["data"]["text/plain"].splitlines()
    assert first == "● brave-otter-7  digits  Finished 0:00  step 199"
    assert values == "loss 0.01869  acc 0.9813"
    assert [output["text"] for output in notebook.cells[2].outputs] == ["after\n"]
    errors = [o for cell in notebook.cells for o in cell.outputs if o.get("name") == "stderr"]
    assert errors == []


def test_a_dashboard_of_many_noisy_metrics_adds_at_most_300_kb_to_a_notebook(environment, tmp_path):
    noisy = """
import random
handle = display.begin(run)
for i in range(2000):
    run.log({f"layer{k}/noise": random.gauss(0, 1) for k in range(20)})
handle.end()
"""
    notebook = executed(tmp_path, BEGIN, noisy)
    (shown,) = displays(notebook.cells[1])
    assert len(png(shown)) > 30_000
    assert len(json.dumps(shown, indent=1)) <= 300_000


def test_nbconvert_to_html_shows_the_picture_and_no_script_of_ours(environment, tmp_path):
    pytest.importorskip("nbconvert")
    file = tmp_path / "n.ipynb"
    notebook = executed(tmp_path, BEGIN, TRACKED)
    nbformat.write(notebook, file)
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--template", "basic", file]
    subprocess.run(command, check=True, capture_output=True)

    html = file.with_suffix(".html").read_text("utf-8")
    (shown,) = displays(notebook.cells[1])
    assert "data:image/png;base64," + shown["data"]["image/png"].strip()[:200] in html
    assert "tracker-nb.v1" not in html


def test_what_is_shown_in_a_loop_of_cells_stays_under_its_own_cell(environment, tmp_path):
    again = """
second = tracker_nb.init(project="digits", name="calm-hill-3")
other = display.begin(second)
second.log({"x": 1})
second.finish()
other.end()
"""
    notebook = executed(tmp_path, BEGIN, TRACKED, again)
    assert [[o["data"][MIME]["name"] for o in displays(cell)] for cell in notebook.cells] == [
        [], ["brave-otter-7"], ["calm-hill-3"],
    ]  # fmt: skip


def test_runs_and_lists_of_runs_show_themselves_once_the_extension_is_loaded(environment, tmp_path):
    cells = [
        "%unload_ext tracker_nb\nrun",
        "%load_ext tracker_nb",
        "run",
        "tracker_nb.Api().run(run.path)",
        "tracker_nb.Api().runs('digits')",
    ]
    cells += ["tracker_nb.Api().runs('digits', {'state': 'running'})", "tracker_nb.Api()"]
    cells += ["tracker_nb.init(mode='disabled', reinit='create_new')"]
    notebook = executed(tmp_path, BEGIN + "run.log({'x': 1})", *cells)
    found = [cell.outputs[0]["data"] if cell.outputs else None for cell in notebook.cells[1:]]
    views = [None if one is None or MIME not in one else one[MIME]["view"] for one in found]
    assert views == [None, None, "run", "run", "project", None, "projects", None]
    assert found[2]["text/plain"] == found[0]["text/plain"]
    assert ["image/png" in found[at] for at in (2, 4, 6)] == [True, True, False]


@pytest.mark.parametrize(
    ("host", "kept"),
    [
        ({}, {MIME, "image/png", "text/plain"}),
        ({"VSCODE_PID": "1"}, {MIME, WIDGET_MIME, "image/png", "text/plain"}),
        ({"TRACKER_NB_DISPLAY": "picture"}, {"image/png", "text/plain"}),
    ],
)
def test_a_dashboard_shows_itself_as_runs_do_and_says_which_widget_it_is(environment, tmp_path, host, kept):
    pytest.importorskip("anywidget")
    for name, value in host.items():
        environment.setenv(name, value)
    made = """
from tracker_nb.panels import Dashboard
run.log({"x": 1})
board = Dashboard(run, height=240)
print(board.model_id)
"""
    notebook = executed(tmp_path, BEGIN, made, "board")
    (shown,) = displays(notebook.cells[2])
    assert set(shown["data"]) == kept
    model = notebook.cells[1].outputs[0]["text"].strip()
    assert shown["data"]["text/plain"].startswith("● brave-otter-7")
    if MIME in kept:
        payload = shown["data"][MIME]
        assert (payload["model_id"], payload["height"], payload["view"]) == (model, 240, "run")
    if WIDGET_MIME in kept:
        assert shown["data"][WIDGET_MIME]["model_id"] == model


def test_without_the_extension_of_ipython_a_dashboard_is_a_widget(environment, tmp_path):
    pytest.importorskip("anywidget")
    show = "%unload_ext tracker_nb\nfrom tracker_nb.panels import Dashboard\nDashboard(run)"
    (shown,) = displays(executed(tmp_path, BEGIN, show).cells[1])
    assert set(shown["data"]) == {WIDGET_MIME, "text/plain"}


def test_without_the_library_for_pictures_the_display_works_and_the_text_names_the_extra(environment, tmp_path):
    (tmp_path / "missing").mkdir()
    (tmp_path / "missing" / "vl_convert.py").write_text("raise ImportError('not here')")
    environment.setenv("PYTHONPATH", f"{tmp_path / 'missing'}{os.pathsep}{ROOT}")
    (shown,) = displays(executed(tmp_path, BEGIN, TRACKED).cells[1])
    assert set(shown["data"]) == {MIME, "text/plain"}
    assert "pip install 'tracker_nb[notebook]'" in shown["data"]["text/plain"]


def test_a_store_that_vanishes_leaves_the_cell_alone(environment, tmp_path):
    vanish = """
handle = display.begin(run)
import os, shutil
shutil.rmtree(os.environ["TRACKER_NB_DIR"])
handle.end()
print("ok")
"""
    cell = executed(tmp_path, BEGIN, vanish).cells[1]
    assert [o["text"] for o in cell.outputs if o["output_type"] == "stream" and o["name"] == "stdout"] == ["ok\n"]
    assert MIME in displays(cell)[0]["data"]


def test_in_vs_code_the_picture_stands_while_the_cell_runs_and_the_widget_when_it_has_ended(environment, tmp_path):
    environment.setenv("VSCODE_PID", "1")
    (shown,) = displays(executed(tmp_path, BEGIN, TRACKED).cells[1])
    assert set(shown["data"]) == {MIME, WIDGET_MIME, "image/png", "text/plain"}
    assert shown["data"][WIDGET_MIME]["model_id"] == shown["data"][MIME]["model_id"]
    (begun,) = displays(executed(tmp_path, BEGIN, "handle = display.begin(run)").cells[1])
    assert WIDGET_MIME not in begun["data"]


def test_a_terminal_shows_the_summary_once_and_no_payload(environment, tmp_path):
    script = tmp_path / "s.ipy"
    script.write_text(BEGIN + TRACKED)
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", "--no-banner", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.count("brave-otter-7") == 1
    assert "loss 0.01869" in done.stdout
    assert "tracker-nb.v1" not in done.stdout


# ---------------------------------------------------------------------------------------------------- a live kernel


class Kernel:
    """A kernel as a page sees it: outputs by cell, updates by display id."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client
        self.shown, self.updates, self.parents = {}, [], {}

    def begin(self, code, *, cell_id=None):
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        metadata = {"cellId": cell_id} if cell_id else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def hear(self, until, seconds=60):
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline
            try:
                message = self.client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                continue
            content, parent = message["content"], message["parent_header"].get("msg_id")
            if message["msg_type"] == "display_data":
                self.shown[content["transient"]["display_id"]] = content["data"]
                self.parents[content["transient"]["display_id"]] = parent
            elif message["msg_type"] == "update_display_data":
                self.updates.append((parent, content["transient"]["display_id"], content["data"], time.monotonic()))
                self.shown[content["transient"]["display_id"]] = content["data"]
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                self.parents.setdefault("idle", set()).add(parent)

    def run(self, code, **options):
        id_ = self.begin(code, **options)
        self.hear(lambda: id_ in self.parents.get("idle", ()))
        return id_


@pytest.fixture
def kernel(environment, tmp_path):
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


SOON = "live.FIRST_SECONDS, live.EVERY_SECONDS = 0.3, 0.5\n"
BUSY = """
handle = display.begin(run)
i = 0
while True:
    i += 1
    run.log({"loss": 1 / i})
    if i % 100 == 0:
        time.sleep(0.01)
"""


def test_a_killed_kernel_leaves_the_last_picture(kernel):
    kernel.run(BEGIN + SOON)
    cell = kernel.begin(BUSY)
    kernel.hear(lambda: len(kernel.updates) >= 2)
    pid = kernel.manager.provisioner.pid
    os.kill(pid, signal.SIGKILL)

    (shown,) = kernel.shown.values()
    assert base64.b64decode(shown["image/png"]).startswith(b"\x89PNG")
    assert "Running" in shown["text/plain"]
    assert {parent for parent, *_ in kernel.updates} == {cell}


def test_an_interrupted_cell_gets_its_last_picture(kernel):
    kernel.run(BEGIN)
    cell = kernel.begin("try:\n" + BUSY.replace("\n", "\n    ") + "\nfinally:\n    run.finish()\n    handle.end()")
    kernel.hear(lambda: kernel.shown)
    time.sleep(0.5)
    kernel.manager.interrupt_kernel()
    kernel.hear(lambda: cell in kernel.parents.get("idle", ()))
    (shown,) = kernel.shown.values()
    assert "image/png" in shown


def test_a_page_does_not_wait_for_the_last_picture_and_gets_it_under_the_cell_that_it_is_of(kernel):
    kernel.run(BEGIN, cell_id="a")
    cell = kernel.run(TRACKED, cell_id="b")
    assert kernel.updates == []  # the cell has ended, its picture is still being drawn
    other = kernel.begin("time.sleep(5)", cell_id="c")
    kernel.hear(lambda: kernel.updates)
    assert other not in kernel.parents["idle"]
    (shown,) = kernel.shown.values()
    assert "image/png" in shown
    assert {parent for parent, *_ in kernel.updates} == {cell}


def test_a_cell_that_no_page_waits_for_ends_with_its_picture(kernel):
    kernel.run(BEGIN)
    cell = kernel.run(TRACKED)
    assert [parent for parent, *_ in kernel.updates] == [cell]


def test_a_child_of_the_kernel_that_is_forked_shows_nothing(kernel):
    fork = """
handle = display.begin(run)
import os
pid = os.fork()
if pid == 0:
    handle.end()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    kernel.run(BEGIN)
    kernel.run(fork)
    assert kernel.updates == []
    kernel.run("handle.end()")
    assert len(kernel.updates) == 1
