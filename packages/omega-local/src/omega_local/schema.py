"""The tables of the embedded store, and their version."""

from __future__ import annotations

from typing import Final

FORMAT: Final = 2
APPLICATION: Final = 0x6F6D_6567  # "omeg"

#: What makes a database of an older format one of this format: by format, the statements that lead to the next.
UPGRADES: Final = {1: ("ALTER TABLE versions ADD COLUMN signature TEXT", "PRAGMA user_version = 2")}

#: Made with a database that is made anew beside blobs: the one that knew them was lost.
LOST_BEFORE: Final = "CREATE TABLE lost_before (found INTEGER NOT NULL)"

# Times are whole microseconds since 1970. Rowid tables keep large texts; those without are clustered by their key.
SCHEMA: Final = (
    """
    CREATE TABLE heads (
        bucket TEXT NOT NULL, prefix TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL,
        revision INTEGER NOT NULL, kind TEXT NOT NULL, dropped INTEGER, body TEXT NOT NULL,
        PRIMARY KEY (bucket, prefix, name, uid)
    ) WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX heads_living ON heads (bucket, prefix, name) WHERE dropped IS NULL",
    "CREATE UNIQUE INDEX heads_by_uid ON heads (uid)",
    """
    CREATE TABLE versions (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, uid TEXT NOT NULL, seq INTEGER NOT NULL,
        parent_id TEXT, parent_seq INTEGER, digest TEXT, manifest TEXT, signature TEXT
    )
    """,
    "CREATE INDEX versions_by_uid ON versions (uid)",
    """
    CREATE TABLE blobs (
        id TEXT PRIMARY KEY, physical TEXT NOT NULL, size INTEGER NOT NULL,
        created INTEGER NOT NULL, leased_until INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE TABLE collections (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE)",
    """
    CREATE TABLE documents (
        ordinal INTEGER PRIMARY KEY, collection INTEGER NOT NULL, id TEXT NOT NULL, token TEXT, body TEXT NOT NULL,
        UNIQUE (collection, id)
    )
    """,
    "CREATE INDEX documents_in_order ON documents (collection)",
    "CREATE INDEX documents_by_token ON documents (collection, token) WHERE token IS NOT NULL",
    # Without statistics SQLite expects ten documents in a collection, and would not use the index of a field.
    "ANALYZE sqlite_master",
    """
    INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
        ('documents', 'documents_in_order', '1000000 100000'),
        ('documents', 'documents_by_token', '1000000 100000 1000'),
        ('documents', 'sqlite_autoindex_documents_1', '1000000 100000 1')
    """,
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
)
