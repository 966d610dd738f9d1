"""Patience: its defaults, what makes no sense, and all times at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.patience import Patience
from omega_domain.entities.task import Task
from omega_domain.errors import SettingsError
from omega_domain.repository.context import Context
from omega_domain.tasks.records import TaskRecords

SECOND = timedelta(seconds=1)
times = st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=1))


def test_the_defaults_are_those_that_a_cluster_was_proven_with() -> None:
    assert Patience().to_dict() == {
        "lease": 15 * SECOND,
        "beat": 3 * SECOND,
        "requeue": 30 * SECOND,
        "stuck": 60 * SECOND,
        "abandoned": timedelta(hours=1),
        "outage": timedelta(minutes=10),
        "conflict": timedelta(minutes=1),
    }


@pytest.mark.parametrize("name", [field.name for field in fields(Patience)])
@pytest.mark.parametrize("seconds", [0, -1])
def test_a_time_must_be_positive(name: str, seconds: int) -> None:
    with pytest.raises(SettingsError, match=rf"patience.{name} \({seconds} s\) must be longer than 0 s"):
        replace(Patience(), **{name: seconds * SECOND})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"beat": 6}, r"beat \(6 s\) must be at most a third of patience.lease \(15 s\), because several beats"),
        ({"lease": 8}, r"beat \(3 s\) must be at most a third of patience.lease \(8 s\)"),
        ({"lease": 60}, r"requeue \(30 s\) must be at least patience.lease \(60 s\), because a prediction"),
        ({"abandoned": 50}, r"abandoned \(50 s\) must be at least patience.stuck \(60 s\), because nobody looks"),
    ],
)
def test_times_that_do_not_fit_together_are_refused_by_name(changed: Mapping[str, int], words: str) -> None:
    with pytest.raises(SettingsError, match=rf"patience.{words}.*; change one of the two"):
        replace(Patience(), **{name: seconds * SECOND for name, seconds in changed.items()})


@given(st.floats(0.01, 100), times, times)
def test_times_at_their_bounds_fit_together_also_multiplied(factor: float, beat: timedelta, stuck: timedelta) -> None:
    patience = Patience(lease=3 * beat, beat=beat, requeue=3 * beat, stuck=stuck, abandoned=stuck)
    scaled = patience.scaled(factor)
    assert scaled.to_dict() == {name: time * factor for name, time in patience.to_dict().items()}


@pytest.mark.parametrize("factor", [0, -1, 0.001, 101, float("nan"), float("inf")])
def test_a_factor_beyond_its_bounds_is_refused(factor: float) -> None:
    with pytest.raises(SettingsError, match=f"multiplied by {factor:g}: write a factor from 0.01 to 100"):
        Patience().scaled(factor)


def test_a_claim_holds_for_the_lease_of_who_claims_whoever_looks() -> None:
    clock, store = ManualClock(), MemoryStore()
    of = {"quick": Patience().scaled(0.2), "slow": Patience()}
    logs = {
        name: TaskRecords(Context(metadata=MemoryMetadataStore(), store=store, clock=clock, patience=patience))
        for name, patience in of.items()
    }
    for name, log in logs.items():
        task = new_task(name)
        log.announce([task], queued=True)
        assert log.start(task, worker=name, holder=name)
    clock.advance(4 * SECOND)
    assert all([record.id for record in log.expired()] == ["quick"] for log in logs.values())
    logs["quick"].renew(["quick"], holder="quick")
    clock.advance(4 * SECOND)
    assert [record.id for record in logs["slow"].expired()] == ["quick"]


def new_task(task_id: str) -> Task:
    return Task(
        id=task_id,
        action="fit",
        kind="model",
        name="m",
        bucket="omega",
        context="default",
        submitted=datetime(2026, 1, 1, tzinfo=UTC),
    )
