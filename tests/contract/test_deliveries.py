"""Deliveries: what one context sends in a folder, another receives, on each kind of store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from tests.effort import few_or_all

from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.archives.exporting import describe_archive, import_objects
from omega_domain.deliveries.sending import FolderPromotion
from omega_domain.entities.archive import Index
from omega_domain.entities.promotion import Outcome
from omega_domain.errors import ArchiveError, PromotionError, PromotionRefusedError
from omega_domain.omega import Omega
from omega_domain.ports.gate import Candidate, GatePolicy
from omega_domain.repository.context import Context
from omega_domain.trust import Trust
from omega_domain.upkeep.checking import check
from omega_domain.upkeep.collecting import collect
from omega_ml import plugins

KINDS = ("memory", "local", "mongo")
PAIRS = [(one, two) for one in KINDS for two in KINDS]
FEW = [("local", "mongo"), ("mongo", "local")]
FRAME = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [1.0, 3.0, 5.0], "s": ["a", None, "c"]})


@pytest.mark.parametrize("kinds", few_or_all(FEW, PAIRS), ids=" to ".join)
class TestDeliveries:
    """Both sides, from what was sent to what is live."""

    @pytest.fixture
    def ring(self) -> MemoryKeyRing:
        """The keys of who sends."""
        return MemoryKeyRing()

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """What travels."""
        folder = tmp_path / "stick"
        folder.mkdir()
        return folder

    @pytest.fixture
    def om(self, context: Context, ring: MemoryKeyRing) -> Omega:
        """Who sends."""
        return _open(context, Trust(ring, "signed"), name="dev")

    @pytest.fixture
    def sent(self, om: Omega, folder: Path) -> Omega:
        """What was sent, as who sends knows it."""
        return Omega(replace(om.context, promotion=FolderPromotion(folder)), bucket="prod")

    @pytest.fixture
    def there(self, other_context: Context, ring: MemoryKeyRing) -> Omega:
        """Who receives."""
        return _open(other_context, Trust(MemoryKeyRing(trusted=[ring]), "signed"), name="customer")

    def test_what_is_sent_is_received_with_its_history_on_both_sides(
        self, om: Omega, sent: Omega, there: Omega, folder: Path
    ) -> None:
        om.models.put(LinearRegression().fit(FRAME[["x"]], FRAME["y"]), "m", attributes={"n": 1})
        meta = om.models.promote("m", sent.models, tag="v1")
        assert (meta.bucket, meta.version) == ("prod", 1)
        (file,) = folder.iterdir()
        assert there.models.list() == []

        (done,) = there.receive(folder)
        assert (done.outcome, done.version, done.bucket, done.object) == ("promoted", 1, "prod", "models/m")
        assert there["prod"].models.get("m@v1").predict(FRAME[["x"]]).round(6).tolist() == [1.0, 3.0, 5.0]
        live = there["prod"].models.metadata("m", required=True)
        digest = om.models.metadata("m", required=True).digest
        assert live.attributes == {"n": 1}
        assert live.provenance is not None
        assert (live.provenance["context"], live.provenance["digest"]) == ("dev", digest)
        (record,) = there["prod"].models.history("m")
        assert record.source is not None
        assert (record.action, record.source["archive"]["name"]) == ("promote", file.name)
        (record,) = sent.models.history("m")
        assert record.source is not None
        assert record.source["sent"] == file.name
        assert check(there.context) == []

    @pytest.mark.parametrize("value", [[1, 2], [{"a": i} for i in range(5)], FRAME], ids=["list", "dicts", "frame"])
    def test_any_object_is_received(self, om: Omega, sent: Omega, there: Omega, folder: Path, value: Any) -> None:
        om.datasets.put(value, "d")
        om.datasets.promote("d", sent.datasets)
        assert [each.outcome for each in there.receive(folder)] == ["promoted"]
        found = there["prod"].datasets.get("d")
        assert found.equals(value) if isinstance(value, pd.DataFrame) else found == value
        collect(there.context, grace=timedelta(0))
        assert check(there.context) == []
        assert [each.outcome for each in there.receive(folder)] == ["received"]
        assert there["prod"].datasets.metadata("d", required=True).version == 1

    def test_rows_are_received(self, om: Omega, sent: Omega, there: Omega, folder: Path) -> None:
        om.datasets.put(FRAME, "r", kind="pandas.dfrows")
        om.datasets.promote("r", sent.datasets)
        there.receive(folder)
        pd.testing.assert_frame_equal(there["prod"].datasets.get("r"), FRAME)

    def test_versions_tags_and_data_travel(self, om: Omega, sent: Omega, there: Omega, folder: Path) -> None:
        om.datasets.put(FRAME, "d")
        om.models.put(LinearRegression(), "m", tag="raw")
        om.runtime.model("m").fit("d[x]", "d[y]").get()
        om.models.promote("m", sent.models, versions="all", tags=True, with_data=True, asname="best")
        (done,) = there.receive(folder)
        assert (done.outcome, done.name, done.version) == ("promoted", "best", 2)
        prod = there["prod"]
        assert [meta.version for meta in prod.models.versions("best")] == [1, 2]
        assert prod.models.metadata("best@raw", required=True).version == 1
        pd.testing.assert_frame_equal(prod.datasets.get("d"), FRAME)

    def test_all_are_received_in_the_order_in_which_they_were_sent(
        self, om: Omega, sent: Omega, there: Omega, folder: Path, tmp_path: Path
    ) -> None:
        for number in range(3):
            om.datasets.put([number], "d")
            om.datasets.promote("d", sent.datasets)
            om.context.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]  # a clock of the tests
        for number, path in enumerate(sorted(folder.iterdir(), reverse=True)):
            path.rename(folder / f"{number}.omega")
        assert [each.outcome for each in there.receive(folder)] == ["promoted"] * 3
        assert there["prod"].datasets.get("d") == [2]
        assert [each.outcome for each in there.receive(folder)] == ["superseded", "superseded", "received"]
        assert there["prod"].datasets.get("d") == [2]

    def test_an_old_delivery_does_not_bring_back_what_was_replaced(
        self, om: Omega, sent: Omega, there: Omega, folder: Path, tmp_path: Path
    ) -> None:
        om.datasets.put([1], "d")
        om.datasets.promote("d", sent.datasets)
        shutil.copytree(folder, tmp_path / "kept")
        om.context.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]  # a clock of the tests
        om.datasets.put([2], "d")
        om.datasets.promote("d", sent.datasets)
        there.receive(folder)
        (done,) = there.receive(tmp_path / "kept")
        assert done.outcome == "superseded"
        assert there["prod"].datasets.get("d") == [2]

    def test_the_gates_of_who_receives_are_asked(self, om: Omega, sent: Omega, there: Omega, folder: Path) -> None:
        om.models.put(LinearRegression(), "m", attributes={"ok": False})
        om.models.promote("m", sent.models)
        strict = _with_gate(there)
        for dry_run in (True, False):
            (done,) = strict.receive(folder, dry_run=dry_run)
            assert (done.outcome, "it is not ok" in done.reason) == ("refused", True)
            assert strict["prod"].models.list() == []
        (done,) = strict.receive(folder, force="it must be")
        assert done.outcome == "promoted"
        assert strict["prod"].models.history("m")[0].forced == "it must be"

    def test_a_dry_run_changes_nothing(self, om: Omega, sent: Omega, there: Omega, folder: Path) -> None:
        om.datasets.put([1], "d")
        om.datasets.promote("d", sent.datasets)
        assert [each.outcome for each in there.receive(folder, dry_run=True)] == ["allowed"]
        assert there["prod"].datasets.list() == []
        assert [each.outcome for each in there.receive(folder)] == ["promoted"]

    def test_what_nobody_trusted_has_sent_is_refused_and_the_others_go_on(
        self, om: Omega, sent: Omega, there: Omega, folder: Path
    ) -> None:
        om.datasets.put([1], "d")
        om.datasets.promote("d", sent.datasets)
        (file,) = folder.iterdir()
        stranger = Omega(replace(om.context, trust=Trust(MemoryKeyRing(), "any"), promotion=FolderPromotion(folder)))
        stranger["evil"].datasets.put([2], "d")
        stranger["evil"].datasets.promote("d", stranger["live"].datasets)
        damaged = bytearray(file.read_bytes())
        damaged[600] ^= 1
        (folder / "damaged.omega").write_bytes(damaged)
        (folder / "half.omega").write_bytes(file.read_bytes()[:-3000])
        (folder / ".part.omega").write_bytes(b"")
        (folder / "notes.txt").write_text("from ada")
        found = there.receive(folder)
        assert sorted(each.outcome for each in found) == ["promoted", "refused", "refused", "refused"]
        assert all(each.reason for each in found if each.outcome == "refused")
        assert there["prod"].datasets.get("d") == [1]
        assert there.buckets == ["prod"]

    def test_what_was_changed_in_a_payload_is_refused(self, om: Omega, sent: Omega, there: Omega, folder: Path) -> None:
        om.models.put(LinearRegression(), "m")
        om.models.promote("m", sent.models)
        (file,) = folder.iterdir()
        content = bytearray(file.read_bytes())
        content[-1700] ^= 1
        file.write_bytes(content)
        (done,) = there.receive(folder)
        assert done.outcome == "refused"
        assert there["prod"].models.list() == []

    def test_nothing_is_sent_twice_and_a_rollback_is_sent(
        self, om: Omega, sent: Omega, there: Omega, folder: Path
    ) -> None:
        om.datasets.put([1], "d", tag="keep")
        om.datasets.promote("d", sent.datasets, tag="one")
        om.datasets.promote("d", sent.datasets)
        assert len(list(folder.iterdir())) == 1
        om.context.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]  # a clock of the tests
        om.datasets.put([2], "d")
        om.datasets.promote("d", sent.datasets)
        om.context.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]  # a clock of the tests
        sent.datasets.rollback("d", reason="worse")
        assert len(list(folder.iterdir())) == 3
        assert [each.outcome for each in there.receive(folder)] == ["promoted"] * 3
        assert there["prod"].datasets.get("d") == [1] == sent.datasets.get("d")

    def test_a_gate_of_who_sends_refuses_before_anything_is_written(self, om: Omega, sent: Omega, folder: Path) -> None:
        om.models.put(LinearRegression(), "m", attributes={"ok": False})
        with pytest.raises(PromotionRefusedError):
            om.models.promote("m", _with_gate(sent).models)
        assert list(folder.iterdir()) == []
        assert sent.models.list() == []

    def test_a_folder_that_is_not_there_is_named(self, om: Omega, sent: Omega, there: Omega, folder: Path) -> None:
        om.datasets.put([1], "d")
        folder.rmdir()
        with pytest.raises(PromotionError, match=r"there is no folder .*stick; make it, or mount"):
            om.datasets.promote("d", sent.datasets)
        assert sent.datasets.list() == []
        with pytest.raises(ArchiveError, match="can not be read"):
            there.receive(folder)

    def test_a_delivery_is_not_imported_without_its_gates_but_can_be_looked_at(
        self, om: Omega, sent: Omega, there: Omega, folder: Path
    ) -> None:
        om.datasets.put([1], "d")
        om.datasets.promote("d", sent.datasets)
        (file,) = folder.iterdir()
        with pytest.raises(ArchiveError, match="give its folder to om receive"):
            import_objects(there.context, file, lambda bucket, prefix: there[bucket].datasets)
        assert describe_archive(there.context, file)["form"] == "delivery"
        om.export("datasets/d", folder / "export.omega")
        assert [each.outcome for each in there.receive(folder)] == ["promoted"]

    def test_a_code_that_may_not_be_loaded_there_is_not_loaded_by_gates(
        self, om: Omega, sent: Omega, there: Omega, folder: Path
    ) -> None:
        om.models.put(LinearRegression(), "m")
        om.models.promote("m", sent.models)
        trust = Trust(there.context.trust.keys, "signed", code="formats-only")
        strict = Omega(replace(there.context, trust=trust, gates=GatePolicy(declared={"prod": {"models/": (_loads,)}})))
        (done,) = strict.receive(folder)
        assert (done.outcome, strict["prod"].models.list()) == ("refused", [])


WRONG: dict[str, list[Any]] = {
    "version": ["1", 0, True],
    "versions": [0, "some", 1.5],
    "tags": [1, None],
    "with_data": ["no"],
    "prefix": ["nowhere/", 3],
    "name": ["d@1", "", None],
    "to_bucket": ["", "a/b", None],
    "to_name": ["a[b]", "", ".omega/x", 7],
    "tag": ["a@b", 5],
    "bucket": ["a b", None],
    "more": [1],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_what_a_delivery_wants_is_checked(
    tmp_path: Path, make_context: Callable[[str], Context], field: str, value: Any
) -> None:
    om = _open(make_context("memory"), Trust(), name="dev")
    om.datasets.put([1], "d")
    om.datasets.promote("d", Omega(replace(om.context, promotion=FolderPromotion(tmp_path)), bucket="prod").datasets)
    (file,) = tmp_path.glob("*.omega")
    content = file.read_bytes()[512:]
    plain = json.loads(content[: content.index(b"\0")].decode())
    Index.from_text(json.dumps(plain), "x")
    plain["delivery"][field] = value
    with pytest.raises(ArchiveError):
        Index.from_text(json.dumps(plain), "x")


def test_a_delivery_without_what_it_wants_is_refused(tmp_path: Path, make_context: Callable[[str], Context]) -> None:
    om = _open(make_context("memory"), Trust(), name="dev")
    om.datasets.put([1], "d")
    om.datasets.promote("d", Omega(replace(om.context, promotion=FolderPromotion(tmp_path)), bucket="prod").datasets)
    (file,) = tmp_path.glob("*.omega")
    content = file.read_bytes()[512:]
    plain = json.loads(content[: content.index(b"\0")].decode())
    with pytest.raises(ArchiveError, match="does not hold the version that is to be received"):
        Index.from_text(json.dumps(plain | {"delivery": plain["delivery"] | {"version": 9}}), "x")
    del plain["delivery"]
    with pytest.raises(ArchiveError):
        Index.from_text(json.dumps(plain), "x")


def _open(context: Context, trust: Trust, *, name: str) -> Omega:
    return Omega(replace(context, name=name, trust=trust, registry=plugins.backends(), codec=plugins.codec()))


def _with_gate(om: Omega) -> Omega:
    gates = GatePolicy(declared={"prod": {"models/": (_is_ok,)}})
    return Omega(replace(om.context, gates=gates), bucket=om.bucket)


def _is_ok(candidate: Candidate) -> Outcome:
    return Outcome(gate="ok", passed=bool(candidate.source.attributes.get("ok")), reason="it is not ok")


def _loads(candidate: Candidate) -> Outcome:
    candidate.source.store.get(candidate.source.name)
    return Outcome(gate="loads", passed=True)
