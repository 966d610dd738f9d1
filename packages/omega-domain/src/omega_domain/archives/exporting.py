"""Exporting and importing objects of a context, by archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omega_domain.archives.importing import Imported, StoreOf, import_entries
from omega_domain.archives.reading import open_archive
from omega_domain.archives.selection import kept_versions
from omega_domain.archives.writing import write_archive
from omega_domain.entities.archive import Entry, selected
from omega_domain.entities.names import PREFIXES, ObjectRef, validate_new_name
from omega_domain.errors import ArchiveError

if TYPE_CHECKING:
    from omega_domain.entities.archive import Index
    from omega_domain.repository.context import Context
    from omega_domain.repository.metadata import Metadata
    from omega_domain.repository.objects import Objects

#: A store, and the name of an object or version in it.
Wanted = tuple["Objects", str]


def export_objects(context: Context, wanted: Iterable[Wanted], path: Path) -> list[dict[str, Any]]:
    """Write an archive of objects; return facts about each.

    A plain name takes along all versions that the retention keeps; a name with a version only that one.

    Raises:
        ObjectNotFoundError: there is no such object. UntrustedObjectError: it may not be loaded here.
        ArchiveError: the archive can not be written.
    """
    entries: dict[object, Entry] = {}
    for store, name in wanted:
        entry = _entry_of(store, name)
        if entry.head.key in entries:
            raise ArchiveError(
                f"{entry.head.key.name!r} is named twice; an archive holds an object once: name one version"
            )
        entries[entry.head.key] = entry
    if not entries:
        raise ArchiveError("nothing was named: name the objects to export, such as models/m")
    index = write_archive(context, list(entries.values()), path)
    return facts_of(index)


def import_objects(
    context: Context,
    path: Path,
    store_of: StoreOf,
    *,
    wanted: Sequence[tuple[str, str]] = (),
    prefixes: Sequence[str] = PREFIXES,
) -> list[Imported]:
    """Bring objects of an archive into a context; return what became of each.

    Args:
        context: the context.
        path: the archive.
        store_of: the store of a bucket and prefix.
        wanted: prefix and name of the objects; all by default.
        prefixes: only objects of these stores.

    Raises:
        ArchiveError: the archive is not what it should be, or lacks an object. UntrustedObjectError: nobody who is
            trusted here has signed it. InvalidNameError: a name is not plain, or reserved for the runtime.
    """
    for _, name in wanted:
        ObjectRef.parse_plain(name, "import")
    with open_archive(path, trust=context.trust) as archive:
        if archive.index.form == "backup":
            raise ArchiveError(f"{archive.name} belongs to a folder of backups: give that folder to om restore")
        if archive.index.form == "delivery":
            raise ArchiveError(
                f"{archive.name} is a delivery, which gates have to let pass: give its folder to om receive"
            )
        entries = selected(archive.index, wanted, archive.name)
        chosen = [entry for entry in entries if entry.head.key.prefix in prefixes]
        for entry in chosen:
            validate_new_name(entry.head.key.name)
        return import_entries(archive, chosen, store_of)


def describe_archive(context: Context, path: Path) -> dict[str, Any]:
    """Return what an archive says of itself, whoever made it: its objects, and whose signature it has."""
    with open_archive(path, trust=None) as archive:
        keys, signature, index = context.trust.keys, archive.signature, archive.index
        return {
            "archive": archive.name,
            "form": index.form,
            "context": index.context,
            "author": index.author,
            "time": index.time.isoformat(),
            "signer": keys.signer(signature) if keys and signature else "",
            "trust": archive.verdict(context.trust),
            "size": index.size,
            "objects": facts_of(index),
        }


def facts_of(index: Index) -> list[dict[str, Any]]:
    """Return facts about the objects of an archive, in plain JSON types."""
    return [dict(_facts(entry)) for entry in index.objects]


def _facts(entry: Entry) -> Iterator[tuple[str, Any]]:
    key = entry.head.key
    yield from (("bucket", key.bucket), ("prefix", key.prefix), ("name", key.name), ("kind", entry.head.kind))
    yield from (("version", entry.current.seq), ("versions", len(entry.versions)), ("tags", sorted(entry.tags)))
    yield from (("size", entry.current.size), ("created", entry.current.created.isoformat()))
    yield from (("author", entry.current.author), ("digest", entry.current.digest))


def _entry_of(store: Objects, name: str) -> Entry:
    ref = ObjectRef.parse_whole(name, "export")
    if ref.selector:
        return _entry_of_version(store.metadata(name, required=True))
    metas = {meta.ref.id: meta for meta in store.versions(name)}
    head = next((meta.head for meta in metas.values() if meta.head), None)
    if head is None or head.current.id not in metas:
        raise ArchiveError(f"the current version of {name!r} is missing: run `om fsck`, drop it or restore it")
    keep = store.context.retention.keep.get(store.prefix, "all")
    versions = kept_versions(head, [meta.record for meta in metas.values() if meta.record], keep)
    for version in versions:
        metas[version.id].check_trust(is_code=False)
    return Entry(head=head, versions=tuple(versions))


def _entry_of_version(meta: Metadata) -> Entry:
    """Return an object that has this version only, with its attributes and tags."""
    return entry_of([meta])


def entry_of(metas: Sequence[Metadata]) -> Entry:
    """Return an object that has these versions only, oldest first, with the attributes of the last, and their tags.

    Raises:
        UntrustedObjectError: one of them may not be loaded here.
    """
    versions = []
    for each in metas:
        each.check_trust(is_code=False)
        assert each.record is not None  # noqa: S101 -- what a store has resolved is saved
        versions.append(each.record)
    last, head = versions[-1], metas[-1].head
    assert head is not None  # noqa: S101 -- likewise
    ids = {version.id for version in versions}
    only = replace(
        head,
        kind=last.kind,
        current=last.ref,
        tip=last.ref,
        tags={tag: ref for tag, ref in head.tags.items() if ref.id in ids},
        dropped_versions=(),
        attributes=dict(metas[-1].attributes),
        signature="",
        version=None,
    )
    return Entry(head=only, versions=tuple(versions))
