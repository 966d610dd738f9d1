"""Keys in a folder: the contract of key rings, and what is on disk."""

from __future__ import annotations

import base64
import multiprocessing
import os
import stat
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from omega_domain.errors import KeysError
from omega_domain.ports.keys import KeyRing
from omega_domain.testing.keys import MESSAGE, KeyRingContract
from omega_ml.keys import FORMER, FolderKeyRing
from omega_ml.public_keys import PublicKey

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
STRANGER = 65534


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


# -- whose files -------------------------------------------------------------------------------------------------------


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file or folder belong to somebody else; only root can do so in earnest."""
    if os.geteuid() == 0:
        os.chown(path, STRANGER, STRANGER)
    else:
        monkeypatch.setattr("omega_ml.files.own.os.geteuid", lambda: os.getuid() + 1)


@pytest.fixture
def trusting(ring: FolderKeyRing, tmp_path: Path) -> FolderKeyRing:
    """A ring that was used, and trusts another one."""
    ring.sign(MESSAGE)
    ring.see("uid", 3)
    ring.trust(FolderKeyRing(tmp_path / "keys" / "bob", name="bob").public)
    return FolderKeyRing(ring.folder)


PLACES = ["..", ".", "trusted"]
USES = ["sign", "verify", "known", "trust", "distrust", "rotate"]


def use(ring: FolderKeyRing, how: str) -> object:
    key = PublicKey((9).to_bytes(32, "little"))
    ways: dict[str, Callable[[], object]] = {
        "sign": lambda: ring.sign(MESSAGE),
        "verify": lambda: ring.verify(MESSAGE, "ed25519-x:AAAA"),
        "known": ring.known,
        "trust": lambda: ring.trust(key),
        "distrust": lambda: ring.distrust(key.id),
        "rotate": ring.rotate,
    }
    return ways[how]()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", [0o777, 0o703, 0o702])
@pytest.mark.parametrize("how", USES)
def test_a_folder_that_others_can_write_is_refused(trusting: FolderKeyRing, place: str, mode: int, how: str) -> None:
    (trusting.folder / place).resolve().chmod(mode)
    before = {path: path.read_bytes() for path in trusting.folder.rglob("*") if path.is_file()}
    with pytest.raises(KeysError, match=r"others can put keys into .*: others can write it .*chmod 700"):
        use(trusting, how)
    assert {path: path.read_bytes() for path in trusting.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", USES)
def test_a_folder_of_somebody_else_is_refused(
    trusting: FolderKeyRing, place: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_away((trusting.folder / place).resolve(), monkeypatch)
    with pytest.raises(KeysError, match=r"others can put keys into .*: it belongs to"):
        use(trusting, how)


def test_the_folder_of_all_keys_may_be_such_as_tmp(trusting: FolderKeyRing) -> None:
    trusting.folder.parent.chmod(0o1777)
    assert trusting.verify(MESSAGE, trusting.sign(MESSAGE)) == "trusted"
    trusting.folder.chmod(0o1777)
    with pytest.raises(KeysError, match="others can put keys into"):
        FolderKeyRing(trusting.folder).sign(MESSAGE)


def test_a_private_key_of_somebody_else_is_not_used(trusting: FolderKeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    give_away(trusting.folder / "own.pem", monkeypatch)
    monkeypatch.setattr(FolderKeyRing, "_check_folders", lambda _: None)  # where the test can not give one file away
    with pytest.raises(KeysError, match=r"own\.pem is a private key, but it belongs to"):
        trusting.sign(MESSAGE)


def test_a_public_key_that_others_can_write_is_not_trusted(trusting: FolderKeyRing) -> None:
    [path] = (trusting.folder / "trusted").iterdir()
    path.chmod(0o666)
    with pytest.raises(KeysError, match=r"\.pub: others can write it .*; remove the file"):
        trusting.known()


def test_a_public_key_that_somebody_else_has_put_there_is_not_trusted(
    trusting: FolderKeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    [path] = (trusting.folder / "trusted").iterdir()
    give_away(path, monkeypatch)
    monkeypatch.setattr(FolderKeyRing, "_check_folders", lambda _: None)
    (trusting.folder / "own.pem").unlink()
    with pytest.raises(KeysError, match=r"\.pub: it belongs to .*; remove the file"):
        trusting.known()


def test_nobody_else_reads_what_was_seen(ring: FolderKeyRing) -> None:
    mask = os.umask(0)
    try:
        ring.see("uid", 3)
    finally:
        os.umask(mask)
    path = ring.folder / "seen.db"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)  # as earlier versions made it
    assert FolderKeyRing(ring.folder).last_seen("uid") == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_others_can_make_forgotten_is_not_remembered(
    trusting: FolderKeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = trusting.folder / "seen.db"
    path.chmod(0o666)
    with pytest.raises(KeysError, match=r"seen\.db remembers .*but others can write it .*; remove the file"):
        trusting.last_seen("uid")
    path.chmod(0o600)
    assert trusting.last_seen("uid") == 3
    give_away(path, monkeypatch)
    with pytest.raises(KeysError, match="but it belongs to"):
        FolderKeyRing(trusting.folder).see("uid", 4)


# -- keys that verify everything ---------------------------------------------------------------------------------------


def add(p: tuple[int, int], q: tuple[int, int]) -> tuple[int, int]:
    """Return the sum of two points of Ed25519."""
    (x1, y1), (x2, y2) = p, q
    both = D * x1 * x2 * y1 * y2
    return (x1 * y2 + x2 * y1) * pow(1 + both, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - both, -1, P) % P


def root(square: int) -> int | None:
    found = pow(square, (P + 3) // 8, P)
    for each in (found, found * pow(2, (P - 1) // 4, P) % P):
        if each * each % P == square % P:
            return each
    return None


def points(y: int) -> list[tuple[int, int]]:
    x = root((y * y - 1) * pow(D * y * y + 1, -1, P))
    return [] if x is None else [(x, y % P), (-x % P, y % P)]


def of_small_order() -> set[int]:
    """Return y of all points whose order divides 8: eight times any point's multiple by the prime order is neutral."""
    order = 2**252 + 27742317777372353535851937790883648493
    found = set()
    for y in range(2, 50):
        for point in points(y):
            sum_, power, left = (0, 1), point, order
            while left:
                sum_ = add(sum_, power) if left & 1 else sum_
                power, left = add(power, power), left >> 1
            found.add(sum_[1])
    return found


