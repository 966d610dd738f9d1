"""Fault injection: stores that crash, or run full, at the n-th step that writes.

A test runs its scenario once with ``FaultPlan()`` to learn how many steps write, then once for each of
:meth:`FaultPlan.every`, and looks at the inner stores each time: the old state or the new, nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeVar

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Tombstone, Version
from omega_domain.errors import StoreFullError
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.store import (
    Collection,
    DeleteResult,
    Document,
    FileInfo,
    Files,
    FileWriter,
    Filter,
    Store,
    SupportsLocalPath,
    UpdateResult,
)

When = Literal["before", "middle", "after"]
Fault = Literal["crash", "full"]
#: In which ways a step can fail. A disk that is full is so before the step is done.
WAYS: Final[tuple[tuple[When, Fault], ...]] = (
    ("before", "crash"),
    ("middle", "crash"),
    ("after", "crash"),
    ("before", "full"),
    ("middle", "full"),
)
_Result = TypeVar("_Result")


class InjectedFault(BaseException):
    """The process ends here. Whatever it still tries with its stores fails the same way."""


class FaultPlan:
    """Counts the steps that write, and fails one of them.

    Args:
        fail_at: number of the step, 1 for the first; None lets all pass.
        when: whether nothing, half or all of the step is done.
        fault: a crash, after which the stores are dead, or a full disk, after which life goes on.

    Attributes:
        steps: how many steps there were so far.
        trace: their names.
        crashed: whether the stores are dead.
    """

    def __init__(self, fail_at: int | None = None, *, when: When = "before", fault: Fault = "crash") -> None:
        self.fail_at = fail_at
        self.when = when
        self.fault = fault
        self.trace: list[str] = []
        self.crashed = False

    def __repr__(self) -> str:
        return f"FaultPlan({self.fail_at}, when={self.when!r}, fault={self.fault!r})"

    @classmethod
    def every(cls, steps: int, *, stride: int = 1, first: int = 0) -> Iterator[FaultPlan]:
        """Iterate over every way in which one of so many steps can fail.

        Args:
            steps: how many there are.
            stride: every how many ways one is taken. There are five a step: a multiple of five leaves sorts out.
            first: how many are left out at the start, modulo ``stride``.
        """
        ways = (cls(fail_at, when=when, fault=fault) for fail_at in range(1, steps + 1) for when, fault in WAYS)
        yield from islice(ways, first % stride, None, stride)

    @property
    def steps(self) -> int:
        """How many steps there were so far."""
        return len(self.trace)

    def look(self) -> None:
        """Note that something is read; a dead process reads nothing."""
        if self.crashed:
            raise InjectedFault(f"dead since step {self.fail_at}, {self.trace[-1]}")

    def do(self, name: str, whole: Callable[[], _Result], *, half: Callable[[], object] = lambda: None) -> _Result:
        """Perform a step that writes, unless this is the one to fail.

        Args:
            name: for the trace.
            whole: performs the step.
            half: performs what can be left of it when it is interrupted.
        """
        self.begin(name, half)
        result = whole()
        self.end()
        return result

    def begin(self, name: str, half: Callable[[], object] = lambda: None) -> None:
        """Begin a step; it may fail now, before it does anything or when it has done half."""
        self.look()
        self.trace.append(name)
        if self.steps == self.fail_at and self.when != "after":
            if self.when == "middle":
                half()
            raise self._failure()

    def end(self) -> None:
        """End a step; it may fail now, after it is done."""
        if self.steps == self.fail_at and self.when == "after":
            raise self._failure()

    def _failure(self) -> BaseException:
        if self.fault == "full":
            return StoreFullError(f"no space left at step {self.steps}, {self.trace[-1]} (injected)")
        self.crashed = True
        return InjectedFault(f"crashed {self.when} step {self.steps}, {self.trace[-1]}")


class FaultyMetadataStore(MetadataStore):
    """A metadata store whose commits and purges follow a plan; half a commit stores the version, but not the head."""

    def __init__(self, inner: MetadataStore, plan: FaultPlan) -> None:
        """Pass everything on to the inner store."""
        self._inner = inner
        self._plan = plan

    def head(self, key: ObjectKey) -> Head | None:
        """Return the living head of this name; None if there is none."""
        self._plan.look()
        return self._inner.head(key)

    def heads(self, query: HeadQuery) -> list[Head]:
        """Return the heads that match."""
        self._plan.look()
        return self._inner.heads(query)

    def buckets(self) -> list[str]:
        """Return the names of the buckets."""
        self._plan.look()
        return self._inner.buckets()

    def version(self, version_id: str) -> Version | None:
        """Return one version."""
        self._plan.look()
        return self._inner.version(version_id)

    def versions(self, uid: str) -> list[Version | Tombstone]:
        """Return every record kept for this object."""
        self._plan.look()
        return self._inner.versions(uid)

    def commit(self, head: Head, *, expected: int | None, version: Version | None = None) -> bool:
        """Make a change visible; a step."""
        return self._plan.do(
            "commit",
            lambda: self._inner.commit(head, expected=expected, version=version),
            half=lambda: self._store_only(head, version),
        )

    def records(self) -> Iterator[Version | Tombstone]:
        """Iterate over every version and tombstone."""
        self._plan.look()
        return self._inner.records()

    def purge(self, *, uids: Iterable[str] = (), versions: Iterable[str | Tombstone] = ()) -> None:
        """Remove for good; a step."""
        heads, records = list(uids), list(versions)
        self._plan.do(
            "purge",
            lambda: self._inner.purge(uids=heads, versions=records),
            half=lambda: self._inner.purge(uids=_half(heads), versions=_half(records)),
        )

    def _store_only(self, head: Head, version: Version | None) -> None:
        """Leave the version without a head, by means of another head that is dropped and purged."""
        if version is not None:
            passing = replace(head, uid=uuid.uuid4().hex, dropped=head.modified)
            self._inner.commit(passing, expected=None, version=version)
            self._inner.purge(uids=[passing.uid])


class FaultyFiles(Files):
    """Blobs whose writers, leases and deletions follow a plan; a file written by half is never stored."""

    def __init__(self, inner: Files, plan: FaultPlan) -> None:
        """Pass everything on to the inner files."""
        self._inner = inner
        self._plan = plan

    @contextmanager
    def new_file(self, *, leased_until: datetime) -> Iterator[FileWriter]:
        """Return a context manager with a writer; leaving it is a step."""
        self._plan.look()
        with self._inner.new_file(leased_until=leased_until) as writer:
            yield writer
            self._plan.begin("new_file")
        self._plan.end()

    def get(self, file_id: str) -> BinaryIO:
        """Open a blob for reading."""
        self._plan.look()
        return self._inner.get(file_id)

    def exists(self, file_id: str) -> bool:
        """Tell whether the blob is there."""
        self._plan.look()
        return self._inner.exists(file_id)

    def find(self) -> Iterator[FileInfo]:
        """Iterate over all blobs."""
        self._plan.look()
        return self._inner.find()

    def lease(self, file_ids: Iterable[str], *, until: datetime) -> set[str]:
        """Extend leases; a step."""
        ids = list(file_ids)
        return self._plan.do(
            "lease",
            lambda: self._inner.lease(ids, until=until),
            half=lambda: self._inner.lease(_half(ids), until=until),
        )

    def delete(self, file_ids: Iterable[str], *, leased_before: datetime) -> set[str]:
        """Delete blobs whose lease ended; a step."""
        ids = list(file_ids)
        return self._plan.do(
            "delete",
            lambda: self._inner.delete(ids, leased_before=leased_before),
            half=lambda: self._inner.delete(_half(ids), leased_before=leased_before),
        )

    def sweep(self, *, older_than: datetime) -> list[str]:
        """Remove what dead writers left; a step."""
        return self._plan.do("sweep", lambda: self._inner.sweep(older_than=older_than))


class FaultyFilesWithPaths(FaultyFiles, SupportsLocalPath):
    """The same for files that have paths."""

    def __init__(self, inner: Files, plan: FaultPlan) -> None:
        """Pass everything on to the inner files."""
        super().__init__(inner, plan)
        assert isinstance(inner, SupportsLocalPath)
        self._paths: SupportsLocalPath = inner

    def local_path(self, file_id: str) -> Path:
        """Return the path of the blob."""
        self._plan.look()
        return self._paths.local_path(file_id)


class FaultyCollection(Collection):
    """A collection whose changes follow a plan; half an insert or a delete is about half of the documents."""

    def __init__(self, inner: Collection, plan: FaultPlan) -> None:
        """Pass everything on to the inner collection."""
        self._inner = inner
        self._plan = plan

    @property
    def name(self) -> str:
        """Key of the collection."""
        return self._inner.name

    def insert_many(self, documents: Iterable[Document]) -> object:
        """Insert documents; a step."""
        rows = list(documents)
        return self._plan.do(
            "insert_many",
            lambda: self._inner.insert_many(rows),
            half=lambda: _half(rows) and self._inner.insert_many(_half(rows)),
        )

    def find(
        self,
        filter: Filter | None = None,
        projection: Mapping[str, int] | Sequence[str] | None = None,
        *,
        skip: int = 0,
        limit: int = 0,
        sort: Sequence[tuple[str, int]] | None = None,
    ) -> Iterator[Document]:
        """Iterate over copies of the documents that match."""
        self._plan.look()
        return self._inner.find(filter, projection, skip=skip, limit=limit, sort=sort)

    def find_one(self, filter: Filter | None = None) -> Document | None:
        """Return a copy of the first document that matches."""
        self._plan.look()
        return self._inner.find_one(filter)

    def update_one(self, filter: Filter, update: Mapping[str, Any], upsert: bool = False) -> UpdateResult:  # noqa: FBT001, FBT002 -- pymongo's signature
        """Change the first match; a step."""
        return self._plan.do("update_one", lambda: self._inner.update_one(filter, update, upsert))

    def delete_many(self, filter: Filter) -> DeleteResult:
        """Delete all that match; a step."""
        return self._plan.do(
            "delete_many", lambda: self._inner.delete_many(filter), half=lambda: self._delete_half(filter)
        )

    def count_documents(self, filter: Filter) -> int:
        """Count those that match."""
        self._plan.look()
        return self._inner.count_documents(filter)

    def create_index(self, keys: str | Sequence[tuple[str, int]]) -> str:
        """Make sure that an index exists; a step."""
        return self._plan.do("create_index", lambda: self._inner.create_index(keys))

    def drop(self) -> None:
        """Remove the collection; a step."""
        self._plan.do("drop", self._inner.drop, half=lambda: self._delete_half({}))

    def _delete_half(self, filter: Filter) -> None:
        ids = [document["_id"] for document in self._inner.find(filter)]
        self._inner.delete_many({"_id": {"$in": _half(ids)}})


class FaultyStore(Store):
    """A payload store whose writing follows a plan."""

    def __init__(self, inner: Store, plan: FaultPlan) -> None:
        """Pass everything on to the inner store."""
        self._inner = inner
        self._plan = plan
        with_paths = isinstance(inner.files, SupportsLocalPath)
        self._files = (FaultyFilesWithPaths if with_paths else FaultyFiles)(inner.files, plan)

    @property
    def files(self) -> FaultyFiles:
        """The blobs."""
        return self._files

    def collection(self, key: str) -> FaultyCollection:
        """Return the collection of this key."""
        return FaultyCollection(self._inner.collection(key), self._plan)

    def collections(self) -> list[str]:
        """Return the keys of all collections that hold documents."""
        self._plan.look()
        return self._inner.collections()

    @property
    def url(self) -> str:
        """Where the inner store is."""
        return self._inner.url


def _half(items: list[_Result]) -> list[_Result]:
    return items[: len(items) // 2]
