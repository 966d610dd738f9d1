"""How payloads and versions of an archive land: rows, races, leases, and what somebody who knows the format may try."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.archives import format as form
from omega_domain.archives import payloads
from omega_domain.archives.reading import open_archive, verified
from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Part, Version, canonical_json, sha256_hex
from omega_domain.errors import ArchiveError, StoreReadOnlyError
from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import TOKEN, row_ids
from omega_domain.testing.archives import assert_clean, omega_on
from omega_domain.testing.backends import TextBackend
from omega_domain.trust import SIGNED, Trust


class Meddled(MemoryMetadataStore):
    """Lets somebody else act once, right before a commit or the list of versions."""

    def __init__(self) -> None:
        super().__init__()
        self.before_commit: Callable[[], object] | None = None
        self.before_versions: Callable[[], object] | None = None
        self.waiting = 0

    def commit(self, head: Head, *, expected: int | None, version: Version | None = None) -> bool:
        if self.before_commit is not None and self.waiting == 0:
            act, self.before_commit = self.before_commit, None
            act()
        self.waiting -= self.before_commit is not None
        return super().commit(head, expected=expected, version=version)

    def versions(self, uid: str) -> list[Any]:
        act, self.before_versions = self.before_versions, None
        if act is not None:
            act()
        return super().versions(uid)


def new_omega(name: str = "here", **changes: Any) -> Omega:
    clock = ManualClock()
    context = Context(name=name, metadata=Meddled(), store=MemoryStore(name, clock=clock), clock=clock)
    return omega_on(replace(context, **changes))


def meddled(om: Omega) -> Meddled:
    assert isinstance(om.context.metadata, Meddled)
    return om.context.metadata


def put_rows(om: Omega, name: str, rows: list[list[Any]], **meta: Any) -> None:
    """Put sets of rows as frames in documents are put."""
    store, key = om.datasets, f"{om.datasets.object_store_key(name, 'rows')}.{om.context.new_id()}"
    parts = [Part(type="collection", ref=key, meta=meta)]
    for number, values in enumerate(rows):
        token = store.payloads.register_rows(key, new=number == 0)
        documents = [{"_id": id_, TOKEN: token, "x": x} for id_, x in zip(row_ids(token), values, strict=False)]
        om.context.store.collection(key).insert_many(documents)
        parts.append(Part(type="documents", ref=f"{key}#{token}", meta={"rows": len(values)}))
        draft = store.make_metadata(name, TextBackend.KIND)
        draft._parts = list(parts)
        draft.save()


def rows_of(om: Omega, name: str) -> list[list[Any]]:
    meta = om.datasets.metadata(name, required=True)
    parts = [part for part in meta.parts if part.type == "documents"]
    found = [om.context.store.collection(part.collection).find({TOKEN: part.token}) for part in parts]
    return [[row["x"] for row in rows] for rows in found]


@pytest.fixture
def om() -> Omega:
    return new_omega()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.omega"


def archive_of(contents: dict[str, bytes], plain: dict[str, Any], path: Path) -> Path:
    """Write an archive that says what the index says, with a right seal."""
    text = json.dumps(plain)
    files = {form.INDEX: text.encode(), form.SIGNATURE: form.seal(text, "")}
    files |= {name: contents[sha256] for sha256, _ in plain["blobs"] if (name := form.blob_name(sha256))}
    files |= {form.documents_name(sha256): contents[sha256] for sha256, _ in plain["documents"]}
    content = b"".join(form.header(n, len(c), 0) + c + form.padding(len(c)) for n, c in files.items())
    path.write_bytes(content + form.END)
    return path


def forged(path: Path, parts: list[dict[str, Any]], lines: dict[str, bytes], blobs: tuple[bytes, ...] = ()) -> Path:
    """Let the one object of an archive have this payload, of documents and blobs."""
    plain = json.loads(_index(path))
    version = plain["objects"][0]["versions"][-1]
    version["manifest"] = canonical_json(json.loads(version["manifest"]) | {"payload": parts})
    version["digest"] = sha256_hex(version["manifest"].encode())
    contents = {sha256_hex(content): content for content in (*lines.values(), *blobs)}
    plain["blobs"] = [[sha256_hex(content), len(content)] for content in dict.fromkeys(blobs)]
    plain["documents"] = [[sha256_hex(content), len(content)] for content in dict.fromkeys(lines.values())]
    plain["collections"] = {ref: sha256_hex(content) for ref, content in lines.items()}
    return archive_of(contents, plain, path)


def _index(path: Path) -> str:
    with open_archive(path, trust=None) as archive:
        return archive.index.to_text()


def test_rows_come_with_their_indexes_and_history(om: Omega, path: Path) -> None:
    put_rows(om, "r", [[1, 2], [], [3]], indexes=[[["x", 1]]])
    om.datasets.tag("r@1", "first")
    om.export("datasets/r", path)
    other = new_omega("there")
    other.import_archive(path)
    assert rows_of(other, "r") == [[1, 2], [], [3]]
    keys = {part.ref for meta in other.datasets.versions("r") for part in meta.parts if part.type == "collection"}
    assert len(keys) == 1
    assert other.context.store.collection(keys.pop()).count_documents({}) == 3


TOKEN_1 = "0000000a"  # noqa: S105 -- of rows
BLOB = {"type": "blob", "size": 1, "sha256": "", "meta": {}}


def documents(ref: str, **fields: Any) -> dict[str, Any]:
    return {"type": "documents", "ref": ref, "size": 0, "sha256": "", "meta": {}, **fields}


@pytest.mark.parametrize(
    "row",
    [
        {"_id": 5, TOKEN: TOKEN_1},
        {"_id": "a", TOKEN: TOKEN_1},
        {TOKEN: TOKEN_1},
        {"_id": row_ids(TOKEN_1).start, TOKEN: "other"},
    ],
)
def test_rows_that_belong_to_others_are_refused(om: Omega, path: Path, row: dict[str, Any]) -> None:
    om.datasets.put("x", "r")
    om.export("datasets/r", path)
    parts = [documents(f"c#{TOKEN_1}"), {**documents("c"), "type": "collection"}]
    forged(path, parts, {f"c#{TOKEN_1}": json.dumps(row).encode() + b"\n"})
    with pytest.raises(ArchiveError, match="not one of those"):
        om["live"].import_archive(path)
    assert not om["live"].datasets.exists("r")


@pytest.mark.parametrize("indexes", [5, [[5]], [[["x", 7]]], [[[7, 1]]]])
def test_indexes_that_are_none_are_refused(om: Omega, path: Path, indexes: Any) -> None:
    om.datasets.put("x", "r")
    om.export("datasets/r", path)
    parts = [documents(f"c#{TOKEN_1}"), {**documents("c"), "type": "collection", "meta": {"indexes": indexes}}]
    forged(path, parts, {f"c#{TOKEN_1}": b""})
    with pytest.raises(ArchiveError, match="indexes"):
        om["live"].import_archive(path)


def test_documents_of_another_object_are_refused(om: Omega, path: Path) -> None:
    om.datasets.put("x", "r")
    om.export("datasets/r", path)
    forged(path, [documents("omega.tasks#t", sha256="ab" * 32)], {"omega.tasks#t": b'{"_id":"mine"}\n'})
    with pytest.raises(ArchiveError, match="not those of their object"):
        om["live"].import_archive(path)
    assert om.context.store.collection("omega.tasks").count_documents({}) == 0


def test_a_page_that_can_not_be_read_is_refused(om: Omega, path: Path) -> None:
    om.datasets.put("x", "r")
    om.export("datasets/r", path)
    for content in (b"5", b"[5]", b'[{"type":"code"}]'):
        page = {**BLOB, "type": "page", "ref": sha256_hex(content), "sha256": sha256_hex(content), "size": len(content)}
        forged(path, [page], {}, (content,))
        with pytest.raises(ArchiveError, match="page"):
            om["live"].import_archive(path)


def test_equal_documents_are_kept_once(om: Omega, path: Path) -> None:
    for name in "ab":
        om.datasets.put([{"x": 1}], name)
    om.datasets.put([{"x": 1}], "a", append=True)
    om.datasets.put([{"x": 2}], "c")
    om.export([f"datasets/{name}" for name in "abc"], path)
    with open_archive(path, trust=None) as archive:
        assert len(archive.index.documents) == 2
    om["live"].import_archive(path)
    assert [om["live"].datasets.get(name) for name in "abc"] == [[{"x": 1}] * 2, [{"x": 1}], [{"x": 2}]]


def test_a_blob_whose_size_nobody_knows_is_asked_for_it(om: Omega, path: Path) -> None:
    draft = om.datasets.make_metadata("t", TextBackend.KIND)
    part = om.datasets.payloads.write(lambda file: file.write(b"text"))
    draft._parts = [replace(part, size=0)]
    draft.save()
    om.export("datasets/t", path)
    om["live"].import_archive(path)
    assert om["live"].datasets.get("t") == "text"


def test_a_store_that_can_not_be_written_is_exported(om: Omega, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    om.datasets.put("x", "t")

    def refuse(*_: object, **__: object) -> set[str]:
        raise StoreReadOnlyError("read only")

    monkeypatch.setattr(om.context.store.files, "lease", refuse)
    om.export("datasets/t", path)
    assert path.exists()


def test_a_long_import_keeps_what_has_landed(om: Omega, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each blob takes most of an hour; meanwhile collect runs."""
    for text in "abcd":
        om.datasets.put(text, "t", append=True)
    om.export("datasets/t", path)
    other = new_omega("there")
    clock, write = other.context.clock, payloads.PayloadLanding._write
    assert isinstance(clock, ManualClock)

    def slowly(self: payloads.PayloadLanding, sha256: str) -> None:
        write(self, sha256)
        clock.advance(timedelta(minutes=50))
        other.collect()

    monkeypatch.setattr(payloads.PayloadLanding, "_write", slowly)
    other.import_archive(path)
    assert other.datasets.get("t") == "abcd"


