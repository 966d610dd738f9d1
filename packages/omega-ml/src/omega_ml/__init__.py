"""omega-ml: data and models by name, trained and used by name. ``import omega_ml as om``.

The module is a full :class:`Omega`, the default one, which is opened on first use: ``om.datasets.put(df, 'sales')``,
``om.runtime.model('m').predict('sales')``, ``om['mybucket'].models.list()``. ``om.setup(...)`` returns an Omega of your
choice and leaves the default as it is.

Type checkers allow no ``[…]`` on a module. ``from omega_ml import om`` is the same module, typed as an Omega.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from omega_backends.virtualobj import virtualobj as virtualobj
    from omega_domain import errors as errors
    from omega_domain.backends.base import BaseDataBackend as BaseDataBackend
    from omega_domain.backends.base import BaseModelBackend as BaseModelBackend
    from omega_domain.documents.codec import JsonCodec as JsonCodec
    from omega_domain.documents.codec import Leaf as Leaf
    from omega_domain.entities.promotion import Outcome as Outcome
    from omega_domain.entities.query import Q as Q
    from omega_domain.omega import Omega as Omega
    from omega_domain.ports.gate import Candidate as Candidate
    from omega_domain.ports.gate import Gate as Gate
    from omega_domain.repository.context import Context as Context
    from omega_domain.repository.context import Retention as Retention
    from omega_domain.repository.files import GridFSProxy as GridFSProxy
    from omega_domain.repository.metadata import Metadata as Metadata
    from omega_domain.tasks.results import AsyncResult as AsyncResult
    from omega_domain.tasks.results import GroupResult as GroupResult
    from omega_ml.composition import setup as setup

    #: This module, as the Omega that it is; the names below have their types from it.
    om: Omega = Omega()
    backup: Final = om.backup
    bucket: Final = om.bucket
    buckets: Final = om.buckets
    check: Final = om.check
    collect: Final = om.collect
    context: Final = om.context
    datasets: Final = om.datasets
    describe_archive: Final = om.describe_archive
    export: Final = om.export
    in_context: Final = om.in_context
    import_archive: Final = om.import_archive
    jobs: Final = om.jobs
    logger: Final = om.logger
    models: Final = om.models
    queue: Final = om.queue
    receive: Final = om.receive
    restore: Final = om.restore
    router: Final = om.router
    runtime: Final = om.runtime
    scripts: Final = om.scripts
    usage: Final = om.usage

#: What users import from here, and where it is defined.
_EXPORTS = {
    "AsyncResult": "omega_domain.tasks.results",
    "BaseDataBackend": "omega_domain.backends.base",
    "BaseModelBackend": "omega_domain.backends.base",
    "Candidate": "omega_domain.ports.gate",
    "Context": "omega_domain.repository.context",
    "Gate": "omega_domain.ports.gate",
    "GridFSProxy": "omega_domain.repository.files",
    "GroupResult": "omega_domain.tasks.results",
    "JsonCodec": "omega_domain.documents.codec",
    "Leaf": "omega_domain.documents.codec",
    "Metadata": "omega_domain.repository.metadata",
    "Omega": "omega_domain.omega",
    "Outcome": "omega_domain.entities.promotion",
    "Q": "omega_domain.entities.query",
    "Retention": "omega_domain.repository.context",
    "setup": "omega_ml.composition",
    "virtualobj": "omega_backends.virtualobj",
}


class _LazyModule(ModuleType):
    """This module: exports that are imported on first use, and an Omega that is opened on first use."""

    __lock = RLock()
    __default: Omega | None = None

    def __getattr__(self, name: str) -> Any:
        if name == "om":
            return self
        if name == "errors":
            return import_module("omega_domain.errors")
        if name in _EXPORTS:
            return getattr(import_module(_EXPORTS[name]), name)
        if name == "__all__":
            return sorted({*_EXPORTS, "errors", "om"})
        if not name.startswith("_") and name in _names_of_omega():
            return getattr(self._omega(), name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __getitem__(self, bucket: str | None) -> Omega:
        return self._omega()[bucket]

    def __dir__(self) -> list[str]:
        return sorted({*_EXPORTS, *_names_of_omega(), "errors", "om"})

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled function may name this module; like any module, it is imported where the function is loaded."""
        return import_module, (self.__name__,)

    def _omega(self) -> Omega:
        with self.__lock:
            if self.__default is None:
                self.__default = import_module("omega_ml.composition").setup()
            return self.__default


@cache
def _names_of_omega() -> frozenset[str]:
    """Return the public names of an Omega: methods, properties, and the attributes that its class declares."""
    omega = import_module("omega_domain.omega").Omega
    return frozenset(name for name in (*dir(omega), *omega.__annotations__) if not name.startswith("_"))


sys.modules[__name__].__class__ = _LazyModule
