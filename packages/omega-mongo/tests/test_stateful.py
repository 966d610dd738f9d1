"""Any sequence of operations leaves the shared adapters in the state of a plain model."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.servers.fixtures import MongoServer, new_database
from tests.servers.mocked import mocked_client

from omega_domain.adapters.memory import ManualClock
from omega_domain.testing.stateful import FilesMachine, MetadataStoreMachine
from omega_mongo import Connection, MongoMetadataStore, MongoStore

FEW_STEPS = settings(stateful_step_count=20, deadline=None)  # each of them is some requests to a server


class _Metadata(MetadataStoreMachine):
    """Heads and versions."""

    connection: Connection

    def make(self) -> MongoMetadataStore:
        return MongoMetadataStore(self.connection)


class _Files(FilesMachine):
    """Blobs and leases."""

    keeps_open_blobs = False
    connection: Connection

    def make(self, clock: ManualClock) -> MongoStore:
        return MongoStore(self.connection, clock=clock)


def _on_server(machine: type[Any], server: MongoServer) -> type[Any]:
    """Return the machine on a fresh database of a server for each example."""

    class Machine(machine):  # type: ignore[misc]  # a base that is chosen while running
        def __init__(self) -> None:
            self.database = new_database()
            self.connection = Connection(server.url_of(self.database))
            super().__init__()

        def teardown(self) -> None:
            self.connection.client.drop_database(self.database)
            self.connection.close()

    return Machine


def _on_mongomock(machine: type[Any]) -> type[Any]:
    """Return the machine on a fresh fake server for each example."""

    class Machine(machine):  # type: ignore[misc]  # a base that is chosen while running
        def __init__(self) -> None:
            self.stack = ExitStack()
            self.connection = Connection(self.stack.enter_context(mocked_client()))
            super().__init__()

        def teardown(self) -> None:
            self.stack.close()

    return Machine


@pytest.mark.parametrize("machine", [_Metadata, _Files])
def test_any_sequence_of_operations_on_a_server(machine: type[Any], topology: MongoServer) -> None:
    run_state_machine_as_test(_on_server(machine, topology), settings=FEW_STEPS)


@pytest.mark.parametrize("machine", [_Metadata, _Files])
def test_any_sequence_of_operations_on_mongomock(machine: type[Any]) -> None:
    run_state_machine_as_test(_on_mongomock(machine), settings=FEW_STEPS)
