"""Loading of scripts: each version is a world of its own, whatever its modules are called.

A script's modules are in ``sys.modules`` by names that no import statement can spell: ``pkg@1f2e…`` and
``pkg@1f2e….inner``. Code of the script that imports its own package, by its plain name or relatively, gets these;
nothing is written to a disk, and ``sys.path`` stays as it is. A version is loaded once in a process, by whatever
context and thread; of those that were not used for long, the modules are taken out of ``sys.modules`` again.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.abc
import importlib.util
import io
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.resources.abc import TraversableResources
from threading import RLock
from types import ModuleType
from typing import Any, Final
from weakref import WeakValueDictionary

from omega_backends.scripts.source import Source

CAPACITY: Final = 16


class LoadedPackage:
    """A version of a script, whose modules are loaded when they are needed.

    Args:
        packages: those of this process.
        source: the code.
        root: what its top module is called here.
        title: what it is called in tracebacks.

    Attributes:
        source: the same.
        root: the same.
        title: the same.
    """

    def __init__(self, packages: LoadedPackages, source: Source, *, root: str, title: str) -> None:
        self._packages = packages
        self.source = source
        self.root = root
        self.title = title
        self.modules: dict[str, ModuleType] = {}
        self.users = 0
        self.builtins: Mapping[str, Any] = {**vars(builtins), "__import__": self._import}

    @property
    def module(self) -> ModuleType:
        """The module that has the function."""
        with self.in_use():
            return importlib.import_module(".".join(filter(None, [self.root, self.source.within])))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the modules where Python looks for them while something of them runs."""
        self._packages.enter(self)
        try:
            yield
        finally:
            self._packages.leave(self)

    @property
    def entry(self) -> Callable[..., Any]:
        """The function that is called."""
        found: Callable[..., Any] = getattr(self.module, self.source.entry)
        return found

    def spec_of(self, fullname: str) -> ModuleSpec | None:
        """Return how a module of this script is loaded; None if it has no such module."""
        within = fullname.removeprefix(self.root).removeprefix(".")
        file = self.source.file_of(within)
        if file is not None:
            loader = ScriptLoader(self, file)
            return importlib.util.spec_from_loader(fullname, loader, origin=loader.get_filename(fullname))
        return ModuleSpec(fullname, None, is_package=True) if self.source.has_folder(within) else None

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
        is_own = level == 0 and top == self.source.top
        if not (is_own or level):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        with self.in_use():
            own = f"{self.root}{dot}{rest}" if is_own else name
            return builtins.__import__(own, globals, locals, fromlist or (), level)


class LoadedPackages(importlib.abc.MetaPathFinder):
    """The versions of scripts that are loaded in this process; finds their modules.

    Args:
        capacity: of how many the modules stay loaded while nothing of them runs.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._lock = RLock()
        self._recent: OrderedDict[str, LoadedPackage] = OrderedDict()
        self._findable: dict[str, LoadedPackage] = {}
        self._alive: WeakValueDictionary[str, LoadedPackage] = WeakValueDictionary()

    def get_or_load(self, key: str, read: Callable[[], Source], *, title: str) -> LoadedPackage:
        """Return a version of a script, its modules loaded.

        Args:
            key: what tells the version from all others.
            read: returns its code.
            title: what it is called in tracebacks.
        """
        package = self._alive.get(key) or self._new(key, read(), title)
        with self._lock:
            package = self._alive.setdefault(key, package)
            self._keep(key, package)
        try:
            package.module  # noqa: B018 -- loads it
        except BaseException:
            self._forget(key)
            package.modules = {}
            raise
        return package

    def clear(self) -> None:
        """Take the modules of all scripts of which nothing runs out of ``sys.modules``."""
        for key in list(self._recent):
            self._forget(key)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how a module of a script is loaded; None for all others."""
        package = self._findable.get(fullname.partition(".")[0])
        return package.spec_of(fullname) if package is not None else None

    def enter(self, package: LoadedPackage) -> None:
        """Put the modules of a script where Python looks for them."""
        with self._lock:
            package.users += 1
            if package.root not in self._findable:
                self._findable[package.root] = package
                sys.modules.update(package.modules)
            if self not in sys.meta_path:
                sys.meta_path.insert(0, self)

    def leave(self, package: LoadedPackage) -> None:
        """Take them away again, if nothing else needs them."""
        with self._lock:
            package.users -= 1
            self._put_away(package)

    def _new(self, key: str, source: Source, title: str) -> LoadedPackage:
        root = f"{source.top}@{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        return LoadedPackage(self, source, root=root, title=f"{title} {source.digest[:8]}")

    def _keep(self, key: str, package: LoadedPackage) -> None:
        self._recent[key] = package
        self._recent.move_to_end(key)
        while len(self._recent) > self._capacity:
            self._put_away(self._recent.popitem(last=False)[1])

    def _forget(self, key: str) -> None:
        with self._lock:
            package = self._recent.pop(key, None)
            if package is not None:
                self._put_away(package)

    def _put_away(self, package: LoadedPackage) -> None:
        is_needed = package.users > 0 or package in self._recent.values()
        if is_needed or self._findable.pop(package.root, None) is None:
            return
        own = [name for name in list(sys.modules) if name.partition(".")[0] == package.root]
        package.modules = {name: sys.modules.pop(name) for name in own}
        if not self._findable:
            sys.meta_path.remove(self)


class ScriptLoader(importlib.abc.ExecutionLoader):
    """Loads one module of a script; also gives its source to tracebacks, and files beside it to its code.

    Args:
        package: the script.
        file: path of the module within it.

    Attributes:
        package: the same.
    """

    def __init__(self, package: LoadedPackage, file: str) -> None:
        self.package = package
        self._file = file

    def exec_module(self, module: ModuleType) -> None:
        """Run the code of a module, for which its own package is at its plain name."""
        module.__dict__["__builtins__"] = self.package.builtins
        module.__file__ = self.get_filename(module.__name__)
        super().exec_module(module)

    def get_filename(self, fullname: str) -> str:
        """Return what the file is called in tracebacks."""
        return f"<{self.package.title}>/{self._file}"

    def get_source(self, fullname: str) -> str:
        """Return the source."""
        return importlib.util.decode_source(self.package.source.files[self._file])

    def get_data(self, path: str) -> bytes:
        """Return the content of a file beside the code, for ``pkgutil.get_data``."""
        try:
            return self.package.source.files[path.removeprefix(f"<{self.package.title}>/")]
        except KeyError as error:
            raise FileNotFoundError(f"there is no {path}") from error

    def is_package(self, fullname: str) -> bool:
        """Tell whether it is a package."""
        return self._file.endswith("/__init__.py")

    def get_resource_reader(self, fullname: str) -> _Resources | None:
        """Return what gives the files of a package to ``importlib.resources``."""
        return _Resources(self.package.source, self._file) if self.is_package(fullname) else None


class _Resources(TraversableResources):
    """The files beside the modules of a package, for ``importlib.resources.files(__package__)``."""

    def __init__(self, source: Source, file: str) -> None:
        self._source = source
        self._folder = file.removesuffix("__init__.py")

    def files(self) -> Any:
        """Return the folder."""
        return zipfile.Path(zipfile.ZipFile(io.BytesIO(self._source.to_zip())), self._folder)


def source_of(module: ModuleType) -> Source | None:
    """Return the code of the script that a module belongs to; None if it is of no script."""
    loader = getattr(module.__spec__, "loader", None)
    return loader.package.source if isinstance(loader, ScriptLoader) else None


#: Those of this process: ``sys.modules``, too, is one for all contexts.
PACKAGES: Final = LoadedPackages()
