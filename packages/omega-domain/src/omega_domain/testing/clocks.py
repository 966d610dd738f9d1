"""Contract of clocks: machines whose clock is wrong lose nothing, neither their own objects nor those of others.

For stores that tell the time, see :class:`~omega_domain.ports.store.SupportsTime`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.entities.head import HeadQuery
from omega_domain.errors import ClockError
from omega_domain.omega import Omega
from omega_domain.ports.store import SupportsTime
from omega_domain.repository.clocks import StoreTime
from omega_domain.repository.context import Context
from omega_domain.testing.backends import CollectionBackend, RowsBackend, TextBackend
from omega_domain.upkeep.checking import check

HOURS = timedelta(hours=2)
MINUTE = timedelta(minutes=1)


class WrongClock(SystemClock):
    """A clock of this machine that somebody has set wrong."""

    def __init__(self, by: timedelta = timedelta(0)) -> None:
        """Start ahead by this much."""
        self.by = by

    def now(self) -> datetime:
        """Return the wrong time."""
        return super().now() + self.by


WRITES: dict[str, Callable[[Omega, Path], object]] = {
    "put": lambda om, _: om.datasets.put("new", "text"),
    "put a new name": lambda om, _: om.datasets.put("new", "other"),
    "append": lambda om, _: om.datasets.put(" more", "text", append=True),
    "append documents": lambda om, _: om.datasets.put([{"x": 2}], "rows", append=True),
    "put a collection": lambda om, _: om.datasets.put(("b",), "own"),
    "compact": lambda om, _: om.datasets.compact("text"),
    "tag": lambda om, _: om.models.tag("m@1", "old"),
    "drop": lambda om, _: om.datasets.drop("text"),
    "promote": lambda om, _: om.models.promote("m", om["prod"].models, versions="all"),
    "roll back": lambda om, _: om.models.rollback("m"),
    "import": lambda om, folder: om["prod"].import_archive(folder / "x.omega"),
    "restore": lambda om, folder: om.restore(folder / "backups"),
}


class ClockContract:
    """A subclass gives the fixture ``context``, empty, on the clock of this machine."""

    @pytest.fixture
    def om(self, context: Context) -> Omega:
        for backend in (TextBackend, RowsBackend, CollectionBackend):
            context.registry.register(backend.KIND, backend)
        om = Omega(context, bucket="dev")
        om.datasets.put("old", "text")
        om.datasets.put([{"x": 1}], "rows")
        om.datasets.put(("a",), "own")
        for text in ("one", "two"):
            om.models.put(text, "m")
        return om

    def test_the_store_tells_the_time(self, context: Context) -> None:
        assert isinstance(context.store, SupportsTime)
        assert abs(context.store.time() - datetime.now(UTC)) < MINUTE

    @pytest.mark.parametrize("name", WRITES)
    def test_a_writer_whose_clock_is_behind_is_refused(self, name: str, om: Omega, tmp_path: Path) -> None:
        om.export(["models/m", "datasets/rows"], tmp_path / "x.omega")
        om.backup(tmp_path / "backups")
        om.datasets.put("later", "text")
        before = _state(om)
        with pytest.raises(ClockError, match=r"the clock of this machine \(.* UTC\) is 1:59:.* behind .*nothing was"):
            WRITES[name](_with(om, WrongClock(-HOURS)), tmp_path)
        assert _state(om) == before

    @pytest.mark.parametrize("by", [-MINUTE, MINUTE])
    def test_a_minute_is_borne(self, by: timedelta, om: Omega) -> None:
        other = _with(om, WrongClock(by))
        other.datasets.put("new", "text")
        om.datasets.put(" more", "text", append=True)
        for each in (om, other):
            each.collect(grace=timedelta(0))
        assert om.datasets.get("text") == "new more"
        assert _damage(om) == []

    def test_a_writer_whose_clock_is_ahead_hinders_nobody(self, om: Omega) -> None:
        _with(om, WrongClock(HOURS)).datasets.put("from the future", "text")
        om.datasets.put(" and now", "text", append=True)
        om.collect(grace=timedelta(0))
        assert om.datasets.get("text") == "from the future and now"
        assert _damage(om) == []

    @pytest.mark.parametrize(("by", "said"), [(HOURS, "ahead of that of"), (-HOURS, "behind that of")])
    def test_a_collector_whose_clock_is_wrong_is_refused(self, by: timedelta, said: str, om: Omega) -> None:
        om.datasets.fs.put(b"in use")
        wrong = _with(om, WrongClock(by))
        blobs = {info.id for info in om.context.store.files.find()}
        with pytest.raises(ClockError, match=f"{said} .*: set it"):
            wrong.collect(grace=timedelta(0))
        assert {info.id for info in om.context.store.files.find()} == blobs
        assert wrong.collect(dry_run=True).is_dry_run

    def test_a_clock_that_is_set_back_after_the_first_put_is_found_out(self, om: Omega) -> None:
        clock = WrongClock()
        other = _with(om, clock)
        other.datasets.put("right", "text")
        clock.by = -HOURS
        with pytest.raises(ClockError):
            other.datasets.put("wrong", "other")
        clock.by = timedelta(0)
        other.datasets.put("right again", "text")
        assert om.datasets.get("text") == "right again"


def _with(om: Omega, clock: WrongClock) -> Omega:
    return Omega(replace(om.context, clock=clock, store_time=StoreTime()), bucket=om.bucket)


def _state(om: Omega) -> dict[str, Any]:
    return {
        f"{om.bucket}/{head.key}": (head.revision, head.current, head.tags)
        for head in om.context.metadata.heads(HeadQuery())
    }


def _damage(om: Omega) -> list[str]:
    return [found.what for found in check(om.context) if found.severity == "damage"]
