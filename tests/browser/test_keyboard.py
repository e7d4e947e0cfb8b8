"""Dashboards without a pointer: everything is reached, seen to be reached, and left again."""

import re

import pytest

from tests.browser.looking import dashboard, pixels, wait_until
from tests.browser.stored import ONE_OF_EACH, displays, logged

MINUS = "\u2212"
FOCUS = """() => {
  const node = document.activeElement
  const inside = node.closest('.tnb-root')
  if (!inside) return null
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(node)
  const box = node.getBoundingClientRect(), at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)
  return {
    name: node.getAttribute('aria-label') || node.labels?.[0]?.innerText.trim() || node.innerText.trim(),
    kind: node.getAttribute('role') || node.tagName.toLowerCase(),
    outline: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
    onScreen: !!at && (node.contains(at) || at.contains(node))
  }
}"""


@pytest.fixture(scope="module")
def runs(jupyter):
    logged(jupyter, ONE_OF_EACH, project="keys")


@pytest.fixture
def shown(runs, jupyter, context):
    def open_(thing):
        notebook = displays(jupyter, context, "lab", f"keys-{thing.replace('/', '-') or 'all'}.ipynb", thing)
        notebook.do("app.shell.collapseLeft()")
        ready = "canvas" if thing else ".tnb-table"
        dashboard(notebook, 0).locator(ready).first.wait_for(timeout=20_000)
        return notebook

    yield open_
    jupyter.shut_down_kernels()


def focused(notebook):
    """What has the focus in our dashboard; None: nothing in it."""
    return notebook.page.evaluate(FOCUS)


def press(notebook, *keys):
    for key in keys:
        notebook.page.keyboard.press(key)


def enter(notebook):
    """Tab from the cell into the dashboard; JupyterLab may have stops of its own before it."""
    notebook.do("panel.content.activate(); panel.content.widgets[0].node.focus()")
    for _ in range(10):
        press(notebook, "Tab")
        if found := focused(notebook):
            return found
    raise AssertionError("Tab does not lead into the dashboard")


def walk(notebook, most=60):
    """The stops of Tab from the first one on, until the dashboard is left."""
    stops = [enter(notebook)]
    for _ in range(most):
        press(notebook, "Tab")
        found = focused(notebook)
        if found is None:
            return stops
        stops.append(found)
    raise AssertionError(f"Tab does not lead out again: {stops}")


def go_to(notebook, wanted):
    """Tab on to the first stop that is wanted."""
    found = enter(notebook)
    while not wanted(found):
        press(notebook, "Tab")
        found = focused(notebook)
        assert found, "Tab has left the dashboard"


def names(stops):
    return [stop["name"] for stop in stops]


def test_tab_reaches_everything_of_a_run_each_stop_is_seen_and_the_last_leads_out(shown, tmp_path):
    nb = shown("keys/last-one")
    stops = walk(nb)

    assert [stop for stop in stops if not stop["outline"] or not stop["onScreen"]] == []
    told = "\n".join(names(stops))
    for word in (
        "Open",
        "Keys",
        "More",
        "train",
        "val",
        "charts",
        "system",
        "dry-moss (best, last)",
        "all 6",
        "x axis",
    ):
        assert word in told, told
    assert len([stop for stop in stops if stop["kind"] == "group"]) == 3  # a chart; that of the folded section is away

    nb.page.keyboard.press("Shift+Tab")
    assert focused(nb) == stops[-1]  # and back in again
    enter(nb)
    nb.page.screenshot(path=tmp_path / "looked-at.png")


def test_tab_reaches_everything_of_a_project(shown, tmp_path):
    nb = shown("keys")
    stops = walk(nb)

    assert [stop for stop in stops if not stop["outline"] or not stop["onScreen"]] == []
    told = "\n".join(names(stops))
    for word in ("Open", "Keys", "Search runs", "lost-sock, ", "Search panels", "x axis", "train", "val"):
        assert word in told, told
    rows = [
        stop for stop in stops if re.search(r"lost-sock|short-day|last-one, ", stop["name"]) and stop["kind"] == "li"
    ]
    assert len(rows) == 1  # one stop for a list; its rows are reached by j and k
    nb.page.screenshot(path=tmp_path / "looked-at.png")


