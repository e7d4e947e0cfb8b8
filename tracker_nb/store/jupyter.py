"""The Jupyter around this process: what it would load of ours, which servers run, and what they answer.

Read from the files in which Jupyter keeps it. Jupyter's own programs for it take seconds to import, and need not be
installed where a kernel runs.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

SERVER, PANELS = "tracker_nb_server", "tracker-nb"
PLUGINS = (PANELS, f"{PANELS}:plugin")
CONFIG = "jupyter_server_config.json"
INFO = "tracker-nb/api/v1/info"
MOST_BYTES = 1 << 20

State = Literal["enabled", "disabled", "missing"]


@dataclass(frozen=True, slots=True)
class Installed:
    """What the Jupyter of this environment would load.

    Attributes:
        lab: version of JupyterLab; None where it is not installed here.
        notebook: the same of Notebook 7.
        server: our server extension.
        panels: our extension of JupyterLab and Notebook 7.
        said_in: the file that disables one of them.
        panels_version: of the files that pages load.
    """

    lab: str | None
    notebook: str | None
    server: State
    panels: State
    said_in: str = ""
    panels_version: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """A Jupyter server of this user that runs.

    Attributes:
        url: without its token.
        answer: "ours": our extension has answered; "none": the server has no such extension; "silent": it did not say.
        info: what the extension says of itself: version, schema, records, panels.
    """

    pid: int
    url: str
    answer: Literal["ours", "none", "silent"]
    info: dict[str, Any]


def installed() -> Installed:
    """Look at the files of this environment and of this user."""
    server, said_server = _server_extension()
    panels, said_panels, version = _panels()
    return Installed(
        _version("jupyterlab"), _version("notebook"), server, panels, said_server or said_panels, version
    )  # fmt: skip


def running(seconds: float = 2.0) -> list[Running]:
    """All servers of this user, each asked, for at most so long."""
    return [_ask(found, seconds) for found in _servers()]


def mine(seconds: float = 0.3) -> Running | None:
    """The server that has started this kernel; None where that cannot be told, as behind a gateway."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    found = next((one for one in _servers(parent) if str(one.get("pid")) == parent), None) if parent else None
    return None if found is None else _ask(found, seconds)


# ---------------------------------------------------------------------------------------------------- installed


def _version(package: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None


def _paths(kind: str) -> list[Path]:
    """Jupyter's folders, the one that counts most last; none where there is no Jupyter here."""
    try:
        from jupyter_core import paths
    except ImportError:
        return []
    found: list[str] = paths.jupyter_config_path() if kind == "config" else paths.jupyter_path("labextensions")
    return [Path(one) for one in reversed(found)]


def enabling(found: Installed) -> str:
    """What takes back what disables one of our extensions, at the level at which that was said."""
    if found.server == "disabled" and Path(found.said_in).name == CONFIG:
        return f"set {SERVER} to true in {found.said_in}"  # the command writes another file, and this one goes before
    level = _level(found.said_in)
    if found.server == "disabled":
        return " ".join(filter(None, ["jupyter server extension enable", level and f"--{level}", SERVER]))
    return " ".join(filter(None, ["jupyter labextension enable", level and f"--level={level}", PANELS]))


def _level(file: str) -> str:
    """Jupyter's name for where a file of its configuration lies; "": this environment, which is what it takes itself."""
    with contextlib.suppress(ImportError):
        from jupyter_core import paths

        if file and Path(file).is_relative_to(paths.jupyter_config_dir()):
            return "user"
        if any(Path(file).is_relative_to(folder) for folder in paths.SYSTEM_CONFIG_PATH if file):
            return "system"
    return ""


def _server_extension() -> tuple[State, str]:
    if importlib.util.find_spec(SERVER) is None:
        return "missing", ""
    folders = _paths("config")
    # As a server does it: small files are merged, and what one of the large ones says goes before.
    small = [file for folder in folders for file in sorted((folder / "jupyter_server_config.d").glob("*.json"))]
    large = [folder / CONFIG for folder in folders]
    enabled, said_in = False, ""
    for file in [*small, *[one for one in large if _said(one) is not None][-1:]]:
        said = _said(file) or {}
        if SERVER in said:
            enabled, said_in = bool(said[SERVER]), str(file)
    return ("enabled", "") if enabled else ("disabled", said_in)


def _said(file: Path) -> dict[str, Any] | None:
    """Which server extensions a file enables."""
    of_server = _document(file).get("ServerApp")
    said = of_server.get("jpserver_extensions") if isinstance(of_server, dict) else None
    return said if isinstance(said, dict) else None


def _panels() -> tuple[State, str, str]:
    version, there = "", False
    for folder in _paths("labextensions"):
        document = _document(folder / PANELS / "package.json")
        if document:
            there, version = True, str(document.get("version", ""))
    if not there:
        return "missing", "", ""
    off: dict[str, tuple[bool, str]] = {}
    for file in _page_configs():
        said = _document(file).get("disabledExtensions", {})
        named = dict.fromkeys(said, True) if isinstance(said, list) else said if isinstance(said, dict) else {}
        off |= {str(name): (bool(value), str(file)) for name, value in named.items()}
    for name, (is_off, file_name) in off.items():
        if is_off and any(fnmatchcase(plugin, name) for plugin in PLUGINS):
            return "disabled", file_name, version
    return "enabled", "", version


def _page_configs() -> Iterator[Path]:
    import sys

    yield Path(sys.prefix) / "share/jupyter/lab/settings/page_config.json"
    for folder in _paths("config"):
        yield folder / "labconfig" / "page_config.json"


def _document(file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        if file.stat().st_size <= MOST_BYTES:
            found = msgspec.json.decode(file.read_bytes())
            return found if isinstance(found, dict) else {}
    return {}


# ---------------------------------------------------------------------------------------------------- running


def _servers(pid: str = "*") -> Iterator[dict[str, Any]]:
    """What running servers have written of themselves. Those that were killed have left it behind."""
    try:
        from jupyter_core.paths import jupyter_runtime_dir
    except ImportError:
        return
    import psutil

    for file in sorted(Path(jupyter_runtime_dir()).glob(f"jpserver-{pid}.json")):
        found = _document(file)
        number = found.get("pid")
        if isinstance(number, int) and isinstance(found.get("url"), str) and psutil.pid_exists(number):
            yield found


def _ask(found: dict[str, Any], seconds: float) -> Running:
    """Ask a server what it is. Its token goes to the address that it wrote itself, and no further: nothing is followed."""
    from http.client import HTTPConnection, HTTPException

    url, token = str(found["url"]), str(found.get("token") or "")
    parts = urlsplit(url)
    answer: Literal["ours", "none", "silent"] = "silent"
    info: dict[str, Any] = {}
    if parts.scheme == "http" and parts.hostname:  # the certificate of another scheme may be one that nobody knows
        with contextlib.suppress(OSError, HTTPException, ValueError):
            connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=seconds)
            with contextlib.closing(connection):
                headers = {"Authorization": f"token {token}"} if token else {}
                connection.request("GET", f"{parts.path.rstrip('/')}/{INFO}?no_track_activity=1", headers=headers)
                response = connection.getresponse()
                body = response.read(MOST_BYTES)
            if response.status == 404:
                answer = "none"
            elif response.status == 200:
                info = msgspec.json.decode(body, type=dict[str, Any])
                answer = "ours"
    return Running(int(found["pid"]), parts._replace(query="", fragment="").geturl(), answer, info)
