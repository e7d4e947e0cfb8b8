"""docs/cli.md names every command, argument and option there is, and none that there is not."""

import re
from pathlib import Path

import click
import pytest

from tests.unit import test_cli
from tracker_nb.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
EVERYWHERE = {"--dir", "--json", "--help", "-h"}


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


def named(text):
    """Options in code."""
    code = " ".join(re.findall(r"`[^`\n]+`|```.*?```", text, re.DOTALL))
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", code))


@pytest.mark.parametrize("path", commands())
def test_every_command_has_a_section_with_its_arguments_and_options(path):
    command = commands()[path]
    arguments = [p.metavar or p.name.upper() for p in command.params if isinstance(p, click.Argument)]
    text = section(path)

    assert all(argument.strip("[]") in text for argument in arguments)
    assert options(command) - {"-h"} - EVERYWHERE <= named(text)


@pytest.mark.parametrize("path", commands())
def test_no_section_names_an_option_that_its_command_does_not_have(path):
    rows = re.findall(r"^\| `(--?[a-z-]+)", section(path), re.MULTILINE)

    assert set(rows) <= options(commands()[path])


def test_options_of_every_command_are_named_once_for_all():
    assert named(section("Options of every command")) >= EVERYWHERE
    assert all(options(command) >= {"--dir", "--json", "--help"} for command in commands().values())
    assert "--version" in named(PAGE)
    assert options(main) <= EVERYWHERE | {"--version"}


def test_no_section_is_about_a_command_that_is_not_there():
    assert set(re.findall(r"^## (tracker-nb .*)$", PAGE, re.MULTILINE)) == set(commands())
    assert set(re.findall(r"^\| \[`(.*?)`\]", PAGE, re.MULTILINE)) == set(commands())


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
