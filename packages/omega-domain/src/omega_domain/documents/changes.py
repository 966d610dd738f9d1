"""How documents are changed by updates and cut down by projections, with MongoDB's semantics, in plain Python.

See https://www.mongodb.com/docs/manual/reference/operator/update/; the operators are ``$set $unset $inc $setOnInsert``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from omega_domain.documents.matching import compile_filter, equalities
from omega_domain.documents.values import PLAIN, Document, clean, fits_int64, order
from omega_domain.errors import InvalidFilterError

MAX_LIST: Final = 1_500_000

Projection = Mapping[str, int] | Sequence[str]
#: An operator of an update, the path that it is about, and a value.
Change = tuple[str, str, Any]


def apply_update(document: Mapping[str, Any], update: Mapping[str, Any], *, inserting: bool = False) -> Document:
    """Return a changed copy of the document.

    Args:
        document: what is changed.
        update: the operators, each with the paths and values it is about.
        inserting: whether the document is being inserted by an upsert, so that ``$setOnInsert`` counts.

    Raises:
        InvalidFilterError: an operator is unknown, a path does not fit the document, two changes contradict each
            other, or ``_id`` would change.
        UnsupportedObjectError: a value can not be kept in a document.
    """
    return apply_changes(document, check_update(update), inserting=inserting)


def apply_changes(
    document: Mapping[str, Any], changes: Sequence[Change], *, inserting: bool = False, kept: bool = False
) -> Document:
    """Return a changed copy of the document: :func:`apply_update` of an update that :func:`check_update` has taken.

    Args:
        document: what is changed.
        changes: the changes.
        inserting: as there.
        kept: whether the document is one that a store keeps, and so is clean.
    """
    is_flat = kept and not any("." in path for _, path, _ in changes)
    changed = dict(document) if is_flat else clean(document)
    for operator, path, value in changes:
        if operator != "$setOnInsert" or inserting:
            _OPERATORS[operator](changed, path, _clean_value(value))
    is_same = "_id" not in document or changed.get("_id") is document["_id"]
    if not is_same and order(changed.get("_id")) != order(document["_id"]):
        raise InvalidFilterError(f"the '_id' of a document can not be changed: {document['_id']!r}")
    return changed


def check_update(update: Mapping[str, Any]) -> list[Change]:
    """Return the changes of an update as (operator, path, value).

    Raises:
        InvalidFilterError: an operator is unknown, or two changes contradict each other.
    """
    changes = list(_changes(update))
    _refuse_overlaps([path for _, path, _ in changes])
    return changes


def clean_changes(changes: Sequence[Change]) -> list[Change]:
    """Return changes with their values as documents keep them. Raises UnsupportedObjectError if one can not be kept."""
    return [(operator, path, _clean_value(value)) for operator, path, value in changes]


def new_document(filter: Mapping[str, Any], update: Mapping[str, Any]) -> Document:
    """Return what an upsert inserts: the values that the filter demands, changed by the update.

    Raises:
        InvalidFilterError: as :func:`apply_update`.
    """
    compile_filter(filter)
    document: Document = {}
    for path, value in equalities(filter):
        _set(document, path, _clean_value(value))
    return apply_update(document, update, inserting=True)


def project(document: Mapping[str, Any], projection: Projection | None) -> Document:
    """Return a copy of the document with the asked fields only (or without those given as 0); ``_id`` stays unless 0.

    Raises:
        InvalidFilterError: the projection mixes 1 and 0, or asks for something else.
    """
    return compile_projection(projection)(document)


def compile_projection(projection: Projection | None) -> Callable[[Mapping[str, Any]], Document]:
    """Return a function that projects documents; a wrong projection is found here, not per document.

    Raises:
        InvalidFilterError: as :func:`project`.
    """
    wanted = _flags(projection)
    if not wanted:
        return clean
    with_id = wanted.pop("_id", True)
    including = any(wanted.values()) if wanted else with_id
    if any(flag is not including for flag in wanted.values()):
        raise InvalidFilterError(f"a projection either names fields to keep (1) or to leave out (0): {projection!r}")
    paths = [path.split(".") for path in wanted] + ([["_id"]] if with_id is including else [])
    cut = _keep if including else _leave_out
    return lambda document: clean(cut(document, paths))


def _clean_value(value: object) -> object:
    is_plain = type(value) in PLAIN or (type(value) is str and value.isascii())
    return value if is_plain else clean({"": value})[""]


def _flags(projection: Projection | None) -> dict[str, bool]:
    if projection is None:
        return {}
    items = projection if isinstance(projection, Mapping) else dict.fromkeys(_names(projection), 1)
    for path, flag in items.items():
        if not _is_path(path) or not isinstance(flag, int):
            raise InvalidFilterError(f"a projection is a list of fields or a dict of field: 1 or 0, not {projection!r}")
    return {path: bool(flag) for path, flag in items.items()}


def _names(projection: Sequence[str]) -> Sequence[str]:
    if isinstance(projection, str):
        raise InvalidFilterError(f"a projection is a list of fields, not the text {projection!r}")
    return projection


def _keep(node: Any, paths: list[list[str]]) -> Any:
    if isinstance(node, list | tuple):
        return [_keep(item, paths) for item in node if isinstance(item, Mapping | list | tuple)]
    kept: Document = {}
    for key, value in node.items():
        inner = [path[1:] for path in paths if path[0] == key]
        if any(not path for path in inner):
            kept[key] = value
        elif inner and isinstance(value, Mapping | list | tuple):
            kept[key] = _keep(value, inner)
    return kept


def _leave_out(node: Any, paths: list[list[str]]) -> Any:
    if isinstance(node, list | tuple):
        return [_leave_out(item, paths) for item in node]
    if not isinstance(node, Mapping):
        return node
    kept: Document = {}
    for key, value in node.items():
        inner = [path[1:] for path in paths if path[0] == key]
        if all(inner):
            kept[key] = _leave_out(value, inner) if inner else value
    return kept


def _changes(update: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    if not (isinstance(cast("object", update), Mapping) and update):
        raise InvalidFilterError(f"an update is a dict of operators such as $set, not {update!r}")
    for operator, fields in update.items():
        if operator not in _OPERATORS:
            raise InvalidFilterError(f"unknown operator {operator!r} in an update; there are: {', '.join(_OPERATORS)}")
        if not isinstance(fields, Mapping):
            raise InvalidFilterError(f"{operator} takes a dict of field and value, not {fields!r}")
        for path, value in fields.items():
            if not _is_path(path):
                raise InvalidFilterError(f"{path!r} is not the path of a field")
            yield operator, path, value


def _is_path(path: object) -> bool:
    return isinstance(path, str) and all(path.split(".")) and not path.startswith("$")


def _refuse_overlaps(paths: list[str]) -> None:
    if len(set(paths)) == len(paths) and not any("." in path for path in paths):
        return  # fields of their own, as in nearly every update
    for index, path in enumerate(paths):
        for other in paths[:index]:
            if f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}."):
                raise InvalidFilterError(f"one update can not change both {other!r} and {path!r}")


def _set(document: Document, path: str, value: Any) -> None:
    if "." not in path:
        document[path] = value
        return
    holder, key = _walk(document, path, create=True)
    if isinstance(holder, dict):
        holder[key] = value
    else:
        holder[_index(holder, key, path)] = value


def _unset(document: Document, path: str, _: Any) -> None:
    holder, key = _walk(document, path, create=False)
    if isinstance(holder, dict):
        holder.pop(key, None)
    elif isinstance(holder, list) and key.isdecimal() and int(key) < len(holder):
        holder[int(key)] = None


def _increase(document: Document, path: str, amount: Any) -> None:
    holder, key = _walk(document, path, create=True)
    at: Any = key if isinstance(holder, dict) else _index(holder, key, path)
    old = holder.get(at, 0) if isinstance(holder, dict) else holder[at]
    for number in (old, amount):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InvalidFilterError(f"$inc adds numbers; {path!r} can not be {old!r} + {amount!r}")
    if isinstance(old + amount, int) and not fits_int64(old + amount):
        raise InvalidFilterError(f"$inc of {path!r} needs more than 64 bits: {old!r} + {amount!r}")
    holder[at] = old + amount


def _walk(document: Document, path: str, *, create: bool) -> tuple[Any, str]:
    """Return what holds the last field of the path, and the name of that field."""
    *steps, last = path.split(".")
    node: Any = document
    for step in steps:
        if isinstance(node, dict):
            node = node.setdefault(step, {}) if create else node.get(step)
        elif isinstance(node, list) and create:
            index = _index(node, step, path)
            node[index] = {} if node[index] is None else node[index]
            node = node[index]
        else:
            node = node[int(step)] if isinstance(node, list) and step.isdecimal() and int(step) < len(node) else None
    if create and not isinstance(node, dict | list):
        raise InvalidFilterError(f"{path!r} can not be set: there is a {type(node).__name__} on the way, not a dict")
    return node, last


def _index(holder: list[Any], step: str, path: str) -> int:
    """Return the index that a step of the path means, after making the list long enough."""
    if not step.isdecimal() or int(step) >= MAX_LIST:
        raise InvalidFilterError(f"{path!r} can not be set: there is a list on the way, and {step!r} is no index of it")
    holder.extend([None] * (int(step) + 1 - len(holder)))
    return int(step)


_OPERATORS: Final[Mapping[str, Callable[[Document, str, Any], None]]] = {
    "$set": _set,
    "$unset": _unset,
    "$inc": _increase,
    "$setOnInsert": _set,
}
