"""scikit-learn models, stored and run by name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from omega_backends.codecs import numpy as codec_numpy
from omega_backends.codecs import pandas as codec_pandas
from omega_backends.models.results import as_frame, as_python, plain
from omega_backends.ndarray_bin import NdarrayBackend
from omega_backends.pandas_parquet import ParquetBackend
from omega_backends.sklearn_joblib import SklearnBackend
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.documents.codec import JsonCodec
from omega_domain.errors import ColumnNotFoundError, CorruptPayloadError, UnsupportedObjectError, UnsupportedOptionError
from omega_domain.omega import Omega
from omega_domain.testing.backend import DataBackendContract

DATA = pd.DataFrame({"a": np.arange(12.0), "b": np.arange(12) % 3, "y": np.arange(12.0) * 2, "c": list("uvw") * 4})


@pytest.fixture
def om() -> Omega:
    codec = JsonCodec({"numpy": codec_numpy.leaves, "pandas": codec_pandas.leaves})
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore(), codec=codec)
    for backend in (ParquetBackend, NdarrayBackend, SklearnBackend):
        om.context.registry.register(backend.KIND, backend)
    om.datasets.put(DATA, "data")
    om.models.put(LinearRegression(), "m")
    return om


class TestSklearnBackend(DataBackendContract):
    """What every backend promises."""

    @pytest.fixture
    def backend(self) -> type[SklearnBackend]:
        return SklearnBackend

    @pytest.fixture
    def objects(self) -> Sequence[Any]:
        return [LinearRegression(), make_pipeline(StandardScaler(), LogisticRegression(C=2)), StandardScaler()]

    def same(self, found: Any, expected: Any) -> bool:
        return repr(found) == repr(expected)


def test_fit_makes_a_version_that_says_what_it_saw(om: Omega) -> None:
    meta = om.runtime.model("m").fit("data[a,b]", "data[y]").get()
    assert meta.version == 2
    assert meta.attributes["dataset"] == {
        "X": {"name": "data[a,b]", "version": 1, "columns": ["a", "b"]},
        "Y": {"name": "data[y]", "version": 1, "columns": None},
    }
    assert meta.attributes["signature"] == {
        "X": {"type": "DataFrame", "columns": [["a", "float64"], ["b", "int64"]]},
        "Y": {"type": "Series", "name": "y", "dtype": "float64"},
    }
    assert meta.kind_meta["class"] == "sklearn.linear_model._base.LinearRegression"
    assert not hasattr(om.models.get("m@1"), "coef_")


def test_a_plain_put_forgets_the_old_signature_but_not_the_data(om: Omega) -> None:
    om.runtime.model("m").fit("data[a,b]", "data[y]").get()
    meta = om.models.put(LinearRegression(), "m")
    assert set(meta.attributes) == {"dataset"}
    assert om.runtime.model("m").fit("*").get().attributes["signature"]["Y"]["name"] == "y"


def test_a_hidden_dataset_has_a_name_as_any_other(om: Omega) -> None:
    om.datasets.put(DATA, "features/_raw")
    meta = om.runtime.model("m").fit("features/_raw@1[a]", "features/_raw[y]").get()
    assert meta.attributes["dataset"] == {
        "X": {"name": "features/_raw@1[a]", "version": 1, "columns": ["a"]},
        "Y": {"name": "features/_raw[y]", "version": 1, "columns": None},
    }


def test_a_column_that_is_missing_is_said_before_anything_is_submitted(om: Omega) -> None:
    for data in (("data[nope]", "data[y]"), ("data[a]", "data[nope]")):
        with pytest.raises(ColumnNotFoundError, match="nope"):
            om.runtime.model("m").fit(*data)
    assert om.runtime.recent() == []


def test_data_in_memory_has_no_name(om: Omega) -> None:
    meta = om.runtime.model("m").fit(DATA[["a"]], DATA["y"]).get()
    assert meta.attributes["dataset"] == {
        "X": {"name": None, "version": None, "columns": ["a"]},
        "Y": {"name": None, "version": None, "columns": None},
    }
    assert om.runtime.model("m").fit([[0.0], [1.0]], [0.0, 1.0]).get().attributes["signature"] == {
        "X": {"type": "list", "shape": [None, 1], "dtype": "float64"},
        "Y": {"type": "list", "shape": [None], "dtype": "float64"},
    }


def test_predict_returns_lists_or_frames_or_stores_a_dataset(om: Omega) -> None:
    model = om.runtime.model("m")
    model.fit("data[a]", "data[y]").get()
    expected = pytest.approx(list(DATA["y"]))
    assert model.predict("data[a]").get() == expected
    assert model.predict(DATA[["a"]]).get() == expected
    frame = model.predict(DATA[["a"]].set_index(pd.Index(range(5, 17))), pure_python=False).get()
    assert list(frame["predict"]) == expected
    assert list(frame.index) == list(range(5, 17))
    meta = model.predict("*", rName="found").get()
    assert meta.name == "found"
    assert list(om.datasets.get("found")["predict"]) == expected
    assert model.score("data[a]", "data[y]").get() == pytest.approx(1.0)


def test_a_prediction_loads_a_model_once_and_changes_nothing(om: Omega) -> None:
    om.runtime.model("m").fit("data[a]", "data[y]").get()
    before = om.models.resolve("m").to_plain()
    loaded = {id(om.models.get_backend("m")._cached("m")) for _ in range(3)}  # type: ignore[attr-defined]
    om.runtime.model("m").predict("data[a]").get()
    assert len(loaded) == 1
    assert om.models.resolve("m").to_plain() == before
    om.runtime.model("m").fit("data[b]", "data[y]").get()
    assert om.models.get_backend("m")._cached("m").n_features_in_ == 1  # type: ignore[attr-defined]


def test_classifiers_name_their_classes(om: Omega) -> None:
    om.models.put(LogisticRegression(), "c")
    model = om.runtime.model("c")
    model.fit("data[a,b]", "data[c]").get()
    proba = model.predict_proba("*", pure_python=False).get()
    assert list(proba.columns) == ["u", "v", "w"]
    assert np.allclose(model.predict_proba("*").get(), proba)
    assert list(model.decision_function("*", pure_python=False).get().columns) == ["u", "v", "w"]
    assert set(model.predict("*").get()) <= {"u", "v", "w"}


def test_probabilities_of_several_targets_are_side_by_side(om: Omega) -> None:
    om.models.put(DecisionTreeClassifier(), "c")
    model = om.runtime.model("c")
    model.fit("data[a,b]", DATA[["b", "a"]].astype(int) % 3).get()
    assert np.asarray(model.predict_proba("data[a,b]").get()).shape == (2, 12, 3)
    assert model.predict_proba("data[a,b]", pure_python=False).get().shape == (12, 6)


def test_transformers_fit_and_transform(om: Omega) -> None:
    om.models.put(StandardScaler(), "s")
    rows = om.runtime.model("s").fit_transform("data[a,b]").get()
    assert np.allclose(rows, StandardScaler().fit_transform(DATA[["a", "b"]]))
    frame = om.runtime.model("s").transform("data[a,b]", pure_python=False).get()
    assert list(frame.columns) == ["a", "b"]
    assert om.models.resolve("s").version == 2


def test_what_can_only_fit_and_transform_at_once_does(om: Omega) -> None:
    om.models.put(TSNE(perplexity=3, max_iter=250, random_state=0), "t")
    meta = om.runtime.model("t").fit_transform("data[a,b]", rName="places").get()
    assert (meta.name, om.datasets.get("places").shape) == ("places", (12, 2))
    assert om.models.get("t").embedding_.shape == (12, 2)


def test_fit_keeps_the_model_whatever_its_fit_returns(om: Omega) -> None:
    om.models.put(_Strange(), "s")
    assert om.runtime.model("s").fit("data[a]").get().version == 2
    assert om.models.get("s").rows_ == 12


def test_partial_fit_goes_on_from_the_last_version(om: Omega) -> None:
    om.models.put(SGDClassifier(random_state=0), "c")
    model = om.runtime.model("c")
    model.partial_fit("data[a,b]", "data[c]", classes=["u", "v", "w"]).get()
    model.partial_fit("data[a,b]", "data[c]").get()
    assert om.models.get("c").t_ == 25
    assert om.models.get("c^").t_ == 13


def test_gridsearch_keeps_the_best_model_and_all_results(om: Omega) -> None:
    om.models.put(make_pipeline(StandardScaler(), LogisticRegression()), "c")
    model = om.runtime.model("c")
    meta = model.gridsearch("data[a,b]", "data[c]", parameters={"logisticregression__C": [0.1, 1.0]}, cv=2).get()
    found = meta.attributes["gridsearch"]
    assert found["best_params"]["logisticregression__C"] in {0.1, 1.0}
    assert [result["params"]["logisticregression__C"] for result in found["results"]] == [0.1, 1.0]
    assert found["best_params"]["logisticregression__C"] == om.models.get("c")[-1].C
    with pytest.raises(UnsupportedOptionError, match="parameters="):
        model.gridsearch("data[a,b]", "data[c]").get()


def test_gridsearch_tells_the_results_of_each_scorer(om: Omega) -> None:
    om.models.put(LogisticRegression(), "c")
    options = {"cv": 2, "scoring": ["accuracy", "balanced_accuracy"], "refit": "accuracy"}
    meta = om.runtime.model("c").gridsearch("data[a,b]", "data[c]", parameters={"C": [0.1, 1.0]}, **options).get()
    found = meta.attributes["gridsearch"]
    assert [set(result["mean"]) for result in found["results"]] == [{"accuracy", "balanced_accuracy"}] * 2
    assert found["best_score"] == max(result["mean"]["accuracy"] for result in found["results"])
    with pytest.raises(UnsupportedOptionError, match="refit=False"):
        om.runtime.model("c").gridsearch("data[a,b]", "data[c]", parameters={"C": [1.0]}, refit=False).get()


def test_an_action_that_an_estimator_lacks_is_refused(om: Omega) -> None:
    with pytest.raises(NotImplementedError, match=r"'m' is a LinearRegression, which has no transform\(\)"):
        om.runtime.model("m").transform("data[a]").get()
    with pytest.raises(NotImplementedError, match="transform"):
        om.runtime.model("m").fit_transform("data[a]", "data[y]").get()
    assert om.models.resolve("m").version == 1


def test_errors_of_scikit_learn_keep_their_type(om: Omega) -> None:
    with pytest.raises(NotFittedError):
        om.runtime.model("m").predict("data[a]").get()
    assert NotFittedError in SklearnBackend.error_types()


@pytest.mark.needs("skops")
def test_skops_holds_no_code_and_refuses_what_it_does_not_trust(om: Omega) -> None:
    meta = om.models.put(LogisticRegression(C=3), "s", format="skops")
    assert meta.kind_meta["format"] == "skops"
    assert om.models.get("s").C == 3
    assert om.runtime.model("s").fit("data[a]", "data[c]").get().kind_meta["format"] == "skops"
    with pytest.raises(UnsupportedObjectError, match=r"does not trust: .*_Strange"):
        om.models.put(_Strange(), "s", format="skops")
    with pytest.raises(UnsupportedObjectError, match=r"can not be put as skops: .*broken"):
        om.models.put(_Broken(), "s", format="skops")
    assert om.models.get("s").C == 3


def test_a_format_that_is_not_known_is_refused(om: Omega) -> None:
    with pytest.raises(UnsupportedOptionError, match="pickle, joblib, skops"):
        om.models.put(LogisticRegression(), "s", format="pickles")


@pytest.mark.changes_with("skops")
def test_without_skops_its_format_says_how_to_install_it(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(UnsupportedOptionError, match=r"'s' can not be put: .*pip install 'omega-backends\[skops\]'"):
        om.models.put(LogisticRegression(), "s", format="skops")


def test_a_model_that_can_not_be_pickled_is_refused_and_the_old_one_stays(om: Omega) -> None:
    with pytest.raises(UnsupportedObjectError, match="lambdas"):
        om.models.put(FunctionTransformer(lambda x: x), "m")
    assert isinstance(om.models.get("m"), LinearRegression)


def test_a_model_whose_class_is_gone_says_what_to_do(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("passing_module")
    kind = type("Gone", (BaseEstimator,), {"__module__": "passing_module"})
    module.Gone = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "passing_module", module)
    om.models.put(kind(), "g")
    monkeypatch.delitem(sys.modules, "passing_module")
    with pytest.raises(CorruptPayloadError, match=r"'g' can not be loaded: ModuleNotFoundError.*Install"):
        om.models.get("g")


def test_results_become_frames_and_plain_values() -> None:
    matrix = sparse.csr_matrix([[1.0, 0.0]])
    assert as_python(matrix) == [[1.0, 0.0]]
    encoder = OneHotEncoder()
    assert list(as_frame(encoder, matrix, [[1]], "transform").columns) == ["transform0", "transform1"]
    frame = pd.DataFrame({"x": [1]})
    assert as_frame(encoder, frame, frame, "transform") is frame
    value = {"a": np.float64(1.5), 2: [np.int64(1), float("nan")], "c": object}
    assert plain(value) == {"a": 1.5, "2": [1, None], "c": repr(object)}


class _Strange(BaseEstimator):  # type: ignore[misc]  # scikit-learn brings no types
    """An estimator of our own, whose fit() does not return it."""

    def fit(self, X: Any, y: Any = None) -> None:
        self.rows_ = len(X)


class _Broken(BaseEstimator):  # type: ignore[misc]  # scikit-learn brings no types
    """An estimator that can not be stored."""

    def __getstate__(self) -> Any:
        raise ValueError("broken")
