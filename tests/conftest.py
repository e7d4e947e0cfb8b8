"""Fixtures that all tests share."""

import contextlib
import importlib
import os
import warnings

import pytest
from hypothesis import settings

# Continuous integration judges a change, not the luck of the draw: there the same examples come every time.
settings.register_profile("tracker_nb", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.load_profile("tracker_nb")


@pytest.fixture(scope="session", autouse=True)
def data_of_nobody(tmp_path_factory):
    """The stores of tests are not for the user's own list of stores, nor are the user's for the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("user")))
        yield


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The folder of a store of the test's own, which does not exist yet; no settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("TRACKER_NB_", "WANDB_")):
            monkeypatch.delenv(name)
    place = tmp_path / "store"
    monkeypatch.setenv("TRACKER_NB_DIR", str(place))
    monkeypatch.setenv("TRACKER_NB_SILENT", "true")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))  # where runs go if the store cannot be written
    yield place
    begin = importlib.import_module("tracker_nb.sdk.init")  # the module: the package's attribute may be the function
    for run in reversed(list(begin._open)):
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            run.finish()
    begin._open.clear()
    begin.pending_config.clear()
