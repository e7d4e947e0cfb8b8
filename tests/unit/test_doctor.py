"""`doctor` finds what is wrong, says what to do, and changes nothing unless asked to."""

import contextlib
import json
import os
import sqlite3
import threading
import time
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import tracker_nb
from tracker_nb.cli import main
from tracker_nb.journal import frames
from tracker_nb.store import doctor, doctor_jupyter
from tracker_nb.store.place import Place

KEYS = [
    "release", "store", "folder", "file system", "disk", "SQLite", "schema", "journal mode", "size", "content", "losses",
    "unknown records", "writer lock", "live writers", "dead writers", "integrity",
    "Jupyter", "Jupyter servers", "extra notebook", "extra lab",
]  # fmt: skip


def examined(*arguments, dir=None):
    """Status and report of `doctor --json`, its findings by name."""
    where = ["--dir", str(dir)] if dir else []
    done = CliRunner().invoke(main, ["doctor", "--json", *arguments, *where], catch_exceptions=False)
    report = json.loads(done.stdout)
    return done.exit_code, report, {finding["what"]: finding for finding in report["findings"]}


def printed(*arguments, **variables):
    return CliRunner().invoke(main, ["doctor", *arguments], env=variables, catch_exceptions=False).stdout


def change(store, statement):
    with contextlib.closing(sqlite3.connect(store / "tracker.db")) as db:
        db.execute(statement)
        db.commit()


@pytest.fixture
def filled(store):
    with tracker_nb.init(project="digits", id="abc") as run:
        for i in range(2000):
            run.log({"loss": i / 7, "acc": i / 3})
    for thread in threading.enumerate():
        if thread.name == "tracker_nb-apply":
            thread.join(10)  # or it would take over what a test leaves for the doctor to find
    return store


def test_a_store_that_is_well_has_no_error_and_ends_with_status_0(filled):
    status, report, found = examined()

    assert (status, report["healthy"], report["errors"]) == (0, True, 0)
    assert [finding["what"] for finding in report["findings"]] == KEYS
    around = {"SQLite", "disk", "file system", "Jupyter", "Jupyter servers"}  # of the machine, not of the store
    assert {name for name, finding in found.items() if finding["level"] != "ok"} <= around
    assert all(finding["advice"] for finding in report["findings"] if finding["level"] != "ok")
    assert found["content"]["data"] == {"runs": 1, "deleted": 0, "projects": 1, "points": 4000}
    assert found["store"]["data"] == {"path": str(filled), "chosen": "named by TRACKER_NB_DIR"}
    assert found["integrity"]["data"]["check"] == "integrity_check"


def test_a_report_for_people_has_a_sign_and_a_name_for_every_finding(filled):
    lines = printed(COLUMNS="80").splitlines()

    assert max(len(line) for line in lines if str(filled) not in line) <= 80
    begins = [line for line in lines if line.startswith(("✓", "▲", "✗"))]
    assert [line[2:].split("  ")[0].lower() for line in begins] == [key.lower() for key in KEYS]
    assert lines[-1].startswith("No error, ")


def test_quick_uses_the_quicker_check(filled):
    assert examined("--quick")[2]["integrity"]["data"]["check"] == "quick_check"


@pytest.mark.parametrize(
    ("version", "level"), [((3, 40, 1), "warn"), ((3, 51, 2), "warn"), ((3, 51, 3), "ok"), ((4, 0, 0), "ok")]
)
def test_a_sqlite_that_can_damage_a_log_is_named_with_what_protects_from_it(filled, monkeypatch, version, level):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    monkeypatch.setattr(sqlite3, "sqlite_version", ".".join(map(str, version)))

    finding = examined()[2]["SQLite"]

    assert finding["level"] == level
    assert ("writer lock" in finding["detail"]) == (level == "warn")


@pytest.mark.parametrize(
    ("mode", "level", "says"),
    [(0o700, "ok", "0700"), (0o770, "ok", "shared with its group"), (0o755, "warn", "read"), (0o777, "warn", "change")],
)
def test_a_folder_that_every_user_can_read_is_worth_a_warning(filled, mode, level, says):
    filled.chmod(mode)

    finding = examined()[2]["folder"]

    assert finding["level"] == level
    assert says in finding["detail"]


@pytest.mark.parametrize(("free", "level"), [(10 << 20, "error"), (500 << 20, "warn"), (5 << 30, "ok")])
def test_a_disk_that_runs_full_is_said_before_it_is_full(filled, monkeypatch, free, level):
    monkeypatch.setattr(doctor.portable, "free_space", lambda _: (free, 10 << 30))

    assert examined()[2]["disk"]["level"] == level


def test_a_disk_that_takes_no_more_files_is_said(filled, monkeypatch):
    monkeypatch.setattr(doctor.portable, "free_space", lambda _: (5 << 30, 10 << 30))
    monkeypatch.setattr(doctor.portable, "free_files", lambda _: 12)

    finding = examined()[2]["disk"]

    assert (finding["level"], finding["data"]["free_files"]) == ("warn", 12)
    assert "only 12 more files" in finding["detail"]


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs"])
def test_a_log_on_a_network_file_system_is_an_error(filled, monkeypatch, kind):
    monkeypatch.setattr(doctor.portable, "file_system", lambda _: kind)

    status, _, found = examined()

    assert status == 1
    assert found["file system"]["level"] == "warn"
    assert found["journal mode"]["level"] == "error"


def test_a_store_without_a_log_is_worth_a_warning(filled):
    change(filled, "PRAGMA journal_mode=DELETE")

    assert examined()[2]["journal mode"]["level"] == "warn"


