"""Composition: from settings to a wired Omega. The one place that chooses adapters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.omega import Omega
from omega_domain.ports.gate import GatePolicy
from omega_domain.ports.keys import KeyRing
from omega_domain.repository.context import Context
from omega_domain.trust import Trust
from omega_ml import plugins
from omega_ml.keys import FolderKeyRing
from omega_ml.settings import Settings, load_settings


class DatabaseClient(Protocol):
    """A client of a database, such as ``pymongo.MongoClient``, that names a default database."""

    def get_default_database(self) -> object:
        """Return the database that its URL names."""


def setup(
    mongo_url: str | DatabaseClient | None = None,
    celeryconf: Mapping[str, Any] | None = None,
    bucket: str | None = None,
    context: str | None = None,
    home: str | Path | None = None,
    **settings: Any,
) -> Omega:
    """Return an Omega on the stores, the bucket and the runtime that arguments, environment and files choose.

    Args:
        mongo_url: URL of a MongoDB database, the same as ``store=``; or a client of pymongo, whose default database
            is used.
        celeryconf: settings of Celery, for the distributed runtime: ``broker_url`` and what else there is to set.
        bucket: name of the bucket.
        context: a context that is described in ``omega.toml``.
        home: folder of the embedded store.
        settings: ``store=`` (``file:///path``, ``memory://``, …), ``mongo_options=`` (a dict of what ``MongoClient``
            takes and the URL does not say), ``broker_url=``, ``author=``, ``grace=``, ``lease=``, ``keep=``,
            ``patience=``, ``trust=``, ``code=``, ``trusted_keys=``, ``trusted_types=``, ``keys=``, ``gates=``,
            ``promotion=``.

    Raises:
        SettingsError: a setting is unknown or of the wrong form, or needs a package that is not installed.
        PluginError: two packages offer the same kind of object.
    """
    given = {
        "mongo_url": mongo_url,
        "celeryconf": celeryconf,
        "bucket": bucket,
        "context": context,
        "home": home,
        **settings,
    }
    return open_omega(load_settings(given))


def open_omega(settings: Settings) -> Omega:
    """Return an Omega as the settings say; secrets are looked up, and nothing is written before the first put."""
    settings = settings.resolved()
    metadata, store = plugins.open_stores(settings.store.value, options=settings.mongo_options.value)
    context = Context(
        name=settings.context.value,
        metadata=metadata,
        store=store,
        clock=SystemClock(),
        registry=plugins.backends(),
        codec=plugins.codec(),
        author=settings.author.value,
        retention=settings.retention,
        patience=settings.patience.value,
        trust=trust_of(settings),
        gates=GatePolicy(declared=settings.gates.value, plugins=plugins.gates()),
        promotion=plugins.promotion(settings.promotion.value),
    )
    broker_url, celeryconf = settings.broker
    if broker_url is None:
        return Omega(context, bucket=settings.bucket.value, contexts=_described)
    queue, router = plugins.open_runtime(context, broker_url=broker_url, celeryconf=celeryconf)
    return Omega(context, bucket=settings.bucket.value, queue=queue, router=router, contexts=_described)


def _described(name: str) -> Omega:
    return setup(context=name)


def trust_of(settings: Settings) -> Trust:
    """Return the rules for the code that may be loaded; a key is made when it is needed."""
    where = settings.store.value
    is_in_memory = isinstance(where, str) and where.startswith("memory://")
    keys: KeyRing = _of_this_process() if is_in_memory else key_ring(settings)
    return Trust(keys, settings.trust.value, code=settings.code.value, types=settings.trusted_types.value)


def key_ring(settings: Settings) -> FolderKeyRing:
    """Return the keys of the context that the settings choose."""
    folder = settings.keys.value / quote(settings.context.value, safe="")
    return FolderKeyRing(folder, name=settings.author.resolved().value, trusted=settings.trusted_keys.value)


@cache
def _of_this_process() -> MemoryKeyRing:
    """Return the keys of all stores that end with this process."""
    return MemoryKeyRing()
