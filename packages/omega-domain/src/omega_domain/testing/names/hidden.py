"""Contract of hidden names, which lists leave out, and of those that the runtime keeps for itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.head import HeadQuery
from omega_domain.entities.names import TEMPORARY
from omega_domain.errors import (
    InvalidNameError,
)
from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_domain.repository.view import View
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import TextBackend
from omega_domain.upkeep.checking import check, usage
from omega_domain.upkeep.collecting import TEMPORARY_FOR, collect

#: Names that lists leave out. They are the users' own.
HIDDEN: Final = ("_baseline", "features/_raw/x", ".hidden/y", "a/.b", "_temp/x", "_memory/.omega/_temp/z")


class HiddenNamesContract:
    """Names of which a part begins with a dot or underscore, and those of the runtime."""

    @pytest.fixture
    def om(self, context: Context) -> Omega:
        context.registry.register(TextBackend.KIND, TextBackend)
        return Omega(context)

    @pytest.fixture
    def left(self, om: Omega) -> str:
        """Name of what the runtime made for a task, and left behind."""
        _runtimes(om.datasets).put("for a task", f"{TEMPORARY}left")
        return f"{TEMPORARY}left"

    def test_hidden_objects_are_kept_as_any_other(self, om: Omega) -> None:
        stores = (om.datasets, om.models, om.jobs, om.scripts)
        for store in stores:
            for name in HIDDEN:
                store.put(f"{store.prefix}{name}", name)
                store.put(f"tagged {name}", f"{name}-2", tag="prod")
        _advance(om, timedelta(days=40))
        assert om.collect(dry_run=True).objects == []
        report = om.collect()
        assert (report.objects, report.versions, report.blobs) == ([], 0, 0)
        for store in stores:
            for name in HIDDEN:
                assert store.get(name) == f"{store.prefix}{name}"
                assert store.get(f"{name}-2@prod") == f"tagged {name}"
        assert check(om.context) == []

    def test_lists_leave_hidden_names_out(self, om: Omega) -> None:
        for name in (*HIDDEN, "a_b", "a.b/c_", "shown"):
            om.datasets.put(name, name)
        assert om.datasets.list() == ["a.b/c_", "a_b", "shown"]
        assert om.datasets.list("*", regexp="_", kind=TextBackend.KIND) == ["a.b/c_", "a_b"]
        assert om.datasets.list("_*") == []
        assert om.datasets.list("_b*", hidden=True) == ["_baseline"]
        assert om.datasets.list(hidden=True) == sorted([*HIDDEN, "a_b", "a.b/c_", "shown"])
        assert [meta.name for meta in om.datasets.list("_b*", hidden=True, raw=True)] == ["_baseline"]

    def test_hidden_objects_are_promoted_counted_and_backed_up(
        self, om: Omega, other_context: Context, left: str, tmp_path: Path
    ) -> None:
        om.datasets.put("raw", "_raw", tag="v1")
        assert om.datasets.promote("_raw", om["prod"].datasets).name == "_raw"
        assert {("omega", "_raw"), ("prod", "_raw"), ("omega", left)} == {
            (one.bucket, one.name) for one in usage(om.context).objects
        }
        om.backup(tmp_path)
        other_context.registry.register(TextBackend.KIND, TextBackend)
        other = Omega(other_context)
        assert {(done.bucket, done.name) for done in other.restore(tmp_path)} == {("omega", "_raw"), ("prod", "_raw")}
        assert other.datasets.get("_raw@v1") == "raw"
        om.export("datasets/_raw", tmp_path / "made")
        assert [done.name for done in other["new"].import_archive(tmp_path / "made")] == ["_raw"]

    def test_what_the_runtime_left_behind_is_collected_after_a_day(self, om: Omega, left: str) -> None:
        om.datasets.tag(left, "v1")
        _advance(om, TEMPORARY_FOR)
        assert collect(om.context, grace=timedelta(0)).objects == []
        _advance(om, timedelta(seconds=1))
        assert f"omega:data/{left}" in collect(om.context, dry_run=True).objects
        assert om.datasets.get(left) == "for a task"
        assert f"omega:data/{left}" in collect(om.context, grace=timedelta(0)).objects
        assert not om.datasets.exists(left)

    def test_only_the_datasets_of_the_runtime_are_temporary(self, om: Omega) -> None:
        _runtimes(om.models).put("model", f"{TEMPORARY}m")
        _runtimes(om.datasets).put("data", ".omega/kept")
        _advance(om, timedelta(days=40))
        assert om.collect().objects == []
        assert om.models.get(f"{TEMPORARY}m") == "model"
        assert om.datasets.get(".omega/kept") == "data"

    @pytest.mark.parametrize("name", [".omega", ".omega/x", f"{TEMPORARY}x"])
    def test_users_give_no_name_of_the_runtime(self, om: Omega, name: str) -> None:
        om.datasets.put("mine", "mine")
        for give in (
            lambda: om.datasets.put("x", name),
            lambda: om.models.put("x", name, append=True),
            lambda: om.datasets.make_metadata(name, TextBackend.KIND),
            lambda: om.datasets.promote("mine", om["prod"].datasets, asname=name),
            lambda: om.datasets.promote("mine", om["prod"].datasets, asname=name, dry_run=True),
        ):
            with pytest.raises(InvalidNameError, match=rf"'{name}' can not be a name.* reserved for the runtime"):
                give()
        assert [head.key.name for head in om.context.metadata.heads(HeadQuery())] == ["mine"]

    def test_users_read_and_drop_what_the_runtime_made(self, om: Omega, left: str, tmp_path: Path) -> None:
        assert om.datasets.get(left) == "for a task"
        assert om.datasets.exists(left)
        assert om.datasets.list() == []
        assert om.datasets.list(hidden=True) == [left]
        assert om.datasets.promote(left, om["prod"].datasets, asname="mine").name == "mine"
        om.datasets.to_archive(left, tmp_path / "made")
        with pytest.raises(InvalidNameError, match="reserved for the runtime"):
            om["prod"].datasets.from_archive(tmp_path / "made")
        assert om["prod"].datasets.list(hidden=True) == ["mine"]
        assert om.datasets.drop(left)


def _runtimes(store: OmegaStore) -> OmegaStore:
    """Return the store as the runtime has it, which puts objects under names that it keeps to itself."""
    return OmegaStore(store.context, prefix=store.prefix, bucket=store.bucket, view=View(may_reserve=True))


def _advance(om: Omega, by: timedelta) -> None:
    assert isinstance(om.context.clock, ManualClock)
    om.context.clock.advance(by)
