"""Loading of scripts: each version is a world of its own, whatever its modules are called.

A script's modules are in ``sys.modules`` by names that no other has. Code of the script that imports its own package,
by its plain name or relatively, gets these; nothing is written to a disk, and ``sys.path`` stays as it is.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.util
import io
import sys
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any, Final

from packaging.requirements import Requirement

from omega_backends.package_source import Source, module_path
from omega_domain.errors import CorruptPayloadError, MissingRequirementError

_PREFIX: Final = "_omega_script_"
_loading = threading.RLock()


class LoadedPackage:
    """A version of a script whose modules are loaded; they are unloaded when nobody refers to this any more.

    Args:
        source: the code.
        token: what tells its modules from those of all other scripts and versions.
        title: what it is called in tracebacks.

    Attributes:
        module: the top module.
    """

    def __init__(self, source: Source, token: str, title: str) -> None:
        self._root = f"{_PREFIX}{token}"
        self._finder = _Finder(source, self._root, title)
        with _loading:
            self._unload()
            sys.meta_path.insert(0, self._finder)
            try:
                self.module = importlib.import_module(self._root)
            except BaseException:
                self._unload()
                raise

    @property
    def entry(self) -> Callable[..., Any]:
        """The function that is called."""
        found: Callable[..., Any] = getattr(self.module, self._finder.source.entry)
        return found

    def _unload(self) -> None:
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        for name in [name for name in sys.modules if name == self._root or name.startswith(f"{self._root}.")]:
            del sys.modules[name]

    def __del__(self) -> None:
        if sys.meta_path is not None:  # None when Python ends
            self._unload()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of one script."""

    def __init__(self, source: Source, root: str, title: str) -> None:
        self.source = source
        self.root = root
        self.title = title
        self.builtins: Mapping[str, Any] = {**vars(builtins), "__import__": self._import}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return how a module of this script is loaded; None for all others."""
        if fullname != self.root and not fullname.startswith(f"{self.root}."):
            return None
        file = module_path(self.source, self.source.top + fullname.removeprefix(self.root))
        if file is None:
            return None
        loader = _Loader(self, file)
        return importlib.util.spec_from_loader(fullname, loader, origin=loader.get_filename(fullname))

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Import as Python does, but the script's own package by the name that it has here."""
        top, dot, rest = name.partition(".")
        if level or top != self.source.top:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = importlib.import_module(self.root + dot + rest)
        for word in fromlist or ():
            if hasattr(module, "__path__") and not hasattr(module, word):
                self._import_if_there(f"{module.__name__}.{word}")
        return module if fromlist else sys.modules[self.root]

    def _import_if_there(self, name: str) -> None:
        if module_path(self.source, self.source.top + name.removeprefix(self.root)) is not None:
            importlib.import_module(name)


class _Loader(importlib.abc.ExecutionLoader):
    """Loads one module of a script; also gives its source to tracebacks."""

    def __init__(self, finder: _Finder, file: str) -> None:
        self._finder = finder
        self._file = file

    def exec_module(self, module: ModuleType) -> None:
        """Run the code of a module, for which its own package is at its plain name."""
        module.__dict__["__builtins__"] = self._finder.builtins
        super().exec_module(module)

    def get_filename(self, fullname: str) -> str:
        """Return what the file is called in tracebacks."""
        return f"<{self._finder.title}>/{self._file}"

    def get_source(self, fullname: str) -> str:
        """Return the source."""
        return importlib.util.decode_source(self._finder.source.files[self._file])

    def is_package(self, fullname: str) -> bool:
        """Tell whether it is a package."""
        return self._file.endswith("/__init__.py")

    def get_resource_reader(self, fullname: str) -> _Resources | None:
        """Return what gives the files of a package to ``importlib.resources``."""
        return _Resources(self._finder.source, self._file) if self.is_package(fullname) else None


class _Resources(importlib.abc.TraversableResources):
    """The files beside the modules of a package, for ``importlib.resources.files(__package__)``."""

    def __init__(self, source: Source, file: str) -> None:
        self._source = source
        self._folder = file.removesuffix("__init__.py")

    def files(self) -> Any:
        """Return the folder."""
        return zipfile.Path(zipfile.ZipFile(io.BytesIO(self._source.to_zip())), self._folder)


def unpack(content: bytes, kind_meta: Mapping[str, Any], name: str) -> Source:
    """Return the code in a zip that was put.

    Raises:
        CorruptPayloadError: it is no such zip.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = {path: archive.read(path) for path in archive.namelist()}
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise CorruptPayloadError(f"the script {name!r} can not be unpacked: {error}; put it again") from error
    return Source(top=kind_meta["top"], files=files, entry=kind_meta["entry"])


def check_requirements(requirements: Sequence[str], name: str) -> None:
    """Raise if something that a script needs is not installed here.

    Raises:
        MissingRequirementError: it names all that is missing, and the versions that are there instead.
    """
    missing = [found for found in map(_missing, map(Requirement, requirements)) if found]
    if missing:
        raise MissingRequirementError(
            f"the script {name!r} needs {'; '.join(missing)}: install this where the task runs "
            f"(pip install {' '.join(repr(text) for text in requirements)})"
        )


def _missing(requirement: Requirement) -> str | None:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return None
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement}, which is not installed"
    if requirement.specifier.contains(found, prereleases=True):
        return None
    return f"{requirement}, but {found} is installed"
