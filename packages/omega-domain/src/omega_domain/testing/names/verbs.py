"""The methods of a store that take a name, and the names that they are tried with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from omega_domain.entities.head import HeadQuery
from omega_domain.repository.history import HISTORY
from omega_domain.repository.metadata import Metadata
from omega_domain.stores import OmegaStore
from omega_domain.testing.names.tables import Table, TableBackend

OLD: Final[Table] = {"x": [1, 2, 3], "y": [4, 5, 6]}
NEW: Final[Table] = {"x": [7, 8, 9], "y": [0, 0, 0]}

#: What stands behind a name -> the version it is about, or the piece of which version it is.
VERSIONS: Final[Mapping[str, int]] = {"@1": 1, "@v1": 1, "@latest": 2, "^": 1, "@2^": 1}
PIECES: Final[Mapping[str, tuple[int, Any]]] = {
    "[x]": (2, {"x": [7, 8, 9]}),
    "[^x]": (2, {"y": [0, 0, 0]}),
    "[y,x]": (2, {"y": [0, 0, 0], "x": [7, 8, 9]}),
    "#": (2, [NEW]),
    "#rows:start=0,end=2": (2, {"x": [7, 8], "y": [0, 0]}),
    "#iterchunks:chunksize=2": (2, [{"x": [7, 8], "y": [0, 0]}, {"x": [9], "y": [0]}]),
    "@1[x]": (1, {"x": [1, 2, 3]}),
    "^#rows:start=1,end=2": (1, {"x": [2], "y": [5]}),
    "@v1[^y]#rows:start=2": (1, {"x": [3]}),
}
#: What is no name of anything, because its order is wrong.
DISORDERED: Final = ("[x]@1", "[x]^", "#@1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a verb is tried: a store with two versions of ``d``, another one without, and an archive of ``d``."""

    store: OmegaStore
    other: OmegaStore
    archive: Path

    def state(self) -> list[Any]:
        """Return all that can be changed by a verb."""
        contexts = (self.store.context, self.other.context)
        heads = [head.to_plain() for context in contexts for head in context.metadata.heads(HeadQuery())]
        records = sorted(record.id for context in contexts for record in context.metadata.records())
        told = [context.store.collection(HISTORY).count_documents({}) for context in contexts]
        return [heads, records, told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A method of a store that takes a name.

    Attributes:
        call: calls it with a name.
        versions: whether it understands names of versions, too.
        seen: returns from its result, or from the stage, which version it was about; None if neither tells.
    """

    call: Callable[[Stage, str], Any]
    versions: bool = True
    seen: Callable[[Stage, Any], object] | None = None


def _version(stage: Stage, meta: Metadata) -> object:  # noqa: ARG001 -- one of several ways to see it
    return meta.version


def _fact(stage: Stage, facts: Mapping[str, object]) -> object:  # noqa: ARG001 -- the same
    return facts["version"]


def _left_out(stage: Stage, dropped: bool) -> object:  # noqa: FBT001 -- what drop returns
    left = {meta.version for meta in stage.store.versions("d")}
    return ({1, 2} - left).pop() if dropped else None


def _copied(stage: Stage, meta: Metadata) -> object:  # noqa: ARG001 -- one of several ways to see it
    return (meta.provenance or {})["version"]


#: Every method of OmegaStore that takes a name; further ways to give one are behind a colon. What drops comes last.
VERBS: Final[Mapping[str, Verb]] = {
    "put": Verb(call=lambda on, name: on.store.put(NEW, name), versions=False),
    "versions": Verb(call=lambda on, name: on.store.versions(name), versions=False),
    "revisions": Verb(call=lambda on, name: on.store.revisions(name), versions=False),
    "tag": Verb(call=lambda on, name: on.store.tag(name, "new"), seen=_version),
    "link_dataset": Verb(call=lambda on, name: on.store.link_dataset(name, "d[x]"), versions=False),
    "make_metadata": Verb(call=lambda on, name: on.store.make_metadata(name, TableBackend.KIND), versions=False),
    "summary": Verb(call=lambda on, name: on.store.summary(name), seen=_fact),
    "compact": Verb(call=lambda on, name: on.store.compact(name), versions=False),
    "get_backend": Verb(call=lambda on, name: on.store.get_backend(name)),
    "help": Verb(call=lambda on, name: on.store.help(name)),
    "collection": Verb(call=lambda on, name: on.store.collection(name), versions=False),
    "object_store_key": Verb(call=lambda on, name: on.store.object_store_key(name, "rows"), versions=False),
    "promote": Verb(call=lambda on, name: on.store.promote(name, on.other), seen=_copied),
    "promote: dry_run": Verb(call=lambda on, name: on.store.promote(name, on.other, dry_run=True)),
    "promote: asname": Verb(call=lambda on, name: on.store.promote("d", on.other, asname=name), versions=False),
    "rollback": Verb(call=lambda on, name: on.store.rollback(name), versions=False),
    "approve": Verb(call=lambda on, name: on.store.approve(name, "release"), seen=_version),
    "approve: digest": Verb(call=lambda on, name: on.other.approve(name, "release", digest="0" * 64)),
    "history": Verb(call=lambda on, name: on.store.history(name), versions=False),
    "to_archive": Verb(call=lambda on, name: on.store.to_archive(name, on.archive.with_name("new"))[0], seen=_fact),
    "from_archive": Verb(call=lambda on, name: on.other.from_archive(on.archive, name), versions=False),
    "drop: force": Verb(call=lambda on, name: on.other.drop(name, force=True)),
    "drop": Verb(call=lambda on, name: on.store.drop(name), seen=_left_out),
}

#: Those that read pieces.
READERS: Final = ("get", "exists", "metadata")

#: Those that take no name of an object: a pattern, a kind, or nothing.
OTHERS: Final = frozenset({"list", "register_backend", "get_backend_bykind", "get_backend_byobj", "mongodb"})
