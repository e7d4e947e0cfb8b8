"""What is imported when: a script must not pay for charts, networks or migrations that it does not use."""

import json
import subprocess
import sys

import pytest

from tests.support import ROOT, environment

# Front ends, slow ones, and everything that could talk to another machine.
NEVER = [
    "IPython", "aiohttp", "altair", "anywidget", "ftplib", "http", "http.client", "httpx", "ipywidgets", "matplotlib",
    "nbformat", "pandas", "requests", "scipy", "smtplib", "socket", "sqlite_utils", "ssl", "torch", "tornado",
    "urllib.request", "urllib3", "vl_convert", "xmlrpc",
]  # fmt: skip

LOGS = """
import tracker_nb
run = tracker_nb.init(project="p", config={"lr": 0.1}, tags=["a"])
run.log({"loss": 0.5, "nested": {"a": [1, 2]}})
run.log({"loss": 0.25}, commit=False)
tracker_nb.log({"acc": 1})
run.summary["best"] = 1
run.name = "other"
"""
FINISHES = LOGS + "run.finish()\n"
READS = (
    FINISHES
    + """
found = tracker_nb.Api().run(run.path)
found.series("loss").value, found.series("loss").step
found.summary, found.config, list(found.scan_history()), found.buckets("loss"), found.buckets("loss", x="acc")
found.history(pandas=False), len(tracker_nb.Api().runs("p", order="-summary_metrics.loss"))
"""
)


def imported(script, store):
    """Names in `sys.modules` after a script that were not there when Python had started."""
    script = (
        f"import sys\nbefore = set(sys.modules)\n{script}\nimport json\nprint(json.dumps([*set(sys.modules) - before]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(store), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "script", ["import tracker_nb", LOGS, FINISHES, READS], ids=["import", "log", "finish", "read"]
)
def test_logging_and_reading_import_no_front_end_nothing_slow_and_no_network(store, script):
    modules = imported(script, store)
    assert sorted(modules & set(NEVER)) == []


def test_importing_the_package_imports_neither_numpy_nor_sqlite3_nor_anything_of_ours_but_itself(store):
    modules = imported("import tracker_nb", store)

    assert sorted(modules & {"numpy", "sqlite3", "msgspec", "traitlets", "zstandard", "platformdirs", "asyncio"}) == []
    assert {name for name in modules if name.startswith("tracker_nb")} == {"tracker_nb"}


def test_reading_a_frame_is_what_imports_pandas(store):
    assert "pandas" in imported(READS + "found.history()", store)


def test_reading_a_setting_or_an_error_does_not_start_anything(store):
    imported(
        "import tracker_nb\ntracker_nb.Settings(silent=True), tracker_nb.RunNotFound, dir(tracker_nb), tracker_nb.run",
        store,
    )
    assert not store.exists()
