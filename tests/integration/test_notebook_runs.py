"""Runs in a notebook, with a real kernel: `init()` again, errors, the stop button, a kernel that dies."""

import time

import pytest

import tracker_nb
from tests.support import ROOT, wait_for

pytest.importorskip("ipykernel")
jupyter_client = pytest.importorskip("jupyter_client")


class Notebook:
    """Cells executed one after the other in a kernel."""

    def __init__(self, manager, client):
        self.manager = manager
        self._client = client

    def run(self, code, *, seconds=60):
        """What a cell printed, or the name of the error it ended with."""
        printed = []

        def hook(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self._client.execute_interactive(code, timeout=seconds, output_hook=hook)["content"]
        return "".join(printed) if reply["status"] == "ok" else reply["ename"]

    def begin(self, code):
        """Execute a cell without waiting for its end."""
        self._client.execute(code)

    def end_of_cell(self, seconds=30):
        """The status of a cell that was begun."""
        return self._client.get_shell_msg(timeout=seconds)["content"]["status"]


@pytest.fixture
def notebook(store, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:
        opened = Notebook(manager, client)
        opened.run("import tracker_nb\nimport os, time")
        yield opened
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def states():
    """(name, state, values of x) of every run, oldest first."""
    runs = tracker_nb.Api().runs(order="+created_at")
    return [(run.name, run.state, run.series("x").value.tolist() if "x" in list(run.keys()) else []) for run in runs]


def test_a_second_init_finishes_the_run_before_it_and_never_raises_or_hangs(notebook):
    for n in range(3):
        begin = time.monotonic()
        assert notebook.run(f"run = tracker_nb.init(project='p', name='n{n}')\nrun.log({{'x': {n}}})") == ""
        assert time.monotonic() - begin < 10
        notebook.run("tracker_nb.log({'x': 10})")

    assert states() == [("n0", "finished", [0, 10]), ("n1", "finished", [1, 10]), ("n2", "running", [2, 10])]
    assert notebook.run("tracker_nb.finish()\nprint(tracker_nb.run)") == "None\n"
    assert states()[-1] == ("n2", "finished", [2, 10])


def test_a_run_goes_on_over_cells_and_over_a_cell_that_failed(notebook):
    notebook.run("run = tracker_nb.init(project='p', name='n')")
    assert notebook.run("tracker_nb.log({'x': 1})\n1 / 0") == "ZeroDivisionError"
    assert states() == [("n", "running", [1])]
    assert notebook.run("run.log({'x': 2})\nprint(run.summary['x'])") == "2\n"
    notebook.run("with tracker_nb.init(project='p', name='with') as run:\n    run.log({'x': 3})")
    assert notebook.run("with tracker_nb.init(project='p', name='broken') as run:\n    1 / 0") == "ZeroDivisionError"

    assert states() == [("n", "finished", [1, 2]), ("with", "finished", [3]), ("broken", "failed", [])]


def test_a_second_init_works_after_the_first_was_given_up_in_every_way(notebook):
    notebook.run("a = tracker_nb.init(project='p', name='a')\na.log({'x': 1})\ndel a")
    notebook.run("tracker_nb.init(project='p', name='b').log({'x': 2})")
    notebook.run("tracker_nb.run._writer.close()")  # as if something of ours had gone wrong
    notebook.run("tracker_nb.init(project='p', name='c').log({'x': 3})")
    assert notebook.run("tracker_nb.init(project='p', id='x' , resume='must')") == "RunNotFound"
    notebook.run("tracker_nb.init(project='p', name='d').log({'x': 4})")

    assert [(name, values) for name, _, values in states()] == [("a", [1]), ("b", [2]), ("c", [3]), ("d", [4])]
    assert [state for _, state, _ in states()][2:] == ["finished", "running"]


def test_the_stop_button_leaves_the_run_open_and_all_of_its_rows(notebook):
    notebook.run("run = tracker_nb.init(project='p', name='n')")
    notebook.begin("i = 0\nwhile True:\n    run.log({'x': i})\n    i += 1\n    if not i % 20: time.sleep(0.001)")
    assert wait_for(lambda: len(states()[0][2]) > 100)
    notebook.manager.interrupt_kernel()
    assert notebook.end_of_cell() == "error"

    last = int(notebook.run("print(i)"))
    ((_, state, values),) = states()
    assert (state, values[:last]) == ("running", list(range(last)))
    assert notebook.run("run.log({'x': -1})\nrun.finish()") == ""
    assert (states()[0][1], states()[0][2][-1]) == ("finished", -1)


def test_a_kernel_that_is_shut_down_finishes_its_run(notebook):
    notebook.run("tracker_nb.init(project='p', name='n').log({'x': 1})")
    notebook.manager.shutdown_kernel()

    assert states() == [("n", "finished", [1])]


def test_a_kernel_that_is_killed_leaves_a_crashed_run_and_all_of_its_rows(notebook):
    notebook.run("tracker_nb.init(project='p', name='n').log({'x': 1})")
    notebook.run("tracker_nb.log({'x': 2})")
    notebook.manager.signal_kernel(9)

    assert wait_for(lambda: states() == [("n", "crashed", [1, 2])])


def test_a_restarted_kernel_goes_on_with_a_run_by_its_id(notebook):
    notebook.run("tracker_nb.init(project='p', id='abc', name='n').log({'x': 1})")
    notebook.manager.restart_kernel(now=True)
    notebook._client.wait_for_ready(timeout=60)
    assert (
        notebook.run(
            "import tracker_nb\nrun = tracker_nb.init(project='p', id='abc', resume='must')\nrun.log({'x': 2})"
        )
        == ""
    )

    assert states() == [("n", "running", [1, 2])]


def test_progress_is_seen_from_another_process_while_a_cell_is_busy(notebook):
    notebook.run("run = tracker_nb.init(project='p', name='n')")
    notebook.begin("for i in range(10**9):\n    run.log({'x': i}); time.sleep(0.001)")
    assert wait_for(lambda: len(states()[0][2]) > 10)
    before = len(states()[0][2])
    assert wait_for(lambda: len(states()[0][2]) > before + 10)
    notebook.manager.interrupt_kernel()
    assert notebook.end_of_cell() == "error"
