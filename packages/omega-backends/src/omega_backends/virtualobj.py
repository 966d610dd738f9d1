"""The backend of the kind ``virtualobj.cloudpickle``: functions and classes that are data or models to their users."""
# ruff: noqa: FBT001, FBT002 -- the signatures of BaseModelBackend

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import Any, ClassVar, TypeVar

from omega_backends.models.unpickle import load_joblib
from omega_domain.backends.base import BaseModelBackend
from omega_domain.entities.version import Payload
from omega_domain.errors import PluginError, UnsupportedObjectError
from omega_domain.ports.store import FileWriter

INSTALL = "pip install 'omega-backends[virtualobj]'"
MARK = "__omega_virtualobj__"
T = TypeVar("T")

_registering = RLock()


def virtualobj(obj: T) -> T:
    """Make a function or class a virtual object: put by name, it is called where its data or predictions are asked for.

    A function is called with those of these arguments that it takes: ``method`` (``predict``, ``fit``, ``run``,
    ``reduce``, …), ``data`` (or else its first parameter: what the runtime was given), ``meta`` (its metadata),
    ``store`` (where it lives), and with ``Y`` and all further arguments of the caller. It is asked for ``get``, ``put``
    and ``drop`` only if it has a parameter ``method``. A class has a method for each thing it does.
    """
    setattr(obj, MARK, True)
    return obj


