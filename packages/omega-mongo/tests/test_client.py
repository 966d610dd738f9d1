"""Tests of the connection that need no server: which databases it gives, and for how long."""

from __future__ import annotations

import pytest

from omega_mongo.client import Connection

NAMES = ("database", "own", "journaled")


@pytest.mark.parametrize("name", NAMES)
def test_a_database_is_made_once(name: str) -> None:
    connection = Connection("mongodb://localhost/x")
    assert getattr(connection, name) is getattr(connection, name)
    assert getattr(connection, name).client is connection.client
    connection.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_connection_that_is_used_again_after_close_has_another_client(name: str) -> None:
    connection = Connection("mongodb://localhost/x")
    before = getattr(connection, name).client
    connection.close()
    after = getattr(connection, name).client
    assert after is connection.client
    assert after is not before
    connection.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_forked_process_has_a_client_of_its_own(name: str) -> None:
    connection = Connection("mongodb://localhost/x")
    before = getattr(connection, name).client
    connection.after_fork()
    assert getattr(connection, name).client is not before
    before.close()
    connection.close()
