"""Models in formats without code: no parameter in them reads, writes or unpickles files."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from joblib import Memory
from sklearn.base import BaseEstimator
from sklearn.cluster import OPTICS, AgglomerativeClustering
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from omega_backends.models.files_named import named_files
from omega_backends.models.unpickle import load_skops
from omega_backends.sklearn_joblib import SklearnBackend
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.errors import UnsupportedObjectError, UnsupportedOptionError, UntrustedObjectError
from omega_domain.omega import Omega
from omega_domain.ports.environment import TrustedFile

pytestmark = pytest.mark.changes_with("skops")


class Slotted:
    """Keeps its attributes in slots."""

    __slots__ = ("cache_dir",)

    def __init__(self, cache_dir: str) -> None:
        self.cache_dir = cache_dir


def cached() -> Pipeline:
    """Return a pipeline from whose folder joblib unpickles."""
    return Pipeline([("scale", StandardScaler()), ("line", LinearRegression())], memory="/folder")


def bag() -> BaggingClassifier:
    """Return an ensemble that gives its members an attribute of its own."""
    model = BaggingClassifier(estimator=CountVectorizer())
    model.estimator_params, model.input = ("input",), "filename"
    return model


def cycle() -> list[Any]:
    found: list[Any] = [Pipeline([])]
    found.append(found)
    return found


#: Models that skops itself takes for safe.
SAFE_TYPES: list[Any] = [
    cached(),
    AgglomerativeClustering(memory="folder"),
    OPTICS(memory="folder"),
    Pipeline([("inner", cached())]),
    FeatureUnion([("inner", cached())]),
    ColumnTransformer([("inner", cached(), ["x"])]),
    GridSearchCV(cached(), {}),
    GridSearchCV(Pipeline([]), {"memory": ["/folder", None]}),
    GridSearchCV(Pipeline([]), [{"inner__memory": np.array(["/folder"])}]),
    GridSearchCV(Pipeline([]), {"inner": [Pipeline([], memory="/folder")]}),
    GridSearchCV(Pipeline([]), {"inner": np.array([cached(), None], dtype=object)}),
    RandomizedSearchCV(CountVectorizer(), {"input": ["filename"]}),
    CountVectorizer(input="filename"),
    HashingVectorizer(input="file"),
    HashingVectorizer(input=np.array("filename")),
    bag(),
]
OTHERS: list[Any] = [
    Pipeline([], memory=Memory(None)),
    GridSearchCV(Pipeline([]), {"memory": [Memory(None)]}),
    FunctionTransformer(kw_args={"path": "data.bin"}),
    FunctionTransformer(partial(np.add, Path("x"))),
    FunctionTransformer(kw_args={"out": io.BytesIO()}),
    SimpleNamespace(train_dir="logs"),
    SimpleNamespace(cache_location=b"logs"),
    Slotted("/folder"),
    {"inner": ({"deep": cached()},)},
]


@pytest.mark.parametrize("model", [*SAFE_TYPES, *OTHERS])
def test_what_names_files_is_found_wherever_it_is(model: Any) -> None:
    assert list(named_files(model))


@pytest.mark.parametrize(
    "model",
    [
        CountVectorizer().fit(["memory file input filename path url dir cache"]),
        Pipeline([("memory", StandardScaler()), ("input", CountVectorizer(input="content"))]),
        GridSearchCV(Pipeline([]), {"memory": [None], "vectors__input": ["content"]}),
        ColumnTransformer([("file", StandardScaler(), ["path", "memory"])]),
        LogisticRegression(class_weight={"memory": 0.5, "input": 2}),
        FeatureUnion([("a", StandardScaler())], transformer_weights={"memory": 2.0}),
        {"input": "the word", "kind": Slotted},
        cycle(),
    ],
)
def test_words_of_the_data_are_no_files(model: Any) -> None:
    assert not list(named_files(model))


@pytest.fixture
def om() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    om.context.registry.register(SklearnBackend.KIND, SklearnBackend)
    return om


@pytest.mark.needs("skops")
@pytest.mark.parametrize("model", SAFE_TYPES)
def test_neither_put_nor_get_in_the_format_of_skops_takes_files(om: Omega, model: BaseEstimator) -> None:
    import skops.io  # noqa: PLC0415 -- an extra

    data = skops.io.dumps(model)
    assert not skops.io.get_untrusted_types(data=data)
    with pytest.raises(UntrustedObjectError, match=r"'m' was not loaded: .*format skops holds no such parameter"):
        load_skops(TrustedFile(io.BytesIO(data), "m"))
    with pytest.raises(UnsupportedObjectError, match=r"'m' can not be put as skops: .*use joblib"):
        om.models.put(model, "m", format="skops")


@pytest.mark.needs("skops")
@pytest.mark.parametrize("grid", [{"memory": ["/folder"]}, {"words__input": ["filename"]}])
def test_a_task_sets_no_file_in_a_model_without_code(om: Omega, grid: dict[str, Any]) -> None:
    words = CountVectorizer()
    words._parameter_constraints = {"input": [str], "memory": [str]}
    model = Pipeline([("words", words), ("model", LogisticRegression())])
    model._parameter_constraints = {"memory": [str]}
    om.models.put(model, "m", format="skops")
    with pytest.raises(UnsupportedOptionError, match="can not try"):
        om.runtime.model("m").gridsearch(["a", "b"], [0, 1], parameters=grid).get()


def test_a_payload_does_not_say_which_texts_a_task_may_try(om: Omega) -> None:
    model = LinearRegression()
    model._parameter_constraints = {"fit_intercept": [str]}
    om.models.put(model, "m")
    with pytest.raises(UnsupportedOptionError, match="can not try fit_intercept='/folder'"):
        om.runtime.model("m").gridsearch([[1]], [1], parameters={"fit_intercept": ["/folder"]}).get()
