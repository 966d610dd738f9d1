"""Checkouts of omega-ml: what a Python process needs to run the packages of one of them, whatever is installed."""

from __future__ import annotations

import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

#: Where the benchmarks themselves are.
ROOT = Path(__file__).parent.parent.parent


def environment(tree: Path, folder: Path) -> dict[str, str]:
    """Return variables that have Python import the packages of this checkout, with the entry points of this checkout.

    Args:
        tree: the checkout.
        folder: a place for the descriptions of the packages, which Python reads instead of those that are installed.

    Raises:
        FileNotFoundError: the folder ``tree`` has no packages of omega-ml.
    """
    projects = sorted(tree.resolve().glob("packages/*/pyproject.toml"))
    if not projects:
        raise FileNotFoundError(f"{tree} is no checkout of omega-ml: it has no packages/*/pyproject.toml")
    shutil.rmtree(folder, ignore_errors=True)
    for project in projects:
        _describe(tomllib.loads(project.read_text(encoding="utf-8"))["project"], folder)
    paths = [folder.resolve(), *(project.parent / "src" for project in projects), ROOT]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("OMEGA_")},
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "OMEGA_HOME": str(folder / "home"),  # not that of the user who measures
        "OMEGA_KEYS": str(folder / "keys"),
        "OMP_NUM_THREADS": "1",
    }


def _describe(project: dict[str, Any], folder: Path) -> None:
    """Write what ``importlib.metadata`` reads of an installed package."""
    name, version = project["name"].replace("-", "_"), project.get("version", "0")
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir(parents=True)
    lines = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
    (about / "METADATA").write_text(lines, encoding="utf-8")
    groups = project.get("entry-points", {})
    points = [f"[{group}]\n{_assigned(entries)}" for group, entries in groups.items()]
    (about / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")


def _assigned(entries: dict[str, str]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in entries.items())
