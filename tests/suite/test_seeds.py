"""How often, with which seeds and with how many examples tests run: in ``make test`` and in ``make soak``."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine
from tests.faults.killing import rounds
from tests.profiles import SOAK as SOAK_PROFILE
from tests.profiles import TEST
from tests.seeds import EVERY_FAULT, KILLS, SEED, SOAK, every, kills, seed, times


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (EVERY_FAULT, KILLS, SEED, SOAK):
        monkeypatch.delenv(name, raising=False)


def test_a_soak_does_it_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (times(3, soak=50), kills(3, soak=50)) == (3, 3)
    monkeypatch.setenv(SOAK, "1")
    assert (times(3, soak=50), kills(3, soak=50)) == (50, 50)


@pytest.mark.parametrize(("factor", "expected"), [("2", 20), ("0.25", 2), ("0.001", 1), ("", 10)])
def test_kills_are_multiplied(monkeypatch: pytest.MonkeyPatch, factor: str, expected: int) -> None:
    monkeypatch.setenv(KILLS, factor)
    assert kills(10, soak=100) == expected


def test_all_faults_are_tried_where_all_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert every(7) == 7
    monkeypatch.setenv(EVERY_FAULT, "1")
    assert every(7) == 1


def test_a_seed_is_the_tests_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert seed(7) == 7
    assert not capsys.readouterr().out


def test_a_seed_follows_from_the_one_that_is_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SEED, "5")
    found = [seed(7), seed(7), seed(8)]
    assert found[0] == found[1] != found[2]
    assert f"{SEED}=5: the seed of this test is {found[0]}" in capsys.readouterr().out
    monkeypatch.setenv(SEED, "6")
    assert seed(7) != found[0]


def test_a_profile_rules_over_machines_too() -> None:
    """What hypothesis makes before the profile is loaded keeps its own numbers."""
    machines, profile = RuleBasedStateMachine.TestCase.settings, settings()
    assert machines.max_examples == profile.max_examples
    assert machines.stateful_step_count == profile.stateful_step_count


def test_few_examples_are_the_same_each_time_and_many_are_new() -> None:
    few, many = settings.get_profile(TEST), settings.get_profile(SOAK_PROFILE)
    assert (few.max_examples, few.derandomize) == (15, True)
    assert (many.max_examples, many.derandomize) == (200, False)
    assert (few.database, many.database) == (None, None)


def test_kills_go_on_until_they_have_hit() -> None:
    missed = {"put", "gc"}
    done = []
    for number in rounds(3, missed, spared=1):
        done.append(number)
        if number == 5:
            missed.remove("gc")
    assert done == [0, 1, 2, 3, 4, 5]


def test_kills_that_never_hit_fail() -> None:
    with pytest.raises(AssertionError, match="20 kills did not hit"):
        list(rounds(2, {"put"}))
