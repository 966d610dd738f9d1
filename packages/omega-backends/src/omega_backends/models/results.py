"""What models return, as frames, as plain Python, or as plain JSON for attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def as_python(result: Any) -> Any:
    """Return a result as lists of Python numbers or text."""
    if isinstance(result, list):  # one array for each of several targets
        return [as_python(one) for one in result]
    return _dense(result).tolist()


def as_frame(model: Any, result: Any, X: Any, action: str) -> pd.DataFrame:
    """Return a result as a DataFrame with the index of X.

    Its columns are the classes of ``predict_proba``, the features of ``transform``, else the name of the action.
    """
    if isinstance(result, pd.DataFrame):
        return result
    values = np.hstack([_dense(one) for one in result]) if isinstance(result, list) else _dense(result)
    table = values.reshape(len(values), -1)
    index = X.index if isinstance(X, pd.DataFrame | pd.Series) and len(X) == len(table) else None
    return pd.DataFrame(table, columns=_columns(model, action, table.shape[1]), index=index)


def plain(value: Any) -> Any:
    """Return a value in plain JSON types; what has none is described as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def _dense(result: Any) -> np.ndarray[Any, Any]:
    return np.asarray(result.toarray() if hasattr(result, "toarray") else result)


def _columns(model: Any, action: str, count: int) -> list[Any]:
    names: list[Any] = []
    if action == "predict_proba" or (action == "decision_function" and count > 1):
        names = list(np.asarray(model.classes_).tolist()) if hasattr(model, "classes_") else []
    elif action == "transform" and hasattr(model, "get_feature_names_out"):
        names = _feature_names(model)
    if len(names) == count:
        return names
    return [action] if count == 1 else [f"{action}{i}" for i in range(count)]


def _feature_names(model: Any) -> list[Any]:
    try:
        return list(model.get_feature_names_out())
    except (ValueError, AttributeError):
        return []
