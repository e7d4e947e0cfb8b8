"""The demo without a window: `python -m tests.browser.demo FOLDER` executes the quickstart in JupyterLab as a person would.

It saves a screenshot of a dashboard whose charts are moving to FOLDER/dashboard.png, and prints the runs in the end. Its
server, store and settings lie in FOLDER/headless and begin empty; nothing of the user's is read or changed.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from tests.browser.jupyter import CHROMIUM, Jupyter, Notebook
from tests.browser.looking import dashboard, pixels, wait_until
from tests.support import ROOT

QUICKSTART = ROOT / "notebooks" / "quickstart.ipynb"
LIVE = "change"
"""The cell whose dashboard is looked at: its run is compared with the one before."""
SECONDS = 300


def main(folder):
    """Execute, look, tell. What goes wrong ends with a message and status 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server is stopped then too
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        return "The demo looks at JupyterLab with Chromium, which is not installed. On Debian: apt-get install chromium"
    home, picture = folder / "headless", folder / "dashboard.png"
    shutil.rmtree(home, ignore_errors=True)
    picture.unlink(missing_ok=True)
    with contextlib.ExitStack() as opened:
        try:
            server = opened.enter_context(Jupyter(home))
            shutil.copy(QUICKSTART, server.files)
            look(server, browser, picture)
        except (AssertionError, PlaywrightError) as error:
            return f"The demo has failed: {error}\nWhat the server said is in {home / 'log'}."
        print(f"Saved a picture of the running cell: {picture}\n", flush=True)
        command = [sys.executable, "-m", "tracker_nb", "runs", "quickstart"]
        return subprocess.run(command, env=server.environment(), check=False).returncode


def look(server, browser, picture):
    """Run all cells, and take the picture while one of them runs."""
    ids = [cell.id for cell in nbformat.read(QUICKSTART, 4).cells]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, headless=True, args=list(CHROMIUM))
        with contextlib.closing(chromium):
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            notebook = Notebook(page, server, "lab", QUICKSTART.name).open()
            notebook.do("app.shell.collapseLeft()")
            notebook.run_all()
            live = ids.index(LIVE)
            wait_until(page, lambda: is_shown(notebook, live), SECONDS, "the cell shows no dashboard")
            wait_until(page, lambda: is_running(notebook, live), 60, "the cell's dashboard has not become live")
            before = pixels(notebook, live)
            wait_until(page, lambda: pixels(notebook, live) != before, 10, "the charts do not move")
            page.wait_for_timeout(1500)  # curves that one can look at
            assert is_running(notebook, live), "the cell ended before its picture was taken"
            page.screenshot(path=picture)
            wait_until(page, lambda: has_ended(notebook, ids), SECONDS, "not all cells have run")
            notebook.save()


def is_shown(notebook, cell):
    """The cell has begun."""
    must_not_fail(notebook)
    return dashboard(notebook, cell).count()


def is_running(notebook, cell):
    """The dashboard under a cell has its charts, and says that the run goes on."""
    must_not_fail(notebook)
    notebook.cell(cell).evaluate("node => node.scrollIntoView()")  # it draws what is on the screen; cells above it grow
    shown = dashboard(notebook, cell)
    return shown.count() and "Running" in shown.inner_text() and shown.locator("canvas").count() >= 3


def has_ended(notebook, ids):
    """The last cell has run."""
    must_not_fail(notebook)
    return notebook.count(len(ids) - 1) and notebook.do("return panel.sessionContext.session.kernel.status") == "idle"


def must_not_fail(notebook):
    """Say what a cell raised."""
    failed = notebook.do(
        """for (const one of panel.content.widgets) {
             if (one.model.type !== 'code') continue
             for (const output of one.model.sharedModel.getOutputs())
               if (output.output_type === 'error') return `${output.ename}: ${output.evalue}`
           }"""
    )
    assert not failed, f"a cell raised {failed}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
