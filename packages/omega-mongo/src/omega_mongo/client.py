"""The connection to a MongoDB database: made on first use, renewed after a fork, with the concerns that we need."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from bson.int64 import Int64
from pymongo import MongoClient, ReadPreference, WriteConcern
from pymongo.database import Database
from pymongo.errors import PyMongoError

from omega_mongo.address import Address, address_of
from omega_mongo.errors import unusable

Document = dict[str, Any]

DEFAULTS: Final[Mapping[str, Any]] = {
    "appname": "omega-ml",
    "connectTimeoutMS": 5_000,
    "serverSelectionTimeoutMS": 5_000,
    "socketTimeoutMS": 60_000,
}
"""Options of the client that are used unless the URL or the caller sets them."""


class _PlainInt(TypeDecoder):
    """Gives whole numbers of 64 bits as int, as those of 32 bits are."""

    bson_type = Int64

    def transform_bson(self, value: Any) -> int:
        return int(value)


CODEC: Final[CodecOptions[Document]] = CodecOptions(
    tz_aware=True, tzinfo=UTC, type_registry=TypeRegistry([_PlainInt()])
)
"""How documents are read: times in UTC, plain numbers."""

_OWN: Final[CodecOptions[Document]] = CodecOptions(tz_aware=True, tzinfo=UTC)
_MAJORITY: Final = WriteConcern("majority")
_JOURNALED: Final = WriteConcern("majority", j=True)


class _Lazy:
    """A database that becomes an attribute of its connection when it is first asked for."""

    def __init__(self, codec: CodecOptions[Document], concern: WriteConcern) -> None:
        self._codec = codec
        self._concern = concern

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, connection: Connection, owner: type) -> Database[Document]:
        return connection.keep(self._name, self._codec, self._concern)


class Connection:
    """One database, for many threads and for processes that were forked from this one.

    Args:
        where: a URL (``mongodb://user:password@host/database?option=…``), or a client of pymongo.
        options: of ``MongoClient``, over those of the URL; none beside a client.

    Attributes:
        url: where the database is, without user, password and options.
        database: reads what this process has written, and writes to a majority of the members.
        own: the same for our own collections, in which numbers of 64 bits stay what pymongo makes of them.
        journaled: as ``own``, where what was written is also in the journal of a majority.
        done: what :meth:`once` has done in this process.

    Raises:
        SettingsError: the URL or an option is malformed.
    """

    database = _Lazy(CODEC, _MAJORITY)
    own = _Lazy(_OWN, _MAJORITY)
    journaled = _Lazy(_OWN, _JOURNALED)

    def __init__(self, where: str | MongoClient[Any], **options: Any) -> None:
        self.address: Address = address_of(where, options)
        self.url = self.address.url
        self._where = where
        self._options = options
        self._lock = threading.Lock()
        self._client: MongoClient[Any] | None = None
        self._doing = threading.RLock()
        self.done: set[str] = set()
        _CONNECTIONS.add(self)

    @property
    def client(self) -> MongoClient[Any]:
        """The client of pymongo; its first command connects it."""
        with self._lock:
            return self._opened()

    @property
    def uses_tls(self) -> bool:
        """Whether what is sent is encrypted."""
        return self.client.options.pool_options._ssl_context is not None  # noqa: SLF001 -- pymongo tells it nowhere else

    def once(self, what: str, do: Callable[[], None]) -> None:
        """Do something once in this process; others wait until it is done. If it fails, the next one tries again."""
        if what in self.done:
            return
        with self._doing:
            if what not in self.done:
                do()
                self.done.add(what)

    def time(self) -> datetime:
        """Return the time by the clock of the server."""
        now: datetime = self.database.command("hello")["localTime"]
        return now if now.tzinfo else now.replace(tzinfo=UTC)

    def close(self) -> None:
        """Close the connection, unless the client is the caller's; the next use opens it again."""
        with self._lock:
            if self._client is not None and isinstance(self._where, str):
                self._client.close()
            self._forget()
            self.done.clear()

    def keep(self, name: str, codec: CodecOptions[Document], concern: WriteConcern) -> Database[Document]:
        """Return the database, and keep it as the attribute of this name until the client is another one."""
        with self._lock:
            made: Database[Document] = self._opened().get_database(
                self.address.database,
                codec_options=codec,
                read_preference=ReadPreference.PRIMARY,
                write_concern=concern,
            )
            self.__dict__[name] = made
            return made

    def _opened(self) -> MongoClient[Any]:
        if self._client is None:
            self._client = self._open()
        return self._client

    def _open(self) -> MongoClient[Any]:
        if not isinstance(self._where, str):
            return self._where
        given = {name.lower() for name in (*self.address.options, *self._options)}
        defaults = {name: value for name, value in DEFAULTS.items() if name.lower() not in given}
        try:
            client: MongoClient[Any] = MongoClient(self._where, **{**defaults, **self._options}, connect=False)
        except (PyMongoError, ValueError, TypeError, OSError) as error:
            raise unusable(self.url, error, self.address.secrets) from error
        weakref.finalize(self, client.close)
        return client

    def after_fork(self) -> None:
        """Forget the parent's connections, which the child must not use, not even to close them."""
        self._lock, self._doing = threading.Lock(), threading.RLock()
        if isinstance(self._where, str):
            _INHERITED.append(self._client)
            self._forget()

    def _forget(self) -> None:
        self._client = None
        for name in _DATABASES:
            self.__dict__.pop(name, None)


_DATABASES: Final = [name for name, value in vars(Connection).items() if isinstance(value, _Lazy)]


def _after_fork() -> None:
    for connection in list(_CONNECTIONS):
        connection.after_fork()


_INHERITED: Final[list[MongoClient[Any] | None]] = []
_CONNECTIONS: Final[weakref.WeakSet[Connection]] = weakref.WeakSet()
os.register_at_fork(after_in_child=_after_fork)
