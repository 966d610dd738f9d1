"""Which data the actions of a model take, and where the objects of a task are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from omega_domain.entities.names import JOBS, MODELS, SCRIPTS

#: What can be asked of a model by its name.
ModelAction = Literal[
    "fit",
    "partial_fit",
    "transform",
    "fit_transform",
    "predict",
    "predict_proba",
    "decision_function",
    "score",
    "gridsearch",
    "run",
]

#: Kind of object that a task is about -> prefix of the store that has it.
PREFIX_OF: Mapping[str, str] = {"model": MODELS, "script": SCRIPTS, "job": JOBS}

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
