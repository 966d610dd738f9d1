"""The backend of the kind ``python.package``: scripts, which are packages or modules of Python code."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, ClassVar, Final

from omega_backends.scripts.loading import PACKAGES, LoadedPackage
from omega_backends.scripts.reading import read_source
from omega_backends.scripts.requirements import check_requirements
from omega_backends.scripts.source import Source
from omega_domain.backends.base import BaseDataBackend
from omega_domain.entities.names import JOBS, NOUN_OF, SCRIPTS
from omega_domain.entities.version import Payload
from omega_domain.ports.backend import SupportsActions, SupportsSummary
from omega_domain.ports.objects import StoredObject

NOTHING: Final = object()


class PythonPackageBackend(BaseDataBackend, SupportsActions, SupportsSummary):
    """Stores the code of a package (a folder) or module (a ``.py`` file), and runs its function ``run(om, …)``.

    It is put by its path, as the imported module, or as a function of it, which is called in place of ``run``. ``get``
    returns the module; ``get(..., path='…')`` writes the code into that folder. A run gets the version that is current
    then; modules of other scripts are not in its way.
    """

    KIND: ClassVar[str] = "python.package"
    PREFIXES: ClassVar[tuple[str, ...]] = (SCRIPTS, JOBS)

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is a module, a function or a path; what is there is looked at when it is put."""
        return isinstance(obj, str | os.PathLike | ModuleType | FunctionType)

    def actions(self) -> frozenset[str]:
        """Return ``run``."""
        return frozenset({"run"})

    def put(self, obj: Any, name: str, *, requirements: Sequence[str] | None = None) -> StoredObject:
        """Store the code; nothing of it is run.

        Args:
            obj: path, module or function.
            name: name of the script.
            requirements: what must be installed where it runs, such as ``['pandas>=2']``; by default what is declared
                beside the code: ``requirements.txt``, ``pyproject.toml``, or the inline metadata of a module.

        Raises:
            UnsupportedObjectError: it is not such code, or has no function to call.
        """
        source = read_source(obj, self._title(name), requirements)
        content = source.to_zip()
        part = self.model_store.payloads.write(lambda file: file.write(content))
        return self.model_store.make_metadata(name, self.KIND).set_payload(Payload([part], source.facts)).save()

    def get(self, name: str, *, path: str | os.PathLike[str] | None = None) -> ModuleType | Path:
        """Return the module of a script, loaded; or write its code to a folder, and return the path there.

        Args:
            name: name of the script.
            path: the folder to write to; then nothing is run, and its requirements need not be installed.

        Raises:
            MissingRequirementError: something that it needs is not installed here.
            CorruptPayloadError: it was damaged.
        """
        meta = self.model_store.resolve(name)
        return self._load(meta).module if path is None else self._read(meta).write_to(Path(path))

    def run(self, scriptname: str, /, *args: Any, om: Any, forwarded: Any = NOTHING, **kwargs: Any) -> Any:
        """Call the function of a script.

        Args:
            scriptname: name of the script.
            args: arguments behind ``om``.
            om: the Omega of the task's bucket.
            forwarded: what the task before has returned, or the list of what all have returned: the first argument if
                none are given and the function takes one, else the keyword ``results`` if it takes that.
            kwargs: further arguments.

        Raises:
            MissingRequirementError: something that it needs is not installed here.
            CorruptPayloadError: it was damaged.
        """
        package = self._load(self.model_store.resolve(scriptname))
        with package.in_use():
            function = package.entry
            if forwarded is not NOTHING:
                args, kwargs = _forward(function, om, forwarded, args, kwargs)
            return function(om, *args, **kwargs)

    def summary(self, name: str) -> dict[str, Any]:
        """Return the files, the function and the requirements."""
        return dict(self.model_store.resolve(name).kind_meta)

    def _title(self, name: str) -> str:
        return f"{NOUN_OF[self.model_store.prefix]} {name!r}"

    def _load(self, meta: StoredObject) -> LoadedPackage:
        meta.check_trust()

        def read() -> Source:
            check_requirements(meta.kind_meta["requirements"], self._title(meta.name))
            return self._read(meta)

        key = f"{meta.ref.id} {meta.parts[0].sha256}"
        return PACKAGES.get_or_load(key, read, title=f"{NOUN_OF[meta.prefix]} {meta.name}@{meta.version}")

    def _read(self, meta: StoredObject) -> Source:
        with self.model_store.payloads.open(meta.parts[0], whole=True) as file:
            return Source.from_zip(file.read(), meta.kind_meta, self._title(meta.name))


def _forward(
    function: Callable[..., Any], om: Any, value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Add what was forwarded to the arguments of a function, where it can take it."""
    signature = inspect.signature(function)
    choices = [((value,), dict(kwargs))] if not args else []
    choices += [(args, {**kwargs, "results": value})] if "results" not in kwargs else []
    return next((each for each in choices if _fits(signature, om, *each)), (args, dict(kwargs)))


def _fits(signature: inspect.Signature, om: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    try:
        signature.bind_partial(om, *args, **kwargs)
    except TypeError:
        return False
    return True
