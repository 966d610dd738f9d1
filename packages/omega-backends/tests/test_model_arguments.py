"""Arguments of tasks on scikit-learn models: what is let through, what is refused, and where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from omega_backends.models.arguments import check_arguments, check_grid, check_method, check_search
from omega_domain.errors import UnsupportedOptionError


class Foreign(BaseEstimator):  # type: ignore[misc]  # scikit-learn brings no types
    """An estimator of somebody else, which takes what scikit-learn does not know."""

    _parameter_constraints: Mapping[str, Any] = {"loose": "no_validation"}

    def __init__(
        self, mode: str = "fast", weights: Any = None, train_dir: str = "runs", loose: Any = None, **more: Any
    ) -> None:
        self.mode, self.weights, self.train_dir, self.loose, self.more = mode, weights, train_dir, loose, more

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Tell only what was set, as some libraries do."""
        return {"weights": self.weights}

    def fit(self, X: Any, y: Any = None, *, how: str = "quick", init_model: Any = None) -> None:
        """Fit nothing."""


def pipeline() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression())


HONEST: list[tuple[Any, Any]] = [
    (LogisticRegression(), {"C": [1, 10]}),
    (LogisticRegression(), [{"C": [1]}, {"C": [2], "class_weight": ["balanced"]}]),
    (LogisticRegression(), ({"C": np.logspace(-2, 2, 3)},)),
    (LogisticRegression(), {"penalty": ["l1", "l2"], "solver": ["liblinear"]}),
    (LogisticRegression(), {"class_weight": ["balanced", None, {"a": 1, "b": 2.5}]}),
    (LogisticRegression(), {"max_iter": range(10, 30, 10), "n_jobs": [None, 1, -1]}),
    (RandomForestClassifier(), {"max_features": ["sqrt", None, 0.5], "max_depth": pd.Series([1, 2])}),
    (RandomForestClassifier(), {"class_weight": ["balanced", "balanced_subsample"]}),
    (DecisionTreeClassifier(), {"criterion": np.array(["gini", "entropy"]), "max_features": ["log2"]}),
    (KNeighborsClassifier(), {"weights": ["uniform", "distance"], "metric": ["minkowski", "manhattan"]}),
    (SVC(), {"kernel": ["rbf", "linear"], "gamma": ["scale", "auto", 0.1]}),
    (MLPClassifier(), {"hidden_layer_sizes": [(50,), (50, 20)], "activation": ["relu", "tanh"]}),
    (HistGradientBoostingClassifier(), {"categorical_features": ["from_dtype", ["a", "b"]], "scoring": [None, "loss"]}),
    (SimpleImputer(), {"strategy": ["constant"], "fill_value": ["missing", 0]}),
    (OneHotEncoder(), {"categories": ["auto", [["a", "b"]]], "handle_unknown": ["ignore"], "drop": [None, "first"]}),
    (
        make_pipeline(CountVectorizer(), LogisticRegression()),
        {
            "countvectorizer__ngram_range": [(1, 1), (1, 2)],
            "countvectorizer__stop_words": [None, "english", ["the", "a"]],
            "countvectorizer__analyzer": ["word", "char"],
            "countvectorizer__input": ["content"],
            "countvectorizer__token_pattern": [r"\w+"],
        },
    ),
    (pipeline(), {"standardscaler": ["passthrough", None], "logisticregression__C": [1]}),
    (
        ColumnTransformer([("a", StandardScaler(), ["x"])]),
        {"remainder": ["drop", "passthrough"], "a": ["drop"], "a__with_mean": [True, False]},
    ),
    (GridSearchCV(LogisticRegression(), {"C": [1]}), {"param_grid": [{"C": [1, 2]}], "pre_dispatch": ["2*n_jobs"]}),
    (Foreign(), {"mode": ["slow", "fast"], "weights": [None, 1, [1, 2]], "loose": [1]}),
]

