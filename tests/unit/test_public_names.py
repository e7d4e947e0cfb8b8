"""The names of the package: all there, all explained."""

import inspect
import pydoc
import subprocess
import sys
import tomllib

import pytest

import tracker_nb
from tests.support import ROOT, environment


@pytest.mark.parametrize("name", tracker_nb.__all__)
def test_every_public_name_exists_and_is_explained(store, name):
    value = getattr(tracker_nb, name)
    if name == "run":
        assert value is None
        value = tracker_nb.Run
    text = inspect.getdoc(value) or ""
    assert len(text.split()) >= 4
    assert text.splitlines()[0].rstrip().endswith((".", ":")) or "\n" in text


@pytest.mark.parametrize("name", ["Api", "Config", "Run", "Summary"])
def test_every_public_method_of_a_class_is_explained(name):
    found = {
        member
        for member, value in inspect.getmembers(getattr(tracker_nb, name))
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    }
    of_ours = {
        member for member in found if any(member in vars(base) for base in getattr(tracker_nb, name).__mro__[:1])
    }
    for member in of_ours:
        assert inspect.getdoc(getattr(getattr(tracker_nb, name), member)), f"{name}.{member} has no docstring"
    assert of_ours


def test_dir_lists_the_public_names_and_they_are_sorted():
    assert dir(tracker_nb) == sorted(tracker_nb.__all__)
    assert tracker_nb.__all__ == sorted(tracker_nb.__all__)
    assert len(set(tracker_nb.__all__)) == len(tracker_nb.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Imag'"):
        _ = tracker_nb.Imag
    assert not hasattr(tracker_nb, "define_metrics")


def test_help_and_a_star_import_work_before_there_is_a_run(store):
    """They look at every name, and `config` and `summary` raised."""
    assert all(hasattr(tracker_nb, name) for name in tracker_nb.__all__)
    assert "import tracker_nb as wandb" in pydoc.render_doc(tracker_nb)
    lines = ["from tracker_nb import *", "run = init(project='p')", "log({'x': 1})", "config.lr = 0.1"]
    lines += ["assert run.config.lr == 0.1", "assert summary['x'] == 1"]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], env=environment(store), cwd=ROOT, check=True)
    assert tracker_nb.Api().runs("p")[0].config == {"lr": 0.1}


def test_every_error_is_one_of_ours_and_shows_its_message_as_it_is():
    from tracker_nb import errors

    found = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]
    for error in found:
        assert issubclass(error, tracker_nb.TrackerError)
        assert error.__name__ in tracker_nb.__all__
        assert str(error("no 'x'")) == "no 'x'"
        assert inspect.getdoc(error)


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert tracker_nb.__version__ == project["version"]


def test_python_dash_m_is_the_command(store):
    done = subprocess.run(
        [sys.executable, "-m", "tracker_nb", "--help"],
        env=environment(store),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "runs" in done.stdout
    assert "doctor" in done.stdout
