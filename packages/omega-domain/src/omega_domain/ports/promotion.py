"""Port of the promotions: how an object gets from one bucket or context to another, and back."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal, Protocol

from omega_domain.entities.promotion import PromotionPlan
from omega_domain.ports.gate import GateSpec
from omega_domain.ports.objects import Objects, StoredObject


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionRequest:
    """What is to be promoted, and how.

    Attributes:
        source: the version that is to be live in the target.
        target: the store that it is promoted to.
        asname: its name there; by default the same.
        tag: a name for the new version there.
        gates: gates that it must pass beside those that are declared.
        force: why it is to be done even if a gate refuses.
        with_data: whether the datasets that a model was fitted on are promoted before it.
        versions: how many of the newest versions are to be there, it included; ``all`` of them.
        tags: whether the tags of all that are taken travel.
    """

    source: StoredObject
    target: Objects
    asname: str | None = None
    tag: str | None = None
    gates: tuple[GateSpec, ...] = ()
    force: str | None = None
    with_data: bool = False
    versions: int | Literal["all"] | None = None
    tags: bool = False


class Promotion(Protocol):
    """Gets objects into the stores of one context; the context of the target says which promotion that is.

    Duties of every adapter: what is live in the target is its former version or the promoted one, at every moment and
    also after a crash; no gate is passed over but by force; the provenance of the new version holds the digest of what
    it is a copy of; dropping the source never harms the copy; the same promotion again changes nothing.
    """

    @abstractmethod
    def plan(self, request: PromotionRequest) -> PromotionPlan:
        """Return what a promotion would do, and what the gates say; nothing is written.

        Raises:
            PromotionError: it can not be promoted there. UntrustedObjectError: it is not trusted where it is.
        """

    @abstractmethod
    def promote(self, request: PromotionRequest) -> StoredObject:
        """Make a version the current one of its name in another store; return its metadata there.

        Raises:
            PromotionError: it can not be promoted there. PromotionRefusedError: a gate refused it; nothing was changed.
            UntrustedObjectError: it is not trusted where it is.
        """

    @abstractmethod
    def roll_back(self, live: StoredObject, *, reason: str = "") -> StoredObject:
        """Make what was live before the current version live again; return its metadata. Once more goes further back.

        Raises:
            PromotionError: nothing was live before, or it was collected.
            ConflictError: something else became live meanwhile.
            UntrustedObjectError: what was live before is not trusted in this context.
        """
