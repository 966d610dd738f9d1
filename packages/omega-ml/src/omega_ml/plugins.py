"""Plug-ins: stores, backends and codec leaves that installed packages offer by entry points.

Groups: ``omega.stores`` (name = scheme of the URL, value = ``open(url) -> (MetadataStore, Store)``), ``omega.backends``
(name = kind, value = a backend class), ``omega.gates`` (a gate, a class or function that makes a gate from arguments,
or a function of the candidate), ``omega.promotions`` (a function that makes a promotion, without arguments) and
``omega.codecs`` (name = top-level name of a library, value = a function that returns the leaves of its types).
``omega.runtimes`` and ``omega.workers`` name the function that opens the distributed runtime, and the function that
runs a worker. Nothing of a plug-in is imported before it is needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

from omega_domain.backends.registry import BackendRegistry
from omega_domain.deliveries.sending import FolderPromotion
from omega_domain.documents.codec import JsonCodec, Leaf, LeafLoader
from omega_domain.entities.redaction import redacted
from omega_domain.errors import PluginError, SettingsError
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.promotion import Promotion
from omega_domain.ports.router import Router
from omega_domain.ports.store import Store
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.repository.context import Context

STORES, BACKENDS, CODECS = "omega.stores", "omega.backends", "omega.codecs"
RUNTIMES, WORKERS, GATES = "omega.runtimes", "omega.workers", "omega.gates"
PROMOTIONS = "omega.promotions"
CELERY = "celery"
#: The promotions that need no plug-in: from store to store, and by files in a folder.
COPY, FOLDER = "copy", "folder"

#: Schemes of our own adapters that need not be installed, and their packages.
PACKAGES = {"mongodb": "omega-ml[mongo]", "mongodb+srv": "omega-ml[mongo]", "file": "omega-local"}

OpenStore = Callable[..., tuple[MetadataStore, Store]]


def open_stores(
    where: Any, *, options: Mapping[str, Any] | None = None, plugins: Iterable[EntryPoint] | None = None
) -> tuple[MetadataStore, Store]:
    """Open the metadata store and the payload store that a URL names, by the plug-in of its scheme.

    Args:
        where: the URL, or a client of pymongo.
        options: of MongoClient.
        plugins: entry points to choose from; by default those that are installed.

    Raises:
        SettingsError: no installed package knows the scheme; the message names the one to install. Or the URL is
            malformed.
        PluginError: the plug-in can not be loaded, or two claim the scheme.
    """
    scheme = where.partition("://")[0] if isinstance(where, str) else "mongodb"
    found = _by_name(entry_points(group=STORES) if plugins is None else plugins)
    if scheme not in found:
        remedy = f"install {PACKAGES[scheme]}" if scheme in PACKAGES else "install the package that brings it"
        raise SettingsError(
            f"no store for URLs that start with {redacted(scheme)}://: {remedy}, or use one of: "
            f"{', '.join(f'{known}://' for known in sorted(found))}"
        )
    if options and not scheme.startswith("mongodb"):
        raise SettingsError(f"mongo_options are set ({', '.join(sorted(options))}), but the store is a {scheme}:// one")
    open_store: OpenStore = _load(found[scheme])
    return open_store(where, **(options or {}))


def open_runtime(
    context: Context,
    *,
    broker_url: str,
    celeryconf: Mapping[str, Any],
    plugins: Iterable[EntryPoint] | None = None,
) -> tuple[TaskQueue, Router]:
    """Return the queue and the router of the distributed runtime.

    Raises:
        SettingsError: it is not installed, or a setting is wrong.
        PluginError: it can not be loaded.
    """
    open_runtime: Callable[..., tuple[TaskQueue, Router]] = _the_runtime(RUNTIMES, plugins, _BROKER_NEEDS)
    return open_runtime(context, broker_url=broker_url, celeryconf=celeryconf)


def worker_runner(plugins: Iterable[EntryPoint] | None = None) -> Callable[..., int]:
    """Return the function that runs a worker of the distributed runtime.

    Raises:
        SettingsError: it is not installed.
        PluginError: it can not be loaded.
    """
    runner: Callable[..., int] = _the_runtime(WORKERS, plugins, _WORKERS_NEED)
    return runner


_BROKER_NEEDS: Final = (
    "broker_url asks for the distributed runtime, which is not installed: install omega-ml[celery], or leave it out to "
    "run tasks in this process"
)
_WORKERS_NEED: Final = "workers need the distributed runtime, which is not installed: install omega-ml[celery]"


def _the_runtime(group: str, plugins: Iterable[EntryPoint] | None, otherwise: str) -> Any:
    found = _by_name(entry_points(group=group) if plugins is None else plugins)
    if CELERY not in found:
        raise SettingsError(otherwise)
    return _load(found[CELERY])


def backends(plugins: Iterable[EntryPoint] | None = None) -> BackendRegistry:
    """Return a registry of all backends that are installed; each is imported on first use, and warns if it fails.

    Raises:
        PluginError: two packages claim the same kind.
    """
    registry = BackendRegistry()
    for plugin in entry_points(group=BACKENDS) if plugins is None else plugins:
        registry.register_lazy(plugin.name, plugin.load, origin=_origin(plugin))
    return registry


def gates(plugins: Iterable[EntryPoint] | None = None) -> Mapping[str, Callable[[], Any]]:
    """Return what loads the gates that are installed, by name.

    Raises:
        PluginError: two packages claim the same name; or, from what loads it, one can not be loaded.
    """
    found = _by_name(entry_points(group=GATES) if plugins is None else plugins)
    return {name: partial(_load, plugin) for name, plugin in found.items()}


def promotion(name: str, plugins: Iterable[EntryPoint] | None = None) -> Promotion | None:
    """Return the promotion of a name; None for ``copy``, which every context has.

    Args:
        name: ``copy``; ``folder:PATH``, which sends by files in a folder; or what an installed package brings.
        plugins: what is installed.

    Raises:
        SettingsError: no installed package brings it.
        PluginError: it can not be loaded or made, or two packages claim the name.
    """
    if name == COPY:
        return None
    kind, _, path = name.partition(":")
    if kind == FOLDER and path:
        return FolderPromotion(Path(path).expanduser())
    found = _by_name(entry_points(group=PROMOTIONS) if plugins is None else plugins)
    if name not in found:
        known = ", ".join([COPY, f"{FOLDER}:PATH", *sorted(found)])
        raise SettingsError(f"no promotion {name!r}: install the package that brings it, or use one of: {known}")
    make: Callable[[], Promotion] = _load(found[name])
    try:
        return make()
    except Exception as error:
        raise PluginError(f"the promotion {_origin(found[name])} can not be made: {error}") from error


def codec(plugins: Iterable[EntryPoint] | None = None) -> JsonCodec:
    """Return a codec that knows the types of all libraries for which leaves are installed.

    Raises:
        PluginError: two packages bring leaves for the same library.
    """
    found = _by_name(entry_points(group=CODECS) if plugins is None else plugins)
    return JsonCodec({library: _leaf_loader(plugin) for library, plugin in found.items()})


def _leaf_loader(plugin: EntryPoint) -> LeafLoader:
    def load() -> Iterable[Leaf]:
        try:
            leaves: Iterable[Leaf] = _load(plugin)()
        except PluginError as error:
            warnings.warn(str(error), stacklevel=2)
            return ()
        return leaves

    return load


def _by_name(plugins: Iterable[EntryPoint]) -> Mapping[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for plugin in plugins:
        other = found.setdefault(plugin.name, plugin)
        if other.value != plugin.value:
            raise PluginError(
                f"two plug-ins of the group {plugin.group} claim {plugin.name!r}: {_origin(other)} and "
                f"{_origin(plugin)}; uninstall one of them"
            )
    return found


def _load(plugin: EntryPoint) -> Any:
    try:
        return plugin.load()
    except Exception as error:
        raise PluginError(
            f"the plug-in {_origin(plugin)} can not be loaded: {error}; upgrade or uninstall it"
        ) from error


def _origin(plugin: EntryPoint) -> str:
    return f"{plugin.value} of {plugin.dist.name}" if plugin.dist else plugin.value
