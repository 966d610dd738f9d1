"""Small complete backends, to try stores, runtimes and adapters with nothing but the standard library."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from omega_domain.backends.base import BaseDataBackend
from omega_domain.entities.query import Q
from omega_domain.entities.version import Payload, Version
from omega_domain.ports.objects import StoredObject
from omega_domain.repository.files import GridFSProxy


class TextBackend(BaseDataBackend):
    """Keeps text in blobs; append adds a blob to what is there."""

    KIND: ClassVar[str] = "test.text"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is text."""
        return isinstance(obj, str)

    def put(
        self,
        obj: str,
        name: str,
        *,
        append: bool = False,
        attributes: dict[str, Any] | None = None,
        upper: bool = False,
    ) -> StoredObject:
        """Store text; ``upper=True`` in capitals."""
        text = obj.upper() if upper else obj
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        part = self.data_store.payloads.write(lambda file: file.write(text.encode()))

        def merged(parent: Version | None) -> Payload:
            return Payload([*(parent.parts if parent else ()), part])

        return meta.save(merge=merged) if append else meta.set_payload(Payload([part])).save()

    def get(self, name: str, *, rows: tuple[int, int | None] | None = None) -> str:
        """Return the text; ``rows`` selects characters."""
        meta = self.data_store.resolve(name)
        text = ""
        for part in meta.parts:
            with self.data_store.payloads.open(part) as file:
                text += file.read().decode()
        return text[slice(*rows)] if rows else text

    def compact(self, name: str) -> StoredObject:
        """Merge all blobs into one."""
        return self.put(self.get(name), name)


class RowsBackend(BaseDataBackend):
    """Keeps lists of dicts in documents."""

    KIND: ClassVar[str] = "test.rows"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is a list of dicts."""
        return isinstance(obj, list) and all(isinstance(item, dict) for item in obj)

    def put(
        self, obj: list[dict[str, Any]], name: str, *, append: bool = False, attributes: dict[str, Any] | None = None
    ) -> StoredObject:
        """Store rows."""
        json.dumps(obj)
        store = self.data_store
        meta = store.make_metadata(name, self.KIND, attributes=attributes)
        part = store.payloads.insert_documents(store.object_store_key(name, "rows"), obj, meta={})

        def merged(parent: Version | None) -> Payload:
            return Payload([*(parent.parts if parent else ()), part])

        return meta.save(merge=merged) if append else meta.set_payload(Payload([part])).save()

    def get(self, name: str, *, filter: Q | None = None) -> list[dict[str, Any]]:
        """Return the rows that match."""
        store = self.data_store
        rows = [row for part in store.resolve(name).parts for row in store.payloads.read_documents(part)]
        return [row for row in rows if filter is None or filter.matches(row)]


class CollectionBackend(BaseDataBackend):
    """Keeps tuples in a collection of its own, as a third party would."""

    KIND: ClassVar[str] = "test.collection"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is a tuple."""
        return isinstance(obj, tuple)

    def put(self, obj: tuple[Any, ...], name: str, **kwargs: Any) -> StoredObject:  # noqa: ARG002 -- the port's signature
        """Store the items as documents."""
        collection = self.data_store.collection(name)
        if obj:
            collection.insert_many([{"n": i, "item": item} for i, item in enumerate(obj)])
        meta = self.data_store.make_metadata(name, self.KIND)
        meta.collection = collection
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> tuple[Any, ...]:  # noqa: ARG002 -- the port's signature
        """Return the items."""
        return tuple(row["item"] for row in self.data_store.collection(name).find(sort=[("n", 1)]))


class UriBackend(BaseDataBackend):
    """Keeps bytes in a file, and bytearrays in a service outside of the store."""

    KIND: ClassVar[str] = "test.uri"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is binary."""
        return isinstance(obj, bytes | bytearray)

    def put(self, obj: bytes | bytearray, name: str, **kwargs: Any) -> StoredObject:  # noqa: ARG002 -- the port's signature
        """Store the content here or there."""
        meta = self.data_store.make_metadata(name, self.KIND)
        if isinstance(obj, bytearray):
            meta.uri = f"foofs://{obj.decode()}"
        else:
            meta.gridfile = GridFSProxy(
                self.data_store.fs.put(obj, filename=self.data_store.object_store_key(name, "foo"))
            )
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> bytes:  # noqa: ARG002 -- the port's signature
        """Return the content from where it is."""
        meta = self.data_store.resolve(name)
        if meta.uri:
            return meta.uri.removeprefix("foofs://").encode()
        assert meta.gridfile is not None
        return meta.gridfile.read()


class SilentBackend(BaseDataBackend):  # noqa: D101 -- says nothing about itself
    # no docstring and no KIND: the least that a backend may have. None leaves the number that is there.
    def put(self, obj: float | None, name: str, **kwargs: Any) -> StoredObject:  # noqa: ARG002 -- the port's signature
        """Store a number in a file, taking up the metadata that is there."""
        meta = self.data_store.metadata(name)
        if meta is None:
            meta = self.data_store.make_metadata(name, "test.silent")
        if obj is not None:
            meta.gridfile = GridFSProxy(grid_id=self.data_store.fs.put(json.dumps(obj).encode()))
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> float:  # noqa: ARG002 -- the port's signature
        """Return the number."""
        meta = self.data_store.resolve(name)
        assert meta.gridfile is not None
        return float(json.loads(meta.gridfile.read()))
