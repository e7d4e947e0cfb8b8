"""`make demo HEADLESS=1`."""

import subprocess
import sys

import pytest

from tests.support import ROOT, environment


@pytest.mark.full  # a minute
def test_the_demo_saves_pictures_prints_its_runs_and_leaves_no_server(tmp_path):
    command = [sys.executable, "-m", "tests.browser.demo", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=500)

    assert done.returncode == 0, done.stdout + done.stderr
    for picture in ("dashboard.png", "sidebar.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    for run in ("baseline", "faster", "small", "diverges"):
        assert run in done.stdout
    left = list((tmp_path / "headless" / "runtime").glob("jpserver-*.json"))  # a server that ends removes it
    assert left == []
