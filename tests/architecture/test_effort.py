"""A test that leaves something out names what there is, and a soak leaves nothing out."""

from __future__ import annotations

import pytest
from tests import effort
from tests.effort import few_or_all, only


class First:
    """A contract."""

    def test_one(self) -> None:
        """Prove something."""

    def test_two(self) -> None:
        """Prove something else."""


class Both(First):
    """A contract with that one in it."""

    def test_three(self) -> None:
        """Prove a third thing."""


def ran_of(made: type[object]) -> list[str]:
    """Return what pytest runs of a class."""
    return [name for name in dir(made) if name.startswith("test_") and callable(getattr(made, name))]


@pytest.fixture(params=[False, True], ids=["usual", "soak"])
def soak(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether it is a soak."""
    monkeypatch.setattr(effort, "SOAK", request.param)
    return bool(request.param)


def test_a_few_parameters_stand_for_all(soak: bool) -> None:
    assert few_or_all([2], [1, 2, 3]) == ([1, 2, 3] if soak else [2])
    with pytest.raises(ValueError, match="4"):
        few_or_all([4], [1, 2, 3])


def test_a_class_keeps_the_tests_that_are_named(soak: bool) -> None:
    kept: type[object] = only("test_two")(type("Kept", (Both,), {}))
    assert ran_of(kept) == (ran_of(Both) if soak else ["test_two"])
    with pytest.raises(ValueError, match=r"Kept has no tests.*test_four"):
        only("test_four")(type("Kept", (Both,), {}))
