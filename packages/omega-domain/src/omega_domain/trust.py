"""Trust: what was signed by whom, and whether it may be loaded. Models, functions and scripts are code.

Every version and every head is signed when it is committed, by the key of who commits it, which is kept outside of the
store. Before code is loaded, both are verified: that the version is what somebody trusted has committed under this
name, that the name points to it because somebody trusted said so, and that this is not an older state put back.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from threading import Lock
from typing import Final, Literal

from omega_domain.entities.head import Head
from omega_domain.entities.names import DATA, ObjectKey
from omega_domain.entities.version import Version
from omega_domain.errors import UntrustedObjectError
from omega_domain.ports.environment import Policy
from omega_domain.ports.keys import KeyRing

#: Which formats may be loaded: all, or only those that hold no code.
Code = Literal["allowed", "formats-only"]

SIGNED: Final = "signed"
ANY: Final = "any"
ALLOWED: Final = "allowed"
FORMATS_ONLY: Final = "formats-only"
#: Whose objects are loaded, the strictest first; ``formats-only`` is the former spelling of both strict answers.
POLICIES: Final[tuple[Policy, ...]] = (SIGNED, ANY, FORMATS_ONLY)
#: Whether formats are loaded that hold code.
CODES: Final[tuple[Code, ...]] = (ALLOWED, FORMATS_ONLY)

#: What is signed begins with one of these, so that a signature of one thing is none of another.
OF_VERSION, OF_HEAD, OF_ARCHIVE = b"omega-ml version\n", b"omega-ml head\n", b"omega-ml archive\n"

_REMEMBERED: Final = 4096
_WHY: Final = {
    "unsigned": "nobody has signed it",
    "foreign": "it was signed by {signer}, a key that is not trusted here",
    "forged": "its signature does not match: it was changed outside of omega-ml",
}
_MEND: Final = {
    "unsigned": (
        "put it again from where you trust it; or, if you trust everybody who can write to this store, set "
        "trust = 'any' for this context in your own omega.toml"
    ),
    "foreign": "if you know whose key that is, and trust it: om keys trust FILE, with what om keys export wrote there",
    "forged": "go back to a version that is intact, or drop it and put it again; om fsck lists what was changed",
}


class Trust:
    """Decides what may be loaded in a context. Both rules are settings of who loads, never of what is loaded.

    Args:
        keys: the keys; without any nothing is signed.
        policy: whose models, functions and scripts are loaded: ``signed`` asks for the signature of a trusted key,
            ``any`` asks for none. ``formats-only`` is the former spelling of ``signed`` with the strict ``code``.
        code: ``allowed`` loads formats that hold code, ``formats-only`` loads only formats that hold none.
        types: names of types that formats without code may hold, beside those that their library trusts.
    """

    def __init__(
        self,
        keys: KeyRing | None = None,
        policy: Policy = ANY,
        *,
        code: Code = ALLOWED,
        types: Iterable[str] = (),
    ) -> None:
        self.types = tuple(types)
        self.keys = keys
        self.code: Code = FORMATS_ONLY if policy == FORMATS_ONLY else code
        self.policy: Policy = ANY if policy == ANY or keys is None else SIGNED
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()

    def sign_version(self, version: Version) -> Version:
        """Return a version with the signature of who commits it."""
        if self.keys is None:
            return version
        return replace(version, signature=self.keys.sign(OF_VERSION + version.manifest.encode()))

    def sign_head(self, head: Head) -> Head:
        """Return a head with the signature of who changes it."""
        if self.keys is None:
            return head
        return replace(head, signature=self.keys.sign(OF_HEAD + head.statement.encode()))

    def check(
        self,
        head: Head | None,
        version: Version | None,
        *,
        key: ObjectKey,
        kind: str,
        is_code: bool = True,
        is_old: bool = False,
        latest: Callable[[], Head | None],
    ) -> None:
        """See that an object may be loaded.

        Args:
            head: of the object, as it was read; None for a draft.
            version: the version that is meant; None for a draft.
            key: bucket, prefix and name, for messages.
            kind: which backend is to load it.
            is_code: whether loading it runs code that it holds.
            is_old: whether a version is meant that is not the current one.
            latest: returns the head as it is now.

        Raises:
            UntrustedObjectError: it may not; the message says why, and how to mend it.
        """
        seq = version.seq if version else None
        what = f"{key.name!r} (version {seq}) in {key.prefix.strip('/')} of bucket {key.bucket!r}"
        if self.code == FORMATS_ONLY and is_code:
            raise UntrustedObjectError(
                f"{what} was not loaded: it is a {kind}, which is code, and code = 'formats-only' allows formats "
                "without code only; put it as one (for models of scikit-learn format='skops')"
            )
        keys = self._signing_keys
        if keys is None:
            return
        if head is None or version is None:
            raise UntrustedObjectError(f"{what} was not loaded: it is not saved yet, so nobody has signed it")
        self._require(keys, OF_HEAD + head.statement.encode(), head.signature, what)
        self._require(keys, OF_VERSION + version.manifest.encode(), version.signature, what)
        is_its_own = version.uid == head.uid and version.key == head.key
        is_meant = is_old or version.id == head.current.id
        if not (is_its_own and is_meant and version.kind == kind):
            raise _refused(what, "forged")
        _check_time(keys, head, latest, what)

    def check_before_change(self, head: Head) -> None:
        """See that what a head says may be carried on into a new one, which will be signed by the own key.

        Raises:
            UntrustedObjectError: it may not.
        """
        keys = self._signing_keys
        if keys is not None and head.key.prefix != DATA:
            what = f"{head.key.name!r} in {head.key.prefix.strip('/')} of bucket {head.key.bucket!r}"
            self._require(keys, OF_HEAD + head.statement.encode(), head.signature, what, done="changed")

    def doubts(self, head: Head, versions: Iterable[Version]) -> Iterator[tuple[str, str, str]]:
        """Iterate over what of an object would not be loaded as code: where it is, why, and how to mend it."""
        keys = self._signing_keys
        if keys is None or head.key.prefix == DATA:
            return
        statements = [(str(head.key), OF_HEAD + head.statement.encode(), head.signature)]
        statements += [
            (f"{head.key} version {each.seq}", OF_VERSION + each.manifest.encode(), each.signature) for each in versions
        ]
        for where, message, signature in statements:
            if (verdict := self._verdict(keys, message, signature)) != "trusted":
                yield where, _WHY[verdict].format(signer=keys.signer(signature)), _MEND[verdict]

    def sign_archive(self, index: str) -> str:
        """Return the signature of an archive's index; empty without keys."""
        return self.keys.sign(OF_ARCHIVE + index.encode()) if self.keys else ""

    def check_archive(self, index: str, signature: str, name: str) -> None:
        """See that an archive may be imported. Raises UntrustedObjectError."""
        if self.policy != ANY and self.keys is not None:
            self._require(self.keys, OF_ARCHIVE + index.encode(), signature, f"the archive {name}", done="imported")

    @property
    def _signing_keys(self) -> KeyRing | None:
        """The keys, if what they signed is all that is loaded."""
        return self.keys if self.policy == SIGNED else None

    def _require(self, keys: KeyRing, message: bytes, signature: str, what: str, *, done: str = "loaded") -> None:
        verdict = self._verdict(keys, message, signature)
        if verdict != "trusted":
            raise _refused(what, verdict, signer=keys.signer(signature), done=done)

    def _verdict(self, keys: KeyRing, message: bytes, signature: str) -> str:
        """Verify a signature, once for as long as that it was right is remembered."""
        mark = hashlib.sha256(message + signature.encode()).digest()
        with self._lock:
            if mark in self._verified:
                self._verified.move_to_end(mark)
                return "trusted"
        verdict = keys.verify(message, signature) if signature else "unsigned"
        if verdict == "trusted":
            with self._lock:
                self._verified[mark] = None
                while len(self._verified) > _REMEMBERED:
                    self._verified.popitem(last=False)
        return verdict


def _check_time(keys: KeyRing, head: Head, latest: Callable[[], Head | None], what: str) -> None:
    """See that nobody has put back an older state of the object than was seen from here before."""
    seen = keys.last_seen(head.uid)
    if head.revision > seen:
        keys.see(head.uid, head.revision)
    elif head.revision < seen:  # it may have been read a while ago
        now = latest()
        if now is not None and now.uid == head.uid and now.revision < seen:
            raise UntrustedObjectError(
                f"{what} was not loaded: it is at revision {now.revision}, but was at {seen} before: somebody has "
                "put back an older state; put it again from where you trust it, or drop it"
            )


def _refused(what: str, verdict: str, *, signer: str = "", done: str = "loaded") -> UntrustedObjectError:
    return UntrustedObjectError(f"{what} was not {done}: {_WHY[verdict].format(signer=signer)}. Mend: {_MEND[verdict]}")
