"""One server and one browser for all tests of a worker; a fresh tab for each."""

import os
from itertools import count

import pytest

from tests.browser.jupyter import APPS, CHROMIUM, Jupyter, Notebook, find_chromium

_names = count()


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items):
    """All in one worker: a second server and a second browser would only wait for the same two cores."""
    for item in items:
        if "/browser/" in item.nodeid:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    """JupyterLab and Notebook 7 on a server of their own."""
    with Jupyter(tmp_path_factory.mktemp("jupyter") / "home") as found:
        yield found


@pytest.fixture(scope="session")
def browser_program():
    """The path of Chromium. Who works without one skips these tests; continuous integration must not."""
    found = find_chromium()
    if found is None:
        say = pytest.fail if os.environ.get("CI", "") not in ("", "0", "false") else pytest.skip
        say("Chromium is not installed: make chromium")
    return found


@pytest.fixture(scope="module")  # Playwright keeps an event loop running: not for the tests that come after these
def chromium(browser_program):
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, headless=True, args=list(CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture
def context(chromium):
    """A browser profile of the test's own: its tabs share a stream of changes, and nothing with other tests."""
    found = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield found
    found.close()


@pytest.fixture(params=list(APPS))
def app(request):
    """Where the test is done: both applications must do."""
    return request.param


@pytest.fixture
def notebook(jupyter, context, app):
    """Opens notebooks: `notebook(cell, cell, ...)`. Their kernels are shut down in the end."""

    def open_(*cells, page=None):
        name = f"notebook-{next(_names)}.ipynb"
        jupyter.write(name, cells)
        return Notebook(page or context.new_page(), jupyter, app, name).open()

    yield open_
    jupyter.shut_down_kernels()
