"""Which data the actions of a model take."""

from __future__ import annotations

from collections.abc import Mapping

#: Actions that take names of data, and which: X, and Y where it can be used. All others take values.
DATA_OF: Mapping[str, tuple[str, ...]] = {
    "fit": ("X", "Y"),
    "partial_fit": ("X", "Y"),
    "transform": ("X",),
    "fit_transform": ("X", "Y"),
    "predict": ("X",),
    "predict_proba": ("X",),
    "decision_function": ("X",),
    "score": ("X", "Y"),
    "gridsearch": ("X", "Y"),
}

#: Actions that leave the model as it is.
READING = frozenset({"transform", "predict", "predict_proba", "decision_function", "score"})
