"""The panels as one ES module, for widgets in pages that have no extension of ours but this server."""

from __future__ import annotations

import asyncio
import functools
import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from tracker_nb_server.base import Refused, TrackerHandler, answers

FOREVER = "private, max-age=31536000, immutable"


class BundleHandler(TrackerHandler):
    """The module. Modules that a widget makes of a blob have no address to refer to: no handler of files lets them in."""

    _track_activity = False

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        """The module; kept by browsers for good where its hash stands in the address, else asked about each time."""
        asked = self.text("v")
        file = _file()
        try:
            text = await asyncio.get_running_loop().run_in_executor(None, file.read_bytes)
        except OSError as error:
            raise Refused(404, "NotBuilt", "The panels are not built into this installation of tracker_nb.") from error
        self.set_header("Cache-Control", FOREVER if asked == version(text) else "private, no-cache")
        self.finish(text, set_content_type="text/javascript")  # with an ETag: Tornado answers 304 by itself


def version(text: bytes) -> str:
    """What stands for `v` in the address."""
    return hashlib.sha256(text).hexdigest()[:16]


@functools.cache
def _file() -> Path:
    """Found without importing the panels' package, which needs ipywidgets."""
    spec: Any = find_spec("tracker_nb")
    return Path(spec.origin).parent / "panels/static/panels.js"
