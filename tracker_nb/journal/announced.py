"""What a writer announces once by name: the keys of a logged dict, and the line of the user's code that logged."""

from __future__ import annotations

import os
from collections.abc import Collection
from types import FrameType
from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
# Loggers of the common frameworks: the line of interest is the one that called them.
_WRAPPERS = tuple(
    part.replace("/", os.sep)
    for part in (
        "/lightning/pytorch/loggers/",
        "/pytorch_lightning/loggers/",
        "/lightning_fabric/",
        "/transformers/integrations/",
        "/transformers/trainer_callback.py",
        "/accelerate/tracking.py",
        "/keras/src/callbacks/",
        "/contextlib.py",
    )
)


def user_frame(caller: FrameType, wrappers: Collection[str]) -> FrameType:
    """The first frame outside tracker_nb, the loggers of known frameworks, and the files in `wrappers`."""
    frame = caller
    while frame.f_back is not None and _passes_on(frame.f_code.co_filename, wrappers):
        frame = frame.f_back
    return frame


def _passes_on(filename: str, wrappers: Collection[str]) -> bool:
    return filename in wrappers or filename.startswith(_PACKAGE) or any(part in filename for part in _WRAPPERS)


def key_names(keys: tuple[Any, ...]) -> tuple[str, ...]:
    """Names of the keys of a logged dict: as they print, and different where the keys are (1 and "1")."""
    names: dict[str, None] = {}
    for key in keys:
        try:
            text = str.__str__(key) if isinstance(key, str) else str(key)
        except Exception:  # noqa: BLE001 - a user's __str__ may raise anything
            text = f"<{type(key).__name__}>"
        name = text.encode("utf-8", "backslashreplace").decode()
        while name in names:
            name = f"{name} ({type(key).__name__})"
        names[name] = None
    return tuple(names)
