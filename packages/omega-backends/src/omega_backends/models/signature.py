"""What data a model saw: which versions of which datasets, and what X and Y look like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from omega_domain.entities.names import ObjectRef, is_reserved
from omega_domain.ports.objects import Objects

SIGNATURE = "signature"


def describe(data: Any) -> dict[str, Any] | None:
    """Return type, columns with dtypes (of frames) or shape and dtype (of arrays); None for None."""
    if data is None:
        return None
    if isinstance(data, pd.DataFrame):
        dtypes = zip(data.columns, data.dtypes, strict=True)
        return {"type": "DataFrame", "columns": [[str(label), str(dtype)] for label, dtype in dtypes]}
    if isinstance(data, pd.Series):
        return {"type": "Series", "name": None if data.name is None else str(data.name), "dtype": str(data.dtype)}
    array = np.asarray(data)
    return {"type": type(data).__name__, "shape": [None, *array.shape[1:]], "dtype": str(array.dtype)}


def seen(datasets: Objects, name: str | None, data: Any) -> dict[str, Any] | None:
    """Return name, version and columns of the data; the name is None if it was not a dataset of its own."""
    if name is None:
        return None
    ref = ObjectRef.parse(name)
    meta = None if is_reserved(ref.name) else datasets.metadata(ref.versioned_name)
    columns = [str(label) for label in data.columns] if isinstance(data, pd.DataFrame) else None
    return {"name": name if meta else None, "version": meta.version if meta else None, "columns": columns}
