"""What was measured on, read when the report is written. Neither the name of the machine nor a path is looked at."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import subprocess
import tempfile
from pathlib import Path


def description() -> dict[str, str]:
    """Processor, memory, system and versions, by what they are called."""
    packages = ", ".join(f"{name} {version}" for name in ("numpy", "msgspec") if (version := _version(name)))
    found = {
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "memory": _memory(),
        "system": _system(),
        "file system": _file_system(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}, {packages}",
        "SQLite": sqlite3.sqlite_version,
        "torch": _version("torch") or "not installed",
    }
    return {name: value for name, value in found.items() if value}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    if names:
        virtual = " (a virtual machine)" if any("hypervisor" in line for line in lines) else ""
        return names[0] + virtual
    if platform.system() == "Darwin":
        asked = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True)
        if asked.returncode == 0:
            return asked.stdout.strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (ValueError, OSError):
        return ""


def _system() -> str:
    kernel = f"{platform.system()} {platform.release()}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {kernel}"
    except (OSError, KeyError):
        return kernel


def _file_system() -> str:
    """Type of the one that the stores were on: the temporary folder's."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    except OSError:
        return ""
    here = Path(tempfile.gettempdir()).resolve()
    above = [(len(mount[1]), mount[2]) for mount in mounts if here.is_relative_to(mount[1])]
    return max(above)[1] if above else ""
