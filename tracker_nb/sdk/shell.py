"""What runs the user's code: a script, a prompt, or a notebook."""

from __future__ import annotations

import sys


def in_notebook() -> bool:
    """True where cells are run. Never imports IPython."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    return shell is not None and type(shell).__name__ != "TerminalInteractiveShell"
