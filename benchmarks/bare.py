"""A bare Celery app, the floor of the runtime: a task that returns a constant, its result in the same store as ours.

The environment says where broker and store are: BARE_BROKER, BARE_STORE.
"""

from __future__ import annotations

import os
from typing import Any, Final

from celery import Celery
from celery.backends.base import KeyValueStoreBackend

from omega_ml import plugins

RESULTS: Final = "omega.tasks"  # written as little durably as our own results


class StoreBackend(KeyValueStoreBackend):  # type: ignore[misc] # celery brings no types
    """Keeps results in a collection of one of our stores."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        _, store = plugins.open_stores(os.environ["BARE_STORE"])
        self._results = store.collection(RESULTS)

    def get(self, key: bytes) -> Any:
        """Return a result."""
        found = self._results.find_one({"_id": _text(key)})
        return found["value"] if found else None

    def set(self, key: bytes, value: Any) -> None:
        """Keep a result."""
        self._results.update_one({"_id": _text(key)}, {"$set": {"value": value}}, upsert=True)

    def mget(self, keys: list[bytes]) -> list[Any]:
        """Return results."""
        found = {each["_id"]: each["value"] for each in self._results.find({"_id": {"$in": [*map(_text, keys)]}})}
        return [found.get(_text(key)) for key in keys]


def _text(key: bytes | str) -> str:
    return key.decode() if isinstance(key, bytes) else key


app = Celery("bare", broker=os.environ.get("BARE_BROKER"), backend="benchmarks.bare.StoreBackend", set_as_current=False)
app.conf.update(
    accept_content=["json"], task_acks_late=True, worker_prefetch_multiplier=1, worker_redirect_stdouts=False
)


@app.task  # type: ignore[untyped-decorator] # Celery brings no types
def constant(text: str) -> list[float]:  # noqa: ARG001 -- what travels is as long as an envelope
    """Return a constant."""
    return [1.0]
