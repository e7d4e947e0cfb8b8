"""Fixtures that several of these files share."""

import pytest

import tracker_nb


@pytest.fixture(params=["applied", "journal"])
def read_back(request, store):
    """Logs rows, and reads them back from the database or, while the run still goes on, from its journal."""

    def rows(*logged, steps=None):
        run = tracker_nb.init(project="p", id="values")
        for i, data in enumerate(logged):
            run.log(data, step=steps[i] if steps else None)
        if request.param == "applied":
            run.finish()
        found = tracker_nb.Api().run("p/values")
        assert found.state == ("finished" if request.param == "applied" else "running")
        return found

    return rows
