"""What charts ask: which metrics many runs have, and many metrics of many runs as buckets, each in one request."""

from __future__ import annotations

from functools import partial
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from tracker_nb.query import answers, metrics, wire
from tracker_nb.query.answers import BucketsRequest, MetricsRequest
from tracker_nb.query.reading import Reader
from tracker_nb_server import base
from tracker_nb_server.base import TrackerHandler


class MetricsHandler(TrackerHandler):
    """Metrics of many runs, for a dashboard's panels."""

    @web.authenticated
    @authorized(action="read", resource="tracker_nb")  # type: ignore[untyped-decorator]
    @base.answers
    async def post(self, store: str) -> Any:
        """What any of these runs has logged, in the order of first logging."""
        paths = [answers.run_path(run) for run in dict.fromkeys(self.body(MetricsRequest).runs)]
        found = await self.stores.ask(store, partial(metrics.metrics, paths=paths))
        return {"metrics": found}


class BucketsHandler(TrackerHandler):
    """Metrics for charts."""

    @web.authenticated
    @authorized(action="read", resource="tracker_nb")  # type: ignore[untyped-decorator]
    @base.answers
    async def post(self, store: str) -> Any:
        """Each metric of each run that has logged it, reduced to at most `n` buckets."""
        request = self.body(BucketsRequest)
        made: list[bytes] = []
        for paths, keys in answers.pieces(request):

            def answer(reader: Reader, paths: list[Any] = paths, keys: list[str] = keys) -> list[bytes]:
                found = answers.series(reader, paths=paths, keys=keys, request=request)
                return [wire.encode(one) for one in found]

            made += await self.stores.ask(store, answer)
        return b'{"x":' + wire.encode(request.x) + b',"series":[' + b",".join(made) + b"]}"
