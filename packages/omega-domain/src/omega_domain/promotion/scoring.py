"""Scoring a model of one store on data of another, to compare it with what is live there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from omega_domain.entities.names import ObjectRef
from omega_domain.errors import UnsupportedOptionError
from omega_domain.ports.objects import Objects, StoredObject
from omega_domain.repository.linking import FITTED


def score_on(model: StoredObject, target: Objects, X: str, Y: str | None) -> float:
    """Return the score of a model on datasets of the bucket of another store; nothing is written.

    Raises:
        UnsupportedOptionError: models of this kind have no score.
        ObjectNotFoundError: there is no such dataset.
    """
    return float(model.action("score", data_of=target)(model.name, X, Y))


def fitted_columns(model: StoredObject, dataset: str) -> tuple[str, str | None]:
    """Return the names of X and Y within one dataset, by the columns that the model was fitted on.

    Raises:
        UnsupportedOptionError: it does not say which.
    """
    seen = model.attributes.get(FITTED)
    x, y = (_columns(seen.get(role)) for role in ("X", "Y")) if isinstance(seen, Mapping) else (None, None)
    if not x or not y:
        raise UnsupportedOptionError(
            f"{model.name!r} does not say which columns of {dataset!r} are its X and Y: name them, as in "
            f"no_regression(X='{dataset}[x]', Y='{dataset}[y]')"
        )
    return _with_columns(dataset, x), _with_columns(dataset, y)


def _columns(seen: Any) -> tuple[str, ...] | None:
    if not isinstance(seen, Mapping):
        return None
    named = ObjectRef.parse(seen["name"]) if isinstance(seen.get("name"), str) else None
    if named and named.columns and not named.excluding:
        return named.columns
    return tuple(seen["columns"]) if seen.get("columns") else None


def _with_columns(dataset: str, columns: Iterable[str]) -> str:
    written = io.StringIO()
    names = list(columns)
    is_odd = any(set(name) & set('[],"^') or name != name.strip() for name in names)
    quoting: Literal[1, 3] = csv.QUOTE_ALL if is_odd else csv.QUOTE_NONE
    csv.writer(written, quoting=quoting, lineterminator="").writerow(names)
    return f"{dataset}[{written.getvalue()}]"
