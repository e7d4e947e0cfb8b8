"""What a person sees under a `%%track` cell, in JupyterLab and in Notebook 7."""

import os
import re
import signal
import textwrap

import nbformat
import pytest

from tests.browser.jupyter import Notebook
from tests.browser.looking import dashboard, pixels, wait_for_text, wait_until

IMPORT = "import time\nimport tracker_nb"
BUSY = textwrap.dedent(
    """\
    %%track {path}
    i, end = 0, time.time() + {seconds}
    while time.time() < end:  # Python all the time: the kernel answers no message
        if i / 20 < time.time() - end + {seconds}:
            tracker_nb.log({{"loss": 1 / (i + 1), "accuracy": i % 7}})
            i += 1
    """
)


def busy(path, seconds):
    return BUSY.format(path=path, seconds=seconds)


def moving(notebook, cell):
    """The charts under a cell change again and again while the kernel is busy."""
    assert notebook.do("return panel.sessionContext.session.kernel.status") == "busy"
    for _ in range(4):
        before = pixels(notebook, cell)
        wait_until(notebook.page, lambda before=before: pixels(notebook, cell) != before, 2, "no chart has moved")


def goes_on(nb):
    """The kernel runs the next cell. Not before it has said that this one failed: it drops what waits at that moment."""
    wait_until(nb.page, lambda: "KeyboardInterrupt" in nb.text(1), 20, "the cell was not interrupted")
    nb.wait_done(1)
    nb.run(2)
    nb.wait_done(2)
    assert nb.text(2).strip() == "still here"


@pytest.mark.ref("1-2")
def test_charts_move_while_the_cell_runs_and_stay_when_it_has_ended(notebook):
    nb = notebook(IMPORT, busy("live/first", 12))
    nb.run(0)
    nb.wait_done(0)
    nb.run(1)

    wait_for_text(nb, 1, "Running")
    wait_until(nb.page, lambda: dashboard(nb, 1).locator("canvas").count() >= 2, 10, "no charts")
    moving(nb, 1)
    wait_for_text(nb, 1, "Finished", seconds=30)

    assert "first" in nb.text(1)
    assert {"loss", "accuracy"} <= set(re.findall(r"\w+", nb.text(1)))
    assert dashboard(nb, 1).locator("canvas").count() >= 2


def test_after_a_reload_of_the_page_the_charts_move_again(notebook):
    nb = notebook(IMPORT, busy("live/reloaded", 25))
    nb.run(0)
    nb.wait_done(0)
    nb.run(1)
    wait_for_text(nb, 1, "Running")
    nb.save()
    nb.open(kernel=False)  # a busy kernel does not say how it is

    wait_for_text(nb, 1, "Running", seconds=30)
    wait_until(nb.page, lambda: dashboard(nb, 1).locator("canvas").count() >= 2, 15, "no charts")
    before = pixels(nb, 1)
    wait_until(nb.page, lambda: pixels(nb, 1) != before, 5, "no chart has moved")
    nb.interrupt()
    wait_for_text(nb, 1, "Killed")


def test_a_kernel_that_is_restarted_ends_its_run_and_leaves_its_charts(notebook):
    nb = notebook(IMPORT, busy("live/restarted", 60))
    nb.run(0)
    nb.wait_done(0)
    nb.run(1)
    wait_for_text(nb, 1, "Running")
    nb.do("await panel.sessionContext.session.kernel.restart()")

    wait_for_text(nb, 1, "Killed", seconds=30)  # Jupyter interrupts a kernel before it ends it
    wait_until(nb.page, lambda: dashboard(nb, 1).locator("canvas").count() >= 2, 10, "no charts")


def test_a_kernel_that_dies_leaves_a_crashed_run_and_its_charts(notebook):
    nb = notebook(IMPORT + "\nimport os\nos.getpid()", busy("live/died", 60))
    nb.run(0)
    nb.wait_done(0)
    nb.run(1)
    wait_for_text(nb, 1, "Running")
    os.kill(int(nb.text(0)), signal.SIGKILL)

    wait_for_text(nb, 1, "Crashed", seconds=30)
    wait_until(nb.page, lambda: dashboard(nb, 1).locator("canvas").count() >= 2, 10, "no charts")


def test_a_cell_that_is_interrupted_is_killed_and_the_next_one_runs(notebook):
    nb = notebook(IMPORT, busy("live/interrupted", 60), "print('still', 'here')")
    nb.run(0)
    nb.wait_done(0)
    nb.run(1)
    wait_for_text(nb, 1, "Running")
    nb.interrupt()

    wait_for_text(nb, 1, "Killed")
    goes_on(nb)


