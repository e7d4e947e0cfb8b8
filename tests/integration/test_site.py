"""The documentation site: it builds without a warning, needs no other site, and shows what the code has."""

import inspect
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import click
import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("jupyter_server")

import tracker_nb
from tests.support import ROOT, environment
from tests.unit.test_docs_cli import commands
from tests.unit.test_docs_rest import documented

pytestmark = pytest.mark.xdist_group("site")  # it is built once
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page links to, loads and can be linked by, and what it says."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.ids, self.words = [], [], set(), []
        self.pictures = []
        self.feed(path.read_text("utf-8"))
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids |= {found["id"]} if "id" in found else set()
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if found.get(LOADED.get(tag)) and found.get("rel") not in ("canonical", "prev", "next"):
            self.loads.append(found[LOADED[tag]])
        if tag == "img":
            self.pictures.append((found.get("src"), found.get("alt")))

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the site as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    paths = os.pathsep.join((str(ROOT), str(ROOT / "server_ext")))
    variables = environment(NO_MKDOCS_2_WARNING="1", PYTHONPATH=paths)
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html")}


def test_every_page_of_the_documentation_is_a_page_of_the_site(pages):
    written = {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    assert set(pages) == written | {"404.html"}


def test_every_link_leads_to_a_page_and_a_place_on_it(site, pages):
    broken = []
    for name, page in pages.items():
        for link in page.links if name != "404.html" else ():  # its links are absolute: it is shown at any address
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (site / name).parent.joinpath(unquote(parts.path)).resolve() if parts.path else site / name
            target = target / "index.html" if target.is_dir() else target
            there = pages.get(target.relative_to(site.resolve()).as_posix()) if target.is_relative_to(site) else None
            if not target.exists() or (parts.fragment and (there is None or unquote(parts.fragment) not in there.ids)):
                broken.append((name, link))
    assert broken == []


def test_nothing_is_loaded_from_another_site(site, pages):
    loaded = {(name, one) for name, page in pages.items() for one in page.loads}
    assert [one for one in loaded if urlsplit(one[1]).scheme or one[1].startswith("//")] == []
    assert len(loaded) > 2 * len(pages)
    for sheet in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", sheet.read_text("utf-8")) == []


def test_every_picture_says_what_it_shows_and_is_small(site, pages):
    pictures = {one for page in pages.values() for one in page.pictures}
    assert [src for src, alt in pictures if not alt or len(alt.split()) < 3] == []
    assert [path.name for path in (ROOT / "docs").rglob("*.png") if path.stat().st_size > 150_000] == []


def test_programs_that_make_the_pages_are_not_on_the_site(site):
    assert [*site.rglob("*.py"), *site.rglob("*.pyc")] == []


def test_every_public_name_and_its_methods_are_in_the_reference(pages):
    ids = pages["python.html"].ids
    assert [name for name in tracker_nb.__all__ if f"tracker_nb.{name}" not in ids] == []
    for name in ("Api", "Config", "Run", "Summary"):
        for member, value in vars(getattr(tracker_nb, name)).items():
            if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                assert f"tracker_nb.{name}.{member}" in ids


def test_attributes_of_the_reference_are_named_one_by_one(pages):
    """Of "a, b: what they are" the reference makes an attribute "a," of type "(b)"."""
    assert re.findall(r"\w+, ?\(\(\w+", pages["python.html"].text) == []


def test_the_reference_has_what_reading_returns(pages):
    ids = pages["python.html"].ids
    from tracker_nb import api

    for kind in (api.Run, api.Runs):
        for member in vars(kind):
            assert member.startswith("_") or f"tracker_nb.api.{kind.__name__}.{member}" in ids
    assert {"tracker_nb.query.series.Series.value", "tracker_nb.query.buckets.Buckets"} <= ids


def test_every_command_is_shown_with_its_arguments_and_options(pages):
    text = pages["cli.html"].text
    for path, command in commands().items():
        assert path.replace(" ", "-") in pages["cli.html"].ids
        with click.Context(command, info_name=path, **command.context_settings) as context:
            assert " ".join(command.get_usage(context).removeprefix("Usage: ").split()) in text
            for option in (one for one in command.get_params(context) if isinstance(one, click.Option)):
                written, what = option.get_help_record(context)
                assert written in text
                assert " ".join(what.split()) in text


def test_every_request_is_shown_with_its_parameters(pages):
    page = pages["rest-reference.html"]
    for method, path in documented():
        assert f"{method.upper()} {path}" in page.text
    assert {"listStores", "buckets", "schema-Run", "schema-BucketsRequest"} <= page.ids
    assert "`{" not in page.text
    assert "$ref" not in page.text


def test_every_setting_is_shown_with_its_variable_and_its_default(pages):
    text = pages["settings.html"].text
    for name, trait in tracker_nb.Settings.class_traits().items():
        what, default = re.fullmatch(r"(.*) Default: (.*)\.", trait.help).groups()
        row = re.search(rf"(?<!\w){name}(?: \w+)? (TRACKER_NB_[A-Z_]+) {re.escape(default)} {re.escape(what)}", text)
        assert row, name
        assert row[1].endswith(name.removeprefix("run_").upper()) or name in ("run_id", "run_group", "root_dir")


def test_every_setting_of_the_server_is_shown_with_its_default(pages):
    from tracker_nb_server.app import TrackerServer

    for name, trait in TrackerServer.class_own_traits(config=True).items():
        assert f"{name} {trait.default_value:g} {trait.help}" in pages["rest.html"].text


def test_a_reader_is_told_which_code_is_not_run_and_no_mark_is_left(pages):
    assert "The tests do not run this: it installs packages." in pages["index.html"].text
    assert [name for name, page in pages.items() if "from code:" in page.text or "not run:" in page.text] == []