@pytest.mark.ref("1.1-10")
def test_in_a_project_keys_search_move_hide_and_open(shown, tmp_path):
    nb = shown("keys")
    enter(nb)
    press(nb, "/")
    assert focused(nb)["name"] == "Search runs"
    nb.page.keyboard.type("l")
    found = dashboard(nb, 0).locator(".tnb-row")
    assert found.count() == 3  # calm-hill, last-one, lost-sock
    press(nb, "Escape")
    assert found.count() == 6
    assert focused(nb)["kind"] == "li"

    first = focused(nb)["name"]
    press(nb, "j", "j")
    third = focused(nb)["name"]
    press(nb, "k", "k")
    assert focused(nb)["name"] == first != third
    press(nb, "k")
    assert focused(nb)["name"] == first  # there is none above
    nb.page.screenshot(path=tmp_path / "focus.png")

    press(nb, "j", "j", "j")
    row = focused(nb)["name"]
    assert "shown" in row
    press(nb, "e")
    assert focused(nb)["name"] == row.replace("shown", "hidden")
    press(nb, "e")
    assert focused(nb)["name"] == row
    press(nb, "Enter")
    wait_until(
        nb.page,
        lambda: nb.do("return app.shell.currentWidget.title.label") == row.split(",")[0],
        10,
        "no tab of the run",
    )
    # JupyterLab hears none of these: no cell was made, moved to, or run.
    notebook = "const one = [...app.shell.widgets('main')].find(one => one.content?.widgets);"
    assert nb.do(f"{notebook} return [one.content.widgets.length, one.content.activeCellIndex]") == [1, 0]


def test_in_a_chart_keys_move_the_ruler_zoom_and_go_back(shown):
    nb = shown("keys/last-one")
    go_to(nb, lambda stop: stop["kind"] == "group")
    spoken = dashboard(nb, 0).locator(".tnb-offscreen")
    press(nb, "ArrowRight")
    wait_until(nb.page, lambda: "step" in spoken.inner_text(), 5, "the values at the ruler are not said")
    at = spoken.inner_text()
    press(nb, "Shift+ArrowRight")
    wait_until(nb.page, lambda: spoken.inner_text() != at, 5, "the ruler has not moved")
    assert dashboard(nb, 0).locator(".tnb-tip:visible").count() == 1

    before = pixels(nb, 0)
    press(nb, "+")
    reset = dashboard(nb, 0).get_by_role("button", name="Reset zoom")
    reset.wait_for()
    wait_until(nb.page, lambda: pixels(nb, 0) != before, 5, "no chart has zoomed")
    press(nb, "0")
    reset.wait_for(state="hidden")
    press(nb, "Escape")
    wait_until(nb.page, lambda: not dashboard(nb, 0).locator(".tnb-tip:visible").count(), 5, "the values stay")


@pytest.mark.parametrize("thing", ["keys/last-one", "keys", ""])
def test_the_list_of_keys_opens_names_what_works_and_gives_the_focus_back(shown, thing, tmp_path):
    nb = shown(thing)
    before = enter(nb)
    press(nb, "?")
    listed = dashboard(nb, 0).get_by_role("dialog", name="Keys")
    keys = set(" ".join(listed.locator("kbd").all_inner_texts()).split())
    expected = {"": {"j", "k", "Enter"}, "keys": {"/", "j", "k", "e", "Enter", "←", "→", "+", MINUS, "0"}}
    assert keys == expected.get(thing, {"←", "→", "+", MINUS, "0"}) | {"?"}
    assert focused(nb)["name"] == "Close"
    nb.page.screenshot(path=tmp_path / "looked-at.png")

    press(nb, "Escape")
    assert not listed.count()
    assert focused(nb) == before
    press(nb, "?", "?")
    assert not listed.count()
    press(nb, "?", "Tab")  # no trap
    assert not listed.count()


def test_the_menu_of_a_run_opens_moves_and_closes_by_keys(shown):
    nb = shown("keys/last-one")
    go_to(nb, lambda stop: stop["name"] == "More")
    press(nb, "Enter")
    items = dashboard(nb, 0).get_by_role("menuitem").all_inner_texts()
    assert {"Copy run path", "Copy %track line"} <= set(items)
    assert focused(nb)["name"] == items[0]
    press(nb, "ArrowDown")
    assert focused(nb)["name"] == items[1]
    press(nb, "End")
    assert focused(nb)["name"] == items[-1]
    press(nb, "ArrowDown")
    assert focused(nb)["name"] == items[0]
    press(nb, "Escape")
    assert focused(nb)["name"] == "More"
    press(nb, "Enter", "Tab")
    assert not dashboard(nb, 0).get_by_role("menu").count()
    assert focused(nb) is not None


def test_all_projects_are_moved_in_and_opened_by_keys(shown):
    nb = shown("")
    enter(nb)
    press(nb, "j")
    first = focused(nb)["name"]
    press(nb, "j")
    second = focused(nb)["name"]
    assert first != second
    press(nb, "k")
    assert focused(nb)["name"] == first
    press(nb, "Enter")
    wait_until(
        nb.page, lambda: nb.do("return app.shell.currentWidget.title.label") == first, 10, "no tab of the project"
    )
