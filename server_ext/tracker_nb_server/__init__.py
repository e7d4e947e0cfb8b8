"""The Jupyter server's side of tracker_nb: stores over REST, changes as a stream, commands. See openapi.yaml."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """What `jupyter server` loads."""
    from tracker_nb_server.app import TrackerServer

    return [{"module": "tracker_nb_server.app", "app": TrackerServer}]
