"""Which backend stores which kind of object, and which options it takes."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from threading import RLock
from typing import Any, Final

from omega_domain.entities.names import ObjectKey, ObjectRef
from omega_domain.entities.query import Q, all_of
from omega_domain.errors import PluginError, UnknownKindError, UnsupportedObjectError, UnsupportedOptionError
from omega_domain.ports.backend import DataBackend

BackendClass = type[DataBackend]
BackendLoader = Callable[[], BackendClass]

DEFAULT_CHUNK: Final = 10_000
#: Stores that backends may be made for; in the others nothing is loaded to look for such.
_WITH_OWN: Final = frozenset({"jobs/", "scripts/"})


class BackendRegistry:
    """Backends by kind, loaded on first use.

    Backends registered by a user are asked before those that came from entry points, the newest first.
    """

    def __init__(self) -> None:
        self._classes: dict[str, BackendClass] = {}
        self._loaders: dict[str, tuple[BackendLoader, str]] = {}
        self._lock = RLock()

    def register(self, kind: str, backend: BackendClass) -> None:
        """Use this class for objects of this kind, in place of any other."""
        with self._lock:
            self._loaders.pop(kind, None)
            self._classes.pop(kind, None)
            self._classes = {kind: backend, **self._classes}

    def register_lazy(self, kind: str, load: BackendLoader, *, origin: str) -> None:
        """Use the class that ``load`` returns, once it is needed.

        Args:
            kind: the kind of object.
            load: returns the class.
            origin: where it comes from, for messages.

        Raises:
            PluginError: another origin claims the same kind.
        """
        with self._lock:
            former = self._loaders.get(kind)
            if former and former[1] != origin:
                raise PluginError(
                    f"two backends claim the kind {kind!r}: {former[1]} and {origin}; uninstall one of them"
                )
            self._loaders[kind] = (load, origin)

    @property
    def kinds(self) -> list[str]:
        """All known kinds, sorted."""
        with self._lock:
            return sorted({*self._classes, *self._loaders})

    def by_kind(self, kind: str) -> BackendClass:
        """Return the backend of this kind.

        Raises:
            UnknownKindError: there is none; the message lists those there are.
        """
        backend = self._load(kind)
        if backend is None:
            raise UnknownKindError(
                f"no backend for the kind {kind!r}; there are: {', '.join(self.kinds) or 'none'}. "
                "Install the package that brings it, or call store.register_backend(kind, cls)"
            )
        return backend

    def is_by(self, kind: str, backend: BackendClass | None) -> bool:
        """Tell whether it is this backend that stores objects of a kind; nothing is loaded."""
        with self._lock:
            return self._classes.get(kind) is backend

    def by_object(self, obj: object, name: str, *, prefix: str = "", **options: Any) -> BackendClass:
        """Return the first backend that supports this object.

        Args:
            obj: the object.
            name: its name.
            prefix: of the store it is put into; backends of that store alone are asked first, those of others never.
            options: of the put.

        Raises:
            UnsupportedObjectError: none does; the message lists what is supported.
        """
        for backend in self._candidates(prefix):
            if backend.supports(obj, name, **options):
                return backend
        found = type(obj)
        raise UnsupportedObjectError(
            f"{name!r} can not be put: nothing stores objects of type {found.__module__}.{found.__qualname__}. "
            f"Supported kinds: {', '.join(self.kinds) or 'none'}. "
            "Convert it, or register a backend by store.register_backend(kind, cls)"
        )

    def to_put(
        self, obj: object, key: ObjectKey, *, kind: str | None, stored: str | None, options: Mapping[str, Any]
    ) -> BackendClass:
        """Return what is to store an object: as asked, as it is stored already if it is appended to, or the first.

        Args:
            obj: the object.
            key: where it is put.
            kind: the kind that is asked for.
            stored: the kind of what is appended to.
            options: of the put.

        Raises:
            UnknownKindError: there is no such kind. UnsupportedObjectError: nothing stores the object, or not by it.
        """
        if kind:
            asked = self.by_kind(kind)
            if not asked.supports(obj, key.name, kind=kind, **options):
                raise UnsupportedObjectError(
                    f"{key.name!r} can not be put: kind {kind!r} does not store {type(obj).__name__} objects"
                )
            return asked
        if stored in self.kinds:
            present = self.by_kind(str(stored))
            if present.supports(obj, key.name, append_to=stored, **options):
                return present
        return self.by_object(obj, key.name, prefix=key.prefix, **options)

    def help(self, kinds: Iterable[str] | None = None) -> str:
        """Return what some kinds, or all, store and which options they take."""
        return "\n\n".join(_describe(kind, self.by_kind(kind)) for kind in (self.kinds if kinds is None else kinds))

    def _candidates(self, prefix: str) -> Iterator[BackendClass]:
        """Iterate over the backends of a store, its own first; each is loaded when it is its turn."""
        if prefix in _WITH_OWN:
            yield from [backend for backend in self._possible() if prefix in _places(backend)]
        yield from (backend for backend in self._possible() if not _places(backend))

    def _possible(self) -> Iterator[BackendClass]:
        for kind in [*self._classes, *self._loaders]:
            if (kind in self._classes or _can_exist(kind)) and (backend := self._load(kind)) is not None:
                yield backend

    def _load(self, kind: str) -> BackendClass | None:
        with self._lock:
            if kind not in self._classes and kind in self._loaders:
                load, origin = self._loaders[kind]
                try:
                    self._classes[kind] = load()
                except Exception as error:  # noqa: BLE001 -- a broken plug-in must not break the others
                    warnings.warn(f"the backend {origin} of kind {kind!r} can not be loaded: {error}", stacklevel=3)
                    return None
            return self._classes.get(kind)


def known(cls: type, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the given options that a method of a backend takes."""
    parameters = _parameters(getattr(cls, method))
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return {name: value for name, value in given.items() if takes_all or name in parameters}


