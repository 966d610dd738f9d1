"""Deliveries: what is wanted of whoever receives an archive that a promotion has written into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from omega_domain.entities.names import DATA, PREFIXES, ObjectRef, validate_bucket, validate_new_name, validate_tag
from omega_domain.errors import ArchiveError

Outcome = Literal["promoted", "allowed", "received", "superseded", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What is to become live, and where. The gates, and what is forced, are the business of who receives it.

    Attributes:
        bucket: the bucket that it is in, in the archive.
        prefix: prefix of its store, such as ``models/``.
        name: its name in the archive.
        version: number of its version in the archive.
        to_bucket: the bucket that it is promoted to.
        to_name: its name there.
        tag: a name for the new version there.
        versions: how many of the newest versions are to be there, it included; ``all`` of them.
        tags: whether the tags of all that are taken travel.
        with_data: whether the datasets in the archive are promoted before it.
    """

    bucket: str
    prefix: str
    name: str
    version: int
    to_bucket: str
    to_name: str
    tag: str | None = None
    versions: int | Literal["all"] | None = None
    tags: bool = False
    with_data: bool = False

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Delivery:
        """Rebuild from :meth:`to_plain`; what can not be raises ArchiveError or what Python raises."""
        found = cls(**plain)
        values = asdict(found)
        texts = [values[name] for name in ("bucket", "prefix", "name", "to_bucket", "to_name")]
        flags = [values[name] for name in ("tags", "with_data")]
        counts = [found.version, *([] if found.versions in {None, "all"} else [found.versions])]
        are_counts = all(type(count) is int and count > 0 for count in counts)
        if not all(isinstance(text, str) for text in texts) or {*map(type, flags)} != {bool} or not are_counts:
            raise ArchiveError("what is wanted of who receives it is not written as deliveries are")
        if found.prefix not in PREFIXES or not ObjectRef.parse(found.name).is_plain:
            raise ArchiveError(f"{found.prefix}{found.name} is no name that an object can have")
        validate_bucket(found.bucket)
        validate_bucket(found.to_bucket)
        validate_new_name(ObjectRef.parse_plain(found.to_name, "receive").name)
        if found.tag is not None:
            validate_tag(found.tag)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of a delivery.

    Attributes:
        file: name of the file.
        time: when it was sent, in UTC; None if that can not be read.
        prefix: prefix of the store that it is for; empty if that can not be read.
        bucket: bucket that it is for; likewise.
        name: name that it is for; likewise.
        outcome: ``promoted``; ``allowed``, where nothing was to be done yet; ``received`` before; ``superseded`` by one
            that was sent later; ``refused``.
        version: number of its version here; None if it has none.
        reason: why it was refused or left.
    """

    file: str
    time: datetime | None = None
    prefix: str = ""
    bucket: str = ""
    name: str = ""
    outcome: Outcome
    version: int | None = None
    reason: str = ""

    @property
    def object(self) -> str:
        """Store and name as commands take them: ``datasets/sales``; the file, if nothing else is known."""
        if not self.name:
            return self.file
        return f"{'datasets/' if self.prefix == DATA else self.prefix}{self.name}"
