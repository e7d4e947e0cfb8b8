"""One stream of changes for all tabs of a browser, where there is no shared worker: one tab has it, and hands it on."""

import pytest

from tests.browser.looking import dashboard, pixels, wait_until
from tests.browser.stored import displays, logging

WITHOUT_SHARED_WORKERS = "delete globalThis.SharedWorker"


class Streams:
    """The streams that pages of a browser hold open, as the browser's network sees them."""

    def __init__(self, context):
        self.open = []
        context.on("request", self._begun)
        context.on("requestfinished", self._ended)
        context.on("requestfailed", self._ended)

    def _begun(self, request):
        if "/events?" in request.url:
            self.open.append((request, request.frame.page))

    def _ended(self, request):
        self.open = [one for one in self.open if one[0] is not request]

    def pages(self):
        return [page for _, page in self.open if not page.is_closed()]


def moving(notebook):
    """The chart under the first cell changes again and again."""
    for _ in range(3):
        before = pixels(notebook, 0)
        wait_until(notebook.page, lambda before=before: pixels(notebook, 0) != before, 5, "no chart has moved")


def live(notebook):
    wait_until(notebook.page, lambda: dashboard(notebook, 0).locator("canvas").count() >= 1, 20, "no charts")


@pytest.mark.parametrize("app", ["lab"])
def test_without_a_shared_worker_one_tab_holds_the_stream_and_another_takes_over(jupyter, context, app):
    context.add_init_script(WITHOUT_SHARED_WORKERS)
    streams = Streams(context)
    with logging(jupyter, "led/on-and-on"):
        tabs = [displays(jupyter, context, app, f"led-{n}.ipynb", "led/on-and-on") for n in range(2)]
        for tab in tabs:
            assert tab.page.evaluate("() => typeof SharedWorker") == "undefined"
            tab.page.bring_to_front()
            live(tab)
            moving(tab)
        assert streams.pages() == [tabs[0].page]  # the first that was there leads

        tabs[0].page.close()
        wait_until(tabs[1].page, lambda: streams.pages() == [tabs[1].page], 10, "nobody has taken over")
        moving(tabs[1])

        tabs.append(displays(jupyter, context, app, "led-2.ipynb", "led/on-and-on"))
        live(tabs[2])
        moving(tabs[2])
        assert streams.pages() == [tabs[1].page]
    jupyter.shut_down_kernels()


@pytest.mark.parametrize("app", ["lab"])
def test_with_a_shared_worker_no_tab_holds_a_stream(jupyter, context, app):
    streams = Streams(context)
    with logging(jupyter, "shared/on-and-on"):
        tabs = [displays(jupyter, context, app, f"shared-{n}.ipynb", "shared/on-and-on") for n in range(2)]
        for tab in tabs:
            tab.page.bring_to_front()
            live(tab)
            moving(tab)
        assert streams.pages() == []
        tabs[0].page.close()
        moving(tabs[1])
    jupyter.shut_down_kernels()
