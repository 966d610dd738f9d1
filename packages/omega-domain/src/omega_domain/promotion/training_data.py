"""Closure: the datasets that a model was fitted on, by version, which are promoted along with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from omega_domain.entities.names import DATA, ObjectRef
from omega_domain.errors import ObjectNotFoundError, PromotionError
from omega_domain.repository.linking import FITTED
from omega_domain.repository.metadata import Metadata
from omega_domain.repository.objects import sibling


def data_of(model: Metadata) -> list[Metadata]:
    """Return the metadata of the versions of the datasets that a model was fitted on, each once.

    Raises:
        PromotionError: one of them is not there any more.
    """
    datasets = sibling(model.objects, DATA)
    found: dict[str, Metadata] = {}
    for name in _names(model.attributes.get(FITTED)):
        try:
            found.setdefault(name, datasets.metadata(name, required=True))
        except ObjectNotFoundError as error:
            raise PromotionError(
                f"{model.name!r} was fitted on {name!r}, which is not there any more: fit it again, or promote it "
                f"without its data ({error})"
            ) from error
    return list(found.values())


def _names(seen: Any) -> Iterator[str]:
    """Iterate over the names with versions of what a fit saw; data that was in memory only has none."""
    for data in seen.values() if isinstance(seen, Mapping) else ():
        name = data.get("name") if isinstance(data, Mapping) else None
        if isinstance(name, str):
            plain, version = ObjectRef.parse(name).name, data.get("version")
            yield plain if version is None else f"{plain}@{version}"
