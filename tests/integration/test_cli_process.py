"""The command line as users have it: real processes, terminals, pipes, disks and kills."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time

import pytest

import tracker_nb
from tests.support import (
    ROOT,
    Reports,
    Watched,
    api,
    apply_all_the_time,
    environment,
    mounting,
    on_read_only,
    on_small_disk,
    wait_for_death,
)

COMMAND = [sys.executable, "-m", "tracker_nb"]


def tracker(store, *arguments, before=(), status=0, **variables):
    """Run the command in a process of its own; what it printed, where it ended as expected."""
    done = subprocess.run(
        [*before, *COMMAND, *arguments],
        env=environment(store, **variables),
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def as_json(store, *arguments, **more):
    return json.loads(tracker(store, *arguments, "--json", **more).stdout)


def levels(store, *arguments, **more):
    """What `doctor` thinks of each thing it looks at."""
    return {finding["what"]: finding["level"] for finding in as_json(store, "doctor", *arguments, **more)["findings"]}


def losses(folder, run="live"):
    with api(folder) as found:
        return found.run(run).series("loss").value.tolist()


@pytest.fixture
def filled(store):
    with tracker_nb.init(project="digits", id="abc", name="nightly") as run:
        for i in range(2000):
            run.log({"loss": i / 7})
    return store


# ---------------------------------------------------------------------------------------------------- the children


def log_forever(run_id, applying):
    if applying:
        apply_all_the_time(segment_bytes=20_000)
    run = tracker_nb.init(project="digits", id=run_id)
    report = Reports()
    for i in range(1 << 24):
        run.log({"loss": i})
        report(i)
        if not i % 100:
            time.sleep(0.001)


# ---------------------------------------------------------------------------------------------------- runs


def test_the_command_line_reads_back_what_the_api_reads(filled):
    with api(filled) as found:
        run = found.run("digits/nightly")
        last, path = run.summary["loss"], "/".join(run.path)

    listed = as_json(filled, "runs", "digits")["runs"][0]
    shown = as_json(filled, "run", "show", path)

    assert listed["summary"]["loss"] == shown["summary"]["loss"] == last == 1999 / 7
    assert shown["metrics"]["loss"]["rows"] == 2000
    assert re.search(
        r"✓ Finished  nightly  abc .*  1,999  285\.6$", tracker(filled, "runs", "digits").stdout, re.MULTILINE
    )


def test_a_killed_run_is_listed_as_crashed_with_all_it_had_logged(store, tmp_path):
    with Watched(tmp_path, store) as children:
        children.start(log_forever, "live", False)
        children.wait(lambda returned: returned.get(0, 0) > 2000)
        living = as_json(store, "runs", "digits")["runs"][0]
        children.kill()
    wait_for_death(store)

    shown = tracker(store, "runs", "digits").stdout
    dead = as_json(store, "run", "show", "live")

    assert living["state"] == "running"
    assert living["step"] >= 2000
    assert "▲ Crashed" in shown
    assert dead["state"] == "crashed"
    assert dead["metrics"]["loss"]["rows"] >= children.returned[0]


def test_help_and_version_answer_without_the_packages_that_take_time():
    script = (
        "import sys; from tracker_nb.cli import main\n"
        "for arguments in (['--help'], ['--version'], ['runs', '--help'], ['doctor', '--help']):\n"
        "    main(arguments, standalone_mode=False)\n"
        "print(sorted({'numpy', 'msgspec', 'zstandard', 'pandas', 'psutil'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
    assert f"tracker-nb, version {tracker_nb.__version__}" in done.stdout


def test_a_reader_that_has_seen_enough_is_no_error(store):
    for _ in range(20):
        tracker_nb.init(project="digits", reinit="finish_previous", config={"text": "x" * 10_000})

    process = subprocess.Popen(
        [*COMMAND, "runs", "--json"], env=environment(store), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.read(1)
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    process.wait(60)

    assert said == b""


def in_terminal(store, *arguments, **variables):
    """What the command prints on a terminal of 90 columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    env = environment(store, TERM="xterm-256color", **variables)
    for name in ("COLUMNS", "LINES", *({"NO_COLOR", "COLORTERM"} - set(variables))):
        env.pop(name, None)
    process = subprocess.Popen([*COMMAND, *arguments], env=env, cwd=ROOT, stdout=its, stderr=its)
    os.close(its)
    said = b""
    with contextlib.suppress(OSError):  # Linux says EIO at the end
        while data := os.read(ours, 1 << 16):
            said += data
    os.close(ours)
    assert process.wait(60) == 0
    return said.decode()


def test_a_terminal_gets_its_width_and_the_colour_of_each_run_unless_it_does_not_want_any(filled):
    with api(filled) as found:
        colour = found.run("abc").color
    code = "\x1b[38;2;" + ";".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)) + "m✓\x1b[0m Finished"

    rich = in_terminal(filled, "runs", COLORTERM="truecolor")
    poor = in_terminal(filled, "runs")
    none = in_terminal(filled, "runs", COLORTERM="truecolor", NO_COLOR="1")

    assert code in rich
    assert "✓ Finished" in poor
    assert "\x1b" not in none
    assert max(len(line) for line in none.splitlines()) <= 90
    assert (
        max(len(line) for line in in_terminal(filled, "doctor", NO_COLOR="1").splitlines() if str(filled) not in line)
        <= 90
    )


def test_a_terminal_that_knows_only_ascii_is_no_error(filled):
    shown = tracker(filled, "runs", PYTHONIOENCODING="ascii").stdout

    assert "+ Finished  nightly" in shown


# ---------------------------------------------------------------------------------------------------- bad days