def test_lost_calls_and_skipped_stretches_name_their_runs(filled):
    change(filled, "UPDATE writers SET skipped_places = 2, skipped_bytes = 300, lost = 7")

    finding = examined()[2]["losses"]

    assert finding["level"] == "warn"
    assert finding["data"]["skipped_bytes"] == 300
    assert finding["data"]["lost_calls"] == 7
    assert finding["data"]["runs"][0].endswith("/digits/abc")


def test_records_of_a_later_release_are_counted(filled):
    change(
        filled,
        "INSERT INTO unknown_records (writer_id, segment, offset, reason, payload) VALUES (1, 1, 1, 'kind 99', x'00')",
    )

    finding = examined()[2]["unknown records"]

    assert (finding["level"], finding["data"]["count"]) == ("warn", 1)


def test_a_live_writer_is_named_with_what_waits(filled):
    run = tracker_nb.init(project="digits", id="live")
    for i in range(100):
        run.log({"loss": i})

    finding = examined()[2]["live writers"]

    assert (finding["level"], finding["data"]["count"]) == ("ok", 1)
    assert finding["data"]["waiting_bytes"] > 1000
    assert f"digits/live by process {os.getpid()}" in finding["detail"]


def test_a_dead_writers_journal_waits_until_repair_applies_it(filled):
    head = frames.frame(b"no head at all")
    (filled / "journals" / "gone.0123456789ab.000001.tnj").write_bytes(head)

    _, _, before = examined()
    _, report, after = examined("--repair")

    assert (before["dead writers"]["level"], before["dead writers"]["data"]["count"]) == ("warn", 1)
    assert before["dead writers"]["data"]["waiting_bytes"] == len(head)
    assert "--repair" in before["dead writers"]["advice"]
    assert report["repaired"] == {"journals": 1, "leftovers": 0}
    assert (after["dead writers"]["level"], after["unknown records"]["data"]["count"]) == ("ok", 1)


def test_examining_changes_nothing(filled):
    (filled / "journals" / "gone.0123456789ab.000001.tnj").write_bytes(frames.frame(b"no head at all"))
    (filled / "journals" / "gone.0123456789ab.000002.new").touch()

    def contents():
        return {
            path.relative_to(filled): path.read_bytes()
            for path in sorted(filled.rglob("*"))
            if path.is_file() and not path.name.endswith(("-shm", "-wal"))
        }

    before = contents()
    examined()

    assert contents() == before


def test_repair_removes_what_a_writer_did_not_live_to_rename_and_only_that(filled):
    old, young = (filled / "journals" / f"gone.0123456789ab.00000{n}.new" for n in (1, 2))
    for path in (old, young):
        path.touch()
    os.utime(old, (time.time() - 3600,) * 2)

    _, _, before = examined()
    _, report, after = examined("--repair")

    assert before["leftovers"]["data"] == {"count": 1}
    assert report["repaired"]["leftovers"] == 1
    assert "leftovers" not in after
    assert (old.exists(), young.exists()) == (False, True)


def test_a_damaged_page_is_an_error_with_advice(filled):
    with contextlib.closing(sqlite3.connect(filled / "tracker.db")) as db:
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'run_events'").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
    with open(filled / "tracker.db", "r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)

    status, report, found = examined()

    assert (status, report["healthy"]) == (1, False)
    assert found["integrity"]["level"] == "error"
    assert "copy the whole folder" in found["integrity"]["advice"]
    assert "content" in found


def test_a_file_that_is_no_database_is_an_error_and_no_traceback(filled):
    (filled / "tracker.db").write_bytes(b"not a database" * 1000)

    status, _, found = examined()

    assert status == 1
    assert found["database"]["level"] == "error"
    assert found["dead writers"]["level"] == "ok"


def test_an_empty_database_is_a_store_whose_tables_are_yet_to_be_made(store):
    store.mkdir()
    (store / "tracker.db").touch()

    assert examined()[2]["schema"]["level"] == "warn"


def test_a_store_of_a_later_release_is_an_error_that_says_that_nothing_is_lost(filled):
    change(filled, "PRAGMA user_version=99")

    status, _, found = examined()

    assert status == 1
    assert found["schema"]["level"] == "error"
    assert "journals" in found["schema"]["detail"]
    assert found["schema"]["advice"] == "pip install -U tracker_nb"
    assert found["integrity"]["level"] == "ok"


def test_a_store_that_is_not_there_is_an_error_that_says_what_to_type(store):
    status, _, found = examined()

    assert status == 1
    assert found["store"]["level"] == "error"
    assert "tracker-nb init" in found["store"]["advice"]
    assert "extra lab" in found
    assert not store.exists()


def test_doctor_says_how_the_store_was_chosen(tmp_path, monkeypatch):
    def chosen(**more):
        return examined(**more)[2]["store"]["data"]["chosen"]

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("TRACKER_NB_DIR", raising=False)
    monkeypatch.chdir(tmp_path)

    assert chosen(dir=tmp_path / "x") == "named by --dir"
    assert "data directory" in chosen()
    CliRunner().invoke(main, ["init"])
    assert "nearest .tracker_nb" in chosen()
    monkeypatch.setenv("TRACKER_NB_DIR", str(tmp_path))
    assert chosen() == "named by TRACKER_NB_DIR"


def test_the_packages_looked_for_are_those_of_the_extras():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {
        extra: {line.split(">")[0].split("[")[0] for line in project["optional-dependencies"][extra]} - {"tracker_nb"}
        for extra in doctor_jupyter.EXTRAS
    }

    assert {extra: set(packages) for extra, packages in doctor_jupyter.EXTRAS.items()} == wanted


def test_a_report_counts_what_it_found(filled):
    report = doctor.examine(Place(filled))

    assert report.healthy
    assert report.count("ok") + report.count("warn") == len(report.findings)
