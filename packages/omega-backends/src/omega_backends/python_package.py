"""The backend of the kind ``python.package``: scripts, which are packages or modules of Python code."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, ClassVar, Final, cast

from omega_backends.package_loading import LoadedPackage, check_requirements, unpack
from omega_backends.package_source import read_source
from omega_domain.entities.version import Payload
from omega_domain.ports.backend import SupportsActions
from omega_domain.services.base_backends import BaseDataBackend
from omega_domain.services.context import JOBS, SCRIPTS
from omega_domain.services.metadata import Metadata

NOTHING: Final = object()


class PythonPackageBackend(BaseDataBackend, SupportsActions):
    """Stores the code of a package (a folder) or module (a ``.py`` file), and runs its function ``run(om, …)``.

    It is put by its path, as the imported module, or as a function of it, which is called in place of ``run``. ``get``
    returns the module. A run gets the version that is current then; modules of other scripts are not in its way.
    """

    KIND: ClassVar[str] = "python.package"
    PREFIXES: ClassVar[tuple[str, ...]] = (SCRIPTS, JOBS)

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is a module, a function, or a path."""
        return isinstance(obj, str | Path | ModuleType | FunctionType)

    def actions(self) -> frozenset[str]:
        """Return ``run``."""
        return frozenset({"run"})

    def put(self, obj: Any, name: str, *, requirements: Sequence[str] | None = None) -> Metadata:
        """Store the code; nothing of it is run.

        Args:
            obj: path, module or function.
            name: name of the script.
            requirements: what must be installed where it runs, such as ``['pandas>=2']``; by default what the
                ``requirements.txt`` in the folder, or the ``pyproject.toml`` in or above it, says.

        Raises:
            UnsupportedObjectError: it is not such code, or has no function to call.
        """
        source = read_source(obj, name, requirements)
        content = source.to_zip()
        part = self.model_store.payloads.write(lambda file: file.write(content))
        facts = {
            "top": source.top,
            "entry": source.entry,
            "requirements": list(source.requirements),
            "files": sorted(source.files),
        }
        return self.model_store.make_metadata(name, self.KIND).set_payload(Payload([part], facts)).save()

    def get(self, name: str) -> ModuleType:
        """Return the module of a script, loaded; its requirements must be installed.

        Raises:
            MissingRequirementError: something that it needs is not installed here.
        """
        return self._load(name).module

    def run(self, scriptname: str, *args: Any, om: Any, forwarded: Any = NOTHING, **kwargs: Any) -> Any:
        """Call the function of a script.

        Args:
            scriptname: name of the script.
            args: arguments behind ``om``.
            om: the Omega of the task's bucket.
            forwarded: what the task before has returned, or the list of what all have returned: the first argument if
                none are given, else the keyword ``results`` if the function takes it.
            kwargs: further arguments.
        """
        package = self._load(scriptname)
        function = package.entry
        if forwarded is not NOTHING:
            args, kwargs = _forward(function, forwarded, args, kwargs)
        return function(om, *args, **kwargs)

    def summary(self, name: str) -> dict[str, Any]:
        """Return the files, the function and the requirements."""
        return dict(self.model_store.resolve(name).kind_meta)

    def _load(self, name: str) -> LoadedPackage:
        meta = self.model_store.resolve(name)
        check_requirements(meta.kind_meta["requirements"], name)
        cache = self.model_store.context.cache
        return cast("LoadedPackage", cache.get_or_load(meta.ref, lambda: self._import(meta)))

    def _import(self, meta: Metadata) -> LoadedPackage:
        with self.model_store.payloads.open(meta.parts[0]) as file:
            source = unpack(file.read(), meta.kind_meta, meta.name)
        linecache.checkcache()
        return LoadedPackage(source, meta.ref.id, f"script {meta.name}@{meta.version}")


def _forward(
    function: Callable[..., Any], value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Add what was forwarded to the arguments of a function, where it can take it."""
    parameters = [*inspect.signature(function).parameters.values()][1:]
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    is_free = bool(parameters) and parameters[0].kind in places and parameters[0].name not in kwargs
    if not args and (is_free or any(each.kind is each.VAR_POSITIONAL for each in parameters)):
        return (value,), dict(kwargs)
    takes_results = any(each.kind is each.VAR_KEYWORD or each.name == "results" for each in parameters)
    return args, {**kwargs, "results": value} if takes_results and "results" not in kwargs else dict(kwargs)