HOSTILE: list[tuple[Any, Any]] = [
    (pipeline(), {"memory": ["/folder"]}),
    (pipeline(), {"memory": [None]}),
    (pipeline(), [{"logisticregression__C": [1]}, {"memory": ["folder"]}]),
    (make_pipeline(pipeline()), {"pipeline__memory": ["/folder"]}),
    (make_pipeline(pipeline(), memory="mine"), {"memory": ["/folder"]}),
    (GridSearchCV(pipeline(), {}), {"param_grid": [{"memory": ["/folder"]}]}),
    (GridSearchCV(pipeline(), {}), {"estimator__memory": ["/folder"]}),
    (GridSearchCV(pipeline(), {}), {"estimator": ["/folder"]}),
    (GridSearchCV(pipeline(), {}), {"pre_dispatch": ["9**9**9"]}),
    (pipeline(), {"standardscaler": ["/folder"]}),
    (pipeline(), {"nothing__memory": ["/folder"]}),
    (pipeline(), {"nothing__C": [1]}),
    (make_pipeline("passthrough", LogisticRegression()), {"passthrough__C": [1]}),
    (LogisticRegression(), {"more": [1]}),
    (LogisticRegression(), {"class_weight": ["/folder"]}),
    (LogisticRegression(), {"class_weight": [{"a": "/folder"}]}),
    (LogisticRegression(), {"class_weight": [["balanced"]]}),
    (LogisticRegression(), {"C": [b"bytes"]}),
    (LogisticRegression(), {"C": [Path("/folder")]}),
    (LogisticRegression(), {"C": [object()]}),
    (LogisticRegression(), {"C": [np.array([1, "a", None], dtype=object)]}),
    (LogisticRegression(), {"C": "text"}),
    (LogisticRegression(), {"C": 1}),
    (LogisticRegression(), {"n_jobs": [100_000]}),
    (LogisticRegression(), {"n_jobs": [0]}),
    (LogisticRegression(), {"n_jobs": [True]}),
    (FunctionTransformer(), {"func": ["os.system"]}),
    (FunctionTransformer(), {"kw_args": [{"file": "/etc/passwd"}]}),
    (CountVectorizer(), {"input": ["filename"]}),
    (CountVectorizer(), {"input": ["file"]}),
    (CountVectorizer(), {"tokenizer": ["os.system"]}),
    (Foreign(), {"weights": ["/folder/weights"]}),
    (Foreign(), {"loose": ["/folder/weights"]}),
    (Foreign(), {"weights": [["/folder/weights"]]}),
    (Foreign(), {"train_dir": ["/folder"]}),
    (Foreign(), {"cachedir": [1]}),
]

CALLS: list[tuple[Any, str, dict[str, Any]]] = [
    (LogisticRegression(), "fit", {}),
    (LogisticRegression(), "fit", {"sample_weight": [1, 2.5]}),
    (LogisticRegression(), "score", {"sample_weight": np.array([1.0])}),
    (pipeline(), "fit", {"logisticregression__sample_weight": pd.Series([1, 2])}),
    (pipeline(), "predict", {"return_std": True}),
    (SGDClassifier(), "partial_fit", {"classes": ["u", "v"]}),
    (SGDClassifier(), "partial_fit", {"classes": np.array(["u", "v"], dtype=object)}),
    (MultiOutputClassifier(SGDClassifier()), "partial_fit", {"classes": [["u", "v"]]}),
    (ElasticNet(), "fit", {"check_input": False}),
    (SGDClassifier(), "fit", {"coef_init": [[0.0, 1.0]], "intercept_init": None}),
    (HistGradientBoostingClassifier(), "fit", {"X_val": pd.DataFrame({"a": ["x"]}), "y_val": ["u"]}),
    (Foreign(), "fit", {"how": "slowly"}),
    (FunctionTransformer(), "fit_transform", {"sample_weight": np.array(["2030-01-01"], dtype="M8[s]")}),
]

HOSTILE_CALLS: list[tuple[Any, str, dict[str, Any]]] = [
    (pipeline(), action, {key: value})
    for action in ("fit", "fit_transform", "predict", "predict_proba", "decision_function", "score", "transform")
    for key, value in (
        ("memory", "/folder"),
        ("logisticregression__memory", 1),
        ("standardscaler__anything", "/folder"),
        ("logisticregression__sample_weight", ["/folder"]),
        ("logisticregression__sample_weight", {"a": "/folder"}),
        ("logisticregression__sample_weight", b"bytes"),
        ("logisticregression__sample_weight", object()),
    )
    if hasattr(make_pipeline(StandardScaler()) if "transform" in action else pipeline(), action)
] + [
    (SGDClassifier(), "partial_fit", {"sample_weight": "/folder"}),
    (SGDClassifier(), "partial_fit", {"memory": "/folder"}),
    (LogisticRegression(), "fit", {"n_jobs": 5}),
    (LogisticRegression(), "fit", {"sample_weight": "/folder"}),
    (Foreign(), "fit", {"init_model": "/folder/model"}),
]


