"""What pymongo raises says in our words what happened and how to mend it."""

from __future__ import annotations

from typing import Any

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    CursorNotFound,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidOperation,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteError,
    WTimeoutError,
)

from omega_domain.errors import (
    ConflictError,
    DuplicateDocumentError,
    InvalidFilterError,
    OmegaError,
    SettingsError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
    UnsupportedObjectError,
)
from omega_mongo.errors import is_duplicate, translated, unusable

URL = "mongodb://host:27017/omega"


def _bulk(code: int, message: str) -> BulkWriteError:
    return BulkWriteError({"writeErrors": [{"index": 0, "code": code, "errmsg": message}], "nInserted": 0})


def _unauthorized(command: str) -> OperationFailure:
    message = f'not authorized on omega to execute command {{ {command}: "omega.heads" }}'
    return OperationFailure(message, 13, {"errmsg": message})


@pytest.mark.parametrize(
    ("error", "kind", "mend"),
    [
        (
            ServerSelectionTimeoutError("host:27017: refused, Timeout: 5s, Topology: x"),
            StoreUnavailableError,
            "Start it",
        ),
        (
            ServerSelectionTimeoutError("Authentication failed., full error: {'codeName': 'AuthenticationFailed'}"),
            StoreUnavailableError,
            "refuses user or password",
        ),
        (AutoReconnect("connection closed"), StoreUnavailableError, "as a whole or not at all"),
        (NetworkTimeout("timed out"), StoreUnavailableError, "try again"),
        (WTimeoutError("waiting for replication timed out", 64, {}), StoreUnavailableError, "majority"),
        (OperationFailure("Authentication failed.", 18, {}), StoreUnavailableError, "refuses user or password"),
        (OperationFailure("disk full", 14031, {}), StoreFullError, "om gc"),
        (_bulk(14031, "disk full"), StoreFullError, "om gc"),
        (OperationFailure("too large", 10334, {}), UnsupportedObjectError, "smaller"),
        (_unauthorized("insert"), StoreReadOnlyError, "readWrite"),
        (_unauthorized("find"), StoreUnavailableError, "may not read"),
        (OperationFailure("command find requires authentication", 13, {}), StoreUnavailableError, "who you are"),
        (DuplicateKeyError("E11000", 11000, {}), DuplicateDocumentError, "exists already"),
        (_bulk(11000, "E11000"), DuplicateDocumentError, "exists already"),
        (WriteError("Cannot increment", 14, {}), InvalidFilterError, "Cannot increment"),
        (ExecutionTimeout("too slow", 50, {}), StoreUnavailableError, "om doctor"),
        (CursorNotFound("cursor id 5 not found", 43, {}), StoreUnavailableError, "om doctor"),
        (InvalidOperation("Cannot use MongoClient after close"), StoreUnavailableError, "after close"),
        (DocumentTooLarge("16 MB"), UnsupportedObjectError, "smaller"),
        (InvalidDocument("cannot encode object"), UnsupportedObjectError, "simpler"),
        (OverflowError("MongoDB can only handle up to 8-byte ints"), UnsupportedObjectError, "simpler"),
        (PyMongoError("something else"), StoreError, "om doctor"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_is_translated(error: Exception, kind: type[OmegaError], mend: str) -> None:
    with pytest.raises(kind, match=mend) as raised, translated(URL):
        raise error
    assert type(raised.value) is kind
    assert raised.value.__cause__ is error


def test_errors_of_ours_and_of_others_pass() -> None:
    for error in (ConflictError("x"), KeyError("x")):
        with pytest.raises(type(error)), translated(URL):
            raise error


def test_a_client_that_can_not_be_made_is_a_setting() -> None:
    assert isinstance(unusable(URL, ConfigurationError("Unknown option"), ()), SettingsError)
    found = unusable("mongodb+srv://x", ConfigurationError("The DNS query name does not exist: pw"), ("pw",))
    assert isinstance(found, StoreUnavailableError)
    assert "pw" not in str(found)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DuplicateKeyError("E11000", 11000, {}), True),
        (_bulk(11000, "E11000"), True),
        (_bulk(14031, "disk full"), False),
        (OperationFailure("x", 13, {}), False),
        (AutoReconnect("x"), False),
    ],
)
def test_a_duplicate_is_told_from_other_errors(error: Any, expected: bool) -> None:
    assert is_duplicate(error) is expected
