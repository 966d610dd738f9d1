"""Names of queues: those of a context, which no other context on the same broker shares."""

from __future__ import annotations

from omega_domain.services.context import Context

CONTEXTS = "omega.context"


class QueueNames:
    """Names the queues of a context: ``omega.<id>.<label>``.

    The id is made once and kept in the store, so that all who open the same store agree on it, however they spell its
    address.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._id: str | None = None

    @property
    def context_id(self) -> str:
        """The id of the context."""
        if self._id is None:
            entries = self._context.store.collection(CONTEXTS)
            entry = entries.find_one({"_id": "id"})
            if entry is None:
                fresh = {"value": self._context.new_id()[:12]}
                entries.update_one({"_id": "id"}, {"$setOnInsert": fresh}, upsert=True)
                entry = entries.find_one({"_id": "id"}) or fresh
            self._id = str(entry["value"])
        return self._id

    def of(self, label: str) -> str:
        """Return the name of the queue of a label."""
        return f"omega.{self.context_id}.{label}"
