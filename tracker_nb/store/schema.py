"""The tables of a store, version 2, and how a store of version 1 gets there.

Everything is keyed by small integers; names live once. A run has generations (a rewind starts a new one), a generation
has writers (one a process), a writer's rows come in row groups, a row group has one chunk a metric.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

VERSION = 2
"""Schema number of this release, in `PRAGMA user_version`."""

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,              -- microseconds since 1970, as all times here
    description TEXT NOT NULL DEFAULT '',
    owner TEXT NOT NULL DEFAULT '',
    visibility TEXT NOT NULL DEFAULT 'private',
    settings TEXT NOT NULL DEFAULT '{}',
    deleted INTEGER,
    UNIQUE (entity, name)
);

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    run TEXT NOT NULL,                     -- the public id of 8 characters
    generation_id INTEGER,                 -- the live generation
    name TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'running', -- as last reported: 'crashed' is found out by who reads
    exit_code INTEGER,
    notes TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '[]',       -- JSON
    run_group TEXT,
    job_type TEXT,
    sweep TEXT,
    color TEXT NOT NULL DEFAULT '',
    owner TEXT NOT NULL DEFAULT '',
    visibility TEXT NOT NULL DEFAULT 'private',
    created INTEGER NOT NULL,
    started INTEGER NOT NULL,              -- of the last start: a resumed run keeps `created`
    ended INTEGER,
    updated INTEGER NOT NULL,              -- last record applied
    config BLOB NOT NULL,                  -- MessagePack: what is true
    config_json TEXT NOT NULL,             -- the same for SQL; NaN and infinities as strings
    definitions BLOB NOT NULL,             -- MessagePack: metric definitions by name
    metadata BLOB NOT NULL,                -- MessagePack: host, program, Python, git ...
    deleted INTEGER,
    UNIQUE (project_id, run)
);
CREATE INDEX runs_by_creation ON runs (project_id, created);

CREATE TABLE generations (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    number INTEGER NOT NULL,
    created INTEGER NOT NULL,
    parent_id INTEGER REFERENCES generations (id), -- of a fork or a rewind
    parent_step INTEGER,                   -- steps up to and including this one are inherited
    parent_marks TEXT,                     -- JSON: last inherited sequence number of each of its writers
    UNIQUE (run_id, number)
);

CREATE TABLE writers (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    generation_id INTEGER REFERENCES generations (id), -- NULL: of no run, it records the cells of a kernel session
    session TEXT,                          -- which kernel session that is
    joined INTEGER NOT NULL DEFAULT 0,     -- 0: opened by init(), decides the run's state
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    created INTEGER NOT NULL,
    segment INTEGER NOT NULL DEFAULT 1,    -- applied up to here: this makes applying idempotent
    offset INTEGER NOT NULL DEFAULT 0,
    seq INTEGER NOT NULL DEFAULT 0,
    skipped_places INTEGER NOT NULL DEFAULT 0,
    skipped_bytes INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,       -- calls the writer itself could not keep
    ended INTEGER                          -- when its journal was found finished or dead and fully applied
);
CREATE INDEX writers_by_generation ON writers (generation_id);

CREATE TABLE keys (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE key_sets (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, key_ids BLOB NOT NULL, stream INTEGER NOT NULL);
CREATE TABLE sites (
    id INTEGER PRIMARY KEY, file TEXT NOT NULL, line INTEGER NOT NULL, function TEXT NOT NULL, UNIQUE (file, line, function)
);
CREATE TABLE executions (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    session TEXT,
    notebook TEXT,
    cell_id TEXT,
    execution_count INTEGER,
    started INTEGER NOT NULL,
    ended INTEGER,
    outcome TEXT,
    bytes INTEGER NOT NULL DEFAULT 0,      -- of the two columns below: what the history may hold is bounded
    source_sha256 TEXT,                    -- of the source as run, not redacted
    source TEXT,                           -- as run, secrets redacted; NULL: not recorded, or purged
    extra BLOB NOT NULL
);
CREATE INDEX executions_by_start ON executions (started);
CREATE INDEX executions_by_session ON executions (session) WHERE outcome IS NULL;
-- What a writer's own numbers mean here.
CREATE TABLE interned (
    writer_id INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, ref INTEGER NOT NULL,
    PRIMARY KEY (writer_id, number)
) WITHOUT ROWID;
CREATE INDEX interned_executions ON interned (ref) WHERE kind = 'execution';

CREATE TABLE row_groups (
    id INTEGER PRIMARY KEY,
    generation_id INTEGER NOT NULL REFERENCES generations (id),
    writer_id INTEGER NOT NULL REFERENCES writers (id),
    key_set_id INTEGER,                    -- NULL: rows of many key sets, in `maps`
    stream INTEGER NOT NULL DEFAULT 0,     -- 0 history, 1 system metrics
    rows INTEGER NOT NULL,
    sealed INTEGER NOT NULL DEFAULT 0,     -- 1: full, or its run has ended; it will not be merged again
    ordered INTEGER NOT NULL,              -- 1: steps do not descend
    time_ordered INTEGER NOT NULL,
    step_min INTEGER NOT NULL, step_max INTEGER NOT NULL,
    time_min INTEGER NOT NULL, time_max INTEGER NOT NULL,
    coarse_step BLOB, coarse_time BLOB,    -- x of the first row of each 1,024; first, so that charts read no further
    seq BLOB NOT NULL, step BLOB NOT NULL, time BLOB NOT NULL,    -- columns: see columns.py
    execution BLOB NOT NULL, site BLOB NOT NULL, flags BLOB NOT NULL,
    maps BLOB                              -- MessagePack: a list of dicts
);
CREATE INDEX row_groups_by_generation ON row_groups (generation_id, key_set_id, step_min);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    generation_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL REFERENCES row_groups (id),
    type INTEGER NOT NULL,
    count INTEGER NOT NULL,                -- values that are numbers and not NaN
    min REAL, max REAL, sum REAL, first REAL, last REAL,
    coarse BLOB,                           -- pyramid, 1,024 rows an entry: see pyramid.py
    fine BLOB,                             -- pyramid, 64 rows an entry
    data BLOB NOT NULL
);
CREATE INDEX chunks_by_key ON chunks (generation_id, key_id, group_id);
CREATE INDEX chunks_by_group ON chunks (group_id);

CREATE TABLE metric_stats (
    generation_id INTEGER NOT NULL, key_id INTEGER NOT NULL, writer_id INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    count INTEGER NOT NULL,                -- of numbers that are not NaN
    min REAL, max REAL, sum REAL,
    first BLOB, last BLOB,                 -- MessagePack; NULL where larger than 64 KiB: look in the chunk
    last_step INTEGER NOT NULL, last_time INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    PRIMARY KEY (generation_id, key_id, writer_id)
) WITHOUT ROWID;

CREATE TABLE summary_values (
    generation_id INTEGER NOT NULL, name TEXT NOT NULL,
    writer_id INTEGER NOT NULL,            -- 0: by a command
    seq INTEGER NOT NULL, time INTEGER NOT NULL,
    value BLOB,                            -- MessagePack; NULL: removed by hand
    PRIMARY KEY (generation_id, name)
) WITHOUT ROWID;

-- Every change of config, summary, attributes and definitions, in store order.
CREATE TABLE run_events (
    id INTEGER PRIMARY KEY,
    generation_id INTEGER NOT NULL, writer_id INTEGER NOT NULL,
    seq INTEGER NOT NULL, time INTEGER NOT NULL, execution_id INTEGER, site_id INTEGER,
    kind TEXT NOT NULL, data BLOB NOT NULL
);
CREATE INDEX run_events_by_generation ON run_events (generation_id, kind);

-- Records of a later release, or damaged inside: kept for a release that understands them.
CREATE TABLE unknown_records (
    id INTEGER PRIMARY KEY, writer_id INTEGER NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL,
    reason TEXT NOT NULL, payload BLOB NOT NULL
);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
    before TEXT, after TEXT
);
"""

