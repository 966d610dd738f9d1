"""Preflight: what is wrong with a call is said before anything is submitted.

It promises nothing for later, so a worker looks again: the head of a dataset is fetched three times for one call, here,
for the default data of a model, and by the get itself. That is on purpose. Between two of them anybody may drop the
dataset or put another one, and only the last look decides what is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from omega_domain.entities.names import ObjectRef, validate_new_name
from omega_domain.errors import UnknownKindError
from omega_domain.ports.backend import SupportsCallCheck
from omega_domain.repository.linking import default_data
from omega_domain.repository.metadata import Metadata
from omega_domain.runtime.collected import Collected
from omega_domain.stores import OmegaStore
from omega_domain.tasks.actions import DATA_OF
from omega_domain.tasks.arguments import FITTED


def check_call(
    datasets: OmegaStore,
    meta: Metadata,
    action: str,
    data: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    collected: Collected | None = None,
) -> None:
    """Raise if a call can not succeed, as far as names tell.

    Args:
        datasets: the datasets of the model's bucket.
        meta: the model.
        action: what is to be done.
        data: the data that were given.
        kwargs: further arguments.
        collected: the tasks that this one is collected with; they may make what is missing now.

    Raises:
        ObjectNotFoundError: a dataset or version does not exist, or no data are given nor known.
        ColumnNotFoundError: a dataset has no such column. UnsupportedOptionError: the backend refuses an argument.
        InvalidNameError: a name breaks the grammar, or a result is to have one that is reserved.
    """
    if kwargs:
        _check_arguments(meta, action, kwargs)
    if kwargs.get("rName") is not None:
        validate_new_name(kwargs["rName"], what="name of a result")
    if action not in DATA_OF:
        return
    for name in data:
        if isinstance(name, str) and name != FITTED:
            _check_dataset(datasets, name, collected)
    if data[0] is None or (isinstance(data[0], str) and data[0] == FITTED):
        _check_default(datasets, meta, collected, is_open=data[0] is None)


def _check_arguments(meta: Metadata, action: str, kwargs: Mapping[str, Any]) -> None:
    with suppress(UnknownKindError):  # a worker may have what is not installed here
        backend = meta.objects.context.registry.by_kind(meta.kind)
        if issubclass(backend, SupportsCallCheck):
            backend.check_call(meta.name, action, kwargs)


def _check_dataset(datasets: OmegaStore, name: str, collected: Collected | None) -> None:
    if collected is None or not collected.makes(datasets.bucket, ObjectRef.parse(name).name):
        datasets.metadata(name, required=True)


def _check_default(datasets: OmegaStore, meta: Metadata, collected: Collected | None, *, is_open: bool) -> None:
    if collected and (collected.touches(meta.bucket, meta.name) or (is_open and collected.forwards)):
        return
    _check_dataset(datasets, default_data(meta, fitted_first=not is_open).x, collected)
