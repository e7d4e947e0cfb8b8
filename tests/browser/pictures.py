"""The pictures of the documentation, taken from JupyterLab: `python -m tests.browser.pictures FOLDER [NAME ...]`.

Each name in `PICTURES` becomes FOLDER/NAME.png and FOLDER/NAME-dark.png. What is seen is the quickstart, executed. A new
picture is a function that brings the page to what shall be seen and returns the part of it to take. Its server, store and
settings lie in a temporary folder.
"""

import contextlib
import io
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.demo import LIVE, QUICKSTART, RUNS, SIDEBAR, has_ended, is_running
from tests.browser.jupyter import CHROMIUM, Jupyter, Notebook
from tests.browser.looking import dashboard, wait_until

THEMES = {"": "JupyterLab Light", "-dark": "JupyterLab Dark"}
WIDTH, HEIGHT, SCALE = 1180, 1000, 1.5
MOST_BYTES = 150_000
COLOURS = 128
SECONDS = 300
CELLS = nbformat.read(QUICKSTART, 4).cells


def cell_with(begin):
    """Number of the first cell that begins so."""
    return next(n for n, cell in enumerate(CELLS) if cell.source.startswith(begin))


def live(notebook):
    """A cell that runs, its dashboard under it."""
    at = next(n for n, cell in enumerate(CELLS) if cell.id == LIVE)
    wait_until(notebook.page, lambda: dashboard(notebook, at).count(), SECONDS, "the cell shows no dashboard")
    wait_until(notebook.page, lambda: is_running(notebook, at), 60, "the cell's dashboard has not become live")
    notebook.page.wait_for_timeout(2500)  # curves that one can look at
    assert is_running(notebook, at), "the cell ended before its picture was taken"
    return notebook.cell(at)


def project(notebook):
    """The runs of a project."""
    last = max(n for n, cell in enumerate(CELLS) if cell.cell_type == "code")
    wait_until(notebook.page, lambda: has_ended(notebook, last), SECONDS, "not all cells have run")
    at = cell_with("%track ")
    notebook.cell(at).evaluate("node => node.scrollIntoView()")
    shown = dashboard(notebook, at)
    wait_until(notebook.page, lambda: shown.locator("canvas").count() >= 3, 60, "no charts")
    notebook.page.wait_for_timeout(1500)
    return shown


def sidebar(notebook):
    """What this notebook has made, and a project that is open. The last one: it makes the page lower."""
    notebook.page.set_viewport_size({"width": WIDTH, "height": 360})
    notebook.do("app.shell.activateById(argument)", SIDEBAR)
    shown = notebook.page.locator(f"#{SIDEBAR}")
    shown.locator(".tnb-side-row", has_text="4 runs").locator(".tnb-side-caret").click()
    wait_until(notebook.page, lambda: all(shown.get_by_text(run).count() == 2 for run in RUNS), 60, "not all runs")
    notebook.page.mouse.move(WIDTH / 2, 200)  # a line under the pointer looks different
    notebook.page.wait_for_timeout(500)
    return shown


PICTURES = {"live": live, "project": project, "sidebar": sidebar}


def main(folder, *names):
    """Take the pictures that are named, else all."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        return "Chromium is not installed. On Debian: apt-get install chromium"
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as home:
        chromium = playwright.chromium.launch(executable_path=browser, headless=True, args=list(CHROMIUM))
        with contextlib.closing(chromium):
            for suffix, theme in THEMES.items():
                with Jupyter(Path(home) / f"server{suffix}") as server:
                    for name, png in take(server, chromium, theme, names or tuple(PICTURES)):
                        save(png, Path(folder) / f"{name}{suffix}.png")
    return 0


def take(server, chromium, theme, names):
    """Pictures of one theme: name and PNG. Those of a running cell come first, as in `PICTURES`."""
    shutil.copy(QUICKSTART, server.files)
    page = chromium.new_page(
        viewport={"width": WIDTH, "height": HEIGHT},
        device_scale_factor=SCALE,
        color_scheme="dark" if "Dark" in theme else "light",
    )
    notebook = Notebook(page, server, "lab", QUICKSTART.name).open()
    notebook.do("await app.commands.execute('apputils:change-theme', { theme: argument })", theme)
    notebook.do("app.shell.collapseLeft()")
    notebook.run_all()
    for name, look in PICTURES.items():
        if name in names:
            yield name, look(notebook).screenshot()
    server.shut_down_kernels()
    page.close()


def save(png, path):
    """As few bytes as its colours allow."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    assert size <= MOST_BYTES, f"{path.name} has {size:,} bytes"
    print(f"{path.name}: {picture.width} x {picture.height}, {size:,} bytes")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
