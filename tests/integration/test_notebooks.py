"""The notebooks work as they are."""

import os
import subprocess
import sys

import pytest

import tracker_nb
from tests.support import ROOT

NOTEBOOKS = ROOT / "notebooks"
pytest.importorskip("sklearn", reason="scikit-learn is not installed")


def test_the_training_script_tracks_its_training(store, tmp_path):
    arguments = ["--epochs", "2", "--hidden", "8", "--name", "small", "--batch-size", "64"]
    done = subprocess.run(
        [sys.executable, "-W", "error", NOTEBOOKS / "train.py", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    run = tracker_nb.Api().run("digits/small")
    assert run.state == "finished"
    assert (run.config["epochs"], run.config["hidden"], run.config["lr"], run.config["name"]) == (2, 8, 0.001, "small")
    assert len(run.series("batch/loss")) == 2 * 22
    assert len(run.series("val/acc")) == 2
    assert run.summary["best_val_acc"] == max(run.series("val/acc").value)
    assert f"best validation accuracy {run.summary['best_val_acc']:.3f}" in done.stdout


def test_the_training_script_runs_with_tracking_switched_off(store, tmp_path):
    command = [sys.executable, NOTEBOOKS / "train.py", "--epochs", "1", "--hidden", "4"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRACKER_NB_MODE": "disabled"}
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert not store.exists()


def test_the_quickstart_runs_from_top_to_bottom(store, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    for package in ("ipykernel", "altair", "vl_convert"):
        pytest.importorskip(package)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell.id for cell in code if cell.outputs or cell.execution_count]  # committed without outputs

    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()

    runs = tracker_nb.Api().runs("quickstart", order="+created_at")
    assert [(run.name, run.state, len(run.series("val_loss"))) for run in runs] == [
        ("baseline", "finished", 40),
        ("faster", "finished", 40),
        ("small", "finished", 40),
        ("diverges", "failed", 5),
    ]
    assert [(run.config["learning_rate"], run.config["hidden"]) for run in runs] == [
        (0.0003, 64), (0.003, 64), (0.003, 8), (1, 64)
    ]  # fmt: skip
    outputs = {cell.id: cell.outputs for cell in code}
    said = [(cell, o) for cell, shown in outputs.items() for o in shown if o["output_type"] == "error"]
    assert [(cell, o["ename"]) for cell, o in said] == [("failure", "RuntimeError")]
    assert not [o for shown in outputs.values() for o in shown if o.get("name") == "stderr"]
    for cell, shown in (
        ("track", "baseline"),
        ("change", "faster"),
        ("failure", "diverges"),
        ("project", "quickstart"),
    ):
        (data,) = (output["data"] for output in outputs[cell] if output["output_type"] == "display_data")
        assert {"application/vnd.tracker-nb.v1+json", "image/png"} <= data.keys()
        assert shown in data["text/plain"].splitlines()[0]
    table = outputs["table"][0]["data"]["text/plain"]
    assert all(run.name in table for run in runs)
    best = max(tracker_nb.Api().run("quickstart/faster").series("val_accuracy").value)
    assert f"best of 40 epochs: {best:.1%}" in outputs["series"][0]["data"]["text/plain"]
    printed = "".join(output.get("text", "") for output in outputs["where"])
    assert all(run.name in printed for run in runs)


def test_the_only_cell_of_the_quickstart_that_may_fail_is_the_one_that_says_so():
    nbformat = pytest.importorskip("nbformat")
    cells = nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4).cells
    assert [cell.id for cell in cells if "raises-exception" in cell.metadata.get("tags", [])] == ["failure"]
    about = cells[[cell.id for cell in cells].index("failure") - 1].source
    assert "fails on purpose" in about


def test_the_quickstart_teaches_what_a_newcomer_needs():
    nbformat = pytest.importorskip("nbformat")
    text = "\n".join(cell.source for cell in nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4).cells)
    for taught in (
        "%%track ",
        "%track ",
        "tracker_nb.init(",
        "sidebar",
        "TRACKER_NB_DIR",
        "tracker-nb runs",
        "--history off",
    ):
        assert taught in text, taught


def test_the_notebook_on_moving_is_its_page_with_our_half_to_run(store, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    from tests import moving

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(moving.NOTEBOOK, as_version=4)
    assert notebook == moving.notebook(), "python -m tests.moving writes it anew"

    nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()

    runs = tracker_nb.Api().runs("digits", order="+created_at")
    assert [(run.name, run.state) for run in runs] == [(name, "finished") for name in ("wide", "deep", "plain", "both")]
    assert "digits" in notebook.cells[-1].outputs[0]["data"]["text/plain"]
