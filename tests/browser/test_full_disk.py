"""A disk that is full while a `%%track` cell runs: the cell ends, says what happened, and nothing else breaks."""

import pytest

from tests.browser.jupyter import Jupyter, Notebook
from tests.browser.looking import dashboard, wait_for_text, wait_until
from tests.support import mounting, on_small_disk

pytestmark = pytest.mark.skipif(mounting() is None, reason="needs a mount namespace: root, or user namespaces")

FILL = """import pathlib, tracker_nb
ballast = pathlib.Path({ballast!r})
go = pathlib.Path("go")
def fill():
    with ballast.open("ab", buffering=0) as file:
        while True:
            try:
                file.write(bytes(1 << 12))
            except OSError:
                return"""
FULL = """%%track full/disk
for i in range(2000):
    tracker_nb.log({"loss": 1 / (i + 1)})
    if i == 500:
        while not go.exists():
            pass
        fill()
print("trained", i + 1)"""
AFTER = """%%track full/later
tracker_nb.log({"loss": 0.5})
print("trained again")"""


@pytest.fixture
def small(tmp_path):
    """JupyterLab whose store lies on a disk of two megabytes; everything else is where there is room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with Jupyter(tmp_path / "home", store=disk / "store", before=on_small_disk(disk, "2m")) as found:
        yield found


def printed(notebook, cell, text, seconds):
    wait_until(notebook.page, lambda: text in notebook.text(cell), seconds, f"{notebook.text(cell)[:2000]!r}")


def test_a_cell_on_a_full_disk_ends_says_what_happened_and_the_next_one_is_tracked(small, context, tmp_path):
    fill = FILL.format(ballast=str(small.store.parent / "ballast"))
    small.write("full.ipynb", [fill, FULL, "print('other', 'work')", "ballast.unlink()", AFTER])
    nb = Notebook(context.new_page(), small, "lab", "full.ipynb").open()
    for cell in (0, 1, 2):
        nb.run(cell)
    dashboard(nb, 1).wait_for()
    dashboard(nb, 1).evaluate("node => node.scrollIntoView({ block: 'center' })")  # it draws what is on the screen
    # A store that nobody has opened before the disk is full cannot be opened by the server then.
    wait_until(nb.page, lambda: dashboard(nb, 1).locator("canvas").count(), 30, lambda: f"no chart: {nb.text(1)!r}")
    (small.files / "go").touch()
    nb.wait_done(2)

    printed(nb, 1, "trained 2000", 1)  # not one iteration less
    said = " ".join(nb.text(1).split())
    assert "could not be written" in said, said
    assert "the disk was full" in said, said
    assert "Traceback" not in said
    assert nb.text(2).strip() == "other work"
    assert dashboard(nb, 1).locator("canvas").count(), nb.text(1)  # of what was written
    nb.page.wait_for_timeout(500)
    nb.page.screenshot(path=tmp_path / "looked-at.png")

    for cell in (3, 4):
        nb.run(cell)
        nb.wait_done(cell)
    printed(nb, 4, "trained again", 1)
    wait_for_text(nb, 4, "Finished", seconds=30)
    nb.save()
