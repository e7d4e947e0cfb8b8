"""The moving picture of the README: `python -m tests.browser.moving docs/pictures` records a cell that trains.

The quickstart's second run, from its start to its end, in JupyterLab as it is: live-light.gif and live-dark.gif. Nothing is
drawn by hand and no time is left out; it is played about as fast as it went.
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

from tests.browser.demo import LIVE, QUICKSTART
from tests.browser.jupyter import CHROMIUM, Jupyter, Notebook
from tests.browser.looking import dashboard, wait_until

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
WIDTH, HEIGHT = 1180, 1600
"""Of the page: JupyterLab has only the cells that fit. The picture is as high as the cell."""
EVERY = 400
"""Milliseconds between frames."""
COLOURS = 64
AT_MOST = 400_000
BEFORE = ("data", "train", "track")


def main(folder):
    """Record both."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    for name, theme in THEMES.items():
        with (
            tempfile.TemporaryDirectory() as home,
            Jupyter(Path(home, "home")) as server,
            sync_playwright() as playwright,
        ):
            shutil.copy(QUICKSTART, server.files)
            chromium = playwright.chromium.launch(executable_path=browser, headless=True, args=list(CHROMIUM))
            with contextlib.closing(chromium):
                page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                frames = record(Notebook(page, server, "lab", QUICKSTART.name).open(), theme)
        place = folder / f"live-{name}.gif"
        save(frames, place)
        print(f"{place}: {len(frames)} frames, {place.stat().st_size / 1000:.0f} kB")
        assert place.stat().st_size <= AT_MOST, f"more than {AT_MOST // 1000} kB"


def record(notebook, theme):
    """Pictures of the cell, one every `EVERY` ms while it runs."""
    page, ids = notebook.page, [cell.id for cell in nbformat.read(QUICKSTART, 4).cells]
    notebook.command("apputils:change-theme", {"theme": theme})
    notebook.do("app.shell.collapseLeft(); app.shell.mode = 'single-document'")
    notebook.command("statusbar:toggle")
    for cell in BEFORE:
        notebook.run(ids.index(cell))
        notebook.wait_done(ids.index(cell), 120)
    live = ids.index(LIVE)
    notebook.run(live)
    wait_until(page, lambda: dashboard(notebook, live).count(), 60, "the cell shows no dashboard")
    frames = []

    def one():
        notebook.cell(live).evaluate("node => node.scrollIntoView()")
        box = notebook.cell(live).bounding_box()
        clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": min(box["height"], HEIGHT - box["y"])}
        frames.append(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))
        page.wait_for_timeout(EVERY - 100)  # a picture takes about a tenth of a second

    def ended():
        one()
        return "Finished" in dashboard(notebook, live).inner_text()

    wait_until(page, ended, 120, "the cell does not end")
    page.wait_for_timeout(1500)  # "vs best" and the final values
    one()
    return frames


def save(frames, place):
    """An animated GIF of few colours; all frames as high as the last one, the last for three seconds."""
    height = frames[-1].height
    middle = frames[len(frames) // 2]  # it has the red of the stop button, which the last one lacks
    both = Image.new("RGB", (middle.width, middle.height + height))
    both.paste(middle)
    both.paste(frames[-1], (0, middle.height))
    palette = both.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    same = []
    for frame in frames:
        whole = Image.new("RGB", (frames[-1].width, height), frame.getpixel((frame.width - 1, frame.height - 1)))
        whole.paste(frame)
        same.append(whole.quantize(palette=palette, dither=Image.Dither.NONE))
    times = [EVERY] * (len(same) - 1) + [3000]
    same[0].save(place, save_all=True, append_images=same[1:], duration=times, loop=0, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
