"""Which address is answered by what. Ids in addresses have the form they have, or there is no such address."""

from __future__ import annotations

import re
from typing import Any

from tracker_nb_server.base import STORE_ID

ROOT = "/tracker-nb/api/v1"
_FORMS = {
    "store": STORE_ID,
    "stream": r"[0-9a-f]{16}",
    "entity": r"[^/]+",
    "project": r"[^/]+",
    "run": r"[A-Za-z0-9_-]{1,64}",
}
_RUN = "/stores/{store}/projects/{entity}/{project}/runs/{run}"


def templates() -> dict[str, Any]:
    """Handlers by address below `ROOT`, as openapi.yaml writes it."""
    from tracker_nb_server import bundle, charts, commanding, reading, streaming

    return {
        "/info": reading.InfoHandler,
        "/openapi.yaml": reading.DocumentHandler,
        "/panels.js": bundle.BundleHandler,
        "/stores": reading.StoresHandler,
        "/stores/{store}/projects": reading.ProjectsHandler,
        "/stores/{store}/runs": reading.RunsHandler,
        "/stores/{store}/metrics": charts.MetricsHandler,
        "/stores/{store}/buckets": charts.BucketsHandler,
        _RUN: commanding.RunHandler,
        f"{_RUN}/metrics": reading.MetricsHandler,
        f"{_RUN}/history": reading.HistoryHandler,
        f"{_RUN}/executions": reading.ExecutionsHandler,
        f"{_RUN}/restore": commanding.RestoreHandler,
        f"{_RUN}/stop": commanding.StopHandler,
        "/events": streaming.EventsHandler,
        "/events/{stream}": streaming.StreamHandler,
    }


def routes() -> list[tuple[str, Any]]:
    """The same as Tornado wants it."""
    return [(ROOT + pattern(template), handler) for template, handler in templates().items()]


def pattern(template: str) -> str:
    """The regular expression of an address."""
    literal = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    return re.sub(r"\{(\w+)\}", lambda found: f"({_FORMS[found[1]]})", literal)
