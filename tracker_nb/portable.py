"""What differs between operating systems: file locks, open flags, deleting open files, network file systems.

Linux and macOS are supported; Windows is best effort. Nothing else in the package asks which system it runs on.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

WINDOWS = sys.platform == "win32"

# mypy understands this comparison, and only it, in full.
if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# A journal is bytes: without O_BINARY Windows would turn 0x0A into two bytes. Python adds O_CLOEXEC by itself.
O_BINARY: int = getattr(os, "O_BINARY", 0)
# Windows locks are mandatory and cover a range of bytes; this one lies beyond any data.
_WINDOWS_LOCK_AT = 0x7FFF_0000

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "afpfs",
        "ceph",
        "glusterfs",
        "lustre",
        "beegfs",
        "gpfs",
        "ncpfs",
    }
    | {"orangefs", "panfs", "pvfs2", "wekafs", "webdav", "davfs", "vboxsf"}
    | {
        f"fuse.{kind}"
        for kind in ("ceph", "gcsfuse", "glusterfs", "goofys", "juicefs", "mfs", "rclone", "s3fs", "sshfs")
    }
    | {"fuse.vmhgfs-fuse", "fuse.gvfsd-fuse"}
)


def try_lock(fd: int, *, shared: bool = False) -> bool:
    """Lock the open file at once or say that somebody else has it. The lock ends with the last copy of `fd`.

    flock, not POSIX record locks: those are lost when *any* descriptor of the file is closed by the process, and a
    reader in the same process closes its own.
    """
    try:
        if sys.platform == "win32":
            here = os.lseek(fd, 0, os.SEEK_CUR)
            os.lseek(fd, _WINDOWS_LOCK_AT, os.SEEK_SET)
            try:
                msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(fd, here, os.SEEK_SET)
        else:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def unlock(fd: int) -> None:
    """Give the lock of an open file back."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            os.lseek(fd, _WINDOWS_LOCK_AT, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(fd, fcntl.LOCK_UN)


def wait_lock(fd: int, seconds: float) -> bool:
    """Lock the open file within `seconds`, trying again every 1 to 20 ms. (flock itself cannot time out.)"""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while not try_lock(fd):
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    return True


def lock_holders(path: Path | str) -> list[int]:
    """Ids of the processes that hold a lock on a file. Empty where the kernel does not tell, or not across containers."""
    try:
        found = os.stat(path)
        lines = Path("/proc/locks").read_text("ascii", "replace").splitlines()
    except OSError:
        return []
    # "1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF"; those that wait have "->" behind their number.
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    rows = [line.split() for line in lines]
    return sorted(
        {int(row[4]) for row in rows if len(row) > 5 and row[5] == place and row[4].isdigit() and row[4] != "0"}
    )


@contextlib.contextmanager
def opened(path: Path | str, flags: int, mode: int = 0o600) -> Iterator[int]:
    """A raw file descriptor that is closed at the end of the block."""
    fd = os.open(path, flags | O_BINARY, mode)
    try:
        yield fd
    finally:
        os.close(fd)


def sync_folder(path: Path | str) -> None:
    """Make the names in a folder durable. Windows has no such call and needs none."""
    if not WINDOWS:
        with opened(path, os.O_RDONLY) as fd:
            os.fsync(fd)


def remove(path: Path | str) -> bool:
    """Delete a file if the system lets us; False where it is still open on Windows, or gone already."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def file_system(path: Path | str) -> str:
    """The type of the file system that holds `path`, as the kernel names it; "" where it cannot be told."""
    real = os.path.realpath(path)
    best, kind = "", ""
    for place, type_ in _mounts():
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, type_
    return kind


def _mounts() -> Iterator[tuple[str, str]]:
    """Where what kind of file system is mounted."""
    table = Path("/proc/self/mounts")
    if table.exists():
        for line in table.read_text("utf-8", "replace").splitlines():
            place, kind = line.split(" ")[1:3]
            yield place.encode().decode("unicode_escape"), kind
        return
    # macOS: "//ada@server/share on /Volumes/share (smbfs, nodev, nosuid, mounted by ada)"
    for line in _mount_command().splitlines():
        found = re.fullmatch(r".+? on (/.*) \((\w+).*\)", line)
        if found:
            yield found[1], found[2]


@functools.cache
def _mount_command() -> str:
    import subprocess  # 8 ms that no other system needs

    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=2, check=False)
        return done.stdout
    return ""


def on_network(path: Path | str) -> bool:
    """True where SQLite's write-ahead log is not safe: it needs memory shared by all who have the file open."""
    return file_system(path) in NETWORK_FILE_SYSTEMS


def free_space(path: Path | str) -> tuple[int, int] | None:
    """Bytes that this user may still write where `path` lies, and of how many; None where that cannot be told."""
    try:
        found = shutil.disk_usage(path)
    except OSError:
        return None
    return found.free, found.total


def free_files(path: Path | str) -> int | None:
    """How many files may still be made there; None where there is no such limit."""
    try:
        found = os.statvfs(path)
    except (OSError, AttributeError):
        return None
    return found.f_favail if found.f_files else None


def owner(path: Path | str) -> tuple[int, str] | None:
    """Id and name of the user a file belongs to; None where it cannot be told, as on Windows."""
    try:
        import pwd

        number = os.lstat(path).st_uid
    except (ImportError, OSError):
        return None
    try:
        return number, pwd.getpwuid(number).pw_name
    except KeyError:  # of another machine or container
        return number, f"user {number}"


def user() -> int | None:
    """Id of the user this process runs as; None on Windows."""
    get = getattr(os, "geteuid", None)
    return None if get is None else int(get())
