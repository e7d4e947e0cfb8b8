"""Dashboards as widgets: what they weigh, and their questions to a real kernel over a real comm."""

import json

import pytest

import tracker_nb
from tests.support import ROOT, wait_for
from tracker_nb.errors import BadValue

pytest.importorskip("anywidget")
pytest.importorskip("ipykernel")

import jupyter_client

from tracker_nb.panels import Dashboard
from tracker_nb.panels.answering import Answering
from tracker_nb.panels.dashboard import loader
from tracker_nb.panels.views import view_of


@pytest.fixture
def run(store):
    with tracker_nb.init(project="digits", name="brave-otter-7", config={"lr": 0.1}) as run:
        for i in range(10):
            run.log({"loss": 1 / (i + 1), "odd": float("nan") if i == 3 else i})
    return run


class Heard:
    """What a widget would send to the front end."""

    def __init__(self, view, program):
        self.messages = []
        self.answering = Answering(view.place, view.store, self.send, program=program)

    def send(self, content, buffers=None):
        json.dumps(content)  # what JSON cannot hold, a comm cannot carry
        self.messages.append((content, buffers))

    def ask(self, method, **params):
        self.answering.hear({"id": "view-1", "method": method, "params": params})
        content, _ = self.messages.pop()
        assert content.pop("id") == "view-1"
        return content


@pytest.fixture
def heard(run, tmp_path):
    program = tmp_path / "panels.js"
    program.write_text("export default {}")
    found = Heard(view_of(run), program)
    yield found
    found.answering.close()


def test_a_saved_widget_weighs_a_few_kilobytes(run):
    widget = Dashboard(run)
    assert len(loader()) < 3000
    assert len(json.dumps(widget.get_state(), default=str)) < 6000
    assert "@VERSION@" not in loader()
    widget.close()


def test_a_widget_shows_what_it_was_given_and_refuses_what_cannot_be_shown(run):
    api = tracker_nb.Api()
    views = [Dashboard(thing, height=300).view for thing in (run, api.run(run.path), api.runs("digits"), api)]
    assert [view["view"] for view in views] == ["run", "run", "project", "projects"]
    assert all(view["height"] == 300 and view["store"] == views[0]["store"] for view in views)
    for wrong in ("digits", None, api.runs("digits", {"state": "failed"})):
        with pytest.raises(BadValue, match="cannot be shown"):
            Dashboard(wrong)
    with pytest.raises(BadValue, match="height=5"):
        Dashboard(run, height=5)


def test_what_is_set_is_shown_and_what_cannot_be_shown_is_refused_and_changes_nothing(run, tmp_path, monkeypatch):
    widget = Dashboard(run)
    widget.height = 240
    assert widget.view["height"] == 240
    widget.thing = tracker_nb.Api().runs("digits")
    assert (widget.view["view"], widget.view["height"]) == ("project", 240)
    before = widget.view
    with pytest.raises(BadValue, match="cannot be shown"):
        widget.thing = "digits"
    with pytest.raises(BadValue, match="height=5"):
        widget.height = 5
    assert (widget.view, widget.height, widget.thing.__class__.__name__) == (before, 240, "Runs")
    widget.height = None
    assert "height" not in widget.view
    widget.close()


def test_a_thing_of_another_store_is_answered_from_that_store(run, tmp_path, monkeypatch):
    widget = Dashboard(run)
    monkeypatch.setenv("TRACKER_NB_DIR", str(tmp_path / "other"))
    with tracker_nb.init(project="elsewhere") as other:
        other.log({"loss": 1})
    sent = []
    widget.send = lambda content, buffers=None: sent.append(content)
    widget.thing = other
    widget._hear(None, {"id": "a-1", "method": "projects", "params": {"store": widget.view["store"]}}, None)
    assert [project["project"] for project in sent[0]["result"]] == ["elsewhere"]
    widget.close()


def test_every_question_of_the_panels_is_answered_in_the_shapes_of_the_server(heard, run):
    store, path = view_of(run).store, run.path
    projects = heard.ask("projects", store=store)["result"]
    assert [(p["project"], p["runs"]) for p in projects] == [("digits", 1)]
    page = heard.ask("runs", store=store, query={"project": "digits", "limit": 1})["result"]
    assert (page["total"], page["next"]) == (1, None)
    assert page["runs"][0]["config"] == {"lr": 0.1}
    detail = heard.ask("run", store=store, path=path)["result"]
    assert [metric["name"] for metric in detail["metrics"]] == ["loss", "odd"]
    found = heard.ask("metrics", store=store, runs=[path])["result"]
    assert [(one["name"], one["runs"], one["rows"]) for one in found] == [("loss", 1, 10), ("odd", 1, 10)]
    series = heard.ask("buckets", store=store, request={"runs": [path], "keys": ["odd"], "window": [2, 4]})["result"]
    assert series == [{"run": path, "key": "odd", "exact": True, "x": [2, 3, 4], "last": [2.0, "NaN", 4.0]}]


