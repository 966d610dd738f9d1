"""The store that a team shares: names, versions and documents in MongoDB, blobs in GridFS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omega_mongo.client import Connection
from omega_mongo.metadata import MongoMetadataStore
from omega_mongo.store import MongoStore

if TYPE_CHECKING:
    from pymongo import MongoClient

__all__ = ["Connection", "MongoMetadataStore", "MongoStore", "open_store"]


def open_store(where: str | MongoClient[Any], **options: Any) -> tuple[MongoMetadataStore, MongoStore]:
    """Return both stores in a database; the server is first asked when they are used.

    Args:
        where: a URL (``mongodb://user:password@host/database?option=…``), or a client of pymongo, whose default
            database is used.
        options: of ``pymongo.MongoClient``, over those of the URL.

    Raises:
        SettingsError: the URL or an option is malformed.
    """
    connection = Connection(where, **options)
    return MongoMetadataStore(connection), MongoStore(connection)
