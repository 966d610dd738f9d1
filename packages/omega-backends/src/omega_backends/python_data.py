"""The backend of the kind ``python.data``: dicts, lists, text, numbers, None and what they hold, as documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from omega_domain.backends.base import BaseDataBackend
from omega_domain.documents import condition_on, narrowed
from omega_domain.documents.codec import CORE_LEAVES, TAG
from omega_domain.entities.query import And, Condition, Node, Not, Or, Q
from omega_domain.entities.version import Part, Payload, Version
from omega_domain.errors import CodecError, UnsupportedObjectError, UnsupportedOptionError
from omega_domain.ports.backend import SupportsSummary
from omega_domain.ports.objects import StoredObject
from omega_domain.ports.payloads import Payloads
from omega_domain.ports.store import Document, Filter

#: A document database holds documents of up to 16 MB, of up to 100 levels, of text that is UTF-8.
LARGEST_DOCUMENT = 8 << 20
DEEPEST_DOCUMENT = 90

_PLAIN = {str, int, float, bool, type(None)}
_TYPES = (dict, list, str, int, float, bool, type(None), *(leaf.type for leaf in CORE_LEAVES))


class PythonDataBackend(BaseDataBackend, SupportsSummary):
    """Stores Python data: dict, list, tuple, set, str, bytes, numbers, dates and times, None, nested as you like.

    ``get`` returns what was put. After ``put(..., append=True)`` it returns the list of what was put. Filters choose
    dicts of a list by their keys: ``get(name, key=…, other__gt=…)``.
    """

    KIND: ClassVar[str] = "python.data"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is Python data; what it holds is looked at when it is put."""
        return type(obj) in _TYPES

    def put(self, obj: Any, name: str, *, append: bool = False) -> StoredObject:
        """Store data, or append it to the list of what was put.

        Raises:
            UnsupportedObjectError: it holds something that has no form in JSON; the message says where.
        """
        part = self._write(obj, name)
        draft = self.data_store.make_metadata(name, self.KIND)
        if append:
            return draft.save(merge=lambda before: _appended(before, part))
        return draft.set_payload(Payload([part], {"appended": False})).save()

    def get(self, name: str, *, filter: Q | None = None) -> Any:
        """Return the data, or with a filter the list of those dicts that match.

        Filters are by keys: ``key__gt=5``, or ``data__key__gt=5``, as the documents are stored. Of a list of flat dicts
        only those that the database finds are fetched; what they are is not compared with the checksum of all.
        """
        meta = self.data_store.resolve(name)
        query = by_keys(filter) if filter is not None else None
        found = self._find(meta, query) if query is not None else None
        if found is not None:
            return found
        values = [self._read(part) for part in meta.parts]
        value = values if meta.kind_meta["appended"] else values[0]
        return value if query is None else _matching(value, query, name)

    def summary(self, name: str) -> dict[str, Any]:
        """Return the type of the data and, of a list or what was appended, how many items there are."""
        meta = self.data_store.resolve(name)
        if meta.kind_meta["appended"]:
            return {"type": "list", "items": len(meta.parts)}
        facts = meta.parts[0].meta
        return {"type": facts["type"]} | ({"items": facts["items"]} if "items" in facts else {})

    def _find(self, meta: StoredObject, query: Q) -> list[Any] | None:
        """Return what matches by asking the database; None if it does not know, or a key may be unknown."""
        parts = meta.parts
        is_nested = meta.kind_meta["appended"] and any(part.meta["type"] == "list" for part in parts)
        if is_nested or not all(part.meta.get("flat") for part in parts):
            return None
        wanted = narrowed(query, in_documents)
        every = [
            self._decoded(document) for part in parts for document in self._payloads.read_documents(part, filter=wanted)
        ]
        unseen = {str(key) for key in query.columns()} - {key for item in every for key in item}
        if any(not self._has_key(parts, key) for key in unseen):
            return None
        return [item for item in every if query.matches(item)]

    def _has_key(self, parts: Sequence[Part], key: str) -> bool:
        wanted = condition_on(f"data.{key}", "exists", True)  # noqa: FBT003 -- the operand
        return wanted is not None and any(self._payloads.read_documents(part, filter=wanted) for part in parts)

    def _decoded(self, document: Document) -> Any:
        return self.data_store.context.codec.decode(document["data"])

    @property
    def _payloads(self) -> Payloads:
        return self.data_store.payloads

    def _write(self, obj: Any, name: str) -> Part:
        store = self.data_store
        try:
            documents = list(self._documents(obj))
            all_fit = all(_fits(document) for document in documents)
        except (CodecError, RecursionError) as error:
            raise UnsupportedObjectError(
                f"{name!r} can not be put as data: {error}. Convert it to dict, list, str, numbers, dates or None"
            ) from error
        meta = {"type": type(obj).__name__} | ({"items": len(obj)} if isinstance(obj, list) else {})
        meta |= {"flat": True} if _is_flat(documents) else {}
        if all_fit:
            return store.payloads.insert_documents(store.object_store_key(name, "data"), documents, meta=meta)
        text = json.dumps(documents, separators=(",", ":"))
        return store.payloads.write(lambda file: file.write(text.encode()), meta=meta)

    def _documents(self, obj: Any) -> Iterator[Document]:
        """One document for each item of a list, else one in all."""
        codec = self.data_store.context.codec
        if type(obj) is list:
            for i, item in enumerate(obj):
                yield {"data": codec.encode(item, f"[{i}]")}
        else:
            yield {"data": codec.encode(obj)}

    def _read(self, part: Part) -> Any:
        payloads = self.data_store.payloads
        if part.type == "blob":
            with payloads.open(part, whole=True) as file:
                documents = json.load(file)
        else:
            documents = payloads.read_documents(part)
        items = [self.data_store.context.codec.decode(document["data"]) for document in documents]
        return items if part.meta["type"] == "list" else items[0]


