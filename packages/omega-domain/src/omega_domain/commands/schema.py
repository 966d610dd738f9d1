"""JSON Schema 2020-12 of the requests and results of commands, and the line that their help says of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, dataclass, field, is_dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from omega_domain.commands.plain import Omitted, json_fields

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_LEAVES: Final[Mapping[Any, Schema]] = {
    Any: {},
    object: {},
    NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Path: {"type": "string"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    timedelta: {"type": "number", "description": "Seconds."},
}
_LISTS: Final = (tuple, list, set, frozenset, Sequence, AbstractSet, Iterator)
_ATTRIBUTE: Final = re.compile(r"^    (\w+(?:, \w+)*): (.+(?:\n {5,}.+)*)", re.MULTILINE)


def schema_of_result(type_: Any) -> Schema:
    """Return the JSON Schema of what :func:`~omega_domain.commands.plain.to_plain` makes of a type of results."""
    return _Writer(is_request=False).whole(type_)


def schema_of_request(type_: Any) -> Schema:
    """Return the JSON Schema of a type of requests: fields with a default may be missing, others must not be there."""
    return _Writer(is_request=True).whole(type_)


def summary_of(type_: Any) -> str:
    """Return in one line what the JSON of a type of results holds; ``?`` marks what is only there if asked for."""
    if not _is_list(type_):
        return _summary(type_, ())
    inner = _summary(get_args(type_)[0], (type_,))
    return f"an array of {inner}" if inner else "an array"


def docs_of(cls: type) -> dict[str, str]:
    """Return what the docstrings of a class and of its bases say of its attributes."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        _, _, section = (inspect.cleandoc(each.__doc__ or "")).partition("Attributes:\n")
        for names, text in _ATTRIBUTE.findall(section.partition("\n\n")[0]):
            found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


@dataclass
class _Writer:
    """Writes schemas, and collects those of the dataclasses within."""

    is_request: bool
    _defs: dict[str, Schema] = field(default_factory=dict)

    def whole(self, type_: Any) -> Schema:
        schema = self._object(type_) if is_dataclass(type_) else self._of(type_)
        return {"$schema": DIALECT, **schema} | ({"$defs": self._defs} if self._defs else {})

    def _of(self, type_: Any) -> Schema:
        if type_ in _LEAVES:
            return dict(_LEAVES[type_])
        if is_dataclass(type_):
            return self._ref(type_)
        origin, args = get_origin(type_), get_args(type_)
        if origin is Literal:
            return {"enum": list(args)}
        if origin in {Union, UnionType}:
            return self._union([each for each in args if each is not Omitted])
        if origin in _LISTS:
            return {"type": "array", "items": self._of(args[0])}
        if origin in {dict, Mapping}:
            return {"type": "object", "additionalProperties": self._of(args[1])}
        raise TypeError(f"{type_!r} has no JSON Schema: use a type that omega_domain.commands.schema knows")

    def _union(self, types: list[Any]) -> Schema:
        schemas = [self._of(each) for each in types]
        if all(schema.keys() == {"type"} for schema in schemas):
            names = [schema["type"] for schema in schemas]
            return {"type": names[0] if len(names) == 1 else names}
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _ref(self, cls: Any) -> Schema:
        name = cls.__name__
        if name not in self._defs:
            self._defs[name] = {}  # so that a type which holds itself ends here
            self._defs[name] = self._object(cls)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, cls: Any) -> Schema:
        hints, docs = get_type_hints(cls), docs_of(cls)
        properties: dict[str, Schema] = {}
        required = []
        for name, each in json_fields(cls).items():
            properties[name] = self._of(hints[each.name])
            if each.name in docs:
                properties[name]["description"] = docs[each.name]
            has_default = each.default is not MISSING or each.default_factory is not MISSING
            if not (has_default if self.is_request else Omitted in get_args(hints[each.name])):
                required.append(name)
        first = inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]
        schema: Schema = {"title": cls.__name__, "description": first, "type": "object", "properties": properties}
        return schema | {"required": required} | ({"additionalProperties": False} if self.is_request else {})


def _summary(type_: Any, within: tuple[Any, ...]) -> str:
    """Return the fields of a dataclass between braces, of a list between brackets, and nothing of other types."""
    if _is_list(type_):
        inner = _summary(get_args(type_)[0], within)
        return f"[{inner}]" if inner else ""
    if all(map(is_dataclass, types := get_args(type_))) and types:  # of a union, the first is told in full
        return " or ".join(_summary(each, (*within, *types[:place])) for place, each in enumerate(types))
    if not is_dataclass(type_):
        return "" if within else "an object"
    if type_ in within:
        return "{…}"
    hints = get_type_hints(type_)
    named = json_fields(type_).items()
    return "{" + ", ".join(_field(name, hints[each.name], (*within, type_)) for name, each in named) + "}"


def _field(name: str, type_: Any, within: tuple[Any, ...]) -> str:
    is_optional = Omitted in get_args(type_)
    inner = _summary(type_, within)
    return f"{name}{'?' if is_optional else ''}" + (f": {inner}" if inner else "")


def _is_list(type_: Any) -> bool:
    return get_origin(type_) in _LISTS
