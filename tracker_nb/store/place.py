"""Which store: the folder given, the project's, or the user's.

A store is a folder with a `tracker.db`. `TRACKER_NB_DIR` names one; else it is the nearest `.tracker_nb` at or above the
working directory (made by `tracker-nb init`); else the one in the user's data directory.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

DATABASE = "tracker.db"
PROJECT_FOLDER = ".tracker_nb"


@dataclass(frozen=True, slots=True)
class Place:
    """A store's folder and what lies where in it. All paths inside the database are relative to `root`."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / DATABASE

    @property
    def journals(self) -> Path:
        """Segments that are not, or not wholly, applied."""
        return self.root / "journals"

    @property
    def files(self) -> Path:
        """Files of runs."""
        return self.root / "files"

    @property
    def objects(self) -> Path:
        """Content-addressed bytes."""
        return self.root / "objects"

    @property
    def lock(self) -> Path:
        """Held by whoever writes to the database."""
        return self.root / "tracker.lock"

    @property
    def backups(self) -> Path:
        """Copies made before a migration."""
        return self.root / "backups"

    @property
    def gitignore(self) -> Path:
        """Keeps the store out of a repository, where it is that of a project."""
        return self.root / ".gitignore"

    def exists(self) -> bool:
        """True if there is a database, as far as this user may see."""
        return os.path.exists(self.database)  # Path.exists() raises where a folder on the way is closed to us

    def writable(self) -> bool:
        """True if this process may create files in it."""
        return os.access(self.root, os.W_OK) and (not self.exists() or os.access(self.database, os.W_OK))

    def file_mode(self) -> int:
        """Permissions for new files: the group's too where the owner made the folder writable for it."""
        try:
            shared = self.root.stat().st_mode & stat.S_IWGRP
        except OSError:
            shared = 0
        return 0o660 if shared else 0o600

    def __str__(self) -> str:
        return str(self.root)


def find(given: str | os.PathLike[str] | None = None, *, start: Path | None = None) -> Place:
    """The store that a program started in `start` (default: the working directory) uses. It need not exist yet."""
    if given:
        return Place(Path(given).expanduser().absolute())
    named = os.environ.get("TRACKER_NB_DIR")
    if named:
        return Place(Path(named).expanduser().absolute())
    try:
        here = (start or Path.cwd()).absolute()
    except FileNotFoundError:  # the working directory was deleted
        return user_store()
    for folder in (here, *here.parents):
        if os.path.exists(folder / PROJECT_FOLDER / DATABASE):
            return Place(folder / PROJECT_FOLDER)
    return user_store()


def user_store() -> Place:
    """The store in the user's data directory."""
    import platformdirs

    return Place(Path(platformdirs.user_data_dir("tracker_nb", appauthor=False)))
