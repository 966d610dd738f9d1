"""How much of a proof each run of the tests repeats: a representative part, or all of it in a soak (``make soak``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

SOAK: Final = os.environ.get("OMEGA_TEST_SOAK") == "1"
"""Whether everything is tried, however long it takes."""

T = TypeVar("T")


def few_or_all(few: Sequence[T], everything: Sequence[T]) -> Sequence[T]:
    """Return the parameters of a test: a few of them, or in a soak all.

    Raises:
        ValueError: one of the few is none of all.
    """
    unknown = [one for one in few if one not in everything]
    if unknown:
        raise ValueError(f"these are not among all parameters: {unknown}")
    return everything if SOAK else few


def only(*tests: str) -> Callable[[type[T]], type[T]]:
    """Keep these tests of a contract in the decorated class; in a soak the class keeps all.

    Raises:
        ValueError: the contract has no test of one of these names.
    """

    def keep(made: type[T]) -> type[T]:
        found = [name for name in dir(made) if name.startswith("test_")]
        unknown = [name for name in tests if name not in found]
        if unknown:
            raise ValueError(f"{made.__name__} has no tests {unknown}")
        for name in found:
            if not SOAK and name not in tests:
                setattr(made, name, None)  # pytest takes what can not be called for no test
        return made

    return keep
