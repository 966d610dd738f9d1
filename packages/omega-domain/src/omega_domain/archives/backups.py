"""Backups: a folder with an index for each backup, and each payload once, by its SHA-256.

``backups/<time>.omega`` is written last and holds everything but payloads; ``blobs/ab/<sha256>`` and
``documents/ab/<sha256>`` are shared by all backups of the folder, so that a backup costs what has changed. The history
of all names is in each index. Records of tasks, what the runtime keeps for tasks, logs and keys are in no backup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omega_domain.archives.format import END
from omega_domain.archives.gathering import Gathered
from omega_domain.archives.importing import Imported, StoreOf, import_entries
from omega_domain.archives.reading import Archive, Source, open_archive, open_file, verified
from omega_domain.archives.restoring import Exact
from omega_domain.archives.selection import kept_versions
from omega_domain.archives.writing import new_file, write_index
from omega_domain.entities.archive import Entry, Index, is_sha256, selected
from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import ObjectRef, is_temporary
from omega_domain.entities.promotion import HistoryEntry
from omega_domain.errors import ArchiveError
from omega_domain.repository.finding import Finder
from omega_domain.repository.history import History

if TYPE_CHECKING:
    from omega_domain.repository.context import Context

BACKUPS: Final = "backups"
SUFFIX: Final = ".omega"
_NAME: Final = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """What a backup holds.

    Attributes:
        backup: name of the backup.
        time: when it was made, in UTC.
        objects: number of objects.
        versions: number of their versions.
        size: bytes of all payloads.
        written: bytes of those that no earlier backup in the folder has.
    """

    backup: str
    time: datetime
    objects: int
    versions: int
    size: int
    written: int

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {**asdict(self), "time": self.time.isoformat()}


def back_up(context: Context, folder: Path) -> BackupReport:
    """Add a backup of a whole context to a folder; what the folder has of the payloads is not written again.

    Raises:
        ArchiveError: it can not be written, or something of the objects is missing. An earlier backup is left as it is.
    """
    made = _made(folder / BACKUPS)
    with closing(Gathered(context, made)) as gathered:
        heads = (head for head in context.metadata.heads(HeadQuery()) if not is_temporary(head.key.name))
        entries = [entry for head in heads if (entry := _entry_of(context, head))]
        index = replace(gathered.index(entries, "backup"), history=tuple(History(context).every()))
        written = _write_new(folder / "blobs", index.blobs, gathered.blob)
        written += _write_new(folder / "documents", index.documents, gathered.documents)
        name = f"{index.time.astimezone(UTC).strftime(_NAME)}{SUFFIX}"
        with new_file(made / name) as file:
            write_index(context, index, file)
            file.write(END)
    return BackupReport(
        backup=name,
        time=index.time,
        objects=len(entries),
        versions=sum(len(entry.versions) for entry in entries),
        size=index.size,
        written=written,
    )


def restore(
    context: Context,
    folder: Path,
    store_of: StoreOf,
    *,
    at: datetime | None = None,
    wanted: Sequence[tuple[str, str]] = (),
) -> list[Imported]:
    """Make every object of a backup what it was then; objects that are not in the backup are left alone.

    Args:
        context: the context.
        folder: the folder of backups.
        store_of: the store of a bucket and prefix.
        at: the last backup until then; by default the last of all.
        wanted: prefix and name of objects; all by default.

    Raises:
        ArchiveError: there is no such backup, or it is not what it should be. UntrustedObjectError: nobody who is
            trusted here has signed it. InvalidNameError: a name is not plain.
    """
    for _, name in wanted:
        ObjectRef.parse_plain(name, "restore")
    with open_archive(find_backup(folder, at), trust=context.trust) as archive:
        source = _Folder(archive, folder)
        entries = _chosen(archive.index, wanted, archive.name)
        History(context).restore(record for record in archive.index.history if _is_wanted(record, wanted))
        return import_entries(source, entries, store_of, Exact)


def backups_in(folder: Path) -> list[Path]:
    """Return the backups of a folder, the oldest first."""
    return sorted(path for path in (folder / BACKUPS).glob(f"*{SUFFIX}") if _time_of(path) is not None)


def find_backup(folder: Path, at: datetime | None) -> Path:
    """Return the last backup, or the last until a time. Raises ArchiveError if there is none."""
    found = backups_in(folder)
    if not found:
        raise ArchiveError(f"there is no backup in {folder}: om backup makes one")
    until = at.astimezone(UTC) if at is not None else None
    fitting = [path for path in found if until is None or (_time_of(path) or until) <= until]
    if not fitting:
        raise ArchiveError(f"there is no backup in {folder} until {until}; the first is {found[0].name}")
    return fitting[-1]


class _Folder(Source):
    """The payloads of a backup."""

    def __init__(self, archive: Archive, folder: Path) -> None:
        if archive.index.form != "backup":
            raise ArchiveError(f"{archive.name} is an archive of its own, not a backup: om import reads it")
        self.name, self.index, self.signature = archive.name, archive.index, archive.signature
        self._folder = folder

    def blob(self, sha256: str) -> Iterator[bytes]:
        return self._content("blobs", sha256, self.index.blobs[sha256])

    def documents(self, sha256: str) -> Iterator[bytes]:
        return self._content("documents", sha256, self.index.documents[sha256])

    def _content(self, kind: str, sha256: str, size: int) -> Iterator[bytes]:
        path = _place(self._folder / kind, sha256)
        with open_file(path) as file:
            yield from verified(file, size, sha256, str(path))


def _entry_of(context: Context, head: Head) -> Entry | None:
    """Return an object with the versions that are kept; None if it was dropped meanwhile."""
    keep = context.retention.keep.get(head.key.prefix, "all")
    live = list(reversed(Finder(context).live_versions(head)))
    if any(version.id == head.current.id for version in live):
        return Entry(head=head, versions=tuple(kept_versions(head, live, keep)))
    now = context.metadata.head(head.key)
    if now is not None and now.revision == head.revision:
        raise ArchiveError(f"version {head.current.seq} of {head.key} is missing: run `om fsck`, drop it or restore it")
    return None if now is None else _entry_of(context, now)


def _chosen(index: Index, wanted: Sequence[tuple[str, str]], name: str) -> list[Entry]:
    if not wanted:
        return list(index.objects)
    known = set(wanted)
    found = [entry for entry in index.objects if (entry.head.key.prefix, entry.head.key.name) in known]
    return found or selected(index, wanted, name)


def _is_wanted(record: HistoryEntry, wanted: Sequence[tuple[str, str]]) -> bool:
    return not wanted or (record.prefix, record.name) in wanted


def _write_new(folder: Path, sizes: Any, content: Callable[[str], Iterator[bytes]]) -> int:
    """Write what is not there; return how many bytes."""
    written = 0
    for sha256, size in sizes.items():
        path = _place(folder, sha256)
        if _size(path) != size:
            _made(path.parent)
            with new_file(path) as file:
                for chunk in content(sha256):
                    file.write(chunk)
            written += size
    return written


def _place(folder: Path, sha256: str) -> Path:
    if not is_sha256(sha256):  # a reference is text from the store
        raise ArchiveError(
            f"{sha256[:80]!r} is no SHA-256, so it is not written to {folder}: `om fsck` lists all damage"
        )
    return folder / sha256[:2] / sha256


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArchiveError(f"{folder} can not be made: {error.strerror or error}") from error
    return folder


def _time_of(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.name.removesuffix(SUFFIX), _NAME).replace(tzinfo=UTC)
    except ValueError:
        return None
