"""A server goes on serving a store that was moved, and says of one that was deleted that it is not there."""

import json

from click.testing import CliRunner

import tracker_nb
from tests.served import address
from tests.support import wait_for
from tracker_nb.cli import main
from tracker_nb.store import known


def done(*arguments):
    answer = CliRunner().invoke(main, ["store", *arguments, "--json"], catch_exceptions=False)
    assert answer.exit_code == 0, answer.stdout
    return json.loads(answer.stdout)


def test_a_display_of_a_moved_store_goes_on_at_its_new_place(server, served, store, tmp_path, monkeypatch):
    with tracker_nb.init(entity="e", project="p", id="before") as run:
        run.log({"loss": 1.0})
    with server.stream(live=served) as stream:
        assert stream.next()[0] == "hello"
        assert server.get(address(served, "runs")).json["total"] == 1

        done("move", str(tmp_path / "new"))

        assert server.get(address(served, "runs")).json["total"] == 1
        assert not store.exists()  # asking made no new one
        with tracker_nb.init(entity="e", project="p", id="after", dir=tmp_path / "new") as run:
            run.log({"loss": 1.0})
            stream.until(lambda kind, data: kind in ("reset", "change"))
        assert wait_for(lambda: server.get(address(served, "runs")).json["total"] == 2)
    known._remembered.clear()


def test_a_deleted_store_is_not_there(server, served, store):
    with tracker_nb.init(entity="e", project="p") as run:
        run.log({"loss": 1.0})
    assert server.get(address(served, "projects")).status == 200

    done("delete", "--yes")

    answer = server.get(address(served, "projects"))
    assert (answer.status, answer.error["type"]) == (404, "StoreNotHere")
    assert served not in {one["id"] for one in server.get("/stores").json["stores"]}
    assert not store.exists()
