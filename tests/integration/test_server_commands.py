"""What the server changes: names, notes, tags, the trash, and the stop button."""

import json
import signal
import subprocess
import sys
import time

import pytest

import tracker_nb
from tests.served import address, of_run
from tests.support import ROOT, api, environment, journals, rows_of, wait_for

TRAIN = """
import signal, sys, time
import tracker_nb
{before}
with tracker_nb.init(entity="e", project="p", id="train") as run:
    print("ready", flush=True)
    {work}
{after}
"""
LOOP = "for i in range(10**9): run.log({'loss': 1 / (i + 1)}); time.sleep(0.001)"


def train(server, store, work=LOOP, before="", after=""):
    """A program in a process of its own that logs; returns when its run has begun."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN.format(work=work, before=before, after=after)],
        env=environment(store, XDG_DATA_HOME=server.data),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    return process


def stop_and_wait(server, served, process, seconds=2.0):
    begin = time.monotonic()
    answer = server.post(of_run(served, "train", "stop"))
    assert (answer.status, answer.json) == (200, {"asked": 1})
    try:
        out, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert time.monotonic() - begin < seconds
    return out, errors


def test_a_run_is_renamed_noted_tagged_and_coloured(server, served, store):
    with tracker_nb.init(entity="e", project="p", id="one") as run:
        run.log({"loss": 1.0})
        live = server.request("PATCH", of_run(served, "one"), {"name": "while it runs"})
        assert live.json["name"] == "while it runs"
    changes = {"name": "better", "notes": "*why*", "tags": ["a", "b", "a"], "group": None, "color": "#123abc"}
    answer = server.request("PATCH", of_run(served, "one"), changes)

    assert answer.status == 200, answer
    assert {name: answer.json[name] for name in changes} == {**changes, "tags": ["a", "b"]}
    with api(store) as found:
        assert (found.run("p/one").name, found.run("p/one").tags) == ("better", ["a", "b"])
    actors = {actor for (actor,) in rows_of(store, "SELECT actor FROM audit")}
    assert len(actors) >= 1
    assert "" not in actors


def test_a_run_goes_into_the_trash_and_comes_back(server, served):
    with tracker_nb.init(entity="e", project="p", id="one") as run:
        run.log({"loss": 1.0})
    assert server.request("DELETE", of_run(served, "one")).json == {"deleted": True}
    assert server.get(address(served, "runs")).json["total"] == 0
    assert server.post(of_run(served, "one", "restore")).json["run"] == "one"
    assert server.get(address(served, "runs")).json["total"] == 1


def test_stopping_a_run_interrupts_its_program_and_the_run_reads_killed(server, served, store):
    process = train(server, store)
    _, errors = stop_and_wait(server, served, process)

    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    found = server.get(of_run(served, "train")).json
    assert found["state"] == "killed"
    assert found["metadata"]["stopped_by"]
    ((_, target, after),) = rows_of(store, "SELECT actor, target, after FROM audit WHERE action = 'stop_run'")
    assert target == "e/p/train"
    assert len(json.loads(after)["asked"]) == 1
    assert not list((store / "journals").iterdir())


@pytest.mark.parametrize(
    ("work", "before"),
    [
        ("time.sleep(600)", ""),  # asleep: only a signal wakes it
        ("while True: pass", ""),
        (LOOP, "signal.signal(signal.SIGINT, signal.SIG_IGN)"),  # as the shell does for jobs in the background
        (LOOP, "signal.signal(signal.SIGINT, signal.SIG_DFL)"),
    ],
)
def test_a_program_is_stopped_whatever_it_does_at_the_moment(server, served, store, work, before):
    process = train(server, store, work=work, before=before)
    stop_and_wait(server, served, process)
    assert server.get(of_run(served, "train")).json["state"] == "killed"


def test_a_program_that_catches_the_interrupt_ends_in_good_order_and_its_run_reads_killed(server, served, store):
    work = f"try:\n        {LOOP}\n    except KeyboardInterrupt:\n        run.log({{'saved': 1}})"
    process = train(server, store, work=work, after="print('the end')")
    out, _ = stop_and_wait(server, served, process)

    assert (process.returncode, out) == (0, "the end\n")
    found = server.get(of_run(served, "train")).json
    assert (found["state"], found["summary"]["saved"]) == ("killed", 1)


def test_a_handler_of_the_program_s_own_is_called(server, served, store):
    before = "stopping = []\nsignal.signal(signal.SIGINT, lambda *_: stopping.append(1))"
    process = train(server, store, work="while not stopping: time.sleep(0.01)", before=before)
    stop_and_wait(server, served, process)
    assert process.returncode == 0
    assert server.get(of_run(served, "train")).json["state"] == "killed"


def test_another_run_of_the_same_store_goes_on(server, served, store):
    process = train(server, store)
    with tracker_nb.init(entity="e", project="p", id="other") as run:
        run.log({"loss": 1.0})
        stop_and_wait(server, served, process)
        time.sleep(1.2)
        run.log({"loss": 2.0})
    assert server.get(of_run(served, "other")).json["state"] == "finished"


def test_a_run_of_the_same_id_in_another_project_is_not_stopped(server, served, store):
    process = train(server, store)
    try:
        with tracker_nb.init(entity="e", project="q", id="train") as run:
            run.log({"loss": 1.0})
            assert server.post(of_run(served, "train", "stop", project="q")).json == {"asked": 1}
            with pytest.raises(KeyboardInterrupt):
                time.sleep(5)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_a_run_that_was_killed_cannot_be_stopped_and_leaves_no_request_behind(server, served, store):
    process = train(server, store)
    process.kill()
    process.communicate()
    assert wait_for(lambda: server.get(of_run(served, "train")).json["state"] == "crashed")
    answer = server.post(of_run(served, "train", "stop"))
    assert (answer.status, answer.error["type"]) == (409, "UsageError")
    assert not [name for name in (store / "journals").iterdir() if name.suffix == ".stop"]


def test_a_run_in_a_notebook_ends_when_it_is_stopped_and_the_kernel_lives(server, served, store, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    import threading

    import nbformat

    monkeypatch.setenv("TRACKER_NB_DIR", str(store))
    code = "import tracker_nb, time\nrun = tracker_nb.init(entity='e', project='p', id='train')\n"
    code += "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('interrupted')"
    cells = [code, "import time\ntime.sleep(3)\nprint('alive', run._finished)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])

    def stop():
        assert wait_for(lambda: journals(store), 30)
        time.sleep(0.5)
        server.post(of_run(served, "train", "stop"))

    thread = threading.Thread(target=stop)
    thread.start()
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    thread.join()

    assert notebook.cells[0].outputs[-1]["text"] == "interrupted\n"
    assert notebook.cells[1].outputs[-1]["text"] == "alive True\n"
    assert server.get(of_run(served, "train")).json["state"] == "killed"