def refuse_unknown(
    cls: type[DataBackend], method: str, given: Mapping[str, Any], name: str, *, must_name: set[str] | None = None
) -> None:
    """Raise if a method of a backend does not take an option; those in ``must_name`` count only if it names them."""
    accepted = known(cls, method, given)
    named = _parameters(getattr(cls, method))
    unknown = [
        option for option in given if option not in accepted or (option in (must_name or ()) and option not in named)
    ]
    if unknown:
        options = [p for p in named if p not in {"self", "obj", "name", "attributes", "kwargs", "options"}]
        raise UnsupportedOptionError(
            f"{', '.join(map(repr, unknown))} can not be used to {method} {name!r}: the kind "
            f"{cls.KIND or cls.__name__!r} takes {', '.join(options) or 'no options'}"
        )


def get_options(cls: type[DataBackend], ref: ObjectRef, options: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the grammar of the name and filters by keyword into options of the backend's ``get``."""
    given = dict(options)
    if ref.columns is not None:
        given |= {"columns": ref.columns} | ({"excluding": True} if ref.excluding else {})
    if ref.part is not None and ref.part.name == "rows":
        given["rows"] = (ref.part.options.get("start", 0), ref.part.options.get("end"))
    elif ref.part is not None:
        given["chunksize"] = ref.part.options.get("chunksize", DEFAULT_CHUNK)
    parameters = _parameters(cls.get)
    if "filter" in parameters:
        conditions = {name: given.pop(name) for name in list(given) if name not in parameters}
        filters = [q for q in (given.pop("filter", None), Q(**conditions) if conditions else None) if q is not None]
        if filters:
            given["filter"] = all_of(filters)
    must_name = {"columns", "excluding", "rows", "chunksize"}
    refuse_unknown(cls, "get", given, ref.name, must_name=must_name & set(given))
    return given


@lru_cache(maxsize=256)
def _parameters(method: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a method; to look at its code for each call would take longer than many a call."""
    return inspect.signature(method).parameters


def _places(backend: BackendClass) -> tuple[str, ...]:
    return getattr(backend, "PREFIXES", ())


def _can_exist(kind: str) -> bool:
    """Whether there can be an object of this kind: one of pandas can not before pandas is imported."""
    library = kind.partition(".")[0]
    return library in sys.modules or find_spec(library) is None


def _describe(kind: str, backend: BackendClass) -> str:
    describe = getattr(backend, "describe", None)
    text = str(describe()) if describe else inspect.getdoc(backend) or backend.__name__
    return text if text.startswith(kind) else f"{kind}: {text}"
