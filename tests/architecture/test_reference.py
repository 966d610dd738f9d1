"""The reference says which names are public, and which commands there are: neither more nor less than there is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.commands.registry import Command
from omega_domain.omega import Omega
from omega_domain.testing.task_queue import fill, register_backends
from omega_ml import GridFSProxy, Q
from omega_ml.commands.registry import commands

REFERENCE = (Path(__file__).parents[2] / "docs/reference.md").read_text(encoding="utf-8")


def rows_below(heading: str) -> Iterator[list[str]]:
    """Return the rows of the table below a heading, as texts of their cells."""
    section = REFERENCE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def public_of(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def things() -> Mapping[str, object]:
    """Return one of each class that users hold, by the name of the class."""
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore("names"))
    register_backends(om.context)
    fill(om)
    with om.runtime.parallel() as canvas:
        result = om.runtime.model("double").predict("x")
    held = (
        *(om, om.datasets, om.models.metadata("double"), GridFSProxy("id"), om.runtime, om.runtime.model("double")),
        *(om.runtime.script("echo"), canvas, result, canvas.run(), Q(x=1)),
    )
    return {type(thing).__name__: thing for thing in held}


THINGS = things()
LISTED = {re.sub(r".*\.(\w+)`", r"\1", cell): cells for cell, *cells in rows_below("Public names")}


def test_the_reference_lists_each_class_that_users_hold() -> None:
    assert list(LISTED) == list(THINGS)


@pytest.mark.parametrize("name", THINGS)
def test_the_public_names_of_a_class_are_those_of_the_reference(name: str) -> None:
    """A method that is for other rooms only is a function beside its class, or begins with an underscore."""
    listed = [found for cell in LISTED[name] for found in re.findall(r"`(\w+)`", cell)]
    assert len(listed) == len(set(listed))
    assert set(listed) == public_of(THINGS[name])


def test_the_reference_lists_each_command() -> None:
    listed = [" | ".join(cells) for cells in rows_below("Commands")]
    assert listed == [row_of(command) for _, command in sorted(commands().items())]


def row_of(command: Command[Any, Any, Any]) -> str:
    """Return what the reference says of a command."""
    name = f"`{command.name}`{' *' * command.changes}"
    return f"{name} | `{command.request_type.__name__}` | {said(command.result_type)} | `{command.right}`"


def said(result: Any) -> str:
    """Return what the reference says of the type of a result."""
    if isinstance(result, UnionType):
        return " or ".join(map(said, get_args(result)))
    origin, inner = get_origin(result), get_args(result)
    if origin is tuple:
        return f"rows of {said(inner[0])}"
    if origin is Iterator:
        return f"a stream of {said(inner[0])}"
    return "a dict" if origin is Mapping else f"`{result.__name__}`"
