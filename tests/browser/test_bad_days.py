"""A Jupyter server without our extension: the notebook says what to type, shows pictures, and nothing breaks."""

import json
import os
import time

import pytest

from tests.browser.jupyter import Jupyter, Notebook
from tests.browser.looking import wait_until

CELL = """%%track digits
for i in range(50):
    tracker_nb.log({"loss": 1 / (i + 1), "acc": i / 50})
"""


class WithoutUs(Jupyter):
    """JupyterLab and Notebook 7 that load our panels, with our server extension switched off by the user."""

    def __enter__(self):
        folder = self.home / "config"
        folder.mkdir(parents=True)
        off = {"ServerApp": {"jpserver_extensions": {"tracker_nb_server": False}}}
        (folder / "jupyter_server_config.json").write_text(json.dumps(off))
        return super().__enter__()

    def _wait_until_it_answers(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                return self.ask("api/status")
            except OSError:
                time.sleep(0.2)
        raise AssertionError(self.log.read_text())


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    with WithoutUs(tmp_path_factory.mktemp("bare") / "home") as found:
        yield found


def test_a_server_without_our_extension_shows_pictures_and_says_what_to_type(bare, context, app):
    bare.write(f"{app}.ipynb", ["import tracker_nb", CELL, "%track digits"])
    notebook = Notebook(context.new_page(), bare, app, f"{app}.ipynb").open()
    errors = []
    notebook.page.on("pageerror", lambda error: errors.append(str(error)))

    for index in (0, 1):
        notebook.run(index)
        notebook.wait_done(index)
    picture = notebook.cell(1).locator(".tnb-output img.tnb-picture")
    wait_until(notebook.page, lambda: picture.count() == 1, 30, notebook.text(1))
    notebook.run(2)
    notebook.wait_done(2)

    said = notebook.text(1)
    line = next(line for line in said.splitlines() if line.startswith("tracker_nb: charts stand still here"))
    assert "set tracker_nb_server to true in " in line
    assert line.endswith("jupyter_server_config.json, then restart Jupyter")
    assert "This Jupyter server has no tracker_nb, so charts stand still." in said
    assert "charts stand still here" not in notebook.text(2)  # once is enough
    assert bare.runs("digits") >= 1
    assert [error for error in errors if "tracker" in error.lower()] == []
    folder = os.environ.get("TRACKER_TEST_PICTURES")
    if folder:
        for theme in ("Light", "Dark"):
            notebook.command("apputils:change-theme", {"theme": f"JupyterLab {theme}"})
            notebook.page.wait_for_timeout(1500)
            notebook.page.screenshot(path=f"{folder}/bare-{app}-{theme.lower()}.png")
    bare.shut_down_kernels()
