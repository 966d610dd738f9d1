"""Reading blobs: the bytes that were compared with their SHA-256 are the bytes that the reader gets."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from omega_domain.entities.version import Part
from omega_domain.errors import CorruptPayloadError
from omega_domain.repository import verified as module
from omega_domain.repository.verified import read_once, unpacked, verified, verify

CONTENT = bytes(range(256)) * 41 + b"end"
EVIL = b"!" * len(CONTENT)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 1000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(CONTENT)
    return path


def part_of(content: bytes = CONTENT) -> Part:
    digest = hashlib.sha256(content).hexdigest()
    return Part(type="blob", ref=digest, sha256=digest, size=len(content))


def opened(path: Path, *, small: bool, is_local: bool = True, whole: bool = False) -> io.BufferedIOBase:
    limit = len(CONTENT) if small else len(CONTENT) - 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SMALL", limit)
        patch.setattr(module, "LARGE", limit)
        return verified(path.open("rb"), part_of(), is_local=is_local, whole=whole)  # type: ignore[return-value]  # all of them are buffered


KINDS = [
    pytest.param({"small": True}, id="in memory"),
    pytest.param({"small": True, "whole": True}, id="in memory, whole"),
    pytest.param({"small": False}, id="by blocks"),
    pytest.param({"small": False, "is_local": False}, id="copied"),
]


@pytest.mark.parametrize("how", KINDS)
def test_the_content_is_read_and_found_again(path: Path, how: dict[str, bool]) -> None:
    with opened(path, **how) as file:
        assert file.read() == CONTENT
        assert file.read(1) == b""
        assert file.seek(2500) == 2500
        assert file.read(2000) == CONTENT[2500:4500]
        assert file.seek(-3, io.SEEK_END) == len(CONTENT) - 3
        assert file.tell() == len(CONTENT) - 3
        assert file.read() == b"end"
        file.seek(10)
        file.seek(5, io.SEEK_CUR)
        assert file.read(5) == CONTENT[15:20]


@pytest.mark.parametrize("how", KINDS)
def test_whoever_writes_to_the_file_after_it_was_compared_is_not_read(path: Path, how: dict[str, bool]) -> None:
    with opened(path, **how) as file:
        path.write_bytes(EVIL)  # the same inode, as an attacker would do it
        if how == {"small": False}:
            with pytest.raises(CorruptPayloadError, match="was damaged or changed"):
                file.read()
        else:
            assert file.read() == CONTENT


def test_one_changed_block_is_noticed_when_it_is_read(path: Path) -> None:
    with opened(path, small=False) as file:
        with path.open("r+b") as blob:
            blob.seek(5500)
            blob.write(b"!")
        assert file.read(4000) == CONTENT[:4000]
        file.seek(5000)
        with pytest.raises(CorruptPayloadError):
            file.read(1000)


def test_a_file_that_is_cut_short_while_it_is_read_is_noticed(path: Path) -> None:
    with opened(path, small=False) as file:
        with path.open("r+b") as blob:
            blob.truncate(3000)
        with pytest.raises(CorruptPayloadError):
            file.read()


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize(
    "content", [EVIL, CONTENT[:-1], CONTENT + b"x", b""], ids=["other", "shorter", "longer", "none"]
)
def test_changed_content_is_refused_at_once_and_the_file_is_closed(
    path: Path, how: dict[str, bool], content: bytes
) -> None:
    path.write_bytes(content)
    with path.open("rb") as file, pytest.raises(CorruptPayloadError):
        verified(file, part_of(), is_local=how.get("is_local", True), whole=how.get("whole", False))
    assert file.closed


class Growing(io.BytesIO):
    """Has more content as soon as its size was asked for."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        place = super().seek(offset, whence)
        if whence == io.SEEK_END:
            self.write(b"more")
        return place


