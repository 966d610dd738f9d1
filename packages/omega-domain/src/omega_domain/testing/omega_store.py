"""Contract of named objects over any pair of MetadataStore and Store: what OmegaStore promises on every adapter.

A subclass gives the fixtures ``context`` and ``other_context`` (two empty contexts with a :class:`ManualClock`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any, ClassVar

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.names import DATA, MODELS, ObjectKey
from omega_domain.entities.query import Q
from omega_domain.errors import (
    ConflictError,
    InvalidFilterError,
    InvalidNameError,
    InvalidTagError,
    ObjectNotFoundError,
    PromotionError,
    SchemaMismatchError,
    StaleMetadataError,
    StoreError,
    UnknownKindError,
    UnsupportedObjectError,
    UnsupportedOptionError,
    VersionNotFoundError,
)
from omega_domain.ports.objects import StoredObject
from omega_domain.ports.promotion import PromotionRequest
from omega_domain.promotion.promoting import CopyingPromotion
from omega_domain.repository import payloads
from omega_domain.repository.context import Context
from omega_domain.repository.metadata import GridFSProxy
from omega_domain.repository.payloads import PAYLOADS
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import CollectionBackend, RowsBackend, SilentBackend, TextBackend, UriBackend
from omega_domain.upkeep.checking import check, usage
from omega_domain.upkeep.collecting import collect

LONG = timedelta(days=2)


def _advance(context: Context, by: timedelta) -> None:
    assert isinstance(context.clock, ManualClock)
    context.clock.advance(by)


def _names(metas: object) -> list[int | None]:
    assert isinstance(metas, list)
    return [meta.version for meta in metas]


class _WithStores:
    """Stores of two buckets and another context."""

    @pytest.fixture
    def store(self, context: Context) -> OmegaStore:
        store = OmegaStore(context, bucket="dev")
        for backend in (TextBackend, RowsBackend):
            store.register_backend(backend.KIND, backend)
        return store

    @pytest.fixture
    def models(self, store: OmegaStore) -> OmegaStore:
        return OmegaStore(store.context, prefix=MODELS, bucket="dev")

    @pytest.fixture
    def prod(self, store: OmegaStore) -> OmegaStore:
        return OmegaStore(store.context, bucket="prod")

    @pytest.fixture
    def abroad(self, other_context: Context) -> OmegaStore:
        store = OmegaStore(other_context, bucket="prod")
        for backend in (TextBackend, RowsBackend):
            store.register_backend(backend.KIND, backend)
        return store


class OmegaStoreContract(_WithStores):
    """Objects by name: put, get, list, drop, versions, tags, metadata."""

    def test_get_returns_what_was_put(self, store: OmegaStore) -> None:
        store.put("hello", "a")
        store.put([{"x": 1}], "b")
        assert store.get("a") == "hello"
        assert store.get("b") == [{"x": 1}]

    def test_put_replaces_by_default(self, store: OmegaStore) -> None:
        store.put("old", "a")
        store.put("new", "a")
        assert store.get("a") == "new"

    def test_put_of_another_kind_replaces_too(self, store: OmegaStore) -> None:
        store.put("old", "a")
        assert store.put([{"x": 1}], "a").kind == "test.rows"
        assert store.get("a") == [{"x": 1}]
        assert store.get("a^") == "old"

    def test_append_adds_to_what_is_there(self, store: OmegaStore) -> None:
        store.put("one ", "a")
        store.put("two", "a", append=True)
        assert store.get("a") == "one two"
        assert store.get("a@1") == "one "

    def test_append_to_a_new_name_creates_it(self, store: OmegaStore) -> None:
        store.put([{"x": 1}], "b", append=True)
        assert store.get("b") == [{"x": 1}]

    def test_append_goes_on_from_the_current_version(self, store: OmegaStore) -> None:
        store.put("one ", "a")
        store.put("two", "a")
        store.drop("a@2")
        store.put("three", "a", append=True)
        assert store.get("a") == "one three"
        assert _names(list(store.versions("a"))) == [1, 3]

    def test_append_of_another_kind_is_refused(self, store: OmegaStore) -> None:
        store.put("text", "a")
        with pytest.raises(SchemaMismatchError, match=r"test\.text.*test\.rows"):
            store.put([{"x": 1}], "a", append=True)
        assert store.get("a") == "text"

    def test_append_with_a_backend_that_can_not_is_refused(self, store: OmegaStore) -> None:
        store.register_backend(CollectionBackend.KIND, CollectionBackend)
        with pytest.raises(UnsupportedOptionError, match="append"):
            store.put(("a",), "c", append=True)

    def test_a_failed_put_leaves_the_old_object(self, store: OmegaStore) -> None:
        store.put("old", "a")
        with pytest.raises(UnsupportedObjectError):
            store.put(object(), "a")
        with pytest.raises(TypeError):
            store.put([{"x": object()}], "a")
        assert store.get("a") == "old"
        assert _names(list(store.versions("a"))) == [1]

    def test_an_unsupported_object_error_says_what_is_supported_and_how_to_add(self, store: OmegaStore) -> None:
        with pytest.raises(TypeError, match=r"test\.rows, test\.text.*register_backend"):
            store.put(3.5, "a")

    def test_an_unknown_kind_is_an_error_not_a_fallback(self, store: OmegaStore) -> None:
        with pytest.raises(UnknownKindError, match=r"test\.text"):
            store.put("x", "a", kind="no.such")
        with pytest.raises(UnsupportedObjectError, match="does not store"):
            store.put("x", "a", kind="test.rows")
        assert store.put("x", "a", kind="test.text").kind == "test.text"

    def test_options_reach_the_backend_and_unknown_ones_are_refused(self, store: OmegaStore) -> None:
        store.put("x", "a", upper=True)
        assert store.get("a") == "X"
        with pytest.raises(UnsupportedOptionError, match=r"'lower'.*append, upper"):
            store.put("x", "a", lower=True)
        with pytest.raises(UnsupportedOptionError, match="lower"):
            store.get("a", lower=True)

    @pytest.mark.parametrize("name", ["a@v1", "a[x]", "a^", "a#rows:start=1"])
    def test_put_takes_a_plain_name_only(self, store: OmegaStore, name: str) -> None:
        with pytest.raises(InvalidNameError, match="plain name 'a'"):
            store.put("x", name)

    def test_a_missing_name_raises_naming_the_nearest(self, store: OmegaStore) -> None:
        for name in ("sales", "sales2", "sale", "other"):
            store.put("x", name)
        with pytest.raises(LookupError, match=r"no object 'salse' in datasets of bucket 'dev'; nearest are: sale"):
            store.get("salse")
        with pytest.raises(ObjectNotFoundError, match="nothing like it"):
            store.get("zzzzzz")

    def test_a_default_is_returned_for_a_missing_name_or_version(self, store: OmegaStore) -> None:
        assert store.get("none", default=None) is None
        store.put("x", "a")
        assert store.get("a@v9", default="d") == "d"
        assert store.get("a", default="d") == "x"

    def test_metadata_of_a_missing_name_is_none_and_exists_tells(self, store: OmegaStore) -> None:
        assert store.metadata("a") is None
        assert not store.exists("a")
        store.put("x", "a", tag="v1")
        assert store.exists("a")
        assert store.exists("a@v1")
        assert not store.exists("a@v2")

    def test_versions_are_numbered_and_tagged(self, store: OmegaStore) -> None:
        store.put("one", "a", tag="v1")
        store.put("two", "a")
        store.put("three", "a", tag="v3")
        assert _names(list(store.versions("a"))) == [1, 2, 3]
        assert [meta.tags for meta in store.revisions("a")] == [["v1"], [], ["v3"]]
        for name, text in {
            "a@v1": "one",
            "a@1": "one",
            "a@2": "two",
            "a@latest": "three",
            "a": "three",
            "a^": "two",
            "a^^": "one",
            "a@v3^": "two",
        }.items():
            assert store.get(name) == text
        assert store.get("a", version=2) == "two"
        assert store.get("a", version="v1") == "one"
        assert store.get("a", version="latest") == "three"

    @pytest.mark.parametrize("name", ["a^^", "a^^^^", "a@9", "a@v2", "a@1^", "a@0"])
    def test_a_version_beyond_history_is_an_error_naming_what_exists(self, store: OmegaStore, name: str) -> None:
        store.put("one", "a", tag="v1")
        store.put("two", "a")
        with pytest.raises(VersionNotFoundError, match=r"versions 1-2 and the tags v1"):
            store.get(name)

    def test_a_version_is_named_once(self, store: OmegaStore) -> None:
        store.put("one", "a")
        with pytest.raises(InvalidNameError, match="already names a version"):
            store.get("a@1", version=1)

    def test_a_tag_moves_to_the_new_version(self, store: OmegaStore) -> None:
        store.put("one", "a", tag="live")
        store.put("two", "a", tag="live")
        assert store.get("a@live") == "two"
        assert store.tag("a@1", "live").tags == ["live"]
        assert store.get("a@live") == "one"

    @pytest.mark.parametrize("tag", ["", "3", "latest", "a b\n"])
    def test_a_tag_that_could_be_a_version_is_refused_before_anything_is_written(
        self, store: OmegaStore, tag: str
    ) -> None:
        with pytest.raises(InvalidTagError):
            store.put("x", "a", tag=tag)
        assert not store.exists("a")

    def test_drop_removes_the_object(self, store: OmegaStore) -> None:
        store.put("x", "a")
        assert store.drop("a") is True
        assert not store.exists("a")
        assert store.list() == []

    def test_drop_of_a_missing_name_raises_unless_forced(self, store: OmegaStore) -> None:
        with pytest.raises(ObjectNotFoundError):
            store.drop("a")
        assert store.drop("a", force=True) is False

    def test_drop_of_a_version_drops_that_version_only(self, store: OmegaStore) -> None:
        for i, text in enumerate(["one", "two", "three"]):
            store.put(text, "a", tag=f"v{i + 1}")
        store.drop("a@v2")
        assert _names(list(store.versions("a"))) == [1, 3]
        assert store.get("a^") == "one"
        with pytest.raises(VersionNotFoundError, match="versions 1, 3 and the tags v1, v3"):
            store.get("a@v2")

    def test_drop_of_the_current_version_goes_back_to_the_one_before(self, store: OmegaStore) -> None:
        store.put("one", "a", attributes={"n": 1})
        store.put([{"x": 2}], "a", attributes={"n": 2})
        store.drop("a@latest")
        assert store.get("a") == "one"
        meta = store.metadata("a")
        assert meta is not None
        assert (meta.kind, meta.attributes, meta.version) == ("test.text", {"n": 1}, 1)
        assert store.put("three", "a").version == 3

    def test_drop_of_the_last_version_drops_the_object(self, store: OmegaStore) -> None:
        store.put("one", "a")
        store.drop("a@1")
        assert not store.exists("a")

    def test_a_dropped_name_can_be_put_again_and_begins_anew(self, store: OmegaStore) -> None:
        store.put("old", "a", attributes={"x": 1}, tag="v1")
        store.drop("a")
        meta = store.put("new", "a")
        assert (meta.version, meta.attributes, meta.tags) == (1, {}, [])
        with pytest.raises(VersionNotFoundError):
            store.get("a^")

    def test_names_differ_by_every_character(self, store: OmegaStore) -> None:
        names = ["a/b", "a_b", "a.b", "a b", "A/b", "a-b", "ä/b", "a$b", "a*b", "a%b", "x" * 255]
        for name in names:
            store.put(name, name)
        assert store.list() == sorted(names)
        assert {name: store.get(name) for name in names} == {name: name for name in names}

    def test_a_list_pattern_is_literal_but_for_the_wildcards(self, store: OmegaStore) -> None:
        for name in ("a.b", "axb", "sales/q1", "sales/q2", "sales", "a%b", "a_b"):
            store.put("x", name)
        assert store.list("a.b") == ["a.b"]
        assert store.list("sales/*") == ["sales/q1", "sales/q2"]
        assert store.list("a?b") == ["a%b", "a.b", "a_b", "axb"]
        assert store.list("a%*") == ["a%b"]
        assert store.list("a_*") == ["a_b"]
        assert store.list("[a]*") == []
        assert store.list("none") == []

    def test_list_takes_a_regular_expression_and_checks_it(self, store: OmegaStore) -> None:
        for name in ("a1", "a2", "b1"):
            store.put("x", name)
        assert store.list(regexp=r"^a\d$") == ["a1", "a2"]
        assert store.list("*1", regexp="a") == ["a1"]
        with pytest.raises(InvalidFilterError, match="regular expression"):
            store.list(regexp="(")

    def test_list_by_kind_raw_and_hidden(self, store: OmegaStore) -> None:
        store.put("x", "a")
        store.put([{"x": 1}], "b")
        store.put("x", ".c")
        store.put("x", "d/.e/f")
        assert store.list() == ["a", "b"]
        assert store.list(hidden=True) == [".c", "a", "b", "d/.e/f"]
        assert store.list(kind="test.rows") == ["b"]
        assert [(meta.name, meta.kind) for meta in store.list(raw=True)] == [("a", "test.text"), ("b", "test.rows")]

    def test_buckets_and_stores_are_apart(self, store: OmegaStore, prod: OmegaStore, models: OmegaStore) -> None:
        store.put("dev", "a")
        prod.put("prod", "a")
        models.put("model", "a")
        assert [s.get("a") for s in (store, prod, models)] == ["dev", "prod", "model"]
        prod.drop("a")
        assert [s.exists("a") for s in (store, prod, models)] == [True, False, True]
        assert store.context.metadata.buckets() == ["dev"]

    def test_attributes_are_kept_beside_those_that_are_there(self, store: OmegaStore) -> None:
        attributes = {"x": {"y": [1, None, True, "z"]}}
        store.put("x", "a", attributes=attributes)
        meta = store.put("y", "a", attributes={"z": 1})
        assert meta.attributes == {**attributes, "z": 1}
        old = store.metadata("a@1")
        assert old is not None
        assert old.attributes == attributes

    def test_attributes_that_are_no_json_are_refused(self, store: OmegaStore) -> None:
        with pytest.raises(UnsupportedObjectError, match="plain JSON"):
            store.put("x", "a", attributes={"x": object()})
        assert not store.exists("a")

    def test_put_does_not_change_the_callers_attributes(self, store: OmegaStore) -> None:
        attributes = {"x": [1]}
        meta = store.put("x", "a", attributes=attributes)
        meta.attributes["x"].append(2)
        assert attributes == {"x": [1]}

    def test_saving_attributes_makes_no_version_and_touches_no_others(self, store: OmegaStore) -> None:
        store.put("x", "a", attributes={"x": 1, "y": 1, "z": 1})
        mine, theirs = store.resolve("a"), store.resolve("a")
        theirs.attributes["y"] = 2
        theirs.save()
        mine.attributes["x"] = 2
        del mine.attributes["z"]
        assert mine.save().attributes == {"x": 2, "y": 2}
        assert store.resolve("a").attributes == {"x": 2, "y": 2}
        assert store.resolve("a").version == 1

    def test_two_changes_of_one_attribute_are_never_silently_merged(self, store: OmegaStore) -> None:
        store.put("x", "a")
        mine, theirs = store.resolve("a"), store.resolve("a")
        theirs.attributes["y"] = 1
        theirs.save()
        mine.attributes["y"] = 2
        with pytest.raises(StaleMetadataError, match="'y'"):
            mine.save()
        assert store.resolve("a").attributes == {"y": 1}

    def test_attributes_of_an_old_version_or_dropped_object_can_not_be_saved(self, store: OmegaStore) -> None:
        store.put("x", "a")
        store.put("y", "a")
        old, current = store.resolve("a@1"), store.resolve("a")
        with pytest.raises(ConflictError, match="not the current one"):
            old.save()
        store.drop("a")
        store.put("again", "a")
        current.attributes["x"] = 1
        with pytest.raises(ObjectNotFoundError, match="dropped meanwhile"):
            current.save()

    def test_metadata_tells_who_what_and_when(self, store: OmegaStore) -> None:
        store.put("hello", "a", tag="v1")
        meta = store.put("world!", "a", attributes={"x": 1})
        now = store.context.clock.now()
        assert meta.to_plain() == {
            "name": "a",
            "bucket": "dev",
            "prefix": DATA,
            "kind": "test.text",
            "version": 2,
            "tags": [],
            "size": 6,
            "created": now.isoformat(),
            "modified": now.isoformat(),
            "author": store.context.author,
            "digest": meta.digest,
            "attributes": {"x": 1},
            "kind_meta": {},
            "provenance": None,
        }
        stored = store.resolve("a")
        assert stored.to_plain() == meta.to_plain()
        assert stored.record is not None
        assert stored.record.parent is not None
        assert stored.record.parent.seq == 1

    def test_metadata_reads_as_in_the_documentation(self, store: OmegaStore) -> None:
        meta = store.put("hello", "a")
        assert meta.created is not None
        created = meta.created.replace(tzinfo=None)
        assert repr(meta) == f"<Metadata: Metadata(name=a,bucket=dev,prefix=data/,kind=test.text,created={created})>"

    def test_a_filter_is_given_by_keyword_or_q(self, store: OmegaStore) -> None:
        store.put([{"x": i, "y": "ab"[i % 2]} for i in range(6)], "r")
        assert [row["x"] for row in store.get("r", x__gt=3)] == [4, 5]
        assert [row["x"] for row in store.get("r", Q(x__lt=2) | Q(x=5))] == [0, 1, 5]
        assert [row["x"] for row in store.get("r", Q(x__gt=1), y="a")] == [2, 4]
        assert [row["x"] for row in store.get("r", filter=Q(x=1))] == [1]
        assert [row["x"] for row in store.get("r", Q(x__gt=1), filter=Q(x__lt=3))] == [2]

    def test_grammar_that_a_kind_does_not_know_is_refused(self, store: OmegaStore) -> None:
        store.put("hello", "a")
        assert store.get("a#rows:start=1,end=3") == "el"
        with pytest.raises(UnsupportedOptionError, match="columns"):
            store.get("a[x]")
        with pytest.raises(UnsupportedOptionError, match="chunksize"):
            store.get("a#")

    def test_help_summary_and_backends_by_name_kind_and_object(self, store: OmegaStore) -> None:
        store.put("hello", "a")
        assert isinstance(store.get_backend("a"), TextBackend)
        assert isinstance(store.get_backend_bykind("test.rows"), RowsBackend)
        assert isinstance(store.get_backend_byobj([{}]), RowsBackend)
        assert "upper" in store.help("a")
        assert "test.rows" in store.help()
        assert store.summary("a")["size"] == 5
        with pytest.raises(ObjectNotFoundError):
            store.get_backend("none")

    def test_compact_merges_what_was_appended(self, store: OmegaStore) -> None:
        for text in "abc":
            store.put(text, "a", append=True)
        assert len(store.resolve("a").parts) == 3
        assert len(store.compact("a").parts) == 1
        assert store.get("a") == "abc"
        store.put([{"x": 1}], "r")
        with pytest.raises(UnsupportedOptionError, match="no segments"):
            store.compact("r")

    def test_a_transient_name_stands_for_an_object_that_is_stored_nowhere(self, store: OmegaStore) -> None:
        view = store.with_transient({"_x": [1, 2]})
        assert view.get("_x") == [1, 2]
        assert view.exists("_x")
        assert not store.exists("_x")

    def test_object_store_keys_are_unique_and_plain(self, store: OmegaStore, prod: OmegaStore) -> None:
        keys = {s.object_store_key(name, "x") for s in (store, prod) for name in ("a/b", "a_b", "ä$", "x" * 255)}
        assert len(keys) == 8
        assert all(len(key) < 100 and key.isascii() and "$" not in key for key in keys)


class CustomBackendContract(_WithStores):
    """Backends that use collection(), fs, uri and make_metadata() as the documentation shows."""

    @pytest.fixture
    def store(self, context: Context) -> OmegaStore:
        store = OmegaStore(context, bucket="dev")
        for backend in (TextBackend, RowsBackend, CollectionBackend, UriBackend):
            store.register_backend(backend.KIND, backend)
        return store

    def test_a_backend_keeps_rows_in_a_collection_of_its_own(self, store: OmegaStore) -> None:
        store.put(("a", "b"), "c")
        assert store.get("c") == ("a", "b")
        store.put(("c",), "c")
        assert store.get("c") == ("c",)
        assert store.get("c@1") == ("a", "b")
        found = store.collection("c")
        assert found.count_documents({}) == 1
        meta = store.resolve("c")
        assert meta.collection is not None
        assert meta.collection.name == found.name

    def test_the_collection_of_a_name_without_object_is_always_the_same(self, store: OmegaStore) -> None:
        store.collection("free").insert_many([{"x": 1}])
        assert store.collection("free").count_documents({}) == 1

    def test_a_backend_keeps_content_in_a_file_or_elsewhere(self, store: OmegaStore) -> None:
        store.put(b"bytes", "f")
        assert store.get("f") == b"bytes"
        meta = store.resolve("f")
        assert meta.gridfile is not None
        assert meta.gridfile.read() == b"bytes"
        assert meta.uri is None
        store.put(bytearray(b"far"), "f")
        assert store.resolve("f").uri == "foofs://far"
        assert store.get("f") == b"far"
        assert store.resolve("f").gridfile is None
        assert store.resolve("f").collection is None

    def test_metadata_made_by_hand_is_saved_as_a_version(self, store: OmegaStore) -> None:
        meta = store.make_metadata("h", "test.uri", uri="foofs://x", attributes={"a": 1}, kind_meta={"k": 1})
        assert (meta.version, meta.created, meta.digest, meta.author, meta.tags, meta.size) == (
            None,
            None,
            None,
            None,
            [],
            0,
        )
        assert (meta.modified, meta.head, meta.provenance, meta.record) == (None, None, None, None)
        meta.save()
        again = store.resolve("h")
        assert (again.uri, again.attributes, again.kind_meta, again.version) == ("foofs://x", {"a": 1}, {"k": 1}, 1)
        again.uri = "foofs://y"
        assert again.save().version == 2
        with pytest.raises(UnsupportedOptionError, match="gridfile"):
            store.make_metadata("h", "test.uri", colection="x")

    def test_fs_is_a_gridfs(self, store: OmegaStore) -> None:
        file_id = store.fs.put(b"abc", filename="x")
        with store.fs.new_file(filename="y") as file:
            file.write(b"defg")
        assert store.fs.exists(file_id)
        with store.fs.get(file_id) as found:
            assert found.read() == b"abc"
        assert store.fs.size(file.id) == 4
        store.fs.delete(file_id)
        meta = store.make_metadata("g", "test.uri", gridfile=GridFSProxy(file.id)).save()
        assert meta.gridfile is not None
        assert meta.gridfile.read() == b"defg"
        assert meta.size == 4
        with pytest.raises(StoreError, match="not bound"):
            GridFSProxy(file.id).read()

    def test_a_backend_that_forgets_to_save_is_told(self, store: OmegaStore) -> None:
        class Forgetful(TextBackend):
            KIND = "test.forgetful"

            def put(self, obj: str, name: str) -> StoredObject:  # type: ignore[override] # noqa: ARG002 -- it forgets all
                return self.data_store.make_metadata(name, self.KIND)

        store.register_backend(Forgetful.KIND, Forgetful)
        with pytest.raises(StoreError, match=r"Forgetful.*meta\.save"):
            store.put("x", "a")

    def test_a_backend_that_does_not_tell_what_it_supports_is_used_if_asked_for(self, store: OmegaStore) -> None:
        store.register_backend("test.silent", SilentBackend)
        with pytest.raises(UnsupportedObjectError):
            store.put(2.5, "a")
        assert store.put(2.5, "a", kind="test.silent").kind == "test.silent"
        assert store.get("a") == 2.5
        assert store.help("a").startswith("test.silent: SilentBackend")
        with pytest.raises(UnsupportedOptionError, match="'SilentBackend' takes no options"):
            store.put(2.5, "a", kind="test.silent", append=True)

    def test_a_backend_may_save_the_metadata_that_is_there_and_makes_a_new_version(self, store: OmegaStore) -> None:
        store.register_backend("test.silent", SilentBackend)
        store.put(1.5, "a", kind="test.silent", attributes={"a": 1, "b": 1})
        meta = store.put(2.5, "a", kind="test.silent", attributes={"b": 2}, tag="v2")
        assert (meta.version, meta.tags, meta.attributes) == (2, ["v2"], {"a": 1, "b": 2})
        assert (store.get("a"), store.get("a@1"), store.get("a@v2")) == (2.5, 1.5, 2.5)
        assert store.put(None, "a", kind="test.silent").version == 3
        assert store.get("a") == 2.5
        meta.store.resolve("a").save()
        assert store.resolve("a").version == 3

    def test_what_another_backend_has_put_is_not_taken_up(self, store: OmegaStore) -> None:
        store.register_backend("test.silent", SilentBackend)
        store.put("text", "a", attributes={"a": 1})
        meta = store.put(2.5, "a", kind="test.silent", attributes={"b": 2})
        assert (meta.kind, meta.version, meta.attributes) == ("test.silent", 2, {"a": 1, "b": 2})
        assert (store.get("a"), store.get("a@1")) == (2.5, "text")

    def test_a_backend_sees_the_metadata_of_other_objects_as_they_are(self, store: OmegaStore) -> None:
        class Curious(SilentBackend):
            def put(self, obj: float | None, name: str, **kwargs: Any) -> StoredObject:
                other = self.data_store.metadata("other")
                assert other is not None
                assert (other.kind, other.attributes) == ("test.text", {})
                return super().put(obj, name, **kwargs)

        store.register_backend("test.silent", Curious)
        store.put("text", "other")
        assert store.put(2.5, "a", kind="test.silent", attributes={"b": 2}).attributes == {"b": 2}

    def test_a_dropped_collection_is_collected(self, store: OmegaStore, context: Context) -> None:
        store.put(("a",), "c")
        key = store.collection("c").name
        store.drop("c")
        _advance(context, LONG)
        assert collect(context).documents == 1
        assert key not in context.store.collections()
        assert check(context) == []


class PromotionContract(_WithStores):
    """Promotion between buckets and contexts."""

    @pytest.fixture(params=["bucket", "context"])
    def target(self, request: pytest.FixtureRequest, prod: OmegaStore, abroad: OmegaStore) -> OmegaStore:
        return prod if request.param == "bucket" else abroad

    def test_promotion_copies_the_object_with_its_attributes(self, store: OmegaStore, target: OmegaStore) -> None:
        store.put("one", "a", attributes={"x": 1})
        store.put("two", "a", append=True)
        meta = store.promote("a", target)
        assert target.get("a") == "onetwo"
        assert (meta.bucket, meta.attributes, meta.version) == ("prod", {"x": 1}, 1)
        assert meta.provenance is not None
        assert meta.provenance["bucket"] == "dev"
        assert meta.provenance["version"] == 2
        assert meta.provenance["digest"] == store.resolve("a").digest

    def test_promotion_of_documents(self, store: OmegaStore, target: OmegaStore) -> None:
        store.put([{"x": 1}], "r")
        store.put([{"x": 2}, {"x": 3}], "r", append=True)
        store.promote("r", target)
        assert target.get("r") == [{"x": 1}, {"x": 2}, {"x": 3}]
        target.put([{"x": 4}], "r", append=True)
        assert len(target.get("r")) == 4
        assert len(store.get("r")) == 3

    def test_promotion_of_collections_files_and_uris(self, store: OmegaStore, target: OmegaStore) -> None:
        for backend in (CollectionBackend, UriBackend):
            store.register_backend(backend.KIND, backend)
            target.register_backend(backend.KIND, backend)
        store.put(("a", "b"), "c")
        store.put((), "none")
        store.put(b"f", "f")
        store.put(bytearray(b"u"), "u")
        for name in ("c", "f", "u", "none"):
            store.promote(name, target)
        assert [target.get(name) for name in ("c", "f", "u", "none")] == [("a", "b"), b"f", b"u", ()]

    def test_promotion_replaces_and_is_a_version_of_the_target(self, store: OmegaStore, target: OmegaStore) -> None:
        target.put("live", "a", attributes={"old": 1})
        store.put("new", "a")
        assert store.promote("a", target).version == 2
        assert target.get("a") == "new"
        assert target.get("a^") == "live"
        assert target.resolve("a").attributes == {}

    def test_the_same_promotion_again_changes_nothing(self, store: OmegaStore, target: OmegaStore) -> None:
        store.put([{"x": 1}], "a")
        first = store.promote("a", target)
        assert store.promote("a", target).digest == first.digest
        assert store.promote("a", target, tag="v1").tags == ["v1"]
        assert len(target.versions("a")) == 1
        meta = store.resolve("a")
        meta.attributes["x"] = 1
        meta.save()
        assert store.promote("a", target).attributes == {"x": 1}

    def test_a_version_is_promoted_with_its_attributes(self, store: OmegaStore, target: OmegaStore) -> None:
        store.put("one", "a", tag="v1", attributes={"n": 1})
        store.put("two", "a", attributes={"n": 2})
        meta = store.promote("a@v1", target, "b", tag="live")
        assert target.get("b@live") == "one"
        assert meta.attributes == {"n": 1}

    def test_dropping_and_collecting_the_source_never_harms_the_copy(
        self, store: OmegaStore, target: OmegaStore
    ) -> None:
        store.put("one", "a")
        store.put([{"x": 1}], "r")
        store.promote("a", target)
        store.promote("r", target)
        store.drop("a")
        store.drop("r")
        for context in {id(s.context): s.context for s in (store, target)}.values():
            _advance(context, LONG)
            collect(context)
            assert check(context) == []
        assert target.get("a") == "one"
        assert target.get("r") == [{"x": 1}]

    def test_within_a_context_nothing_is_copied(self, store: OmegaStore, prod: OmegaStore) -> None:
        store.put("one", "a")
        store.put([{"x": 1}], "r")
        for name in ("a", "r"):
            assert [part.ref for part in store.promote(name, prod).parts] == [
                part.ref for part in store.resolve(name).parts
            ]

    def test_what_can_not_be_promoted_is_refused(self, store: OmegaStore, models: OmegaStore, prod: OmegaStore) -> None:
        store.put("one", "a")
        with pytest.raises(PromotionError, match="itself"):
            store.promote("a", store)
        with pytest.raises(PromotionError, match="same type"):
            store.promote("a", models)
        with pytest.raises(InvalidNameError, match="plain name"):
            store.promote("a", prod, "b@v1")
        with pytest.raises(InvalidTagError):
            store.promote("a", prod, tag="1")
        with pytest.raises(ObjectNotFoundError):
            store.promote("b", prod)
        assert prod.list() == []
        draft = store.make_metadata("d", "test.text")
        with pytest.raises(PromotionError, match="not saved"):
            CopyingPromotion().promote(PromotionRequest(source=draft, target=prod))

    def test_promotion_within_a_bucket_under_another_name(self, store: OmegaStore) -> None:
        store.put("one", "a")
        store.promote("a", store, asname="b")
        assert store.get("b") == "one"


class CollectContract(_WithStores):
    """Collect, check and usage.

    Attributes:
        page: how many parts fill a page. Fewer than there really are: their requests would take seconds over the wire.
    """

    page: ClassVar[int] = 16

    def test_what_is_live_is_never_collected(self, store: OmegaStore, models: OmegaStore, context: Context) -> None:
        store.put("old", "a", tag="keep")
        store.put("mid", "a")
        store.put("new", "a")
        for text in ("one", "two"):
            models.put(text, "m")
        _advance(context, LONG)
        dry = collect(context, dry_run=True)
        assert store.get("a@2") == "mid"
        report = collect(context)
        assert (report.versions, report.blobs) == (dry.versions, dry.blobs) == (1, 1)
        assert _names(list(store.versions("a"))) == [1, 3]
        assert store.get("a@keep") == "old"
        assert store.get("a") == "new"
        assert store.get("a^") == "old"
        assert [models.get("m^"), models.get("m")] == ["one", "two"]
        assert check(context) == []

    def test_within_the_grace_everything_stays(self, store: OmegaStore, context: Context) -> None:
        store.put("old", "a")
        store.put("new", "a")
        store.put("gone", "b")
        store.drop("b")
        _advance(context, context.retention.grace / 2)
        assert collect(context).versions == 0
        assert store.get("a^") == "old"
        assert collect(context, grace=timedelta(0)).versions == 2
        with pytest.raises(VersionNotFoundError):
            store.get("a^")

    def test_a_dropped_version_is_collected_and_history_goes_on(self, models: OmegaStore, context: Context) -> None:
        for text in ("one", "two", "three"):
            models.put(text, "m")
        models.drop("m@2")
        _advance(context, LONG)
        assert collect(context).versions == 1
        assert _names(list(models.versions("m"))) == [1, 3]
        assert models.get("m^") == "one"
        assert models.put("four", "m").version == 4
        models.drop("m@1")
        _advance(context, LONG)
        collect(context)
        assert _names(list(models.versions("m"))) == [3, 4]
        head = models.resolve("m").head
        assert head is not None
        assert head.dropped_versions == ()
        assert check(context) == []

    def test_a_dropped_newest_version_is_collected(self, models: OmegaStore, context: Context) -> None:
        for text in ("one", "two"):
            models.put(text, "m")
        models.drop("m@2")
        _advance(context, LONG)
        collect(context)
        assert models.get("m") == "one"
        assert models.put("three", "m").version == 3
        assert check(context) == []

    def test_a_dropped_object_goes_with_everything(self, store: OmegaStore, context: Context) -> None:
        store.put("one", "a")
        store.put([{"x": 1}], "r")
        store.drop("a")
        store.drop("r")
        _advance(context, LONG)
        assert {finding.severity for finding in check(context)} == {"garbage"}
        dry = collect(context, dry_run=True)
        report = collect(context)
        assert report.objects == ["dev:data/a", "dev:data/r"]
        assert (report.versions, report.blobs, report.documents, report.size) == (2, 1, 1, 3)
        assert {**dry.to_plain(), "is_dry_run": False} == report.to_plain()
        assert list(context.metadata.records()) == []
        assert list(context.store.files.find()) == []
        assert context.store.collection(PAYLOADS).count_documents({}) == 0
        assert check(context) == []

    def test_a_blob_shared_by_objects_stays_until_the_last_goes(self, store: OmegaStore, context: Context) -> None:
        store.put("same", "a")
        store.put("same", "b")
        store.drop("a")
        _advance(context, LONG)
        assert collect(context).blobs == 0
        assert store.get("b") == "same"

    def test_a_payload_without_commit_is_collected_after_its_lease(self, store: OmegaStore, context: Context) -> None:
        store.fs.put(b"lost")
        store.payloads.insert_documents("c", [{"x": 1}], meta={})
        collect(context)
        assert len(list(context.store.files.find())) == 1
        _advance(context, LONG)
        report = collect(context)
        assert (report.blobs, report.documents) == (1, 1)

    def test_a_put_slower_than_its_lease_fails_and_changes_nothing(self, store: OmegaStore, context: Context) -> None:
        store.put("old", "a")
        store.put([{"old": 1}], "r")
        slow = [
            store.make_metadata("a", "test.text"),
            store.make_metadata("r", "test.rows"),
        ]
        parts = [
            store.payloads.write(lambda file: file.write(b"new")),
            store.payloads.insert_documents(store.object_store_key("r", "rows"), [{"new": 1}], meta={}),
        ]
        _advance(context, LONG)
        collect(context)
        for draft, part in zip(slow, parts, strict=True):
            draft.set_payload(draft.payload.with_parts([part]))
            with pytest.raises(ConflictError, match="try again"):
                draft.save()
        assert store.get("a") == "old"
        assert store.get("r") == [{"old": 1}]

    def test_a_put_slower_than_half_its_lease_renews_it(self, store: OmegaStore, context: Context) -> None:
        draft = store.make_metadata("a", "test.text")
        part = store.payloads.write(lambda file: file.write(b"slow"))
        rows = store.payloads.insert_documents("c", [{"x": 1}], meta={})
        _advance(context, context.retention.lease * 0.9)
        draft.set_payload(draft.payload.with_parts([part, rows])).save()
        _advance(context, context.retention.lease * 0.9)
        collect(context, grace=timedelta(0))
        assert check(context) == []

    def test_collect_beside_writers_loses_nothing(self, store: OmegaStore, context: Context) -> None:
        store.put("start ", "log")

        def write(writer: int) -> None:
            for i in range(10):
                store.put(f"{writer}-{i} ", "log", append=True)
                store.put(f"{writer}", f"w{writer}")

        writers = [Thread(target=write, args=(n,)) for n in range(4)]
        for thread in writers:
            thread.start()
        while any(thread.is_alive() for thread in writers):
            collect(context, grace=timedelta(0))
        for thread in writers:
            thread.join()
        words = store.get("log").split()
        assert sorted(words[1:]) == sorted(f"{n}-{i}" for n in range(4) for i in range(10))
        _advance(context, LONG)
        collect(context)
        assert check(context) == []

    def test_many_parts_are_paged_and_all_is_found(
        self, store: OmegaStore, context: Context, abroad: OmegaStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(payloads, "PAGE", self.page)
        count, more = 2 * self.page + 6, self.page + 4
        draft = store.make_metadata("big", "test.text")
        parts = [store.payloads.write(_writer(f"{i} ")) for i in range(count)]
        draft.set_payload(draft.payload.with_parts(parts)).save()
        record = store.resolve("big").record
        assert record is not None
        assert len(record.parts) <= 2 * self.page
        assert record.parts[0].type == "page"
        assert store.get("big") == "".join(f"{i} " for i in range(count))
        assert record.size == sum(part.size for part in parts)
        for i in range(more):
            store.put(f"+{i} ", "big", append=True)
        assert len(store.resolve("big").parts) == count + more
        store.promote("big", abroad)
        _advance(context, LONG)
        collect(context)
        assert check(context) == []
        assert abroad.get("big") == store.get("big")

    def test_usage_counts_what_is_shared_once(self, store: OmegaStore, prod: OmegaStore, context: Context) -> None:
        store.put("12345", "a")
        store.put("1234567", "b")
        store.put([{"x": 1}], "r")
        store.promote("a", prod)
        store.put("gone", "c")
        store.drop("c")
        _advance(context, LONG)
        report = usage(context)
        rows = {(u.bucket, u.name): (u.versions, u.current, u.total, u.exclusive) for u in report.objects}
        assert rows["dev", "a"] == (1, 5, 5, 0)
        assert rows["dev", "b"] == (1, 7, 7, 7)
        documents = rows["dev", "r"][1]
        assert (report.live, report.stored, report.reclaimable) == (12 + documents, 16 + documents, 4)
        assert [(u.bucket, u.name) for u in usage(context, bucket="prod").objects] == [("prod", "a")]
        assert report.to_plain()["live"] == report.live

    def test_check_finds_missing_payloads(self, store: OmegaStore, context: Context) -> None:
        store.put("12345", "a")
        store.put([{"x": 1}], "r")
        _advance(context, LONG)
        context.store.files.delete([info.id for info in context.store.files.find()], leased_before=context.clock.now())
        context.store.collection(store.object_store_key("r", "rows")).delete_many({})
        seen: list[str] = []
        damage = [finding for finding in check(context, progress=seen.append) if finding.severity == "damage"]
        assert [finding.where for finding in damage] == ["dev:data/a version 1", "dev:data/r version 1"]
        assert seen == ["dev:data/a", "dev:data/r"]
        assert all(finding.remedy and finding.to_plain()["what"] for finding in damage)

    def test_check_finds_a_missing_version(self, store: OmegaStore, context: Context) -> None:
        meta = store.put("12345", "a")
        assert meta.record is not None
        context.metadata.purge(versions=[meta.record.id])
        assert [finding.where for finding in check(context)] == ["dev:data/a version 1"]
        with pytest.raises(StoreError, match="fsck"):
            _ = store.list(raw=True)[0].record

    def test_records_that_were_never_committed_are_collected(self, store: OmegaStore, context: Context) -> None:
        meta = store.put("12345", "a")
        assert meta.head is not None
        assert meta.record is not None
        stray = meta.record
        from dataclasses import replace  # noqa: PLC0415 -- only here

        head = replace(meta.head, key=ObjectKey("dev", DATA, "b"))
        assert not context.metadata.commit(head, expected=7, version=replace(stray, id="stray"))
        collect(context)
        _advance(context, LONG)
        collect(context)
        assert [record.id for record in context.metadata.records()] == [stray.id]
        assert check(context) == []


def _writer(text: str) -> Callable[..., int]:
    def write(file: object) -> int:
        return file.write(text.encode())  # type: ignore[attr-defined, no-any-return]

    return write
