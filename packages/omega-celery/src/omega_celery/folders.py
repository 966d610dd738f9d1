"""A broker that needs no server: messages are files in a folder, for processes of one machine.

kombu has a transport of this kind. It reads messages that are still being written; and as it is not asynchronous,
Celery gives all processes of a pool one pipe with locks, so that one that is killed may block the others for ever.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any, Final
from urllib.parse import quote, unquote
from uuid import uuid4

from kombu.transport import virtual
from kombu.utils import json as messages

#: Seconds between two looks for messages, if nothing else happens.
POLLING: Final = 0.05
#: Seconds after which what a dead process has left half done is removed.
STALE: Final = 3600.0
_PRIVATE: Final = 0o700
_messages: Any = messages
_Channel: Any = virtual.Channel
_Transport: Any = virtual.Transport


def folder_of(url: str) -> Path:
    """Return the folder of a ``filesystem:///path``."""
    return Path(unquote(url.partition("://")[2]))


class MessageFolder:
    """A queue: a folder of files, each a message that appears whole and is taken once.

    Args:
        path: the folder; made when it is needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: deque[str] = deque()

    def put(self, text: str) -> None:
        """Add a message."""
        name = f"{time.time_ns():020d}-{uuid4().hex}"
        hidden = self._path / f".{name}"
        try:
            hidden.write_text(text, encoding="utf-8")
        except FileNotFoundError:
            self._path.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            hidden.write_text(text, encoding="utf-8")
        hidden.rename(self._path / name)

    def take(self) -> str | None:
        """Take the oldest message; None if there is none."""
        while name := self._next():
            hidden = self._path / f".{name}"
            with suppress(FileNotFoundError):  # somebody else was faster
                (self._path / name).rename(hidden)
                text = hidden.read_text(encoding="utf-8")
                hidden.unlink()
                return text
        return None

    def size(self) -> int:
        """Return how many messages there are."""
        return len(self._names())

    def clear(self) -> int:
        """Remove all messages; return how many there were."""
        count = self.size()
        shutil.rmtree(self._path, ignore_errors=True)
        return count

    def tidy(self) -> None:
        """Remove what processes that died long ago were about to put or take."""
        horizon = time.time() - STALE
        for path in self._path.glob(".*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < horizon:
                    path.unlink()

    def _next(self) -> str | None:
        if not self._known:
            self._known.extend(sorted(self._names()))
        return self._known.popleft() if self._known else None

    def _names(self) -> list[str]:
        with suppress(FileNotFoundError):
            return [name for name in os.listdir(self._path) if not name.startswith(".")]  # noqa: PTH208 -- ten times faster
        return []


class FolderChannel(_Channel):  # type: ignore[misc] # kombu has types of its own that do not hold
    """Queues and bindings in the folder of the transport; see ``kombu.transport.virtual``."""

    supports_fanout = True

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self._root: Path = connection.folder
        self._queues: dict[str, MessageFolder] = {}

    def _queue(self, name: str) -> MessageFolder:
        if name not in self._queues:
            self._queues[name] = MessageFolder(self._root / "queues" / _as_file_name(name))
        return self._queues[name]

    def _put(self, queue: str, message: Any, **_: Any) -> None:
        self._queue(queue).put(_messages.dumps(message))

    def _get(self, queue: str, timeout: float | None = None) -> Any:  # noqa: ARG002 -- kombu's signature
        while (text := self._queue(queue).take()) is not None:
            with suppress(ValueError):  # whoever has put that file
                return _messages.loads(text)
        raise Empty

    def _size(self, queue: str) -> int:
        return self._queue(queue).size()

    def _purge(self, queue: str) -> int:
        return self._queue(queue).clear()

    def _new_queue(self, queue: str, *, auto_delete: bool = False, **_: Any) -> None:
        """Begin anew with a queue that lasts as long as who declares it; that may have died before."""
        if auto_delete:
            self._purge(queue)
        self._queue(queue).tidy()

    def get_table(self, exchange: str) -> list[tuple[str, str, str]]:
        """Return what is bound to an exchange: routing key, pattern and queue of each binding."""
        table = []
        for path in self._bindings(exchange).glob("[!.]*"):
            with suppress(FileNotFoundError):
                table.append(tuple(json.loads(path.read_text())))
        return table

    def _queue_bind(self, exchange: str, *binding: Any) -> None:
        path = self._binding(exchange, *binding)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            hidden = path.with_name(f".{uuid4().hex}")
            hidden.write_text(json.dumps(_row(*binding)))
            hidden.rename(path)

    def _delete(self, queue: str, exchange: str, routing_key: Any, pattern: Any, *_: Any, **__: Any) -> None:
        self._binding(exchange, routing_key, pattern, queue).unlink(missing_ok=True)
        self._purge(queue)

    def _put_fanout(self, exchange: str, message: Any, routing_key: str, **_: Any) -> None:  # noqa: ARG002
        for _key, _pattern, queue in self.get_table(exchange):
            self._put(queue, message)

    def _bindings(self, exchange: str) -> Path:
        return self._root / "bindings" / _as_file_name(exchange)

    def _binding(self, exchange: str, *binding: Any) -> Path:
        return self._bindings(exchange) / hashlib.sha256(json.dumps(_row(*binding)).encode()).hexdigest()


class FolderTransport(_Transport):  # type: ignore[misc] # the same
    """Carries messages through the folder of a ``filesystem:///path``."""

    Channel = FolderChannel
    polling_interval = POLLING
    default_port = 0
    driver_type = driver_name = "filesystem"
    can_parse_url = True
    connection_errors = (*_Transport.connection_errors, OSError)
    implements = _Transport.implements.extend(asynchronous=True, exchange_type=frozenset({"direct", "topic", "fanout"}))

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.folder = folder_of(client.hostname)
        self._timer: Any = None
        self._loop: Any = None

    def establish_connection(self) -> Any:
        """Make the folder, unless it is there."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        return super().establish_connection()

    def close_connection(self, connection: Any) -> None:
        """Look for messages no more."""
        if self._loop is not None:
            self._loop.on_tick.discard(self.poll)
            self._timer.cancel()
            self._loop = None
        super().close_connection(connection)

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:  # noqa: ARG002 -- kombu's signature
        """Look for messages at each turn of a loop, and have it turn again and again."""
        if self._loop is None:
            self._loop = loop
            self._timer = loop.call_repeatedly(self.polling_interval, lambda: None)
            loop.on_tick.add(self.poll)

    def poll(self) -> None:
        """Deliver the messages that are there, as far as somebody takes them."""
        with suppress(Empty):
            while True:
                self.cycle.get(self._deliver)

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:  # noqa: ARG002, FBT001, FBT002
        """Return the URL; there is no password in it."""
        return uri

    def driver_version(self) -> str:
        """Return nothing of interest; Celery asks for it."""
        return "N/A"


def _as_file_name(name: str) -> str:
    quoted = quote(name, safe="@ ")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _row(*binding: Any) -> list[str]:
    return [part or "" for part in binding]
