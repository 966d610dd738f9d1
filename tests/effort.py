"""How much of a proof each run of the tests repeats: a representative part, or all of it in a soak (``make soak``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

SOAK: Final = os.environ.get("OMEGA_TEST_SOAK") == "1"
"""Whether everything is tried, however long it takes."""

Any_ = TypeVar("Any_")


def few_or_all(few: Sequence[Any_], everything: Sequence[Any_]) -> Sequence[Any_]:
    """Return the parameters of a test: a few of them, or in a soak all.

    Raises:
        ValueError: one of the few is none of all.
    """
    unknown = [one for one in few if one not in everything]
    if unknown:
        raise ValueError(f"these are not among all parameters: {unknown}")
    return everything if SOAK else few


def only(*tests: str) -> Callable[[type[Any_]], type[Any_]]:
    """Keep these tests of a contract in the decorated class; in a soak the class keeps all.

    Raises:
        ValueError: the contract has no test of one of these names.
    """
    return _keeping(lambda name: name in tests, tests)


def without(*contracts: type[Any]) -> Callable[[type[Any_]], type[Any_]]:
    """Leave the tests of these contracts out of the decorated class; in a soak the class keeps all."""
    left = {name for contract in contracts for name in _tests_of(contract)}
    return _keeping(lambda name: name not in left, ())


def _keeping(wanted: Callable[[str], bool], named: Sequence[str]) -> Callable[[type[Any_]], type[Any_]]:
    def keep(made: type[Any_]) -> type[Any_]:
        tests = _tests_of(made)
        unknown = [name for name in named if name not in tests]
        if unknown:
            raise ValueError(f"{made.__name__} has no tests {unknown}")
        for name in tests:
            if not SOAK and not wanted(name):
                setattr(made, name, None)  # pytest takes what can not be called for no test
        return made

    return keep


def _tests_of(made: type[Any]) -> list[str]:
    return [name for name in dir(made) if name.startswith("test_")]
