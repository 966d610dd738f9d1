"""Keys in a folder: the Ed25519 key (RFC 8032) that a context signs with, and the public keys that it trusts.

The folder is the user's own, outside of every store. It is refused if somebody else owns it, or can write it, or what
is in it::

    own.pem             the private key; nobody else may read it
    trusted/<id>.pub    public keys of others, and former ones of our own; a line each, as `om keys export` prints it
    seen.db             the highest revisions of objects that were seen from here
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

from omega_domain.errors import KeysError
from omega_domain.ports.keys import KeyRing, Verdict
from omega_ml.files.own import NotOwnError, check_own, read_own
from omega_ml.key_memory import SeenRevisions
from omega_ml.private_files import make_file, replace_file
from omega_ml.public_keys import PublicKey

OWN: Final = "own.pem"
TRUSTED: Final = "trusted"
SEEN: Final = "seen.db"
FORMER: Final = "a former key of our own"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key that is trusted here.

    Attributes:
        key: its public part.
        role: ``own``, ``trusted`` (in the folder) or ``settings`` (trusted by the setting ``trusted_keys``).
    """

    key: PublicKey
    role: Literal["own", "trusted", "settings"]


class FolderKeyRing(KeyRing):
    """Signs with a key in a folder, and trusts those whose public keys are there.

    Args:
        folder: of one context; made on first use.
        name: whose the own key is, for people; given to a new one.
        trusted: further public keys to trust, as lines of text.
    """

    def __init__(self, folder: Path, *, name: str = "", trusted: Iterable[str] = ()) -> None:
        self.folder = folder
        self._name = name
        self._given = [PublicKey.from_line(line) for line in trusted]
        self._public: dict[str, Any] = {}
        self._seen = SeenRevisions(folder / SEEN)
        self._lock = threading.RLock()

    # -- the port --------------------------------------------------------------------------------------------------

    def sign(self, message: bytes) -> str:
        """Return the signature of a message by the own key, which is made if there is none."""
        signer, public = self._own
        return f"{public.id}:{base64.b64encode(signer.sign(message)).decode()}"

    def verify(self, message: bytes, signature: str) -> Verdict:
        """Tell whether somebody who is trusted here has signed a message."""
        key_id, _, code = signature.partition(":")
        public = self._find(key_id)
        if public is None:
            return "foreign"
        try:
            public.verify(message, base64.b64decode(code, validate=True))
        except ValueError:
            return "forged"
        return "trusted"

    def signer(self, signature: str) -> str:
        """Return the id of the key that a signature names."""
        return signature.partition(":")[0]

    def last_seen(self, uid: str) -> int:
        """Return the highest revision of an object that was ever seen from here; 0 if none was."""
        return self._seen.last(uid)

    def see(self, uid: str, revision: int) -> None:
        """Remember that a revision of an object was seen."""
        self._seen.see(uid, revision)

    # -- for people ------------------------------------------------------------------------------------------------

    @property
    def public(self) -> PublicKey:
        """The public part of the own key, which is made if there is none."""
        return self._own[1]

    def known(self) -> list[KnownKey]:
        """Return all keys that are trusted here, the own one first; none is made."""
        own = [KnownKey(key=self.public, role="own")] if (self.folder / OWN).exists() else []
        trusted = [KnownKey(key=_read_public(path), role="trusted") for path in self._trusted_files()]
        return [*own, *trusted, *(KnownKey(key=key, role="settings") for key in self._given)]

    def trust(self, key: PublicKey) -> PublicKey:
        """Trust a key from now on."""
        self._check_folders()
        with _translated(self.folder):
            replace_file(self.folder / TRUSTED / f"{key.id}.pub", f"{key.to_line()}\n")
        self._public.clear()
        return key

    def distrust(self, key_id: str) -> PublicKey:
        """Trust a key no longer; return it. Raises KeysError: it is not among those that were trusted here."""
        path = next((path for path in self._trusted_files() if path.stem == key_id), None)
        if path is None:
            there = ", ".join(path.stem for path in self._trusted_files()) or "none"
            raise KeysError(f"{key_id!r} is no key that was trusted by `om keys trust`; those are: {there}")
        key = _read_public(path)
        path.unlink()
        self._public.clear()
        return key

    def rotate(self, *, distrust: bool = False) -> PublicKey:
        """Make a new own key; return its public part.

        Args:
            distrust: trust what the former one has signed no longer, because it is known to others.
        """
        with self._lock:
            former = PublicKey(self.public.raw, FORMER)
            if not distrust:
                self.trust(former)
            with _translated(self.folder):
                replace_file(self.folder / OWN, _new_pem())
            self.__dict__.pop("_own", None)
            self._public.clear()
            return self.public

    # -- inside ----------------------------------------------------------------------------------------------------

    @cached_property
    def _own(self) -> tuple[Any, PublicKey]:
        path = self.folder / OWN
        with self._lock:
            self._check_folders()
            with _translated(self.folder):
                if not path.exists():
                    make_file(path, _new_pem())
                signer, public = _read_own(path)
            return signer, PublicKey(public.raw, self._name)

    def _find(self, key_id: str) -> Any:
        """Return what verifies signatures of a key that is trusted; None if it is not."""
        with self._lock:
            if key_id not in self._public:
                known = {each.key.id: each.key.raw for each in self.known()}
                if key_id not in known:
                    return None
                key = _ecc().import_key(_SPKI + known[key_id])
                self._public[key_id] = _eddsa().new(key, "rfc8032")
            return self._public[key_id]

    def _trusted_files(self) -> Sequence[Path]:
        self._check_folders()
        return sorted((self.folder / TRUSTED).glob("*.pub"))

    def _check_folders(self) -> None:
        """See that nobody else can put a key into the folder, or another folder in its place. Raises KeysError."""
        for folder in (self.folder.parent, self.folder, self.folder / TRUSTED):
            try:
                check_own(folder, spares_sticky=folder == self.folder.parent)
            except NotOwnError as error:
                raise KeysError(
                    f"others can put keys into {folder}: {error}. See that no key there is theirs, then make it yours "
                    f"alone: chown and chmod 700 {folder}; or choose another folder by the setting keys (OMEGA_KEYS)"
                ) from error
            except OSError:
                continue  # it is not there yet, or what is done with it says why it can not be


