"""Base classes of backends, for the core's, for ours and for yours."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from omega_domain.errors import UnsupportedActionError
from omega_domain.ports.backend import DataBackend, SupportsActions
from omega_domain.ports.objects import Objects, StoredObject

ACTIONS = (
    "fit",
    "partial_fit",
    "transform",
    "fit_transform",
    "predict",
    "predict_proba",
    "decision_function",
    "score",
    "gridsearch",
    "reduce",
    "run",
)


class BaseDataBackend(DataBackend):
    """Stores objects of one kind. Set ``KIND``, and write ``supports``, ``put`` and ``get``.

    ``put(obj, name, **kwargs)`` stores the payload, makes metadata by ``self.data_store.make_metadata(name, kind)`` (or
    takes up what it has put before, which ``self.data_store.metadata(name)`` gives it), and returns ``meta.save()``:
    that is the moment when the object becomes visible. Name ``append`` among its parameters if it can append, and
    every option it knows.
    ``get(name, **kwargs)`` finds in ``self.data_store.metadata(name)`` the version that is to be read; name
    ``columns``, ``filter``, ``rows`` or ``chunksize`` among its parameters if it can give parts of an object.

    Attributes:
        data_store: the store of datasets.
        model_store: the store of models.
    """

    KIND: ClassVar[str] = ""
    #: Prefixes of the stores in which objects are taken for this kind, before all others; empty for every store.
    PREFIXES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, data_store: Objects, model_store: Objects) -> None:
        self.data_store = data_store
        self.model_store = model_store

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this backend stores the object; unless overridden, only if its kind was asked for."""
        return "kind" in kwargs

    def put(self, obj: Any, name: str, /, *args: Any, **kwargs: Any) -> StoredObject:
        """Store the object; to be overridden."""
        raise UnsupportedActionError(f"{type(self).__name__} has no put(), needed for {name!r}")

    def get(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Return the object; to be overridden."""
        raise UnsupportedActionError(f"{type(self).__name__} has no get(), needed for {name!r}")

    def drop(self, name: str, /, *args: Any, **kwargs: Any) -> None:
        """Clean up outside of the store before the object is dropped; nothing to do unless overridden."""

    @classmethod
    def describe(cls) -> str:
        """Return what this backend stores and which options it takes, for ``store.help``."""
        title = [cls.KIND or cls.__name__, *([_doc(cls) or cls.__name__] if cls.KIND else filter(None, [_doc(cls)]))]
        methods = ["put", "get", *(action for action in ACTIONS if _overrides(cls, action))]
        return "\n".join([": ".join(title), "", *(f"{method}{_signature(cls, method)}" for method in methods)])


class BaseModelBackend(BaseDataBackend, SupportsActions):
    """Stores models of one kind and runs them by name.

    Each action takes the name of the model and the names of its data, all of which must exist:
    ``fit(modelname, Xname, Yname=None, pure_python=True, **kwargs)``. It is called in a worker without prior loading of
    model or data. An action that is not overridden raises UnsupportedActionError, which is a NotImplementedError.
    """

    def actions(self) -> frozenset[str]:
        """Return the names of the methods that the runtime may call."""
        return frozenset(ACTIONS)

    def fit(self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any) -> Any:
        """Fit the model with data; return the metadata of the new version."""
        raise self._not_supported("fit", modelname)

    def partial_fit(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Fit the model on with more data; return the metadata of the new version."""
        raise self._not_supported("partial_fit", modelname)

    def transform(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Transform data; return it, or the metadata of the dataset ``rName``."""
        raise self._not_supported("transform", modelname)

    def fit_transform(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        rName: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Fit the model and transform the same data."""
        raise self._not_supported("fit_transform", modelname)

    def predict(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Predict from data; return the prediction, or the metadata of the dataset ``rName``."""
        raise self._not_supported("predict", modelname)

    def predict_proba(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Predict probabilities of classes."""
        raise self._not_supported("predict_proba", modelname)

    def decision_function(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Return the decision function's values."""
        raise self._not_supported("decision_function", modelname)

    def score(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Return the model's score on data."""
        raise self._not_supported("score", modelname)

    def gridsearch(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Search the best parameters; return the metadata of the new version."""
        raise self._not_supported("gridsearch", modelname)

    def reduce(self, modelname: str, results: Any, pure_python: bool = True, **kwargs: Any) -> Any:
        """Combine the results of several tasks."""
        raise self._not_supported("reduce", modelname)

    def run(self, modelname: str, data: Any = None, pure_python: bool = True, **kwargs: Any) -> Any:
        """Call the object as a function."""
        raise self._not_supported("run", modelname)

    def _not_supported(self, action: str, modelname: str) -> UnsupportedActionError:
        return UnsupportedActionError(f"{modelname!r} is a {self.KIND or type(self).__name__}, which has no {action}()")


def _doc(cls: type) -> str:
    """What a class or one that it is made from says of itself; not what the base classes here say."""
    documented = next(parent for parent in cls.__mro__ if parent.__doc__)
    return "" if documented in {BaseDataBackend, BaseModelBackend} else inspect.getdoc(documented) or ""


def _overrides(cls: type, action: str) -> bool:
    return hasattr(cls, action) and getattr(cls, action) is not getattr(BaseModelBackend, action)


def _signature(cls: type, method: str) -> str:
    return str(inspect.signature(getattr(cls, method))).replace("self, ", "").replace("'", "")
