"""Stores that cannot be written, lie on a network, belong to somebody else, or have no room: what is said, and the fix."""

import contextlib
import json
import os
import subprocess
import sys

import pytest

import tracker_nb
from tests.support import ROOT, call, environment, mounting, on_read_only, on_small_disk
from tests.unit.test_doctor import examined
from tracker_nb import portable
from tracker_nb.store import cautions
from tracker_nb.store.database import create
from tracker_nb.store.place import Place

AS_ROOT = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can be somebody else")
NOBODY = 65534
needs_mounts = pytest.mark.skipif(mounting() is None, reason="this system lets nobody mount")

STRANGER = """
import contextlib, io, os, sys
sys.path.insert(0, {root!r})
import click.testing, tracker_nb, tracker_nb.cli
code = {code!r}
with contextlib.redirect_stdout(io.StringIO()):  # what it imports may lie where only root may read
    given = os.environ.pop("TRACKER_NB_DIR")
    os.environ["TRACKER_NB_DIR"] = {home!r} + "-of-root"
    exec({log!r})
    exec(code)
os.environ["TRACKER_NB_DIR"] = given
os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
os.environ["HOME"], os.environ["XDG_DATA_HOME"] = {home!r}, {home!r} + "/data"
exec(code)
"""


def as_nobody(tmp_path, store, code):
    """Run code as another user, who has a home of their own; standard output and error."""
    home = tmp_path / "home-of-nobody"
    home.mkdir(exist_ok=True)
    os.chown(home, NOBODY, NOBODY)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and len(folder.parts) > 2:
            folder.chmod(folder.stat().st_mode | 0o011)
    script = STRANGER.format(root=str(ROOT), nobody=NOBODY, home=str(home), code=code, log=LOG)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(store),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


LOG = """
with tracker_nb.init(project="p") as run:
    run.log({"a": 1})
    print("logged to", run._place)
"""
DOCTOR = (
    'print(click.testing.CliRunner().invoke(tracker_nb.cli.main, ["doctor", "--json"], catch_exceptions=False).stdout)'
)


def report(text):
    return {finding["what"]: finding for finding in json.loads(text)["findings"]}


@pytest.fixture
def filled(store):
    with tracker_nb.init(project="p") as run:
        run.log({"a": 1})
    return store


# ---------------------------------------------------------------------------------------------------- another user's


@AS_ROOT
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_who_may_not_write_anothers_store_logs_elsewhere_and_is_told_whose_it_is(filled, tmp_path, mode):
    filled.chmod(mode)

    out, err = as_nobody(tmp_path, filled, LOG)

    assert f"logged to {tmp_path}/home-of-nobody/data/tracker_nb" in out
    assert f"The store at {filled} cannot be written (it belongs to root)" in err
    assert "TRACKER_NB_DIR=" in err
    assert "tracker-nb init" in err


@AS_ROOT
def test_doctor_says_whose_a_store_is_that_cannot_be_looked_into(filled, tmp_path):
    filled.chmod(0o700)

    finding = report(as_nobody(tmp_path, filled, DOCTOR)[0])["store"]

    assert finding["level"] == "error"
    assert f"may not look into {filled}: it belongs to root" in finding["detail"]
    assert "tracker-nb init" in finding["advice"]


@AS_ROOT
def test_doctor_says_whose_a_store_is_that_can_only_be_read(filled, tmp_path):
    filled.chmod(0o755)
    (filled / "tracker.db").chmod(0o644)

    found = report(as_nobody(tmp_path, filled, DOCTOR)[0])

    assert found["folder"]["level"] == "warn"
    assert "it belongs to root" in found["folder"]["detail"]
    assert f"{filled}/journals is closed to this user" in found["journals"]["detail"]
    assert found["integrity"]["level"] == "ok"


@AS_ROOT
def test_files_of_two_users_in_one_store_are_found_with_the_command_that_mends_it(filled):
    os.chown(filled, NOBODY, NOBODY)

    finding = examined()[2]["owner"]

    name = portable.owner(filled)[1]
    assert finding["level"] == "warn"
    assert finding["advice"] == f"sudo chown -R {name} {filled}"
    assert finding["data"] == {"owner": name, "others": ["root"]}


