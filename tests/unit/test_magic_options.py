"""The options of `%%track` and `%track`: what is understood, and what is said of what is not."""

import argparse
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_nb.errors import BadValue, UsageError
from tracker_nb.notebook.options import cell_options, line_options


def of(line, **names):
    return cell_options(line, names)


def test_nothing_said_is_nothing_given():
    assert of("").init == {}
    assert (of("").height, of("").display) == (None, True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("digits", {"project": "digits"}),
        ("digits/first", {"project": "digits", "name": "first"}),
        ("ada/digits/first", {"entity": "ada", "project": "digits", "name": "first"}),
        ("digits -n 'two words'", {"project": "digits", "name": "two words"}),
        ("-t a,b -t c", {"tags": ["a", "b", "c"]}),
        ("--notes '# Hi' -g g --job-type train", {"notes": "# Hi", "group": "g", "job_type": "train"}),
        ("--id abc --resume must", {"id": "abc", "resume": "must"}),
    ],
)
def test_options_become_arguments_of_init(line, expected):
    assert of(line).init == expected


def test_a_config_comes_from_variables_and_from_values_the_later_winning():
    names = {"params": {"lr": 0.1, "depth": 3}, "args": argparse.Namespace(seed=7)}
    line = "-c params -c lr=1e-3 -c args -c opt=adam -c on=true -c none=None -c sizes=[1,2]"

    assert of(line, **names).init["config"] == {
        "lr": 0.001, "depth": 3, "seed": 7, "opt": "adam", "on": True, "none": None, "sizes": [1, 2],
    }  # fmt: skip


def test_height_and_silence():
    assert of("p -h 600").height == 600
    assert of("p --height=600 -q").display is False
    assert line_options("-h 600 p").height == 600


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--frobnicate", "--frobnicate"),
        ("-n", "expected one argument"),
        ("a b", "unrecognized arguments: b"),
        ("-h tall", "'tall' must be a number of pixels"),
        ("-h 5", "100 to 10000"),
        ("--resume perhaps", "invalid choice"),
        ("p/a -n b", "two names"),
        ("-n 'open", "no end"),
        ("-c =3", "no key"),
        ("--proj p", "--proj"),
    ],
)
def test_what_cannot_be_understood_is_said_with_the_word_that_was_wrong(line, said):
    with pytest.raises(UsageError, match=r"(?s)%%track") as caught:
        of(line)
    assert said in str(caught.value)


def test_a_config_that_is_not_there_is_an_error_with_the_closest():
    with pytest.raises(UsageError, match="Closest: params"):
        of("-c parms", params={})
    with pytest.raises(BadValue):
        of("-c params", params=object())


@pytest.mark.parametrize("path", ["a/b/c/d", "/", "a//b", "a/"])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(BadValue, match="project/name"):
        of(path)


def test_the_history_switch_stands_alone():
    assert line_options("--history off").history == "off"
    with pytest.raises(UsageError, match="stands alone"):
        line_options("digits --history off")
    with pytest.raises(UsageError, match="invalid choice"):
        line_options("--history perhaps")


@given(st.text())
def test_no_line_breaks_the_reader_of_options(line):
    for read in (lambda: cell_options(line, {}), lambda: line_options(line)):
        with contextlib.suppress(UsageError, BadValue):
            read()
