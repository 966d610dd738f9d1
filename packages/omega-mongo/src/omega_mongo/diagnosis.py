"""What is wrong with a server, or with what this user may do there, and how to mend it."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from pymongo.errors import OperationFailure, PyMongoError

from omega_domain.errors import OmegaError
from omega_domain.ports.diagnosis import Symptom
from omega_mongo.client import Connection
from omega_mongo.errors import translate, translated
from omega_mongo.names import HEADS, LAYOUT
from omega_mongo.schema import FORMAT, INDEXES, LAYOUT_ID

OLDEST: Final = (6, 0)
"""The oldest version of MongoDB that is supported."""

MOST_SKEW: Final = 30.0
"""Seconds by which clocks may differ; leases and the grace period go by the clocks of the clients."""

MOST_LATENCY: Final = 0.05
LEAST_FREE: Final = 0.1
SCRATCH: Final = "omega.doctor"

_PINGS: Final = 5
_LOCAL: Final = ("127.", "localhost", "::1", "/")


def diagnose(connection: Connection) -> Iterator[Symptom]:
    """Look at the server and the database, one thing after another."""
    try:
        with translated(connection.url):
            hello = connection.database.command("hello")
    except OmegaError as error:
        yield Symptom("server", "failed", str(error), "see the message; `om config show` tells where mongo_url is set")
        return
    for look in (_version, _topology, _latency, _clock, _tls, _format, _indexes, _permissions, _writes, _space):
        try:
            yield from look(connection, hello)
        except (OmegaError, PyMongoError) as error:
            said = str(translate(error, connection.url)) if isinstance(error, PyMongoError) else str(error)
            yield Symptom(look.__name__.strip("_"), "failed", said, "see the message")


def _version(connection: Connection, _: Any) -> Iterator[Symptom]:
    text = str(connection.database.command("buildInfo")["version"])
    if tuple(int(part) for part in text.split(".")[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        yield Symptom("server", "failed", f"MongoDB {text} is too old", f"upgrade the server to {oldest} or newer")
    else:
        yield Symptom("server", "ok", f"MongoDB {text} at {connection.url}")


def _topology(connection: Connection, hello: Any) -> Iterator[Symptom]:
    if "setName" in hello:
        members = len(hello.get("hosts", ())) + len(hello.get("passives", ())) + len(hello.get("arbiters", ()))
        yield Symptom("topology", "ok", f"replica set {hello['setName']} of {members} member(s)")
    elif hello.get("msg") == "isdbgrid":
        yield Symptom("topology", "ok", "sharded cluster")
    else:
        yield Symptom("topology", "ok", "stand-alone server: what it loses is lost; a replica set keeps copies")
    if not hello.get("isWritablePrimary"):
        yield Symptom(
            "topology", "failed", "this member is not the primary", "name all members or replicaSet= in the URL"
        )
    del connection


def _latency(connection: Connection, hello: Any) -> Iterator[Symptom]:
    del hello
    taken = []
    for _ in range(_PINGS):
        start = time.perf_counter()
        connection.database.command("ping")
        taken.append(time.perf_counter() - start)
    median = statistics.median(taken)
    text = f"{median * 1000:.1f} ms for a round trip"
    if median > MOST_LATENCY:
        yield Symptom("latency", "warning", text, "a get takes two or three of them: work nearer to the server")
    else:
        yield Symptom("latency", "ok", text)


def _clock(connection: Connection, _: Any) -> Iterator[Symptom]:
    before = datetime.now(UTC)
    theirs = connection.time()
    after = datetime.now(UTC)
    skew = (theirs - (before + (after - before) / 2)).total_seconds()
    text = f"the server's clock is {abs(skew):.1f} s {'ahead' if skew > 0 else 'behind'}"
    if abs(skew) > MOST_SKEW:
        yield Symptom("clock", "warning", text, "set both clocks by NTP: leases and the grace period depend on them")
    else:
        yield Symptom("clock", "ok", text)


def _tls(connection: Connection, _: Any) -> Iterator[Symptom]:
    hosts = [str(host) for host, _ in connection.client.nodes]
    is_near = all(host.startswith(_LOCAL) for host in hosts)
    if connection.uses_tls:
        yield Symptom("tls", "ok", "the connection is encrypted")
    elif is_near:
        yield Symptom("tls", "ok", "not encrypted, and does not leave this machine")
    else:
        yield Symptom(
            "tls", "warning", f"the connection to {', '.join(hosts)} is not encrypted", "add tls=true to the URL"
        )


def _format(connection: Connection, _: Any) -> Iterator[Symptom]:
    found = connection.database[LAYOUT].find_one({"_id": LAYOUT_ID})
    if found is None:
        yield Symptom("layout", "ok", "nothing was stored in this database yet")
    elif found["format"] > FORMAT:
        yield Symptom("layout", "failed", f"format {found['format']} is newer than {FORMAT}", "upgrade omega-ml")
    else:
        yield Symptom("layout", "ok", f"format {found['format']}")


def _indexes(connection: Connection, _: Any) -> Iterator[Symptom]:
    if connection.database[LAYOUT].find_one({"_id": LAYOUT_ID}) is None:
        return
    is_well = True
    for name, indexes in INDEXES.items():
        present = {index["name"]: index for index in connection.database[name].list_indexes()}
        for wanted in (index.document for index in indexes):
            found = present.get(wanted["name"])
            remedy = f"db.getCollection({name!r}).dropIndex({wanted['name']!r}), then put anything"
            if found is None:
                is_well = False
                yield Symptom(
                    "indexes", "failed", f"{name} has no index {wanted['name']}", "put anything to have it made"
                )
            elif not _same(found, wanted):
                is_well = False
                yield Symptom("indexes", "failed", f"{name} has another index {wanted['name']}", remedy)
    if is_well:
        yield Symptom("indexes", "ok", "all are there")


def _permissions(connection: Connection, _: Any) -> Iterator[Symptom]:
    attempts: dict[str, Callable[[], object]] = {
        "read": lambda: connection.database[HEADS].find_one({"_id": ""}),
        "list collections": lambda: connection.database.list_collection_names(filter={"name": HEADS}),
        "write": partial(_scratch, connection),
        "make indexes": lambda: connection.database[SCRATCH].create_index("x"),
        "drop collections": connection.database[SCRATCH].drop,
    }
    allowed: list[str] = []
    for what, attempt in attempts.items():
        try:
            attempt()
            allowed.append(what)
        except OperationFailure as error:
            role = "read" if what in {"read", "list collections"} else "readWrite"
            said = f"may not {what}: {translate(error, connection.url)}"
            yield Symptom("permissions", "failed", said, f"ask for the role {role} on {connection.address.database}")
    yield Symptom("permissions", "ok", f"may {', '.join(allowed) or 'nothing'}")


def _writes(connection: Connection, _: Any) -> Iterator[Symptom]:
    try:
        start = time.perf_counter()
        _scratch(connection)
        taken = time.perf_counter() - start
        connection.database[SCRATCH].drop()
    except OperationFailure:
        return  # permissions have told it
    yield Symptom("writes", "ok", f"confirmed by a majority and the journal in {taken * 1000:.1f} ms")


def _space(connection: Connection, _: Any) -> Iterator[Symptom]:
    try:
        found = connection.database.command("dbStats")
    except OperationFailure:  # not every server tells
        return
    total, used = found.get("fsTotalSize") or 0, found.get("fsUsedSize") or 0
    size = f"{(found.get('dataSize') or 0) / 1e6:.0f} MB of data"
    if total and (total - used) / total < LEAST_FREE:
        yield Symptom("space", "warning", f"{size}; the disk is {used / total:.0%} full", "free some, or run `om gc`")
    else:
        yield Symptom("space", "ok", size)


def _scratch(connection: Connection) -> None:
    scratch = connection.journaled[SCRATCH]
    key = uuid.uuid4().hex
    scratch.insert_one({"_id": key})
    scratch.delete_one({"_id": key})


def _same(found: Any, wanted: Any) -> bool:
    return (
        list(found["key"].items()) == list(wanted["key"].items())
        and bool(found.get("unique")) == bool(wanted.get("unique"))
        and found.get("partialFilterExpression") == wanted.get("partialFilterExpression")
    )
