"""What the plugin of pytest tells the runner: which tests there are, and how each of them ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FILE: Final = "OMEGA_SOAK_RESULTS"


@dataclass
class Results:
    """How a run of tests went, as far as it came.

    Attributes:
        collected: all tests that there are.
        ended: those that came to an end, whichever.
        failed: those that failed, or whose fixtures did.
        kills: how many processes were killed.
    """

    collected: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    kills: int = 0

    @property
    def left(self) -> list[str]:
        """The tests that had not run."""
        return sorted(self.collected - self.ended)


def read(path: Path) -> Results:
    """Read what was written during a run; what its sudden end has cut off is left out."""
    results = Results()
    for line in path.read_text().splitlines(keepends=True) if path.exists() else []:
        if not line.endswith("\n"):
            continue
        said = json.loads(line)
        results.collected |= set(said.get("collected", ()))
        results.ended |= set(said.get("ended", ()))
        results.failed |= set(said.get("failed", ()))
        results.kills += said.get("kills", 0)
    return results
