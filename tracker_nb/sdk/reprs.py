"""How runs show themselves in a notebook: by whatever `tracker_nb.notebook` has registered here, else as text."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

Bundle = tuple[dict[str, Any], dict[str, Any]]

bundle_of: Callable[[Any], Bundle | None] | None = None
"""Makes data and metadata by mime type; None: this thing is shown as text."""


def mimebundle(thing: Any) -> Bundle:
    """What IPython asks for as `_repr_mimebundle_`. Never raises: there is always the text."""
    if bundle_of is not None:
        with contextlib.suppress(Exception):
            found = bundle_of(thing)
            if found is not None:
                return found
    return {"text/plain": repr(thing)}, {}  # None would do for IPython, and not for marimo
