"""The actions of a model by its name: what ``om.runtime.model('m')`` returns."""

from __future__ import annotations

from typing import Any

from omega_domain.repository.metadata import Metadata
from omega_domain.runtime.submission import Submission
from omega_domain.tasks.results import AsyncResult


class ModelProxy:
    """Submits actions on a model; each returns an :class:`~omega_domain.tasks.results.AsyncResult` at once.

    Data are names of datasets (``'sales[x,y]'``), ``'*'`` for what the model was last fitted on, or in memory: frames,
    arrays, lists. Without data, those that it is linked to are used, or those of its last fit. ``rName`` names a
    dataset to keep the result in; then its metadata is returned. ``pure_python=False`` asks for frames and arrays
    instead of lists. Further arguments go to the model's method.

    Each raises ObjectNotFoundError if there is no such model or dataset, and NoWorkerError if nobody runs it; then
    nothing was submitted.
    """

    def __init__(self, submission: Submission, name: str) -> None:
        self._submission = submission
        self.name = name

    def fit(self, Xname: Any = None, Yname: Any = None, **kwargs: Any) -> AsyncResult:
        """Fit the model; returns the metadata of its new version."""
        return self._call("fit", Xname, Yname, **kwargs)

    def partial_fit(self, Xname: Any = None, Yname: Any = None, **kwargs: Any) -> AsyncResult:
        """Fit the model on with more data; returns the metadata of its new version."""
        return self._call("partial_fit", Xname, Yname, **kwargs)

    def transform(self, Xname: Any = None, rName: str | None = None, **kwargs: Any) -> AsyncResult:
        """Transform data."""
        return self._call("transform", Xname, rName=rName, **kwargs)

    def fit_transform(
        self, Xname: Any = None, Yname: Any = None, rName: str | None = None, **kwargs: Any
    ) -> AsyncResult:
        """Fit the model, which makes a new version, and transform the same data."""
        return self._call("fit_transform", Xname, Yname, rName=rName, **kwargs)

    def predict(self, Xname: Any = None, rName: str | None = None, **kwargs: Any) -> AsyncResult:
        """Predict from data."""
        return self._call("predict", Xname, rName=rName, **kwargs)

    def predict_proba(self, Xname: Any = None, rName: str | None = None, **kwargs: Any) -> AsyncResult:
        """Predict the probabilities of classes."""
        return self._call("predict_proba", Xname, rName=rName, **kwargs)

    def decision_function(self, Xname: Any = None, rName: str | None = None, **kwargs: Any) -> AsyncResult:
        """Return the values of the decision function."""
        return self._call("decision_function", Xname, rName=rName, **kwargs)

    def score(self, Xname: Any = None, Yname: Any = None, **kwargs: Any) -> AsyncResult:
        """Score the model on data."""
        return self._call("score", Xname, Yname, **kwargs)

    def gridsearch(self, Xname: Any = None, Yname: Any = None, **kwargs: Any) -> AsyncResult:
        """Search the best of some ``parameters``; returns the metadata of the new version, which has them."""
        return self._call("gridsearch", Xname, Yname, **kwargs)

    def reduce(self, results: Any = None, **kwargs: Any) -> AsyncResult:
        """Combine a list of results; the last task of a mapreduce gets that list by itself."""
        return self._call("reduce", results, **kwargs)

    def run(self, data: Any = None, **kwargs: Any) -> AsyncResult:
        """Call a virtual object as a function, with this value."""
        return self._call("run", data, **kwargs)

    def link_dataset(self, Xname: str, Yname: str | None = None) -> Metadata:
        """Make datasets the data of the model for when none are given; return its metadata."""
        return self._submission.stores.models.link_dataset(self.name, Xname, Yname)

    def _call(self, action: str, *data: Any, rName: str | None = None, **kwargs: Any) -> AsyncResult:
        given = kwargs if rName is None else {"rName": rName, **kwargs}
        return self._submission.call(self.name, action, data, given)

    def __repr__(self) -> str:
        return f"<ModelProxy: {self.name}>"
