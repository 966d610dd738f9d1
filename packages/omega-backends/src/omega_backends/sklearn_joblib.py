"""The backend of the kind ``sklearn.joblib``: scikit-learn estimators and pipelines, stored and run by name."""
# ruff: noqa: FBT001, FBT002 -- the signatures of BaseModelBackend

from __future__ import annotations

import pickle
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import pandas as pd
import sklearn.exceptions
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV

from omega_backends.models.arguments import SEARCH, check_arguments, check_grid, check_method, check_search
from omega_backends.models.pickles import read_packed, write_packed
from omega_backends.models.results import as_frame, as_python, plain
from omega_backends.models.signature import SIGNATURE, describe, seen
from omega_backends.models.skops_files import to_skops
from omega_backends.models.unpickle import load_joblib, load_pickle, load_skops
from omega_domain.backends.base import BaseModelBackend
from omega_domain.entities.names import ObjectRef
from omega_domain.entities.version import Part, Payload, Version
from omega_domain.errors import (
    CorruptPayloadError,
    UnsupportedActionError,
    UnsupportedObjectError,
    UnsupportedOptionError,
)
from omega_domain.ports.objects import StoredObject
from omega_domain.ports.store import FileWriter
from omega_domain.repository.linking import FITTED

Format = Literal["pickle", "joblib", "skops"]

_PACKAGES = ("scikit-learn", "numpy", "scipy", "joblib")


