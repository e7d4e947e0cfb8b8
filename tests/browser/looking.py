"""Looking at what a page shows."""

import time
import zlib


def wait_until(page, condition, seconds, message):
    """Look again and again, the page alive in between.

    Args:
        message: what went wrong; or called for it then.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, message() if callable(message) else message
        page.wait_for_timeout(50)


def dashboard(notebook, cell):
    """What our renderer has made under a cell."""
    return notebook.cell(cell).locator(".tnb-output").first


def wait_for_text(notebook, cell, text, seconds=15):
    """Until the dashboard under a cell says this."""
    wait_until(
        notebook.page,
        lambda: dashboard(notebook, cell).count() and text in dashboard(notebook, cell).inner_text(),
        seconds,
        lambda: f"no {text!r} under the cell, but: {notebook.text(cell)[:2000]!r}",
    )


def pixels(notebook, cell):
    """A number that changes when anything on the charts under a cell does."""
    shown = dashboard(notebook, cell).evaluate(
        "node => [...node.querySelectorAll('canvas')].map(canvas => canvas.toDataURL()).join()"
    )
    return zlib.crc32(shown.encode())


def use_theme(notebook, theme):
    """As by the menu Settings > Theme."""
    notebook.do("await app.commands.execute('apputils:change-theme', {theme: argument})", theme)
    notebook.page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
