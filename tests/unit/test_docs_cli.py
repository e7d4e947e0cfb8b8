"""docs/cli.md has a section for every command, and the keys of its documents; the options are made from click.

That the site shows them is seen in tests/integration/test_site.py.
"""

import re
from pathlib import Path

import click
import pytest

from tests.unit import test_cli
from tracker_nb.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(command=main, path=("tracker-nb",)):
    """Every command that does something, by what is typed."""
    if not isinstance(command, click.Group):
        return {" ".join(path): command}
    return {k: v for name, one in command.commands.items() for k, v in commands(one, (*path, name)).items()}


def section(title):
    """The text below a heading, up to the next of the same level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section {title!r}"
    return found[1]


def options(command):
    with click.Context(command, **command.context_settings) as context:
        return {name for parameter in command.get_params(context) for name in parameter.opts if name.startswith("-")}


@pytest.mark.parametrize("path", commands())
def test_every_command_has_a_section_with_what_click_knows_and_with_what_only_people_know(path):
    text = section(path)
    made = f"<!-- from code: command {path} -->"

    assert made in text
    assert len(text.replace(made, "").split()) > 15


@pytest.mark.parametrize("path", commands())
def test_no_section_names_an_option_that_there_is_not(path):
    code = " ".join(re.findall(r"`[^`\n]+`|```.*?```", section(path), re.DOTALL))
    every = set().union(*map(options, commands().values()), options(main))

    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", code)) - every <= {"--lr"}  # of somebody's train.py


def test_no_section_is_about_a_command_that_is_not_there():
    assert set(re.findall(r"^## (tracker-nb .*)$", PAGE, re.MULTILINE)) == set(commands())


def test_options_of_every_command_are_those_of_every_command():
    assert all(options(command) >= {"--dir", "--json", "--help"} for command in commands().values())
    assert all(named in section("Options of every command") for named in ("--dir", "--json", "tracker-nb --version"))
    assert options(main) <= {"--help", "-h", "--version"}


def test_every_command_says_what_it_does_in_its_help():
    assert all(command.help and command.get_short_help_str() for command in commands().values())
    for path, command in commands().items():
        with click.Context(command, info_name=path, **command.context_settings) as context:
            assert all(p.help for p in command.get_params(context) if isinstance(p, click.Option))


@pytest.mark.parametrize("key", ["runs", "a run", "run show"])
def test_the_keys_of_json_are_those_of_the_documents(store, key):
    test_cli.a_run(id="abc")
    document = test_cli.as_json("runs")
    run = test_cli.as_json("run", "show", "abc")
    found = {"runs": document, "a run": document["runs"][0], "run show": {**run, **run["metrics"]["loss"]}}[key]
    row = re.search(rf"^\| `?{key}`? \| (.*) \|$", section("JSON"), re.MULTILINE)[1]

    assert set(re.findall(r"`(\w+)`", row)) == set(found) - (set(document["runs"][0]) if key == "run show" else set())
