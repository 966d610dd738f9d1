"""Handover: what a call has found out before it was submitted, for its task if that runs within the call itself.

A queue that takes the task elsewhere hands nothing over; then the task finds it out for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omega_domain.repository.metadata import Metadata

_HANDED: ContextVar[Mapping[str, Metadata]] = ContextVar("omega_handed_over", default={})  # noqa: B039 -- never changed


@contextmanager
def handing_over(task_id: str, model: Metadata) -> Iterator[None]:
    """Let the task of this id have the metadata of its model, as long as the block lasts and in this thread only."""
    token = _HANDED.set({**_HANDED.get(), task_id: model})
    try:
        yield
    finally:
        _HANDED.reset(token)


def handed_over(task_id: str) -> Metadata | None:
    """Return the metadata of a task's model, if it was handed over."""
    return _HANDED.get().get(task_id)
