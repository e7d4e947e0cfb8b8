"""Handlers of one run: look at it, change it, put it into the trash and back, stop it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from tracker_nb.store import commands
from tracker_nb_server.base import Refused, answers, run_path
from tracker_nb_server.reading import OfRun, describe

Text = Annotated[str, msgspec.Meta(max_length=100_000)]
Line = Annotated[str, msgspec.Meta(max_length=1000)]
Color = Annotated[str, msgspec.Meta(pattern=r"^(#[0-9A-Fa-f]{6})?$")]


class Changes(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be changed; what is left out stays."""

    name: Line | msgspec.UnsetType = msgspec.UNSET
    notes: Text | msgspec.UnsetType = msgspec.UNSET
    tags: Annotated[list[Line], msgspec.Meta(max_length=1000)] | msgspec.UnsetType = msgspec.UNSET
    group: Line | msgspec.UnsetType | None = msgspec.UNSET
    color: Color | msgspec.UnsetType = msgspec.UNSET


class RunHandler(OfRun):
    """One run."""

    @web.authenticated
    @authorized
    @answers
    async def get(self, store: str, entity: str, project: str, run: str) -> Any:
        """All that is known of it but its rows."""
        return await self.of_run(store, run_path(entity, project, run), describe)

    @web.authenticated
    @authorized
    @answers
    async def patch(self, store: str, entity: str, project: str, run: str) -> Any:
        """Change its name, notes, tags, group or colour; the run as it is then."""
        path, actor = run_path(entity, project, run), self.username
        given = self.body(Changes)
        changes = {
            name: value for name in given.__struct_fields__ if (value := getattr(given, name)) is not msgspec.UNSET
        }
        if not changes:
            raise Refused(400, "BadValue", f"Nothing to change. A run has: {', '.join(given.__struct_fields__)}.")
        if "tags" in changes:
            changes["tags"] = list(dict.fromkeys(changes["tags"]))
        await self.stores.command(
            store, path, lambda database, run: commands.change_run(database, run, changes, actor=actor)
        )
        return await self.of_run(store, path, describe)

    @web.authenticated
    @authorized
    @answers
    async def delete(self, store: str, entity: str, project: str, run: str) -> Any:
        """Put it into the trash."""
        path, actor = run_path(entity, project, run), self.username
        await self.stores.command(store, path, lambda database, run: commands.delete_run(database, run, actor=actor))
        return {"deleted": True}


class RestoreHandler(OfRun):
    """The way back from the trash."""

    @web.authenticated
    @authorized
    @answers
    async def post(self, store: str, entity: str, project: str, run: str) -> Any:
        """Take a run out of the trash; the run as it is then."""
        path, actor = run_path(entity, project, run), self.username
        await self.stores.command(store, path, lambda database, run: commands.restore_run(database, run, actor=actor))
        return await self.of_run(store, path, describe)


class StopHandler(OfRun):
    """The stop button."""

    @web.authenticated
    @authorized
    @answers
    async def post(self, store: str, entity: str, project: str, run: str) -> Any:
        """Ask the processes that opened a run to stop."""
        path, actor = run_path(entity, project, run), self.username
        asked = await self.stores.command(
            store, path, lambda database, run: commands.stop_run(database, run, actor=actor)
        )
        return {"asked": asked}
