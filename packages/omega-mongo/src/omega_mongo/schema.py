"""What is where in the database, and making it: collections, indexes, the number of the format.

The format is described for people in ``docs/mongodb.md``. What any format has written stays readable for ever;
format 2 has records of tasks, workers and logs that older versions can not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from omega_domain.errors import StoreFormatError
from omega_mongo.client import Connection
from omega_mongo.errors import translated
from omega_mongo.names import FILES, HEADS, LAYOUT, VERSIONS

FORMAT: Final = 3
LAYOUT_ID: Final = "omega-ml"
#: What a connection has done once :func:`check_format` has looked, and :func:`prepare` has made what was missing.
CHECKED: Final = "checked"
PREPARED: Final = "prepared"

INDEXES: Final[Mapping[str, Sequence[IndexModel]]] = {
    HEADS: (
        IndexModel(
            [("bucket", 1), ("prefix", 1), ("name", 1)],
            name="living",
            unique=True,
            partialFilterExpression={"living": True},
        ),
        IndexModel([("dropped", 1)], name="dropped", partialFilterExpression={"living": False}),
    ),
    VERSIONS: (IndexModel([("uid", 1)], name="uid"),),
    f"{FILES}.files": (
        IndexModel(
            [("filename", 1)], name="content", unique=True, partialFilterExpression={"metadata.state": "stored"}
        ),
        IndexModel([("metadata.state", 1), ("metadata.touched", 1)], name="unfinished"),
    ),
    "omega.tasks": (
        IndexModel([("status", 1), ("label", 1), ("queued", 1)], name="waiting"),
        IndexModel([("submitted", -1)], name="submitted"),
    ),
    "omega.logs": tuple(IndexModel([(field, 1)], name=f"{field}_1") for field in ("time", "task", "stored")),
    f"{FILES}.chunks": (IndexModel([("files_id", 1), ("n", 1)], name="files_id_1_n_1", unique=True),),
}
"""Indexes of our collections; every query of ours is served by one of them or by ``_id``."""


def check_format(connection: Connection) -> None:
    """See, once in a process, that the database was not written by a newer omega-ml.

    Raises:
        StoreFormatError: it was.
    """
    if CHECKED not in connection.done:
        connection.once(CHECKED, lambda: _check(connection))


def prepare(connection: Connection) -> None:
    """Make sure, once in a process, that format and indexes are there; many clients may do so at once.

    Raises:
        StoreFormatError: the database was written by a newer omega-ml.
        StoreReadOnlyError: this user may not write.
    """
    check_format(connection)
    if PREPARED not in connection.done:
        connection.once(PREPARED, lambda: _make(connection))


def lost_collections(connection: Connection) -> list[str]:
    """Return the names of collections of heads or versions that were dropped since they were made."""
    with translated(connection.url):
        found = connection.own[LAYOUT].find_one({"_id": LAYOUT_ID})
        return [] if found is None else sorted({*found.get("lost", ()), *_dropped(connection)})


def forget_losses(connection: Connection) -> None:
    """Make the indexes of what was dropped anew, and forget that it was."""
    _make(connection)
    with translated(connection.url):
        connection.own[LAYOUT].update_one({"_id": LAYOUT_ID}, {"$unset": {"lost": ""}})


def _dropped(connection: Connection) -> list[str]:
    """Return which collections have none of their indexes; those that a write has made by the way have none."""
    wanted = {name: {index.document["name"] for index in INDEXES[name]} for name in (HEADS, VERSIONS)}
    database = connection.own
    return [
        name for name, names in wanted.items() if names.isdisjoint(i["name"] for i in database[name].list_indexes())
    ]


def _check(connection: Connection) -> None:
    with translated(connection.url):
        found = connection.own[LAYOUT].find_one({"_id": LAYOUT_ID})
    _refuse_newer(found, connection.url)


def _make(connection: Connection) -> None:
    """Make the indexes; the mark of the format comes last and tells that they are there.

    Where it is there and they are not, they were dropped; that is noted, since afterwards nobody could tell.
    """
    with translated(connection.url):
        database = connection.own
        if database[LAYOUT].find_one({"_id": LAYOUT_ID}) is not None and (dropped := _dropped(connection)):
            database[LAYOUT].update_one({"_id": LAYOUT_ID}, {"$addToSet": {"lost": {"$each": dropped}}})
        for name, indexes in INDEXES.items():
            database[name].create_indexes(list(indexes))
        found = database[LAYOUT].find_one({"_id": LAYOUT_ID})
        if found is None:
            with suppress(DuplicateKeyError):  # another client was faster
                database[LAYOUT].insert_one({"_id": LAYOUT_ID, "format": FORMAT})
        elif found["format"] < FORMAT:  # from now on it is written so that older ones can not read all of it
            database[LAYOUT].update_one({"_id": LAYOUT_ID, "format": {"$lt": FORMAT}}, {"$set": {"format": FORMAT}})


def _refuse_newer(found: Mapping[str, Any] | None, url: str) -> None:
    if found is not None and found["format"] > FORMAT:
        raise StoreFormatError(
            f"{url} has format {found['format']}, this omega-ml reads up to {FORMAT}: upgrade omega-ml, or choose "
            "another database"
        )
