"""Where a run takes place: on which machine, of which program, begun from which notebook, and by whom."""

from __future__ import annotations

import os
import sys
from typing import Any

from tracker_nb.sdk import cells
from tracker_nb.sdk.values import escape


def facts() -> dict[str, Any]:
    """What the start record of a run says of it."""
    import platform

    main = sys.modules.get("__main__")
    return {
        "host": host(),
        "pid": os.getpid(),
        "program": escape(str(getattr(main, "__file__", "") or "")),
        "argv": _arguments(sys.argv[1:]),
        "executable": escape(sys.executable or ""),
        "python": platform.python_version(),
        "os": sys.platform,
        "cwd": escape(_cwd()),
        **_notebook(),
    }


def in_notebook() -> bool:
    """True where cells are run. Never imports IPython."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    return shell is not None and type(shell).__name__ != "TerminalInteractiveShell"


def user() -> str:
    """The name of the user whose process this is."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user in the container's /etc/passwd
        return "user"


def host() -> str:
    """The name of this machine."""
    import platform

    return platform.node()


def _arguments(given: list[str]) -> list[str]:
    """The command line, secrets redacted."""
    if not given:
        return []  # most programs: the shapes of secrets take milliseconds to compile
    from tracker_nb.sdk.redact import redact_arguments

    return [escape(argument) for argument in redact_arguments(given)]


def _notebook() -> dict[str, str]:
    """Which notebook begins this run: the one whose cell runs, or whose kernel this process or the one above it is."""
    cell = cells.hook() if cells.hook is not None else None
    found = (cell and cell[1].get("notebook")) or os.environ.get("JPY_SESSION_NAME")
    return {"notebook": escape(found)} if found else {}


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