class Shrinking(io.BytesIO):
    """Has less content as soon as its size was asked for."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        place = super().seek(offset, whence)
        if whence == io.SEEK_END:
            self.truncate(10)
        return place


@pytest.mark.parametrize("file", [Growing(CONTENT), Shrinking(CONTENT)])
def test_a_file_that_changes_its_size_while_it_is_copied_is_refused(file: io.BytesIO) -> None:
    with pytest.raises(CorruptPayloadError):
        verified(file, part_of(), is_local=True)


def test_a_copy_in_memory_is_writable_without_another_copy(path: Path) -> None:
    with opened(path, small=True, whole=True) as file:
        assert isinstance(file, io.BytesIO)
        with file.getbuffer() as view:
            assert not view.readonly
            view[0] = 7
        assert file.read(2) == b"\x07\x01"
        kept = file.getbuffer()
    assert bytes(kept[:3]) == b"\x07\x01\x02"


def test_a_file_that_is_read_once_is_compared_at_the_end(path: Path) -> None:
    with read_once(path.open("rb"), part_of()) as file:
        assert file.read() == CONTENT
    with read_once(path.open("rb"), part_of()) as file:
        assert file.read(10) == CONTENT[:10]
    with read_once(path.open("rb"), part_of()):
        pass


def test_a_changed_file_that_is_read_once_is_refused_at_the_end(path: Path) -> None:
    path.write_bytes(EVIL)
    with pytest.raises(CorruptPayloadError), read_once(path.open("rb"), part_of()) as file:
        assert file.read() == EVIL


def test_damage_explains_an_error_of_whoever_reads_once(path: Path) -> None:
    path.write_bytes(EVIL)

    def parse() -> None:
        with read_once(path.open("rb"), part_of()) as file:
            assert file.read(3) == b"!!!"
            raise ValueError("no header")

    with pytest.raises(CorruptPayloadError) as caught:
        parse()
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("error", [ValueError("mine"), CorruptPayloadError("mine")])
def test_an_error_of_whoever_reads_once_is_theirs_if_the_content_is_as_it_was(path: Path, error: Exception) -> None:
    with pytest.raises(type(error), match="mine"), read_once(path.open("rb"), part_of()):
        raise error


def test_a_file_is_compared_without_being_read_by_anybody(path: Path) -> None:
    with path.open("rb") as file:
        verify(file, part_of())
    with path.open("rb") as file, pytest.raises(CorruptPayloadError):
        verify(file, part_of(EVIL))


def test_the_whole_content_is_unpacked_while_it_is_compared(path: Path) -> None:
    assert bytes(unpacked(path.open("rb"), part_of(), lambda content: content)) == CONTENT
    assert bytes(unpacked(path.open("rb"), part_of(), lambda content: content[1:3])) == b"\x01\x02"
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "content", [EVIL, CONTENT[:-1], CONTENT + b"x", b""], ids=["other", "shorter", "longer", "none"]
)
def test_nothing_is_unpacked_from_changed_content(path: Path, content: bytes) -> None:
    def fail(content: memoryview) -> None:
        raise ValueError(len(content))

    path.write_bytes(content)
    with path.open("rb") as file, pytest.raises(CorruptPayloadError):
        unpacked(file, part_of(), bytes)
    assert file.closed
    with pytest.raises(CorruptPayloadError) as caught:
        unpacked(path.open("rb"), part_of(), fail)
    assert isinstance(caught.value.__cause__, ValueError) or not content  # what is small is compared first


def test_what_fits_into_a_block_is_compared_before_it_is_unpacked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", len(CONTENT))
    assert unpacked(path.open("rb"), part_of(), bytes) == CONTENT
    path.write_bytes(EVIL)
    given: list[memoryview] = []
    with pytest.raises(CorruptPayloadError, match="does not match its SHA-256"):
        unpacked(path.open("rb"), part_of(), given.append)
    assert given == []


def test_an_error_of_unpacking_goes_on(path: Path) -> None:
    def fail(content: memoryview) -> None:
        raise ValueError(len(content))

    with pytest.raises(ValueError, match=str(len(CONTENT))):
        unpacked(path.open("rb"), part_of(), fail)


def test_of_a_file_that_changes_its_size_nothing_else_is_unpacked() -> None:
    assert unpacked(Growing(CONTENT), part_of(), bytes) == CONTENT
    with pytest.raises(CorruptPayloadError):
        unpacked(Shrinking(CONTENT), part_of(), bytes)


def test_changed_content_is_not_copied_either(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL", 100)
    monkeypatch.setattr(module, "LARGE", 100)
    path.write_bytes(EVIL)
    with path.open("rb") as file, pytest.raises(CorruptPayloadError):
        verified(file, part_of(), is_local=False)


def test_a_block_is_read_in_pieces(path: Path) -> None:
    with opened(path, small=False) as file:
        assert [file.raw.read(5), file.raw.read(5)] == [CONTENT[:5], CONTENT[5:10]]  # type: ignore[attr-defined]  # what is read by blocks is buffered
