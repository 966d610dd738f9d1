"""Contract of verbs and the grammar of names: every verb understands a name to its end, or refuses it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from omega_domain.entities.names import ObjectRef
from omega_domain.errors import (
    ColumnNotFoundError,
    InvalidNameError,
    ObjectNotFoundError,
    UnsupportedOptionError,
)
from omega_domain.repository.context import Context
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import TextBackend
from omega_domain.testing.names.tables import BlindBackend, TableBackend
from omega_domain.testing.names.verbs import DISORDERED, NEW, OLD, OTHERS, PIECES, READERS, VERBS, VERSIONS, Stage


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
            assert store.metadata(f"d{piece}", required=True).version == version

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
        store.metadata(name, required=True)


def _with_backends(store: OmegaStore) -> OmegaStore:
    for backend in (TableBackend, TextBackend):
        store.register_backend(backend.KIND, backend)
    return store
