"""A small complete model backend, and one for its data, to try runtimes with nothing but the standard library."""
# ruff: noqa: ARG002, FBT001, FBT002 -- the signatures of BaseModelBackend

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from omega_domain.backends.base import BaseDataBackend, BaseModelBackend
from omega_domain.entities.version import Payload
from omega_domain.errors import ColumnNotFoundError
from omega_domain.ports.objects import Objects, StoredObject
from omega_domain.repository.linking import FITTED


class NumbersBackend(BaseDataBackend):
    """Keeps lists of numbers."""

    KIND: ClassVar[str] = "test.numbers"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is a list of numbers."""
        return isinstance(obj, list) and all(isinstance(item, int | float) for item in obj)

    def put(self, obj: list[float], name: str, *, attributes: dict[str, Any] | None = None) -> StoredObject:
        """Store the numbers."""
        return _save(self.data_store, name, self.KIND, obj, attributes)

    def get(self, name: str) -> list[float]:
        """Return the numbers."""
        numbers: list[float] = _load(self.data_store, name)
        return numbers


class NotFittedError(ValueError):
    """A model of a library was used before it was fitted."""


class UnknownToClientError(Exception):
    """An error whose type no client knows."""


#: Errors of all sorts that a task may raise.
ERRORS: Mapping[str, BaseException] = {
    "builtin": KeyError("a", 1),
    "file": FileNotFoundError(2, "No such file", "a.csv"),
    "decoding": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    "ours": ColumnNotFoundError("no column 'z'"),
    "library": NotFittedError("'m' is not fitted yet"),
    "unknown": UnknownToClientError("nobody knows"),
    "group": ExceptionGroup("several", [ValueError("one")]),
    "odd arguments": ValueError(object()),
    "exit": SystemExit(3),
}


@dataclass(frozen=True)
class Affine:
    """A model that predicts ``factor * x + offset``; ``factor=None`` is one that was not fitted."""

    factor: float | None = None
    offset: float = 0.0


class AffineBackend(BaseModelBackend):
    """Keeps and runs :class:`Affine` models. ``fit`` finds the factor that leads from the sum of X to that of Y."""

    KIND: ClassVar[str] = "test.affine"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is an Affine."""
        return isinstance(obj, Affine)

    @classmethod
    def error_types(cls) -> Iterable[type[Exception]]:
        """Return the errors of this library that keep their type."""
        return (NotFittedError,)

    def put(self, obj: Affine, name: str, *, attributes: dict[str, Any] | None = None) -> StoredObject:
        """Store the model."""
        return _save(self.model_store, name, self.KIND, asdict(obj), attributes)

    def get(self, name: str) -> Affine:
        """Return the model."""
        return Affine(**_load(self.model_store, name))

    def fit(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> StoredObject:
        """Fit the model; return the metadata of its new version."""
        x = self.data_store.get(Xname)
        y = self.data_store.get(Yname) if Yname else x
        seen = {"X": {"name": self._known(Xname)}, "Y": {"name": self._known(Yname)}}
        return self.model_store.put(Affine(sum(y) / sum(x)), modelname.partition("@")[0], attributes={FITTED: seen})

    def predict(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Predict numbers, or put them under ``rName``."""
        model = self.get(modelname)
        if model.factor is None:
            raise NotFittedError(f"{modelname!r} is not fitted yet")
        numbers = [model.factor * x + model.offset for x in self.data_store.get(Xname)]
        return numbers if rName is None else self.data_store.put(numbers, rName)

    def score(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> float:
        """Return the greatest error."""
        pairs = zip(self.predict(modelname, Xname), self.data_store.get(Yname or Xname), strict=True)
        return float(max((abs(found - wanted) for found, wanted in pairs), default=0))

    def reduce(self, modelname: str, results: Any, pure_python: bool = True, **kwargs: Any) -> Any:
        """Return the sums of lists of numbers."""
        return [sum(numbers) for numbers in results]

    def run(self, modelname: str, data: Any = None, pure_python: bool = True, **kwargs: Any) -> Any:
        """Return what was given, or ``returns``."""
        return kwargs.get("returns", {"model": modelname, "data": data, **kwargs})

    def transform(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Raise the error of this name in :data:`ERRORS`."""
        raise ERRORS[kwargs["error"]]

    def decision_function(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Return what can not travel."""
        return self.model_store.make_metadata(modelname, self.KIND) if kwargs else self.get(modelname)

    def _known(self, name: str | None) -> str | None:
        return name if name and self.data_store.metadata(name) else None


def _save(store: Objects, name: str, kind: str, obj: Any, attributes: dict[str, Any] | None) -> StoredObject:
    part = store.payloads.write(lambda file: file.write(json.dumps(obj).encode()))
    return store.make_metadata(name, kind, attributes=attributes).set_payload(Payload([part])).save()


def _load(store: Objects, name: str) -> Any:
    with store.payloads.open(store.metadata(name, required=True).parts[0]) as file:
        return json.load(file)
