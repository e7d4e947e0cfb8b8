"""Asks for the picture of a view, which a process of its own draws: see `picturing`."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec

import tracker_nb

SECONDS = 30.0
"""How long a picture may take. It is drawn at the lowest priority: on a busy machine a second's work takes a while."""
_one_at_a_time = threading.Lock()


class Asked(msgspec.Struct, omit_defaults=True):
    """A view of a store, to be drawn.

    Attributes:
        place: the store's folder.
        picture: False for its text only.
        waited_for: somebody waits.
    """

    place: str
    view: str
    entity: str = ""
    project: str = ""
    run: str = ""
    picture: bool = True
    waited_for: bool = False


class Drawn(msgspec.Struct):
    """Text and picture of a view. `problem`: why there is no picture; `width`, `height`: in CSS pixels."""

    text: str
    png: bytes | None = None
    width: int = 0
    height: int = 0
    problem: str = ""


class NotDrawn(RuntimeError):
    """There is neither a text nor a picture; the message says why."""


def draw(asked: Asked, *, seconds: float = SECONDS) -> Drawn:
    """Draw a view; pictures of one process are drawn one after the other.

    Raises:
        NotDrawn: for whatever reason.
    """
    command = [sys.executable, "-P", "-m", "tracker_nb.notebook.picturing"]
    if not sys.executable:
        raise NotDrawn("Python does not know where its program is.")
    if not _one_at_a_time.acquire(timeout=seconds):
        raise NotDrawn(f"Another picture has taken longer than {seconds:g} s.")
    try:
        done = subprocess.run(
            command,
            env=_environment(),
            input=msgspec.json.encode(asked),
            capture_output=True,
            timeout=seconds,
            check=False,
            start_new_session=True,  # an interrupt of the kernel goes to all of its processes
        )
    except subprocess.TimeoutExpired as error:
        raise NotDrawn(f"It took longer than {seconds:g} s.") from error
    except (OSError, ValueError) as error:
        raise NotDrawn(str(error)) from error
    finally:
        _one_at_a_time.release()
    if done.returncode:
        raise NotDrawn(done.stderr.decode(errors="replace")[-2000:] or f"exit code {done.returncode}")
    try:
        return msgspec.msgpack.decode(done.stdout, type=Drawn)
    except msgspec.MsgspecError as error:
        raise NotDrawn(f"the answer is not one: {error}") from error


def _environment() -> dict[str, str]:
    """This process's, and the package found where this process has found it."""
    here = str(Path(tracker_nb.__file__).parents[1])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *([] if here in paths else [here])])}
