"""Commands on archives and backups: objects in one signed file, and whole contexts in a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from omega_domain.archives.backups import BackupReport
from omega_domain.archives.importing import Imported, Outcome
from omega_domain.commands.plain import ASIDE
from omega_domain.commands.registry import Command, command
from omega_domain.entities.names import DATA
from omega_domain.omega import Omega


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """Where an object is.

    Attributes:
        bucket: its bucket.
        prefix: prefix of its store, such as ``models/``.
        name: its name.
    """

    bucket: str
    prefix: str
    name: str

    @property
    def object(self) -> str:
        """Store and name, as commands take them: ``datasets/sales``."""
        return f"{'datasets/' if self.prefix == DATA else self.prefix}{self.name}"


@dataclass(frozen=True, kw_only=True)
class ArchivedObject(StoredObject):
    """An object of an archive.

    Attributes:
        kind: which backend reads it.
        version: number of its current version.
        versions: how many versions are in the archive.
        tags: its tags, sorted.
        size: bytes of the current version.
        created: when the current version was committed, in UTC.
        author: the author of the current version.
        digest: SHA-256 of the manifest of the current version.
    """

    kind: str
    version: int
    versions: int
    tags: tuple[str, ...]
    size: int
    created: datetime
    author: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class LandedObject(StoredObject):
    """What became of an object of an archive or backup.

    Attributes:
        version: number of its current version.
        versions: how many versions were written.
        size: bytes of payload that were written.
        outcome: whether the object is new, was changed, or was there already.
    """

    version: int
    versions: int
    size: int
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class ExportObjects:
    """Which objects are written into an archive.

    Attributes:
        names: store and name of each, such as ``models/m``, ``datasets/sales@v1``.
        path: the file to write; a file that is there is replaced.
    """

    names: tuple[str, ...]
    path: Path = field(metadata=ASIDE)


@command("archives.export", right="*:read@{bucket}", streams="gives bytes")
def export(om: Omega, request: ExportObjects) -> tuple[ArchivedObject, ...]:
    """Write objects into one signed file."""
    return _archived(om.export(request.names, request.path))


@dataclass(frozen=True, kw_only=True)
class DescribeArchive:
    """Which archive is looked at.

    Attributes:
        path: the archive.
    """

    path: Path = field(metadata=ASIDE)


@dataclass(frozen=True, kw_only=True)
class ArchiveFacts:
    """What an archive says of itself, and whose signature it has.

    Attributes:
        archive: name of the file.
        form: ``archive``, or ``backup`` if it belongs to a folder of backups.
        context: name of the context that it was made in.
        author: its author.
        time: when it was made, in UTC.
        signer: the key that signed it; empty if that is not known.
        trust: whether the signature is that of a trusted key.
        size: bytes of all payloads.
        objects: the objects in it.
    """

    archive: str
    form: Literal["archive", "backup"]
    context: str
    author: str
    time: datetime
    signer: str
    trust: str
    size: int
    objects: tuple[ArchivedObject, ...]


@command("archives.describe", right="context:read", streams="takes bytes")
def describe(om: Omega, request: DescribeArchive) -> ArchiveFacts:
    """Show what is in an archive, and whose signature it has; nothing is imported."""
    found = om.describe_archive(request.path)
    time = datetime.fromisoformat(found["time"])
    return ArchiveFacts(**{**found, "time": time, "objects": _archived(found["objects"])})


@dataclass(frozen=True, kw_only=True)
class ImportArchive:
    """Which objects of an archive are imported, and where to.

    Attributes:
        names: store and name of each, such as ``models/m``; by default all.
        to_bucket: the bucket to import into; by default the one that the request is given to.
        path: the archive.
    """

    names: tuple[str, ...] = ()
    to_bucket: str | None = None
    path: Path = field(metadata=ASIDE)

    def target(self, om: Omega) -> Omega:
        """Return the bucket that is imported into."""
        return om if self.to_bucket is None else om[self.to_bucket]


@command("archives.import", right="*:write@{bucket}", changes=True, streams="takes bytes")
def import_(om: Omega, request: ImportArchive) -> tuple[LandedObject, ...]:
    """Bring objects of an archive into a bucket."""
    return _landed(request.target(om).import_archive(request.path, request.names))


@dataclass(frozen=True, kw_only=True)
class BackUp:
    """Where to a backup is added.

    Attributes:
        folder: the folder of backups.
    """

    folder: Path


@command("archives.backup", right="context:admin")
def backup(om: Omega, request: BackUp) -> BackupReport:
    """Add a backup of the whole context to a folder."""
    return om.backup(request.folder)


@dataclass(frozen=True, kw_only=True)
class Restore:
    """Which backup is restored.

    Attributes:
        folder: the folder of backups.
        names: store and name of the objects, such as ``models/m``; by default all.
        at: the last backup until then; by default the last of all.
    """

    folder: Path
    names: tuple[str, ...] = ()
    at: datetime | None = None


@command("archives.restore", right="context:admin", changes=True)
def restore(om: Omega, request: Restore) -> tuple[LandedObject, ...]:
    """Make the objects of a backup what they were, in all buckets."""
    return _landed(om.restore(request.folder, at=request.at, names=request.names))


def _archived(facts: list[dict[str, Any]]) -> tuple[ArchivedObject, ...]:
    return tuple(
        ArchivedObject(**{**each, "tags": tuple(each["tags"]), "created": datetime.fromisoformat(each["created"])})
        for each in facts
    )


def _landed(done: list[Imported]) -> tuple[LandedObject, ...]:
    return tuple(LandedObject(**each.to_plain()) for each in done)


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (export, describe, import_, backup, restore)
