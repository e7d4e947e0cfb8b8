"""From `pip install` to the first live chart, for us and for others: `python -m tests.benchmarks.first_chart`.

Each tracker gets a fresh environment, installs itself without pip's cache, and shows the same training in a real Chromium
(one of them in a terminal). Figures go to docs/figures/first-chart.json, from which `first_chart_page` makes the table of
docs/why.md; what was seen goes to .benchmarks/first-chart/*.png. Needs the network, Chromium and some minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmarks import first_chart_page as pages
from tests.benchmarks import machine, terminal
from tests.benchmarks.first_chart_tools import TOOLS, Tool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".benchmarks/first-chart"
PATIENCE = 90
"""Seconds to wait for a first chart."""
TRAIN = ("python", "train.py")
WATCH = 45
"""Seconds to wait until a chart moves by itself."""


def main(only: list[str], *, again: bool) -> None:
    """Measure, and write figures and page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for tool in TOOLS:
        if only and tool.name not in only:
            continue
        print(f"{tool.name}: ", end="", flush=True)
        install = _install(tool, again=again)
        found[tool.name] = asdict(pages.Figures(**install, **_show(tool)))
        print({key: round(value, 2) if isinstance(value, float) else value for key, value in found[tool.name].items()})
    if only or again:
        return  # a trial
    pages.FIGURES.parent.mkdir(exist_ok=True)
    told = {"machine": machine.description(), "date": time.strftime("%Y-%m-%d"), "tools": found}
    pages.FIGURES.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    pages.write()


# ------------------------------------------------------------------------------------------------ install


def _environment(tool: Tool) -> Path:
    return FOLDER / "venvs" / tool.name


