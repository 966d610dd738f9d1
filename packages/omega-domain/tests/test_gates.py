"""Gates: those that omega-ml brings, functions, plug-ins, and their texts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.entities.promotion import Outcome
from omega_domain.entities.version import Payload
from omega_domain.errors import SettingsError
from omega_domain.omega import Omega
from omega_domain.ports.gate import Candidate, Gate, GatePolicy, GateSpec
from omega_domain.promotion.gate_specs import find_gate, known_gates, parse_spec
from omega_domain.promotion.scoring import fitted_columns
from omega_domain.repository.context import Context
from omega_domain.repository.linking import FITTED
from omega_domain.testing.backends import TextBackend
from omega_domain.testing.models import Affine, AffineBackend, NumbersBackend
from omega_domain.trust import SIGNED, Trust

POLICY = GatePolicy()


class Scored(AffineBackend):
    """Scores by the factor of the model, and keeps which data it was asked for."""

    KIND: ClassVar[str] = "test.scored"
    asked: ClassVar[list[tuple[str, str | None]]] = []

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:
        return False

    def score(
        self, modelname: str, Xname: str, Yname: str | None = None, pure_python: bool = True, **kwargs: Any
    ) -> float:
        self.asked.append((Xname, Yname))
        factor = self.get(modelname).factor
        return math.nan if factor is None else factor


def new_omega(name: str = "here", **fields: Any) -> Omega:
    clock = ManualClock()
    store = MemoryStore(name, clock=clock)
    context = Context(name=name, author="ann", metadata=MemoryMetadataStore(), store=store, clock=clock, **fields)
    for backend in (TextBackend, AffineBackend, NumbersBackend, Scored):
        context.registry.register(backend.KIND, backend)
    return Omega(context, bucket="dev")


@pytest.fixture
def om() -> Omega:
    return new_omega()


@pytest.fixture
def prod(om: Omega) -> Omega:
    return om["prod"]


def ask(om: Omega, prod: Omega, gate: GateSpec, name: str = "m", store: str = "models") -> Outcome:
    source, target = getattr(om, store), getattr(prod, store)
    (outcome,) = source.promote(name, target, gates=[gate], dry_run=True).outcomes
    assert isinstance(outcome, Outcome)
    return outcome


# -- texts -------------------------------------------------------------------------------------------------------------


def test_a_text_is_taken_apart() -> None:
    spec = parse_spec("metric('r2', '>=', bound=-0.5)")
    assert (spec.name, spec.args, spec.kwargs, spec.is_call) == ("metric", ("r2", ">="), {"bound": -0.5}, True)
    assert parse_spec(" fitted ").is_call is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "metric(",
        "__import__('os').system('true')",
        "metric(open('x'))",
        "metric(*[1])",
        "metric(**{'a': 1})",
        "a.b",
        "a; b",
        "'text'",
        "lambda: 1",
        "metric({}[0])",
        "f(x)(y)",
        "metric(" + "(" * 500 + ")" * 500 + ")",
        "\0",
    ],
)
def test_what_is_no_name_with_literals_is_no_gate(text: str) -> None:
    with pytest.raises(SettingsError, match="is no gate"):
        parse_spec(text)


def test_an_unknown_gate_names_those_there_are(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1), "m")
    with pytest.raises(SettingsError, match="did you mean 'fitted'"):
        om.models.promote("m", prod.models, gates=["fited"])
    with pytest.raises(SettingsError, match="no gate 'zzz'; there are: fitted, "):
        find_gate("zzz", POLICY)


@pytest.mark.parametrize(
    "text",
    [
        "metric",
        "metric('r2')",
        "fitted(1)",
        "metric('r2', '~', 1)",
        "metric('r2', '>', 'x')",
        "metric('r2', '>', True)",
    ],
)
def test_other_arguments_than_a_gate_takes_are_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        find_gate(text, POLICY)


@pytest.mark.parametrize(
    "text",
    [
        "fitted",
        "has_signature",
        "metric('r2', '>=', 0.8)",
        "no_regression(on='holdout')",
        "no_regression(X='h[x]', Y='h[y]', tolerance=0.1, higher_is_better=False)",
        "schema_compatible",
        "signed",
        "approved_by('release')",
    ],
)
def test_a_gate_is_called_as_it_was_declared(text: str) -> None:
    assert find_gate(text, POLICY).name == text


def test_known_gates_say_what_they_demand() -> None:
    known = known_gates(GatePolicy(plugins={"mine": lambda: None}))
    assert known["fitted"] == "The model was fitted."
    assert known["mine"] == "of an installed package"


# -- functions and plug-ins --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "passed", "reason"),
    [
        (True, True, ""),
        (None, True, ""),
        (False, False, "it returned False"),
        ("too big", False, "too big"),
        (1, False, "it returned 1"),
        (Outcome(gate="own", passed=True, reason="fine"), True, "fine"),
    ],
)
def test_a_function_is_a_gate(om: Omega, prod: Omega, said: Any, passed: bool, reason: str) -> None:
    om.models.put(Affine(1), "m")
    outcome = ask(om, prod, lambda _: said)
    assert (outcome.passed, outcome.reason) == (passed, reason)


def test_a_gate_that_fails_refuses(om: Omega, prod: Omega) -> None:
    def broken(candidate: Candidate) -> bool:
        raise KeyError(candidate.name)

    om.models.put(Affine(1), "m")
    outcome = ask(om, prod, broken)
    assert (outcome.gate, outcome.passed, outcome.reason) == ("broken", False, "it failed: KeyError: 'm'")


@dataclass(frozen=True)
class Named(Gate):
    """A gate of somebody else."""

    wanted: str = "m"

    @property
    def name(self) -> str:
        return f"named({self.wanted!r})"

    def check(self, candidate: Candidate) -> Outcome:
        return Outcome(gate=self.name, passed=candidate.name == self.wanted)


class Asked:
    """A gate without the port's name; called, it is one."""

    def __call__(self, candidate: Candidate) -> bool:
        return candidate.live is None


