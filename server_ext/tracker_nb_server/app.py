"""The extension: its settings, its routes, and what is started and stopped with the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Int

from tracker_nb_server.hub import Hub
from tracker_nb_server.routes import routes
from tracker_nb_server.stores import Stores


class TrackerServer(ExtensionApp):
    """Serves the stores of tracker_nb that this user has opened."""

    name = "tracker_nb_server"
    load_other_extensions = True

    request_seconds = Float(30.0, help="A request that takes longer is given up and answered with 503.").tag(
        config=True
    )
    threads = Int(4, help="Threads that read stores. Each store is read by one at a time.").tag(config=True)
    poll_seconds = Float(0.025, help="How often a store that somebody watches is looked at.").tag(config=True)
    idle_seconds = Float(1.0, help="How often a store is looked at that nobody watches, or nobody logs to.").tag(
        config=True
    )
    keep_alive_seconds = Float(15.0, help="A stream says something at least this often.").tag(config=True)
    streams_per_user = Int(8, help="Streams of changes that one user may have open. A browser needs one.").tag(
        config=True
    )
    streams_in_all = Int(64, help="Streams of changes that may be open.").tag(config=True)

    def initialize_settings(self) -> None:
        """Make what the handlers share."""
        stores = Stores(threads=self.threads, seconds=self.request_seconds, log=self.log)
        hub = Hub(
            poll=self.poll_seconds,
            idle=self.idle_seconds,
            keep_alive=self.keep_alive_seconds,
            per_user=self.streams_per_user,
            in_all=self.streams_in_all,
            on_death=stores.take_over_later,
            log=self.log,
        )
        self.settings.update(tracker_nb_stores=stores, tracker_nb_hub=hub)

    def initialize_handlers(self) -> None:
        """Add the routes. Jupyter puts the base URL before them."""
        self.handlers.extend(routes())

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Make the store of the folder that is served known, if it has one."""
        self.settings["tracker_nb_stores"].remember_later(Path(serverapp.root_dir))

    async def stop_extension(self) -> None:
        """End the streams, then the threads."""
        self.settings["tracker_nb_hub"].stop()
        self.settings["tracker_nb_stores"].close()
