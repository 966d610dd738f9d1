"""What went wrong at the server or on the way to it, in the errors of omega-ml and in words that help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WriteError,
)

from omega_domain.errors import (
    DuplicateDocumentError,
    InvalidFilterError,
    OmegaError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
    UnsupportedObjectError,
)
from omega_mongo.address import malformed, without

UNAUTHORIZED: Final = 13
_DUPLICATE: Final = {11000, 11001, 12582}
_LOGIN_REFUSED: Final = "{url} refuses user or password; check mongo_url (`om config show`) and authSource ({said})"
_REFUSALS: Final[Sequence[tuple[set[int], type[OmegaError], str]]] = (
    (_DUPLICATE, DuplicateDocumentError, "a document with this key exists already in {url}: {said}"),
    (
        {14031, 12501},  # no space on the disk, or in the quota
        StoreFullError,
        "no space left in {url}; nothing was changed. Free some space, or run `om gc` ({said})",
    ),
    (
        {10334, 17280, 17419, 17420},
        UnsupportedObjectError,
        "a document is too large for MongoDB: {said}; make it smaller",
    ),
    ({18, 8000}, StoreUnavailableError, _LOGIN_REFUSED),
)
_READING: Final = (
    "find",
    "aggregate",
    "listCollections",
    "listIndexes",
    "getMore",
    "count",
    "distinct",
    "hello",
    "ping",
)


FAILURES: Final = (PyMongoError, BSONError, OverflowError)
"""What pymongo raises, and bson where a value does not fit; :func:`translate` says what it means."""


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Raise errors of pymongo as StoreError and its children, and of what can not be BSON as UnsupportedObjectError.

    What every put and get does catches :data:`FAILURES` itself, since nothing is called then as long as all goes well.
    """
    try:
        yield
    except FAILURES as error:
        raise translate(error, url) from error


def translate(error: Exception, url: str) -> OmegaError:
    """Return what an error of pymongo or bson means for the store at this URL."""
    if isinstance(error, DocumentTooLarge | BSONError | OverflowError):
        return UnsupportedObjectError(f"a document can not be kept in MongoDB: {error}; make it smaller or simpler")
    if isinstance(error, ConnectionFailure):
        return _unreachable(error, url)
    if isinstance(error, WriteConcernError):
        return StoreUnavailableError(
            f"{url} did not confirm a write by a majority of its members in time: {_said(error)}. It may become "
            "visible yet; see that the members of the replica set are up (`om doctor`), then look before you repeat it"
        )
    if isinstance(error, OperationFailure):
        return _refused(error, url)
    if isinstance(error, InvalidOperation | ConfigurationError):
        return StoreUnavailableError(f"{url} can not be used: {error}")
    return StoreError(f"{url} failed: {error}; `om doctor` tells more")


def unusable(url: str, error: Exception, secrets: tuple[str, ...]) -> OmegaError:
    """Return why a client can not be made."""
    if isinstance(error, ConfigurationError) and url.startswith("mongodb+srv"):
        why = without(secrets, str(error))
        return StoreUnavailableError(f"the servers of {url} are not found: {why}; check the name and the network")
    return malformed(str(error), secrets)


def is_duplicate(error: PyMongoError) -> bool:
    """Tell whether a write was refused because of a unique key."""
    if isinstance(error, BulkWriteError):
        return any(one.get("code") in _DUPLICATE for one in _write_errors(error))
    return isinstance(error, DuplicateKeyError) or getattr(error, "code", None) in _DUPLICATE


def _unreachable(error: ConnectionFailure, url: str) -> StoreUnavailableError:
    if isinstance(error, ServerSelectionTimeoutError):
        why = str(error).partition(", Timeout:")[0]
        if "AuthenticationFailed" in why:  # the driver has given up a server that refused it
            return StoreUnavailableError(_LOGIN_REFUSED.format(url=url, said=why.partition(", full error")[0]))
        return StoreUnavailableError(
            f"no server answers at {url}: {why}. Start it, check mongo_url (`om config show`) and the network, or "
            "allow more time by serverSelectionTimeoutMS in the URL"
        )
    return StoreUnavailableError(
        f"the connection to {url} was lost: {error}. What was being written is there as a whole or not at all: look, "
        "and try again; `om doctor` tells whether the server is well"
    )


def _refused(error: OperationFailure, url: str) -> OmegaError:
    code, said = _code(error), _said(error)
    if code == UNAUTHORIZED:
        return _not_allowed(said, url)
    for codes, kind, message in _REFUSALS:
        if code in codes:
            return kind(message.format(url=url, said=said))
    if isinstance(error, WriteError):
        return InvalidFilterError(f"the server refuses this change: {said}")
    return StoreUnavailableError(f"{url} refuses a command: {said} (code {code}); `om doctor` tells more")


def _not_allowed(said: str, url: str) -> StoreError:
    if "requires authentication" in said:
        return StoreUnavailableError(f"{url} asks who you are: put user and password into mongo_url ({said})")
    if any(f"command {{ {name}" in said for name in _READING):
        return StoreUnavailableError(f"this user may not read {url}; ask for the role read or readWrite ({said})")
    return StoreReadOnlyError(f"this user may not write {url}; ask for the role readWrite, or use another ({said})")


def _code(error: OperationFailure) -> int | None:
    codes = [one.get("code") for one in _write_errors(error)]
    return codes[0] if codes else error.code


def _said(error: OperationFailure) -> str:
    messages = [str(one.get("errmsg")) for one in _write_errors(error)]
    details: Any = error.details or {}
    return messages[0] if messages else str(details.get("errmsg", error))


def _write_errors(error: OperationFailure) -> list[dict[str, Any]]:
    details: Any = error.details or {}
    found: list[dict[str, Any]] = details.get("writeErrors") or []
    return found
