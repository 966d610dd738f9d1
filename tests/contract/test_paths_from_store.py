"""Names in a store that are paths, on each kind of store: whoever wrote them, nothing is written elsewhere.

The attacker goes past omega-ml and writes metadata and payloads as they like.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omega_domain.entities.version import Payload
from omega_domain.errors import CorruptPayloadError
from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_ml import plugins

FILE_NAMES = [
    "../mine.txt",
    "{outside}/mine.txt",
    "sub/../../mine.txt",
    "sub/mine.txt",
    "..\\mine.txt",
    "c:mine.txt",
    "",
    ".",
    "..",
    "a\0b",
    "a\nb",
    5,
    None,
]

Entry = tuple[str, bytes, str]
LINK, HARD, FIFO = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE
FILE, FOLDER = tarfile.REGTYPE, tarfile.DIRTYPE
TARS: dict[str, list[Entry]] = {
    "a name upwards": [("../mine.txt", FILE, "")],
    "a name in the middle that goes up": [("sub/../../mine.txt", FILE, "")],
    "an absolute name": [("{outside}/mine.txt", FILE, "")],
    "a path of Windows": [("..\\mine.txt", FILE, "")],
    "a folder upwards": [("../new", FOLDER, "")],
    "a link that is written through": [("x", LINK, "{outside}"), ("x/mine.txt", FILE, "")],
    "a link to a file that is written through": [("x", LINK, "../mine.txt"), ("x", FILE, "")],
    "a link to what is outside": [("x", LINK, "{outside}/mine.txt")],
    "a link upwards": [("sub/x", LINK, "../../mine.txt")],
    "a hard link to what is outside": [("x", HARD, "../mine.txt")],
    "a link to itself": [("x", LINK, "x")],
    "links in a ring": [("x", LINK, "y"), ("y", LINK, "x")],
    "a link to a folder": [("sub", FOLDER, ""), ("x", LINK, "sub"), ("x/a.txt", FILE, "")],
    "a pipe": [("x", FIFO, "")],
    "a device": [("x", tarfile.CHRTYPE, "")],
    "a name twice": [("x", FILE, ""), ("x", FILE, "")],
    "a file and a folder of one name": [("x", FILE, ""), ("x/y", FILE, "")],
    "a folder after a file of its name": [("x", FILE, ""), ("x", FOLDER, "")],
}


@pytest.mark.parametrize("kind", ["memory", "local", "mongo"])
class TestPathsFromTheStore:
    """What is refused, and that nothing was written outside of the folder."""

    @pytest.fixture
    def om(self, kind: str, make_context: Callable[[str], Context]) -> Omega:
        return Omega(replace(make_context(kind), registry=plugins.backends(), codec=plugins.codec()))

    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        """A folder with a file of the victim, and in it the folder that they get into."""
        outside = tmp_path / "outside"
        (outside / "inside").mkdir(parents=True)
        (outside / "mine.txt").write_text("mine")
        return outside

    @pytest.fixture
    def inside(self, outside: Path) -> Path:
        return outside / "inside"

    @pytest.mark.parametrize("filename", FILE_NAMES, ids=repr)
    def test_the_name_of_a_file_is_no_path(self, om: Omega, outside: Path, inside: Path, filename: Any) -> None:
        filename = filename.replace("{outside}", str(outside)) if isinstance(filename, str) else filename
        _plant(om, b"evil", {"type": "binary", "filename": filename})
        with pytest.raises(CorruptPayloadError, match=r"^'a' was not written: .*path= naming the file"):
            om.datasets.get("a", path=inside)
        _assert_untouched(outside)
        assert list(inside.iterdir()) == []
        assert om.datasets.get("a", path=inside / "named").read_bytes() == b"evil"
        with om.datasets.get("a") as file:
            assert (file.name, file.read()) == ("a", b"evil")

    @pytest.mark.parametrize("entries", TARS.values(), ids=TARS)
    def test_a_folder_is_unpacked_into_its_place_only(
        self, om: Omega, outside: Path, inside: Path, entries: list[Entry]
    ) -> None:
        # a harmless file first: all is checked before anything is written
        _plant(om, _tar([("first", FILE, ""), *entries], outside), {"type": "folder", "filename": "a.tar"})
        with pytest.raises(CorruptPayloadError, match=r"^'a' was not unpacked: "):
            om.datasets.get("a", path=inside)
        _assert_untouched(outside)
        assert list(inside.iterdir()) == []

    def test_what_is_no_tar_is_said(self, om: Omega, outside: Path, inside: Path) -> None:
        _plant(om, b"no tar", {"type": "folder", "filename": "a.tar"})
        with pytest.raises(CorruptPayloadError, match=r"^'a' was not unpacked: "):
            om.datasets.get("a", path=inside)
        _assert_untouched(outside)

    def test_links_that_are_there_are_not_written_through(self, om: Omega, outside: Path, inside: Path) -> None:
        _plant(om, _tar([("first", FILE, ""), ("sub/mine.txt", FILE, "")], outside), {"type": "folder"})
        (inside / "sub").symlink_to(outside)
        with pytest.raises(FileExistsError, match="sub: it is a link, where a folder has to be"):
            om.datasets.get("a", path=inside)
        assert [path.name for path in inside.iterdir()] == ["sub"]
        _assert_untouched(outside)

    def test_a_link_in_place_of_a_file_is_replaced(self, om: Omega, outside: Path, inside: Path) -> None:
        _plant(om, _tar([("x", FILE, "")], outside), {"type": "folder"})
        (inside / "x").symlink_to(outside / "mine.txt")
        om.datasets.get("a", path=inside)
        assert (inside / "x").read_bytes() == b"evil"
        _plant(om, b"evil", {"type": "binary", "filename": "y"})
        (inside / "y").symlink_to(outside / "mine.txt")
        assert om.datasets.get("a", path=inside).read_bytes() == b"evil"
        _assert_untouched(outside)

    def test_what_was_put_is_written_into_a_folder(self, om: Omega, outside: Path, inside: Path) -> None:
        om.datasets.put(outside / "mine.txt", "file")
        om.datasets.put(outside, "folder")
        assert om.datasets.get("file", path=inside) == inside / "mine.txt"
        assert (om.datasets.get("folder", path=inside / "back") / "mine.txt").read_text() == "mine"


def _plant(om: Omega, content: bytes, kind_meta: dict[str, object]) -> None:
    part = om.datasets.payloads.write(lambda file: file.write(content))
    om.datasets.make_metadata("a", "python.file").set_payload(Payload([part], kind_meta)).save()


def _tar(entries: list[Entry], outside: Path) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, kind, to in entries:
            entry = tarfile.TarInfo(name.replace("{outside}", str(outside)))
            entry.type, entry.linkname = kind, to.replace("{outside}", str(outside))
            content = b"evil" if kind == FILE else b""
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def _assert_untouched(outside: Path) -> None:
    assert sorted(path.name for path in outside.iterdir()) == ["inside", "mine.txt"]
    assert (outside / "mine.txt").read_text() == "mine"
    assert (outside / "mine.txt").stat().st_nlink == 1
