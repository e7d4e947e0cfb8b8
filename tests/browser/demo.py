"""The demo without a window: `python -m tests.browser.demo FOLDER` executes the quickstart in JupyterLab as a person would.

It saves a screenshot of a dashboard whose charts are moving to FOLDER/dashboard.png and one of the sidebar to
FOLDER/sidebar.png, and prints the runs in the end. Its server, store and settings lie in FOLDER/headless and begin empty;
nothing of the user's is read or changed.
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

from tests.browser.jupyter import CHROMIUM, Jupyter, Notebook, find_chromium
from tests.browser.looking import dashboard, pixels, wait_until
from tests.support import ROOT

QUICKSTART = ROOT / "notebooks" / "quickstart.ipynb"
FAILS = "failure"
"""The cell that raises on purpose."""
RUNS = ("baseline", "faster", "small", "diverges")
SIDEBAR = "tracker-nb-sidebar"
LIVE = "change"
"""The cell whose dashboard is looked at: its run is compared with the one before."""
SECONDS = 300


def main(folder):
    """Execute, look, tell. What goes wrong ends with a message and status 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server is stopped then too
    browser = find_chromium()
    if browser is None:
        return "The demo looks at JupyterLab with Chromium, which is not installed. On Debian: apt-get install chromium"
    home, pictures = folder / "headless", [folder / "dashboard.png", folder / "sidebar.png"]
    shutil.rmtree(home, ignore_errors=True)
    for picture in pictures:
        picture.unlink(missing_ok=True)
    with contextlib.ExitStack() as opened:
        try:
            server = opened.enter_context(Jupyter(home))
            shutil.copy(QUICKSTART, server.files)
            look(server, browser, *pictures)
        except (AssertionError, PlaywrightError) as error:
            return f"The demo has failed: {error}\nWhat the server said is in {home / 'log'}."
        print(f"Saved a picture of the running cell, {pictures[0]}, and of the sidebar, {pictures[1]}\n", flush=True)
        command = [sys.executable, "-m", "tracker_nb", "runs", "quickstart"]
        return subprocess.run(command, env=server.environment(), check=False).returncode


def look(server, browser, dashboard_picture, sidebar_picture):
    """Run all cells, and take the pictures: one while a cell runs, one of the runs in the end."""
    cells = nbformat.read(QUICKSTART, 4).cells
    ids, last = [cell.id for cell in cells], max(n for n, cell in enumerate(cells) if cell.cell_type == "code")
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
            page.screenshot(path=dashboard_picture)
            wait_until(page, lambda: has_ended(notebook, last), SECONDS, "not all cells have run")
            failed = notebook.text(ids.index(FAILS))
            assert "RuntimeError" in failed, f"the cell that should fail says {failed[:300]!r}"
            notebook.save()
            notebook.do("app.shell.activateById(argument)", SIDEBAR)
            shown = page.locator(f"#{SIDEBAR}")
            wait_until(
                page,
                lambda: shown.count() and all(run in shown.inner_text() for run in RUNS),
                20,
                "the sidebar does not list the runs of the notebook",
            )
            page.wait_for_timeout(500)  # it slides in
            page.screenshot(path=sidebar_picture)


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


def has_ended(notebook, last):
    """The last cell of code has run."""
    must_not_fail(notebook)
    return notebook.count(last) and notebook.do("return panel.sessionContext.session.kernel.status") == "idle"


def must_not_fail(notebook):
    """Say what a cell raised that should not."""
    failed = notebook.do(
        """for (const one of panel.content.widgets) {
             if (one.model.type !== 'code' || one.model.id === argument) continue
             for (const output of one.model.sharedModel.getOutputs())
               if (output.output_type === 'error') return `${output.ename}: ${output.evalue}`
           }""",
        FAILS,
    )
    assert not failed, f"a cell raised {failed}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