def _install(tool: Tool, *, again: bool) -> dict[str, Any]:
    """Seconds, and what came with it. Nothing is cached: neither by pip nor by npm."""
    place = _environment(tool)
    if again and place.exists():
        return {"version": _version(tool), "install_s": 0.0, "megabytes": 0.0}
    venv.create(place, with_pip=True, clear=True)
    before = _size(place)
    with tempfile.TemporaryDirectory() as empty:
        clone = Path(empty, "clone")
        if tool.from_clone:
            subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        begun = time.monotonic()
        subprocess.run(
            [place / "bin/pip", "install", "-q", *tool.requirements],
            cwd=clone if tool.from_clone else empty,
            env=os.environ | {"PIP_NO_CACHE_DIR": "1", "npm_config_cache": str(Path(empty, "npm"))},
            stderr=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.monotonic() - begun
    return {"version": _version(tool), "install_s": seconds, "megabytes": _size(place) - before}


def _version(tool: Tool) -> str:
    code = f"import importlib.metadata as m; print(m.version({tool.package!r}))"
    done = subprocess.run([_environment(tool) / "bin/python", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _size(place: Path) -> float:
    return sum(file.lstat().st_size for file in place.rglob("*") if file.is_file()) / 1e6


# ------------------------------------------------------------------------------------------------ show


def _show(tool: Tool) -> dict[str, Any]:
    """Seconds to the chart and until it moves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train.py").write_text(tool.training, "utf-8")
        tool.prepare(folder)
        if tool.in_terminal:
            return _show_in_a_terminal(tool, folder)
        with _browser() as page:
            return _show_in_a_browser(tool, folder, page)


def _show_in_a_browser(tool: Tool, folder: Path, page: Any) -> dict[str, Any]:
    port = _free_port()
    begun = time.time()
    with contextlib.ExitStack() as running:
        if tool.trains_in_a_script:
            running.enter_context(_process(tool, folder, TRAIN, port))
            _wait(lambda: _began(folder), "the training has not begun")
        running.enter_context(_process(tool, folder, tool.shows, port))
        _wait(lambda: _answers(port), f"nothing answers at port {port}")
        page.goto(tool.address.format(port=port))
        try:
            chart = tool.find(page)
            _wait(lambda: coloured(chart), f"{tool.name} shows no chart", pause=page.wait_for_timeout)
        except BaseException:
            page.screenshot(path=FOLDER / f"{tool.name}-failed.png")
            raise
        shown = time.time()
        page.screenshot(path=FOLDER / f"{tool.name}.png")
        before = chart.screenshot()
        deadline = time.time() + WATCH
        while (moved := chart.screenshot() != before) is False and time.time() < deadline:
            page.wait_for_timeout(100)
        return {
            "command_to_chart_s": shown - begun,
            "row_to_chart_s": shown - float((folder / "began").read_text()),
            "moved_after_s": time.time() - shown if moved else None,
            "watched_s": WATCH,
        }


def _show_in_a_terminal(tool: Tool, folder: Path) -> dict[str, Any]:
    port = _free_port()
    begun = time.time()
    with _process(tool, folder, TRAIN, port):
        _wait(lambda: _began(folder), "the training has not begun")
        command = [str(_environment(tool) / "bin" / tool.shows[0]), *tool.shows[1:]]
        with terminal.Terminal(command, folder, _variables(tool, folder, port)) as screen:
            _wait(lambda: screen.braille(), f"{tool.name} shows no chart")
            shown, before = time.time(), screen.braille()
            deadline = shown + WATCH
            while (moved := screen.braille() != before) is False and time.time() < deadline:
                time.sleep(0.05)
            (FOLDER / f"{tool.name}.txt").write_text(screen.text(), "utf-8")
            return {
                "command_to_chart_s": shown - begun,
                "row_to_chart_s": shown - float((folder / "began").read_text()),
                "moved_after_s": time.time() - shown if moved else None,
                "watched_s": WATCH,
            }


def coloured(chart: Any) -> bool:
    """Something with a colour is drawn: axes, grids and texts are grey in all of them."""
    import io

    from PIL import Image, ImageChops

    try:
        if not chart.count() or not chart.is_visible():
            return False
        picture = Image.open(io.BytesIO(chart.screenshot(timeout=2_000))).convert("RGB")
    except Exception:  # it is being drawn anew
        return False
    red, green, blue = picture.split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    least = ImageChops.darker(ImageChops.darker(red, green), blue)
    return sum(ImageChops.subtract(most, least).histogram()[24:]) >= 20


@contextlib.contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from tests.browser.jupyter import CHROMIUM

    place = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=place, headless=True, args=list(CHROMIUM))
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE * 1000)
        try:
            yield page
        finally:
            chromium.close()


def _variables(tool: Tool, folder: Path, port: int) -> dict[str, str]:
    """Of a user who has none of these trackers yet."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_NB_", "WANDB_", "MLFLOW_", "JUPYTER"))}
    kept |= {name: value.format(port=port) for name, value in tool.variables.items()}
    kept |= {"PATH": f"{_environment(tool) / 'bin'}{os.pathsep}{kept['PATH']}", "HOME": str(folder / "home")}
    return kept | {"VIRTUAL_ENV": str(_environment(tool)), "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def _process(tool: Tool, folder: Path, command: tuple[str, ...], port: int) -> Iterator[None]:
    program = _environment(tool) / "bin" / command[0]
    with (FOLDER / f"{tool.name}.log").open("a") as log:
        process = subprocess.Popen(
            [program, *(word.format(port=port) for word in command[1:])],
            cwd=folder,
            env=_variables(tool, folder, port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _began(folder: Path) -> bool:
    return (folder / "began").exists() and bool((folder / "began").read_text())


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(
    until: Callable[[], Any], otherwise: str, pause: Callable[[float], Any] = lambda ms: time.sleep(ms / 1000)
) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline, f"{otherwise} after {PATIENCE} s"
        pause(50)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="From pip install to the first live chart.")
    parser.add_argument("--only", nargs="*", default=[], help="a trial with these; nothing is written")
    parser.add_argument("--again", action="store_true", help="a trial with the environments of the last time")
    given = parser.parse_args()
    main(given.only, again=given.again)
    sys.exit(0)
