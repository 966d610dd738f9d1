"""Envelopes and requirements."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.entities.requirement import Requirement, Worker
from omega_domain.entities.task import FAILURE, PENDING, Argument, Status, Task, TaskRecord
from omega_domain.errors import InvalidNameError

texts = st.text(max_size=8)
arguments = st.one_of(
    st.builds(Argument, st.sampled_from(["value", "claim", "dataset", "temporary", "fitted", "open", "result"]), texts),
    st.builds(Argument, st.just("results"), st.lists(texts, max_size=3)),
)
tasks = st.builds(
    Task,
    id=texts,
    action=texts,
    kind=texts,
    name=texts,
    bucket=texts,
    context=texts,
    args=st.lists(arguments, max_size=2).map(tuple),
    kwargs=st.dictionaries(texts, arguments, max_size=2),
    requirement=st.builds(Requirement, st.none() | texts, st.booleans()),
    label=texts,
    after=st.lists(texts, max_size=2).map(tuple),
    options=st.dictionaries(texts, st.booleans(), max_size=2),
    submitted=st.datetimes(timezones=st.just(UTC)),
)


@given(tasks)
def test_a_task_travels_as_json(task: Task) -> None:
    assert Task.from_plain(json.loads(json.dumps(task.to_plain()))) == task


def test_the_arguments_of_a_task_are_those_with_and_without_names() -> None:
    first, second = Argument("dataset", "x"), Argument("value", "1")
    task = Task(
        id="1",
        action="fit",
        kind="model",
        name="m",
        bucket="b",
        context="c",
        args=(first,),
        kwargs={"a": second},
        submitted=datetime.now(UTC),
    )
    assert task.arguments == (first, second)


@pytest.mark.parametrize(("status", "is_final"), [(PENDING, False), (FAILURE, True)])
def test_a_record_is_final_when_the_task_has_ended(status: Status, is_final: bool) -> None:
    assert TaskRecord(id="1", status=status).is_final is is_final


@pytest.mark.parametrize(
    ("spec", "label"), [("gpu", "gpu"), ({"label": "gpu"}, "gpu"), (None, None), ("", None), ({}, None)]
)
def test_a_requirement_is_a_label_or_a_dict_with_one(spec: Any, label: str | None) -> None:
    assert Requirement.parse(spec, of="m") == Requirement(label)


@pytest.mark.parametrize("spec", [5, {"label": 5}, {"label": None}, {"labels": "gpu"}, {"label": "a", "b": 1}, "a@b"])
def test_what_is_no_requirement_is_refused(spec: Any) -> None:
    with pytest.raises(InvalidNameError):
        Requirement.parse(spec, of="m")


def test_a_worker_is_written_in_plain_json() -> None:
    seen = datetime(2026, 1, 1, tzinfo=UTC)
    assert json.loads(json.dumps(Worker(name="w@h", labels=("gpu",), seen=seen).to_plain())) == {
        "name": "w@h",
        "labels": ["gpu"],
        "capacity": 1,
        "packages": {},
        "seen": "2026-01-01T00:00:00+00:00",
        "lease": 15.0,
    }


def test_a_copy_with_other_fields_has_an_envelope_of_its_own() -> None:
    task = Task(
        id="t",
        action="fit",
        kind="model",
        name="m",
        bucket="b",
        context="c",
        submitted=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert task.to_json() == task.to_json()
    assert Task.from_json(replace(task, stage=1).to_json()) == replace(task, stage=1)
