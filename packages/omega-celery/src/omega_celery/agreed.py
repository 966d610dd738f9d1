"""What all who open the same store agree on: how the queues of its context are named, and what seals its messages.

No other context on the same broker shares them. A broker is often shared, and watched less than a store. Who can write
to it alone must not have workers run anything, so a worker takes only what somebody who can open the store has sealed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from functools import cached_property
from typing import Final

from omega_domain.repository.context import Context

CONTEXTS: Final = "omega.context"
#: What every broker takes as it is; RabbitMQ limits names to 255 bytes, file systems do the same.
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_OTHER: Final = re.compile(r"[^A-Za-z0-9._-]+")


class QueueNames:
    """Names the queues of a context: ``omega.<id>.<label>``.

    The id is made once and kept in the store, so that all who open the same store agree on it, however they spell its
    address.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def context_id(self) -> str:
        """The id of the context."""
        return agreed(self._context, "id", lambda: self._context.new_id()[:12])

    def of(self, label: str) -> str:
        """Return the name of the queue of a label."""
        return f"omega.{self.context_id}.{_as_queue_name(label)}"


class Seal:
    """Seals the envelopes of a context by a key that is made once and kept in its store."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def _key(self) -> bytes:
        return agreed(self._context, "seal", lambda: secrets.token_hex(32)).encode()

    def prepare(self) -> None:
        """Read the key now, so that it is known when the store is away."""
        self.of("")

    def of(self, text: str) -> str:
        """Return the seal of an envelope: an HMAC (RFC 2104) with SHA-256, in hex."""
        return hmac.digest(self._key, text.encode(), "sha256").hex()

    def fits(self, text: str, seal: object) -> bool:
        """Tell whether this is the seal of the envelope."""
        return isinstance(seal, str) and hmac.compare_digest(self.of(text).encode(), seal.encode())


def agreed(context: Context, name: str, make: Callable[[], str]) -> str:
    """Return a text that is made once and kept in the store, so that all who open the same store agree on it."""
    entries = context.store.collection(CONTEXTS)
    entry = entries.find_one({"_id": name})
    if entry is None:
        fresh = {"value": make()}
        entries.update_one({"_id": name}, {"$setOnInsert": fresh}, upsert=True)
        entry = entries.find_one({"_id": name}) or fresh
    return str(entry["value"])


def _as_queue_name(label: str) -> str:
    if _PLAIN.fullmatch(label):
        return label
    return f"{_OTHER.sub('_', label)[:60]}~{hashlib.sha256(label.encode()).hexdigest()[:16]}"