def test_gates_are_given_as_objects_and_classes(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1), "m")
    specs: list[GateSpec] = [Named("m"), Named, Asked()]
    outcomes = om.models.promote("m", prod.models, gates=specs, dry_run=True).outcomes
    assert [(outcome.gate, outcome.passed) for outcome in outcomes] == [
        ("named('m')", True),
        ("named('m')", True),
        ("Asked", True),
    ]


@pytest.mark.parametrize(
    ("text", "plugin", "passed"),
    [
        ("mine", Named, True),
        ("mine()", Named, True),
        ("mine('other')", Named, False),
        ("mine", Named("other"), False),
        ("mine", lambda candidate: candidate.name == "m", True),
        ("mine('x')", lambda wanted: lambda candidate: candidate.name == wanted, False),
    ],
)
def test_an_installed_package_brings_gates(text: str, plugin: Any, passed: bool) -> None:
    om = new_omega(gates=GatePolicy(plugins={"mine": lambda: plugin}))
    om.models.put(Affine(1), "m")
    assert ask(om, om["prod"], text).passed is passed


def test_what_can_not_be_asked_is_no_gate() -> None:
    with pytest.raises(SettingsError, match="can not be called"):
        find_gate("mine", GatePolicy(plugins={"mine": lambda: 3}))


def test_the_same_gate_is_asked_once(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1), "m", attributes={"gates": "has_signature"})
    plan = om.models.promote("m", prod.models, gates=["has_signature"], dry_run=True)
    assert len(plan.outcomes) == 1


@pytest.mark.parametrize("declared", [3, [1], {"a": 1}])
def test_a_malformed_declaration_of_an_object_is_said(om: Omega, prod: Omega, declared: Any) -> None:
    om.models.put(Affine(1), "m", attributes={"gates": declared})
    with pytest.raises(SettingsError, match="must be a list of texts"):
        om.models.promote("m", prod.models)


# -- the gates ---------------------------------------------------------------------------------------------------------


class Estimator:
    """Of scikit-learn's kind."""

    def get_params(self) -> dict[str, Any]:
        return {}


class Pipeline:
    """Knows by itself whether it is fitted."""

    def __init__(self, fitted: bool) -> None:
        self._fitted = fitted

    def __sklearn_is_fitted__(self) -> bool:
        return self._fitted


