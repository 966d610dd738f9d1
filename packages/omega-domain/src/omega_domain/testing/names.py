"""Contract of names on any pair of MetadataStore and Store: every verb understands a name to its end, or refuses it.

A subclass gives the fixtures ``context`` and ``other_context`` (two empty contexts with a :class:`ManualClock`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.backends.base import BaseDataBackend
from omega_domain.entities.head import HeadQuery
from omega_domain.entities.names import TEMPORARY, ObjectRef
from omega_domain.entities.query import column_not_found
from omega_domain.entities.version import Payload
from omega_domain.errors import (
    ColumnNotFoundError,
    InvalidNameError,
    ObjectNotFoundError,
    UnsupportedOptionError,
)
from omega_domain.omega import Omega
from omega_domain.ports.objects import StoredObject
from omega_domain.repository.context import Context
from omega_domain.repository.history import HISTORY
from omega_domain.repository.metadata import Metadata
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import TextBackend
from omega_domain.upkeep.checking import check, usage
from omega_domain.upkeep.collecting import TEMPORARY_FOR, collect

Table = dict[str, list[int]]
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


class TableBackend(BaseDataBackend):
    """Keeps tables, which have columns and rows."""

    KIND: ClassVar[str] = "test.table"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is a dict of lists."""
        return isinstance(obj, dict) and all(isinstance(column, list) for column in obj.values())

    def put(self, obj: Table, name: str) -> StoredObject:
        """Store the table."""
        part = self.data_store.payloads.write(lambda file: file.write(json.dumps(obj).encode()))
        facts = {"columns": list(obj)}
        return self.data_store.make_metadata(name, self.KIND).set_payload(Payload([part], facts)).save()

    def get(
        self,
        name: str,
        *,
        columns: Sequence[str] | None = None,
        excluding: bool = False,
        rows: tuple[int, int | None] = (0, None),
        chunksize: int | None = None,
    ) -> Table | Iterator[Table]:
        """Return the table, or what is asked for of it."""
        meta = self.data_store.resolve(name)
        with self.data_store.payloads.open(meta.parts[0]) as file:
            table = json.load(file)
        for column in columns or ():
            if column not in table:
                raise column_not_found(column, table)
        wanted = list(table) if columns is None else columns
        wanted = [column for column in table if column not in wanted] if excluding else wanted
        found = {column: table[column][slice(*rows)] for column in wanted}
        return found if chunksize is None else _chunks(found, chunksize)

    def compact(self, name: str) -> StoredObject:
        """Store the table again."""
        return self.put(json.loads(json.dumps(self.get(name))), name)

    def summary(self, name: str) -> dict[str, Any]:
        """Return the columns."""
        return {"columns": dict.fromkeys(self.data_store.resolve(name).kind_meta["columns"], "int")}


class BlindBackend(TableBackend):
    """Keeps tables, and does not say of which columns."""

    KIND: ClassVar[str] = "test.blind"

    def summary(self, name: str) -> dict[str, Any]:  # noqa: ARG002 -- the port's signature
        """Return nothing."""
        return {}


def _chunks(table: Table, size: int) -> Iterator[Table]:
    for start in range(0, max(map(len, table.values())), size):
        yield {column: values[start : start + size] for column, values in table.items()}


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
    "key_of": Verb(call=lambda on, name: on.store.key_of(name), versions=False),
    "to_archive": Verb(call=lambda on, name: on.store.to_archive(name, on.archive.with_name("new"))[0], seen=_fact),
    "from_archive": Verb(call=lambda on, name: on.other.from_archive(on.archive, name), versions=False),
    "resolve": Verb(call=lambda on, name: on.store.resolve(name), seen=_version),
    "drop: force": Verb(call=lambda on, name: on.other.drop(name, force=True)),
    "drop": Verb(call=lambda on, name: on.store.drop(name), seen=_left_out),
}

#: Those that read pieces.
READERS: Final = ("get", "exists", "metadata", "locate")

#: Those that take no name of an object: a pattern, a kind, the prefix of a store, or names that views hold.
OTHERS: Final = frozenset(
    {
        "list",
        "register_backend",
        "get_backend_bykind",
        "get_backend_byobj",
        "mongodb",
        "sibling",
        "action_of",
        "with_transient",
        "with_pinned",
        "with_reserved",
    }
)