class VirtualObjectBackend(BaseModelBackend):
    """Stores functions and classes decorated by ``@virtualobj``, by value, and calls them.

    ``get`` asks the virtual object; with ``raw=True``, or if it does not answer ``get``, it returns the function or
    class itself.
    """

    KIND: ClassVar[str] = "virtualobj.cloudpickle"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this was decorated by ``@virtualobj``."""
        return getattr(obj, MARK, False) is True

    def put(self, obj: Any, name: str) -> Any:
        """Store a virtual object; anything else is handed to the virtual object of this name.

        Raises:
            UnsupportedObjectError: it refers to something that can not be stored, or cloudpickle is not installed.
        """
        if not self.supports(obj, name):
            return self._call(name, "put", {"data": obj})
        part = self.model_store.payloads.write(lambda file: _dump(obj, file, name))
        return self.model_store.make_metadata(name, self.KIND).set_payload(Payload([part])).save()

    def get(self, name: str, *, raw: bool = False, **kwargs: Any) -> Any:
        """Return what the virtual object answers to ``get``; with ``raw=True`` the object itself."""
        target = self._load(name)
        if raw or _answer(target, "get", is_asked_for=False) is None:
            return target
        return self._call(name, "get", {}, **kwargs)

    def drop(self, name: str) -> None:
        """Tell the virtual object that it is being dropped; if that fails, warn, and go on."""
        try:
            if _answer(self._load(name), "drop", is_asked_for=False) is not None:
                self._call(name, "drop", {})
        except Exception as error:  # noqa: BLE001 -- or it could never be dropped
            warnings.warn(f"{name!r} is dropped, but failed when it was told so: {error!r}", stacklevel=2)

    def fit(self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any) -> Any:
        """Call it with data."""
        return self._on_data("fit", modelname, Xname, Yname, pure_python=pure_python, **kwargs)

    def partial_fit(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Call it with data."""
        return self._on_data("partial_fit", modelname, Xname, Yname, pure_python=pure_python, **kwargs)

    def score(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Call it with data."""
        return self._on_data("score", modelname, Xname, Yname, pure_python=pure_python, **kwargs)

    def predict(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Call it with data; return what it returns, or put that under ``rName``."""
        result = self._on_data("predict", modelname, Xname, pure_python=pure_python, **kwargs)
        return result if rName is None else self.data_store.put(result, rName)

    def transform(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Call it with data; return what it returns, or put that under ``rName``."""
        result = self._on_data("transform", modelname, Xname, pure_python=pure_python, **kwargs)
        return result if rName is None else self.data_store.put(result, rName)

    def predict_proba(
        self, modelname: str, Xname: str, rName: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> Any:
        """Call it with data; return what it returns, or put that under ``rName``."""
        result = self._on_data("predict_proba", modelname, Xname, pure_python=pure_python, **kwargs)
        return result if rName is None else self.data_store.put(result, rName)

    def reduce(self, modelname: str, results: Any, pure_python: bool = True, **kwargs: Any) -> Any:
        """Call it with the list of the results of other tasks, as ``results`` or ``data``."""
        offered = {"data": results, "results": results, "pure_python": pure_python}
        return self._call(modelname, "reduce", offered, **kwargs)

    def run(self, modelname: str, data: Any = None, pure_python: bool = True, **kwargs: Any) -> Any:
        """Call it with a value, or without."""
        given = {} if data is None else {"data": data}
        return self._call(modelname, "run", {**given, "pure_python": pure_python}, **kwargs)

    def _on_data(
        self, action: str, modelname: str, Xname: str, Yname: str | None = None, *, pure_python: bool, **kwargs: Any
    ) -> Any:
        if Yname is not None:
            kwargs["Y"] = self.data_store.get(Yname)
        offered = {"data": self.data_store.get(Xname), "pure_python": pure_python}
        return self._call(modelname, action, offered, **kwargs)

    def _call(self, name: str, action: str, offered: Mapping[str, Any], **kwargs: Any) -> Any:
        answer = _answer(self._load(name), action)
        if answer is None:
            raise self._not_supported(action, name)
        offered = {**offered, "method": action, "meta": self.model_store.metadata(name), "store": self.model_store}
        args, taken = _arguments(answer, offered)
        return answer(*args, **{**taken, **kwargs})

    def _load(self, name: str) -> Any:
        try:
            import cloudpickle  # noqa: F401, PLC0415 -- an extra; what it wrote asks for it
        except ImportError as error:
            raise PluginError(f"to load {name!r}, install cloudpickle: {INSTALL}") from error
        with self.model_store.metadata(name, required=True).open_trusted() as file:
            return load_joblib(file)  # it reads any pickle


def _answer(target: Any, action: str, *, is_asked_for: bool = True) -> Callable[..., Any] | None:
    """Return what is to be called for an action; None if the virtual object does not answer it."""
    if inspect.isroutine(target):
        return target if is_asked_for or "method" in inspect.signature(target).parameters else None
    handler = target() if isinstance(target, type) else target
    found = getattr(handler, action, None)
    return found if callable(found) else None


def _arguments(function: Callable[..., Any], offered: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return those of the offered arguments that a function takes; data may go to its first parameter."""
    parameters = inspect.signature(function).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    taken = {name: value for name, value in offered.items() if takes_all or name in parameters}
    first = next(iter(parameters.values()), None)
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    is_free = first is not None and first.kind in by_place and first.name not in offered and first.name != "method"
    if "data" in offered and "data" not in parameters and is_free:
        taken.pop("data", None)
        return [offered["data"]], taken
    return [], taken


def _dump(obj: Any, file: FileWriter, name: str) -> None:
    try:
        import cloudpickle  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise UnsupportedObjectError(f"to put the virtual object {name!r}, install cloudpickle: {INSTALL}") from error
    try:
        with _by_value(obj):
            cloudpickle.dump(obj, file)
    except Exception as error:
        raise UnsupportedObjectError(
            f"{name!r} can not be put: it refers to something that can not be stored: {error}. "
            "Make it inside the function, or pass it when the function is called"
        ) from error


@contextmanager
def _by_value(obj: Any) -> Iterator[None]:
    """Have cloudpickle write the module of an object by value, so that it loads where that module is not installed."""
    import cloudpickle  # noqa: PLC0415 -- loaded when needed

    module = sys.modules.get(obj.__module__)
    with _registering:
        is_ours = module is not None and obj.__module__ not in {
            "__main__",
            *cloudpickle.list_registry_pickle_by_value(),
        }
        if is_ours:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            if is_ours:
                cloudpickle.unregister_pickle_by_value(module)
