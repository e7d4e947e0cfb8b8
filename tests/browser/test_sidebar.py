"""The sidebar in JupyterLab and Notebook 7: what it shows while a cell runs, and all that can be done with a run in it."""

import textwrap
from itertools import count

import pytest

from tests.browser.jupyter import TOKEN
from tests.browser.looking import wait_until

_numbers = count()

MADE = textwrap.dedent(
    """\
    import time
    import tracker_nb
    for name, best in (("calm-hill-3", 0.94), ("quiet-fern-6", 0.91)):
        with tracker_nb.init(project="{project}", name=name, settings={{"silent": True}}) as run:
            run.define_metric("acc", summary="max", goal="maximize")
            run.log({{"loss": 0.3, "acc": best}})
    """
)
LIVE = textwrap.dedent(
    """\
    %%track {project}/brave-otter-7
    for i in range(300):
        tracker_nb.log({{"loss": 1 / (i + 1), "acc": i / 1000}})
        time.sleep(0.1)
    """
)


class Sidebar:
    """The sidebar beside a notebook."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page
        notebook.command("tracker-nb:show-sidebar")
        self.page.wait_for_selector(".tnb-sidebar .tnb-side-section", timeout=15_000)

    def row(self, name, level=2):
        return self.page.locator(f".tnb-side-row[aria-level='{level}']", has_text=name).first

    def runs(self):
        return self.page.locator(".tnb-side-run .tnb-side-text").all_inner_texts()

    def wait_for(self, *names, seconds=15):
        wait_until(
            self.page, lambda: self.runs() == list(names), seconds, f"the runs are {self.runs()}, not {list(names)}"
        )

    def menu(self, name, item):
        self.row(name).click(button="right")
        self.page.locator(".lm-Menu-item", has_text=item).first.click()

    def search(self, text):
        self.page.locator(".tnb-sidebar input[type=search]").fill(text)


@pytest.fixture
def sidebar(notebook):
    """Two runs of a notebook, and the sidebar beside it."""
    project = f"sidebar{next(_numbers)}"
    nb = notebook(MADE.format(project=project), LIVE.format(project=project))
    nb.project = project
    nb.run(0)
    nb.wait_done(0)
    found = Sidebar(nb)
    found.wait_for("quiet-fern-6", "calm-hill-3")
    return found


in_lab = pytest.mark.parametrize("app", ["lab"], indirect=True)


def test_what_this_notebook_makes_is_there_while_it_runs_with_its_state_and_figure(sidebar):
    nb = sidebar.notebook
    assert "★" in sidebar.row("calm-hill-3").inner_text()
    assert "0.94" in sidebar.row("calm-hill-3").inner_text()
    assert "★" not in sidebar.row("quiet-fern-6").inner_text()
    nb.run(1)
    sidebar.wait_for("brave-otter-7", "quiet-fern-6", "calm-hill-3")
    live = sidebar.row("brave-otter-7")
    assert "Running" in live.get_attribute("aria-label")
    value = live.locator(".tnb-side-value")
    wait_until(sidebar.page, lambda: value.count() > 0, 10, "a running run has no figure")
    first, clock = value.inner_text(), live.locator(".tnb-side-time").inner_text()
    wait_until(sidebar.page, lambda: value.inner_text() != first, 8, "the figure stays")
    assert live.locator(".tnb-side-time").inner_text() != clock

    live.hover()
    live.locator(".tnb-side-stop").click()
    wait_until(sidebar.page, lambda: "Killed" in live.get_attribute("aria-label"), 15, "the run was not stopped")


@pytest.mark.ref("1.5-12")
def test_a_search_finds_runs_and_clearing_it_shows_all_again(sidebar):
    sidebar.search("fern")
    sidebar.page.wait_for_selector(".tnb-side-row[data-key=results]")
    wait_until(sidebar.page, lambda: set(sidebar.runs()) == {"quiet-fern-6"}, 10, "the search found others")
    sidebar.search("")
    sidebar.wait_for("quiet-fern-6", "calm-hill-3")


def test_a_run_is_renamed_tagged_deleted_and_brought_back_by_its_menu(sidebar):
    page, api = sidebar.page, sidebar.notebook.jupyter.api
    path = sidebar.notebook.project
    sidebar.menu("calm-hill-3", "Rename")
    page.keyboard.type("mountain")
    page.keyboard.press("Enter")
    sidebar.wait_for("quiet-fern-6", "mountain")
    sidebar.menu("mountain", "Edit Tags")
    page.keyboard.type("best, kept")
    page.keyboard.press("Enter")
    wait_until(page, lambda: "kept" in sidebar.row("mountain").get_attribute("aria-label"), 10, "no tags")
    wait_until(
        page, lambda: {(r.name, *r.tags) for r in api().runs(path)} >= {("mountain", "best", "kept")}, 10, "not stored"
    )

    sidebar.menu("mountain", "Delete")
    sidebar.wait_for("quiet-fern-6")
    wait_until(page, lambda: len(api().runs(path)) == 1, 10, "the run is not in the trash")
    page.get_by_role("button", name="Undo").click()
    sidebar.wait_for("quiet-fern-6", "mountain")
    assert len(api().runs(path)) == 2


def test_a_row_that_is_dragged_into_the_notebook_becomes_a_cell_that_shows_the_run(sidebar):
    page, nb = sidebar.page, sidebar.notebook
    row, cell = sidebar.row("quiet-fern-6").bounding_box(), nb.cell(0).bounding_box()
    page.mouse.move(row["x"] + 60, row["y"] + 12)
    page.mouse.down()
    page.mouse.move(row["x"] + 90, row["y"] + 20, steps=4)
    page.mouse.move(cell["x"] + 200, cell["y"] + 20, steps=12)
    page.mouse.up()
    sources = "return panel.content.widgets.map(cell => cell.model.sharedModel.getSource())"
    line = f"%track {nb.project}/"
    wait_until(page, lambda: any(one.startswith(line) for one in nb.do(sources)), 5, "no cell was made")
    at = next(n for n, one in enumerate(nb.do(sources)) if one.startswith(line))
    assert page.locator(".jp-MainAreaWidget.tnb-main").count() == 0  # a drag is no click

    nb.run(at)
    wait_until(page, lambda: "quiet-fern-6" in nb.text(at), 20, "the cell does not show the run")


@pytest.mark.ref("1.5-4")
def test_a_run_opens_beside_or_below_the_notebook_with_its_charts(sidebar):
    sidebar.row("quiet-fern-6").click()
    shown = sidebar.page.locator(".tnb-main .tnb-root")
    wait_until(sidebar.page, lambda: "quiet-fern-6" in shown.inner_text(), 15, "the run did not open")
    assert shown.bounding_box()["height"] > 250
    assert sidebar.page.locator(".lm-TabBar-tabLabel", has_text="quiet-fern-6").count() == 1


def test_by_keys_alone_a_run_is_found_chosen_renamed_deleted_and_opened(sidebar):
    page = sidebar.page
    page.keyboard.press("/")  # the search has the focus: a letter is a letter
    page.locator(".tnb-sidebar input[type=search]").fill("")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    assert "quiet-fern-6" in page.locator(".tnb-side-row:focus").inner_text()
    page.keyboard.press("F2")
    page.keyboard.type("by-keys")
    page.keyboard.press("Enter")
    sidebar.wait_for("by-keys", "calm-hill-3")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator(".tnb-side-run[aria-selected=true]").count() == 2
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    sidebar.wait_for("by-keys")
    page.keyboard.press("?")
    assert page.locator(".tnb-help").count() == 1
    page.keyboard.press("Escape")
    sidebar.row("by-keys").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".tnb-main .tnb-root")


@in_lab
def test_the_sidebar_and_its_tabs_are_there_again_after_a_reload(sidebar):
    page = sidebar.page
    sidebar.row("calm-hill-3").click()
    page.wait_for_selector(".tnb-main .tnb-root")
    page.wait_for_timeout(2500)  # JupyterLab saves its layout when it has been still for a second
    page.goto(sidebar.notebook.jupyter.address(f"lab?token={TOKEN}"))

    page.wait_for_selector(".tnb-main .tnb-root", timeout=60_000)
    page.wait_for_selector(".tnb-sidebar .tnb-side-run", timeout=20_000)
    assert "calm-hill-3" in sidebar.runs()


@in_lab
def test_the_palette_inserts_opens_and_stops(sidebar):
    page, nb = sidebar.page, sidebar.notebook
    nb.run(1)
    sidebar.wait_for("brave-otter-7", "quiet-fern-6", "calm-hill-3")
    nb.command("apputils:activate-command-palette")
    page.locator(".lm-CommandPalette-input").fill("Stop the Runs of This Notebook")
    page.keyboard.press("Enter")
    wait_until(page, lambda: "Killed" in sidebar.row("brave-otter-7").get_attribute("aria-label"), 15, "not stopped")
    nb.command("tracker-nb:open-run")
    page.locator(".jp-Dialog select").select_option(index=1)
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.wait_for_selector(".tnb-main .tnb-root")
    page.locator(".tnb-main button[aria-label=More]").click()
    page.locator(".tnb-main .tnb-menu-item", has_text="Rename").click()
    page.locator(".jp-Dialog input").fill("from-the-tab")
    page.keyboard.press("Enter")
    wait_until(page, lambda: "from-the-tab" in sidebar.runs(), 10, "the sidebar does not know the new name")
    title = page.locator(".tnb-main .tnb-header .tnb-run-name")
    wait_until(page, lambda: title.inner_text() == "from-the-tab", 10, "the tab does not know the new name")


@in_lab
def test_another_notebook_has_its_own_runs_and_a_closed_sidebar_asks_nothing(sidebar):
    page, nb = sidebar.page, sidebar.notebook
    nb.jupyter.write("without-runs.ipynb", ["1"])
    nb.do("await app.commands.execute('docmanager:open', {path: 'without-runs.ipynb'})")
    page.wait_for_selector(".tnb-side-note .tnb-code", timeout=15_000)
    assert "without-runs.ipynb" in page.locator(".tnb-side-section").first.inner_text()
    nb.do("app.shell.collapseLeft()")
    page.wait_for_timeout(1000)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "tracker-nb/api" in request.url else None)
    page.wait_for_timeout(4000)
    assert asked == []