#: What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410, section 4).
_SPKI: Final = bytes.fromhex("302a300506032b6570032100")
_CURVE: Final = "Ed25519"
_OF_OTHERS: Final = 0o077


def _ecc() -> Any:
    from Crypto.PublicKey import ECC

    return ECC


def _eddsa() -> Any:
    from Crypto.Signature import eddsa

    return eddsa


def _new_pem() -> str:
    return str(_ecc().generate(curve=_CURVE).export_key(format="PEM")) + "\n"


def _read_own(path: Path) -> tuple[Any, PublicKey]:
    """Return what signs by the key in a file, and its public part."""
    if path.stat().st_mode & _OF_OTHERS:
        raise KeysError(f"{path} is a private key that others can read or write: chmod 600 {path}")
    try:
        private = _ecc().import_key(read_own(path).decode("ascii"))
        raw = private.public_key().export_key(format="raw")
        return _eddsa().new(private, "rfc8032"), PublicKey(raw)
    except NotOwnError as error:
        raise KeysError(f"{path} is a private key, but {error}: move it away and a new one is made") from error
    except (ValueError, AttributeError) as error:
        raise KeysError(
            f"{path} holds no private Ed25519 key: {error}; put back a copy, or move it away and a new one is made"
        ) from error


def _read_public(path: Path) -> PublicKey:
    try:
        return PublicKey.from_line(read_own(path).decode())
    except (KeysError, UnicodeDecodeError, NotOwnError) as error:
        raise KeysError(f"{path}: {error}; remove the file") from error


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeysError(
            f"the keys in {folder} can not be read or written: {error}; mend its permissions, or choose another folder "
            "by the setting keys (OMEGA_KEYS)"
        ) from error
