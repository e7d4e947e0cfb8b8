"""A `Dashboard` under a cell: drawn from the store, and changed from Python as long as its kernel lives."""

import re

import nbformat

from tests.browser.looking import dashboard, wait_for_text, wait_until

SHOW = """\
import tracker_nb
from tracker_nb.panels import Dashboard
for name in ("first", "second"):
    with tracker_nb.init(project="{project}", name=name) as run:
        for i in range(30):
            run.log({{"loss": 1 / (i + 1), "{project}/accuracy": i}})
board = Dashboard(tracker_nb.Api().run("{project}/first"))
board"""
CHANGE = "board.height = 240\nboard.thing = run"
BUSY = """\
import time
board.height = 160
end = time.time() + 8
while time.time() < end:
    pass"""


def is_live(nb):
    """The view of the widget itself has taken the display's place."""
    return nb.cell(0).locator(".tnb-output .tnb-live .tnb-root:visible").count() == 1


def roots(nb):
    """Dashboards that can be seen."""
    return nb.cell(0).locator(".tnb-root:visible").count()


def height(nb):
    return nb.cell(0).locator(".tnb-root:visible").evaluate("node => getComputedStyle(node).maxHeight")


def shown(notebook, project, *more):
    nb = notebook(SHOW.format(project=project), *more)
    nb.run(0)
    nb.wait_done(0)
    wait_for_text(nb, 0, "first")
    return nb


def test_what_python_sets_is_seen_at_once_and_a_busy_kernel_does_not_matter(notebook):
    nb = shown(notebook, "widgets", CHANGE, BUSY)
    wait_until(nb.page, lambda: is_live(nb), 15, "the widget's view has not come")
    assert roots(nb) == 1
    assert height(nb) != "240px"
    nb.run(1)
    nb.wait_done(1)
    wait_for_text(nb, 0, "second")
    assert height(nb) == "240px"
    wait_until(nb.page, lambda: dashboard(nb, 0).locator("canvas").count(), 10, "no charts")

    nb.run(2)
    wait_until(nb.page, lambda: height(nb) == "160px", 5, "the height has not changed while the kernel is busy")
    assert nb.do("return panel.sessionContext.session.kernel.status") == "busy"
    assert "second" in dashboard(nb, 0).inner_text()
    nb.wait_done(2)


def test_a_display_carries_the_widget_and_no_view_that_others_would_miss(notebook):
    nb = shown(notebook, "carried")
    nb.save()
    (output,) = nb.jupyter.read(nb.name).cells[0].outputs
    payload = output.data["application/vnd.tracker-nb.v1+json"]
    assert set(output.data) == {"application/vnd.tracker-nb.v1+json", "image/png", "text/plain"}
    assert re.fullmatch("[0-9a-f]{32}", payload["model_id"])


def test_it_is_never_empty_while_the_widget_takes_over(notebook):
    nb = notebook(SHOW.format(project="seen"))
    nb.page.evaluate(
        """() => {
          window.seen = []
          const look = () => {
            const all = [...document.querySelectorAll('.tnb-output .tnb-root')]
            const at = all.filter(node => node.checkVisibility({ visibilityProperty: true }))
            const of = at[0]?.closest('.tnb-live') != null
            if (at.length) window.seen.push([at.length, at[0].querySelectorAll('canvas').length, of])
            requestAnimationFrame(look)
          }
          look()
        }"""
    )
    nb.run(0)
    wait_until(nb.page, lambda: is_live(nb), 60, "the widget's view has not come")
    nb.page.wait_for_timeout(500)
    seen = nb.page.evaluate("window.seen")
    drawn = next(at for at, (_, canvases, _) in enumerate(seen) if canvases)
    assert any(of_widget for _, _, of_widget in seen)
    assert all(count == 1 and canvases for count, canvases, _ in seen[drawn:]), seen[drawn:]


def test_it_stays_after_a_reload_and_after_a_restart_of_the_kernel(notebook):
    nb = shown(notebook, "stays", CHANGE)
    wait_until(nb.page, lambda: is_live(nb), 15, "the widget's view has not come")
    nb.save()
    nb.open()
    wait_for_text(nb, 0, "first", seconds=30)
    wait_until(nb.page, lambda: dashboard(nb, 0).locator("canvas:visible").count() >= 2, 15, "no charts")
    nb.do("await panel.sessionContext.session.kernel.restart()")
    nb.page.wait_for_timeout(3000)
    assert roots(nb) == 1
    assert "first" in dashboard(nb, 0).inner_text()
    nb.save()
    nb.open()  # the model is gone for good
    wait_for_text(nb, 0, "first", seconds=30)
    nb.page.wait_for_timeout(3000)
    assert roots(nb) == 1
    assert not is_live(nb)
    assert "model not found" not in dashboard(nb, 0).inner_text()


def test_in_a_notebook_that_is_not_trusted_the_store_is_shown_and_the_widget_is_not_asked(notebook):
    nb = shown(notebook, "untrusted")
    wait_until(nb.page, lambda: is_live(nb), 15, "the widget's view has not come")
    nb.save()
    written = nb.jupyter.read(nb.name)
    written.cells[0].source += "\n# by somebody else"
    nbformat.write(written, nb.jupyter.files / nb.name)
    nb.open()  # the kernel has the widget still
    assert not nb.do("return panel.content.widgets[0].model.trusted")
    wait_for_text(nb, 0, "first", seconds=30)
    nb.page.wait_for_timeout(4000)
    assert not is_live(nb)
    assert roots(nb) == 1
    assert dashboard(nb, 0).locator("canvas").count() >= 2
