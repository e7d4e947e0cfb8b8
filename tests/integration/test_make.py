"""A newcomer's machine lacks something: `make` says what, and leaves nothing half made."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support import ROOT

APT = "apt-get install python3-venv make git"
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def clone():
    """What `make` looks at before it installs; other users may enter it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "clone")
        for part in ("src", "style", "schema"):
            (folder / "labextension" / part).mkdir(parents=True)
        for file in ("Makefile", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
            shutil.copy(ROOT / file, folder)
        Path(name).chmod(0o755)
        yield folder


def make(clone, *words, before=(), **variables):
    done = subprocess.run(
        [*before, "make", *words],
        cwd=clone,
        env={"PATH": os.environ["PATH"], "HOME": str(clone), **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def python_with(clone, module, source):
    """Variables with which Python finds another module of this name first."""
    place = clone.parent / "modules"
    place.mkdir()
    (place / f"{module}.py").write_text(source)
    return {"PYTHONPATH": str(place), "PYTHON": sys.executable}


def test_without_python_it_names_what_to_install(clone):
    said = make(clone, "demo", "PYTHON=python-that-is-nowhere")
    assert "python-that-is-nowhere is not installed" in said
    assert APT in said


def test_with_an_old_python_it_says_which_is_needed_and_how_to_name_another(clone):
    old = python_with(clone, "sitecustomize", "import sys\nsys.version_info = (3, 9, 2, 'final', 0)")
    said = make(clone, "demo", **old)
    assert "needs Python 3.11 or newer" in said
    assert "make PYTHON=python3.12" in said


def test_without_the_venv_package_it_names_it(clone):
    said = make(clone, "demo", **python_with(clone, "ensurepip", "raise ImportError('not here')"))
    assert "cannot make virtual environments" in said
    assert APT in said


def test_an_environment_that_could_not_be_made_is_taken_away_again(clone):
    broken = "import os\nif __name__ == '__main__':\n    os.makedirs('.venv/bin')\n    raise SystemExit(1)\n"
    said = make(clone, "demo", **python_with(clone, "venv", broken))
    assert "could not be made" in said
    assert not (clone / ".venv").exists()


def python_of_everybody():
    """A Python that is good enough and that other users may run too: root may write everywhere."""
    found = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    good = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"
    if found is None or subprocess.run([found, "-c", good], capture_output=True).returncode:
        pytest.skip("the system's Python would not do")
    return found


def test_in_a_folder_that_is_not_writable_it_says_so(clone):
    python, before = sys.executable, ()
    if os.geteuid() == 0:
        python, before = python_of_everybody(), ("setpriv", "--reuid=65534", "--clear-groups")
        if shutil.which("setpriv") is None:
            pytest.skip("there is no setpriv")
    clone.chmod(0o555)
    try:
        said = make(clone, "demo", before=before, PYTHON=python)
    finally:
        clone.chmod(0o755)
    assert "not writable" in said
    assert "clone into a folder of yours" in said


def test_without_a_network_it_says_that_packages_could_not_be_installed(clone):
    nowhere = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    said = make(clone, "demo", PYTHON=sys.executable, PIP_NO_CACHE_DIR="1", **nowhere)
    assert "pip could not install tracker_nb[demo]" in said
    assert "there is no network" in said
    assert not (clone / ".venv" / ".installed-demo").exists()  # the next `make` tries again


def test_without_chromium_and_apt_it_says_what_to_install(clone):
    tools = clone.parent / "tools"
    tools.mkdir()
    for tool in ("make", "sh", "id", "awk", "find"):
        (tools / tool).symlink_to(shutil.which(tool))
    said = make(clone, "chromium", PATH=str(tools))
    assert "Chromium is not installed. Install it, or Chrome" in said
