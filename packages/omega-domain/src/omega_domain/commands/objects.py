"""Commands on the objects of a store: list, look at, tag, drop and compact them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from omega_domain.commands.facts import ObjectFacts
from omega_domain.commands.plain import OMITTED, Omitted
from omega_domain.commands.registry import Command, command
from omega_domain.commands.requests import InStore, OfObject
from omega_domain.omega import Omega


@dataclass(frozen=True, kw_only=True)
class ListObjects(InStore):
    """Which objects to list.

    Attributes:
        pattern: pattern of the names, as of a shell: ``sales/*``.
        regexp: a regular expression that must be found in the name.
        kind: only objects of this kind.
        hidden: also names of which a part starts with ``.`` or ``_``.
        long: give all facts of each.
    """

    pattern: str | None = None
    regexp: str | None = None
    kind: str | None = None
    hidden: bool = False
    long: bool = False


@dataclass(frozen=True, kw_only=True)
class ObjectRow:
    """An object of a list.

    Attributes:
        name: name of the object.
        kind: which backend reads it.
        version: number of the current version.
        tags: tags of the current version, sorted.
        modified: when the object was last changed, in UTC.
        size: bytes of the current version.
        author: the author of the current version.
        created: when the current version was committed, in UTC.
        attributes: the user's attributes.
    """

    name: str
    kind: str
    version: int | None
    tags: tuple[str, ...]
    modified: datetime | None
    size: int | Omitted = OMITTED
    author: str | Omitted | None = OMITTED
    created: datetime | Omitted | None = OMITTED
    attributes: Mapping[str, Any] | Omitted = OMITTED


@command("objects.list", right="{store}:read@{bucket}")
def list_objects(om: Omega, request: ListObjects) -> tuple[ObjectRow, ...]:
    """List the objects of a store."""
    store = request.store_in(om)
    found = store.list(request.pattern, regexp=request.regexp, kind=request.kind, hidden=request.hidden, raw=True)
    fields = ["name", "kind", "version", "modified"]
    if request.long:
        fields += ["size", "author", "created", "attributes"]
    return tuple(ObjectRow(tags=tuple(meta.tags), **{name: getattr(meta, name) for name in fields}) for meta in found)


@dataclass(frozen=True, kw_only=True)
class ShowMetadata(OfObject):
    """Of which object or version the metadata are asked for."""


@command("objects.metadata", right="{store}:read@{bucket}/{plain_name}")
def metadata(om: Omega, request: ShowMetadata) -> ObjectFacts:
    """Show what is known of an object."""
    return ObjectFacts.of(request.store_in(om).resolve(request.name))


COMMANDS: Final[tuple[Command[Any, Any], ...]] = (list_objects, metadata)
