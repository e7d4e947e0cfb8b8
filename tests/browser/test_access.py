"""Dashboards for everybody: what axe-core says of them, and whether their text can be read, in each theme."""

import nbformat
import pytest

from tests.browser.axe import violations
from tests.browser.contrast import unreadable
from tests.browser.jupyter import MIME, Notebook
from tests.browser.looking import dashboard, use_theme, wait_until
from tests.browser.stored import ONE_OF_EACH, logged, payloads

THEMES = ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]
VIEWS = {
    "run that finished": "access/last-one",
    "run that was killed": "access/short-day",
    "run that crashed": "access/lost-sock",
    "project": "access",
    "projects": "",
    "run that is gone": "nope",
    "store elsewhere": "elsewhere",
}
ELSEWHERE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def opened(jupyter, chromium):
    """A notebook in JupyterLab with a display of each of `VIEWS`, all of them drawn."""
    logged(jupyter, ONE_OF_EACH, project="access")
    logged(jupyter, "tracker_nb.init(project='other').finish()")
    here = [thing for thing in VIEWS.values() if thing not in ("nope", "elsewhere")]
    found = dict(zip(here, payloads(jupyter, *here), strict=True))
    run = found["access/last-one"]
    found |= {"nope": run | {"run": "nope"}, "elsewhere": run | {"store": ELSEWHERE}}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for n, thing in enumerate(VIEWS.values()):
        output = nbformat.v4.new_output("display_data", {MIME: found[thing], "text/plain": thing or "projects"})
        made.cells.append(nbformat.v4.new_code_cell("", id=f"cell-{n}", outputs=[output]))
    nbformat.write(made, jupyter.files / "access.ipynb")
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    notebook = Notebook(context.new_page(), jupyter, "lab", "access.ipynb").open(kernel=False)
    notebook.do("app.shell.collapseLeft()")
    yield notebook
    context.close()
    jupyter.shut_down_kernels()


def shown(notebook, view):
    """The dashboard of a view, on the screen and drawn."""
    cell = list(VIEWS).index(view)
    found = dashboard(notebook, cell)
    drawn = {
        "projects": ".tnb-table",
        "run that is gone": ".tnb-error",
        "store elsewhere": ".tnb-note",
    }.get(view, "canvas")

    def is_drawn():  # what lies above grows when it is drawn, and moves this one away
        found.evaluate("node => node.scrollIntoView({ block: 'center' })")
        return found.locator(drawn).first.is_visible()

    wait_until(notebook.page, is_drawn, 20, f"the {view} is not there")
    waiting = found.locator(".tnb-panel").first.locator(".tnb-skeleton")
    wait_until(notebook.page, lambda: not waiting.count(), 10, f"the {view} is not drawn")
    return found


def named(view):
    """The nodes of a view, for axe."""
    return f".jp-Notebook .jp-Cell:nth-child({list(VIEWS).index(view) + 1} of .jp-Cell) .tnb-output"


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_no_fault_with_a_view(opened, theme, view):
    use_theme(opened, theme)
    shown(opened, view)

    assert violations(opened.page, named(view)) == ""


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_no_fault_with_open_menus_and_dialogs(opened, theme):
    use_theme(opened, theme)
    run = shown(opened, "run that finished")
    run.get_by_role("button", name="More").click()
    assert run.get_by_role("menu").is_visible()
    assert violations(opened.page, named("run that finished")) == ""
    assert unreadable(run) == ""
    opened.page.keyboard.press("Escape")

    for view in ("run that finished", "project", "projects"):
        one = shown(opened, view)
        one.get_by_role("button", name="Keys").click()
        assert one.get_by_role("dialog", name="Keys").is_visible()
        assert violations(opened.page, named(view)) == ""
        assert unreadable(one) == ""
        opened.page.keyboard.press("Escape")
        assert not one.get_by_role("dialog").count()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("theme", THEMES)
def test_all_text_can_be_read(opened, tmp_path, theme, view):
    use_theme(opened, theme)
    found = shown(opened, view)
    opened.page.mouse.move(0, 0)
    opened.page.screenshot(path=tmp_path / "looked-at.png")

    # Charts are drawn anew after the theme has changed.
    wait_until(opened.page, lambda: unreadable(found) == "", 5, unreadable(found))


def test_the_row_under_the_pointer_can_be_read(opened):
    for theme in THEMES:
        use_theme(opened, theme)
        found = shown(opened, "project")
        found.locator(".tnb-row").nth(1).hover()
        assert unreadable(found) == ""


MEDIA = {
    "forced colours, light": {"forced_colors": "active", "color_scheme": "light"},
    "forced colours, dark": {"forced_colors": "active", "color_scheme": "dark"},
    "more contrast": {"contrast": "more"},
}


@pytest.mark.parametrize("media", MEDIA)
def test_a_system_of_high_contrast_is_heard(opened, tmp_path, media):
    use_theme(opened, "JupyterLab Light")
    found = shown(opened, "project")
    swatch = found.locator(".tnb-row .tnb-swatch").first
    colour = swatch.evaluate("node => getComputedStyle(node).backgroundColor")
    opened.page.emulate_media(**MEDIA[media])
    try:
        for view in ("run that finished", "project", "projects"):
            one = shown(opened, view)
            opened.page.wait_for_timeout(200)
            opened.page.screenshot(path=tmp_path / f"{view}.png")
            wait_until(opened.page, lambda one=one: unreadable(one, 7) == "", 5, unreadable(one, 7))
        # What tells the lines apart is not forced away.
        assert swatch.evaluate("node => getComputedStyle(node).backgroundColor") == colour
    finally:
        opened.page.emulate_media(forced_colors="none", contrast="no-preference", color_scheme="light")


@pytest.fixture
def sidebar(opened):
    """The sidebar with its project open."""
    opened.do("await app.commands.execute('tracker-nb:show-sidebar')")
    found = opened.page.locator(".tnb-sidebar")
    project = found.get_by_role("treeitem", name="access,")
    project.wait_for(timeout=20_000)
    if project.get_attribute("aria-expanded") == "false":
        project.focus()
        opened.page.keyboard.press("ArrowRight")
    found.get_by_role("treeitem", name="lost-sock").first.wait_for(timeout=20_000)
    yield found
    opened.do("app.shell.collapseLeft()")


@pytest.mark.parametrize("theme", THEMES)
def test_the_sidebar_has_no_fault_and_can_be_read(opened, sidebar, tmp_path, theme):
    use_theme(opened, theme)
    opened.page.mouse.move(0, 0)
    opened.page.screenshot(path=tmp_path / "sidebar.png")
    assert violations(opened.page, ".tnb-sidebar") == ""
    assert unreadable(sidebar) == ""

    sidebar.get_by_role("treeitem", name="dry-moss").first.hover()
    assert violations(opened.page, ".tnb-sidebar") == ""
    assert unreadable(sidebar) == ""

    sidebar.get_by_role("button", name="Filter by state and tag").click()
    opened.page.screenshot(path=tmp_path / "filters.png")
    assert violations(opened.page, ".tnb-sidebar") == ""
    assert unreadable(sidebar) == ""
    sidebar.get_by_role("button", name="Filter by state and tag").click()

    sidebar.get_by_role("button", name="Keys").click()
    assert violations(opened.page, ".tnb-sidebar") == ""
    assert unreadable(sidebar) == ""
    opened.page.keyboard.press("Escape")
