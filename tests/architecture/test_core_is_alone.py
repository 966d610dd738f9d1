"""Which distributions live on the standard library alone, and what an installation pulls in."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
TESTING = Path("packages/omega-domain/src/omega_domain/testing")
ALLOWED = {
    "omega-domain": {"omega_domain"},
    "omega-local": {"omega_domain", "omega_local"},
}


def imports(source: Path) -> Iterator[tuple[str, int]]:
    """Yield the top-level name of every import, wherever it stands, and its line."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0], node.lineno


@pytest.mark.parametrize("distribution", ALLOWED)
def test_it_imports_the_standard_library_alone(distribution: str) -> None:
    foreign = []
    for path in sorted((ROOT / "packages" / distribution / "src").rglob("*.py")):
        where = path.relative_to(ROOT)
        allowed = ALLOWED[distribution] | sys.stdlib_module_names
        if where.is_relative_to(TESTING):
            allowed |= {"hypothesis", "pytest"}
        foreign += [f"{where}:{line} imports {name}" for name, line in imports(path) if name not in allowed]
    assert not foreign


def test_imports_within_functions_are_seen_too(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("import os\ndef load():\n    from numpy.linalg import norm\n    return norm\n")
    assert list(imports(source)) == [("os", 1), ("numpy", 3)]


def test_the_core_pulls_nothing() -> None:
    assert distributions_of("omega-domain") == {"omega-domain"}


def test_the_local_store_pulls_the_core_alone() -> None:
    assert distributions_of("omega-local") == {"omega-domain", "omega-local"}


def test_the_command_and_everything_below_it_is_at_most_30_distributions() -> None:
    installed = distributions_of("omega-cli")
    assert {"omega-ml", "omega-local", "pandas", "scikit-learn"} <= installed
    assert len(installed) <= 30, sorted(installed)


def test_all_distributions_have_one_version() -> None:
    versions = {
        name: metadata.version(name)
        for name in ("omega-domain", "omega-backends", "omega-local", "omega-ml", "omega-cli")
    }
    assert len(set(versions.values())) == 1, versions
    for name, version in versions.items():
        ours = [r for r in map(Requirement, metadata.requires(name) or []) if r.name in versions]
        assert all(str(r.specifier) == f"=={version}" for r in ours), (name, ours)


def distributions_of(root: str) -> set[str]:
    """Return the distribution and all that it requires on this machine, extras as they are asked for."""
    found: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(root, frozenset())]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found.add(name.lower().replace("_", "-"))
        waiting += [(r.name, frozenset(r.extras)) for r in needed(name, extras)]
    return found


def needed(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    for requirement in map(Requirement, metadata.requires(name) or []):
        asked = [{"extra": extra} for extra in extras | {""}]
        if requirement.marker is None or any(requirement.marker.evaluate(environment) for environment in asked):
            yield requirement
