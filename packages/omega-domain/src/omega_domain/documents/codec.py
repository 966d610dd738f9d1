"""JSON with typed leaves: how values travel to and from the runtime, and how Python data is kept in documents.

Plain JSON types stay as they are. Everything else becomes ``{"__omega__": tag, "v": …}``. What has no leaf is refused:
nothing is ever pickled. Leaves for the types of a library are loaded when the first value of that library is met.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, Final
from uuid import UUID

from omega_domain.entities.leaves import LEAVES, SIMPLE, Leaf, is_plain, leaves_of, read_as_is, written_as_is
from omega_domain.errors import CodecError

__all__ = ["CORE_LEAVES", "TAG", "JsonCodec", "Leaf", "LeafLoader"]

TAG = "__omega__"
CORE_LEAVES = (
    *leaves_of(bytes, datetime, date, time, Decimal, UUID, complex, tuple, set, frozenset),
    replace(LEAVES[timedelta], decode=lambda parts: timedelta(parts[0], parts[1], parts[2])),  # none may be left out
)
LeafLoader = Callable[[], Iterable[Leaf]]

_NUMBERS: Final = {leaf.tag: leaf for leaf in leaves_of(int, float)}  # those that plain JSON can not hold
_FEW: Final = 8  # values are written one by one as fast as they are checked together
_INT64: Final = range(-(2**63), 2**63)
_to_text: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


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
        return _to_text(self.encode(value))

    def loads(self, text: str) -> Any:
        """Rebuild a value from :meth:`dumps`."""
        plain = json.loads(text)
        return self.decode(plain) if TAG in text or "\\u" in text else plain  # a tag may be written with escapes

    def encode(self, value: Any, path: str = "") -> Any:
        """Return the value in plain JSON types; ``path`` says where in the whole it stands, for messages.

        Raises:
            CodecError: the value holds something that can not travel.
        """
        kind = type(value)
        if value is None or kind is str or kind is bool:
            return value
        if kind is int:
            return value if value in _INT64 else _tagged(LEAVES[int], value)
        if kind is float:
            return value if math.isfinite(value) else _tagged(LEAVES[float], value)
        if kind is list:
            copy = (written_as_is(value) or _plain_records(value)) if len(value) > _FEW else None
            return copy or [
                item if type(item) is float and math.isfinite(item) else self.encode(item, f"{path}[{i}]")
                for i, item in enumerate(value)  # a call is saved for each number of columns with NaN
            ]
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
            return read_as_is(plain) or [item if type(item) in SIMPLE else self.decode(item) for item in plain]
        if not isinstance(plain, dict):
            return plain
        if TAG not in plain:
            return {key: self.decode(item) for key, item in plain.items()}
        return self._decode_tagged(plain[TAG], plain["v"])

    def _encode_dict(self, value: dict[Any, Any], path: str) -> Any:
        if _are_plain_keys(value):
            if len(value) > _FEW and is_plain(list(value.values())):
                return value.copy()
            return {key: self.encode(item, f"{path}[{key!r}]") for key, item in value.items()}
        return {TAG: "dict", "v": [[self.encode(k, path), self.encode(v, f"{path}[{k!r}]")] for k, v in value.items()]}

    def _decode_tagged(self, tag: str, value: Any) -> Any:
        self._load(tag.partition(".")[0])
        if tag in _NUMBERS:
            return _NUMBERS[tag].decode(value)
        if tag == "dict":
            return {self.decode(key): self.decode(item) for key, item in value}
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


def _are_plain_keys(keys: Iterable[Any]) -> bool:
    """Keys that a document database could take for an operator or path are written as pairs."""
    return all(
        type(key) is str and key[:1] != "$" and "." not in key and "\0" not in key and key != TAG for key in keys
    )


def _plain_records(values: list[Any]) -> list[Any] | None:
    """Return a copy of a list of dicts of plain values; None if a key or value may need a leaf."""
    if type(values[0]) is not dict or set(map(type, values)) != {dict}:
        return None
    keys = list(chain.from_iterable(values))
    if set(map(type, keys)) <= {str} and _are_plain_keys(set(keys)):
        return list(map(dict.copy, values)) if is_plain(list(chain.from_iterable(map(dict.values, values)))) else None
    return None


def _tagged(leaf: Leaf, value: Any) -> dict[str, Any]:
    return {TAG: leaf.tag, "v": leaf.encode(value)}


def _type_name(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