def estimator(**attributes: Any) -> Estimator:
    found = Estimator()
    vars(found).update(attributes)
    return found


@pytest.mark.parametrize(
    ("model", "attributes", "passed"),
    [
        (estimator(coef_=1), {}, True),
        (estimator(alpha=1), {FITTED: {"X": None}}, False),
        (Pipeline(fitted=True), {}, True),
        (Pipeline(fitted=False), {FITTED: {"X": None}}, False),
        (object(), {FITTED: {"X": None}}, True),
        (object(), {}, False),
    ],
)
def test_fitted_asks_the_model_and_else_its_attributes(
    om: Omega, prod: Omega, model: Any, attributes: Any, passed: bool
) -> None:
    class Held(AffineBackend):
        def get(self, name: str) -> Any:
            return model

    om.models.put(Affine(1), "m", attributes=attributes)
    om.models.register_backend(AffineBackend.KIND, Held)
    assert ask(om, prod, "fitted").passed is passed


@pytest.mark.parametrize(
    ("signature", "passed"), [({"X": {"type": "list"}}, True), ({"X": None}, False), (None, False), ("text", False)]
)
def test_has_signature(om: Omega, prod: Omega, signature: Any, passed: bool) -> None:
    om.models.put(Affine(1), "m", attributes={} if signature is None else {"signature": signature})
    assert ask(om, prod, "has_signature").passed is passed


@pytest.mark.parametrize(
    ("attributes", "passed"),
    [
        ({"metrics": {"r2": 0.8}}, True),
        ({"metrics": {"r2": 0.79}, "r2": 0.9}, False),
        ({"r2": 1}, True),
        ({"metrics": {"r2": "0.9"}}, False),
        ({"metrics": {"r2": True}}, False),
        ({}, False),
    ],
)
def test_metric(om: Omega, prod: Omega, attributes: Any, passed: bool) -> None:
    om.models.put(Affine(1), "m", attributes=attributes)
    assert ask(om, prod, "metric('r2', '>=', 0.8)").passed is passed


def test_metric_finds_what_is_nested(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1), "m", attributes={"gridsearch": {"best_score": 0.7}, "x": 1})
    outcome = ask(om, prod, "metric('gridsearch.best_score', '<', 0.5)")
    assert (outcome.passed, outcome.reason) == (False, "gridsearch.best_score is 0.7, which is not < 0.5")
    assert not ask(om, prod, "metric('x.y.z', '<', 0.5)").passed


def put_scored(store: Any, factor: float | None, attributes: dict[str, Any] | None = None) -> None:
    store.put(Affine(factor), "plain", attributes=attributes)
    meta = store.metadata("plain", required=True)
    store.make_metadata("m", Scored.KIND, attributes=attributes).set_payload(Payload(meta.parts, meta.kind_meta)).save()


REGRESSION = "no_regression(X='h[x]', Y='h[y]')"


@pytest.mark.parametrize(
    ("new", "live", "gate", "passed"),
    [
        (0.9, None, REGRESSION, True),
        (0.9, 0.8, REGRESSION, True),
        (0.8, 0.8, REGRESSION, True),
        (0.7, 0.8, REGRESSION, False),
        (0.7, 0.8, "no_regression(X='h', tolerance=0.2)", True),
        (0.7, 0.8, "no_regression(X='h', higher_is_better=False)", True),
        (0.9, 0.8, "no_regression(X='h', higher_is_better=False)", False),
    ],
)
def test_no_regression(om: Omega, new: float, live: float | None, gate: str, passed: bool) -> None:
    prod = om["prod"]
    put_scored(om.models, new)
    if live is not None:
        put_scored(prod.models, live)
    assert ask(om, prod, gate).passed is passed


def test_a_score_that_is_no_number_is_a_regression_but_none_to_live_up_to(om: Omega, prod: Omega) -> None:
    put_scored(prod.models, None)
    put_scored(om.models, 0.1)
    outcome = ask(om, prod, REGRESSION)
    assert (outcome.passed, outcome.evidence["live"]) == (True, "nan")
    put_scored(om.models, None)
    assert not ask(om, prod, REGRESSION).passed


