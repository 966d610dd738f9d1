"""The codec of tasks: values as JSON, and metadata as a reference to what it describes."""

from __future__ import annotations

from typing import Any

from omega_domain.documents.codec import JsonCodec, Leaf
from omega_domain.errors import CodecError, VersionNotFoundError
from omega_domain.repository.context import Context
from omega_domain.repository.metadata import Metadata
from omega_domain.stores import OmegaStore


def task_codec(context: Context) -> JsonCodec:
    """Return the codec of a context, which in addition carries metadata of this context."""

    def read(plain: dict[str, Any]) -> Metadata:
        return _read(context, plain)

    return context.codec.extended([Leaf(tag="metadata", type=Metadata, encode=_write, decode=read)])


def _write(meta: Metadata) -> dict[str, Any]:
    if meta.record is None:
        raise CodecError(f"the metadata of {meta.name!r} can not travel before it is saved: end with meta.save()")
    return {
        "bucket": meta.bucket,
        "prefix": meta.prefix,
        "name": meta.name,
        "version": meta.record.seq,
        "id": meta.record.id,
    }


def _read(context: Context, plain: dict[str, Any]) -> Metadata:
    store = OmegaStore(context, prefix=plain["prefix"], bucket=plain["bucket"])
    meta = store.metadata(plain["name"], plain["version"])
    if meta is None or meta.record is None or meta.record.id != plain["id"]:
        raise VersionNotFoundError(
            f"the task left version {plain['version']} of {plain['name']!r} in bucket {plain['bucket']!r}, "
            "but it was dropped since"
        )
    return meta