@pytest.mark.parametrize("waiting", [0, 1, 2])
@pytest.mark.parametrize("is_there", [False, True])
def test_who_is_faster_is_not_overwritten(om: Omega, path: Path, waiting: int, is_there: bool) -> None:
    for text in ("one", "two", "three"):
        om.models.put(text, "m")
    om.export("models/m", path)
    om.backup(path.parent / "backups")
    for restore in (False, True):
        other = new_omega("there")
        if is_there:
            other.models.put("first", "m")
        meddled(other).waiting = waiting
        meddled(other).before_commit = lambda om=other: om.models.put("faster", "m", tag="faster")
        if restore:
            other.restore(path.parent / "backups")
            assert [other.models.get(f"m{back}") for back in ("", "^", "^^")] == ["three", "two", "one"]
        else:
            other.import_archive(path)
            assert [other.models.get(f"m{back}") for back in ("", "^", "^^", "^^^")] == [
                "three",
                "two",
                "one",
                "faster",
            ]
            assert other.models.get("m@faster") == "faster"
        assert_clean(other.context)


def test_an_object_that_changes_while_it_is_backed_up(om: Omega, tmp_path: Path) -> None:
    om.datasets.put("a", "t")
    meddled(om).before_versions = lambda: _replace_and_collect(om)
    assert om.backup(tmp_path).objects == 1
    meddled(om).before_versions = lambda: _drop_and_collect(om)
    assert om.backup(tmp_path).objects == 0