@pytest.mark.parametrize(("model", "parameters"), HONEST)
def test_plain_values_and_known_choices_are_tried(model: Any, parameters: Any) -> None:
    check_grid(model, "m", parameters)
    check_arguments("m", "gridsearch", {"parameters": parameters, "pure_python": True, "rName": None})


@pytest.mark.parametrize(("model", "parameters"), HOSTILE)
def test_other_values_are_not_tried(model: Any, parameters: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"^gridsearch of 'm' can not try "):
        check_grid(model, "m", parameters)


@pytest.mark.parametrize("parameters", ["memory", 5, ["memory"], [["memory", ["/folder"]]]])
def test_parameters_are_dicts(parameters: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"^gridsearch of 'm' needs parameters="):
        check_grid(LogisticRegression(), "m", parameters)


def test_a_refused_text_says_what_to_do() -> None:
    with pytest.raises(UnsupportedOptionError, match=r"weights='/folder': a task may try .*Put the model with a text"):
        check_grid(Foreign(), "m", {"weights": ["/folder"]})
    check_grid(Foreign(weights="mine"), "m", {"weights": ["other"]})


@pytest.mark.parametrize(("model", "action", "kwargs"), CALLS)
def test_plain_arguments_go_to_a_method(model: Any, action: str, kwargs: dict[str, Any]) -> None:
    check_method(model, "m", action, kwargs)
    check_arguments("m", action, kwargs)


@pytest.mark.parametrize(("model", "action", "kwargs"), HOSTILE_CALLS)
def test_other_arguments_go_to_no_method(model: Any, action: str, kwargs: dict[str, Any]) -> None:
    model = make_pipeline(StandardScaler()) if "transform" in action else model
    with pytest.raises(UnsupportedOptionError, match=rf"^{action} of 'm' can not be given "):
        check_method(model, "m", action, kwargs)


@pytest.mark.parametrize(
    "options",
    [
        {"cv": 3, "scoring": "accuracy", "refit": True, "error_score": "raise", "return_train_score": True},
        {"cv": [[[0, 1], [2, 3]]], "scoring": ["accuracy", "f1"], "refit": "f1", "error_score": float("nan")},
        {"cv": None, "scoring": {"a": "accuracy"}, "n_jobs": -1, "verbose": 2, "pre_dispatch": 4},
        {"scoring": None, "n_jobs": None, "verbose": True, "pre_dispatch": "all"},
        {"n_jobs": 4, "pre_dispatch": "2*n_jobs"},
        {"parameters": {"C": [1]}, "pure_python": False},
    ],
)
def test_known_options_of_a_search_are_taken(options: dict[str, Any]) -> None:
    check_search("m", options)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("memory", "/folder"),
        ("estimator", 1),
        ("param_grid", {}),
        ("cv", "/folder"),
        ("cv", True),
        ("cv", [["/folder"]]),
        ("scoring", 5),
        ("scoring", [5]),
        ("scoring", {"a": None}),
        ("refit", None),
        ("error_score", "/folder"),
        ("return_train_score", "yes"),
        ("n_jobs", 1_000),
        ("n_jobs", 0),
        ("n_jobs", 1.5),
        ("n_jobs", True),
        ("verbose", -1),
        ("verbose", 1_000),
        ("pre_dispatch", "__import__('os').system('x')"),
        ("pre_dispatch", "9**9"),
        ("pre_dispatch", 0),
        ("pre_dispatch", None),
    ],
)
def test_other_options_of_a_search_are_refused(option: str, value: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match=rf"^gridsearch of 'm' .*{option}.*it (may be|takes) "):
        check_arguments("m", "gridsearch", {option: value, "parameters": {"C": [1]}})


@pytest.mark.parametrize(
    ("action", "kwargs"),
    [
        ("fit", {"memory": "/folder"}),
        ("fit", {"step__memory": None}),
        ("predict", {"return_std": b"1"}),
        ("gridsearch", {"parameters": {"memory": ["/folder"]}}),
        ("gridsearch", {"parameters": [{"C": [1]}, {"a__memory": ["/folder"]}]}),
        ("gridsearch", {"parameters": {"train_dir": ["/folder"]}}),
    ],
)
def test_what_no_model_takes_is_refused_without_it(action: str, kwargs: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedOptionError, match=f"^{action} of 'm' can not "):
        check_arguments("m", action, kwargs)


def test_a_name_of_a_result_is_no_argument_of_the_model() -> None:
    check_arguments("m", "predict", {"rName": "found", "pure_python": False})