class NamesContract:
    """Verbs and the grammar of names."""

    @pytest.fixture
    def stage(self, context: Context, other_context: Context, tmp_path: Path) -> Stage:
        stage = Stage(
            store=_with_backends(OmegaStore(context, bucket="dev")),
            other=_with_backends(OmegaStore(other_context, bucket="prod")),
            archive=tmp_path / "made",
        )
        stage.store.put(OLD, "d", tag="v1")
        stage.store.put(NEW, "d")
        stage.store.put("text", "t")
        stage.store.to_archive("d", stage.archive)
        return stage

    def test_every_method_that_takes_a_name_is_tried(self) -> None:
        public = {name for name in dir(OmegaStore) if not name.startswith("_")}
        assert public == {verb.partition(":")[0] for verb in VERBS} | {*READERS} | OTHERS

    def test_every_verb_takes_the_plain_name(self, stage: Stage) -> None:
        for verb in VERBS.values():
            verb.call(stage, "d")

    def test_every_verb_refuses_pieces_and_changes_nothing(self, stage: Stage) -> None:
        before = stage.state()
        found = {
            (verb, piece): _refusal(VERBS[verb].call, stage, f"d{piece}") for verb, piece in product(VERBS, PIECES)
        }
        wrong = {cell: said for cell, said in found.items() if not _names_the_whole(said, *cell)}
        assert not wrong, wrong
        assert stage.state() == before

    def test_every_verb_for_whole_objects_refuses_versions_and_changes_nothing(self, stage: Stage) -> None:
        before = stage.state()
        calls = {name: verb.call for name, verb in VERBS.items() if not verb.versions}
        found = {(name, one): _refusal(calls[name], stage, f"d{one}") for name, one in product(calls, VERSIONS)}
        wrong = {cell: said for cell, said in found.items() if f"'d{cell[1]}': give the plain name 'd'" not in said}
        assert not wrong, wrong
        assert stage.state() == before

    def test_everything_refuses_a_wrong_order_and_changes_nothing(self, stage: Stage) -> None:
        before = stage.state()
        calls = {verb: VERBS[verb].call for verb in VERBS} | {reader: _reading(reader) for reader in READERS}
        found = {(name, wrong): _refusal(calls[name], stage, f"d{wrong}") for name, wrong in product(calls, DISORDERED)}
        assert [each for each, said in found.items() if f"'d{each[1]}'" not in said] == []
        assert stage.state() == before

    @pytest.mark.parametrize("version", VERSIONS)
    def test_every_verb_for_versions_is_about_the_one_that_is_named(self, stage: Stage, version: str) -> None:
        wrong = []
        for name, verb in VERBS.items():
            if verb.versions:
                result = verb.call(stage, f"d{version}")
                about = verb.seen(stage, result) if verb.seen else VERSIONS[version]
                wrong += [] if about == VERSIONS[version] else [(name, about)]
        assert not wrong, wrong

    def test_a_piece_is_read_and_exists(self, stage: Stage) -> None:
        store = stage.store
        for piece, (version, expected) in PIECES.items():
            value = store.get(f"d{piece}")
            assert (list(value) if isinstance(expected, list) else value) == expected
            assert store.exists(f"d{piece}")
            meta = store.metadata(f"d{piece}")
            assert meta is not None
            assert (meta.name, meta.version) == ("d", version)
            assert store.locate(f"d{piece}").version == version

    def test_a_column_that_is_not_there_does_not_exist(self, stage: Stage) -> None:
        for name in ("d[nope]", "d[^nope]", "d[x,nope]", "d@1[nope]#", "d^[nope]#rows:end=1"):
            _assert_missing(stage.store, name, ColumnNotFoundError)
            with pytest.raises(ColumnNotFoundError, match="nope"):
                stage.store.get(name)

    def test_a_kind_without_columns_or_chunks_has_no_such_pieces(self, stage: Stage) -> None:
        for name in ("t[x]", "t[^x]", "t#", "t#iterchunks:chunksize=2", "t@1[x]"):
            _assert_missing(stage.store, name, UnsupportedOptionError)
            with pytest.raises(UnsupportedOptionError):
                stage.store.get(name)

    def test_a_piece_of_what_is_not_there_does_not_exist(self, stage: Stage) -> None:
        for name in ("no[x]", "no#", "d@9[x]", "d^^^[x]", "d@no#"):
            _assert_missing(stage.store, name, ObjectNotFoundError)

    def test_rows_are_a_slice_that_may_be_empty(self, stage: Stage) -> None:
        assert stage.store.get("d#rows:start=100,end=200") == {"x": [], "y": []}
        assert stage.store.exists("d#rows:start=100,end=200")
        assert stage.store.exists("t#rows:start=1,end=2")

    def test_columns_count_as_there_where_a_kind_does_not_tell(self, stage: Stage) -> None:
        stage.store.register_backend(BlindBackend.KIND, BlindBackend)
        stage.store.put(OLD, "b", kind=BlindBackend.KIND)
        assert stage.store.exists("b[nope]")

    def test_a_model_is_linked_to_pieces_that_are_there(self, stage: Stage) -> None:
        linked = stage.store.link_dataset("t", "d[x]", "d@1[y]").attributes["linked"]
        assert (linked["X"]["name"], linked["Y"]["name"]) == ("d[x]", "d@1[y]")
        before = stage.state()
        with pytest.raises(ColumnNotFoundError, match="nope"):
            stage.store.link_dataset("t", "d[x]", "d[nope]")
        assert stage.state() == before

    def test_a_version_that_a_verb_was_given_beside_the_name_is_one_too(self, stage: Stage) -> None:
        assert stage.store.get("d[x]", version=1) == {"x": [1, 2, 3]}
        meta = stage.store.metadata("d[x]", version=1)
        assert meta is not None
        assert meta.version == 1
        assert stage.store.metadata("d[nope]", version=1) is None


