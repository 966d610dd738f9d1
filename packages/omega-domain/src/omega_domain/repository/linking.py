"""Linking a model to data: what it is fitted on, or predicts from, when nothing else is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from omega_domain.entities.names import ObjectRef
from omega_domain.errors import ObjectNotFoundError
from omega_domain.repository.metadata import Metadata
from omega_domain.repository.objects import Objects

#: Attributes of a model: what it was linked to, and what its last fit saw.
LINKED = "linked"
FITTED = "dataset"


def link_dataset(models: Objects, datasets: Objects, name: str, *, Xname: str, Yname: str | None = None) -> Metadata:
    """Make datasets the data of a model, for when it is fitted or used without any; return its metadata.

    Args:
        models: the store of the model.
        datasets: the datasets of the same bucket.
        name: name of the model.
        Xname: name of a dataset, with columns if wanted.
        Yname: name of the dataset of the target.

    Raises:
        ObjectNotFoundError: there is no such model or dataset. ColumnNotFoundError: a dataset has no such column.
        InvalidNameError: the name of the model is not a plain one.
    """
    meta = models.metadata(ObjectRef.parse_plain(name, "link data to").name, required=True)
    for dataset in filter(None, (Xname, Yname)):
        datasets.metadata(dataset, required=True)
    meta.attributes[LINKED] = {"X": {"name": Xname}, "Y": {"name": Yname}}
    return meta.save()


class DefaultData(NamedTuple):
    """Names of the data of a model for when none are given."""

    x: str
    y: str | None


def default_data(meta: Metadata, *, fitted_first: bool = False) -> DefaultData:
    """Return the names of the data that a model is linked to, or else was last fitted on.

    Args:
        meta: the model.
        fitted_first: whether the last fit comes before the link, as for ``'*'``.

    Raises:
        ObjectNotFoundError: there is neither, or the last fit was on data without a name.
    """
    for source in (FITTED, LINKED) if fitted_first else (LINKED, FITTED):
        if x := _name(meta, source, "X"):
            return DefaultData(x, _name(meta, source, "Y"))
    state = "was last fitted on data that has no name" if FITTED in meta.attributes else "was neither linked nor fitted"
    raise ObjectNotFoundError(
        f"no data for {meta.name!r}: it {state}; give the name of a dataset, or link the model to one: "
        f"om.models.link_dataset({meta.name!r}, Xname=…, Yname=…)"
    )


def _name(meta: Metadata, source: str, role: str) -> str | None:
    found = meta.attributes.get(source)
    data = found.get(role) if isinstance(found, Mapping) else None
    return data.get("name") if isinstance(data, Mapping) else None
