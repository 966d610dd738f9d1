"""Commands on the objects of a store: list them, look at them, name their versions, drop and compact them."""

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
    return ObjectFacts.of(request.meta_in(om))


@dataclass(frozen=True, kw_only=True)
class SetAttributes(OfObject):
    """Which attributes an object is to have, beside those it has.

    Attributes:
        attributes: their values, in plain JSON types.
    """

    attributes: Mapping[str, Any]


@command("objects.set_attributes", right="{store}:write@{bucket}/{plain_name}", changes=True)
def set_attributes(om: Omega, request: SetAttributes) -> ObjectFacts:
    """Set attributes of an object."""
    meta = request.meta_in(om)
    meta.attributes.update(request.attributes)
    return ObjectFacts.of(meta.save())


@dataclass(frozen=True, kw_only=True)
class ListVersions(OfObject):
    """Of which object the versions are asked for."""


@dataclass(frozen=True, kw_only=True)
class VersionFacts(ObjectFacts):
    """What is known of a version.

    Attributes:
        from_: which version it was promoted from, such as ``dev:omega/sales@3``; null if it was put here.
    """

    from_: str | None


@command("objects.versions", right="{store}:read@{bucket}/{plain_name}")
def versions(om: Omega, request: ListVersions) -> tuple[VersionFacts, ...]:
    """List the versions of an object, oldest first."""
    found = request.store_in(om).versions(request.name)
    return tuple(VersionFacts.of(meta, from_=_origin(meta.provenance)) for meta in found)


@dataclass(frozen=True, kw_only=True)
class TagObject(OfObject):
    """Which version gets a tag.

    Attributes:
        tag: the tag; it moves if it was somewhere else.
    """

    tag: str


@command("objects.tag", right="{store}:write@{bucket}/{plain_name}", changes=True)
def tag(om: Omega, request: TagObject) -> ObjectFacts:
    """Give a version a tag."""
    return ObjectFacts.of(request.store_in(om).tag(request.name, request.tag))


@dataclass(frozen=True, kw_only=True)
class DropObject(OfObject):
    """Which object or version to drop.

    Attributes:
        force: no error if it is missing.
    """

    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """What became of an object that was to be dropped.

    Attributes:
        name: its name, as it was asked for.
        dropped: whether there was one.
    """

    name: str
    dropped: bool


@command("objects.drop", right="{store}:write@{bucket}/{plain_name}", changes=True)
def drop(om: Omega, request: DropObject) -> Dropped:
    """Drop an object, or one version of it."""
    return Dropped(name=request.name, dropped=request.store_in(om).drop(request.name, force=request.force))


@dataclass(frozen=True, kw_only=True)
class CompactObject(OfObject):
    """Which object to compact."""


@command("objects.compact", right="{store}:write@{bucket}/{plain_name}", changes=True)
def compact(om: Omega, request: CompactObject) -> ObjectFacts:
    """Merge the segments of an object that was appended to, as a new version with the same content."""
    return ObjectFacts.of(request.store_in(om).compact(request.name))


@dataclass(frozen=True, kw_only=True)
class SummarizeObject(OfObject):
    """Which object to summarize."""


@command("objects.summary", right="{store}:read@{bucket}/{plain_name}")
def summary(om: Omega, request: SummarizeObject) -> Mapping[str, Any]:
    """Show facts about an object, which depend on its kind: rows and columns of a frame, parameters of a model."""
    return request.store_in(om).summary(request.name)


@dataclass(frozen=True, kw_only=True)
class ExplainKinds(InStore):
    """What help is asked on.

    Attributes:
        name: name of an object; by default every kind is explained.
    """

    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What can be done with an object, or with objects of every kind.

    Attributes:
        help: text for people.
    """

    help: str


@command("objects.help", right="{store}:read@{bucket}")
def explain(om: Omega, request: ExplainKinds) -> Explanation:
    """Explain an object, or every kind: what it stores, and its options."""
    return Explanation(help=request.store_in(om).help(request.name))


@dataclass(frozen=True, kw_only=True)
class ListBuckets:
    """All buckets are asked for; there is nothing else to say."""


@dataclass(frozen=True, kw_only=True)
class BucketRow:
    """A bucket of a list.

    Attributes:
        bucket: its name.
    """

    bucket: str


@command("objects.buckets", right="context:read")
def buckets(om: Omega, _: ListBuckets) -> tuple[BucketRow, ...]:
    """List the buckets that hold objects."""
    return tuple(BucketRow(bucket=name) for name in om.buckets)


def _origin(provenance: Mapping[str, Any] | None) -> str | None:
    if not provenance:
        return None
    return "{context}:{bucket}/{name}@{version}".format_map(provenance)


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (
    list_objects,
    metadata,
    set_attributes,
    versions,
    tag,
    drop,
    compact,
    summary,
    explain,
    buckets,
)
