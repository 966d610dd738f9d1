"""Seals: they fit what they were made for, in the context they were made in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import omega_ml
from omega_celery.agreed import Seal


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal(omega_ml.setup(store="memory://").context)


@given(text=st.text(), other=st.text())
def test_a_seal_fits_one_text(seal: Seal, text: str, other: str) -> None:
    assert seal.fits(text, seal.of(text))
    assert seal.fits(other, seal.of(text)) == (text == other)


@pytest.mark.parametrize("wrong", [None, 1, "", "ä", b"x", ["x"]])
def test_what_is_no_seal_does_not_fit(seal: Seal, wrong: object) -> None:
    assert not seal.fits("text", wrong)


def test_a_seal_fits_in_its_context_only(seal: Seal) -> None:
    other = Seal(omega_ml.setup(store="memory://").context)
    assert not other.fits("text", seal.of("text"))


def test_all_who_open_a_store_have_the_same_seal(tmp_path: Path) -> None:
    one, two = (Seal(omega_ml.setup(store=f"file://{tmp_path}").context) for _ in range(2))
    assert two.fits("text", one.of("text"))


def test_a_seal_is_known_when_the_store_is_away(tmp_path: Path) -> None:
    seal = Seal(omega_ml.setup(store=f"file://{tmp_path}/home").context)
    seal.prepare()
    (tmp_path / "home").rename(tmp_path / "away")
    assert seal.fits("text", seal.of("text"))
