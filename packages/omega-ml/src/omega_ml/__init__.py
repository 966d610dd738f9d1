"""omega-ml: data and models by name, trained and used by name. ``import omega_ml as om``.

``om.setup(...)`` returns an Omega of your choice. The module itself stands for a default one, which is opened on first
use: ``om.datasets.put(df, 'sales')``, ``om.runtime.model('m').predict('sales')``, ``om['mybucket'].models.list()``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omega_backends.virtualobj import virtualobj as virtualobj
    from omega_domain import errors as errors
    from omega_domain.backends.base import BaseDataBackend as BaseDataBackend
    from omega_domain.backends.base import BaseModelBackend as BaseModelBackend
    from omega_domain.entities.query import Q as Q
    from omega_domain.logbook.logger import OmegaLogger
    from omega_domain.omega import Omega as Omega
    from omega_domain.repository.metadata import GridFSProxy as GridFSProxy
    from omega_domain.repository.metadata import Metadata as Metadata
    from omega_domain.runtime.runtime import OmegaRuntime
    from omega_domain.stores import OmegaStore
    from omega_ml.composition import setup as setup

    bucket: str
    buckets: list[str]
    datasets: OmegaStore
    models: OmegaStore
    jobs: OmegaStore
    scripts: OmegaStore
    logger: OmegaLogger
    runtime: OmegaRuntime

#: What users import from here, and where it is defined.
_EXPORTS = {
    "BaseDataBackend": "omega_domain.backends.base",
    "BaseModelBackend": "omega_domain.backends.base",
    "GridFSProxy": "omega_domain.repository.metadata",
    "Metadata": "omega_domain.repository.metadata",
    "Omega": "omega_domain.omega",
    "Q": "omega_domain.entities.query",
    "setup": "omega_ml.composition",
    "virtualobj": "omega_backends.virtualobj",
}
_OF_DEFAULT = ("bucket", "buckets", "context", "datasets", "jobs", "logger", "models", "runtime", "scripts")


class _LazyModule(ModuleType):
    """This module: exports that are imported on first use, and an Omega that is opened on first use."""

    __lock = RLock()
    __default: Omega | None = None

    def __getattr__(self, name: str) -> Any:
        if name == "errors":
            return import_module("omega_domain.errors")
        if name in _EXPORTS:
            return getattr(import_module(_EXPORTS[name]), name)
        if name in _OF_DEFAULT:
            return getattr(self._omega(), name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __getitem__(self, bucket: str | None) -> Omega:
        return self._omega()[bucket]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_EXPORTS, *_OF_DEFAULT, "errors"})

    def _omega(self) -> Omega:
        with self.__lock:
            if self.__default is None:
                self.__default = import_module("omega_ml.composition").setup()
            return self.__default


sys.modules[__name__].__class__ = _LazyModule
