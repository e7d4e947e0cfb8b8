"""A notebook that was saved with a dashboard, and what others make of it."""

import contextlib
import subprocess
import sys

from tests.browser.jupyter import MIME
from tests.browser.looking import wait_for_text, wait_until

CELL = """%%track saved/picture
for i in range(50):
    tracker_nb.log({"loss": 1 / (i + 1), "accuracy": 1 - 1 / (i + 1)})"""
ALLOWED = {MIME, "image/png", "text/plain"}
MOST = 300_000
"""Bytes that a dashboard may add to a notebook."""


def ours(saved):
    """The outputs of a saved notebook that are displays of ours."""
    outputs = [output for cell in saved.cells for output in cell.outputs]
    return [output for output in outputs if MIME in output.get("data", {})]


def test_a_saved_notebook_holds_a_picture_and_converts_to_a_page_that_shows_it(notebook, jupyter, tmp_path):
    nb = notebook("import tracker_nb", CELL)
    nb.run_all()
    wait_for_text(nb, 1, "Finished", seconds=60)
    nb.wait_done(1)
    of_end = "return 'image/png' in panel.content.widgets[1].model.outputs.get(0).data"
    wait_until(nb.page, lambda: nb.do(of_end), 20, "no picture has come")
    nb.save()

    (output,) = ours(jupyter.read(nb.name))
    assert set(output.data) == ALLOWED
    assert "picture" in output.data["text/plain"]
    assert "widgets" not in jupyter.read(nb.name).metadata
    assert len((jupyter.files / nb.name).read_bytes()) < MOST

    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--output-dir", tmp_path, jupyter.files / nb.name]
    subprocess.run(command, env=jupyter.environment(), check=True, capture_output=True, timeout=120)
    page = nb.page.context.new_page()
    with contextlib.closing(page):
        page.route("http*://**", lambda route: route.abort())  # it shows without a network
        page.goto((tmp_path / nb.name).with_suffix(".html").as_uri(), wait_until="domcontentloaded")
        picture = page.locator(".jp-RenderedImage img")
        picture.wait_for()
        page.wait_for_function("() => document.querySelector('.jp-RenderedImage img').complete")
        natural, shown = picture.evaluate("node => [node.naturalWidth, node.getBoundingClientRect().width]")
        assert natural > 400
        assert shown > 300
        inks = picture.evaluate(
            """node => {
                 const canvas = new OffscreenCanvas(node.naturalWidth, node.naturalHeight), pen = canvas.getContext('2d')
                 pen.drawImage(node, 0, 0)
                 return new Set(new Uint32Array(pen.getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size
               }"""
        )
        assert inks > 20  # lines and letters, no empty picture
        picture.screenshot(path=tmp_path / "looked-at.png")
