"""The other trackers, measured in the same run as ours: `python -m tests.benchmarks.peers` makes their environments.

The driver that measures them is no part of this repository. Variables: `PEERS` names it, `BENCH_VENVS` the folder of the
environments. Where either is missing, the report says so and has no column of peers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
REQUIREMENTS = {
    "trackio": ["trackio==0.43.0"],
    "wandb": ["wandb==0.31.0"],
    "tensorboardX": ["tensorboardX==2.6.5", "tensorboard==2.21.0"],
}
US = "tracker_nb"
PASSES = ("import,empty,log,wide,kill,bulk,runs,conc", "log,wide", "log,wide")
"""Tests of the driver in each pass. What ratios are made of is measured three times."""
TRIAL = ("import,empty,log,wide,conc",)

Results = dict[str, dict[str, Any]]


class NotMeasured(Exception):
    """The peers cannot be measured here; the message says why."""


def driver() -> Path:
    """The script that measures.

    Raises:
        NotMeasured
    """
    named = os.environ.get("PEERS")
    if not named:
        raise NotMeasured("no driver was named (`make bench PEERS=...`)")
    found = ROOT / named
    if not found.is_file():
        raise NotMeasured("the driver that measures them is not part of this repository and was not found")
    return found


def environments() -> Path:
    """The folder that holds one virtual environment a peer."""
    return ROOT / os.environ.get("BENCH_VENVS", ".benchmarks/venvs")


def prepare() -> None:
    """Make the environments that are missing.

    Raises:
        NotMeasured: pip could not install one.
    """
    for peer, requirements in REQUIREMENTS.items():
        folder = environments() / peer
        if _has(folder):
            continue
        print(f"making an environment with {' and '.join(requirements)}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run([_python(folder), "-m", "pip", "install", "-q", *requirements])
        if done.returncode:
            raise NotMeasured(f"pip could not install {' and '.join(requirements)}")
        (folder / ".installed").touch()


def measure(*, trial: bool) -> list[Results]:
    """Run the driver, us among the peers; results by tracker, one a pass.

    Raises:
        NotMeasured
    """
    script = driver()
    missing = [peer for peer in REQUIREMENTS if not _has(environments() / peer)]
    if missing:
        raise NotMeasured(f"no environment with {', '.join(missing)} (`make bench-peers`)")
    found = []
    for tests in TRIAL if trial else PASSES:
        with tempfile.TemporaryDirectory() as out:
            surroundings = os.environ | {"BENCH_VENVS": str(environments()), "BENCH_STORES": f"{out}/stores"}
            surroundings.setdefault("TRACKER_NB_PYTHON", sys.executable)
            only = ",".join([US, *REQUIREMENTS])
            done = subprocess.run(
                [sys.executable, str(script), "--only", only, "--tests", tests, "--out", out], env=surroundings
            )
            if done.returncode:
                raise NotMeasured(f"the driver failed with exit status {done.returncode}")
            found.append(json.loads(Path(out, "peers.json").read_text("utf-8")))
            found[-1]["table"] = {"text": _table(Path(out, "PEERS.md").read_text("utf-8"))}
    return found


def _table(page: str) -> str:
    """The driver's own table, as it wrote it."""
    return "\n".join(line for line in page.splitlines() if line.startswith("|"))


def _python(folder: Path) -> str:
    return str(folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))


def _has(folder: Path) -> bool:
    """True for an environment that is complete, whether we made it or somebody else did."""
    if (folder / ".installed").exists():
        return True
    code = f"import importlib.metadata as m; m.version({folder.name!r})"
    return (
        Path(_python(folder)).exists()
        and not subprocess.run([_python(folder), "-c", code], stderr=subprocess.DEVNULL).returncode
    )


if __name__ == "__main__":
    try:
        driver()
        prepare()
    except NotMeasured as reason:
        print(f"The peers will not be measured: {reason}.")