SMALL_Y = of_small_order()
#: All encodings of them: reduced or not, and with either sign.
SMALL = sorted(
    encoded | sign for y in SMALL_Y for encoded in (y, y + P) if encoded < 1 << 255 for sign in (0, 1 << 255)
)


def test_there_are_eight_points_of_small_order_with_five_y() -> None:
    assert len(SMALL_Y) == 5
    assert len(SMALL) == 14


@pytest.mark.parametrize("encoded", [*SMALL, P + 5, (P + 18) | 1 << 255, 2, 7], ids=hex)
def test_a_key_that_nobody_can_sign_with_is_refused_wherever_it_is_read(ring: FolderKeyRing, encoded: int) -> None:
    raw = encoded.to_bytes(32, "little")
    line = f"omega-ed25519 {base64.b64encode(raw).decode()} eve"
    with pytest.raises(KeysError, match="no public key that anybody can sign with"):
        PublicKey.from_line(line)
    with pytest.raises(KeysError, match="no public key"):
        PublicKey(raw, "eve")
    with pytest.raises(KeysError, match="no public key"):
        FolderKeyRing(ring.folder, trusted=[line])
    (ring.folder / "trusted").mkdir(parents=True, mode=0o700)
    (ring.folder / "trusted" / "ed25519-x.pub").write_text(line)
    with pytest.raises(KeysError, match=r"x\.pub: .*no public key"):
        ring.known()


def test_a_private_key_in_place_of_a_public_one_is_not_repeated(ring: FolderKeyRing) -> None:
    ring.sign(MESSAGE)
    for line in (ring.folder / "own.pem").read_text().split("\n"):
        with pytest.raises(KeysError, match="the text is no public key") as caught:
            PublicKey.from_line(line)
        assert not line or line not in str(caught.value)
        assert line[:12] not in str(caught.value) or not line
