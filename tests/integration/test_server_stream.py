"""The stream of changes: fast, resumed, kept alive, bounded, closed in good order."""

import statistics
import subprocess
import sys
import threading
import time

import tracker_nb
from tests.served import BASE, Server, address, of_run
from tests.support import ROOT, environment, wait_for
from tracker_nb.store import known
from tracker_nb.store.database import create
from tracker_nb.store.place import Place

LOG = """
import sys, time
import tracker_nb
with tracker_nb.init(entity="e", project="p", id="other") as run:
    run.log({"at": time.time()})
    time.sleep(0.5)
    for i in range(40):
        run.log({"at": time.time()})
        print(time.time(), flush=True)
        time.sleep(0.05)
"""


def begin(server, served, **more):
    stream = server.stream(live=served, **more)
    assert stream.status == 200
    assert stream.next()[0] == "hello"
    return stream


def test_the_stream_says_what_proxies_need_to_hear(server, served):
    with begin(server, served) as stream:
        headers = stream.response.headers
        assert headers["Content-Type"] == "text/event-stream"
        assert headers["X-Accel-Buffering"] == "no"
        assert "no-cache" in headers["Cache-Control"]


def test_a_change_in_another_process_arrives_within_a_blink(server, served, store):
    with begin(server, served) as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", LOG],
            env=environment(store, XDG_DATA_HOME=server.data),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        arrived = {}
        while not (change := stream.run("other"))["rows"] > 40:
            arrived[change["rows"]] = time.time()
        arrived[change["rows"]] = time.time()
        logged = [float(line) for line in process.communicate(timeout=30)[0].split()]
    # Row 1 was logged before the loop; an event may tell of several rows at once.
    late = [min(t for rows, t in arrived.items() if rows >= i + 2) - at for i, at in enumerate(logged)]
    assert statistics.quantiles(late, n=20)[-1] < 0.4, sorted(late)


def test_a_change_says_what_a_list_of_runs_shows(server, served):
    with begin(server, served) as stream:
        with tracker_nb.init(entity="e", project="p", id="one") as run:
            run.log({"loss": 1.0}, step=5)
            change = stream.run("one", lambda r: r["rows"] == 1)
            assert (change["entity"], change["project"], change["state"], change["step"]) == ("e", "p", "running", 5)
            run.log({"loss": 1.0})
            assert stream.run("one", lambda r: r["rows"] == 2)["step"] == 6
        assert stream.run("one", lambda r: r["state"] == "finished")["rows"] == 2
        server.request("PATCH", of_run(served, "one"), {"name": "new"})
        assert stream.run("one")["deleted"] is False
        server.request("DELETE", of_run(served, "one"))
        assert stream.run("one", lambda r: r["deleted"])


def test_a_crash_is_told(server, served, store):
    with begin(server, served) as stream:
        code = "import tracker_nb, os, time; run = tracker_nb.init(entity='e', project='p', id='dead')\n"
        code += "run.log({'a': 1}); os.kill(os.getpid(), 9)"
        subprocess.run([sys.executable, "-c", code], env=environment(store, XDG_DATA_HOME=server.data), cwd=ROOT)
        assert stream.run("dead", lambda r: r["state"] == "crashed")["rows"] == 1


def test_a_stream_that_was_cut_off_goes_on_where_it_stopped(server, served):
    with begin(server, served) as stream, tracker_nb.init(entity="e", project="p", id="one") as run:
        run.log({"loss": 1.0})
        stream.run("one", lambda r: r["rows"] == 1)
        last = stream.last_id
    # Nobody listens while this happens: the watcher's thread has ended.
    with tracker_nb.init(entity="e", project="p", id="two") as run:
        run.log({"loss": 1.0})
    with begin(server, served, headers={"Last-Event-ID": last}) as stream:
        kind, data = next(found for found in iter(stream.next, None) if found[0] != "stores")
        while "two" not in {r["run"] for r in data.get("runs", [])}:
            assert kind == "change"
            kind, data = stream.next()
    with begin(server, served, since=last) as stream:
        assert stream.run("two")


def test_a_stream_that_was_cut_off_by_a_restart_is_told_to_read_everything_again(server, served):
    with begin(server, served, headers={"Last-Event-ID": "00000000-7"}) as stream:
        assert stream.until(lambda kind, _: kind == "reset") == {"store": served}


def test_a_stream_without_news_is_kept_alive(server, served):
    with begin(server, served) as stream:
        until = time.monotonic() + 1.8  # every 0.5 s here
        threading.Timer(1.8, lambda: server.post(of_run(served, "x", "stop"))).start()
        while time.monotonic() < until:
            line = stream.response.readline()
            stream.comments += line.startswith(b": keep-alive")
    assert stream.comments >= 2


