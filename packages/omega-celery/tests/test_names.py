"""Names of queues: the same for all who open the same store, and for no others."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import omega_ml
from omega_celery.agreed import QueueNames, agreed
from omega_domain.repository.context import Context

LONG = "x" * 255


@pytest.fixture(scope="module")
def context() -> Context:
    return omega_ml.setup(store="memory://").context


def test_all_who_open_a_store_agree_however_they_spell_its_address(tmp_path: Path) -> None:
    one, two = (omega_ml.setup(store=f"file://{path}").context for path in (tmp_path, tmp_path / ".." / tmp_path.name))
    assert QueueNames(one).of("gpu") == QueueNames(two).of("gpu")


def test_no_two_stores_agree(context: Context) -> None:
    other = omega_ml.setup(store="memory://").context
    assert QueueNames(context).of("gpu") != QueueNames(other).of("gpu")


def test_a_queue_is_named_by_its_label(context: Context) -> None:
    names = QueueNames(context)
    assert names.of("gpu-big_1.5") == f"omega.{names.context_id}.gpu-big_1.5"


@given(first=st.text(min_size=1), second=st.text(min_size=1))
def test_each_label_has_a_name_that_every_broker_takes(context: Context, first: str, second: str) -> None:
    names = QueueNames(context)
    assert (names.of(first) == names.of(second)) == (first == second)
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,130}", names.of(first))


@pytest.mark.parametrize("label", ["gpu box", "größe", "team/gpu", LONG])
def test_an_odd_label_can_be_told_by_its_queue(context: Context, label: str) -> None:
    names = QueueNames(context)
    assert names.of(label) != names.of(f"{label}.")
    assert names.of(label).rpartition(".")[2].startswith(label[:2])


def test_many_threads_agree_on_a_text_that_is_made_once() -> None:
    fresh = omega_ml.setup(store="memory://").context
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda number: agreed(fresh, "name", lambda: str(number)), range(50)))
    assert len(found) == 1