def _replace_and_collect(om: Omega) -> None:
    om.datasets.put("b", "t")
    _collect(om)


def _drop_and_collect(om: Omega) -> None:
    om.datasets.drop("t")
    _collect(om)


def _collect(om: Omega) -> None:
    om.collect(grace=timedelta(0))


def test_an_object_whose_version_is_missing_is_not_exported(om: Omega, path: Path) -> None:
    record = om.models.put("x", "m").record
    assert record is not None
    om.context.metadata.purge(versions=[record.id])
    with pytest.raises(ArchiveError, match="om fsck"):
        om.export("models/m", path)


def test_a_version_that_had_to_be_changed_is_signed_if_it_was_trusted(tmp_path: Path) -> None:
    ring = MemoryKeyRing()
    om = new_omega("here", trust=Trust(ring, SIGNED))
    om.models.put("one", "m", tag="v1")
    om.models.put("two", "m")
    om.backup(tmp_path)
    om.models.drop("m")
    om.models.put("other", "m")
    om.restore(tmp_path)
    assert om.models.get("m") == "two"
    for name in ("m", "m@v1"):
        om.models.metadata(name, required=True).check_trust()


def test_a_file_that_ends_while_it_is_read_is_told(path: Path, om: Omega) -> None:
    om.models.put("x" * 5000, "m")
    om.export("models/m", path)
    with open_archive(path, trust=None) as archive:
        os.truncate(path, form.BLOCK * 8)
        with pytest.raises(ArchiveError, match="bytes before its end"):
            list(archive.blob(next(iter(archive.index.blobs))))
    with path.open("rb") as file, pytest.raises(ArchiveError, match="SHA-256"):
        list(verified(file, 0, "ab" * 32, "nothing"))


def test_facts_are_plain(om: Omega, path: Path) -> None:
    om.models.put("x", "m")
    om.export("models/m", path)
    (landed,) = om["live"].import_archive(path)
    assert landed.to_plain()["outcome"] == "new"
    assert om.backup(path.parent).to_plain()["time"] == om.context.clock.now().isoformat()
    assert om.context.metadata.heads(HeadQuery(bucket="live"))[0].key == ObjectKey("live", "models/", "m")
