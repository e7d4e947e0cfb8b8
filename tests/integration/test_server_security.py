"""Who may ask the server, and what an error tells."""

import re
import sqlite3

import pytest

import tracker_nb
from tests.served import API, address, of_run, paths_in
from tracker_nb.errors import StoreBusy
from tracker_nb.store import known
from tracker_nb.store.database import Database
from tracker_nb.store.place import Place

routing = pytest.importorskip("tracker_nb_server.routes")
METHODS = ("get", "post", "put", "patch", "delete")
EXAMPLES = {
    "store": "01234567-89ab-cdef-0123-456789abcdef",
    "stream": "0123456789abcdef",
    "entity": "e",
    "project": "p",
    "run": "one",
}


def routes():
    """Every (method, address) there is, with ids of the right form."""
    from jupyter_server.base.handlers import APIHandler

    found = []
    for template, handler in routing.templates().items():
        address = re.sub(r"\{(\w+)\}", lambda name: EXAMPLES[name[1]], template)
        # What a handler of ours does not define is Tornado's, which answers 405.
        mine = [m for m in METHODS if getattr(handler, m) is not getattr(APIHandler, m)]
        assert mine, template
        found += [(method.upper(), address) for method in mine]
    return found


def with_run(run="one"):
    with tracker_nb.init(entity="e", project="p", id=run) as made:
        made.log({"loss": 1.0})


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_refuses_a_stranger(server, method, path):
    body = {} if method != "GET" else None
    for token in (None, "wrong", "a-token-that-nobody-guesse"):
        answer = server.request(method, path, body, token=token)
        assert answer.status == 403, answer
        assert set(answer.error) == {"id", "type", "message"}
        assert not paths_in(answer.body.decode())


@pytest.mark.parametrize(("method", "path"), [route for route in routes() if route[0] != "GET"])
def test_every_route_that_is_not_read_only_refuses_a_browser_that_does_not_send_what_our_pages_send(
    server, method, path
):
    cookies, secret = server.browser()
    assert server.request("GET", "/info", token=None, headers=cookies).status == 200
    assert server.request(method, path, {}, token=None, headers=cookies).status == 403
    other = server.request(method, path, {}, token=None, headers={**cookies, "X-XSRFToken": "0" * len(secret)})
    assert other.status == 403
    mine = server.request(method, path, {}, token=None, headers={**cookies, "X-XSRFToken": secret})
    assert mine.status in (400, 404), mine


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_is_authenticated_and_authorized_in_the_code_too(method, path):
    """The order matters: a method that was authorized first would run for nobody in particular."""
    for template, handler in routing.templates().items():
        if re.fullmatch(routing.pattern(template), path):
            function = getattr(handler, method.lower())
            names = []
            while function is not None:
                names.append(function.__code__.co_filename.replace("\\", "/").split("/")[-1])
                function = getattr(function, "__wrapped__", None)
            assert names[:3] == ["web.py", "decorator.py", "base.py"], names


def test_a_user_who_is_not_authorized_is_refused(tmp_path):
    from tests.served import Server

    (tmp_path / "nobody.py").write_text(
        "from jupyter_server.auth import Authorizer\n"
        "class Nobody(Authorizer):\n"
        "    def is_authorized(self, handler, user, action, resource):\n"
        "        return resource != 'tracker_nb' or action == 'read' and handler.request.path.endswith('/info')\n"
    )
    with Server(tmp_path / "home", app={"authorizer_class": "nobody.Nobody"}, modules=tmp_path) as server:
        answers = {server.request(method, path, {}).status for method, path in routes() if path != "/info"}
    assert answers == {403}


