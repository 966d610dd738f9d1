"""JSON with typed leaves: how values travel to and from the runtime, and how Python data is kept in documents.

Plain JSON types stay as they are. Everything else becomes ``{"__omega__": tag, "v": …}``. What has no leaf is refused:
nothing is ever pickled. Leaves for the types of a library are loaded when the first value of that library is met.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from omega_domain.errors import CodecError

TAG = "__omega__"
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """How one type of value is written in JSON.

    Attributes:
        tag: name of the type in JSON; ``library.Type`` for the types of a library.
        type: the exact Python type.
        encode: value -> something of plain JSON types or of other leaves.
        decode: the reverse.
    """

    tag: str
    type: type
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


LeafLoader = Callable[[], Iterable[Leaf]]


def _timedelta_parts(value: timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


CORE_LEAVES = (
    Leaf(tag="bytes", type=bytes, encode=lambda v: base64.b64encode(v).decode(), decode=base64.b64decode),
    Leaf(tag="datetime", type=datetime, encode=datetime.isoformat, decode=datetime.fromisoformat),
    Leaf(tag="date", type=date, encode=date.isoformat, decode=date.fromisoformat),
    Leaf(tag="time", type=time, encode=time.isoformat, decode=time.fromisoformat),
    Leaf(tag="timedelta", type=timedelta, encode=_timedelta_parts, decode=lambda v: timedelta(v[0], v[1], v[2])),
    Leaf(tag="decimal", type=Decimal, encode=str, decode=Decimal),
    Leaf(tag="uuid", type=UUID, encode=str, decode=UUID),
    Leaf(tag="complex", type=complex, encode=lambda v: [v.real, v.imag], decode=lambda v: complex(v[0], v[1])),
    Leaf(tag="tuple", type=tuple, encode=list, decode=tuple),
    Leaf(tag="set", type=set, encode=list, decode=set),
    Leaf(tag="frozenset", type=frozenset, encode=list, decode=frozenset),
)


class JsonCodec:
    """Encodes and decodes values.

    Args:
        libraries: top-level name of a library -> function that returns the leaves of its types. It is called when the
            first value (or tag) of that library is met.
    """

    def __init__(self, libraries: Mapping[str, LeafLoader] | None = None) -> None:
        self._loaders = dict(libraries or {})
        self._by_type = {leaf.type: leaf for leaf in CORE_LEAVES}
        self._by_tag = {leaf.tag: leaf for leaf in CORE_LEAVES}

    def extended(self, leaves: Sequence[Leaf]) -> JsonCodec:
        """Return a codec that knows these leaves, too."""
        other = JsonCodec(self._loaders)
        other._by_type = {**self._by_type, **{leaf.type: leaf for leaf in leaves}}
        other._by_tag = {**self._by_tag, **{leaf.tag: leaf for leaf in leaves}}
        return other

    def dumps(self, value: Any) -> str:
        """Return the value as JSON text.

        Raises:
            CodecError: the value holds something that can not travel; the message says where.
        """
        return json.dumps(self.encode(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def loads(self, text: str) -> Any:
        """Rebuild a value from :meth:`dumps`."""
        return self.decode(json.loads(text))

    def encode(self, value: Any, path: str = "") -> Any:
        """Return the value in plain JSON types; ``path`` says where in the whole it stands, for messages.

        Raises:
            CodecError: the value holds something that can not travel.
        """
        kind = type(value)
        if value is None or kind is str or kind is bool:
            return value
        if kind is int:
            return value if value in _INT64 else {TAG: "int", "v": str(value)}
        if kind is float:
            return value if math.isfinite(value) else {TAG: "float", "v": repr(value)}
        if kind is list:
            return [self.encode(item, f"{path}[{i}]") for i, item in enumerate(value)]
        if kind is dict:
            return self._encode_dict(value, path)
        leaf = self._leaf_for(kind)
        if leaf is None:
            raise CodecError(f"a value of type {_type_name(kind)}{f' at {path}' if path else ''} has no form in JSON")
        return {TAG: leaf.tag, "v": self.encode(leaf.encode(value), path)}

    def decode(self, plain: Any) -> Any:
        """Rebuild a value from :meth:`encode`.

        Raises:
            CodecError: a tag is unknown here.
        """
        if isinstance(plain, list):
            return [self.decode(item) for item in plain]
        if not isinstance(plain, dict):
            return plain
        if TAG not in plain:
            return {key: self.decode(item) for key, item in plain.items()}
        return self._decode_tagged(plain[TAG], plain["v"])

    def _encode_dict(self, value: dict[Any, Any], path: str) -> Any:
        if all(type(key) is str and _is_plain_key(key) for key in value):
            return {key: self.encode(item, f"{path}[{key!r}]") for key, item in value.items()}
        return {TAG: "dict", "v": [[self.encode(k, path), self.encode(v, f"{path}[{k!r}]")] for k, v in value.items()]}

    def _decode_tagged(self, tag: str, value: Any) -> Any:
        if tag == "int":
            return int(value)
        if tag == "float":
            return float(value)
        if tag == "dict":
            return {self.decode(key): self.decode(item) for key, item in value}
        self._load(tag.partition(".")[0])
        if tag not in self._by_tag:
            raise CodecError(f"a value of type {tag!r} can not be read here: no leaf of that name is installed")
        return self._by_tag[tag].decode(self.decode(value))

    def _leaf_for(self, kind: type) -> Leaf | None:
        if kind not in self._by_type:
            self._load(kind.__module__.partition(".")[0])
        return self._by_type.get(kind)

    def _load(self, library: str) -> None:
        loader = self._loaders.pop(library, None)
        for leaf in loader() if loader else ():
            self._by_type[leaf.type] = leaf
            self._by_tag[leaf.tag] = leaf


def _is_plain_key(key: str) -> bool:
    """Keys that a document database could take for an operator or path are written as pairs."""
    return key != TAG and not key.startswith("$") and "." not in key and "\0" not in key


def _type_name(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
