"""The arrows between packages: they hold, and each contract notices when it is broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]

# For each contract: a file below packages/, and the import that does not belong there.
BREAKS = {
    "Distributions: entry points over composition over adapters over the core": (
        "omega-local/src/omega_local/__init__.py",
        "import omega_backends",
    ),
    "Core: the rooms, each on its floor": (
        "omega-domain/src/omega_domain/entities/names.py",
        "import omega_domain.ports.clock",
    ),
    "Packages have no cycles between siblings": (
        "omega-local/src/omega_local/timestamps.py",
        "import omega_local.metadata",
    ),
    "Data libraries are imported by backends alone": (
        "omega-ml/src/omega_ml/composition.py",
        "import pandas",
    ),
    "Libraries that bring code to life are imported by the modules of their kinds": (
        "omega-backends/src/omega_backends/python_data.py",
        "import joblib",
    ),
    "SQLite is the embedded store's business": (
        "omega-domain/src/omega_domain/repository/objects.py",
        "import sqlite3",
    ),
    "Signing is the keys' business": (
        "omega-ml/src/omega_ml/composition.py",
        "import Crypto",
    ),
    "MongoDB is the shared store's business": (
        "omega-backends/src/omega_backends/rows/reader.py",
        "import bson",
    ),
    "Celery is the distributed runtime's business": (
        "omega-ml/src/omega_ml/plugins.py",
        "import celery",
    ),
    "Terminals are the command's business": (
        "omega-ml/src/omega_ml/settings.py",
        "from rich.console import Console",
    ),
    "Test libraries are imported by what is made for tests": (
        "omega-local/src/omega_local/store.py",
        "import pytest",
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of all sources and of the contracts."""
    for source in (ROOT / "packages").glob("*/src"):
        shutil.copytree(source, tmp_path / source.relative_to(ROOT), ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    sources = os.pathsep.join(str(path) for path in sorted((tree / "packages").glob("*/src")))
    environment = {**os.environ, "PYTHONPATH": sources, "COLUMNS": "200"}
    return subprocess.run(LINT, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def broken(report: str) -> list[str]:
    return [name for name in CONTRACTS if f"{name} BROKEN" in report]


def test_all_contracts_hold(tree: Path) -> None:
    result = lint_imports(tree)
    assert result.returncode == 0, result.stdout
    assert [name for name in CONTRACTS if f"{name} KEPT" in result.stdout] == CONTRACTS


def test_every_contract_has_a_test_that_breaks_it() -> None:
    assert list(BREAKS) == CONTRACTS


@pytest.mark.parametrize("contract", BREAKS)
def test_a_contract_notices_the_import_that_breaks_it(tree: Path, contract: str) -> None:
    file, line = BREAKS[contract]
    with (tree / "packages" / file).open("a") as source:
        source.write(f"\n{line}\n")
    result = lint_imports(tree)
    assert result.returncode == 1, result.stdout
    assert contract in broken(result.stdout), result.stdout


def test_a_new_module_of_the_core_must_be_given_its_layer(tree: Path) -> None:
    (tree / "packages/omega-domain/src/omega_domain/unplanned.py").write_text("")
    result = lint_imports(tree)
    assert broken(result.stdout) == ["Core: the rooms, each on its floor"]
    assert "omega_domain.unplanned" in result.stdout


def test_an_import_for_types_against_the_layers_is_noticed(tree: Path) -> None:
    upwards = "from omega_domain.repository.objects import Objects"
    with (tree / "packages/omega-domain/src/omega_domain/ports/gate.py").open("a") as source:
        source.write(f"\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {upwards}\n")
    result = lint_imports(tree)
    assert result.returncode == 1, result.stdout
    assert "omega_domain.ports.gate -> omega_domain.repository.objects" in result.stdout