def test_a_file_that_is_no_database_is_said_in_one_line_by_every_command(filled, tmp_path):
    (filled / "tracker.db").write_bytes(os.urandom(100_000))

    for arguments in (
        ["runs"],
        ["run", "show", "abc"],
        ["backup", str(tmp_path / "copy")],
        ["init", "--dir", str(filled)],
    ):
        done = tracker(filled, *arguments, status=1)
        assert re.fullmatch(r"Error: .*database.*\n", done.stderr)
        assert done.stdout == ""
    assert levels(filled, status=1)["database"] == "error"


def test_a_store_of_a_later_release_is_refused_with_what_to_type_and_can_be_copied(filled, tmp_path):
    with contextlib.closing(sqlite3.connect(filled / "tracker.db")) as db:
        db.execute("PRAGMA user_version=99")

    assert "pip install -U tracker_nb" in tracker(filled, "runs", status=1).stderr
    assert as_json(filled, "run", "show", "abc", status=1)["error"]["type"] == "StoreTooNew"
    assert levels(filled, status=1)["schema"] == "error"
    tracker(filled, "backup", str(tmp_path / "copy"))
    assert levels(tmp_path / "copy", status=1)["integrity"] == "ok"


@pytest.mark.skipif(mounting() is None, reason="needs the right to mount")
def test_a_store_that_cannot_be_written_is_read_examined_and_copied(filled, tmp_path):
    (filled / "tracker.db-wal").unlink(missing_ok=True)
    (filled / "tracker.db-shm").unlink(missing_ok=True)
    before = on_read_only(filled)

    assert as_json(filled, "runs", before=before)["runs"][0]["id"] == "abc"
    assert "nightly  ✓ Finished" in tracker(filled, "run", "show", "abc", before=before).stdout
    assert levels(filled, before=before)["folder"] == "warn"
    assert "Read-only" in tracker(filled, "doctor", "--repair", status=1, before=before).stderr
    tracker(filled, "backup", str(tmp_path / "copy"), before=before)
    assert losses(tmp_path / "copy", "abc") == [i / 7 for i in range(2000)]


@pytest.mark.skipif(mounting() is None, reason="needs the right to mount")
def test_a_backup_onto_a_full_disk_leaves_nothing_and_says_why(filled, tmp_path):
    (tmp_path / "small").mkdir()
    look = ["sh", "-c", '"$@"; code=$?; find "$LOOK" -mindepth 1; exit $code', "sh"]

    done = tracker(
        filled,
        "backup",
        str(tmp_path / "small" / "copy"),
        before=[*on_small_disk(tmp_path / "small", "64k"), *look],
        status=1,
        LOOK=tmp_path / "small",
    )

    assert done.stdout == ""
    assert re.fullmatch(r"Error: .*full.*\n|Error: No space.*\n", done.stderr)


def test_doctor_names_the_process_that_holds_the_writer_lock(filled):
    script = (
        "import fcntl, sys, time\n"
        "file = open(sys.argv[1])\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print(flush=True)\n"
        "time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(filled / "tracker.lock")], stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        shown = tracker(filled, "doctor").stdout
        listed = as_json(filled, "runs")
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()

    assert "▲ Writer lock" in shown
    assert not os.path.exists("/proc/locks") or f"process {holder.pid}" in shown
    assert listed["count"] == 1


def test_doctor_finds_a_dead_writers_journal_and_repair_applies_it(store, tmp_path):
    with Watched(tmp_path, store) as children:
        children.start(log_forever, "live", False)
        children.wait(lambda returned: returned.get(0, 0) > 500)
        assert levels(store)["live writers"] == "ok"
        children.kill()
    wait_for_death(store)

    assert levels(store)["dead writers"] == "warn"
    assert "Applied 1 journal of dead writers." in tracker(store, "doctor", "--repair").stdout
    assert levels(store)["dead writers"] == "ok"
    assert len(losses(store)) >= children.returned[0]


# ---------------------------------------------------------------------------------------------------- backup


@pytest.mark.parametrize("applying", [False, True], ids=["journaling", "applying all the time"])
def test_a_backup_of_a_store_in_use_misses_nothing_that_log_returned_for(store, tmp_path, applying):
    with Watched(tmp_path, store) as children:
        children.start(log_forever, "live", applying)
        children.wait(lambda returned: returned.get(0, 0) > 1000)
        returned = []
        for n in range(4):
            children.drain()
            returned.append(children.returned[0])
            copied = as_json(store, "backup", str(tmp_path / f"copy{n}"))
            assert copied["live_runs"] == ["live"]
        children.kill()
    wait_for_death(store)

    for n, least in enumerate(returned):
        found = losses(tmp_path / f"copy{n}")
        assert len(found) >= least
        assert found == list(range(len(found)))
        seen = levels(tmp_path / f"copy{n}")
        assert (seen["integrity"], seen["losses"], seen["dead writers"]) == ("ok", "ok", "ok")
    assert len(losses(store)) >= children.returned[0]


def test_a_backup_that_is_killed_is_no_store(filled, tmp_path):
    with open(filled / "files" / "large", "wb") as file:
        file.truncate(4 << 30)
    process = subprocess.Popen([*COMMAND, "backup", str(tmp_path / "copy")], env=environment(filled), cwd=ROOT)
    while not (tmp_path / "copy" / "files" / "large").exists():
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    os.unlink(filled / "files" / "large")
    (tmp_path / "copy" / "files" / "large").unlink()

    assert not (tmp_path / "copy" / "tracker.db").exists()
    assert "no store" in tracker(tmp_path / "copy", "runs", status=1).stderr
    assert "not empty" in tracker(filled, "backup", str(tmp_path / "copy"), status=1).stderr
