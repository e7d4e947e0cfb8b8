"""The list of stores this user has opened: small, safe, never in the way."""

import json
import shutil
import subprocess
import sys

import pytest

import tracker_nb
from tests.support import ROOT, environment, journals, wait_for
from tracker_nb.store import known
from tracker_nb.store.database import create
from tracker_nb.store.place import Place


@pytest.fixture
def listed(store, tmp_path):
    known._remembered.clear()
    yield lambda: {one.id: one.place.root for one in known.known()}
    known._remembered.clear()


def make(folder):
    place = Place(folder)
    create(place)
    return place, known.identity(place)


def test_a_run_makes_its_store_known_however_short_it_is(store, listed):
    with tracker_nb.init(project="p") as run:
        run.log({"a": 1})
    assert list(listed().values()) == [store]


def test_reading_a_store_makes_it_known_by_api_and_by_command(store, listed):
    _, id_ = make(store)
    tracker_nb.Api().close()
    assert listed() == {id_: store}
    known._folder().joinpath(known.FILE).unlink()
    subprocess.run([sys.executable, "-m", "tracker_nb", "runs"], env=environment(store), cwd=ROOT, check=True)
    assert listed() == {id_: store}


def test_a_live_run_is_known_within_a_moment(store, listed):
    run = tracker_nb.init(project="p")
    assert wait_for(lambda: store in listed().values(), 2)
    run.finish()


def test_a_copy_takes_the_place_only_when_it_is_logged_to_or_the_first_is_gone(listed, tmp_path):
    first, id_ = make(tmp_path / "first")
    known.remember(first)
    copy = Place(tmp_path / "copy")
    shutil.copytree(first.root, copy.root)
    known.remember(copy)
    assert listed() == {id_: first.root}
    known.remember(copy, logging=True)
    assert listed() == {id_: copy.root}
    shutil.rmtree(copy.root)
    known._remembered.clear()
    known.remember(first)
    assert listed() == {id_: first.root}


def test_a_store_that_is_gone_or_another_one_is_not_here(listed, tmp_path):
    place, _ = make(tmp_path / "a")
    known.remember(place)
    assert known.known()[0].is_here()
    shutil.rmtree(place.root)
    assert not known.known()[0].is_here()
    make(tmp_path / "a")
    assert not known.known()[0].is_here()


def test_it_is_bounded_and_keeps_those_used_last(listed, tmp_path, monkeypatch):
    monkeypatch.setattr(known, "MOST", 3)
    times = iter(range(10**9, 2 * 10**9, 100))
    monkeypatch.setattr(known.time, "time", lambda: next(times))
    places = [make(tmp_path / str(i))[0] for i in range(5)]
    for place in places:
        known.remember(place)
    assert set(listed().values()) == {place.root for place in places[2:]}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stores": 3}', '{"stores": [{"id": 1}]}', "\0" * 100])
def test_a_file_that_is_damaged_is_as_good_as_none_and_is_made_anew(store, listed, text):
    file = known._folder() / known.FILE
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert known.known() == []
    place, id_ = make(store)
    known.remember(place)
    assert listed() == {id_: store}


def test_nothing_is_raised_where_it_cannot_be_written(store, listed, monkeypatch, tmp_path):
    (tmp_path / "user").write_text("a file where the folder should be")
    with tracker_nb.init(project="p") as run:
        run.log({"a": 1})
    assert known.known() == []


def test_a_process_asks_the_disk_once(store, listed, monkeypatch):
    place, _ = make(store)
    known.remember(place)
    monkeypatch.setattr(known, "_remember", lambda *_, **__: pytest.fail("asked again"))
    known.remember(place)


def test_the_file_is_for_its_owner_only_and_many_processes_write_it_at_once(listed, tmp_path, store):
    code = "import sys; from pathlib import Path; from tracker_nb.store import known, place\n"
    code += "for one in sys.argv[1:]: known.remember(place.Place(Path(one)))"
    places = [make(tmp_path / str(i))[0] for i in range(12)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, *(str(p.root) for p in places[i::3])], env=environment(), cwd=ROOT
        )
        for i in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert set(listed().values()) == {place.root for place in places}
    file = known._folder() / known.FILE
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(file.read_text())["version"] == 1
    assert sorted(path.name for path in file.parent.glob("stores*")) == ["stores.json", "stores.lock"]
    assert not journals(store)
