"""openapi.yaml names every address, method and parameter there is, and none that there is not; pages are made from it."""

import inspect
import re
from pathlib import Path

import pytest

pytest.importorskip("jupyter_server")
import yaml
from jupyter_server.base.handlers import APIHandler
from tracker_nb_server import base, commanding, routes, streaming
from tracker_nb_server.app import TrackerServer

from tracker_nb.query import answers

ROOT = Path(__file__).parents[2]
DOCUMENT = yaml.safe_load((ROOT / "server_ext/tracker_nb_server/openapi.yaml").read_text("utf-8"))
PAGE = (ROOT / "docs" / "rest.md").read_text("utf-8")
METHODS = ("get", "post", "put", "patch", "delete")


def served():
    return {
        (method, template)
        for template, handler in routes.templates().items()
        for method in METHODS
        if getattr(handler, method) is not getattr(APIHandler, method)
    }


def documented():
    return {(m, path) for path, item in DOCUMENT["paths"].items() for m in item if m in METHODS}


def test_the_document_is_valid():
    from openapi_spec_validator import validate

    validate(DOCUMENT)


def test_every_route_and_method_is_documented_and_the_other_way_round():
    assert documented() == served()
    assert DOCUMENT["servers"][0]["url"] == routes.ROOT


def test_every_operation_has_a_name_of_its_own_and_says_how_it_fails():
    operations = [DOCUMENT["paths"][path][method] for method, path in documented()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert all("default" in one["responses"] and one["summary"] for one in operations)


@pytest.mark.parametrize(("method", "path"), sorted(documented()))
def test_the_parameters_of_a_query_are_those_the_code_reads(method, path):
    source = inspect.getsource(getattr(routes.templates()[path], method))
    source += inspect.getsource(routes.templates()[path]) if method == "get" and path == "/stores/{store}/runs" else ""
    read = set(
        re.findall(r'(?:get_query_arguments?|self\.text|self\.integer|self\.count|self\._ids)\(\s*"(\w+)"', source)
    )
    said = {p["name"] for p in DOCUMENT["paths"][path][method].get("parameters", ()) if p["in"] == "query"}
    assert said == read


@pytest.mark.parametrize(
    ("schema", "struct"),
    [
        ("BucketsRequest", answers.BucketsRequest),
        ("MetricsRequest", answers.MetricsRequest),
        ("Changes", commanding.Changes),
        ("Watched", streaming.Wanted),
    ],
)
def test_bodies_have_the_fields_that_are_documented(schema, struct):
    assert set(DOCUMENT["components"]["schemas"][schema]["properties"]) == set(struct.__struct_fields__)


def test_the_form_of_a_run_s_id_is_that_of_the_code():
    pattern = DOCUMENT["components"]["parameters"]["run"]["schema"]["pattern"]
    for text in ("abc", "a-b_c9", "a" * 64, "a" * 65, "", "a/b", "..", "é"):
        assert (
            bool(re.search(pattern, text))
            == bool(base.RUN_ID.fullmatch(text))
            == (re.fullmatch(routes.pattern("{run}"), text) is not None)
        )


def test_every_setting_of_the_server_is_explained():
    assert all(trait.help for trait in TrackerServer.class_own_traits(config=True).values())


def test_the_page_names_every_status_that_an_error_of_ours_has():
    statuses = {status for _, status, _ in base._ANSWERS} | {400, 413}
    section = PAGE.split("## Errors")[1].split("## ")[0]
    assert statuses - {500} <= {int(found) for found in re.findall(r"\b([45]\d\d):", section)}