BAD = [
    ("GET", "/stores/..%2F..%2Fetc/runs", None, 404),
    ("GET", "/stores/not-an-id/runs", None, 404),
    ("GET", "/stores/{store}/projects/e/p/runs/..%2F..%2Fx", None, 404),
    ("GET", "/stores/{store}/projects/e/a%2Fb/runs/one", None, 400),
    ("GET", "/stores/{store}/projects/e/a%00b/runs/one", None, 400),
    ("GET", "/stores/{store}/projects/e/p/runs/nope", None, 404),
    ("GET", "/stores/01234567-89ab-cdef-0123-456789abcdef/runs", None, 404),
    ("GET", "/stores/{store}/runs?limit=0", None, 400),
    ("GET", "/stores/{store}/runs?limit=99999999999999999999", None, 400),
    ("GET", "/stores/{store}/runs?order=nonsense", None, 400),
    ("GET", "/stores/{store}/runs?filter=[1", None, 400),
    ("GET", "/stores/{store}/runs?filter={%22config.x%22:{%22$gt%22:1}}", None, 400),
    ("GET", "/stores/{store}/runs?cursor=%2e%2e/etc", None, 400),
    ("GET", "/events?store=../../etc/passwd", None, 400),
    ("PUT", "/events/0123456789abcdef", {"stores": []}, 404),
    ("PUT", "/events/0123456789abcdef", {"stores": ["/etc/passwd"]}, 400),
    ("POST", "/stores/{store}/buckets", b"not json", 400),
    ("POST", "/stores/{store}/buckets", {"runs": ["../../etc/passwd"], "keys": ["loss"]}, 400),
    ("POST", "/stores/{store}/buckets", {"runs": ["e/p/one"], "keys": ["loss"], "n": 0}, 400),
    ("POST", "/stores/{store}/buckets", {"runs": ["e/p/one"], "keys": ["loss"], "path": "/etc"}, 400),
    ("POST", "/stores/{store}/buckets", {"runs": ["e/p/one"], "keys": ["loss"], "window": [3, 1]}, 400),
    ("POST", "/stores/{store}/buckets", {"runs": ["e/p/one"], "keys": ["loss"], "window": ["x", 1]}, 400),
    ("POST", "/stores/{store}/buckets", {"runs": ["e/p/one"] * 1000, "keys": ["k"] * 1000}, 400),
    ("POST", "/stores/{store}/buckets", b" " * (1 << 20) + b"{}", 413),
    ("POST", "/stores/{store}/metrics", {"runs": ["../../etc/passwd"]}, 400),
    ("POST", "/stores/{store}/metrics", {"runs": ["e/p/one"] * 1001}, 400),
    ("PATCH", "/stores/{store}/projects/e/p/runs/one", {}, 400),
    ("PATCH", "/stores/{store}/projects/e/p/runs/one", {"state": "finished"}, 400),
    ("PATCH", "/stores/{store}/projects/e/p/runs/one", {"color": "red;background:url(x)"}, 400),
    ("PATCH", "/stores/{store}/projects/e/p/runs/nope", {"name": "x"}, 404),
    ("DELETE", "/stores/{store}/projects/e/p/runs/nope", None, 404),
    ("POST", "/stores/{store}/projects/e/p/runs/one/stop", None, 409),
    ("POST", "/info", {}, 405),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), BAD)
def test_what_makes_no_sense_gets_a_short_answer_without_paths(server, served, store, method, path, body, status):
    with_run()
    answer = server.request(method, path.replace("{store}", served), body)
    assert answer.status == status, answer
    text = answer.body.decode()
    assert not paths_in(text.replace("/etc", ""))
    assert str(store) not in text
    assert "Traceback" not in text
    if API in path or status not in (404, 405) or "nope" in path or "01234567" in path:
        assert set(answer.error) == {"id", "type", "message"}
        assert len(answer.error["message"]) < 400


def test_the_details_of_an_error_are_in_the_log_under_its_id(server, served, store):
    answer = server.get(of_run(served, "nope"))
    assert (answer.status, answer.error["type"]) == (404, "RunNotFound")
    line = next(line for line in server.log.read_text().splitlines() if answer.error["id"] in line)
    assert str(store) in line


def test_a_store_that_was_moved_away_is_not_on_this_machine(server, served, store):
    with_run()
    assert server.get(of_run(served, "one")).status == 200
    moved = store.with_name("moved")
    store.rename(moved)
    answer = server.get(of_run(served, "one"))
    assert (answer.status, answer.error["type"]) == (404, "StoreNotHere")
    assert not next(one for one in server.get("/stores").json["stores"] if one["id"] == served)["here"]

    known.remember(Place(moved))  # as whoever opens it there does
    assert server.get(of_run(served, "one")).status == 200


def test_a_store_of_a_newer_release_is_answered_with_what_to_do(server, served, store):
    with_run()
    assert server.get(address(served, "runs")).status == 200
    with sqlite3.connect(store / "tracker.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    for answer in (server.get(address(served, "runs")), server.request("DELETE", of_run(served, "one"))):
        assert (answer.status, answer.error["type"]) == (409, "StoreTooNew")
        assert "Update" in answer.error["message"]


def test_a_damaged_store_is_said_to_be_damaged(server, served, store):
    (store / "tracker.db").write_bytes(b"no database" * 1000)
    answer = server.get(address(served, "runs"))
    assert (answer.status, answer.error["type"]) in ((500, "StoreDamaged"), (404, "StoreNotHere"))


@pytest.mark.full  # it waits as long as a command does: 10 s
def test_a_store_whose_lock_is_held_answers_that_it_is_busy(server, served, store):
    with_run()
    with Database(Place(store)).locked():
        answer = server.request("PATCH", of_run(served, "one"), {"name": "x"})
    assert (answer.status, answer.error["type"]) == (503, StoreBusy.__name__)
