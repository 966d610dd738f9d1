"""The payload store in MongoDB: blobs in GridFS, documents in collections."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.ports.clock import Clock
from omega_domain.ports.diagnosis import SupportsDiagnosis, Symptom
from omega_domain.ports.store import Store, SupportsDatabase, SupportsLosses, SupportsTime
from omega_mongo.client import Connection
from omega_mongo.collection import MongoCollection, key_of
from omega_mongo.diagnosis import diagnose
from omega_mongo.errors import translated
from omega_mongo.files import MongoFiles
from omega_mongo.schema import forget_losses, lost_collections
from omega_mongo.tables import MongoTables

if TYPE_CHECKING:
    from pymongo.database import Database


@cache
def collection_class() -> type[MongoCollection]:
    """Return the class of collections: one that gives tables, if what it takes is installed.

    pymongoarrow fixes the version of pyarrow, so it is optional: without it, documents are read one by one.
    """
    return MongoCollection if find_spec("pymongoarrow") is None else MongoTables


class MongoStore(Store, SupportsDatabase, SupportsDiagnosis, SupportsLosses, SupportsTime):
    """Keeps payloads in a database of MongoDB; everybody who has the database shares them.

    Args:
        connection: to the database.
        clock: tells when blobs are stored.
    """

    def __init__(self, connection: Connection, *, clock: Clock | None = None) -> None:
        self._connection = connection
        self._files = MongoFiles(connection, clock or SystemClock())

    @property
    def files(self) -> MongoFiles:
        """The blobs."""
        return self._files

    def collection(self, key: str) -> MongoCollection:
        """Return the collection of this key; it comes into being with its first document."""
        return collection_class()(self._connection, key)

    def collections(self) -> list[str]:
        """Return the keys of all collections that hold documents, sorted."""
        with translated(self._connection.url):
            database = self._connection.database
            names = [name for name in database.list_collection_names() if key_of(name) is not None]
            held = [name for name in names if database[name].find_one({}, {"_id": 1}) is not None]
        return sorted(key for name in held if (key := key_of(name)) is not None)

    @property
    def url(self) -> str:
        """``mongodb://``, the hosts and the database, without user and password."""
        return self._connection.url

    @property
    def database(self) -> Database[dict[str, Any]]:
        """The database, as pymongo gives it."""
        return self._connection.database

    def diagnose(self) -> Iterator[Symptom]:
        """Look at the server and at what this user may do there."""
        return diagnose(self._connection)

    def time(self) -> datetime:
        """Return the time by the clock of the server."""
        with translated(self._connection.url):
            return self._connection.time()

    def losses(self) -> Iterator[str]:
        """Say which of the collections that lead to payloads were dropped."""
        for name in lost_collections(self._connection):
            yield f"the collection {name} in {self.url} was dropped, or restored without its indexes"

    def accept_losses(self) -> None:
        """Make what was dropped anew."""
        forget_losses(self._connection)

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        self._connection.close()
