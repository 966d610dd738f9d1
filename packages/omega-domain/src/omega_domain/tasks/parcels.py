"""Parcels (claim checks): values too large for an envelope or a task record travel through the store."""

from __future__ import annotations

from omega_domain.entities.names import DATA, TEMPORARY, ObjectKey
from omega_domain.entities.version import Payload
from omega_domain.repository.committing import Commits
from omega_domain.repository.context import Context
from omega_domain.repository.dropping import drop_object
from omega_domain.repository.finding import Finder
from omega_domain.repository.payloads import Payloads
from omega_domain.repository.view import View
from omega_domain.stores import OmegaStore

#: Characters of JSON up to which a value travels itself.
LIMIT = 256 * 1024
#: The stored word for parcels; the lease of a task and the mark of collect are no claims.
KIND = "omega.claim"


def new_name(context: Context) -> str:
    """Return a fresh name for a temporary dataset; collect removes it after a day, if nobody has dropped it."""
    return f"{TEMPORARY}{context.new_id()}"


def reserved_store(context: Context, bucket: str) -> OmegaStore:
    """Return the store that takes what the runtime keeps under names of its own."""
    return OmegaStore(context, prefix=DATA, bucket=bucket, view=View(may_reserve=True))


def put_parcel(context: Context, bucket: str, text: str) -> str:
    """Keep a text in the store; return the name it is kept by."""
    store = reserved_store(context, bucket)
    part = store.payloads.write(lambda file: file.write(text.encode()))
    name = new_name(context)
    store.make_metadata(name, KIND).set_payload(Payload([part])).save()
    return name


def get_parcel(context: Context, bucket: str, name: str) -> str:
    """Return a text that was kept. Raises ObjectNotFoundError if it was collected meanwhile."""
    meta = OmegaStore(context, prefix=DATA, bucket=bucket).metadata(name, required=True)
    with Payloads(context).open(meta.parts[0]) as file:
        return file.read().decode()


def drop_temporary(context: Context, bucket: str, name: str) -> None:
    """Drop a parcel or temporary dataset; nothing happens if it is gone already."""
    key = ObjectKey(bucket, DATA, name)
    head = Finder(context).head(key, required=False)
    if head is not None:
        drop_object(context, Commits(context, Payloads(context)), key, uid=head.uid)
