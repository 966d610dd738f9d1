"""Archives: the index of an archive, and the checks that it passes before anything else in the archive is used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, get_args

from omega_domain.entities.delivery import Delivery
from omega_domain.entities.head import Head
from omega_domain.entities.names import PREFIXES, ObjectRef, validate_bucket, validate_tag
from omega_domain.entities.promotion import HistoryEntry
from omega_domain.entities.version import Part, Version, VersionRef, canonical_json
from omega_domain.errors import ArchiveError, OmegaError

FORMAT: Final = 1
Form = Literal["archive", "backup", "delivery"]
#: Versions that an object can have.
_MOST: Final = 1 << 53
_FORMS: Final = get_args(Form)
_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An object in an archive.

    Attributes:
        head: as it was, with its signature.
        versions: those that were taken along, oldest first, each with its signature.
    """

    head: Head
    versions: tuple[Version, ...]

    @property
    def current(self) -> Version:
        """The version that the name stands for."""
        return next(version for version in self.versions if version.id == self.head.current.id)

    @property
    def tags(self) -> dict[str, Version]:
        """The versions that have tags, by tag."""
        by_id = {version.id: version for version in self.versions}
        return {tag: by_id[ref.id] for tag, ref in self.head.tags.items() if ref.id in by_id}

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "head": self.head.to_plain(),
            "signature": self.head.signature,
            "versions": [
                {"manifest": version.manifest, "digest": version.digest, "signature": version.signature}
                for version in self.versions
            ],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Entry:
        """Rebuild from :meth:`to_plain`; what does not fit together raises ArchiveError or what Python raises."""
        head = Head.from_plain({**plain["head"], "dropped": None})
        versions = tuple(map(_version, plain["versions"]))
        entry = cls(head=replace(head, signature=_text(plain["signature"])), versions=versions)
        _check_entry(entry)
        return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What an archive holds.

    Attributes:
        form: ``archive`` if the payloads are in it, ``backup`` if they are in a folder beside it, ``delivery`` if they
            are in it and something is wanted of who receives it.
        context: name of the context that it was made in.
        author: who made it.
        time: when, in UTC.
        objects: the objects.
        blobs: SHA-256 of the blobs that they need -> size, in the order of the archive.
        documents: SHA-256 of files of documents, one a line -> size, in the order of the archive.
        collections: reference of a payload of documents -> SHA-256 of the file that has them.
        history: of a backup, the history of all names, each from its first record on.
        delivery: of a delivery, what is wanted.
    """

    form: Form = "archive"
    context: str
    author: str
    time: datetime
    objects: tuple[Entry, ...]
    blobs: Mapping[str, int] = field(default_factory=dict)
    documents: Mapping[str, int] = field(default_factory=dict)
    collections: Mapping[str, str] = field(default_factory=dict)
    history: tuple[HistoryEntry, ...] = ()
    delivery: Delivery | None = None

    @property
    def size(self) -> int:
        """Bytes of all payloads."""
        return sum(self.blobs.values()) + sum(self.documents.values())

    @property
    def delivered(self) -> Version | None:
        """The version that is to become live; None if there is none."""
        versions = (version for entry in self.objects for version in entry.versions)
        return next((version for version in versions if _is_delivered(version, self.delivery)), None)

    def to_text(self) -> str:
        """Return the text of the index."""
        return canonical_json(
            {
                "format": FORMAT,
                "form": self.form,
                "context": self.context,
                "author": self.author,
                "time": self.time.isoformat(),
                "objects": [entry.to_plain() for entry in self.objects],
                "blobs": list(map(list, self.blobs.items())),
                "documents": list(map(list, self.documents.items())),
                "collections": dict(self.collections),
                "history": [record.to_plain() for record in self.history],
            }
            | ({"delivery": self.delivery.to_plain()} if self.delivery else {})
        )

    @classmethod
    def from_text(cls, text: str, name: str) -> Index:
        """Read the text of an index, and check every field of it.

        Raises:
            ArchiveError: it is no index, or of a newer format, or says what can not be.
        """
        try:
            return cls._from_plain(json.loads(text, parse_constant=_refuse_constant), name)
        except ArchiveError:
            raise
        except (
            OmegaError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            raise ArchiveError(
                f"the index of {name} can not be read ({type(error).__name__}: {error}): it was not written by "
                "omega-ml; ask whoever gave it to you for an archive made by om export"
            ) from error

    @classmethod
    def _from_plain(cls, plain: Mapping[str, Any], name: str) -> Index:
        if plain["format"] != FORMAT:
            raise ArchiveError(
                f"{name} is of format {plain['format']!r}, this omega-ml reads format {FORMAT}: upgrade omega-ml"
            )
        if plain["form"] not in _FORMS:
            raise ArchiveError(f"{name} is a {plain['form']!r}, which this omega-ml does not know: upgrade omega-ml")
        index = cls(
            form=plain["form"],
            context=_text(plain["context"]),
            author=_text(plain["author"]),
            time=datetime.fromisoformat(plain["time"]),
            objects=tuple(Entry.from_plain(each) for each in plain["objects"]),
            blobs=_sizes(plain["blobs"], name),
            documents=_sizes(plain["documents"], name),
            collections=dict(plain["collections"]),
            history=tuple(map(_record, plain["history"])),
            delivery=Delivery.from_plain(plain["delivery"]) if plain["form"] == "delivery" else None,
        )
        _check_index(index, name)
        return index


def selected(index: Index, wanted: Sequence[tuple[str, str]], name: str) -> list[Entry]:
    """Return the objects of these prefixes and names, all if none are given. Raises ArchiveError for unknown ones."""
    if not wanted:
        return list(index.objects)
    by_name = {(entry.head.key.prefix, entry.head.key.name): entry for entry in index.objects}
    missing = [f"{prefix}{each}" for prefix, each in wanted if (prefix, each) not in by_name]
    if missing:
        known = ", ".join(sorted(f"{prefix}{each}" for prefix, each in by_name)) or "nothing"
        raise ArchiveError(f"{name} does not hold {', '.join(missing)}; it holds {known}")
    return [by_name[key] for key in dict.fromkeys(wanted)]


def is_sha256(text: object) -> bool:
    """Whether this is a SHA-256 in hex."""
    return isinstance(text, str) and _SHA256.match(text) is not None


def _check_entry(entry: Entry) -> None:
    key, head = entry.head.key, entry.head
    where = f"{key.prefix}{key.name} of bucket {key.bucket}"
    validate_bucket(key.bucket)
    if key.prefix not in PREFIXES or not ObjectRef.parse(key.name).is_plain:
        raise ArchiveError(f"{where} is no name that an object can have")
    for tag in head.tags:
        validate_tag(tag)
    for version in entry.versions:
        if version.key != key or version.uid != head.uid:
            raise ArchiveError(f"version {version.seq} of {where} is one of another object")
    numbers = [version.seq for version in entry.versions]
    if not numbers or numbers != sorted(set(numbers)) or not _are_counts([*numbers, head.revision]):
        raise ArchiveError(f"the versions of {where} are not in order")
    _check_references(entry, where)
    times = [head.created, head.modified, *(version.created for version in entry.versions)]
    if any(time.tzinfo is None for time in times):
        raise ArchiveError(f"the times of {where} do not say in which time zone they are")
    if all(version.ref != head.current or version.kind != head.kind for version in entry.versions):
        raise ArchiveError(f"the current version of {where} is not among its versions")
    if len({version.id for version in entry.versions}) != len(entry.versions):
        raise ArchiveError(f"{where} has a version twice")
    if not all(isinstance(fields, dict) for fields in _fields(entry)):
        raise ArchiveError(f"the attributes of {where} are none")
    head.statement.encode()


def _version(plain: Mapping[str, Any]) -> Version:
    version = Version.from_manifest(_text(plain["manifest"]), plain["digest"], _text(plain["signature"]))
    texts: tuple[object, ...] = (version.id, version.uid, version.kind, version.author)
    if version.manifest != plain["manifest"] or not all(isinstance(text, str) for text in texts):
        raise ArchiveError(f"version {version.seq} of {version.key} is not written as versions are")
    if type(version.size) is not int:
        raise ArchiveError(f"version {version.seq} of {version.key} has no size")
    return version


def _record(plain: Mapping[str, Any]) -> HistoryEntry:
    record = HistoryEntry.from_plain(plain)
    validate_bucket(record.bucket)
    texts = (record.id, record.former, record.action, record.time, record.author, record.digest, record.signature)
    if record.prefix not in PREFIXES or not ObjectRef.parse(record.name).is_plain or not _are_counts([record.n]):
        raise ArchiveError(f"record {record.n} of {record.prefix}{record.name} is one of no object")
    if not all(isinstance(text, str) for text in texts) or not isinstance(record.source, dict | None):
        raise ArchiveError(f"record {record.n} of {record.prefix}{record.name} is not written as records are")
    return record


def _check_references(entry: Entry, where: str) -> None:
    head, parents = entry.head, [version.parent for version in entry.versions if version.parent is not None]
    refs: list[VersionRef] = [head.current, head.tip, *head.tags.values(), *parents]
    ids: list[object] = [*(ref.id for ref in refs), *head.dropped_versions]
    if not all(isinstance(id_, str) for id_ in ids) or not _are_counts([ref.seq for ref in refs]):
        raise ArchiveError(f"{where} refers to something that is no version")


def _fields(entry: Entry) -> Iterator[object]:
    yield entry.head.attributes
    for version in entry.versions:
        yield from (version.attributes, version.kind_meta, {} if version.provenance is None else version.provenance)


def _check_index(index: Index, name: str) -> None:
    keys = [entry.head.key for entry in index.objects]
    if len(set(keys)) != len(keys):
        raise ArchiveError(f"the index of {name} has an object twice")
    if index.time.tzinfo is None:
        raise ArchiveError(f"the index of {name} does not say in which time zone its time is")
    unknown = set(index.collections.values()) - set(index.documents)
    if unknown:
        raise ArchiveError(f"the index of {name} speaks of documents {unknown.pop()!r} that it does not hold")
    if index.form != "backup" and index.history:
        raise ArchiveError(f"{name} brings a history, which only backups have")
    if index.delivery is not None and index.delivered is None:
        raise ArchiveError(f"{name} does not hold the version that is to be received")
    for entry in index.objects:
        for version in entry.versions:
            for part in version.parts:
                check_part(index, part, name)


def check_part(index: Index, part: Part, name: str) -> None:
    """Check that an archive holds the blob or documents that a part of a payload refers to. Raises ArchiveError."""
    fields: tuple[object, ...] = (part.ref, part.size, part.meta)
    fits = [isinstance(*pair) for pair in zip(fields, (str, int, dict), strict=True)] == [True] * len(fields)
    if fits and part.type in {"blob", "page"}:
        fits = part.ref in index.blobs and part.sha256 == part.ref and part.size in {0, index.blobs[part.ref]}
    elif fits and part.type == "documents":
        fits = part.ref in index.collections and bool(part.collection)
    if not fits:
        raise ArchiveError(f"{name} does not hold the {part.type} {str(part.ref)[:80]!r} that one of its objects needs")


def _is_delivered(version: Version, wanted: Delivery | None) -> bool:
    key = version.key
    return wanted is not None and (key.bucket, key.prefix, key.name, version.seq) == (
        wanted.bucket,
        wanted.prefix,
        wanted.name,
        wanted.version,
    )


def _sizes(plain: Sequence[Sequence[Any]], name: str) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for sha256, size in plain:
        if not is_sha256(sha256) or type(size) is not int or size < 0 or sha256 in sizes:
            raise ArchiveError(
                f"the index of {name} lists {str(sha256)[:80]!r} of {str(size)[:20]} bytes, or lists it twice"
            )
        sizes[sha256] = size
    return sizes


def _are_counts(numbers: Sequence[object]) -> bool:
    return all(type(number) is int and 0 < number < _MOST for number in numbers)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in place of text")
    return value