@pytest.mark.parametrize(
    ("method", "params", "kind"),
    [
        ("buckets", {"request": {"runs": ["a"], "keys": ["x"]}}, "BadValue"),
        ("buckets", {"request": {"runs": ["a/b/c"] * 1000, "keys": ["x"] * 1000}}, "BadValue"),
        ("buckets", {"request": {"runs": 1}}, "BadValue"),
        ("run", {"path": "a/digits/nope"}, "RunNotFound"),
        ("run", {"path": "../../etc"}, "RunNotFound"),
        ("run", {"path": "a/../../etc"}, "BadValue"),
        ("run", {"path": "a/digits/.."}, "BadValue"),
        ("runs", {"query": {"order": "+nonsense"}}, "BadValue"),
        ("runs", {"query": {"cursor": "%%"}}, "BadValue"),
        ("drop", {}, "BadValue"),
        (None, {}, "BadValue"),
        ("runs", {"query": {}, "store": "other"}, "StoreNotFound"),
        ("stop", {}, "BadValue"),
    ],
)
def test_a_question_that_cannot_be_answered_gets_an_error_with_its_name(heard, run, method, params, kind):
    error = heard.ask(method, **{"store": view_of(run).store, **params})["error"]
    assert error["type"] == kind
    assert error["message"]


def test_what_is_no_question_is_not_answered(heard):
    for content in (None, [], "x", {}, {"id": 1, "method": "projects"}, {"id": "x" * 101, "method": "projects"}):
        heard.answering.hear(content)
    assert heard.messages == []


def test_the_program_is_sent_where_the_page_has_none_and_an_error_where_it_was_not_built(heard, run, tmp_path):
    heard.answering.hear({"id": "panels-1", "method": "panels", "params": {}})
    assert heard.messages.pop() == ({"id": "panels-1", "result": None}, [b"export default {}"])
    nothing = Heard(view_of(run), tmp_path / "missing.js")
    assert nothing.ask("panels")["error"]["type"] == "MissingExtra"


def test_changes_are_told_while_a_view_wishes_it_and_no_longer(heard, run):
    store = view_of(run).store

    def told(kind):
        return [c["event"] for c, _ in list(heard.messages) if "event" in c and c["event"]["kind"] == kind]

    def wish(view, live):
        heard.answering.hear({"id": f"{view}-1", "method": "watch", "params": {"stores": [], "live": live}})

    wish("a", [store])
    wish("b", [store])
    assert wait_for(lambda: told("reset"))  # what happened before nobody knows
    with tracker_nb.init(project="digits", name="second") as second:
        second.log({"loss": 1})
        assert wait_for(
            lambda: any(r["run"] == second.id and r["rows"] == 1 for e in told("change") for r in e["runs"])
        )
        wish("a", [])
        before = len(told("change"))
        second.log({"loss": 2})
        assert wait_for(lambda: len(told("change")) > before)
    wish("b", [])
    assert wait_for(lambda: heard.answering._telling._thread is None)


def test_a_widget_in_a_kernel_answers_over_its_comm(store, run, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:
        opened = []

        def hook(message):
            if message["msg_type"] == "comm_open":
                opened.append(message["content"])

        code = """
import tracker_nb
from tracker_nb.panels import Dashboard
widget = Dashboard(tracker_nb.Api().run("digits/brave-otter-7"))
"""
        assert client.execute_interactive(code, timeout=60, output_hook=hook)["content"]["status"] == "ok"
        model = next(c for c in opened if c["data"]["state"].get("view"))
        state = model["data"]["state"]
        assert state["view"]["name"] == "brave-otter-7"

        question = {"id": "q-1", "method": "run", "params": {"store": state["view"]["store"], "path": run.path}}
        content = {"comm_id": model["comm_id"], "data": {"method": "custom", "content": question}}
        client.shell_channel.send(client.session.msg("comm_msg", content))
        while True:
            message = client.get_iopub_msg(timeout=30)
            if message["msg_type"] == "comm_msg" and message["content"]["data"].get("method") == "custom":
                break
        answer = message["content"]["data"]["content"]
        assert answer["id"] == "q-1"
        assert answer["result"]["name"] == "brave-otter-7"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
