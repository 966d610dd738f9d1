"""A client of mongomock that the adapter takes for one of pymongo: a database in the memory of this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import RLock
from types import SimpleNamespace
from typing import Any

import mongomock
import pytest
from mongomock.collection import BulkOperationBuilder, Collection
from mongomock.database import Database
from pymongo import IndexModel

_Client: Any = mongomock.MongoClient  # its stubs say that it is pymongo's


class MockedClient(_Client):  # type: ignore[misc]  # a base of any type
    """Adds what mongomock lacks of pymongo's client."""

    @property
    def topology_description(self) -> Any:
        """The servers, as pymongo describes them."""
        return SimpleNamespace(server_descriptions=lambda: {("mocked", 27017): None})


@contextmanager
def mocked_client() -> Iterator[Any]:
    """Give a client of an empty server, with the few things that mongomock lacks and the adapter needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Collection, "create_indexes", _create_indexes)
        patch.setattr(BulkOperationBuilder, "add_replace", _add_replace)
        patch.setattr(Database, "command", _command)
        patch.setattr(Collection, "_update", _update)
        patch.setattr(Collection, "_get_dataset", _get_dataset)
        yield MockedClient("mongodb://mocked/omega_test", tz_aware=True)


def _create_indexes(self: Any, indexes: Sequence[IndexModel]) -> list[str]:
    """Make the indexes with all that is said of them; mongomock's own leaves out what makes one partial."""
    options = [dict(index.document) for index in indexes]
    return [self.create_index(list(one.pop("key").items()), **one) for one in options]


def _add_replace(self: Any, selector: Any, doc: Any, upsert: Any, **options: Any) -> None:
    """Take the argument ``sort``, which pymongo passes and mongomock does not know."""
    own = {name: value for name, value in options.items() if name in {"collation", "hint"}}
    _original_add_replace(self, selector, doc, upsert, **own)


def _update(self: Any, *args: Any, **options: Any) -> Any:
    """Change documents one after the other: mongomock looks for a document and changes it in two steps."""
    with _one_at_a_time:
        return _original_update(self, *args, **options)


def _get_dataset(self: Any, *args: Any) -> Iterator[Any]:
    """Read no document while it is changed: mongomock empties one before it fills it anew."""
    with _one_at_a_time:
        return iter(list(_original_get_dataset(self, *args)))


def _command(_: Any, name: str, **__: Any) -> dict[str, Any]:
    """Answer the only command that the adapter sends as one."""
    assert name == "hello"
    return {"localTime": datetime.now(UTC)}


_original_add_replace: Any = BulkOperationBuilder.add_replace
_original_update: Any = Collection._update
_original_get_dataset: Any = Collection._get_dataset
_one_at_a_time = RLock()
