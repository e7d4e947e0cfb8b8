"""`%%track` as a transformer: one line becomes one line, and nothing else of any cell changes."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("IPython")

from IPython.core.inputtransformer2 import TransformerManager

from tracker_nb.notebook.transform import is_tracked, transform

lines = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")))
OPTIONS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cs")))


def as_lines(texts):
    return [f"{text}\n" for text in texts]


@given(lines)
def test_a_cell_that_does_not_begin_with_track_is_left_alone(texts):
    cell = as_lines(texts)
    if not is_tracked(cell):
        assert transform(cell) is cell


@given(OPTIONS, lines.filter(lambda texts: not texts or not texts[0].startswith("%%")))
def test_the_body_stays_as_it_is_in_the_lines_that_it_is_in(options, texts):
    body = as_lines(texts)
    before = [f"%%track {options}\n", *body]
    kept = list(before)

    first, *rest = transform(before)

    assert rest == body
    assert before == kept
    call = ast.parse(first).body
    assert len(call) == 1
    assert first.count("\n") == 1
    assert ast.literal_eval(call[0].value.args[1]) == f"%% {options.strip()}".strip()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%track", True), ("%%track digits -n x", True), ("%%track\tdigits", True), ("%%tracker x", False),
        ("%%track?", False), ("%%track??", False), ("%track digits", False), ("x = '%%track'", False),
    ],
)  # fmt: skip
def test_only_a_first_line_that_is_the_magic_counts(line, expected):
    assert is_tracked([line + "\n", "x = 1\n"]) is expected
    assert not is_tracked(["x = 1\n", line + "\n"])
    assert not is_tracked([])


def test_ipython_makes_of_it_a_cell_with_as_many_lines_and_await_in_it():
    manager = TransformerManager()
    manager.cleanup_transforms.append(transform)
    cell = "%%track digits -n 'a b'\nimport asyncio\n\n!ls\nawait asyncio.sleep(0)\n"

    done = manager.transform_cell(cell)

    assert len(done.splitlines()) == len(cell.splitlines())
    assert done.splitlines()[0] == "get_ipython().run_line_magic('track', \"%% digits -n 'a b'\")"
    assert done.splitlines()[4] == "await asyncio.sleep(0)"
    assert manager.check_complete(cell)[0] == "complete"
    assert manager.check_complete("%%track p\nfor i in x:\n")[0] == "incomplete"


def test_another_cell_magic_below_it_gets_the_rest():
    first, second = transform(["%%track p\n", "%%time\n", "x = 1\n"])

    assert first.startswith("get_ipython().run_line_magic('track'")
    assert second == "get_ipython().run_cell_magic('time', '', 'x = 1\\n')\n"
