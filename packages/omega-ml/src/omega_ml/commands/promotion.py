"""Commands that promote objects to other buckets, and to contexts that the settings describe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from omega_domain.commands.facts import ObjectFacts
from omega_domain.commands.promotion_facts import PromotionFacts
from omega_domain.commands.registry import Command, command
from omega_domain.commands.requests import OfObject
from omega_domain.omega import Omega


@dataclass(frozen=True, kw_only=True)
class PromoteObject(OfObject):
    """Which object is promoted, where to, and how.

    Attributes:
        to: the bucket to copy to.
        to_context: the context to copy to.
        asname: the name there; by default the same.
        tag: tag of the new version there.
        gates: gates that must let it pass, beside those that are declared: ``metric('r2', '>=', 0.8)``.
        force: why it is done even if a gate refuses; the reason is recorded.
        with_data: take the datasets along that a model was fitted on.
        versions: how many of its versions to take; by default one.
        tags: take its tags along.
    """

    to: str | None = None
    to_context: str | None = None
    asname: str | None = None
    tag: str | None = None
    gates: tuple[str, ...] = ()
    force: str | None = None
    with_data: bool = False
    versions: int | Literal["all"] = 1
    tags: bool = False

    @property
    def name_there(self) -> str:
        """The name that the copy has."""
        return self.asname or self.plain_name

    def target(self, om: Omega) -> Omega:
        """Return the bucket and context that is copied to."""
        there = om if self.to_context is None else om.in_context(self.to_context)
        return there if self.to is None else there[self.to]


@command("promotion.plan", right="{store}:read@{bucket}/{name_there}")
def plan(om: Omega, request: PromoteObject) -> PromotionFacts:
    """Show what a promotion would do; nothing is changed."""
    there = request.store_in(request.target(om))
    store = request.store_in(om)
    return PromotionFacts.of(store.promote(request.name, there, request.asname, dry_run=True, **_options(request)))


@command("promotion.promote", right="{store}:promote@{bucket}/{name_there}", changes=True)
def promote(om: Omega, request: PromoteObject) -> ObjectFacts:
    """Copy an object to another bucket or context, if its gates let it pass."""
    there = request.store_in(request.target(om))
    return ObjectFacts.of(request.store_in(om).promote(request.name, there, request.asname, **_options(request)))


def _options(request: PromoteObject) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ("tag", "gates", "force", "with_data", "versions", "tags")}


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (plan, promote)
