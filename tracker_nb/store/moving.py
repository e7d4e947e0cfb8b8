"""Moving a store to another folder, deleting one: at any moment, however it is interrupted, there is a whole store or none.

On the same file system moving is one rename. Otherwise the store is copied, its `tracker.db` gets that name last, and
the old one loses it first: a folder without a `tracker.db` is no store.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tracker_nb import portable
from tracker_nb.errors import BadValue, StoreDamaged, StoreReadOnly, UsageError
from tracker_nb.store import backup, known
from tracker_nb.store.contents import DATABASE_FILES, Contents, check, check_unused, contents, identity
from tracker_nb.store.database import Database, connect_any, ignore
from tracker_nb.store.place import DATABASE, PROJECT_FOLDER, Place


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done.

    Attributes:
        place: where the store is now.
        bytes: how large it is.
        copied: it went to another file system, or other things lie beside it.
        left: what stayed in its old folder, as it is not the store's.
    """

    place: Place
    bytes: int
    copied: bool
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was done.

    Attributes:
        files, bytes: what is gone.
        left: what stayed in its folder, as it is not the store's.
    """

    files: int
    bytes: int
    left: tuple[str, ...]


def move(place: Place, dest: str | os.PathLike[str]) -> Moved:
    """Move a store into the folder `dest`, which is made, or is empty.

    Raises:
        StoreNotFound, StoreTooNew, StoreReadOnly, StoreBusy, StoreDamaged
        UsageError: somebody is writing to it.
        BadValue: `dest` holds something, or lies in the store; or the store's folder is a link.
        OSError: the disk is full, for example. The store is where it was then.
    """
    check(place)
    if not place.exists():
        raise BadValue(f"{place} has no tracker.db any more: what is left there is no store that could be moved.")
    target = Place(Path(os.path.normpath(Path(dest).expanduser().absolute())))
    _check_target(place, target)
    with contextlib.closing(Database(place)) as database, database.locked():
        check_unused(place, "moved")
        found = contents(place)
        _check_links(place, found)
        target.root.parent.mkdir(parents=True, exist_ok=True)
        copied = not _renamed(place, target, found, database)
        if copied:
            _copy(place, target, found)
            ignore(target)
            _follow(target)
            _remove(place, found)
    if not copied:
        ignore(target)
        _follow(target)
    return Moved(target, found.bytes, copied, _left(place))


def delete(place: Place) -> Deleted:
    """Delete a store for good. What is not its own stays; links are removed, not followed.

    Raises:
        StoreNotFound, StoreTooNew, StoreReadOnly, StoreBusy
        UsageError: somebody is writing to it.
        BadValue: it is a link, or no store of ours.
    """
    check(place)
    store = identity(place).id
    with contextlib.closing(Database(place)) as database, database.locked():
        check_unused(place, "deleted")
        found = contents(place)
        _remove(place, found)
    if store:
        known.forget(store)
    return Deleted(len(found.files), found.bytes, _left(place))


def _follow(target: Place) -> None:
    store = identity(target).id
    if store:  # a database that cannot be read can be renamed all the same
        known.follow(store, target)


def _check_target(place: Place, target: Place) -> None:
    if target.root == place.root or target.root.resolve() == place.root.resolve():
        raise BadValue(f"The store is at {place} already.")
    if target.root.resolve().is_relative_to(place.root.resolve()):
        raise BadValue(f"{target} lies in the store itself: name a folder outside of {place}.")
    if target.root.is_symlink() or (target.root.exists() and not target.root.is_dir()):
        raise BadValue(f"{target} is a file or a link: name a folder that is empty or does not exist.")
    if not target.root.is_dir() or not any(target.root.iterdir()):
        return
    if target.exists():
        same = identity(target).id == identity(place).id
        why = (
            "holds this same store: a copy, or a move that was interrupted at its end" if same else "is a store already"
        )
        then = " Look into both, and delete one with `tracker-nb store delete --dir`." if same else ""
        raise BadValue(f"{target} {why}.{then}")
    if (target.root / f"{DATABASE}.partial").exists():
        raise BadValue(
            f"{target} holds what a copy that was interrupted has left: delete that folder, and do this again."
        )
    raise BadValue(f"{target} is not empty. For a store beside what is there, name {target.root / PROJECT_FOLDER}.")


def _check_links(place: Place, found: Contents) -> None:
    """A link that is relative would lead nowhere from another folder."""
    for path in found.files:
        if (place.root / path).is_symlink() and not os.path.isabs(os.readlink(place.root / path)):
            raise BadValue(
                f"{place.root / path} is a relative link, which would lead nowhere from another folder. Replace it "
                f"by what it leads to, or by an absolute link."
            )


# ---------------------------------------------------------------------------------------------------- on one file system


def _renamed(place: Place, target: Place, found: Contents, database: Database) -> bool:
    """Move all of it at once; False where that cannot be done."""
    if found.others or os.path.ismount(place.root):
        return False
    database.close()  # its log goes back into the database, and its name is free
    with contextlib.suppress(FileNotFoundError):
        target.root.rmdir()  # empty, as was seen: not every system renames onto a folder
    try:
        os.rename(place.root, target.root)
    except OSError:
        return False
    try:
        check_unused(target, "moved")  # by one who came between the first look and the lock of a journal
    except UsageError:
        os.rename(target.root, place.root)
        raise
    for folder in {place.root.parent, target.root.parent}:
        with contextlib.suppress(OSError):
            portable.sync_folder(folder)
    return True


# ---------------------------------------------------------------------------------------------------- to another


def _copy(place: Place, target: Place, found: Contents) -> None:
    """Make a whole copy, with its log or without as its file system wants it."""
    partial = target.root / f"{DATABASE}.partial"
    try:
        target.root.mkdir(mode=0o700, exist_ok=True)
        _copy_files(place, target, found)
        with contextlib.closing(connect_any(place)) as source:
            backup.copy_database(source, partial, target)
        problem = backup.damage_of(partial)
        if problem:
            raise StoreDamaged(
                f"The database of {place} is damaged, so it stays where it is: {problem}. `tracker-nb doctor` says more."
            )
        if _inner(contents(place)) != _inner(found):
            raise UsageError(f"Somebody wrote to the store at {place} while it was copied: it stays where it is.")
        check_unused(place, "moved")
        _copy_owner(place.database, partial)
        _copy_owner(place.root, target.root)
        shutil.copystat(place.root, target.root)
        os.rename(partial, target.database)
        portable.sync_folder(target.root)
    except BaseException:
        _clear(target, [*found.files, Path(partial.name), Path(f"{partial.name}-journal")], found.folders)
        raise


def _inner(found: Contents) -> list[Path]:
    """Files in folders: SQLite makes and removes its own beside the database, also for who only reads."""
    return [path for path in found.files if len(path.parts) > 1]


def _copy_files(place: Place, target: Place, found: Contents) -> None:
    for folder in found.folders:
        (target.root / folder).mkdir(exist_ok=True)
        shutil.copystat(place.root / folder, target.root / folder)
        _copy_owner(place.root / folder, target.root / folder)
    for path in found.files:
        if path.name not in DATABASE_FILES and path.name != place.lock.name:
            shutil.copy2(place.root / path, target.root / path, follow_symlinks=False)
            _copy_owner(place.root / path, target.root / path)
            if not (target.root / path).is_symlink():
                with portable.opened(target.root / path, os.O_RDONLY) as fd:
                    os.fsync(fd)
    for folder in found.folders:
        portable.sync_folder(target.root / folder)


def _copy_owner(source: Path, copy: Path) -> None:
    """An administrator who moves somebody's store does not take it away from them."""
    found = source.lstat()
    with contextlib.suppress(OSError, AttributeError):  # others may not, and Windows has no such call
        os.chown(copy, found.st_uid, found.st_gid, follow_symlinks=False)


# ---------------------------------------------------------------------------------------------------- removing


def _remove(place: Place, found: Contents) -> None:
    """Delete a store's own files: `tracker.db` first, so that it is a store no more, and the lock last.

    A run that begins meanwhile writes a journal that is not among them: it stays.
    """
    first = [Path(name) for name in DATABASE_FILES if Path(name) in found.files]
    last = [Path(place.lock.name)]
    try:
        for path in [*first, *(path for path in found.files if path not in first and path not in last)]:
            with contextlib.suppress(FileNotFoundError):
                (place.root / path).unlink()
    except PermissionError as error:
        raise StoreReadOnly(
            f"{error.filename} cannot be deleted: {error.strerror}. `tracker-nb doctor` says whose the store is."
        ) from error
    _clear(place, last, found.folders)


def _clear(place: Place, files: Iterable[Path], folders: Iterable[Path]) -> None:
    for path in files:
        portable.remove(place.root / path)
    for folder in [*sorted(folders, reverse=True), Path()]:
        with contextlib.suppress(OSError):
            (place.root / folder).rmdir()  # only where it is empty


def _left(place: Place) -> tuple[str, ...]:
    if not place.root.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in place.root.iterdir()))
