"""Files and folders by name."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest

from omega_backends.python_file import PythonFileBackend, StoredFile
from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.version import Payload
from omega_domain.errors import CorruptPayloadError, UnsupportedObjectError
from omega_domain.ports.backend import DataBackend
from omega_domain.repository.context import Context
from omega_domain.stores import OmegaStore
from omega_domain.testing.backend import DataBackendContract

Entry = tuple[tarfile.TarInfo, bytes]


class TestPythonFileBackend(DataBackendContract):
    @pytest.fixture
    def backend(self) -> type[DataBackend]:
        return PythonFileBackend

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [io.BytesIO(b"one"), io.StringIO("zwölf\r\nzeilen\n"), io.BytesIO()]

    def same(self, found: Any, expected: Any) -> bool:
        content = found.getvalue() if hasattr(found, "getvalue") else found.read()
        if hasattr(expected, "getvalue"):
            return bool(content == expected.getvalue())
        return bool(content == expected.read())


@pytest.fixture
def store() -> OmegaStore:
    context = Context(metadata=MemoryMetadataStore(), store=MemoryStore(), clock=SystemClock())
    return OmegaStore(context).register_backend(PythonFileBackend.KIND, PythonFileBackend)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub" / "empty").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.sh").write_bytes(b"\0b")
    (folder / "sub" / "b.sh").chmod(0o755)
    (folder / "link").symlink_to("a.txt")
    return folder


def test_a_path_to_a_file_is_stored_with_its_name(store: OmegaStore, tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(b"\0\1" * 1000)
    store.put(path, "a")
    with store.get("a") as file:
        assert (file.name, file.read(3), file.seek(-1, io.SEEK_END), file.read()) == (
            "data.bin",
            b"\0\1\0",
            1999,
            b"\1",
        )


def test_an_open_file_is_stored_from_where_it_is_and_left_there(store: OmegaStore, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("first\nsecond\n")
    with path.open() as file:
        file.readline()
        store.put(file, "a")
        assert file.read() == "second\n"
    found = store.get("a")
    assert (found.name, found.read()) == ("lines.txt", "second\n")


def test_text_keeps_its_line_ends_and_letters(store: OmegaStore) -> None:
    store.put(io.StringIO("ä\r\nö\n"), "dir/a")
    found = store.get("dir/a")
    assert isinstance(found, io.TextIOWrapper)
    assert (found.name, found.read()) == ("a", "ä\r\nö\n")


def test_a_large_file_is_streamed(store: OmegaStore) -> None:
    content = os.urandom(3 * 1024 * 1024 + 1)
    store.put(io.BytesIO(content), "a")
    assert store.get("a").read() == content


def test_a_temporary_file_is_a_file(store: OmegaStore) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"content")
        file.seek(0)
        store.put(file, "a")
    assert store.get("a").read() == b"content"


def test_a_file_that_can_not_go_back_is_read_to_its_end(store: OmegaStore) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"content")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        store.put(pipe, "a")
    assert store.get("a").read() == b"content"


def test_a_file_is_written_to_a_path(store: OmegaStore, tmp_path: Path) -> None:
    store.put(io.BytesIO(b"new"), "a")
    target = tmp_path / "target.bin"
    target.write_bytes(b"old")
    assert store.get("a", path=str(target)) == target
    assert target.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["target.bin"]


def test_a_file_is_written_into_a_folder_under_its_name(store: OmegaStore, tmp_path: Path) -> None:
    store.put(io.BytesIO(b"content"), "dir/a")
    assert store.get("dir/a", path=tmp_path) == tmp_path / "a"
    assert (tmp_path / "a").read_bytes() == b"content"


def test_a_write_that_fails_leaves_nothing_behind(store: OmegaStore, tmp_path: Path) -> None:
    store.put(io.BytesIO(b"content"), "a")
    (tmp_path / "a" / "sub").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        store.get("a", path=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_comes_back_as_it_was(store: OmegaStore, folder: Path, tmp_path: Path) -> None:
    store.put(folder, "a")
    found = store.get("a", path=tmp_path / "back")
    assert found == tmp_path / "back"
    assert sorted(path.relative_to(found).as_posix() for path in found.rglob("*")) == [
        "a.txt",
        "link",
        "sub",
        "sub/b.sh",
        "sub/empty",
    ]
    assert (found / "link").read_text() == "a"
    assert not (found / "link").is_symlink()
    assert (found / "sub" / "b.sh").read_bytes() == b"\0b"
    assert os.access(found / "sub" / "b.sh", os.X_OK)


def test_a_folder_can_be_read_as_a_tar(store: OmegaStore, folder: Path) -> None:
    store.put(folder, "a")
    with store.get("a") as file, tarfile.open(fileobj=file) as tar:
        assert file.name == "folder.tar"
        assert tar.getnames() == ["a.txt", "link", "sub", "sub/b.sh", "sub/empty"]
        assert {(entry.uid, entry.uname) for entry in tar.getmembers()} == {(0, "")}


def test_the_same_folder_is_stored_once(store: OmegaStore, folder: Path) -> None:
    assert store.put(folder, "a").parts[0].ref == store.put(folder, "b").parts[0].ref


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub", ".", "nowhere", "bad"])
def test_a_folder_with_links_to_anything_but_its_files_is_refused(store: OmegaStore, folder: Path, target: str) -> None:
    (folder.parent / "outside").write_text("secret")
    (folder / "bad").symlink_to(target)
    with pytest.raises(UnsupportedObjectError, match=r"'a' can not be put: .*bad is a link that .*in its place"):
        store.put(folder, "a")
    assert not store.exists("a")


def test_a_file_with_two_names_is_stored_as_two_files(store: OmegaStore, folder: Path, tmp_path: Path) -> None:
    (folder / "second").hardlink_to(folder / "a.txt")
    store.put(folder, "a")
    found = store.get("a", path=tmp_path / "back")
    assert (found / "second").read_text() == "a"
    assert (found / "second").stat().st_nlink == 1


def test_a_folder_is_unpacked_over_what_is_there(store: OmegaStore, folder: Path, tmp_path: Path) -> None:
    store.put(folder, "a")
    (tmp_path / "back" / "sub").mkdir(parents=True)
    (tmp_path / "back" / "a.txt").write_text("old")
    (tmp_path / "back" / "mine").write_text("mine")
    found = store.get("a", path=tmp_path / "back")
    assert [(found / name).read_text() for name in ("a.txt", "mine")] == ["a", "mine"]
    assert (found / "a.txt").stat().st_mtime == pytest.approx((folder / "a.txt").stat().st_mtime, abs=1)


@pytest.mark.parametrize("name", ["back\\slash", "c:drive", "new\nline"])
def test_a_folder_with_names_that_are_paths_elsewhere_is_refused(store: OmegaStore, folder: Path, name: str) -> None:
    (folder / "sub" / name).write_text("x")
    with pytest.raises(UnsupportedObjectError, match=r"'a' can not be put: 'sub/.*rename it"):
        store.put(folder, "a")


def test_links_that_former_versions_stored_are_written_as_files(store: OmegaStore, tmp_path: Path) -> None:
    _put_tar(
        store,
        _entry("sub/a.txt", b"a"),
        _entry("link", kind=tarfile.SYMTYPE, to="sub/a.txt"),
        _entry("sub/up", kind=tarfile.SYMTYPE, to="../link"),
        _entry("hard", kind=tarfile.LNKTYPE, to="sub/a.txt"),
    )
    found = store.get("a", path=tmp_path / "back")
    assert [(found / name).read_text() for name in ("link", "sub/up", "hard")] == ["a"] * 3
    assert not any(path.is_symlink() or path.stat().st_nlink > 1 for path in found.rglob("*.*"))


@pytest.mark.parametrize("time", [-5.0, 1e30])
def test_a_time_that_no_file_can_have_is_left_out(store: OmegaStore, tmp_path: Path, time: float) -> None:
    entry, content = _entry("a.txt", b"a")
    entry.mtime = time
    _put_tar(store, (entry, content))
    assert (store.get("a", path=tmp_path / "back") / "a.txt").stat().st_mtime > 0


def test_a_forged_tar_writes_nothing(store: OmegaStore, tmp_path: Path) -> None:
    first = _entry("first", b"x")
    for entry in (
        _entry("../outside", b"x"),
        _entry("first", b"x"),
        _entry("link", kind=tarfile.SYMTYPE, to="../outside"),
        _entry("pipe", kind=tarfile.FIFOTYPE),
    ):
        _put_tar(store, first, entry)
        with pytest.raises(CorruptPayloadError, match=r"'a' was not unpacked: .* Get it without path"):
            store.get("a", path=tmp_path / "inside")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_a_path_is_no_name_in_a_folder(store: OmegaStore, tmp_path: Path) -> None:
    _put_raw(store, b"x", type="binary", filename="../outside")
    with pytest.raises(CorruptPayloadError, match=r"'a' was not written: '\.\./outside', .*path= naming the file"):
        store.get("a", path=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_the_way_is_not_written_over(store: OmegaStore, folder: Path, tmp_path: Path) -> None:
    store.put(folder, "a")
    for name, kind in (("sub", "a file, where a folder"), ("a.txt", "a folder is there")):
        target = tmp_path / name
        target.mkdir()
        (target / name).mkdir() if name == "a.txt" else (target / name).write_text("mine")
        with pytest.raises(FileExistsError, match=kind):
            store.get("a", path=target)
        assert [path.name for path in target.iterdir()] == [name]


def test_a_stored_file_is_never_called_by_a_path(store: OmegaStore) -> None:
    _put_raw(store, b"x", type="binary", filename="../outside")
    assert store.get("a").name == "a"


def test_what_is_not_there_is_an_error(store: OmegaStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put(tmp_path / "missing", "a")


def test_what_is_neither_file_nor_folder_is_refused(store: OmegaStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UnsupportedObjectError, match="neither a file nor a folder"):
        store.put(tmp_path / "fifo", "a")
    with pytest.raises(UnsupportedObjectError, match="special file"):
        store.put(tmp_path, "a")


def test_files_that_can_not_be_read_are_refused(store: OmegaStore, tmp_path: Path) -> None:
    with (tmp_path / "new").open("wb") as file, pytest.raises(UnsupportedObjectError, match="can not be read"):
        store.put(file, "a")
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(UnsupportedObjectError, match="closed"):
        store.put(closed, "a")


@pytest.mark.parametrize("obj", ["path.txt", b"bytes", Path, 5])
def test_texts_bytes_and_classes_are_not_files(obj: object) -> None:
    assert not PythonFileBackend.supports(obj, "a")


def test_a_stored_file_tells_its_name() -> None:
    assert StoredFile(io.BytesIO(), "a.txt").name == "a.txt"


def _entry(name: str, content: bytes = b"", *, kind: bytes = tarfile.REGTYPE, to: str = "") -> Entry:
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.linkname = len(content), kind, to
    return entry, content


def _put_tar(store: OmegaStore, *entries: Entry) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for entry, content in entries:
            tar.addfile(entry, io.BytesIO(content))
    _put_raw(store, made.getvalue(), type="folder", filename="a.tar")


def _put_raw(store: OmegaStore, content: bytes, **kind_meta: object) -> None:
    part = store.payloads.write(lambda file: file.write(content))
    store.make_metadata("a", "python.file").set_payload(Payload([part], kind_meta)).save()
