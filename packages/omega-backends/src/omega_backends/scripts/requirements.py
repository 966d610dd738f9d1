"""Requirements of scripts: where they are declared, and whether they are met here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement

from omega_backends.scripts.source import refusal
from omega_domain.errors import MissingRequirementError

#: Metadata within a script, as the Python Packaging User Guide specifies it ("inline script metadata").
_INLINE: Final = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_OPTION: Final = re.compile(r"\s+--[a-z].*$")
_INCLUDE: Final = re.compile(r"(-r|--requirement)[ =]*(?P<path>.+)")


def declared(path: Path, title: str) -> tuple[str, ...]:
    """Return what the code at a path says that it requires.

    That is, of a package: ``requirements.txt`` in its folder, or else ``[project] dependencies`` of a
    ``pyproject.toml`` in the folder, directly above it, or above the ``src`` that it is in. Of a module: its inline
    metadata (``# /// script``).

    Raises:
        UnsupportedObjectError: that can not be read.
    """
    if path.is_file():
        inline = _INLINE.search(path.read_text(encoding="utf-8", errors="replace"))
        lines = inline["content"].splitlines(keepends=True) if inline else []
        content = "".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)
        return tuple(checked(_toml(content, path, title).get("dependencies", ()), title))
    if (listed := path / "requirements.txt").is_file():
        return tuple(checked(tuple(_lines(listed, title, seen=set())), title))
    places = (path, path.parent, *([path.parent.parent] if path.parent.name == "src" else []))
    for project in (place / "pyproject.toml" for place in places):
        if project.is_file():
            facts = _toml(project.read_text(encoding="utf-8"), project, title)
            return tuple(checked(facts.get("project", {}).get("dependencies", ()), title))
    return ()


def checked(requirements: Sequence[str], title: str) -> Iterator[str]:
    """Yield requirements as they are compared; raise UnsupportedObjectError for what is none."""
    if not isinstance(requirements, list | tuple):
        raise refusal(title, f"its requirements are {requirements!r}: give a list, such as ['pandas>=2']")
    for text in requirements:
        try:
            yield str(Requirement(text))
        except (InvalidRequirement, TypeError) as error:
            hint = "it is written as 'pandas>=2', or 'package @ URL'"
            raise refusal(title, f"{text!r} is no requirement; {hint}") from error


def check_requirements(requirements: Iterable[str], title: str) -> None:
    """Raise if something that a script needs is not installed here.

    Raises:
        MissingRequirementError: it names all that is missing, and the versions that are there instead.
    """
    missing = {text: found for text in requirements if (found := _missing(Requirement(text)))}
    if missing:
        raise MissingRequirementError(
            f"the {title} needs {'; '.join(missing.values())}: install this where the task runs "
            f"(pip install {' '.join(map(repr, missing))})"
        )


def _missing(requirement: Requirement) -> str | None:
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return None
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement}, which is not installed"
    if requirement.specifier.contains(found, prereleases=True):
        return None
    return f"{requirement}, but {found} is installed"


def _lines(path: Path, title: str, *, seen: set[Path]) -> Iterator[str]:
    """Yield the requirements in a file as pip reads it; where they are to be had from is pip's business."""
    if path in seen or not path.is_file():
        raise refusal(title, f"{path} is not there" if path not in seen else f"{path} includes itself")
    for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        text = _COMMENT.sub("", line).strip()
        if included := _INCLUDE.match(text):
            yield from _lines((path.parent / included["path"].strip()).resolve(), title, seen={*seen, path})
        elif text.startswith(("-e", "--editable")):
            raise refusal(title, f"{text!r} in {path} is a folder of this machine: name an installable package")
        elif text and not text.startswith("-"):
            yield _OPTION.sub("", text)


def _toml(text: str, path: Path, title: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise refusal(title, f"{path} is not TOML: {error}") from error
