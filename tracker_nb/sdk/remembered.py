"""What a user decided about the history once and for all: that they were told of it, and the notebooks it is off for.

A small file in the user's data directory. Where it cannot be read or written, nothing is remembered and nothing breaks.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from tracker_nb import portable
from tracker_nb.store.place import user_store

FILE = "history.json"
MOST_BYTES = 1 << 20


def was_announced() -> bool:
    """True if this user was told that cells are recorded."""
    return bool(_read().get("announced"))


def announce() -> None:
    """Remember that this user was told."""
    _write({**_read(), "announced": int(time.time())})


def is_off(notebook: str | None) -> bool:
    """True if the history was switched off for a notebook."""
    return notebook is not None and notebook in _off(_read())


def switch(notebook: str, *, on: bool) -> bool:
    """Switch the history of a notebook on or off; False where that cannot be remembered."""
    document = _read()
    off = [one for one in _off(document) if one != notebook] + ([] if on else [notebook])
    return _write({**document, "off": off})


def _off(document: dict[str, Any]) -> list[str]:
    off = document.get("off")
    return [one for one in off if isinstance(one, str)] if isinstance(off, list) else []


def _file() -> Path:
    return user_store().root / FILE


def _read() -> dict[str, Any]:
    with contextlib.suppress(OSError, RuntimeError, msgspec.MsgspecError):
        if _file().stat().st_size <= MOST_BYTES:
            document = msgspec.json.decode(_file().read_bytes())
            return document if isinstance(document, dict) else {}
    return {}


def _write(document: dict[str, Any]) -> bool:
    with contextlib.suppress(OSError, RuntimeError):
        file = _file()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd, fresh = tempfile.mkstemp(dir=file.parent, prefix=FILE)  # 0600
        try:
            with os.fdopen(fd, "wb") as out:
                out.write(msgspec.json.encode({"version": 1, **document}))
            os.replace(fresh, file)
            return True
        except OSError:
            portable.remove(fresh)
    return False
