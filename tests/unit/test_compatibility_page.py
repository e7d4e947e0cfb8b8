"""docs/compatibility.md tells the truth: nothing left out, nothing claimed that no test shows."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"

# Capabilities in each chapter of the reference that is on the page.
CAPABILITIES = {"1": 3, "1.1": 10, "1.2": 10, "1.5": 18, "1.5.6": 7, "1.6.2": 4, "1.6.6": 7, "1.11": 32}

CHAPTER = re.compile(r"## (\d+(?:\.\d+)*) ")
ROW = re.compile(r"\| (\d+(?:\.\d+)*-\d+) \| (.+) \| (.+) \|")
STATE = re.compile(
    r"""  test:\ (?P<tests>`test_\w+`(?:,\ `test_\w+`)*)
        | issue\ (?P<issue>[A-Z]\d?)(?:\ \([^;]+\))?
        | no:\ (?P<reason>[^`\s].+)
    """,
    re.VERBOSE,
)


def chapters():
    """Chapter number -> [(id, state cell)]; a table row that is not of the three columns fails here."""
    found = {}
    chapter = None
    for line in (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = CHAPTER.match(line)
            assert heading, f"a chapter's heading starts with its number: {line}"
            chapter = heading[1]
            assert chapter not in found, f"chapter {chapter} stands twice"
            found[chapter] = []
        elif chapter and line.startswith("|") and line not in ("| id | what | state |", "|---|---|---|"):
            row = ROW.fullmatch(line)
            assert row, f"not of the form | id | what | state |: {line}"
            found[chapter].append((row[1], row[3]))
    return found


def rows():
    return [row for chapter in chapters().values() for row in chapter]


def parts(state):
    """The matches of STATE that a cell is made of. A reason runs to the end of its cell, semicolons included."""
    pieces = [state] if state.startswith("no: ") else state.split("; ")
    matches = [STATE.fullmatch(piece) for piece in pieces]
    assert all(matches), f"a state is test: `name`, issue X or no: reason, not: {state}"
    return matches


def claims():
    """(id, test name) for each test that the page names."""
    return [
        (id_, name)
        for id_, state in rows()
        for part in parts(state)
        if part["tests"]
        for name in re.findall(r"\w+", part["tests"])
    ]


def is_ref(node):
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-2:] == ["mark", "ref"]


def marks():
    """(id, test name) for each `ref` mark in the tests, those of single parameters included."""
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), path)
        everywhere = {node for node in ast.walk(tree) if is_ref(node)}
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for function in functions:
            for decorator in function.decorator_list if function.name.startswith("test_") else ():
                for mark in filter(is_ref, ast.walk(decorator)):
                    everywhere.discard(mark)
                    ids = [ast.literal_eval(argument) for argument in mark.args]
                    assert ids, f"{path.name}: ref() of {function.name} names no id"
                    assert not mark.keywords, f"{path.name}: ref() of {function.name} takes ids only"
                    found += [(id_, function.name) for id_ in ids]
        assert not everywhere, f"{path.name}: ref stands on a test function or its parameters, not elsewhere"
    return found


def test_the_page_has_the_chapters_this_test_counts():
    assert list(chapters()) == list(CAPABILITIES)


@pytest.mark.parametrize("chapter", CAPABILITIES)
def test_every_capability_of_a_chapter_is_on_the_page_once_and_in_order(chapter):
    ids = [id_ for id_, _ in chapters()[chapter]]

    assert ids == [f"{chapter}-{n}" for n in range(1, CAPABILITIES[chapter] + 1)]


def test_every_state_is_a_test_an_issue_or_a_reason():
    for _, state in rows():
        assert parts(state)


def test_every_issue_named_is_explained_on_the_page():
    text = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| ([A-Z]\d?) \|", text, re.MULTILINE))

    assert {part["issue"] for _, state in rows() for part in parts(state) if part["issue"]} <= explained


def test_every_test_the_page_names_exists_and_carries_the_id():
    assert sorted(set(claims()) - set(marks())) == []


def test_every_reference_id_a_test_carries_is_said_to_be_tested():
    tested = {id_ for id_, _ in claims()}

    assert sorted((id_, name) for id_, name in marks() if id_ not in tested) == []


def test_no_test_is_named_twice_for_one_id():
    assert [claim for claim, n in Counter(claims()).items() if n > 1] == []
