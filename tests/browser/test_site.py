"""The documentation site in a browser: found by search, read on a phone and in the dark, without any other site."""

import functools
import http.server
import threading

import pytest

pytest.importorskip("mkdocs")

from tests.browser.looking import wait_until
from tests.integration.test_site import site  # noqa: F401 - a fixture

PAGES = ("index.html", "python.html", "cli.html", "rest-reference.html", "dashboard.html", "compatibility.html")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(site):  # noqa: F811
    """Where the site is served."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def reader(chromium, address):
    """Opens a page as somebody sees it; in the end: nothing was asked of anybody else, and nothing went wrong."""
    asked, wrong, contexts = [], [], []

    def open_(name, *, width=1280, scheme="light"):
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.goto(address + name)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert asked
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert wrong == []


def test_the_search_finds_a_function_and_leads_to_it(reader):
    page = reader("index.html")
    found = page.locator(".md-search-result__link")

    def is_found():
        if not found.count():  # what is typed before the index is there is not searched for
            page.fill("input.md-search__input", "")
            page.locator("input.md-search__input").press_sequentially("define_metric")
            page.wait_for_timeout(1000)
        return found.count()

    wait_until(page, is_found, 40, "nothing was found")
    assert "python.html" in " ".join(one.get_attribute("href") for one in found.all())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_wide_as_a_phone(reader, name):
    page = reader(name, width=390)
    page.wait_for_load_state("load")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_site_is_dark_where_the_system_is_and_shows_the_dark_picture(reader):
    shown = {}
    for scheme in ("light", "dark"):
        page = reader("dashboard.html", scheme=scheme)
        page.wait_for_load_state("load")
        red, green, blue = page.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).map(Number)"
        )[:3]
        assert (red + green + blue < 200) is (scheme == "dark")
        shown[scheme] = [one.get_attribute("src") for one in page.locator("article img").all() if one.is_visible()]
    assert len(shown["light"]) == len(shown["dark"]) >= 2
    assert all("-dark.png" in src for src in shown["dark"])
    assert not any("-dark.png" in src for src in shown["light"])