class SklearnBackend(BaseModelBackend):
    """Stores scikit-learn estimators and pipelines, and runs them by name.

    ``put(model, name, format='skops')`` stores without code that runs on loading; the default is ``pickle``, and
    ``joblib`` is a file that ``joblib.load`` reads. Each fit makes
    a new version, whose attributes say what data it saw (``dataset``) and what X and Y look like (``signature``).
    """

    KIND: ClassVar[str] = "sklearn.joblib"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is an estimator."""
        return isinstance(obj, BaseEstimator)

    @classmethod
    def error_types(cls) -> Iterable[type[Exception]]:
        """Return the errors of scikit-learn that keep their type on the way from a worker."""
        found = (getattr(sklearn.exceptions, name) for name in sklearn.exceptions.__all__)
        return [error for error in found if issubclass(error, Exception) and not issubclass(error, Warning)]

    @classmethod
    def check_call(cls, name: str, action: str, kwargs: Mapping[str, Any]) -> None:
        """Raise UnsupportedOptionError if a task may not give these arguments to any model."""
        check_arguments(name, action, kwargs)

    def put(
        self, obj: BaseEstimator, name: str, *, attributes: Mapping[str, Any] | None = None, format: Format = "pickle"
    ) -> StoredObject:
        """Store a model as a new version.

        Args:
            obj: the estimator; it is not changed.
            name: plain name of the model.
            attributes: set on the model; a ``signature`` that is not among them is forgotten.
            format: ``pickle``, ``joblib``, or ``skops``, which holds no code.

        Raises:
            UnsupportedObjectError: it can not be stored in this format.
        """
        if format not in get_args(Format):
            known = ", ".join(get_args(Format))
            raise UnsupportedOptionError(f"format={format!r} is not known for {name!r}; there are: {known}")
        part = self._dump_skops(obj, name) if format == "skops" else self._dump_code(obj, name, format)
        kind = type(obj)
        kind_meta = {
            "format": format,
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "packages": {"python": platform.python_version()} | {package: version(package) for package in _PACKAGES},
        }
        meta = self.model_store.make_metadata(name, self.KIND, attributes=attributes)
        return meta.forget(SIGNATURE, SEARCH).set_payload(Payload([part], kind_meta)).save()

    def get(self, name: str) -> Any:
        """Return the model.

        Raises:
            CorruptPayloadError: its content was changed, or it can not be loaded with the packages that are here.
        """
        return self._load(self.model_store.resolve(name))

    def fit(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> StoredObject:
        """Fit the model with data; return the metadata of the new version."""
        return self._fitted("fit", modelname, Xname, Yname, kwargs)

    def partial_fit(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> StoredObject:
        """Fit the model on with more data; return the metadata of the new version."""
        return self._fitted("partial_fit", modelname, Xname, Yname, kwargs)

    def fit_transform(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Fit the model, keep it as a new version, and return the same data transformed."""
        data = self._read(Xname, Yname)
        model = _require(self.get(modelname), "fit_transform", modelname, kwargs)
        result = model.fit_transform(data.X, data.y, **kwargs)
        self._save(model, modelname, data, {})
        return self._returned(model, "transform", result, data.X, rName, pure_python=pure_python)

    def transform(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Return the data transformed: a list of rows, or a DataFrame if not ``pure_python``."""
        return self._applied("transform", modelname, Xname, rName, pure_python=pure_python, **kwargs)

    def predict(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Return the prediction: a list, or a DataFrame if not ``pure_python``."""
        return self._applied("predict", modelname, Xname, rName, pure_python=pure_python, **kwargs)

    def predict_proba(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Return probabilities, one column a class."""
        return self._applied("predict_proba", modelname, Xname, rName, pure_python=pure_python, **kwargs)

    def decision_function(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Return the values of the decision function."""
        return self._applied("decision_function", modelname, Xname, rName, pure_python=pure_python, **kwargs)

    def score(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> float:
        """Return the model's score on data, as ``model.score(X, Y)`` does."""
        model, data = _require(self._cached(modelname), "score", modelname, kwargs), self._read(Xname, Yname)
        return float(model.score(data.X, data.y, **kwargs))

    def gridsearch(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        pure_python: bool = True,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        **kwargs: Any,
    ) -> StoredObject:
        """Search the best parameters by :class:`sklearn.model_selection.GridSearchCV`; keep the best model.

        A task comes from whoever can submit one, so values are plain data, or text where the parameter takes text that
        is no path; see :mod:`omega_backends.models.arguments`.

        Args:
            modelname: name of the model.
            Xname: name of the data.
            Yname: name of the target.
            pure_python: has no effect here.
            parameters: name of a parameter -> values to try; or several such grids.
            kwargs: for GridSearchCV: ``cv``, ``scoring``, ``refit``, ``error_score``, ``return_train_score``,
                ``n_jobs``, ``verbose``, ``pre_dispatch``.

        Returns:
            The metadata of the new version; its attribute ``gridsearch`` holds best parameters, score and all results.

        Raises:
            UnsupportedOptionError: a parameter, a value or an option is not allowed.
        """
        if not parameters:
            raise UnsupportedOptionError(f"gridsearch of {modelname!r} needs parameters={{'name': [values, …]}}")
        if kwargs.get("refit") is False:
            raise UnsupportedOptionError(f"gridsearch of {modelname!r} keeps the best model, so refit=False can not be")
        check_search(modelname, kwargs)
        model = self.get(modelname)
        check_grid(model, modelname, parameters)
        data = self._read(Xname, Yname)
        grid = dict(parameters) if isinstance(parameters, Mapping) else [dict(each) for each in parameters]
        search = GridSearchCV(model, grid, **kwargs).fit(data.X, data.y)
        return self._save(search.best_estimator_, modelname, data, {SEARCH: _found(search)})

    def _dump_code(self, obj: BaseEstimator, name: str, format_: Format) -> Part:
        dump = write_packed if format_ == "pickle" else _dump_joblib
        try:
            return self.model_store.payloads.write(lambda file: dump(obj, file))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise UnsupportedObjectError(
                f"{name!r} can not be put: {error}. Functions and classes of the model must be importable by name; "
                "replace lambdas by functions of a module"
            ) from error

    def _dump_skops(self, obj: BaseEstimator, name: str) -> Part:
        data = to_skops(obj, name, self.model_store.context.trust.types)
        return self.model_store.payloads.write(lambda file: file.write(data))

    def _load(self, meta: StoredObject) -> Any:
        match meta.kind_meta["format"]:
            case "pickle":
                return load_pickle(meta.unpack_trusted(read_packed))
            case "joblib" | "skops" as form:
                with meta.open_trusted(is_code=_is_code(meta)) as file:
                    return load_joblib(file) if form == "joblib" else load_skops(file)
            case unknown:
                raise CorruptPayloadError(
                    f"{meta.name!r} can not be loaded: it is in the format {unknown!r}, and there are: "
                    f"{', '.join(get_args(Format))}. A newer omega-ml may know it"
                )

    def _cached(self, modelname: str) -> Any:
        """Return the model as it was loaded last; it must not be changed."""
        meta, cache = self.model_store.resolve(modelname), self.model_store.context.cache
        kept = cache.get(meta.ref)
        if isinstance(kept, _Kept):
            meta.recall(kept.version).check_trust(is_code=kept.is_code)
            return kept.model
        loaded = _Kept(self._load(meta), meta.record, is_code=_is_code(meta))
        cache.get_or_load(meta.ref, lambda: loaded)
        return loaded.model

    def _read(self, Xname: str, Yname: str | None) -> _Data:
        y = self.data_store.get(Yname) if Yname else None
        return _Data(Xname, Yname, self.data_store.get(Xname), _as_target(y))

    def _fitted(
        self, action: str, modelname: str, Xname: str, Yname: str | None, kwargs: Mapping[str, Any]
    ) -> StoredObject:
        model, data = _require(self.get(modelname), action, modelname, kwargs), self._read(Xname, Yname)
        getattr(model, action)(data.X, data.y, **kwargs)
        return self._save(model, modelname, data, {})

    def _save(self, model: Any, modelname: str, data: _Data, more: Mapping[str, Any]) -> StoredObject:
        attributes = {
            FITTED: {
                "X": seen(self.data_store, data.Xname, data.X),
                "Y": seen(self.data_store, data.Yname, data.y),
            },
            SIGNATURE: {"X": describe(data.X), "Y": describe(data.y)},
            **more,
        }
        format_ = self.model_store.resolve(modelname).kind_meta["format"]
        return self.put(model, ObjectRef.parse(modelname).name, attributes=attributes, format=format_)

    def _applied(
        self, action: str, modelname: str, Xname: str, rName: str | None, *, pure_python: bool, **kwargs: Any
    ) -> Any:
        model = _require(self._cached(modelname), action, modelname, kwargs)
        X = self.data_store.get(Xname)
        return self._returned(model, action, getattr(model, action)(X, **kwargs), X, rName, pure_python=pure_python)

    def _returned(self, model: Any, action: str, result: Any, X: Any, rName: str | None, *, pure_python: bool) -> Any:
        if rName is not None:
            return self.data_store.put(as_frame(model, result, X, action), rName)
        return as_python(result) if pure_python else as_frame(model, result, X, action)


class _Kept(NamedTuple):
    """A model that was loaded, and the version that it was loaded from, so that it need not be read again."""

    model: Any
    version: Version | None
    is_code: bool


class _Data(NamedTuple):
    """What a model is fitted on, and what it is called."""

    Xname: str
    Yname: str | None
    X: Any
    y: Any


class _Sink:
    """What joblib writes to: it asks where it is, to align arrays."""

    def __init__(self, file: FileWriter) -> None:
        self.write = file.write
        self._file = file

    def tell(self) -> int:
        return self._file.size


def _dump_joblib(obj: BaseEstimator, file: FileWriter) -> None:
    import joblib  # noqa: PLC0415 -- loaded with scikit-learn anyway

    joblib.dump(obj, _Sink(file))


def _require(model: Any, action: str, name: str, kwargs: Mapping[str, Any]) -> Any:
    """Return the model if it can do that, and may with these arguments."""
    if not hasattr(model, action):
        raise UnsupportedActionError(f"{name!r} is a {type(model).__name__}, which has no {action}()")
    check_method(model, name, action, kwargs)
    return model


def _is_code(meta: StoredObject) -> bool:
    """Whether loading a model runs code that its payload holds."""
    return bool(meta.kind_meta["format"] != "skops")


def _as_target(y: Any) -> Any:
    """Of a frame with one column take that column, as scikit-learn wants it."""
    return y.iloc[:, 0] if isinstance(y, pd.DataFrame) and y.shape[1] == 1 else y


def _found(search: GridSearchCV) -> dict[str, Any]:
    """Return what a search found; by name of the scorer, if there are several."""
    results = search.cv_results_
    means, stds = _scores(results, "mean_test_"), _scores(results, "std_test_")
    return {
        "best_params": plain(search.best_params_),
        "best_score": plain(getattr(search, "best_score_", None)),
        "results": [
            {"params": plain(params), "mean": plain(mean), "std": plain(std)}
            for params, mean, std in zip(results["params"], means, stds, strict=True)
        ],
    }


def _scores(results: Mapping[str, Any], prefix: str) -> list[Any]:
    found = {key.removeprefix(prefix): values for key, values in results.items() if key.startswith(prefix)}
    if list(found) == ["score"]:
        return list(found["score"])
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