def test_no_regression_scores_on_data_of_the_target() -> None:
    om, there = new_omega(), new_omega("there")["prod"]
    om.models.put(Affine(2.0), "m")
    there.models.put(Affine(1.0), "m")
    there.datasets.put([1.0], "x")
    there.datasets.put([2.0], "y")
    outcome = ask(om, there, "no_regression(X='x', Y='y', higher_is_better=False)")
    assert (outcome.passed, outcome.evidence["score"], outcome.evidence["live"]) == (True, 0.0, 1.0)


def test_no_regression_finds_the_columns_by_what_the_model_was_fitted_on(om: Omega, prod: Omega) -> None:
    seen = {"X": {"name": "sales", "columns": ["a", "b,c"]}, "Y": {"name": "sales[y]", "columns": None}}
    put_scored(om.models, 1.0, {FITTED: seen})
    Scored.asked.clear()
    assert ask(om, prod, "no_regression(on='holdout')").passed
    assert Scored.asked == [('holdout["a","b,c"]', "holdout[y]")]
    meta = om.models.metadata("m", required=True)
    assert fitted_columns(meta, "h") == ('h["a","b,c"]', "h[y]")


@pytest.mark.parametrize(
    "seen",
    [
        None,
        {"X": None, "Y": None},
        {"X": {"name": "x"}, "Y": {"name": "y"}},
        {"X": {"name": None, "columns": ["a"]}, "Y": {"name": "s[^a]"}},
    ],
)
def test_no_regression_asks_for_names_if_the_model_does_not_say(om: Omega, prod: Omega, seen: Any) -> None:
    put_scored(om.models, 1.0, {FITTED: seen})
    outcome = ask(om, prod, "no_regression(on='holdout')")
    assert not outcome.passed
    assert "no_regression(X='holdout[x]', Y='holdout[y]')" in outcome.reason


def test_no_regression_needs_something_to_score(om: Omega, prod: Omega) -> None:
    om.models.put("text", "m")
    assert "has no score" in ask(om, prod, "no_regression(X='h')").reason
    for text in ("no_regression", "no_regression(on='h', X='x')"):
        with pytest.raises(SettingsError, match="either"):
            find_gate(text, POLICY)


def frame(**columns: str) -> dict[str, Any]:
    return {"type": "DataFrame", "columns": [[name, dtype] for name, dtype in columns.items()]}


LIVE = frame(a="int64", b="float64")


@pytest.mark.parametrize(
    ("live", "new", "reason"),
    [
        (LIVE, LIVE, None),
        (None, LIVE, None),
        (LIVE, None, "does not say what X"),
        (LIVE, frame(a="int64"), "'b' is missing"),
        (LIVE, frame(a="int64", b="object"), "'b' is object, live is float64"),
        (LIVE, frame(a="int64", b="float64", c="int64"), "'c' is new"),
        (LIVE, frame(b="float64", a="int64"), "another order"),
        (LIVE, {"type": "ndarray", "shape": [None, 2], "dtype": "f8"}, "type is ndarray"),
        ({"type": "ndarray", "shape": [None, 2]}, {"type": "ndarray", "shape": [None, 3]}, "shape"),
    ],
)
def test_models_are_compatible_by_signature(om: Omega, prod: Omega, live: Any, new: Any, reason: str | None) -> None:
    om.models.put(Affine(1), "m", attributes={"signature": {"X": new, "Y": None}})
    assert ask(om, prod, "schema_compatible").passed
    prod.models.put(Affine(1), "m", attributes={"signature": {"X": live, "Y": None}} if live else {})
    outcome = ask(om, prod, "schema_compatible")
    assert outcome.passed is (reason is None)
    assert (reason or "fits") in outcome.reason


class Columns(TextBackend):
    """Text that says what columns it has."""

    KIND: ClassVar[str] = "test.columns"

    def summary(self, name: str) -> dict[str, Any]:
        return dict(self.data_store.metadata(name, required=True).kind_meta)


