"""Port of the gates: conditions that an object must meet before it is promoted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from omega_domain.entities.promotion import Outcome
from omega_domain.ports.objects import Objects, StoredObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a gate judges.

    Attributes:
        source: metadata of the version that is promoted; its ``store`` reads it.
        target: the store that it is promoted to.
        name: its name there.
        live: metadata of what is live under that name; None if nothing is.
    """

    source: StoredObject
    target: Objects
    name: str
    live: StoredObject | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest of the promoted version."""
        return str(self.source.digest)


@runtime_checkable
class Gate(Protocol):
    """A condition. It reads what it needs and changes nothing, as it is asked for a plan, too."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What people call it, as it would be declared."""

    @abstractmethod
    def check(self, candidate: Candidate) -> Outcome:
        """Tell whether the candidate meets the condition, and why. What it raises counts as a refusal."""


#: A gate as it is declared: its text (``metric('r2', '>=', 0.8)``), the gate itself or its class, or a function of the
#: candidate that returns True or None to let it pass, False or a reason to refuse it, or an :class:`Outcome`.
GateSpec: TypeAlias = str | Gate | type[Gate] | Callable[[Candidate], bool | str | Outcome | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePolicy:
    """The gates of a context.

    Attributes:
        declared: bucket (``*`` for all) -> prefix of a store -> gates of what is promoted there.
        plugins: name of a gate that an installed package brings -> what loads it.
    """

    declared: Mapping[str, Mapping[str, tuple[GateSpec, ...]]] = field(default_factory=dict)
    plugins: Mapping[str, Callable[[], object]] = field(default_factory=dict)

    def of(self, bucket: str, prefix: str) -> tuple[GateSpec, ...]:
        """Return the gates of a store of a bucket, those of all buckets first."""
        tables = (self.declared.get("*", {}), self.declared.get(bucket, {}))
        return tuple(spec for table in tables for spec in table.get(prefix, ()))
