"""Ports of the backends: how one kind of object is stored, and how a model of one kind is run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from omega_domain.ports.objects import Objects, StoredObject


class DataBackend(Protocol):
    """Stores objects of one kind.

    ``put`` returns the saved metadata; ``get`` the object. A backend reaches payloads only through its ``data_store``
    and ``model_store``. Options are free (``**kwargs: Any``): each kind has its own, and one that a
    method does not name among its parameters is refused before it is called.
    """

    KIND: ClassVar[str]

    @abstractmethod
    def __init__(self, *, data_store: Objects, model_store: Objects) -> None:
        """Bind the backend to the stores that it works on."""

    @classmethod
    @abstractmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:
        """Tell whether this backend stores the object; must be quick and must not change it."""

    # obj is Any, not object: whoever overrides this may say which type of objects the kind stores
    @abstractmethod
    def put(self, obj: Any, name: str, /, *args: Any, **kwargs: Any) -> StoredObject:
        """Store the object and return its saved metadata."""

    @abstractmethod
    def get(self, name: str, /, *args: Any, **kwargs: Any) -> object:
        """Return the object."""

    @abstractmethod
    def drop(self, name: str, /, *args: Any, **kwargs: Any) -> None:
        """Clean up outside of the store, before the object is dropped; the store's own payload goes by itself."""


@runtime_checkable
class SupportsActions(Protocol):
    """Ability of a model backend: the actions that the runtime may call on it.

    Each is called as ``action(modelname, *names of data, **kwargs)`` in the worker, without prior loading.
    """

    @abstractmethod
    def actions(self) -> frozenset[str]:
        """Return the names of the methods that the runtime may call."""


@runtime_checkable
class SupportsCallCheck(Protocol):
    """Ability of a model backend: refuse arguments of an action before a task is submitted.

    It is a courtesy to who submits: a task may come from others, so an action checks its arguments itself.
    """

    @classmethod
    @abstractmethod
    def check_call(cls, name: str, action: str, kwargs: Mapping[str, Any]) -> None:
        """Raise UnsupportedOptionError if an action can not be given these arguments; the model is not loaded."""


@runtime_checkable
class SupportsErrors(Protocol):
    """Ability of a model backend: errors of its library keep their type on the way from the worker to the client."""

    @classmethod
    @abstractmethod
    def error_types(cls) -> Iterable[type[Exception]]:
        """Return the types of errors that may be made anew from their arguments where the result is asked for."""


@runtime_checkable
class SupportsCompact(Protocol):
    """Ability of a backend whose objects grow by segments: merge them."""

    @abstractmethod
    def compact(self, name: str) -> StoredObject:
        """Rewrite the object in as few segments as sensible, as a new version; return its metadata."""


@runtime_checkable
class SupportsSummary(Protocol):
    """Ability of a backend to say more of an object than its metadata does."""

    @abstractmethod
    def summary(self, name: str) -> dict[str, Any]:
        """Return facts for people, in plain JSON types: rows, columns, …."""
