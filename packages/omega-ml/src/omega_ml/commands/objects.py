"""Commands on objects and files: put a file under a name, get an object, save it to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from omega_domain.commands.conditions import filter_of
from omega_domain.commands.facts import ObjectFacts
from omega_domain.commands.plain import ASIDE
from omega_domain.commands.registry import Command, command
from omega_domain.commands.requests import OfObject
from omega_domain.entities.query import Q
from omega_domain.omega import Omega
from omega_domain.repository.metadata import Metadata
from omega_ml.file_formats import excerpt, read_object, write_object


@dataclass(frozen=True, kw_only=True)
class PutFile(OfObject):
    """Which file to put, and how.

    Attributes:
        file: name of the file, whose ending says its format.
        format_: ``csv``, ``tsv``, ``jsonl``, ``json``, ``parquet``, ``npy`` or ``file``; by default that of the ending.
        kind: kind to store it as; by default the first that supports it.
        append: add to what is there, instead of replacing it.
        tag: tag of the new version.
        attributes: attributes to set, in plain JSON types.
        dates: columns of a CSV to read as dates.
        content: what the file holds; or the path of a folder or of code on this machine.
    """

    file: str
    format_: str | None = None
    kind: str | None = None
    append: bool = False
    tag: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    dates: tuple[str, ...] = ()
    content: IO[bytes] | Path = field(metadata=ASIDE)


@command("objects.put", right="{store}:write@{bucket}/{plain_name}", changes=True, streams="takes bytes")
def put(om: Omega, request: PutFile) -> ObjectFacts:
    """Put a file under a name.

    CSV, TSV, Parquet and JSON lines are put as frames, JSON as data, npy as an array, anything else as a file. Among
    the jobs and scripts, the path of a folder or of a ``.py`` file is put as code that can be run.
    """
    form = "file" if request.kind == "python.file" else request.format_
    obj = read_object(request.content, request.file, form=form, dates=request.dates)
    meta = request.store_in(om).put(
        obj,
        request.name,
        kind=request.kind,
        append=request.append,
        tag=request.tag,
        attributes=dict(request.attributes) or None,
    )
    return ObjectFacts.of(meta)


@dataclass(frozen=True, kw_only=True)
class GetObject(OfObject):
    """Which object to get, and how much of it.

    Attributes:
        name: name of the object; also ``name[a,b]``, ``name@tag``, ``name#rows:start=0,end=9``.
        where: conditions that rows must meet: ``distance__gt=500``, ``carrier__in=UA,AA``.
        limit: how many rows of a frame; 0 is all of them.
    """

    where: tuple[str, ...] = ()
    limit: int = 20


@dataclass(frozen=True, kw_only=True)
class ObjectValue:
    """An object.

    Attributes:
        name: name of the object.
        kind: which backend reads it.
        version: number of the version.
        value: the object; a frame is an array of records.
        is_cut: whether there are more rows.
    """

    name: str
    kind: str
    version: int | None
    value: Any
    is_cut: bool = field(metadata=ASIDE)


@command("objects.get", right="{store}:read@{bucket}/{plain_name}", streams="gives records")
def get(om: Omega, request: GetObject) -> ObjectValue:
    """Get an object, or the first rows of it; a file is given open."""
    meta, query = _found(om, request, request.where)
    found = excerpt(request.store_in(om), request.name, query=query, limit=request.limit)
    return ObjectValue(name=meta.name, kind=meta.kind, version=meta.version, value=found.value, is_cut=found.is_cut)


@dataclass(frozen=True, kw_only=True)
class SaveObject(OfObject):
    """Which object to write to a file of this machine.

    Attributes:
        name: name of the object; also ``name[a,b]``, ``name@tag``, ``name#rows:start=0,end=9``.
        where: conditions that rows must meet: ``distance__gt=500``, ``carrier__in=UA,AA``.
        force: overwrite the file.
        file: the file to write, in the format of its ending.
    """

    where: tuple[str, ...] = ()
    force: bool = False
    file: Path = field(metadata=ASIDE)


@dataclass(frozen=True, kw_only=True)
class SavedFile:
    """An object that was written to a file.

    Attributes:
        name: name of the object.
        kind: which backend reads it.
        version: number of the version.
        file: the file.
        size: bytes of the file.
    """

    name: str
    kind: str
    version: int | None
    file: Path
    size: int


@command("objects.save", right="{store}:read@{bucket}/{plain_name}")
def save(om: Omega, request: SaveObject) -> SavedFile:
    """Write an object to a file of this machine."""
    meta, query = _found(om, request, request.where)
    write_object(request.store_in(om), request.name, request.file, query=query, overwrite=request.force)
    size = request.file.stat().st_size
    return SavedFile(name=meta.name, kind=meta.kind, version=meta.version, file=request.file, size=size)


def _found(om: Omega, request: OfObject, where: tuple[str, ...]) -> tuple[Metadata, Q | None]:
    meta = request.store_in(om).metadata(request.name, required=True)
    return meta, filter_of(where, typed=meta.kind.startswith("pandas."))


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (put, get, save)
