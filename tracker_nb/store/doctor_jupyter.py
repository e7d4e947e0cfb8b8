"""What is found around a store: whether the Jupyter of this environment shows live charts, and the servers that run."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from tracker_nb.errors import install
from tracker_nb.journal.records import FORMAT
from tracker_nb.store import jupyter, schema
from tracker_nb.store.findings import Finding, ok, warn

EXTRAS = {
    "notebook": ("altair", "anywidget", "ipython", "ipywidgets", "nbformat", "pandas", "pillow", "vl-convert-python"),
    "lab": ("jupyter-server", "jupyterlab"),
}
"""Packages that the extras of the distribution bring."""
KERNEL = "ipykernel"
ANEW = ("--force-reinstall", "--no-deps")
"""Options of pip that bring back files that are gone."""


def findings(release: str) -> Iterator[Finding]:
    """What there is of Jupyter. `release`: version of this package."""
    yield _jupyter(jupyter.installed())
    yield _servers(release, jupyter.running())
    yield from _extras()


def compared(info: Mapping[str, Any], release: str) -> str:
    """What is wrong where a server has another release than the program that asks; "" where both understand each other."""
    theirs, ours, version = _numbers(info), (schema.VERSION, FORMAT), info.get("version", "an unknown release")
    if is_older(info):
        return f"tracker_nb {version}, which is older and cannot read what {release} records"
    if any(there > here for there, here in zip(theirs, ours, strict=True)):
        return f"tracker_nb {version}, which is newer: {release} logs, and cannot read what that has written"
    return ""


def is_older(info: Mapping[str, Any]) -> bool:
    """True if it is the server that has to be updated."""
    return any(there < here for there, here in zip(_numbers(info), (schema.VERSION, FORMAT), strict=True))


def _numbers(info: Mapping[str, Any]) -> tuple[int, int]:
    """What a server understands: stores and records; of one that does not say, nothing."""
    found = [info.get(name) for name in ("schema", "records")]
    schema_, records = (one if isinstance(one, int) else -1 for one in found)
    return schema_, records


def _jupyter(found: jupyter.Installed) -> Finding:
    data = {"jupyterlab": found.lab, "notebook": found.notebook, "server_extension": found.server}
    data |= {"panels": found.panels, "panels_version": found.panels_version, "said_in": found.said_in}
    if found.lab is None and found.notebook is None:
        detail = "Neither JupyterLab nor Notebook 7 is installed in this Python."
        advice = "Where another Python has it, live charts need this there: pip install 'tracker_nb[lab]'"
        return ok("Jupyter", detail, advice, data=data)
    programs = [f"{name} {v}" for name, v in (("JupyterLab", found.lab), ("Notebook", found.notebook)) if v]
    here = " and ".join(programs)
    where = f" by {found.said_in}" if found.said_in else ""
    if found.server == "missing" or found.panels == "missing":
        part = "server extension" if found.server == "missing" else "panels"
        detail = f"{here} without the {part} of tracker_nb: displays are pictures that stand still."
        return warn("Jupyter", detail, f"{install('lab', *ANEW)}, then restart Jupyter", data=data)
    if found.server == "disabled":
        detail = f"{here}; our server extension is disabled{where}: displays are pictures that stand still."
        return warn("Jupyter", detail, f"{jupyter.enabling(found)}, then restart Jupyter", data=data)
    if found.panels == "disabled":
        detail = f"{here}; our panels are disabled{where}: displays are pictures that stand still."
        return warn("Jupyter", detail, f"{jupyter.enabling(found)}, then reload the page", data=data)
    return ok("Jupyter", f"{here}, with live charts", data=data)


def _servers(release: str, found: list[jupyter.Running]) -> Finding:
    rows = [{"pid": one.pid, "url": one.url, "answer": one.answer, "version": one.info.get("version")} for one in found]
    data = {"count": len(found), "servers": rows}
    if not found:
        return ok("Jupyter servers", "None of yours is running on this machine", data=data)
    said, advice = [], ""
    for one in found:
        where = f"{one.url} (process {one.pid})"
        problem = compared(one.info, release) if one.answer == "ours" else ""
        panels = one.info.get("panels", "enabled")
        if one.answer == "none":
            said.append(f"{where} has no server extension of tracker_nb")
            advice = advice or (
                "In the Python of that server: pip install 'tracker_nb[lab]'. If it is installed there: jupyter server "
                "extension enable tracker_nb_server. Then restart it."
            )
        elif problem:
            said.append(f"{where} runs {problem}")
            old = is_older(one.info)
            advice = advice or (
                "In the Python of that server: pip install -U 'tracker_nb[lab]', then restart it."
                if old
                else f"{install('notebook', '-U')}, then restart kernels"
            )
        elif one.answer == "ours" and panels != "enabled":
            said.append(f"{where}: its JupyterLab does not load our panels ({panels})")
            advice = advice or "In the Python of that server: tracker-nb doctor"
    if said:
        return warn("Jupyter servers", "; ".join(said), advice, data=data)
    lines = [
        f"{one.url} with tracker_nb {one.info['version']}"
        if one.answer == "ours"
        else f"{one.url}, which does not say whether it has tracker_nb"
        for one in found
    ]
    return ok("Jupyter servers", "; ".join(lines), data=data)


def _extras() -> Iterator[Finding]:
    is_kernel = importlib.util.find_spec(KERNEL) is not None
    for extra, packages in EXTRAS.items():
        versions = {name: _version(name) for name in packages}
        there = [f"{name} {version}" for name, version in versions.items() if version]
        missing = [name for name, version in versions.items() if not version]
        detail = ", ".join(there) or "nothing of it is installed"
        if there and missing:
            detail += f"; not installed: {', '.join(missing)}"
        what = f"extra {extra}"
        if missing and extra == "notebook" and is_kernel:
            detail += ". Notebooks of this Python log; without these, displays have no pictures and no widgets"
            yield warn(what, detail, install(extra), data=versions)
        else:
            yield ok(what, detail, f"If you need them: {install(extra)}" if missing else "", data=versions)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
