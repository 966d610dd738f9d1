"""Install: how many distributions come with omega-ml, its local store, its default backends and the command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.measuring import Row


def run(_: Path) -> Iterator[Row]:
    """Count the distributions."""
    for name, bar in (("omega-domain", 1), ("omega-cli", 30)):
        found = closure(name)
        yield Row(what=f"distributions installed by {name}", measured=len(found), floor=None, bar=bar, unit="")


def closure(root: str) -> set[str]:
    """Return the names of all distributions that installing this one brings, itself included."""
    found: set[str] = set()
    todo = [(root, frozenset[str]())]
    while todo:
        name, extras = todo.pop()
        found.add(re.sub(r"[-_.]+", "-", name).lower())
        for text in requires(name) or []:
            needed = Requirement(text)
            environments = [{"extra": extra} for extra in extras or {""}]
            is_needed = needed.marker is None or any(needed.marker.evaluate(each) for each in environments)
            if is_needed and (needed.name not in found or needed.extras):
                todo.append((needed.name, frozenset(needed.extras)))
    return found
