"""Commands on the key that a context signs with, and on the keys of others that it trusts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from omega_domain.commands.plain import ASIDE
from omega_domain.commands.registry import Command, command
from omega_domain.errors import KeysError
from omega_ml.commands.workplace import Workplace
from omega_ml.keys import FolderKeyRing
from omega_ml.public_keys import PublicKey

Role = Literal["own", "trusted", "settings", "distrusted"]


@dataclass(frozen=True, kw_only=True)
class KeyFacts:
    """What is known of a key.

    Attributes:
        id: the name of the key in signatures and messages.
        role: ``own``, ``trusted`` (by command), ``settings`` (trusted by the setting ``trusted_keys``), or
            ``distrusted``.
        name: whose it is, for people.
        public: the line of text that others trust it by.
    """

    id: str
    role: Role
    name: str
    public: str

    @classmethod
    def of(cls, key: PublicKey, role: Role) -> KeyFacts:
        """Return the facts of a key."""
        return cls(id=key.id, role=role, name=key.name, public=key.to_line())


@dataclass(frozen=True, kw_only=True)
class OwnKeyFacts(KeyFacts):
    """What is known of the own key of a context.

    Attributes:
        folder: where it is.
    """

    folder: Path


@dataclass(frozen=True, kw_only=True)
class ListKeys:
    """All keys are asked for; there is nothing else to say."""


@command("keys.list", right="context:read")
def list_keys(workplace: Workplace, _: ListKeys) -> tuple[KeyFacts, ...]:
    """List the keys that are trusted in this context."""
    return tuple(KeyFacts.of(known.key, known.role) for known in workplace.keys.known())


@dataclass(frozen=True, kw_only=True)
class ShowOwnKey:
    """The own key is asked for; there is nothing else to say."""


@command("keys.show", right="context:read")
def show(workplace: Workplace, _: ShowOwnKey) -> OwnKeyFacts:
    """Show the own key of this context; it is made if there is none."""
    ring = workplace.keys
    return _own(ring, ring.public)


@dataclass(frozen=True, kw_only=True)
class ExportKey:
    """How the own key is passed on.

    Attributes:
        path: the file that its line is written to; by default none.
    """

    path: Path | None = field(default=None, metadata=ASIDE)


@command("keys.export", right="context:read")
def export(workplace: Workplace, request: ExportKey) -> KeyFacts:
    """Return the public part of the own key, and write its line to a file."""
    facts = KeyFacts.of(workplace.keys.public, "own")
    if request.path is not None:
        request.path.write_text(f"{facts.public}\n", encoding="utf-8")
    return facts


@dataclass(frozen=True, kw_only=True)
class TrustKeys:
    """Whose signatures are trusted.

    Attributes:
        text: what the export of their keys wrote: a line for each.
        file: name of the file that it was read from, for messages.
    """

    text: str = field(repr=False)  # somebody may give a private key by mistake
    file: str = "the text"


@command("keys.trust", right="context:admin", changes=True)
def trust(workplace: Workplace, request: TrustKeys) -> tuple[KeyFacts, ...]:
    """Trust what the keys in a text have signed, from now on."""
    lines = [line for line in request.text.splitlines() if line.strip()]
    if not lines:
        raise KeysError(f"{request.file} holds no key: write there what om keys export prints")
    ring, keys = workplace.keys, [PublicKey.from_line(line) for line in lines]  # all must be keys before one is trusted
    return tuple(KeyFacts.of(ring.trust(key), "trusted") for key in keys)


@dataclass(frozen=True, kw_only=True)
class DistrustKey:
    """Which key is trusted no longer.

    Attributes:
        key: its id.
    """

    key: str


@command("keys.distrust", right="context:admin", changes=True)
def distrust(workplace: Workplace, request: DistrustKey) -> KeyFacts:
    """Trust a key no longer; workers that run notice it when they are started again."""
    return KeyFacts.of(workplace.keys.distrust(request.key), "distrusted")


@dataclass(frozen=True, kw_only=True)
class RotateKey:
    """What becomes of the former key.

    Attributes:
        distrust: trust what it has signed no longer.
    """

    distrust: bool = False


@command("keys.rotate", right="context:admin", changes=True)
def rotate(workplace: Workplace, request: RotateKey) -> OwnKeyFacts:
    """Make a new own key; what the former one has signed stays trusted here."""
    ring = workplace.keys
    return _own(ring, ring.rotate(distrust=request.distrust))


def _own(ring: FolderKeyRing, key: PublicKey) -> OwnKeyFacts:
    return OwnKeyFacts(**vars(KeyFacts.of(key, "own")), folder=ring.folder)


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (list_keys, show, export, trust, distrust, rotate)
