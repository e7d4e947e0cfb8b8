"""How a run ended, as told from the end of its process: real processes that end in every way."""

import os
import signal
import subprocess
import sys
import time

import pytest

import tracker_nb

HEAD = """
import os, signal, sys, threading, time
import tracker_nb
run = tracker_nb.init(project="p", id="abc")
run.log({"x": 1})
"""


def start(script):
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def end_of(script):
    """(state, exit code as recorded, exit status, run) of a process that runs `script` with a run open."""
    process = start(script)
    process.communicate(timeout=60)
    run = tracker_nb.Api().run("p/abc")
    assert run.series("x").value.tolist() == [1]
    return run.state, run.exit_code, process.returncode, run


@pytest.mark.ref("1.5-8")
@pytest.mark.parametrize(
    ("script", "state", "exit_code"),
    [
        ("", "finished", 0),
        ("run.finish()", "finished", 0),
        ("sys.exit()", "finished", 0),
        ("sys.exit(0)", "finished", 0),
        ("tracker_nb.finish(exit_code=5)", "failed", 5),
        ("1 / 0", "failed", 1),
        ("sys.exit(3)", "failed", 3),
        ("sys.exit('no data')", "failed", 1),
        ("with run: sys.exit(3)", "failed", 3),
        ("with run: raise SystemExit(3)", "failed", 3),
        ("with run: 1 / 0", "failed", 1),
        ("os._exit(0)", "crashed", None),
        ("os.kill(os.getpid(), signal.SIGKILL)", "crashed", None),
        ("os.kill(os.getpid(), signal.SIGTERM)", "crashed", None),
        ("os.abort()", "crashed", None),
    ],
)
def test_the_state_of_a_run_is_running_finished_failed_or_crashed_as_its_process_ended(store, script, state, exit_code):
    found, code, status, run = end_of(script)

    assert (found, code) == (state, exit_code)
    if exit_code is not None and "finish" not in script:
        assert status == exit_code
    assert run.ended_at is not None


def test_a_failed_run_keeps_its_traceback(store):
    *_, run = end_of("def broken():\n    return 1 / 0\nbroken()")
    assert "ZeroDivisionError" in run.metadata["error"]
    assert "in broken" in run.metadata["error"]


def test_a_failed_with_block_keeps_its_traceback_though_the_program_goes_on(store):
    state, *_, run = end_of("try:\n    with run:\n        1 / 0\nexcept ZeroDivisionError:\n    pass")
    assert state == "failed"
    assert "ZeroDivisionError" in run.metadata["error"]


@pytest.mark.ref("1.5-9")
@pytest.mark.parametrize("script", ["time.sleep(60)", "with run: time.sleep(60)", "while True: run.log({'y': 1})"])
def test_an_interrupted_run_is_killed(store, script):
    process = start("print('ready', flush=True)\n" + script)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert "KeyboardInterrupt" in errors
    assert process.returncode in (1, 130, -signal.SIGINT)
    assert tracker_nb.Api().run("p/abc").state == "killed"


def test_an_interrupt_that_the_program_handles_does_not_kill_the_run(store):
    state, *_ = end_of(
        "try:\n    os.kill(os.getpid(), signal.SIGINT); time.sleep(10)\nexcept KeyboardInterrupt:\n    pass"
    )
    assert state == "finished"


@pytest.mark.ref("1.5-10")
def test_a_running_run_reads_as_crashed_once_its_process_is_dead(store):
    process = start("print('ready', flush=True)\ntime.sleep(60)")
    assert process.stdout.readline() == "ready\n"
    api = tracker_nb.Api()
    run = api.run("p/abc")
    assert (run.state, run.ended_at) == ("running", None)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)

    assert run.state == "running"  # as it was when it was looked at
    api.flush()
    assert run.state == "crashed"
    assert run.ended_at is not None
    assert run.series("x").value.tolist() == [1]
    assert [found.state for found in tracker_nb.Api().runs("p")] == ["crashed"]


def test_a_run_stays_running_while_its_process_is_stopped(store):
    process = start("print('ready', flush=True)\ntime.sleep(60)")
    try:
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.2)
        assert tracker_nb.Api().run("p/abc").state == "running"
    finally:
        process.kill()
        process.communicate(timeout=60)


def test_a_program_that_handles_sigterm_finishes_its_run(store):
    state, *_ = end_of("signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\nos.kill(os.getpid(), signal.SIGTERM)")
    assert state == "finished"


def test_an_exception_in_a_thread_does_not_fail_the_run(store):
    state, *_ = end_of("thread = threading.Thread(target=lambda: 1 / 0)\nthread.start(); thread.join()")
    assert state == "finished"


def test_the_hooks_that_were_there_before_are_still_called(store):
    script = """
import atexit, subprocess
atexit.register(lambda: print('atexit'))
before = sys.excepthook
sys.excepthook = lambda *a: (print('hook'), before(*a))
run.finish()
run = tracker_nb.init(project="p", id="second")
raise ValueError
"""
    process = start(script)
    out, errors = process.communicate(timeout=60)
    assert out.splitlines() == ["hook", "atexit"]
    assert "ValueError" in errors
    assert tracker_nb.Api().run("p/second").state == "failed"
