"""Any sequence of operations leaves the embedded adapters in the state of a plain model."""

from __future__ import annotations

import tempfile

from omega_domain.adapters.memory import ManualClock
from omega_domain.testing.stateful import FilesMachine, MetadataStoreMachine
from omega_local import LocalMetadataStore, LocalStore


class LocalMetadataStoreMachine(MetadataStoreMachine):
    """Heads and versions."""

    def make(self) -> LocalMetadataStore:
        self.folder = tempfile.TemporaryDirectory()
        return LocalMetadataStore(self.folder.name)

    def teardown(self) -> None:
        assert isinstance(self.store, LocalMetadataStore)
        self.store.close()
        self.folder.cleanup()


class LocalFilesMachine(FilesMachine):
    """Blobs and leases."""

    def make(self, clock: ManualClock) -> LocalStore:
        self.folder = tempfile.TemporaryDirectory()
        self.local = LocalStore(self.folder.name, clock=clock)
        return self.local

    def teardown(self) -> None:
        self.local.close()
        self.folder.cleanup()


TestLocalMetadataStoreMachine = LocalMetadataStoreMachine.TestCase
TestLocalFilesMachine = LocalFilesMachine.TestCase
