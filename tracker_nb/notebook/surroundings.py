"""Whether the page that shows this notebook can show live charts: said in one line, once, with what to type.

The server that started the kernel is asked, when something is shown for the first time. Where that cannot be told, as
behind a gateway, nothing is said.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from tracker_nb import __version__
from tracker_nb.errors import install
from tracker_nb.store import doctor_jupyter, jupyter

ENABLE_PANELS = f"jupyter labextension enable {jupyter.PANELS}"
SECONDS = 0.3
"""How long a server may take to answer; it answers within milliseconds, or is busy."""
_said = False


def say_once() -> None:
    """Print what is wrong, if anything is. In the main thread; never raises."""
    global _said  # noqa: PLW0603 - once for each process
    if _said:
        return
    _said = True
    with contextlib.suppress(Exception):
        line = problem(jupyter.mine(SECONDS))
        if line:
            print(f"tracker_nb: {line}")  # noqa: T201


def problem(server: jupyter.Running | None) -> str:
    """What keeps charts from being live; "" where nothing is known to."""
    if server is None or server.answer == "silent":
        return ""
    python = _python_of(server.pid)
    if server.answer == "none":
        return f"charts stand still here: {_not_there(python)}"
    wrong = doctor_jupyter.compared(server.info, __version__)
    if wrong:
        is_older = doctor_jupyter.is_older(server.info)
        to_do = f"{_install_with(python, '-U')}, then restart Jupyter"
        if not is_older:
            to_do = f"{install('notebook', '-U')}, then restart the kernel"
        return f"charts may stand still here: this Jupyter server runs {wrong}. To mend it: {to_do}"
    panels = server.info.get("panels", "enabled")
    if panels == "disabled":
        return f"charts stand still here: our panels are disabled. To mend it: {ENABLE_PANELS}, then reload the page"
    if panels == "missing":
        to_do = f"{_install_with(python, *doctor_jupyter.ANEW)}, then reload the page"
        return f"charts stand still here: this Jupyter server has no panels of tracker_nb. To mend it: {to_do}"
    return ""


def _not_there(python: str) -> str:
    found = jupyter.installed()
    # "python" and "python3" of one environment lie side by side.
    is_ours = bool(python) and Path(python).parent == Path(sys.executable).parent
    if is_ours and found.server == "disabled":
        to_do = f"{jupyter.enabling(found)}, then restart Jupyter"
        return f"the extension of this Jupyter server is switched off. To mend it: {to_do}"
    if is_ours and found.server == "enabled":
        return (
            "this Jupyter server has not loaded tracker_nb, which may be younger than it. To mend it: restart Jupyter"
        )
    return f"this Jupyter server has no tracker_nb. To mend it: {_install_with(python)}, then restart Jupyter"


def _install_with(python: str, *options: str) -> str:
    return install("lab", *options, python=python) if python else f"Where Jupyter runs: {_plain(*options)}"


def _plain(*options: str) -> str:
    return " ".join(["pip install", *options, "'tracker_nb[lab]'"])


def _python_of(pid: int) -> str:
    """The Python that a server runs with; "" where it cannot be told."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError, IndexError):
        first = str(psutil.Process(pid).cmdline()[0])
        if first.startswith("/") and "python" in first.rsplit("/", 1)[-1]:
            return first
    return ""
