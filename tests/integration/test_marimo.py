"""Dashboards in marimo, executed without a browser."""

import subprocess
import sys

import pytest

from tests.support import ROOT, environment

pytest.importorskip("marimo")
pytest.importorskip("anywidget")

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import tracker_nb
    from tracker_nb.panels import Dashboard

    with tracker_nb.init(project="digits", name="brave-otter-7") as run:
        run.log({"loss": 0.5})
    return Dashboard, run


@app.cell
def _(Dashboard, run):
    Dashboard(run)
    return


@app.cell
def _(run):
    run
    return
"""


def test_marimo_shows_a_dashboard_as_a_widget_and_a_run_as_text(store, tmp_path):
    (tmp_path / "n.py").write_text(NOTEBOOK)
    command = [sys.executable, "-m", "marimo", "export", "html", "n.py", "-o", "n.html"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(store), capture_output=True, text=True, timeout=120, check=True
    )

    html = (tmp_path / "n.html").read_text("utf-8")
    assert "marimo-anywidget" in html, done.stderr
    assert "brave-otter-7" in html
    assert "MissingExtra" not in html
    assert "Traceback" not in html
    assert str(ROOT) not in done.stderr