@pytest.mark.ref("1.5-9")
def test_the_stop_button_stops_the_cell_and_the_kernel_lives(notebook):
    nb = notebook(IMPORT, busy("live/stopped", 60), "print('still', 'here')")
    nb.run(0)
    nb.wait_done(0)
    nb.run(1)
    wait_for_text(nb, 1, "Running")
    dashboard(nb, 1).get_by_role("button", name="Stop").click()

    wait_for_text(nb, 1, "Killed")
    goes_on(nb)


def test_a_cell_that_fails_ends_its_run_and_run_all(notebook):
    nb = notebook(IMPORT, "%%track live/failing\ntracker_nb.log({'x': 1})\n1 / 0", "print('must not run')")
    nb.run_all()

    wait_for_text(nb, 1, "Failed")
    assert "ZeroDivisionError" in nb.text(1)
    assert re.search(r"line 3|----> 3", nb.text(1)), nb.text(1)
    nb.page.wait_for_timeout(500)
    assert nb.text(2) == ""


def test_a_tracked_cell_may_await(notebook):
    cell = "%%track live/awaiting\nimport asyncio\nawait asyncio.sleep(0.1)\ntracker_nb.log({'x': 1})"
    nb = notebook(IMPORT, cell)
    nb.run_all()

    wait_for_text(nb, 1, "Finished")
    assert "Error" not in nb.text(1)


def test_two_notebooks_at_once_each_show_their_own_run(notebook, context):
    first = notebook(IMPORT, busy("live/left", 20))
    second = notebook(IMPORT, busy("live/right", 20))
    for nb in (first, second):
        nb.run_all()
    for nb, own, other in ((first, "left", "right"), (second, "right", "left")):
        nb.page.bring_to_front()
        wait_for_text(nb, 1, "Running")
        wait_until(nb.page, lambda nb=nb: dashboard(nb, 1).locator("canvas").count() >= 2, 15, "no charts")
        moving(nb, 1)
        assert own in nb.text(1)
        assert other not in dashboard(nb, 1).locator(".tnb-header").first.inner_text()
    for nb in (first, second):
        nb.interrupt()


def test_an_untrusted_notebook_and_one_without_a_kernel_show_living_charts(notebook, jupyter, context, app):
    nb = notebook(IMPORT, busy("live/saved", 1))
    nb.run_all()
    wait_for_text(nb, 1, "Finished")
    nb.save()
    nb.page.close()
    jupyter.shut_down_kernels()
    saved = jupyter.read(nb.name)
    saved.cells.append(nbformat.v4.new_code_cell("# whoever changes a file takes its signature away", id="changed"))
    name = f"untrusted-{app}.ipynb"
    nbformat.write(saved, jupyter.files / name)

    again = Notebook(context.new_page(), jupyter, app, name).open(kernel=False)

    wait_for_text(again, 1, "Finished", seconds=30)
    assert again.do("return panel.content.widgets[1].model.trusted") is False
    wait_until(again.page, lambda: dashboard(again, 1).locator("canvas").count() >= 2, 15, "no charts")
    assert jupyter.ask("tracker-nb/api/v1/stores")["stores"]


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_charts_take_the_colours_of_the_theme(notebook, theme):
    nb = notebook(IMPORT, busy("live/coloured", 1))
    nb.run_all()
    wait_for_text(nb, 1, "Finished")
    other = "JupyterLab Light" if "Dark" in theme else "JupyterLab Dark"
    nb.do("await app.commands.execute('apputils:change-theme', {theme: argument})", other)
    nb.page.wait_for_function("() => document.body.dataset.jpThemeName !== undefined")
    before = pixels(nb, 1)
    nb.do("await app.commands.execute('apputils:change-theme', {theme: argument})", theme)

    wait_until(nb.page, lambda: pixels(nb, 1) != before, 10, "the charts kept their colours")


def test_at_200_percent_nothing_is_cut_off(jupyter, chromium, app):
    context = chromium.new_context(viewport={"width": 640, "height": 450}, device_scale_factor=2)
    try:
        name = f"zoomed-{app}.ipynb"
        jupyter.write(name, [IMPORT, busy("live/zoomed", 1)])
        nb = Notebook(context.new_page(), jupyter, app, name).open()
        nb.run_all()
        wait_for_text(nb, 1, "Finished")

        wide = dashboard(nb, 1).evaluate(
            """node => [node, ...node.querySelectorAll('*')].filter(one => {
                 const style = getComputedStyle(one)
                 return one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0 && style.overflowX === 'visible'
               }).map(one => one.className)"""
        )
        assert wide == []
    finally:
        context.close()
        jupyter.shut_down_kernels()
