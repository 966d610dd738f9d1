"""Port of the key ring: the key that a context signs with, and the keys of others that it trusts."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, Protocol

#: What is known of a signature: made by a key that is trusted here, by another key, or not over this message.
Verdict = Literal["trusted", "foreign", "forged"]


class KeyRing(Protocol):
    """The own key of a context, and those of others that it trusts; kept outside of the store.

    Duties of every adapter: safe to use from many threads and processes; the own key is made when it is first needed,
    by one of them. A signature is text that names its key. Who is refused trust stays refused until told otherwise.
    """

    @abstractmethod
    def sign(self, message: bytes) -> str:
        """Return the signature of a message by the own key."""

    @abstractmethod
    def verify(self, message: bytes, signature: str) -> Verdict:
        """Tell whether somebody who is trusted here has signed a message; the own key is."""

    @abstractmethod
    def signer(self, signature: str) -> str:
        """Return the id of the key that a signature names, for messages; the signature need not be right."""

    @abstractmethod
    def last_seen(self, uid: str) -> int:
        """Return the highest revision of an object that was ever seen from here; 0 if none was."""

    @abstractmethod
    def see(self, uid: str, revision: int) -> None:
        """Remember that a revision of an object was seen; it never goes back."""
