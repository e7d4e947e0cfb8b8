"""What all handlers share: who may call them, what an error says, how arguments are read.

An error's body has an id and a short message; what really happened, paths and all, stands in the server's log under the
same id.
"""

from __future__ import annotations

import functools
import re
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from http.client import responses
from typing import Any, TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler
from tornado import web

from tracker_nb.errors import (
    BadValue,
    ProjectNotFound,
    RunNotFound,
    StoreBusy,
    StoreDamaged,
    StoreNotFound,
    StoreReadOnly,
    StoreTooNew,
    TrackerError,
    UnknownMetric,
    UsageError,
)
from tracker_nb.query import wire
from tracker_nb.query.answers import NAME, RUN_ID
from tracker_nb.store.commands import RunPath
from tracker_nb_server.hub import Hub, TooManyStreams
from tracker_nb_server.stores import StoreNotHere, Stores

MOST_BODY = 1 << 20
STORE_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# What a client is told: our own messages name folders, which are nobody's business but the log's.
_ANSWERS: list[tuple[type[Exception], int, str]] = [
    (StoreNotHere, 404, "This store is not on this machine."),
    (StoreNotFound, 404, "This store is not on this machine."),
    (RunNotFound, 404, "This run is not in the store."),
    (ProjectNotFound, 404, "This project is not in the store."),
    (UnknownMetric, 404, "The run never logged this key."),
    (UsageError, 409, "The run is not running: there is nothing to stop."),
    (StoreTooNew, 409, "A newer tracker_nb has written this store. Update the one of this server to read it."),
    (StoreReadOnly, 403, "This server may not write to this store."),
    (StoreBusy, 503, "The store is busy. Try again."),
    (TooManyStreams, 429, "Too many streams are open. Share one among the tabs of a browser, or try again later."),
    (StoreDamaged, 500, "The store cannot be read. `tracker-nb doctor` looks at it."),
    (sqlite3.Error, 500, "The store cannot be read. `tracker-nb doctor` looks at it."),
]

Body = TypeVar("Body")


class Refused(web.HTTPError):
    """A request that gets an error for an answer; `kind` names the error for programs, `said` tells people."""

    def __init__(self, status: int, kind: str, said: str) -> None:
        super().__init__(status)
        self.kind, self.said = kind, said


Method = Callable[..., Awaitable[Any]]


def answers(method: Method) -> Method:
    """What a method returns is the answer, as JSON or as the bytes it is; errors of ours become those of HTTP."""

    @functools.wraps(method)
    async def wrapper(self: TrackerHandler, *args: str) -> None:
        try:
            self.check_size()
            answer = await method(self, *(self.decoded(arg) for arg in args))
        except BadValue as error:
            self.log.debug("tracker_nb: %s", error)
            raise Refused(400, "BadValue", str(error)) from error
        except (TrackerError, sqlite3.Error) as error:
            for kind, status, said in _ANSWERS:
                if isinstance(error, kind):
                    raise Refused(status, kind.__name__ if status != 500 else "StoreDamaged", said) from error
            raise
        if answer is not None:
            self.finish(answer if isinstance(answer, bytes) else wire.encode(answer))

    return wrapper


class TrackerHandler(APIHandler):
    """Base of all handlers. Each method of theirs is `authenticated`, `authorized` and `answers`."""

    auth_resource = "tracker_nb"

    @property
    def stores(self) -> Stores:
        """The stores of the user."""
        found: Stores = self.settings["tracker_nb_stores"]
        return found

    @property
    def hub(self) -> Hub:
        """The streams."""
        found: Hub = self.settings["tracker_nb_hub"]
        return found

    @property
    def username(self) -> str:
        """Who asks: in the audit of a command and for the number of streams."""
        return str(getattr(self.current_user, "username", "") or "user")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """An id, the kind of error and a short message. The rest is in the log."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        id_ = secrets.token_hex(4)
        kind, said = re.sub(r"\W", "", responses.get(status_code, "Error")), responses.get(status_code, "Error") + "."
        if isinstance(error, Refused):
            kind, said = error.kind, error.said
        cause = error.__cause__ if isinstance(error, Refused) else error
        self.log.warning(
            "tracker_nb: error %s, %d %s: %s", id_, status_code, kind, cause if cause is not None else said
        )
        if status_code == 429:
            self.set_header("Retry-After", "10")
        self.finish(wire.encode({"error": {"id": id_, "type": kind, "message": said}}))

    def log_exception(self, *args: Any) -> None:
        """Errors that are answers are logged in one line, by `write_error`."""
        if not isinstance(args[1], Refused):
            super().log_exception(*args)

    def check_size(self) -> None:
        """Refuse a body that no client of ours sends."""
        if len(self.request.body) > MOST_BODY:
            raise Refused(413, "TooLarge", f"A request has at most {MOST_BODY} bytes.")

    def decoded(self, argument: str) -> str:
        """A part of the path. Tornado has decoded it once, and nothing of ours does so again."""
        if not NAME.fullmatch(argument):
            raise Refused(400, "BadValue", "A part of the address is no name.")
        return argument

    def body(self, type_: type[Body]) -> Body:
        """The request's body, checked against a struct."""
        try:
            return msgspec.json.decode(self.request.body, type=type_)
        except msgspec.MsgspecError as error:
            raise Refused(400, "BadValue", f"The body is not what it should be: {error}"[:300]) from error

    def text(self, name: str) -> str | None:
        """A parameter of the query; None where it is not given."""
        value: str | None = self.get_query_argument(name, None)
        if value is not None and not NAME.fullmatch(value):
            raise Refused(400, "BadValue", f"Parameter {name} is no name.")
        return value

    def integer(self, name: str, default: int | None, low: int, high: int) -> int | None:
        """A parameter of the query that is an integer."""
        value = self.get_query_argument(name, None)
        if value is None:
            return default
        if not re.fullmatch(r"-?\d{1,19}", value, re.ASCII) or not low <= int(value) <= high:
            raise Refused(400, "BadValue", f"Parameter {name} must be an integer from {low} to {high}.")
        return int(value)

    def count(self, name: str, default: int, high: int) -> int:
        """A parameter of the query that says how many."""
        found = self.integer(name, default, 1, high)
        assert found is not None
        return found


def run_path(entity: str, project: str, run: str) -> RunPath:
    """A run's path from parts of an address."""
    if not RUN_ID.fullmatch(run):
        raise Refused(400, "BadValue", "The id of a run is 1 to 64 letters, digits, dashes and underscores.")
    return RunPath(entity, project, run)
