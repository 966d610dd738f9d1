"""A database of a newer omega-ml is neither read nor changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from omega_domain.entities.head import HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.errors import StoreFormatError
from omega_domain.testing.files import put_blob
from omega_domain.testing.samples import make_head, make_version
from omega_mongo import MongoMetadataStore, MongoStore, open_store
from omega_mongo.names import HEADS, LAYOUT, VERSIONS
from omega_mongo.schema import FORMAT

KEY = ObjectKey("omega", "data/", "x")
FAR = datetime(2100, 1, 1, tzinfo=UTC)
USES: dict[str, Callable[[MongoMetadataStore, MongoStore], object]] = {
    "head": lambda metadata, _: metadata.head(KEY),
    "heads": lambda metadata, _: metadata.heads(HeadQuery()),
    "buckets": lambda metadata, _: metadata.buckets(),
    "version": lambda metadata, _: metadata.version("x"),
    "versions": lambda metadata, _: metadata.versions("x"),
    "records": lambda metadata, _: list(metadata.records()),
    "purge": lambda metadata, _: metadata.purge(uids=["x"]),
    "commit": lambda metadata, _: metadata.commit(make_head(make_version()), expected=None),
    "put blob": lambda _, store: put_blob(store.files, b"x"),
    "get blob": lambda _, store: store.files.get("x"),
    "sweep": lambda _, store: store.files.sweep(older_than=FAR),
    "insert": lambda _, store: store.collection("x").insert_many([{"a": 1}]),
    "find": lambda _, store: list(store.collection("x").find()),
    "find one": lambda _, store: store.collection("x").find_one(),
    "update": lambda _, store: store.collection("x").update_one({}, {"$set": {"a": 1}}),
    "delete": lambda _, store: store.collection("x").delete_many({}),
    "count": lambda _, store: store.collection("x").count_documents({}),
    "drop": lambda _, store: store.collection("x").drop(),
}


@pytest.mark.parametrize("use", USES)
def test_a_newer_format_is_refused(mongo_url: str, use: str) -> None:
    metadata, store = open_store(mongo_url)
    store.database[LAYOUT].insert_one({"_id": "omega-ml", "format": FORMAT + 1})
    for _ in range(2):
        with pytest.raises(StoreFormatError, match="upgrade omega-ml"):
            USES[use](metadata, store)
    assert store.database.list_collection_names() == [LAYOUT]


def test_an_older_format_is_marked_as_the_present_one_when_it_is_written(mongo_url: str) -> None:
    _, older = open_store(mongo_url)
    older.collection("rows").insert_many([{"_id": "0"}])
    older.database[LAYOUT].update_one({"_id": "omega-ml"}, {"$set": {"format": FORMAT - 1}})
    _, store = open_store(mongo_url)
    assert store.collection("rows").find_one() == {"_id": "0"}
    assert store.database[LAYOUT].find_one() == {"_id": "omega-ml", "format": FORMAT - 1}
    store.collection("rows").insert_many([{"_id": "1"}])
    assert store.database[LAYOUT].find_one() == {"_id": "omega-ml", "format": FORMAT}


@pytest.mark.parametrize("name", [HEADS, VERSIONS])
@pytest.mark.parametrize("written", [False, True])
def test_a_collection_that_was_dropped_is_told_also_after_it_was_made_anew(
    name: str, written: bool, mongo_url: str
) -> None:
    metadata, store = open_store(mongo_url)
    assert list(store.losses()) == []
    version = make_version()
    metadata.commit(make_head(version), expected=None, version=version)
    assert list(store.losses()) == []
    store.database[name].drop()
    if written:
        version = make_version()
        metadata.commit(make_head(version), expected=None, version=version)
        open_store(mongo_url)[1].collection("rows").insert_many([{"_id": "1"}])
    _, other = open_store(mongo_url)
    assert [said.split()[:3] for said in other.losses()] == [["the", "collection", name]]
    other.accept_losses()
    assert list(store.losses()) == []
    assert "uid" in store.database[VERSIONS].index_information()
    assert "living" in store.database[HEADS].index_information()