#: Names that lists leave out. They are the users' own.
HIDDEN: Final = ("_baseline", "features/_raw/x", ".hidden/y", "a/.b", "_temp/x", "_memory/.omega/_temp/z")


class HiddenNamesContract:
    """Names of which a part begins with a dot or underscore, and those of the runtime."""

    @pytest.fixture
    def om(self, context: Context) -> Omega:
        context.registry.register(TextBackend.KIND, TextBackend)
        return Omega(context)

    @pytest.fixture
    def left(self, om: Omega) -> str:
        """Name of what the runtime made for a task, and left behind."""
        om.datasets.with_reserved().put("for a task", f"{TEMPORARY}left")
        return f"{TEMPORARY}left"

    def test_hidden_objects_are_kept_as_any_other(self, om: Omega) -> None:
        stores = (om.datasets, om.models, om.jobs, om.scripts)
        for store in stores:
            for name in HIDDEN:
                store.put(f"{store.prefix}{name}", name)
                store.put(f"tagged {name}", f"{name}-2", tag="prod")
        _advance(om, timedelta(days=40))
        assert om.collect(dry_run=True).objects == []
        report = om.collect()
        assert (report.objects, report.versions, report.blobs) == ([], 0, 0)
        for store in stores:
            for name in HIDDEN:
                assert store.get(name) == f"{store.prefix}{name}"
                assert store.get(f"{name}-2@prod") == f"tagged {name}"
        assert check(om.context) == []

    def test_lists_leave_hidden_names_out(self, om: Omega) -> None:
        for name in (*HIDDEN, "a_b", "a.b/c_", "shown"):
            om.datasets.put(name, name)
        assert om.datasets.list() == ["a.b/c_", "a_b", "shown"]
        assert om.datasets.list("*", regexp="_", kind=TextBackend.KIND) == ["a.b/c_", "a_b"]
        assert om.datasets.list("_*") == []
        assert om.datasets.list("_b*", hidden=True) == ["_baseline"]
        assert om.datasets.list(hidden=True) == sorted([*HIDDEN, "a_b", "a.b/c_", "shown"])
        assert [meta.name for meta in om.datasets.list("_b*", hidden=True, raw=True)] == ["_baseline"]

    def test_hidden_objects_are_promoted_counted_and_backed_up(
        self, om: Omega, other_context: Context, left: str, tmp_path: Path
    ) -> None:
        om.datasets.put("raw", "_raw", tag="v1")
        assert om.datasets.promote("_raw", om["prod"].datasets).name == "_raw"
        assert {("omega", "_raw"), ("prod", "_raw"), ("omega", left)} == {
            (one.bucket, one.name) for one in usage(om.context).objects
        }
        om.backup(tmp_path)
        other_context.registry.register(TextBackend.KIND, TextBackend)
        other = Omega(other_context)
        assert {(done.bucket, done.name) for done in other.restore(tmp_path)} == {("omega", "_raw"), ("prod", "_raw")}
        assert other.datasets.get("_raw@v1") == "raw"
        om.export("datasets/_raw", tmp_path / "made")
        assert [done.name for done in other["new"].import_archive(tmp_path / "made")] == ["_raw"]

    def test_what_the_runtime_left_behind_is_collected_after_a_day(self, om: Omega, left: str) -> None:
        om.datasets.tag(left, "v1")
        _advance(om, TEMPORARY_FOR)
        assert collect(om.context, grace=timedelta(0)).objects == []
        _advance(om, timedelta(seconds=1))
        assert f"omega:data/{left}" in collect(om.context, dry_run=True).objects
        assert om.datasets.get(left) == "for a task"
        assert f"omega:data/{left}" in collect(om.context, grace=timedelta(0)).objects
        assert not om.datasets.exists(left)

    def test_only_the_datasets_of_the_runtime_are_temporary(self, om: Omega) -> None:
        om.models.with_reserved().put("model", f"{TEMPORARY}m")
        om.datasets.with_reserved().put("data", ".omega/kept")
        _advance(om, timedelta(days=40))
        assert om.collect().objects == []
        assert om.models.get(f"{TEMPORARY}m") == "model"
        assert om.datasets.get(".omega/kept") == "data"

    @pytest.mark.parametrize("name", [".omega", ".omega/x", f"{TEMPORARY}x"])
    def test_users_give_no_name_of_the_runtime(self, om: Omega, name: str) -> None:
        om.datasets.put("mine", "mine")
        for give in (
            lambda: om.datasets.put("x", name),
            lambda: om.models.put("x", name, append=True),
            lambda: om.datasets.make_metadata(name, TextBackend.KIND),
            lambda: om.datasets.promote("mine", om["prod"].datasets, asname=name),
            lambda: om.datasets.promote("mine", om["prod"].datasets, asname=name, dry_run=True),
        ):
            with pytest.raises(InvalidNameError, match=rf"'{name}' can not be a name.* reserved for the runtime"):
                give()
        assert [head.key.name for head in om.context.metadata.heads(HeadQuery())] == ["mine"]

    def test_users_read_and_drop_what_the_runtime_made(self, om: Omega, left: str, tmp_path: Path) -> None:
        assert om.datasets.get(left) == "for a task"
        assert om.datasets.exists(left)
        assert om.datasets.list() == []
        assert om.datasets.list(hidden=True) == [left]
        assert om.datasets.promote(left, om["prod"].datasets, asname="mine").name == "mine"
        om.datasets.to_archive(left, tmp_path / "made")
        with pytest.raises(InvalidNameError, match="reserved for the runtime"):
            om["prod"].datasets.from_archive(tmp_path / "made")
        assert om["prod"].datasets.list(hidden=True) == ["mine"]
        assert om.datasets.drop(left)


def _refusal(call: Callable[[Stage, str], Any], stage: Stage, name: str) -> str:
    """Return with what message a call refuses a name."""
    with pytest.raises(InvalidNameError) as refused:
        call(stage, name)
    return str(refused.value)


def _names_the_whole(said: str, verb: str, piece: str) -> bool:
    whole = ObjectRef.parse(f"d{piece}").versioned_name if VERBS[verb].versions else "d"
    return f"'d{piece}'" in said and said.endswith(f"{whole!r}")


def _reading(method: str) -> Callable[[Stage, str], Any]:
    return lambda stage, name: getattr(stage.store, method)(name)


def _assert_missing(store: OmegaStore, name: str, error: type[Exception]) -> None:
    assert not store.exists(name)
    assert store.metadata(name) is None
    with pytest.raises(error):
        store.locate(name)


def _with_backends(store: OmegaStore) -> OmegaStore:
    for backend in (TableBackend, TextBackend):
        store.register_backend(backend.KIND, backend)
    return store


def _advance(om: Omega, by: timedelta) -> None:
    assert isinstance(om.context.clock, ManualClock)
    om.context.clock.advance(by)
