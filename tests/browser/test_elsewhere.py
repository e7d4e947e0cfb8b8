"""Dashboards as widgets: JupyterLab as a host that lacks our extension, data by comm from the kernel."""

import json
import re

import pytest

from tests.browser.jupyter import Jupyter, Notebook
from tests.browser.looking import wait_until

TRACKED = """%%track widgets/first
for i in range(200):
    tracker_nb.log({"train/loss": 1 / (i + 1), "accuracy": 1 - 1 / (i + 1)})"""
SECOND = TRACKED.replace("first", "second")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """JupyterLab without our labextension; kernels are told that they show themselves to such a host."""
    home = tmp_path_factory.mktemp("elsewhere") / "home"
    config = home / "config" / "labconfig"
    config.mkdir(parents=True)
    (config / "page_config.json").write_text(json.dumps({"disabledExtensions": {"tracker-nb": True}}))
    with Jupyter(home, TRACKER_NB_DISPLAY="widget") as found:
        yield found


def widget(notebook, cell):
    return notebook.cell(cell).locator(".jp-OutputArea-output .tnb-root")


def says(notebook, cell, text, seconds=30):
    shown = widget(notebook, cell)
    wait_until(
        notebook.page,
        lambda: shown.count() and text in shown.first.inner_text(),
        seconds,
        f"no {text!r}, but: {notebook.text(cell)[:2000]!r}",
    )


def test_without_our_extension_a_widget_shows_the_dashboard_and_hears_of_changes(elsewhere, context, tmp_path):
    elsewhere.write("widget.ipynb", ["import tracker_nb", TRACKED, "%track widgets", SECOND])
    nb = Notebook(context.new_page(), elsewhere, "lab", "widget.ipynb").open()
    nb.do("app.shell.collapseLeft()")
    assert nb.do("return app.hasPlugin('tracker-nb:plugin')") is False
    for cell in range(3):
        nb.run(cell)
        nb.wait_done(cell)
    assert not nb.page.locator(".tnb-output").count()  # that would be our renderer

    says(nb, 1, "Finished")
    says(nb, 1, "first")
    wait_until(nb.page, lambda: widget(nb, 1).locator("canvas").count() >= 2, 20, "no charts")
    says(nb, 2, "Runs (1, 1 shown)")
    nb.page.screenshot(path=tmp_path / "run.png")

    nb.run(3)
    nb.wait_done(3)
    says(nb, 2, "Runs (2, 2 shown)")  # the display of before has heard of the new run
    widget(nb, 2).scroll_into_view_if_needed()
    wait_until(nb.page, lambda: widget(nb, 2).locator("canvas").count() >= 2, 20, "no charts")
    nb.page.wait_for_timeout(500)
    nb.page.screenshot(path=tmp_path / "project.png")

    widget(nb, 2).get_by_role("button", name="second", exact=True).click()
    says(nb, 2, "Finished")  # without tabs a run opens in the place of its project
    widget(nb, 2).get_by_role("button", name=re.compile("widgets$")).click()
    says(nb, 2, "Runs (2, 2 shown)")


def test_a_widget_whose_kernel_is_gone_keeps_what_it_shows(elsewhere, context):
    elsewhere.write("gone.ipynb", ["import tracker_nb", TRACKED.replace("first", "gone")])
    nb = Notebook(context.new_page(), elsewhere, "lab", "gone.ipynb").open()
    nb.run_all()
    nb.wait_done(1)
    # With the picture the display is made anew, and with it the widget's view.
    of_end = "return 'image/png' in panel.content.widgets[1].model.outputs.get(0).data"
    wait_until(nb.page, lambda: nb.do(of_end), 20, "no picture has come")
    says(nb, 1, "Finished")
    wait_until(nb.page, lambda: widget(nb, 1).locator("canvas").count() >= 2, 20, "no charts")
    nb.page.wait_for_timeout(500)
    elsewhere.shut_down_kernels()
    nb.page.wait_for_timeout(1000)

    assert "Finished" in widget(nb, 1).first.inner_text()
    assert widget(nb, 1).locator("canvas").count() >= 2
