"""Promotion: plans, gates, closure, history that travels, audit and rollback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.adapters.memory.collection import MemoryCollection
from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.promotion import Outcome, PromotionPlan
from omega_domain.entities.version import Part, Payload
from omega_domain.errors import (
    ConflictError,
    CorruptPayloadError,
    ObjectNotFoundError,
    PromotionError,
    PromotionRefusedError,
    StoreReadOnlyError,
    UntrustedObjectError,
)
from omega_domain.omega import Omega
from omega_domain.ports.gate import Candidate, GatePolicy
from omega_domain.ports.store import Document
from omega_domain.promotion.rolling_back import roll_back
from omega_domain.repository.context import Context
from omega_domain.repository.history import HISTORY, History
from omega_domain.repository.linking import FITTED
from omega_domain.repository.payloads import TOKEN, row_ids
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import CollectionBackend, RowsBackend, TextBackend, UriBackend
from omega_domain.testing.faults import FaultPlan, FaultyMetadataStore, FaultyStore, InjectedFault
from omega_domain.testing.models import Affine, AffineBackend, NumbersBackend
from omega_domain.trust import SIGNED, Trust
from omega_domain.upkeep.checking import check
from omega_domain.upkeep.collecting import collect

LONG = timedelta(days=2)
BACKENDS = (TextBackend, RowsBackend, CollectionBackend, UriBackend, AffineBackend, NumbersBackend)


def new_omega(name: str = "here", **fields: Any) -> Omega:
    clock = ManualClock()
    parts: dict[str, Any] = {"metadata": MemoryMetadataStore(), "store": MemoryStore(name, clock=clock), "clock": clock}
    context = Context(**{"name": name, "author": f"who@{name}", **parts, **fields})
    for backend in BACKENDS:
        context.registry.register(backend.KIND, backend)
    return Omega(context, bucket="dev")


@pytest.fixture
def om() -> Omega:
    return new_omega()


@pytest.fixture(params=["bucket", "context"])
def prod(request: pytest.FixtureRequest, om: Omega) -> Omega:
    """Where to promote: another bucket, or another context."""
    return om["prod"] if request.param == "bucket" else new_omega("there")["prod"]


def everything(om: Omega) -> Any:
    """All that a context keeps, leases included."""
    metadata: Any = om.context.metadata
    store: Any = om.context.store
    files = {blob: (content, info) for blob, (content, info) in store.files._blobs.items()}
    documents = {key: list(store.collection(key).find()) for key in store.collections()}
    return dict(metadata._heads), dict(metadata._versions), files, documents


def refuse(candidate: Candidate) -> str:
    return f"{candidate.name} is not good enough"


def key_in(store: OmegaStore, name: str) -> ObjectKey:
    return ObjectKey(store.bucket, store.prefix, name)


def advance(om: Omega) -> None:
    assert isinstance(om.context.clock, ManualClock)
    om.context.clock.advance(LONG)


# -- plan --------------------------------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing(om: Omega, prod: Omega) -> None:
    for value, name in (("text", "t"), ([{"x": 1}], "r"), (("a",), "c"), (bytearray(b"u"), "u")):
        om.datasets.put(value, name, attributes={"x": 1} if name == "t" else None)
    before = everything(om), everything(prod)
    for name in ("t", "r", "c", "u"):
        assert om.datasets.promote(name, prod.datasets, dry_run=True).versions == (1,)
    assert (everything(om), everything(prod)) == before


def test_a_plan_says_how_many_bytes_are_copied(om: Omega) -> None:
    there = new_omega("there")
    om.datasets.put("text", "t")
    om.datasets.put(" more", "t", append=True)
    plan = om.datasets.promote("t", there.datasets, dry_run=True)
    assert (plan.size, plan.bytes_to_copy, plan.source.version, plan.target.version) == (9, 9, 2, None)
    assert om.datasets.promote("t", om["prod"].datasets, dry_run=True).bytes_to_copy == 0
    there.datasets.put("text", "known")
    assert om.datasets.promote("t", there.datasets, dry_run=True).bytes_to_copy == 5
    om.datasets.promote("t", there.datasets)
    again = om.datasets.promote("t", there.datasets, dry_run=True)
    assert (again.is_done, again.bytes_to_copy, again.versions) == (True, 0, ())


def test_a_plan_says_what_differs(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1.0), "m", attributes={"a": 1, "gone": 0, "metrics": {"r2": 0.5}, "signature": {"X": "x"}})
    om.models.promote("m", prod.models)
    meta = om.models.put(Affine(22.0), "m", attributes={"a": 2, "metrics": {"r2": 0.7}, "signature": {"X": "z"}})
    del meta.attributes["gone"]
    meta.save()
    plan = om.models.promote("m", prod.models, dry_run=True)
    found = {(one.what, one.name): (one.live, one.promoted) for one in plan.differences}
    assert found.pop(("size", "size"))[0] < plan.size
    assert found == {
        ("attributes", "a"): (1, 2),
        ("attributes", "gone"): (0, None),
        ("metrics", "r2"): (0.5, 0.7),
        ("signature", "X"): ("x", "z"),
    }
    assert (str(plan.source), plan.target.prefix) == ("here:dev/m@2", "models/")
    assert str(om.models.promote("m", prod.models, "n", dry_run=True).target).endswith(":prod/n")


def test_a_plan_compares_packages_columns_and_what_the_kind_says(om: Omega, prod: Omega) -> None:
    class Described(TextBackend):
        KIND = "test.described"

        def summary(self, name: str) -> dict[str, Any]:
            return {"columns": self.data_store.metadata(name, required=True).kind_meta["columns"]}

    for one in (om, prod):
        one.datasets.register_backend(Described.KIND, Described)

    def put(numpy: str, columns: dict[str, str], form: str) -> None:
        kind_meta = {"packages": {"numpy": numpy}, "columns": columns, "format": form}
        om.datasets.make_metadata("d", Described.KIND, kind_meta=kind_meta).save()

    put("1", {"x": "int64"}, "a")
    om.datasets.promote("d", prod.datasets)
    put("2", {"x": "float64"}, "b")
    plan = om.datasets.promote("d", prod.datasets, dry_run=True)
    assert [(one.what, one.name, one.live, one.promoted) for one in plan.differences] == [
        ("packages", "numpy", "1", "2"),
        ("schema", "x", "int64", "float64"),
        ("kind_meta", "format", "a", "b"),
    ]


def test_a_plan_passes_over_a_schema_that_can_not_be_read(om: Omega, prod: Omega) -> None:
    om.datasets.make_metadata("d", "test.unknown").save()
    om.datasets.promote("d", prod.datasets)
    om.datasets.make_metadata("d", "test.unknown", attributes={"x": 1}).save()
    assert [one.name for one in om.datasets.promote("d", prod.datasets, dry_run=True).differences] == ["x"]


def test_a_plan_is_plain_json(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1.0), "m", tag="v1")
    om.models.promote("m", prod.models)
    om.models.put(Affine(2.0), "m", attributes={"x": 1})
    plan = om.models.promote("m", prod.models, gates=[refuse], versions="all", tags=True, dry_run=True)
    plain = json.loads(json.dumps(plan.to_plain()))
    assert (plain["versions"], plain["tags"], plain["is_allowed"]) == ([2], {"v1": 1}, False)
    assert plain["differences"] == [{"what": "attributes", "name": "x", "live": None, "promoted": 1}]
    assert plain["gates"] == [{"gate": "refuse", "passed": False, "reason": "m is not good enough", "evidence": {}}]


def test_a_plan_reads_as_text(om: Omega, prod: Omega) -> None:
    fit(om)
    plan = om.models.promote("m", prod.models, gates=[refuse, "fitted"], with_data=True, dry_run=True)
    x, there = plan.brings[0], prod.context.name
    assert str(plan).splitlines()[:4] == [
        f"here:dev/m@2 to {there}:prod/m would be refused: {plan.size} bytes, {plan.bytes_to_copy} to copy",
        "  no  refuse: m is not good enough",
        "  yes fitted: it was fitted",
        f"  here:dev/x@1 to {there}:prod/x would be promoted: {x.size} bytes, {x.bytes_to_copy} to copy",
    ]
    om.models.promote("m", prod.models)
    om.models.put(Affine(2.0), "m", attributes={"x": 1})
    assert "\n  attributes x: None -> 1" in str(om.models.promote("m", prod.models, dry_run=True))
    assert " is there already: " in str(om.models.promote("m@2", prod.models, dry_run=True))


# -- gates -------------------------------------------------------------------------------------------------------------


def test_a_refusal_names_every_gate_and_changes_nothing(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1.0), "m")
    before = everything(om), everything(prod)
    with pytest.raises(PromotionRefusedError, match=r"refuse: m is not good enough; has_signature: ") as caught:
        om.models.promote("m", prod.models, gates=[refuse, "has_signature"])
    assert (everything(om), everything(prod)) == before
    assert isinstance(caught.value.plan, PromotionPlan)
    assert [outcome.passed for outcome in caught.value.plan.outcomes] == [False, False]


def test_force_needs_a_reason_and_is_recorded(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1.0), "m")
    for force in (True, " "):
        with pytest.raises(PromotionError, match="reason"):
            om.models.promote("m", prod.models, gates=[refuse], force=force)
    meta = om.models.promote("m", prod.models, gates=[refuse], force="it burns")
    assert meta.provenance is not None
    assert meta.provenance["forced"] == "it burns"
    (entry,) = prod.models.history("m")
    assert (entry.forced, entry.gates[0]["passed"]) == ("it burns", False)


def test_force_is_not_recorded_where_all_gates_pass(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1.0), "m")
    om.models.promote("m", prod.models, gates=[lambda _: True], force="to be sure")
    assert prod.models.history("m")[0].forced is None


def test_gates_are_declared_for_a_bucket() -> None:
    policy = GatePolicy(declared={"prod": {"models/": ("has_signature",)}, "*": {"models/": (refuse,)}})
    om = new_omega(gates=policy)
    om.models.put(Affine(1.0), "m")
    om.datasets.put("text", "t")
    with pytest.raises(PromotionRefusedError) as caught:
        om.models.promote("m", om["prod"].models)
    assert [outcome.gate for outcome in caught.value.plan.outcomes] == ["refuse", "has_signature"]
    with pytest.raises(PromotionRefusedError) as caught:
        om.models.promote("m", om["other"].models)
    assert [outcome.gate for outcome in caught.value.plan.outcomes] == ["refuse"]
    om.datasets.promote("t", om["prod"].datasets)


def test_gates_of_the_live_object_hold_whatever_the_source_says(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1.0), "m", attributes={"gates": []})
    meta = om.models.promote("m", prod.models)
    meta.attributes["gates"] = ["has_signature"]
    meta.save()
    om.models.put(Affine(2.0), "m")
    with pytest.raises(PromotionRefusedError, match="has_signature"):
        om.models.promote("m", prod.models)
    om.models.promote("m", prod.models, force="once")
    assert prod.models.metadata("m", required=True).attributes["gates"] == ["has_signature"]
    assert om.models.promote("m", prod.models, dry_run=True).is_done
    prod.models.rollback("m")
    assert prod.models.metadata("m", required=True).attributes["gates"] == ["has_signature"]


def test_gates_of_the_source_hold_for_its_first_promotion(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1.0), "m", attributes={"gates": ["has_signature"]})
    with pytest.raises(PromotionRefusedError):
        om.models.promote("m", prod.models)


def test_gates_are_asked_again_if_the_target_changes_meanwhile(om: Omega) -> None:
    om.models.put(Affine(1.0), "m")
    prod = om["prod"].models
    seen: list[Any] = []

    def meddling(candidate: Candidate) -> bool:
        if not seen:
            prod.put(Affine(9.0), "m")
        seen.append(candidate.live)
        return candidate.live is None or len(seen) > 1

    om.models.promote("m", prod, gates=[meddling])
    assert [live.version if live else None for live in seen] == [None, 1]
    assert [meta.version for meta in prod.versions("m")] == [1, 2]


def test_a_promotion_that_becomes_refused_meanwhile_is_not_done(om: Omega) -> None:
    om.models.put(Affine(1.0), "m")
    prod = om["prod"].models

    def first_only(candidate: Candidate) -> bool:
        if candidate.live is None:
            OmegaCopy.put()
        return candidate.live is None

    class OmegaCopy:
        put = staticmethod(lambda: prod.put(Affine(9.0), "m"))

    with pytest.raises(PromotionRefusedError):
        om.models.promote("m", prod, gates=[first_only])
    assert prod.get("m") == Affine(9.0)


# -- versions and tags -------------------------------------------------------------------------------------------------


def test_history_travels_in_order(om: Omega, prod: Omega) -> None:
    for k in range(1, 5):
        om.models.put(Affine(k), "m", tag=f"v{k}", attributes={"k": k})
    om.models.promote("m@v3", prod.models, versions="all", tags=True)
    assert [prod.models.get(f"m@{k}") for k in (1, 2, 3)] == [Affine(1), Affine(2), Affine(3)]
    assert [(meta.version, meta.tags, meta.attributes) for meta in prod.models.versions("m")] == [
        (1, ["v1"], {"k": 1}),
        (2, ["v2"], {"k": 2}),
        (3, ["v3"], {"k": 3}),
    ]
    assert [entry.version for entry in prod.models.history("m")] == [3]
    assert om.models.promote("m@v3", prod.models, versions="all", tags=True, dry_run=True).is_done
    om.models.promote("m", prod.models, versions=2)
    assert len(prod.models.versions("m")) == 4
    for one in (om, prod):
        advance(one)
        collect(one.context)
        assert check(one.context) == []


def test_only_the_newest_versions_travel_if_asked(om: Omega, prod: Omega) -> None:
    for k in range(1, 5):
        om.models.put(Affine(k), "m")
    om.models.promote("m", prod.models, versions=2)
    assert [(meta.provenance or {})["version"] for meta in prod.models.versions("m")] == [3, 4]


def test_history_can_follow_later(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1), "m")
    om.models.put(Affine(2), "m")
    om.models.promote("m", prod.models)
    om.models.promote("m", prod.models, versions="all")
    assert [(meta.provenance or {})["version"] for meta in prod.models.versions("m")] == [2, 1, 2]
    assert prod.models.get("m") == Affine(2)


@pytest.mark.parametrize("versions", [0, -1, "some", True, 1.5])
def test_what_is_no_number_of_versions_is_refused(om: Omega, prod: Omega, versions: Any) -> None:
    om.models.put(Affine(1), "m")
    with pytest.raises(PromotionError, match="number of versions"):
        om.models.promote("m", prod.models, versions=versions)


def test_tags_follow_to_where_a_version_is_already(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1), "m")
    om.models.promote("m", prod.models)
    om.models.tag("m", "late")
    om.models.promote("m", prod.models, tags=True, tag="live")
    assert prod.models.metadata("m", required=True).tags == ["late", "live"]
    om.models.promote("m", prod.models, tags=True)
    assert len(prod.models.versions("m")) == 1


def test_a_tag_moves_to_the_copy_that_becomes_live(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1), "m", tag="v1")
    om.models.promote("m", prod.models, tags=True)
    om.models.put(Affine(2), "m")
    om.models.promote("m", prod.models)
    om.models.promote("m@v1", prod.models, tags=True)
    assert prod.models.metadata("m", required=True).tags == ["v1"]


# -- closure -----------------------------------------------------------------------------------------------------------


def fit(om: Omega) -> None:
    om.datasets.put([1.0, 2.0], "x")
    om.datasets.put([2.0, 4.0], "y")
    om.models.put(Affine(), "m")
    om.runtime.model("m").fit("x", "y").get()


def test_data_travels_with_its_model_by_version(om: Omega, prod: Omega) -> None:
    fit(om)
    meta = om.models.metadata("m", required=True)
    meta.attributes[FITTED] = {"X": {"name": "x", "version": 1}, "Y": {"name": "y[a]"}, "Z": {"name": None}, "W": None}
    meta.save()
    om.datasets.put([9.0], "x")
    plan = om.models.promote("m", prod.models, with_data=True, dry_run=True)
    assert [str(one.source) for one in plan.brings] == ["here:dev/x@1", "here:dev/y@1"]
    om.models.promote("m", prod.models, with_data=True)
    assert (prod.datasets.get("x"), prod.datasets.get("y")) == ([1.0, 2.0], [2.0, 4.0])
    again = om.models.promote("m", prod.models, with_data=True, dry_run=True)
    assert (again.is_done, again.brings) == (True, ())


def test_data_that_is_there_already_is_not_brought(om: Omega) -> None:
    fit(om)
    assert om.models.promote("m", om.models, "n", with_data=True, dry_run=True).brings == ()


def test_gates_of_the_data_hold_too() -> None:
    om = new_omega(gates=GatePolicy(declared={"prod": {"data/": (refuse,)}}))
    fit(om)
    with pytest.raises(PromotionRefusedError, match="x is not good enough"):
        om.models.promote("m", om["prod"].models, with_data=True)
    assert om["prod"].datasets.list() == om["prod"].models.list() == []


def test_data_that_is_gone_is_said(om: Omega, prod: Omega) -> None:
    fit(om)
    om.datasets.drop("x")
    with pytest.raises(PromotionError, match="fitted on 'x', which is not there any more"):
        om.models.promote("m", prod.models, with_data=True)


def test_only_models_have_data(om: Omega, prod: Omega) -> None:
    om.datasets.put("text", "t")
    with pytest.raises(PromotionError, match="no model"):
        om.datasets.promote("t", prod.datasets, with_data=True)


def test_a_model_without_known_data_travels_alone(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1), "m")
    assert om.models.promote("m", prod.models, with_data=True, dry_run=True).brings == ()


# -- rollback ----------------------------------------------------------------------------------------------------------


def promote_all(om: Omega, prod: Omega, *factors: int) -> None:
    for k in factors:
        om.models.put(Affine(k), "m", attributes={"k": k})
        om.models.promote("m", prod.models)


def test_rollback_makes_the_former_live_again(om: Omega, prod: Omega) -> None:
    promote_all(om, prod, 1, 2)
    meta = prod.models.rollback("m", reason="it is worse")
    assert (prod.models.get("m"), meta.version, meta.attributes) == (Affine(1), 3, {"k": 1})
    entry = prod.models.history("m")[-1]
    assert (entry.action, entry.note, entry.version) == ("rollback", "it is worse", 3)
    assert entry.source is not None
    assert (entry.source["restores"]["version"], entry.source["rollback_of"]["version"]) == (1, 2)


def test_a_second_rollback_goes_further_back(om: Omega, prod: Omega) -> None:
    promote_all(om, prod, 1, 2, 3)
    found = [(prod.models.rollback("m"), prod.models.get("m"))[1] for _ in range(2)]
    assert found == [Affine(2), Affine(1)]
    with pytest.raises(PromotionError, match="nothing was live before version 5"):
        prod.models.rollback("m")


def test_rollback_never_returns_to_what_was_undone(om: Omega, prod: Omega) -> None:
    promote_all(om, prod, 1, 2)
    prod.models.rollback("m")
    promote_all(om, prod, 3)
    prod.models.rollback("m")
    assert prod.models.get("m") == Affine(1)
    with pytest.raises(PromotionError):
        prod.models.rollback("m")


def test_what_travelled_as_history_was_never_live(om: Omega, prod: Omega) -> None:
    promote_all(om, prod, 1)
    for k in (2, 3):
        om.models.put(Affine(k), "m")
    om.models.promote("m", prod.models, versions="all")
    prod.models.rollback("m")
    assert prod.models.get("m") == Affine(1)


def test_what_was_put_here_is_gone_back_to_as_well(om: Omega) -> None:
    om.models.put(Affine(1), "m")
    om.models.put(Affine(2), "m")
    meta = om.models.rollback("m")
    assert om.models.get("m") == Affine(1)
    assert meta.provenance is not None
    assert (meta.provenance["bucket"], meta.provenance["version"]) == ("dev", 1)


def test_the_first_version_can_not_be_rolled_back(om: Omega, prod: Omega) -> None:
    promote_all(om, prod, 1)
    with pytest.raises(PromotionError, match="nothing was live before"):
        prod.models.rollback("m")
    with pytest.raises(ObjectNotFoundError):
        prod.models.rollback("n")


def test_promoting_what_was_rolled_back_to_changes_nothing(om: Omega, prod: Omega) -> None:
    promote_all(om, prod, 1, 2)
    prod.models.rollback("m")
    assert om.models.promote("m@1", prod.models, dry_run=True).is_done
    om.models.promote("m", prod.models)
    assert prod.models.get("m") == Affine(2)


def test_a_draft_can_not_be_rolled_back(om: Omega) -> None:
    with pytest.raises(PromotionError, match="not saved"):
        roll_back(om.models.make_metadata("m", AffineBackend.KIND))


def test_rollback_is_refused_if_the_payload_is_gone(om: Omega, prod: Omega) -> None:
    promote_all(om, prod, 1, 2)
    store: Any = prod.context.store
    del store.files._blobs[prod.models.metadata("m@1", required=True).parts[0].ref]
    with pytest.raises(PromotionError, match="payload is gone"):
        prod.models.rollback("m")
    assert prod.models.get("m") == Affine(2)


class Meddled(MemoryMetadataStore):
    """Lets somebody else act, once, before a head is read for a change."""

    def __init__(self) -> None:
        super().__init__()
        self.act: Callable[[], object] | None = None
        self.after = 0

    def head(self, key: ObjectKey) -> Head | None:
        if self.act and self.after == 0:
            act, self.act = self.act, None
            act()
        self.after -= 1
        return super().head(key)


@pytest.mark.parametrize(("act", "error"), [("put", ConflictError), ("drop", ObjectNotFoundError), ("attribute", None)])
def test_a_rollback_undoes_only_what_was_seen(act: str, error: type[Exception] | None) -> None:
    metadata = Meddled()
    om = new_omega(metadata=metadata)
    for k in (1, 2):
        om.models.put(Affine(k), "m")

    def change() -> None:
        meta = om.models.metadata("m", required=True)
        meta.attributes["gates"] = []
        meta.save()

    acts = {"put": lambda: om.models.put(Affine(3), "m"), "drop": lambda: om.models.drop("m"), "attribute": change}
    metadata.act, metadata.after = acts[act], 2  # after the two reads that find what is to be undone and put back
    if error is None:
        om.models.rollback("m")
        assert (om.models.get("m"), om.models.metadata("m", required=True).attributes) == (Affine(1), {"gates": []})
        return
    with pytest.raises(error, match="meanwhile"):
        om.models.rollback("m")


# -- history -----------------------------------------------------------------------------------------------------------


def test_history_tells_who_when_and_from_where(om: Omega, prod: Omega) -> None:
    promote_all(om, prod, 1)
    (entry,) = prod.models.history("m")
    assert (entry.n, entry.action, entry.author, entry.version) == (1, "promote", prod.context.author, 1)
    assert entry.source is not None
    assert (entry.source["context"], entry.source["bucket"], entry.source["version"]) == ("here", "dev", 1)
    assert entry.digest == prod.models.metadata("m", required=True).digest
    assert json.loads(json.dumps(entry.to_plain()))["former"] == ""


def test_history_survives_a_drop(om: Omega, prod: Omega) -> None:
    promote_all(om, prod, 1)
    prod.models.drop("m")
    promote_all(om, prod, 2)
    assert [(entry.n, entry.version) for entry in prod.models.history("m")] == [(1, 1), (2, 1)]
    prod.models.drop("m")
    assert len(prod.models.history("m")) == 2


def test_a_record_that_was_not_written_is_made_up_for() -> None:
    om, there = new_omega(), new_omega("there")
    om.models.put(Affine(1), "m")
    plan = FaultPlan()
    dry = new_omega("dry")
    om.models.promote("m", _faulty(dry, plan).models)
    assert plan.trace[-2:] == ["commit", "insert_many"]
    with pytest.raises(InjectedFault):
        om.models.promote("m", _faulty(there, FaultPlan(plan.steps)).models)
    assert there.models.get("m") == Affine(1)
    assert History(there.context).entries(key_in(there.models, "m")) == []
    assert [(entry.n, entry.version) for entry in there.models.history("m")] == [(1, 1)]
    assert History(there.context).problems(key_in(there.models, "m")) == []


def test_the_same_promotion_again_writes_the_record_that_is_missing() -> None:
    om, there = new_omega(), new_omega("there")
    promote_all(om, there, 1)
    there.context.store.collection(HISTORY).drop()
    om.models.promote("m", there.models)
    assert len(History(there.context).entries(key_in(there.models, "m"))) == 1


def _faulty(om: Omega, plan: FaultPlan) -> Omega:
    context = om.context
    metadata, store = FaultyMetadataStore(context.metadata, plan), FaultyStore(context.store, plan)
    return Omega(replace(context, metadata=metadata, store=store), bucket=om.bucket)


class Locked(MemoryCollection):
    """A collection into which nothing can be written."""

    def insert_many(self, documents: Any) -> Any:
        raise StoreReadOnlyError("read-only")


class ReadOnly(MemoryStore):
    """A store into which nothing can be written."""

    def collection(self, key: str) -> MemoryCollection:
        inner, locked = super().collection(key), object.__new__(Locked)
        vars(locked).update(vars(inner))
        return locked


def test_history_is_read_where_nothing_can_be_written(om: Omega) -> None:
    om.models.put(Affine(1), "m")
    om.models.promote("m", om["prod"].models)
    om.context.store.collection(HISTORY).drop()
    store = ReadOnly("again", clock=om.context.clock)
    locked = Omega(replace(om.context, store=store), bucket="prod")
    assert [entry.version for entry in locked.models.history("m")] == [1]


def documents_of(om: Omega) -> list[Document]:
    return list(om.context.store.collection(HISTORY).find(sort=[("_id", 1)]))


def rewrite(om: Omega, documents: list[Document]) -> None:
    collection = om.context.store.collection(HISTORY)
    collection.drop()
    collection.insert_many(documents)


def test_a_record_that_was_changed_or_removed_is_found() -> None:
    om = new_omega(trust=Trust(MemoryKeyRing(), SIGNED))
    prod = om["prod"]
    promote_all(om, prod, 1, 2, 3)
    history, key = History(om.context), key_in(prod.models, "m")
    assert history.problems(key) == []
    documents = documents_of(om)
    changed = [{**document} for document in documents]
    changed[1]["statement"] = changed[1]["statement"].replace('"author":"who@here"', '"author":"somebody"')
    rewrite(om, changed)
    assert [(problem.n, problem.what) for problem in history.problems(key)] == [
        (2, "its signature is forged"),
        (3, "it does not follow the record before: one of the two was changed"),
    ]
    rewrite(om, [documents[0], documents[2]])
    assert [problem.what for problem in history.problems(key)] == ["records 2 to 2 are missing"]
    rewrite(om, [{**documents[0], "signature": ""}, *documents[1:]])
    assert [problem.what for problem in history.problems(key)] == ["its signature is unsigned"]


def test_an_approval_is_recorded(om: Omega) -> None:
    om.models.put(Affine(1), "m")
    om.models.put(Affine(2), "m")
    entry = om.models.approve("m@1", "release", "looks good")
    assert (entry.version, entry.role, entry.note, entry.digest) == (
        1,
        "release",
        "looks good",
        om.models.metadata("m@1", required=True).digest,
    )
    assert om.models.history("m") == [entry]
    foreign = om.models.approve("m", "release", digest="0" * 64)
    assert (foreign.version, foreign.digest) == (None, "0" * 64)
    nowhere = om.models.approve("unknown", "release", digest="1" * 64)
    assert (nowhere.version, nowhere.uid) == (None, "")
    with pytest.raises(ObjectNotFoundError):
        om.models.approve("unknown", "release")


class Busy(MemoryStore):
    """Lets somebody else write a record, once, just before one is written."""

    act: Callable[[], object] | None = None

    def collection(self, key: str) -> MemoryCollection:
        act = self.act
        if key != HISTORY or act is None:
            return super().collection(key)
        inner, busy = super().collection(key), object.__new__(Interrupted)
        vars(busy).update(vars(inner))
        busy.store = self
        return busy


class Interrupted(MemoryCollection):
    """The collection of such a store."""

    store: Busy

    def insert_many(self, documents: Any) -> Any:
        act, self.store.act = self.store.act, None
        if act:
            act()
        return super().insert_many(documents)


@pytest.mark.parametrize("action", ["approve", "promote"])
def test_two_records_at_once_are_both_written(action: str) -> None:
    store = Busy("busy", clock=ManualClock())
    om = new_omega(store=store)
    om.models.put(Affine(1), "m")
    prod = om["prod"].models
    prod.approve("m", "seen", digest="0")
    store.act = lambda: prod.approve("m", "other", digest="1")
    if action == "approve":
        prod.approve("m", "one", digest="2")
    else:
        om.models.promote("m", prod)
    assert [entry.n for entry in prod.history("m")] == [1, 2, 3]
    assert History(om.context).problems(key_in(prod, "m")) == []


@pytest.mark.parametrize("statement", ["{", "[]", "{}", '{"gates": 1}'])
def test_a_record_that_can_not_be_read_is_said(statement: str) -> None:
    om = new_omega()
    om.models.approve("m", "seen", digest="0")
    rewrite(om, [{**documents_of(om)[0], "statement": statement}])
    with pytest.raises(CorruptPayloadError, match="dev/models/m#0000000001 of the history can not be read"):
        om.models.history("m")


# -- trust -------------------------------------------------------------------------------------------------------------


def test_what_is_not_trusted_is_not_promoted_nor_rolled_back_to() -> None:
    ring = MemoryKeyRing()
    om = new_omega(trust=Trust(ring, SIGNED))
    stranger = Omega(replace(om.context, trust=Trust(MemoryKeyRing())), bucket="dev")
    stranger.models.put(Affine(1), "m")
    there = new_omega("there", trust=Trust(MemoryKeyRing(), SIGNED))
    for versions in (1, "all"):
        with pytest.raises(UntrustedObjectError, match="not trusted here"):
            om.models.promote("m", there.models, versions=versions)
    om.models.drop("m")
    om.models.put(Affine(2), "m")
    om.models.promote("m", there.models)
    there.models.metadata("m", required=True).check_trust()
    om.datasets.put("mine", "t")
    stranger.datasets.put("theirs", "t")
    om.datasets.put("mine again", "t")
    with pytest.raises(UntrustedObjectError):
        om.datasets.rollback("t")
    with pytest.raises(UntrustedObjectError):
        om.datasets.promote("t", there.datasets, versions=2)


# -- races -------------------------------------------------------------------------------------------------------------


def test_eight_promotions_at_once_have_one_order_and_are_all_recorded(om: Omega, prod: Omega) -> None:
    for k in range(8):
        om.models.put(Affine(k), "m")
    start, errors = threading.Barrier(8), []

    def work(version: int) -> None:
        start.wait()
        try:
            om.models.promote(f"m@{version}", prod.models, gates=[lambda _: True])
        except Exception as error:  # noqa: BLE001 -- told below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(version,)) for version in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    versions = [meta.record for meta in prod.models.versions("m")]
    entries = prod.models.history("m")
    assert [entry.n for entry in entries] == [entry.version for entry in entries] == list(range(1, 9))
    assert [entry.digest for entry in entries] == [version.digest for version in versions if version]
    assert {(entry.source or {})["version"] for entry in entries} == set(range(1, 9))
    assert History(prod.context).problems(key_in(prod.models, "m")) == []


def test_the_same_promotion_twice_at_once_is_done_once(om: Omega) -> None:
    om.models.put(Affine(1), "m")
    prod = om["prod"].models
    done: list[Outcome] = []

    def twice(candidate: Candidate) -> Outcome:
        if not done:
            done.append(Outcome(gate="twice", passed=True))
            om.models.promote("m", prod)
        return done[0]

    om.models.promote("m", prod, gates=[twice])
    assert len(prod.versions("m")) == 1


# -- rows --------------------------------------------------------------------------------------------------------------


def test_rows_travel_as_a_whole_collection(om: Omega) -> None:
    payloads, key = om.datasets.payloads, "data.rows.x"
    token = payloads.register_rows(key, new=True)
    start = row_ids(token).start
    om.context.store.collection(key).insert_many([{"_id": start + i, TOKEN: token, "x": i} for i in range(3)])
    blob = payloads.write(lambda file: file.write(b"more"))
    rows = Part(type="documents", ref=f"{key}#{token}")
    parts = [Part(type="collection", ref=key, meta={"indexes": [[["x", 1]]]}), rows, blob]
    om.datasets.make_metadata("rows", "test.any").set_payload(Payload(parts)).save()
    there = new_omega("there")
    meta = om.datasets.promote("rows", there.datasets)
    assert [part.type for part in meta.parts] == ["collection", "documents", "blob"]
    assert there.datasets.payloads.count_rows(meta.parts[1]) == 3
    with there.datasets.payloads.open(meta.parts[2]) as file:
        assert file.read() == b"more"
