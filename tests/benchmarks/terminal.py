"""A program in a terminal of its own, and what it has drawn there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from pathlib import Path
from typing import Self

ROWS, COLUMNS = 40, 140


class Terminal:
    """Runs a command until the end of the block.

    It answers the two questions that programs ask a terminal when they start (its colours, where the cursor is): one that
    gets no answer would wait.
    """

    def __init__(self, command: list[str], folder: Path, variables: dict[str, str]) -> None:
        self._command, self._folder = command, folder
        self._variables = variables | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._written = b""

    def __enter__(self) -> Self:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._variables,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(5)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                new = os.read(self._master, 65536)
            except OSError:
                return
            if not new:
                return
            self._written += new
            with contextlib.suppress(OSError):
                for asked in re.findall(rb"\x1b\]1[01];\?", new):
                    os.write(self._master, asked.replace(b"?", b"rgb:0000/0000/0000") + b"\x1b\\")
                if b"\x1b[6n" in new:
                    os.write(self._master, b"\x1b[1;1R")
                if b"\x1b[c" in new:
                    os.write(self._master, b"\x1b[?62c")

    def text(self) -> str:
        """All that it has written."""
        return self._written.decode("utf-8", "replace")

    def braille(self) -> int:
        """How many dots of a chart it has drawn until now: terminals draw lines with them."""
        return sum(0x2801 <= ord(character) <= 0x28FF for character in self.text())
