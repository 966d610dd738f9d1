"""Keys in a folder: the contract of key rings, and what is on disk."""

from __future__ import annotations

import base64
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from omega_domain.errors import KeysError
from omega_domain.ports.keys import KeyRing
from omega_domain.testing.trust.keys import MESSAGE, KeyRingContract
from omega_ml.keys import FORMER, FolderKeyRing
from omega_ml.public_keys import PublicKey


class TestFolderKeyRing(KeyRingContract):
    """The contract on Ed25519."""

    @pytest.fixture
    def ring(self, tmp_path: Path) -> KeyRing:
        self._folder = tmp_path
        return FolderKeyRing(tmp_path / "keys" / "one")

    def other(self, *, trusted: KeyRing | None = None) -> KeyRing:
        ring = FolderKeyRing(self._folder / "keys" / ("trusting" if trusted else "other"))
        if isinstance(trusted, FolderKeyRing):
            ring.trust(PublicKey.from_line(trusted.public.to_line()))
        return ring

    def reopen(self, ring: KeyRing) -> KeyRing:
        assert isinstance(ring, FolderKeyRing)
        return FolderKeyRing(ring.folder)


@pytest.fixture
def ring(tmp_path: Path) -> FolderKeyRing:
    return FolderKeyRing(tmp_path / "keys" / "one", name="ada@lab")


def sign(folder: Path) -> str:
    return FolderKeyRing(folder).sign(MESSAGE)


def test_signatures_are_those_of_rfc_8032(tmp_path: Path) -> None:
    from Crypto.PublicKey import ECC

    seed = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")  # section 7.1, test 3
    (tmp_path / "own.pem").touch(mode=0o600)
    (tmp_path / "own.pem").write_text(ECC.construct(curve="Ed25519", seed=seed).export_key(format="PEM"))
    ring = FolderKeyRing(tmp_path)
    public = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
    assert ring.public.raw.hex() == public
    assert base64.b64decode(ring.sign(b"\xaf\x82").partition(":")[2]).hex() == (
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )


def test_the_key_is_made_when_it_is_needed_and_only_its_user_can_read_it(ring: FolderKeyRing) -> None:
    assert ring.known() == []
    assert not ring.folder.exists()
    ring.sign(MESSAGE)
    modes = {
        path.name: oct(path.stat().st_mode & 0o777) for path in (ring.folder.parent, *ring.folder.parent.rglob("*"))
    }
    assert modes == {"keys": "0o700", "one": "0o700", "own.pem": "0o600"}


def test_processes_that_begin_at_once_make_one_key(ring: FolderKeyRing) -> None:
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert len(set(pool.map(sign, [ring.folder] * 8))) == 1
    assert [path.name for path in ring.folder.iterdir()] == ["own.pem"]


def test_a_key_that_others_can_read_is_not_used(ring: FolderKeyRing) -> None:
    ring.sign(MESSAGE)
    (ring.folder / "own.pem").chmod(0o640)
    with pytest.raises(KeysError, match=r"own\.pem is a private key that others can read or write: chmod 600"):
        FolderKeyRing(ring.folder).sign(MESSAGE)


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_damaged_key_is_said_and_left_alone(ring: FolderKeyRing, text: str) -> None:
    ring.sign(MESSAGE)
    (ring.folder / "own.pem").write_text(text)
    with pytest.raises(KeysError, match=r"own\.pem holds no private Ed25519 key"):
        FolderKeyRing(ring.folder).sign(MESSAGE)
    assert (ring.folder / "own.pem").read_text() == text


def test_a_key_of_another_kind_is_refused(ring: FolderKeyRing) -> None:
    from Crypto.PublicKey import ECC

    ring.sign(MESSAGE)
    (ring.folder / "own.pem").write_text(ECC.generate(curve="P-256").export_key(format="PEM"))
    with pytest.raises(KeysError, match="holds no private Ed25519 key"):
        FolderKeyRing(ring.folder).sign(MESSAGE)


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeysError, match=r"can not be read or written: .*OMEGA_KEYS"):
        FolderKeyRing(tmp_path / "file" / "keys").sign(MESSAGE)


def test_after_a_rotation_the_former_key_is_trusted_still(ring: FolderKeyRing) -> None:
    before = ring.sign(MESSAGE)
    former = ring.public
    ring.rotate()
    after = ring.sign(MESSAGE)
    assert after != before
    for each in (ring, FolderKeyRing(ring.folder)):
        assert {each.verify(MESSAGE, signature) for signature in (before, after)} == {"trusted"}
    assert [(known.role, known.key.name) for known in ring.known()] == [("own", "ada@lab"), ("trusted", FORMER)]
    assert ring.known()[1].key.id == former.id


def test_a_key_that_others_know_is_trusted_no_longer(ring: FolderKeyRing) -> None:
    before = ring.sign(MESSAGE)
    ring.rotate(distrust=True)
    assert ring.verify(MESSAGE, before) == "foreign"
    assert [known.role for known in ring.known()] == ["own"]


def test_trust_can_be_taken_back(ring: FolderKeyRing, tmp_path: Path) -> None:
    other = FolderKeyRing(tmp_path / "other", name="bob")
    ring.trust(other.public)
    assert ring.verify(MESSAGE, other.sign(MESSAGE)) == "trusted"
    assert ring.distrust(other.public.id) == other.public
    assert ring.verify(MESSAGE, other.sign(MESSAGE)) == "foreign"
    with pytest.raises(KeysError, match="is no key that was trusted by `om keys trust`; those are: none"):
        ring.distrust(other.public.id)


def test_keys_can_be_trusted_by_a_setting(tmp_path: Path) -> None:
    other = FolderKeyRing(tmp_path / "other", name="bob  of the\tlab")
    ring = FolderKeyRing(tmp_path / "one", trusted=[other.public.to_line()])
    assert ring.verify(MESSAGE, other.sign(MESSAGE)) == "trusted"
    assert [(known.role, known.key.name) for known in ring.known()] == [("settings", "bob of the lab")]


@pytest.mark.parametrize(
    "line", ["", "omega-ed25519", "ssh-ed25519 AAAA", "omega-ed25519 AAAA ada", "omega-ed25519 é ada", "\0"]
)
def test_what_is_no_public_key_is_refused(line: str) -> None:
    with pytest.raises(KeysError, match="is no public key of omega-ml"):
        PublicKey.from_line(line)


def test_a_damaged_file_of_a_trusted_key_is_named(ring: FolderKeyRing) -> None:
    ring.trust(ring.public)
    (ring.folder / "trusted" / "x.pub").write_bytes(b"\xff")
    with pytest.raises(KeysError, match=r"x\.pub: .*; remove the file"):
        ring.known()


def test_where_nothing_can_be_written_the_process_remembers_what_it_saw(ring: FolderKeyRing) -> None:
    ring.sign(MESSAGE)
    (ring.folder / "seen.db").mkdir()
    ring.see("uid", 3)
    assert ring.last_seen("uid") == 3
    assert FolderKeyRing(ring.folder).last_seen("uid") == 0
    assert list((ring.folder / "seen.db").iterdir()) == []