@pytest.mark.parametrize(
    ("live", "new", "passed"),
    [
        ({"columns": {"a": "int64"}}, {"columns": {"a": "int64", "b": "bool"}}, True),
        ({"columns": {"a": "int64"}}, {"columns": {"b": "bool"}}, False),
        ({"columns": {"a": "int64"}}, {"columns": {"a": "bool"}}, False),
        ({"dtype": "f8", "shape": [2, 2]}, {"dtype": "f4", "shape": [2, 2]}, False),
        ({}, {}, True),
    ],
)
def test_datasets_are_compatible_by_columns(om: Omega, prod: Omega, live: Any, new: Any, passed: bool) -> None:
    om.datasets.register_backend(Columns.KIND, Columns)
    om.datasets.make_metadata("d", Columns.KIND, kind_meta=new).save()
    prod.datasets.make_metadata("d", Columns.KIND, kind_meta=live).save()
    assert ask(om, prod, "schema_compatible", "d", "datasets").passed is passed


def test_datasets_of_another_kind_are_not_compatible(om: Omega, prod: Omega) -> None:
    om.datasets.put("text", "d")
    prod.datasets.put([1.0], "d")
    outcome = ask(om, prod, "schema_compatible", "d", "datasets")
    assert (outcome.passed, outcome.reason) == (False, "it is a test.text, live is a test.numbers")


def signing(ring: MemoryKeyRing) -> Callable[[Omega], Omega]:
    return lambda om: Omega(replace(om.context, trust=Trust(ring)), bucket=om.bucket)


def test_signed_asks_whom_the_target_trusts() -> None:
    ours, theirs = MemoryKeyRing(), MemoryKeyRing()
    om = signing(ours)(new_omega())
    om.models.put(Affine(1), "m", tag="v1")
    trusting = new_omega("there", trust=Trust(MemoryKeyRing(trusted=[ours]), SIGNED))
    outcome = ask(om, trusting, "signed")
    assert (outcome.passed, outcome.evidence) == (True, {"signer": ours.signer(ours.sign(b""))})
    assert not ask(om, new_omega("wary", trust=Trust(theirs)), "signed").passed
    assert "no keys" in ask(om, new_omega("keyless"), "signed").reason
    om.models.put(Affine(2), "m")
    assert ask(om, trusting, "signed", "m@v1").passed


def test_signed_refuses_what_nobody_signed(om: Omega) -> None:
    om.models.put(Affine(1), "m")
    outcome = ask(om, new_omega("there", trust=Trust(MemoryKeyRing())), "signed")
    assert (outcome.passed, outcome.reason) == (False, "the signature of its version is unsigned in the target")


APPROVED = "approved_by('release')"


def test_an_approval_holds_for_just_that_version(om: Omega, prod: Omega) -> None:
    om.models.put(Affine(1), "m")
    assert not ask(om, prod, APPROVED).passed
    om.models.approve("m", "review")
    assert not ask(om, prod, APPROVED).passed
    om.models.approve("m", "release", "tested")
    outcome = ask(om, prod, APPROVED)
    assert (outcome.passed, outcome.evidence["by"], outcome.evidence["note"]) == (True, "ann", "tested")
    om.models.put(Affine(2), "m")
    assert "om approve model m@2 --as release" in ask(om, prod, APPROVED).reason
    assert ask(om, prod, APPROVED, "m@1").passed


def test_an_approval_may_be_given_in_the_target(om: Omega) -> None:
    there = new_omega("there")
    digest = om.models.put(Affine(1), "m").digest
    there.models.approve("m", "release", digest=digest)
    assert ask(om, there, APPROVED).passed


def test_an_approval_counts_only_if_the_target_trusts_who_gave_it() -> None:
    ours = MemoryKeyRing()
    om = signing(ours)(new_omega())
    om.models.put(Affine(1), "m")
    om.models.approve("m", "release")
    assert ask(om, new_omega("trusting", trust=Trust(MemoryKeyRing(trusted=[ours]), SIGNED)), APPROVED).passed
    assert not ask(om, new_omega("wary", trust=Trust(MemoryKeyRing(), SIGNED)), APPROVED).passed
    assert ask(om, new_omega("open", trust=Trust(MemoryKeyRing())), APPROVED).passed
