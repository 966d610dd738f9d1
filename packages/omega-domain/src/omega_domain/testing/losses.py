"""Contract of losses: where nothing is known any more, collect removes nothing, and check tells.

A subclass gives the fixture ``context`` (empty, with a :class:`ManualClock`), and in :meth:`LossContract.forget` loses
heads and versions behind the port.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from datetime import timedelta

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.errors import StoreDamagedError
from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import PAYLOADS
from omega_domain.testing.backends import RowsBackend, TextBackend
from omega_domain.testing.faults import FaultyMetadataStore
from omega_domain.testing.pausing import PausingPlan
from omega_domain.upkeep.checking import check

LONG = timedelta(days=2)


class LossContract:
    """What names payloads is lost in different ways."""

    @abstractmethod
    def forget(self, context: Context) -> Context:
        """Lose all heads and versions; return the context as it is then."""

    @pytest.fixture
    def om(self, context: Context) -> Omega:
        for backend in (TextBackend, RowsBackend):
            context.registry.register(backend.KIND, backend)
        om = Omega(context, bucket="dev")
        om.datasets.put("text", "text")
        om.datasets.put([{"x": 1}], "rows")
        _advance(om)
        return om

    @pytest.fixture
    def forgotten(self, om: Omega) -> Omega:
        om.collect()
        return Omega(self.forget(om.context), bucket="dev")

    @pytest.mark.parametrize("dry_run", [False, True])
    def test_collect_removes_nothing_where_all_objects_are_lost(self, dry_run: bool, forgotten: Omega) -> None:  # noqa: FBT001 -- a parameter of the test
        said = r"knows no object any more, but holds 0 version.* 1 blob\(s\) of 4 bytes and 1 set.*`om gc --force`"
        with pytest.raises(StoreDamagedError, match=said):
            forgotten.collect(dry_run=dry_run)
        assert _held(forgotten) == (1, 1)

    def test_check_tells_that_all_objects_are_lost(self, forgotten: Omega) -> None:
        [found] = [finding for finding in check(forgotten.context) if finding.severity == "damage"]
        assert found.where == forgotten.context.store.url
        assert "knows no object any more" in found.what
        assert "backup" in found.remedy

    def test_what_was_lost_can_be_given_up(self, forgotten: Omega) -> None:
        assert forgotten.collect(force=True).blobs == 1
        assert _held(forgotten) == (0, 0)
        assert forgotten.collect().blobs == 0
        assert check(forgotten.context) == []

    def test_where_no_payload_is_left_nothing_is_lost(self, forgotten: Omega) -> None:
        context = forgotten.context
        context.store.files.delete([info.id for info in context.store.files.find()], leased_before=context.clock.now())
        context.store.collection(PAYLOADS).delete_many({})
        assert check(context) == []
        assert forgotten.collect().blobs == 0

    def test_what_was_lost_comes_back_by_a_put(self, forgotten: Omega) -> None:
        forgotten.datasets.put("text", "text")
        assert forgotten.datasets.get("text") == "text"
        assert forgotten.collect().blobs == 0

    def test_a_store_that_was_emptied_by_drops_is_collected(self, om: Omega) -> None:
        om.collect()
        om.datasets.drop("text")
        om.datasets.put([{"x": 2}], "rows")
        om.datasets.drop("rows")
        om.collect(grace=timedelta(0))
        assert _held(om) == (0, 1), "the last rows are leased"
        _advance(om)
        assert om.collect().documents == 1
        assert check(om.context) == []

    def test_a_record_that_is_missing_is_no_reason_to_remove_its_payload(self, om: Omega) -> None:
        om.datasets.put("new", "new")
        _advance(om)
        head = om.datasets.metadata("text", required=True).head
        assert head is not None
        om.context.metadata.purge(versions=[head.current.id])
        with pytest.raises(StoreDamagedError, match=r"nothing was removed: a record of dev:data/text is missing \(put"):
            om.collect()
        assert _held(om) == (2, 1)
        om.datasets.put("text", "text")
        assert om.collect().blobs == 0
        assert om.datasets.get("text") == "text"

    @pytest.mark.parametrize("by", ["put", "drop", "put anew"])
    def test_what_another_collect_removes_meanwhile_is_no_loss(self, by: str, om: Omega) -> None:
        """A head is read, and its version is replaced and removed before the records are read."""
        head = om.datasets.metadata("text", required=True).head
        assert head is not None

        def meanwhile() -> None:
            if by != "put":
                om.datasets.drop("text")
            if by != "drop":
                om.datasets.put("new", "text")
            om.context.metadata.purge(versions=[head.current.id])

        plan = PausingPlan(4, meanwhile)  # heads for temporary objects, living heads, dropped heads, records
        metadata = FaultyMetadataStore(om.context.metadata, plan)
        Omega(replace(om.context, metadata=metadata)).collect()
        assert om.context.metadata.version(head.current.id) is None
        assert om.datasets.exists("text") is (by != "drop")


def _held(om: Omega) -> tuple[int, int]:
    return len(list(om.context.store.files.find())), om.context.store.collection(PAYLOADS).count_documents({})


def _advance(om: Omega) -> None:
    assert isinstance(om.context.clock, ManualClock)
    om.context.clock.advance(LONG)
