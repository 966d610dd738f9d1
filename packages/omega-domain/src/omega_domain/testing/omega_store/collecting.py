"""Contract of collect, check and usage: what is live stays, what is not goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import ClassVar

import pytest

from omega_domain.entities.names import DATA, ObjectKey
from omega_domain.entities.version import Payload
from omega_domain.errors import (
    ConflictError,
    StoreError,
    VersionNotFoundError,
)
from omega_domain.repository import payloads
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import PAYLOADS
from omega_domain.stores import OmegaStore
from omega_domain.testing.omega_store.stores import LONG, WithStores, advance, numbers_of
from omega_domain.upkeep.checking import check, usage
from omega_domain.upkeep.collecting import collect


class CollectContract(WithStores):
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
        advance(context, LONG)
        dry = collect(context, dry_run=True)
        assert store.get("a@2") == "mid"
        report = collect(context)
        assert (report.versions, report.blobs) == (dry.versions, dry.blobs) == (1, 1)
        assert numbers_of(list(store.versions("a"))) == [1, 3]
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
        advance(context, context.retention.grace / 2)
        assert collect(context).versions == 0
        assert store.get("a^") == "old"
        assert collect(context, grace=timedelta(0)).versions == 2
        with pytest.raises(VersionNotFoundError):
            store.get("a^")

    def test_a_dropped_version_is_collected_and_history_goes_on(self, models: OmegaStore, context: Context) -> None:
        for text in ("one", "two", "three"):
            models.put(text, "m")
        models.drop("m@2")
        advance(context, LONG)
        assert collect(context).versions == 1
        assert numbers_of(list(models.versions("m"))) == [1, 3]
        assert models.get("m^") == "one"
        assert models.put("four", "m").version == 4
        models.drop("m@1")
        advance(context, LONG)
        collect(context)
        assert numbers_of(list(models.versions("m"))) == [3, 4]
        head = models.metadata("m", required=True).head
        assert head is not None
        assert head.dropped_versions == ()
        assert check(context) == []

    def test_a_dropped_newest_version_is_collected(self, models: OmegaStore, context: Context) -> None:
        for text in ("one", "two"):
            models.put(text, "m")
        models.drop("m@2")
        advance(context, LONG)
        collect(context)
        assert models.get("m") == "one"
        assert models.put("three", "m").version == 3
        assert check(context) == []

    def test_a_dropped_object_goes_with_everything(self, store: OmegaStore, context: Context) -> None:
        store.put("one", "a")
        store.put([{"x": 1}], "r")
        store.drop("a")
        store.drop("r")
        advance(context, LONG)
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
        advance(context, LONG)
        assert collect(context).blobs == 0
        assert store.get("b") == "same"

    def test_a_payload_without_commit_is_collected_after_its_lease(self, store: OmegaStore, context: Context) -> None:
        store.fs.put(b"lost")
        store.payloads.insert_documents("c", [{"x": 1}], meta={})
        collect(context)
        assert len(list(context.store.files.find())) == 1
        advance(context, LONG)
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
        advance(context, LONG)
        collect(context)
        for draft, part in zip(slow, parts, strict=True):
            draft.set_payload(Payload([part]))
            with pytest.raises(ConflictError, match="try again"):
                draft.save()
        assert store.get("a") == "old"
        assert store.get("r") == [{"old": 1}]

    def test_a_put_slower_than_half_its_lease_renews_it(self, store: OmegaStore, context: Context) -> None:
        draft = store.make_metadata("a", "test.text")
        part = store.payloads.write(lambda file: file.write(b"slow"))
        rows = store.payloads.insert_documents("c", [{"x": 1}], meta={})
        advance(context, context.retention.lease * 0.9)
        draft.set_payload(Payload([part, rows])).save()
        advance(context, context.retention.lease * 0.9)
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
        advance(context, LONG)
        collect(context)
        assert check(context) == []

    def test_many_parts_are_paged_and_all_is_found(
        self, store: OmegaStore, context: Context, abroad: OmegaStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(payloads, "PAGE", self.page)
        count, more = 2 * self.page + 6, self.page + 4
        draft = store.make_metadata("big", "test.text")
        parts = [store.payloads.write(_writer(f"{i} ")) for i in range(count)]
        draft.set_payload(Payload(parts)).save()
        record = store.metadata("big", required=True).record
        assert record is not None
        assert len(record.parts) <= 2 * self.page
        assert record.parts[0].type == "page"
        assert store.get("big") == "".join(f"{i} " for i in range(count))
        assert record.size == sum(part.size for part in parts)
        for i in range(more):
            store.put(f"+{i} ", "big", append=True)
        assert len(store.metadata("big", required=True).parts) == count + more
        store.promote("big", abroad)
        advance(context, LONG)
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
        advance(context, LONG)
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
        advance(context, LONG)
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
        advance(context, LONG)
        collect(context)
        assert [record.id for record in context.metadata.records()] == [stray.id]
        assert check(context) == []


def _writer(text: str) -> Callable[..., int]:
    def write(file: object) -> int:
        return file.write(text.encode())  # type: ignore[attr-defined, no-any-return] # any writer

    return write