@AS_ROOT
def test_logging_to_somebody_elses_store_is_worth_a_warning_unless_it_is_shared(filled):
    for path in (filled, *filled.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # SQLite's own come and go
            os.chown(path, NOBODY, NOBODY)
    assert "not to you" in examined()[2]["owner"]["detail"]
    filled.chmod(0o770)
    assert "owner" not in examined()[2]


def test_of_ones_own_store_nothing_is_said(filled):
    assert "owner" not in examined()[2]


# ---------------------------------------------------------------------------------------------------- read-only


def _warned(folder):
    import warnings

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with tracker_nb.init(project="p", dir=folder) as run:
            run.log({"a": 1})
    return [str(one.message) for one in said], str(run._place)


def _examined(folder):
    return examined(dir=folder)[2]["folder"]


@needs_mounts
def test_a_store_that_is_mounted_read_only_is_named_so(filled, tmp_path):
    user = tmp_path / "user"
    user.mkdir(exist_ok=True)
    (said, *_), place = call(_warned, str(filled), before=on_read_only(filled), XDG_DATA_HOME=str(user))

    assert f"The store at {filled} cannot be written (its file system is mounted read-only)" in said
    assert place.startswith(str(user))
    finding = call(_examined, str(filled), before=on_read_only(filled))
    assert finding["level"] == "warn"
    assert "mounted read-only" in finding["detail"]


# ---------------------------------------------------------------------------------------------------- networks


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "fuse.rclone", "9p", "vboxsf"])
def test_a_run_on_a_network_file_system_says_so_when_it_begins(store, monkeypatch, capsys, kind):
    monkeypatch.setattr(portable, "file_system", lambda _: kind)
    monkeypatch.delenv("TRACKER_NB_SILENT")

    tracker_nb.init(project="p").finish()

    lines = capsys.readouterr().out.splitlines()
    assert f"tracker_nb: the store lies on a network file system ({kind})" in lines[1]
    assert "tracker-nb store move DEST" in lines[1]


def test_on_a_local_disk_with_room_nothing_is_said(store, monkeypatch):
    monkeypatch.setattr(portable, "file_system", lambda _: "ext4")
    monkeypatch.setattr(portable, "free_space", lambda _: (cautions.LITTLE_SPACE, 1 << 40))
    assert cautions.cautions(Place(store)) == []


MACOS = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
//ada@nas._smb._tcp.local/my%20share on /Volumes/my share (smbfs, nodev, nosuid, mounted by ada)
nas:/exports on /Volumes/exports (nfs, nodev)
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/Volumes/my share/store", "smbfs"),
        ("/Volumes/exports", "nfs"),
        ("/Users/ada/x", "apfs"),
        ("/Volumes/exports2", "apfs"),
    ],
)
def test_what_mount_says_on_macos_is_understood(monkeypatch, path, kind):
    class NoProc(type(portable.Path())):
        def exists(self):
            return False

    monkeypatch.setattr(portable, "Path", NoProc)
    monkeypatch.setattr(portable, "_mount_command", lambda: MACOS)
    assert portable.file_system(path) == kind


# ---------------------------------------------------------------------------------------------------- little room


def _begun(folder):
    import contextlib
    import io

    os.environ.pop("TRACKER_NB_SILENT")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        tracker_nb.init(project="p", dir=folder).finish()
    return out.getvalue(), examined(dir=folder)[2]["disk"]


@needs_mounts
def test_a_nearly_full_disk_is_said_when_a_run_begins_and_by_doctor(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()

    said, finding = call(_begun, str(disk / "store"), before=on_small_disk(disk, "40m"))

    assert "tracker_nb: only " in said
    assert "are free where the store is" in said
    assert finding["level"] == "error"
    assert finding["data"]["total"] == 40 << 20


def test_a_store_that_is_missing_is_not_taken_for_one_that_is_closed(store):
    with pytest.raises(tracker_nb.StoreNotFound, match=r"There is no store at .* Make one"):
        tracker_nb.Api(store)
    create(Place(store))
    tracker_nb.Api(store).close()
