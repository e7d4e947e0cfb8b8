"""Where a display will be seen, as far as a kernel can know: decided by its environment; docs/hosts.md tells users.

A kernel does not know which program looks at it, and two may at once. So a display carries everything its readers could
use, and this decides only what would do harm elsewhere: a widget's view hides the picture where the widget is gone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import Enum
from typing import Any

VARIABLE = "TRACKER_NB_DISPLAY"


class Host(Enum):
    """What kind of place a display goes to."""

    PAGE = "page"
    """JupyterLab, Notebook 7, or a file that they open later: our extension draws, else the picture is there."""
    WIDGET = "widget"
    """Our extension cannot be there and widgets can: VS Code, Colab."""
    PICTURE = "picture"
    """marimo: shows pictures, and widgets only as objects of their own."""
    TEXT = "text"
    """A terminal."""
    NOWHERE = "nowhere"
    """No notebook: a script."""


def host(
    shell: Any = None, environment: Mapping[str, str] | None = None, modules: Mapping[str, Any] | None = None
) -> Host:
    """Where this process shows things. `TRACKER_NB_DISPLAY` (page, widget, picture or text) wins over what is found.

    Args:
        shell: IPython's; default: the one that is running, if any.
        environment, modules: default: those of this process.
    """
    environment = os.environ if environment is None else environment
    modules = sys.modules if modules is None else modules
    shell = running_shell() if shell is None else shell
    if shell is None:
        return Host.PICTURE if _is_marimo(modules) else Host.NOWHERE
    said = environment.get(VARIABLE, "").lower()
    if said in (Host.PAGE.value, Host.WIDGET.value, Host.PICTURE.value, Host.TEXT.value):
        return Host(said)
    if not hasattr(shell, "kernel"):
        return Host.TEXT
    if "google.colab" in modules or "COLAB_RELEASE_TAG" in environment:
        return Host.WIDGET
    return Host.WIDGET if _is_vs_code(environment) else Host.PAGE


def _is_vs_code(environment: Mapping[str, str]) -> bool:
    """True for a kernel that VS Code started, or had a Jupyter server start."""
    session = environment.get("JPY_SESSION_NAME", "")
    if session:  # a Jupyter server started it; VS Code's variables may be those of a terminal the server was started in
        return "-jvsc-" in session
    return any(name in environment for name in ("VSCODE_PID", "VSCODE_CWD"))


def _is_marimo(modules: Mapping[str, Any]) -> bool:
    marimo = modules.get("marimo")
    return marimo is not None and bool(getattr(marimo, "running_in_notebook", bool)())


def running_shell() -> Any:
    """IPython's shell, where one runs. Does not import IPython: where it runs, somebody has."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
