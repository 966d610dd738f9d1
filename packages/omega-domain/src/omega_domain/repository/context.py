"""A context: the adapter set of one environment, and the policies that hold in it."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Generic, Literal, TypeVar

from omega_domain.backends.registry import BackendRegistry
from omega_domain.documents.codec import JsonCodec
from omega_domain.entities.names import DATA, JOBS, MODELS, SCRIPTS
from omega_domain.entities.patience import Patience
from omega_domain.entities.version import VersionRef
from omega_domain.ports.clock import Clock
from omega_domain.ports.gate import GatePolicy
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.promotion import Promotion
from omega_domain.ports.store import Store
from omega_domain.repository.clocks import StoreTime
from omega_domain.trust import Trust

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def new_id() -> str:
    """Return an id that is unique over all contexts."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What collect leaves alone.

    Attributes:
        keep: prefix of a store -> how many of the newest versions are kept for ever, or ``all``.
        grace: how long what was replaced or dropped stays readable.
        lease: how long a payload that is being put is safe before its commit.
    """

    keep: Mapping[str, int | Literal["all"]] = field(
        default_factory=lambda: {DATA: 1, MODELS: "all", JOBS: "all", SCRIPTS: "all"}
    )
    grace: timedelta = timedelta(hours=1)
    lease: timedelta = timedelta(hours=1)


class ObjectCache(Generic[K, V]):
    """Keeps up to ``capacity`` objects; forgets the least recently used; safe to use from many threads."""

    def __init__(self, capacity: int = 16) -> None:
        self.capacity = capacity
        self._items: OrderedDict[K, V] = OrderedDict()
        self._lock = RLock()

    def get(self, key: K) -> V | None:
        """Return the object of this key; None if it is not there."""
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key]

    def get_or_load(self, key: K, load: Callable[[], V]) -> V:
        """Return the object of this key, loading it if it is not there."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
                return self._items[key]
        value = load()
        with self._lock:
            self._items[key] = value
            self._items.move_to_end(key)
            while len(self._items) > self.capacity:
                self._items.popitem(last=False)
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._items.clear()

    def __len__(self) -> int:
        with self._lock:
            return len(self._items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything that one environment shares.

    Attributes:
        name: what people call it.
        metadata: heads and versions.
        store: payloads.
        registry: which backend stores which kind.
        codec: how values are written in JSON.
        clock: source of time.
        author: who is recorded as the author of what is written from here.
        retention: what collect leaves alone.
        patience: how long is waited before something is taken for dead, lost or stuck.
        trust: signs what is committed, and decides what may be loaded.
        gates: what is required of objects that are promoted to here.
        promotion: how objects get here from other buckets and contexts; None copies them from store to store.
        store_time: knows how far the clock is from that of the store.
        cache: loaded models, by version.
        new_id: source of ids.
    """

    name: str = "default"
    metadata: MetadataStore
    store: Store
    registry: BackendRegistry = field(default_factory=BackendRegistry)
    codec: JsonCodec = field(default_factory=JsonCodec)
    clock: Clock
    author: str = ""
    retention: Retention = field(default_factory=Retention)
    patience: Patience = field(default_factory=Patience)
    trust: Trust = field(default_factory=Trust)
    gates: GatePolicy = field(default_factory=GatePolicy)
    promotion: Promotion | None = None
    store_time: StoreTime = field(default_factory=StoreTime)
    cache: ObjectCache[VersionRef, object] = field(default_factory=ObjectCache)
    new_id: Callable[[], str] = new_id

    def check_clock(self, *, latest: datetime | None = None) -> None:
        """See that the clock is not behind the store's, before something is written by it.

        Args:
            latest: a time that somebody else has written.

        Raises:
            ClockError: it is behind by more than leases bear.
        """
        self.store_time.check(self.store, self.clock, self.retention.lease, latest=latest)
