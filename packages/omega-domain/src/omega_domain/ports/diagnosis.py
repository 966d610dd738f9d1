"""Port of what a store or task queue knows of its own health."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, runtime_checkable

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Symptom:
    """What was looked at, and how it is.

    Attributes:
        what: what was looked at.
        state: ``ok``, ``warning`` or ``failed``.
        detail: what was seen.
        remedy: how to mend it; empty if nothing is wrong.
    """

    what: str
    state: State
    detail: str
    remedy: str = ""

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self)

    @property
    def row(self) -> dict[str, str]:
        """The facts for people: state, what, detail, with how to mend it."""
        mend = f". Mend: {self.remedy}" if self.remedy else ""
        return {"state": self.state, "what": self.what, "detail": f"{self.detail}{mend}"}


@runtime_checkable
class SupportsDiagnosis(Protocol):
    """Ability of stores and task queues to look at their own health, beyond whether they can be used."""

    @abstractmethod
    def diagnose(self) -> Iterator[Symptom]:
        """Look at everything, one thing after another; what can not be looked at is a symptom, not an error."""
