"""The server that these tests share, and a store that it serves."""

import contextlib

import pytest

from tests.served import Server
from tracker_nb.store import known
from tracker_nb.store.database import create
from tracker_nb.store.place import Place


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A Jupyter server with the extension, started once."""
    pytest.importorskip("jupyter_server")
    with Server(tmp_path_factory.mktemp("jupyter") / "home", keep_alive_seconds=0.5) as found:
        yield found


@pytest.fixture
def served(store, server, monkeypatch):
    """The id of a store of the test's own that the server knows."""
    monkeypatch.setenv("XDG_DATA_HOME", str(server.data))
    place = Place(store)
    create(place)
    known.remember(place, logging=True)
    yield known.identity(place)
    with contextlib.suppress(KeyError):
        known._remembered.remove((store, True))
