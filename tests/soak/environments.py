"""The environments of tox that a soak needs: the newest Python, the lowest versions that the packages declare."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

from tests.soak.parts import LOWEST, NEWEST

OURS: Final = "omega-"
#: A name with its extras, and the versions that are allowed.
REQUIREMENT: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?\s*(?P<allowed>[^;]*)")
LEAST: Final = re.compile(r"(>=|==)\s*(?P<version>[^,\s]+)")
CLASSIFIER: Final = re.compile(r"Programming Language :: Python :: 3\.(\d+)")
#: What distributions leave out of their Pythons.
STARTS: Final = "import ensurepip, sqlite3, ssl, venv"


class UnavailableError(Exception):
    """There is no such Python on this machine; the message says which."""


class BrokenEnvironmentError(Exception):
    """An environment could not be made, such as by versions that do not go together; the message says which."""


class Environments:
    """Makes environments as ``tox.ini`` describes them.

    Args:
        root: the checkout.
        call: runs a command to its end and returns its exit code.
        pythons: returns all programs that may be a Python 3 of a minor version.
    """

    def __init__(
        self,
        root: Path,
        *,
        call: Callable[[Sequence[str]], int],
        pythons: Callable[[int], Iterator[str]] | None = None,
    ) -> None:
        self._root = root
        self._call = call
        self._pythons = pythons or installed

    def python(self, name: str) -> str:
        """Return the interpreter of an environment, with all installed.

        Raises:
            UnavailableError: there is no such Python.
            BrokenEnvironmentError: an installation failed.
        """
        chosen = [f"-x=testenv:{name}.base_python={python}"] if (python := self._base(name)) else []
        if name == LOWEST:
            constraints = self._root / ".soak" / "lowest.txt"
            constraints.parent.mkdir(exist_ok=True)
            constraints.write_text("".join(f"{line}\n" for line in lowest(projects(self._root))))
        tox = str(self._root / ".venv" / "bin" / "tox")
        if self._call([tox, "run", "-q", "-e", name, *chosen]):
            raise BrokenEnvironmentError(f"tox could not make the environment {name}; what it printed says why")
        return str(self._root / ".tox" / name / "bin" / "python")

    def _base(self, name: str) -> str | None:
        """The Python that an environment asks for; None for any."""
        if name not in {NEWEST, LOWEST}:
            return None
        oldest, *newer = supported(projects(self._root))
        for minor in reversed(newer) if name == NEWEST else [oldest]:
            for python in self._pythons(minor):
                if starts(python):
                    return python
        missing = f"no Python 3.{oldest}" if name == LOWEST else f"no Python newer than 3.{oldest} and supported"
        raise UnavailableError(f"{missing} starts here")


def projects(root: Path) -> list[dict[str, Any]]:
    """Return what all our packages say of themselves."""
    files = sorted(root.glob("packages/*/pyproject.toml"))
    return [tomllib.loads(file.read_text())["project"] for file in files]


def supported(projects: Sequence[dict[str, Any]]) -> list[int]:
    """Return the minor versions of Python 3 that all packages say they support, in order."""
    each = [{int(minor) for minor in CLASSIFIER.findall("\n".join(project["classifiers"]))} for project in projects]
    return sorted(set.intersection(*each))


def lowest(projects: Sequence[dict[str, Any]]) -> list[str]:
    """Return constraints that pin each direct dependency to the lowest version that is declared for it.

    Where two packages declare different ones, the higher is what both allow.
    """
    least: dict[str, str] = {}
    for project in projects:
        for requirement in chain(project["dependencies"], *project.get("optional-dependencies", {}).values()):
            found = REQUIREMENT.match(requirement)
            version = LEAST.search(found["allowed"]) if found else None
            if found and version and not found["name"].startswith(OURS):
                known = least.get(found["name"], "0")
                least[found["name"]] = max(known, version["version"], key=_numbers)
    return [f"{name}=={version}" for name, version in sorted(least.items())]


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def installed(minor: int) -> Iterator[str]:
    """Name what may be a Python 3 of a minor version: on the path, and those of pyenv."""
    if found := shutil.which(f"python3.{minor}"):
        yield found
    yield from map(str, sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3"), reverse=True))


def starts(python: str) -> bool:
    """Tell whether a Python starts, and is whole; a shim of pyenv is there for versions that are not chosen, too."""
    try:
        done = subprocess.run([python, "-c", STARTS], capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
