"""Commands on garbage, damage and space."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from omega_domain.commands.registry import Command, command
from omega_domain.omega import Omega
from omega_domain.upkeep.checking import Finding, UsageReport
from omega_domain.upkeep.collecting import CollectReport


@dataclass(frozen=True, kw_only=True)
class CollectGarbage:
    """What is removed.

    Attributes:
        grace: how long what was replaced or dropped is kept; by default what the settings say.
        dry_run: only say what would be removed.
        force: remove also payloads of which nothing is known since what named them is lost.
    """

    grace: timedelta | None = None
    dry_run: bool = False
    force: bool = False


@command("upkeep.gc", right="context:admin", changes=True)
def gc(om: Omega, request: CollectGarbage) -> CollectReport:
    """Remove what nothing needs any more, in all buckets of the context."""
    return om.collect(grace=request.grace, dry_run=request.dry_run, force=request.force)


@dataclass(frozen=True, kw_only=True)
class CheckObjects:
    """How thoroughly all is checked.

    Attributes:
        quick: only see that payloads are there, without reading them.
    """

    quick: bool = False


@command("upkeep.fsck", right="context:read")
def fsck(om: Omega, request: CheckObjects) -> tuple[Finding, ...]:
    """Check that nothing is missing, damaged or untrusted, in all buckets of the context."""
    return tuple(om.check(deep=not request.quick))


@dataclass(frozen=True, kw_only=True)
class ShowUsage:
    """What the space is asked of.

    Attributes:
        bucket: only this bucket; by default all.
    """

    bucket: str | None = None


@command("upkeep.du", right="context:read")
def du(om: Omega, request: ShowUsage) -> UsageReport:
    """Show what takes how much space."""
    return om.usage(request.bucket)


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (gc, fsck, du)
