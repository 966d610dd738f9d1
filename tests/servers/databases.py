"""Databases that the tests of a module share: emptied for each test, since a new one takes five times as long.

A new database costs a connection, the indexes of all collections and the removal; an emptied one has them already. A
test that is about any of these takes a fresh one: the fixture ``mongo_url``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pymongo.database import Database

from omega_mongo import Connection
from omega_mongo.names import LAYOUT
from omega_mongo.schema import INDEXES, prepare


class Databases:
    """Databases of one server, each behind a connection that stays open.

    Args:
        url_of: returns the URL of a database of the server.
    """

    def __init__(self, url_of: Callable[[str], str]) -> None:
        self._url_of = url_of
        self._all: list[Connection] = []
        self._free: list[Connection] = []

    def take(self) -> Connection:
        """Return a connection to an empty database with all indexes, which nobody else has.

        Raises:
            AssertionError: it is not empty: something outlived the test that had it before.
        """
        if not self._free:
            made = Connection(self._url_of(f"omega_test_{uuid.uuid4().hex[:12]}"))
            prepare(made)
            self._all.append(made)
            self._free.append(made)
        taken = self._free.pop()
        left = [*_others(taken.database), *_filled(taken.database)]
        assert left == [], f"{taken.url} holds what another test has written after its end: {left}"
        return taken

    def give_back(self, taken: Connection) -> None:
        """Empty the database for the next."""
        database = taken.database
        for name in _others(database):
            database.drop_collection(name)
        for name in _filled(database):
            database[name].delete_many({})
        self._free.append(taken)

    @contextmanager
    def lending(self) -> Iterator[Callable[[], Connection]]:
        """Give a function that takes another database at each call; all are given back afterwards."""
        taken: list[Connection] = []

        def lend() -> Connection:
            taken.append(self.take())
            return taken[-1]

        yield lend
        for connection in taken:
            self.give_back(connection)

    def drop(self) -> None:
        """Remove all databases for good."""
        for connection in self._all:
            connection.client.drop_database(connection.address.database)
            connection.close()


def _others(database: Database[Any]) -> list[str]:
    """Return the collections without indexes of ours: those of users, mostly."""
    return sorted(set(database.list_collection_names()) - {*INDEXES, LAYOUT})


def _filled(database: Database[Any]) -> list[str]:
    """Return which of our collections hold something, by a single request."""
    pipelines = [_tells_whether_filled(name) for name in INDEXES]
    first, *others = INDEXES
    joined = [
        {"$unionWith": {"coll": name, "pipeline": each}} for name, each in zip(others, pipelines[1:], strict=True)
    ]
    return [found["_id"] for found in database[first].aggregate([*pipelines[0], *joined])]


def _tells_whether_filled(name: str) -> list[dict[str, Any]]:
    return [{"$limit": 1}, {"$project": {"_id": {"$literal": name}}}]