def test_what_a_stream_tells_of_can_be_changed_by_who_opened_it_and_nobody_else(server, served):
    with server.stream() as stream:
        _, hello = stream.next()
        # Each request with a bare token is a user of its own for Jupyter; a browser has a cookie.
        assert server.request("PUT", f"/events/{hello['stream']}", {"live": [served]}).status == 404
    headers, secret = server.browser()
    with server.stream(headers=headers, token=None) as stream:
        _, hello = stream.next()
        changed = server.request(
            "PUT",
            f"/events/{hello['stream']}",
            {"live": [served]},
            token=None,
            headers={**headers, "X-XSRFToken": secret},
        )
        assert (changed.status, changed.json) == (200, {"stores": [served], "live": [served]})
        with tracker_nb.init(entity="e", project="p", id="one") as run:
            run.log({"loss": 1.0})
            assert stream.run("one")


def test_a_store_that_comes_back_is_told(server, served, store):
    with begin(server, served) as stream:
        store.rename(store.with_name("away"))
        assert stream.until(lambda kind, _: kind == "reset") == {"store": served}
        store.with_name("away").rename(store)
        assert stream.until(lambda kind, _: kind == "reset") == {"store": served}
        with tracker_nb.init(entity="e", project="p", id="one") as run:
            run.log({"loss": 1.0})
            assert stream.run("one")


def test_a_new_store_is_told_to_every_stream(server, served, tmp_path):
    with server.stream() as stream:
        other = Place(tmp_path / "other")
        create(other)
        known.remember(other)
        assert stream.until(lambda kind, _: kind == "stores") == {}


def test_a_user_has_so_many_streams_and_is_told_clearly(server, served):
    headers, _ = server.browser()
    streams = [server.stream(headers=headers, token=None, live=served) for _ in range(8)]
    try:
        assert [stream.status for stream in streams] == [200] * 8
        refused = server.request("GET", "/events", token=None, headers=headers)
        assert (refused.status, refused.error["type"]) == (429, "TooManyStreams")
        assert refused.headers["Retry-After"]
        with server.stream(live=served) as stream:
            assert stream.status == 200  # another user
    finally:
        for stream in streams:
            stream.close()
    deadline = time.monotonic() + 10
    while True:
        with server.stream(headers=headers, token=None, live=served) as again:
            if again.status == 200:
                break
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_an_open_stream_is_no_activity_that_keeps_an_idle_server_from_being_culled(tmp_path):
    def last_activity():
        return server.request("GET", "api/status", base=BASE).json["last_activity"]

    with Server(tmp_path / "home", keep_alive_seconds=0.2) as server:
        server.get("/info")
        before = last_activity()
        with server.stream() as stream:
            assert stream.next()[0] == "hello"
            time.sleep(0.7)
            assert last_activity() == before
        assert last_activity() == before
        server.get("/info", no_track_activity=1)
        assert last_activity() == before
        server.get("/info")
        assert last_activity() > before


def test_streams_end_with_the_server(tmp_path, store, monkeypatch):
    with Server(tmp_path / "home") as server:
        monkeypatch.setenv("XDG_DATA_HOME", str(server.data))
        create(Place(store))
        known.remember(Place(store), logging=True)
        stream = server.stream(live=known.identity(Place(store)))
        assert stream.next()[0] == "hello"
        assert server.stop() < 8
        assert {kind for kind, _ in iter(stream.next, None)} <= {"stores"}
        stream.close()
        assert "Traceback" not in server.log.read_text()


def test_a_slow_question_holds_up_neither_the_server_nor_another_store(tmp_path, store, monkeypatch):
    """The extension's reader is made slow for one store; everything else answers at once."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'jupyter_server' in ' '.join(sys.orig_argv):\n"
        "    import time\n"
        "    from tracker_nb.query import listing\n"
        "    fast = listing.list_projects\n"
        "    def slow(reader):\n"
        "        if reader.place.root.name == 'store':\n"
        "            reader.ask(lambda view: view.db.execute('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 '\n"
        "              'FROM n) SELECT count(*) FROM n').fetchone())\n"
        "        return fast(reader)\n"
        "    listing.list_projects = slow\n"
    )
    with Server(tmp_path / "home", modules=tmp_path, request_seconds=2.0) as server:
        monkeypatch.setenv("XDG_DATA_HOME", str(server.data))
        other = Place(tmp_path / "fast")
        for place in (Place(store), other):
            create(place)
            known.remember(place, logging=True)
        slow, fast = known.identity(Place(store)), known.identity(other)
        server.get(address(fast, "projects"))
        answers = []
        asking = [
            threading.Thread(target=lambda: answers.append(server.get(address(slow, "projects")))) for _ in range(8)
        ]
        for thread in asking:
            thread.start()
        time.sleep(0.3)
        took = []
        for path in ("/info", address(fast, "projects")):
            start = time.monotonic()
            assert server.get(path).status == 200
            took.append(time.monotonic() - start)
        for thread in asking:
            thread.join()
        assert max(took) < 1.0
        assert {answer.status for answer in answers} == {503}  # each given up after its time, and said so
        assert answers[0].error["type"] == "StoreBusy"
        assert wait_for(lambda: server.get(address(slow, "runs")).status == 200)  # its reader is free again