Migration = Callable[[sqlite3.Connection], None]


def _record_cells(db: sqlite3.Connection) -> None:
    """To version 2: a writer may be of a kernel session instead of a run, and executions know their size."""
    # SQLite cannot drop NOT NULL: the table is made anew, and takes the old one's name.
    old = str(db.execute("SELECT sql FROM sqlite_master WHERE name = 'writers'").fetchone()[0])
    new = old.replace("TABLE writers", "TABLE new_writers").replace(
        "generation_id INTEGER NOT NULL", "generation_id INTEGER"
    )
    db.execute(new)
    db.execute("INSERT INTO new_writers SELECT * FROM writers")
    db.execute("DROP TABLE writers")
    db.execute("ALTER TABLE new_writers RENAME TO writers")
    db.execute("CREATE INDEX writers_by_generation ON writers (generation_id)")
    # Stores of the weeks before version 2 have some of the rest under the number 1.
    for table, column in (("writers", "session TEXT"), ("executions", "bytes INTEGER NOT NULL DEFAULT 0")):
        if column.split()[0] not in {row[1] for row in db.execute(f"PRAGMA table_info({table})")}:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    db.execute("UPDATE executions SET bytes = length(extra) + coalesce(length(source), 0) WHERE bytes = 0")
    for index in (
        "executions_by_start ON executions (started)",
        "executions_by_session ON executions (session) WHERE outcome IS NULL",
        "interned_executions ON interned (ref) WHERE kind = 'execution'",
    ):
        db.execute(f"CREATE INDEX IF NOT EXISTS {index}")


MIGRATIONS: dict[int, Migration] = {1: _record_cells}
"""From the schema with this number to the next. Each runs in one transaction, under the writer lock, after a backup."""
