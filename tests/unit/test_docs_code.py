"""The code on the pages runs: Python, notebook cells and commands, in the order in which a reader meets them.

A block that cannot be run has `<!-- not run: WHY -->` on the line above it; the site says so below the block.
"""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

import tracker_nb
from tests.support import ROOT, environment
from tests.unit.test_docs import PAGES, title
from tracker_nb.cli import main

BLOCK = re.compile(r"^(?:<!-- not run: (.*?) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = ("python", "ipython", "bash")
SHOWN = ("json", "text", "console", "")
"""A block in one of these is shown, not run."""
LOOK_AT_RUNS = {"cli.md", "removal.md", "security.md", "troubleshooting.md"}
"""Pages whose commands need runs that their own code does not make."""


@dataclass(frozen=True)
class Block:
    """A block of code on a page; `why` it is not run, "" where it is."""

    line: int
    language: str
    text: str
    why: str


def blocks(page):
    text = page.read_text("utf-8")
    return [
        Block(text.count("\n", 0, found.start()) + 1, found[2], found[3], found[1] or "")
        for found in BLOCK.finditer(text)
    ]


def run_ones(page, *languages):
    return [block for block in blocks(page) if block.language in languages and not block.why]


def with_code(*languages):
    return pytest.mark.parametrize("page", [page for page in PAGES if run_ones(page, *languages)], ids=title)


# ------------------------------------------------------------------------------------------------ it runs


def some_runs():
    """What the commands of these pages look at."""
    for seed, lr in ((7, 0.1), ("7", 0.01)):
        with tracker_nb.init(project="digits", config={"lr": lr, "seed": seed}) as run:
            run.log({"train/loss": 0.5, "val/loss": 0.4})


@pytest.fixture
def shell(tmp_path, store):
    """Runs a block as a person would type it; `tracker-nb` is this one."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "tracker-nb"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tracker_nb "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}"

    def type_(text, **variables):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            env=environment(store, PATH=path, **variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    return type_


@pytest.fixture
def served(store, shell, tmp_path):
    """What docs/rest.md asks: a Jupyter server that knows the store. Its address, and variables for commands."""
    pytest.importorskip("jupyter_server")
    from tests.served import BASE, TOKEN, Server

    some_runs()
    with Server(tmp_path / "home") as server:
        variables = {"TOKEN": TOKEN, "XDG_DATA_HOME": str(server.data)}
        shell("tracker-nb runs", **variables)  # whoever opens a store makes it known
        yield f"http://127.0.0.1:{server.port}{BASE.rstrip('/')}", variables


@with_code("python", "bash")
def test_the_code_of_a_page_runs_from_top_to_bottom(store, shell, tmp_path, monkeypatch, request, page):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    names = {"__name__": "__main__"}
    address, variables = "http://localhost:8888", {}
    if page.name in LOOK_AT_RUNS:
        some_runs()
    if page.name == "rest.md":
        address, variables = request.getfixturevalue("served")
    for block in run_ones(page, "python", "bash"):
        if block.language == "bash":
            shell(block.text.replace("http://localhost:8888", address), **variables)
        else:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile("\n" * block.line + block.text, title(page), "exec"), names)


CELLS = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(sys.stdin):
    shell.run_cell(cell, store_history=True).raise_error()
"""


@with_code("ipython")
def test_the_cells_of_a_page_run_from_top_to_bottom(store, tmp_path, page):
    pytest.importorskip("IPython")
    done = subprocess.run(
        [sys.executable, "-c", CELLS],
        input=json.dumps([block.text for block in run_ones(page, "ipython")]),
        env=environment(store, IPYTHONDIR=tmp_path / "ipython"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(tracker_nb.Api().runs()) > 0


def test_what_the_server_answers_has_the_fields_that_the_page_of_rest_shows(served, shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    address, variables = served
    page = ROOT / "docs/rest.md"
    (asked,) = [block for block in run_ones(page, "bash") if "/stores" in block.text]
    shown = json.loads(next(block.text for block in blocks(page) if block.language == "json"))

    last = asked.text.strip().splitlines()[-1].replace("http://localhost:8888", address)
    (store,) = json.loads(shell(last, **variables))["stores"]

    assert set(store) == set(shown["stores"][0])


def labels(text):
    """Titles of columns and sections, and names at the beginning of a line."""
    return set(re.findall(r"^ {0,2}([A-Z][a-z]+(?: [a-z]+)?)(?=  |\n)|(?<=  )([A-Z][a-z]+)(?=  )", text, re.MULTILINE))


def test_the_tables_that_the_page_of_commands_shows_have_the_labels_of_real_ones(store, shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with tracker_nb.init(project="digits", name="one", tags=["baseline"], config={"lr": 0.1}) as run:
        run.log({"train/loss": 0.5})
        run.summary["best"] = 1
    shown = [block.text for block in blocks(ROOT / "docs/cli.md") if block.language == "text"]
    real = [
        shell("tracker-nb runs digits"),
        shell("tracker-nb run show one"),
        shell("tracker-nb store list", COLUMNS="200"),
    ]

    assert len(shown) == 3
    for page, typed in zip(shown, real, strict=True):
        states_and_more = {("", "Running"), ("Running", "")}
        assert len(labels(page)) > 3
        assert labels(page) - states_and_more - {("Program", "")} <= labels(typed)


# ------------------------------------------------------------------------------------------------ or it says why not


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_a_block_says_its_language_and_one_that_is_not_run_says_why(page):
    found = blocks(page)
    text = page.read_text("utf-8")
    assert {block.language for block in found} <= {*RUN, *SHOWN}
    assert text.count("\n```") == 2 * len(found), "a fence is not closed, or is indented"
    assert len(re.findall("^<!-- not run:", text, re.MULTILINE)) == sum(bool(block.why) for block in found)
    assert all(len(block.why.split()) >= 3 and block.language in RUN for block in found if block.why)


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_commands_that_are_not_run_exist_with_their_options(page):
    for block in (block for block in blocks(page) if block.why):
        for line in block.text.splitlines():
            words = shlex.split(line.partition(" | ")[0], comments=True)
            if words[:1] == ["tracker-nb"]:
                done = CliRunner().invoke(main, [*words[1:], "--help"])
                assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    "name", ["README.md", "docs/guide.md", "docs/index.md", "docs/settings.md", "docs/notebook.md", "docs/python.md"]
)
def test_the_pages_that_explain_by_code_have_code_that_runs(name):
    assert run_ones(ROOT / name, "python")


def test_most_code_is_run():
    """The marker is for what installs packages, opens JupyterLab or asks a question."""
    found = [block for page in PAGES for block in blocks(page) if block.language in RUN]
    assert sum(bool(block.why) for block in found) < len(found) / 4
