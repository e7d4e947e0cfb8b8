"""The stream of changes: server-sent events, one stream a browser."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from tracker_nb_server.base import STORE_ID, Refused, TrackerHandler, answers
from tracker_nb_server.hub import Stream

MOST_STORES = 100
StoreId = Annotated[str, msgspec.Meta(pattern=f"^{STORE_ID}$")]
StoreIds = Annotated[list[StoreId], msgspec.Meta(max_length=MOST_STORES)]


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """What a stream tells of: `stores`, and closely of those in `live`."""

    stores: StoreIds = []
    live: StoreIds = []


class EventsHandler(TrackerHandler):
    """Opens a stream."""

    _track_activity = False  # an open tab is no activity: an idle server may be culled

    _stream: Stream | None = None

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        """What changes, as it changes, until the client goes."""
        since = self.request.headers.get("Last-Event-ID") or self.get_query_argument("since", "")
        if len(since) > 64:
            raise Refused(400, "BadValue", "Last-Event-ID is not one that this server gave.")
        stream = self._stream = self.hub.open(
            self.username, stores=self._ids("store"), live=self._ids("live"), since=since
        )
        try:
            await self.hub.ready(stream)
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("Cache-Control", "no-cache, no-transform")
            self.set_header("X-Accel-Buffering", "no")
            self.write(self.hub.hello(stream))
            await self.flush()
            while said := await self.hub.next(stream):
                self.write(said)
                await self.flush()  # a client that does not read holds up nobody but itself
        except StreamClosedError:
            pass
        finally:
            self.hub.close(stream)
        if not self.request.connection.stream.closed():  # type: ignore[union-attr]
            self.finish(set_content_type="text/event-stream")

    def on_connection_close(self) -> None:
        """The client is gone."""
        super().on_connection_close()
        if self._stream is not None:
            self.hub.close(self._stream)

    def _ids(self, name: str) -> list[str]:
        given: list[str] = self.get_query_arguments(name)
        if len(given) > MOST_STORES or not all(re.fullmatch(STORE_ID, one) for one in given):
            raise Refused(400, "BadValue", f"Parameter {name} names at most {MOST_STORES} stores by their ids.")
        return given


class StreamHandler(TrackerHandler):
    """An open stream."""

    _track_activity = False

    @web.authenticated
    @authorized(action="read", resource="tracker_nb")  # type: ignore[untyped-decorator]
    @answers
    async def put(self, stream: str) -> Any:
        """Change what it tells of; answered when that has begun."""
        wanted = self.body(Wanted)
        found = self.hub.watch(stream, self.username, stores=wanted.stores, live=wanted.live)
        if found is None:
            raise Refused(404, "StreamNotFound", "There is no such stream any more. Open another one.")
        await self.hub.ready(found)
        return {"stores": sorted(found.stores), "live": sorted(found.live)}
