"""Opening a store's database: who may read, who may write, and when.

Writers take a lock on a file beside the database, then `BEGIN IMMEDIATE`; only the lock's holder checkpoints. SQLite
before 3.51.3 can damage a write-ahead log when two connections commit and checkpoint at the same instant, and Debian's
Python links 3.40: with one writer at a time there is no such instant. Readers never take the lock and never write.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tracker_nb import portable
from tracker_nb.errors import StoreBusy, StoreDamaged, StoreNotFound, StoreReadOnly, StoreTooNew, TrackerError
from tracker_nb.store import forks, schema
from tracker_nb.store.cautions import why_not_writable
from tracker_nb.store.place import PROJECT_FOLDER, Place

LOCK_SECONDS = 10.0
GITIGNORE = "# Recorded runs are data, not source.\n*\n"
_CHECKPOINT_BYTES = 4 << 20
_abandoned: list[object] = []


def create(place: Place) -> bool:
    """Make the store if it is not there yet; True where it was made now. Safe when many do it at once.

    Raises:
        StoreReadOnly: the folder cannot be made or written.
        StoreTooNew: a store of a later release is there.
    """
    if place.exists() and _version_at(place) == schema.VERSION:
        place.journals.mkdir(mode=0o700, exist_ok=True)
        return False
    try:
        place.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (place.journals, place.files, place.objects):
            folder.mkdir(mode=0o700, exist_ok=True)
        ignore(place)
        with contextlib.closing(Database(place)) as database, database.locked():
            return database.prepare()
    except PermissionError as error:
        raise StoreReadOnly(
            f"Cannot write a store at {place}: {error.strerror}. Choose another folder with TRACKER_NB_DIR=... or "
            f"`init(dir=...)`."
        ) from error


def ignore(place: Place) -> None:
    """Keep the store of a project out of its repository."""
    if place.root.name == PROJECT_FOLDER and not place.gitignore.exists():
        place.gitignore.write_text(GITIGNORE, "utf-8")


def _version_at(place: Place) -> int:
    try:
        with contextlib.closing(_connect(place, write=False)) as connection:
            return _version(connection)
    except sqlite3.OperationalError:  # whoever made it was killed: what is left, a reader cannot roll back
        return 0


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _connect(place: Place, *, write: bool) -> sqlite3.Connection:
    uri = "file:" + quote(str(place.database))
    if write:
        uri += "?mode=rwc"
    elif os.access(place.root, os.W_OK):
        uri += "?mode=ro"
    else:
        # Where SQLite cannot make its shared memory it must be told that nobody writes. It leaves the log out then: what
        # is nowhere but there stands in the journals too, which are kept until the log is in the database.
        wal, shared = Path(f"{place.database}-wal"), Path(f"{place.database}-shm")
        uri += "?mode=ro" if shared.exists() and wal.exists() and wal.stat().st_size else "?mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5.0)
    except sqlite3.OperationalError as error:
        if not place.exists():
            raise missing(place) from error
        raise StoreReadOnly(f"The store at {place} cannot be opened: {error}.") from error
    with contextlib.suppress(sqlite3.DatabaseError):  # it reads the schema: who asks next says that this is damaged
        connection.execute("PRAGMA cache_size=-16384")
    return connection


def check_version(connection: sqlite3.Connection, place: Place) -> None:
    """Refuse a store that this release does not know. Called inside every transaction."""
    version = _version(connection)
    if version > schema.VERSION:
        raise StoreTooNew(
            f"The store at {place} has schema {version}, and this tracker_nb knows up to {schema.VERSION}. Runs are still "
            f"logged to its journals; to read it: pip install -U tracker_nb."
        )


def connect_reading(place: Place) -> sqlite3.Connection:
    """A connection that cannot write.

    Raises:
        StoreNotFound, StoreTooNew, StoreReadOnly, StoreBusy, StoreDamaged
    """
    if not place.exists():
        raise missing(place)
    version = 0
    try:
        with contextlib.suppress(sqlite3.OperationalError):  # what a killed writer left, a reader cannot roll back
            connection, version = _opened_for_reading(place)
            if version == schema.VERSION:
                return connection
            connection.close()
        # Of an earlier release, or whoever began to make it was killed. The tables of an empty one may have to wait.
        with contextlib.suppress(StoreBusy, StoreReadOnly, OSError, *([] if version else [sqlite3.OperationalError])):
            create(place)
        connection, version = _opened_for_reading(place)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_PROTOCOL,
        ):  # a process stopped while it opened it
            raise StoreBusy(
                f"Another process holds the store at {place} locked: {error}. Try again, or stop it."
            ) from error
        raise StoreDamaged(f"{place.database} is not a database of ours: {error}. Try `tracker-nb doctor`.") from error
    if version == 0:
        connection.close()
        raise StoreNotFound(f"The store at {place} is empty, and this process cannot make its tables.")
    return connection


def _opened_for_reading(place: Place) -> tuple[sqlite3.Connection, int]:
    connection = _connect(place, write=False)
    try:
        connection.execute("PRAGMA query_only=1")
        check_version(connection, place)
        return connection, _version(connection)
    except BaseException:
        connection.close()
        raise


def connect_any(place: Place) -> sqlite3.Connection:
    """A connection that cannot write to a store of any schema, a later one too: to examine or copy it.

    Raises:
        StoreNotFound, StoreReadOnly
    """
    if not place.exists():
        raise missing(place)
    return _connect(place, write=False)


def missing(place: Place) -> StoreNotFound:
    """The error that says that there is no store here, or none that this user can see."""
    nearest = next(one for one in (place.root, *place.root.parents) if os.path.exists(one))
    if os.access(nearest, os.X_OK):
        return StoreNotFound(
            f"There is no store at {place}. Make one with `tracker-nb init`, or log a run: that makes it too."
        )
    why = why_not_writable(place)
    return StoreNotFound(
        f"Whether there is a store at {place} cannot be seen, as this user may not look into {nearest}"
        f"{f': {why}' if why else ''}. Ask who owns it, or have a store of your own: `tracker-nb init`."
    )


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection, place: Place) -> Iterator[sqlite3.Connection]:
    """Everything read inside is of one moment."""
    try:
        connection.execute("BEGIN")
        check_version(connection, place)
        yield connection
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


class Database:
    """The writing end of a store for one process. Its connection is opened when first needed, and only under the lock."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._connection: sqlite3.Connection | None = None
        self._inside = threading.RLock()
        self._depth = 0
        self._lock_fd = -1
        self._identity: tuple[int, int] | None = None
        self.openings = 0
        self._pid = os.getpid()
        self._resting = False
        forks.watch(self)

    @contextlib.contextmanager
    def locked(self, seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Hold the store's writer lock.

        Raises:
            StoreBusy: another process held it for all of `seconds`.
            StoreNotFound: the store's folder is gone.
        """
        if self._pid != os.getpid():
            self._leave_to_parent()
        if not self._inside.acquire(timeout=seconds):
            raise StoreBusy(f"Another thread of this process writes to the store at {self.place} since {seconds:g} s.")
        try:
            self._depth += 1
            try:
                if self._lock_fd < 0:  # else an outer block, or one that was interrupted while it left, has it
                    self._take_lock(seconds)
                yield
            finally:
                self._depth -= 1
                if self._depth == 0 and self._lock_fd >= 0:
                    fd, self._lock_fd = self._lock_fd, -1
                    try:
                        portable.unlock(fd)
                    finally:
                        os.close(fd)
        finally:
            self._inside.release()

    def _take_lock(self, seconds: float) -> None:
        try:
            fd = os.open(self.place.lock, os.O_RDWR | os.O_CREAT | portable.O_BINARY, self.place.file_mode())
        except FileNotFoundError as error:
            raise StoreNotFound(f"The store at {self.place} is gone.") from error
        except OSError as error:
            raise StoreReadOnly(f"The store at {self.place} cannot be written: {error.strerror}.") from error
        try:
            if not portable.wait_lock(fd, seconds):
                raise self._busy(seconds)
            self._lock_fd = fd
        except BaseException:  # an interrupt too: whoever leaves takes the lock along
            self._lock_fd = -1
            os.close(fd)
            raise

    @contextlib.contextmanager
    def transaction(self, seconds: float = LOCK_SECONDS) -> Iterator[sqlite3.Connection]:
        """One write transaction under the lock; rolled back if the block raises.

        Raises:
            StoreBusy, StoreNotFound, StoreReadOnly, StoreTooNew
        """
        with self.locked(seconds):
            connection = self.connection()
            if _version(connection) < schema.VERSION:  # deleted and made anew under our feet, or never migrated
                self.prepare()
            try:
                self._begin(connection, seconds)
                check_version(connection, self.place)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _begin(self, connection: sqlite3.Connection, seconds: float) -> None:
        connection.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):  # by a program that is not ours
                raise self._busy(seconds) from error
            raise

    def _busy(self, seconds: float) -> StoreBusy:
        return StoreBusy(
            f"Another process has been writing to the store at {self.place} for {seconds:g} s. Nothing is lost: what was "
            f"logged is in its journals. `tracker-nb doctor` shows who holds the lock."
        )

    def connection(self) -> sqlite3.Connection:
        """The writing connection. Only while `locked`."""
        if self._connection is not None and not self._same_file():
            # The database was deleted or replaced: SQLite would go on writing into the unlinked file.
            _abandoned.append(self._connection)
            self._connection = None
        if self._connection is None:
            if not self.place.root.exists():
                raise StoreNotFound(f"The store at {self.place} is gone.")
            connection = _connect(self.place, write=True)
            connection.execute("PRAGMA busy_timeout=10000")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            self._connection = connection
            self._identity = self._file_identity()
            self.openings += 1
        return self._connection

    def _file_identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.place.database)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _same_file(self) -> bool:
        now = self._file_identity()  # None: deleted, perhaps between its opening and our first look
        return now is not None and now == self._identity

    def prepare(self) -> bool:
        """Create the tables, or migrate those of an earlier release. Only while `locked`. True where created."""
        connection = self.connection()
        version = _version(connection)
        if version == schema.VERSION:
            return False
        check_version(connection, self.place)
        if version == 0:
            self._create(connection)
            return True
        self._migrate(connection, version)
        return False

    def _create(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # before the first table, or never
        if not portable.on_network(self.place.root):
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _statements(schema.SCHEMA):
            connection.execute(statement)
        rows = [("id", str(uuid.uuid4())), ("created", str(time.time_ns() // 1000))]
        connection.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", rows)
        connection.execute(f"PRAGMA user_version={schema.VERSION}")
        connection.execute("COMMIT")
        os.chmod(self.place.database, self.place.file_mode())

    def _migrate(self, connection: sqlite3.Connection, version: int) -> None:
        self.place.backups.mkdir(mode=0o700, exist_ok=True)
        copy = self.place.backups / f"schema-{version}-{time.strftime('%Y%m%d-%H%M%S')}.db"
        with contextlib.closing(sqlite3.connect(copy)) as target:
            connection.backup(target)
        first = version
        while version < schema.VERSION:
            connection.execute("BEGIN IMMEDIATE")
            try:
                schema.MIGRATIONS[version](connection)
                connection.execute(f"PRAGMA user_version={version + 1}")
                connection.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                if version == first:
                    portable.remove(copy)  # nothing was changed: the next attempt, perhaps in a second, makes its own
                if not isinstance(error, Exception):
                    raise
                raise TrackerError(
                    f"The store at {self.place} could not be brought from schema {version} to {version + 1}: {error}. It is "
                    f"as it was, and runs are still logged to its journals. Report this; until then, use the release before."
                ) from error
            version += 1

    def checkpoint(self, *, always: bool = False, lock_seconds: float = LOCK_SECONDS) -> bool:
        """Move the write-ahead log into the database and fsync both, if it is long or `always`.

        Returns:
            True if everything committed so far is now durable in the database. False where a reader's old snapshot is
            in the way; the next call tries again.
        """
        if self._connection is None:
            return False
        if not always:
            try:
                if os.stat(f"{self.place.database}-wal").st_size < _CHECKPOINT_BYTES:
                    return False
            except OSError:
                return False
        with self.locked(lock_seconds):
            connection = self.connection()
            timeout = connection.execute("PRAGMA busy_timeout").fetchone()[0]
            connection.execute("PRAGMA busy_timeout=50")  # TRUNCATE waits for readers: not while we hold the lock
            try:
                busy, log, moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout={timeout}")
        return bool(busy == 0 or (log >= 0 and log == moved))

    def before_fork(self) -> None:
        """Let no thread in, and close the connection: see `forks`."""
        self._resting = self._inside.acquire(timeout=forks.SECONDS)
        if self._resting and self._depth == 0:
            self.close(forks.SECONDS)

    def after_fork_in_parent(self) -> None:
        """Let threads in again."""
        if self._resting:
            self._resting = False
            self._inside.release()

    def after_fork_in_child(self) -> None:
        """Nothing of the parent's is ours: neither its lock nor its connection."""
        self._leave_to_parent()

    def _leave_to_parent(self) -> None:
        # SQLite forbids using, or even closing, a connection in a forked child.
        if self._connection is not None:
            forks.keep(self._connection)
        _abandoned.append(self._inside)
        self._connection = None
        self._resting = False
        self._inside = threading.RLock()
        self._depth = 0
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1
        self._pid = os.getpid()

    def close(self, seconds: float = LOCK_SECONDS) -> None:
        """Close the connection: under the lock, because the last one to close checkpoints."""
        if self._pid != os.getpid():
            self._leave_to_parent()
        if self._connection is None:
            return
        with contextlib.suppress(StoreBusy, StoreNotFound, StoreReadOnly), self.locked(seconds):
            if self._connection is not None:  # another thread may have been faster
                self._connection.close()
                self._connection = None


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def store_id(connection: sqlite3.Connection) -> str:
    """The store's UUID: what displays and servers name it by."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'id'").fetchone()
    return str(row[0]) if row else ""