def by_keys(query: Q) -> Q:
    """Return a filter whose columns are keys, without the ``data__`` or ``data.`` that may stand before them."""
    return Q.of(_by_keys(query.root))


def in_documents(condition: Condition) -> tuple[Filter, bool] | None:
    """Return the filter for a condition on a key of flat dicts; None if the database compares otherwise than Python."""
    op, value = condition.op, condition.value
    field = f"data.{condition.column}"
    values = value if op in {"in", "nin", "between"} else (value,)
    if "." in str(condition.column) or op in {"ne", "nin", "isnull"}:
        return None
    if all(type(one) is str for one in values):
        found = condition_on(field, op, value)
        return (found, False) if found is not None else None
    if not all(type(one) in {int, float} and one == one for one in values):  # noqa: PLR0124 -- NaN
        return None
    found = condition_on(field, op, value)  # True counts as 1 in Python, in databases it is no number
    return ({"$or": [found, {field: {"$in": [True, False]}}]}, False) if found is not None else None


def _by_keys(node: Node) -> Node:
    match node:
        case Condition(column, op, value):
            plain = str(column).removeprefix("data__").removeprefix("data.")
            return Condition(plain, op, value) if isinstance(column, str) and plain else node
        case Not(term):
            return Not(_by_keys(term))
        case And(terms):
            return And(tuple(map(_by_keys, terms)))
    return Or(tuple(map(_by_keys, node.terms)))


def _is_flat(documents: Sequence[Document]) -> bool:
    """Whether all are dicts of plain values, which a database compares as Python does."""
    return bool(documents) and all(isinstance(one["data"], dict) and _is_plain(one["data"]) for one in documents)


def _is_plain(item: Mapping[str, Any]) -> bool:
    is_named = TAG not in item and not any(key.startswith("$") or "." in key or "\0" in key for key in item)
    return is_named and all(type(value) in _PLAIN for value in item.values())


def _fits(document: Document) -> bool:
    """Whether a document database holds this document; what it does not is kept in a blob."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair, as os.fsdecode() makes them; escaped, JSON keeps it
        return False
    opened = text.count("[") + text.count("{")  # counting is quick, and nearly always enough
    return size <= LARGEST_DOCUMENT and (opened <= DEEPEST_DOCUMENT or _depth(document) <= DEEPEST_DOCUMENT)


def _depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)


def _appended(before: Version | None, part: Part) -> Payload:
    return Payload([*(before.parts if before else ()), part], {"appended": True})


def _matching(value: Any, query: Q, name: str) -> list[Any]:
    items = value if isinstance(value, list) else [value]
    dicts = [item for item in items if isinstance(item, Mapping)]
    if items and not dicts:
        raise UnsupportedOptionError(f"{name!r} can not be filtered: it holds no dicts, whose keys a filter could name")
    known = {key for item in dicts for key in item}
    if known:
        query.check_columns(known, of=name)
    return [item for item in dicts if query.matches(item)]
