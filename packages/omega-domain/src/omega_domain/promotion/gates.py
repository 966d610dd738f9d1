"""The gates that omega-ml brings: what may be demanded of an object before it is promoted."""

from __future__ import annotations

import math
import operator
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from omega_domain.entities.names import MODELS, NOUN_OF, ObjectKey
from omega_domain.entities.promotion import APPROVE, Outcome
from omega_domain.errors import SettingsError
from omega_domain.ports.gate import Candidate, Gate
from omega_domain.ports.objects import StoredObject
from omega_domain.promotion.scoring import fitted_columns, score_on
from omega_domain.repository.history import entries_of, is_trusted
from omega_domain.repository.linking import FITTED
from omega_domain.trust import OF_HEAD, OF_VERSION

#: Attributes of a model: what its data look like, and its measures by name.
SIGNATURE, METRICS = "signature", "metrics"
COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}

Verdict = tuple[bool, str, Mapping[str, Any]]


class _Gate(Gate):
    """A gate that says passed or not, why, and by what evidence."""

    @property
    def name(self) -> str:
        return str(self)

    def check(self, candidate: Candidate) -> Outcome:
        passed, reason, evidence = self._judge(candidate)
        return Outcome(gate=self.name, passed=passed, reason=reason, evidence=evidence)

    @abstractmethod
    def _judge(self, candidate: Candidate) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Fitted(_Gate):
    """The model was fitted."""

    def __str__(self) -> str:
        return "fitted"

    def _judge(self, candidate: Candidate) -> Verdict:
        meta = candidate.source
        data = meta.attributes.get(FITTED)
        evidence = {FITTED: data} if data else {}
        is_fitted = _is_fitted(meta.store.get(_versioned(meta)))
        if is_fitted or (is_fitted is None and data):
            return True, "it was fitted", evidence
        return False, f"{meta.name!r} was not fitted: fit it by om.runtime.model({meta.name!r}).fit(…)", {}


@dataclass(frozen=True, slots=True)
class HasSignature(_Gate):
    """The model says what its data must look like."""

    def __str__(self) -> str:
        return "has_signature"

    def _judge(self, candidate: Candidate) -> Verdict:
        signature = candidate.source.attributes.get(SIGNATURE)
        if isinstance(signature, Mapping) and signature.get("X"):
            return True, "it has a signature", {SIGNATURE: signature}
        return False, "it has no signature: fit it by the runtime, which records one", {}


@dataclass(frozen=True, slots=True)
class Metric(_Gate):
    """A recorded measure is good enough: metric('r2', '>=', 0.8)."""

    metric: str
    comparison: str
    bound: float

    def __post_init__(self) -> None:
        """Refuse what can not be compared."""
        if self.comparison not in COMPARISONS:
            raise SettingsError(f"{self} compares by {self.comparison!r}; there are: {', '.join(COMPARISONS)}")
        if not _is_number(self.bound):
            raise SettingsError(f"{self} compares with {self.bound!r}, which is no number")

    def __str__(self) -> str:
        return f"metric({self.metric!r}, {self.comparison!r}, {self.bound!r})"

    def _judge(self, candidate: Candidate) -> Verdict:
        attributes = candidate.source.attributes
        found = _at_path(attributes.get(METRICS), self.metric)
        found = _at_path(attributes, self.metric) if found is None else found
        if not _is_number(found):
            return False, f"it has no number in its attribute {METRICS!r} under {self.metric!r}", {}
        passed = COMPARISONS[self.comparison](found, self.bound)
        words = f"{self.metric} is {found}" + ("" if passed else f", which is not {self.comparison} {self.bound}")
        return passed, words, {self.metric: found}


@dataclass(frozen=True, slots=True)
class NoRegression(_Gate):
    """It scores no worse than what is live, on a dataset of the target: no_regression(on='holdout')."""

    on: str | None = None
    X: str | None = None
    Y: str | None = None
    tolerance: float = 0.0
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        """Refuse what names no data."""
        if (self.on is None) is (self.X is None):
            raise SettingsError("no_regression takes either on='dataset', or X='dataset[x]', Y='dataset[y]'")

    def __str__(self) -> str:
        given = {"on": self.on, "X": self.X, "Y": self.Y, "tolerance": self.tolerance or None}
        shown = [f"{name}={value!r}" for name, value in given.items() if value is not None]
        return f"no_regression({', '.join([*shown, *([] if self.higher_is_better else ['higher_is_better=False'])])})"

    def _judge(self, candidate: Candidate) -> Verdict:
        data = (self.X, self.Y) if self.X else fitted_columns(candidate.source, str(self.on))
        score = score_on(candidate.source, candidate.target, *data)
        evidence: dict[str, Any] = {"X": data[0], "Y": data[1], "score": _plain(score)}
        if math.isnan(score):
            return False, f"its score on {data[0]} is not a number", evidence
        if candidate.live is None:
            return True, f"it scores {score:.6g}; nothing is live to compare with", evidence
        live = score_on(candidate.live, candidate.target, *data)
        evidence |= {"live": _plain(live), "live_version": candidate.live.version}
        gain = score - live if self.higher_is_better else live - score
        passed = math.isnan(live) or gain >= -self.tolerance
        return passed, f"it scores {score:.6g}, what is live scores {live:.6g}", evidence


@dataclass(frozen=True, slots=True)
class SchemaCompatible(_Gate):
    """Who uses what is live can use it: the same columns and dtypes, for models the same signature."""

    def __str__(self) -> str:
        return "schema_compatible"

    def _judge(self, candidate: Candidate) -> Verdict:
        live, source = candidate.live, candidate.source
        if live is None:
            return True, "nothing is live to compare with", {}
        if source.prefix == MODELS:
            problems = [
                problem
                for role in ("X", "Y")
                for problem in _unlike(_of_role(live, role), _of_role(source, role), role)
            ]
        elif live.kind != source.kind:
            problems = [f"it is a {source.kind}, live is a {live.kind}"]
        else:
            problems = _missing_in(schema_of(live), schema_of(source))
        return not problems, "; ".join(problems) or "it fits what is live", {"live_version": live.version}


@dataclass(frozen=True, slots=True)
class Signed(_Gate):
    """It was signed by somebody whom the target trusts."""

    def __str__(self) -> str:
        return "signed"

    def _judge(self, candidate: Candidate) -> Verdict:
        keys = candidate.target.context.trust.keys
        head, version = candidate.source.head, candidate.source.record
        if keys is None or head is None or version is None:
            return False, "the target has no keys to verify a signature with", {}
        said = {"version": (OF_VERSION, version.manifest, version.signature)}
        if not candidate.source.is_old:
            said["name"] = (OF_HEAD, head.statement, head.signature)
        for what, (domain, text, signature) in said.items():
            verdict = keys.verify(domain + text.encode(), signature) if signature else "unsigned"
            if verdict != "trusted":
                return False, f"the signature of its {what} is {verdict} in the target", {}
        return True, "somebody trusted has signed it", {"signer": keys.signer(version.signature)}


@dataclass(frozen=True, slots=True)
class ApprovedBy(_Gate):
    """Somebody has approved just this version: approved_by('release')."""

    role: str

    def __str__(self) -> str:
        return f"approved_by({self.role!r})"

    def _judge(self, candidate: Candidate) -> Verdict:
        target, source = candidate.target, candidate.source
        trust = target.context.trust
        histories = (
            entries_of(target.context.store, ObjectKey(target.bucket, target.prefix, candidate.name)),
            entries_of(source.store.context.store, source.key),
        )
        for entry in (entry for entries in histories for entry in reversed(entries)):
            is_meant = entry.action == APPROVE and entry.role == self.role and entry.digest == candidate.digest
            if is_meant and is_trusted(entry, trust):
                evidence = {"by": entry.author, "time": entry.time, "note": entry.note}
                return True, f"{entry.author or 'somebody'} approved it as {self.role}", evidence
        mend = f"om approve {NOUN_OF[source.prefix]} {source.name}@{source.version} --as {self.role}"
        return False, f"nobody trusted has approved version {source.version} as {self.role}: {mend}", {}


#: Name of a gate in texts -> what makes it from its arguments.
BUILT_IN: Final[Mapping[str, type[Gate]]] = {
    "fitted": Fitted,
    "has_signature": HasSignature,
    "metric": Metric,
    "no_regression": NoRegression,
    "schema_compatible": SchemaCompatible,
    "signed": Signed,
    "approved_by": ApprovedBy,
}


def schema_of(meta: StoredObject) -> dict[str, str]:
    """Return what the columns of a dataset are called and hold; of an array its dtype and shape; empty if unknown."""
    facts = meta.store.summary(_versioned(meta))
    columns = facts.get("columns")
    if isinstance(columns, Mapping):
        return {str(name): str(dtype) for name, dtype in columns.items()}
    return {name: str(facts[name]) for name in ("dtype", "shape") if name in facts}


def _versioned(meta: StoredObject) -> str:
    return f"{meta.name}@{meta.version}"


def _is_fitted(model: Any) -> bool | None:
    """Tell whether an estimator of scikit-learn's kind was fitted, by its own rule; None for any other model."""
    if hasattr(model, "__sklearn_is_fitted__"):
        return bool(model.__sklearn_is_fitted__())
    if not hasattr(model, "get_params"):
        return None
    return any(name.endswith("_") and not name.startswith("__") for name in vars(model))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _at_path(tree: object, path: str) -> object:
    """Return what is in nested tables under ``a`` or ``a.b``; None if it is not there."""
    if isinstance(tree, Mapping) and path in tree:
        return tree[path]
    first, dot, rest = path.partition(".")
    return _at_path(tree.get(first), rest) if dot and isinstance(tree, Mapping) else None


def _plain(score: float) -> float | str:
    return score if math.isfinite(score) else str(score)


def _of_role(meta: StoredObject, role: str) -> object:
    signature = meta.attributes.get(SIGNATURE)
    return signature.get(role) if isinstance(signature, Mapping) else None


def _unlike(live: Any, new: Any, role: str) -> list[str]:
    """Say how the data of two models differ; a length that is not known fits any, a name of a series is no matter."""
    if not isinstance(live, Mapping):
        return []
    if not isinstance(new, Mapping):
        return [f"it does not say what {role} it takes"]
    if "columns" in live and "columns" in new:
        before, after = dict(map(tuple, live["columns"])), dict(map(tuple, new["columns"]))
        changed = [f"{role}: {text}" for text in _missing_in(before, after)]
        added = [f"{role}: column {name!r} is new" for name in after if name not in before]
        moved = [f"{role}: its columns have another order"] if not changed + added and [*before] != [*after] else []
        return changed + added + moved
    facts = ("type", "dtype", "shape")
    return [
        f"{role}: {fact} is {new.get(fact)}, live is {live.get(fact)}"
        for fact in facts
        if live.get(fact) != new.get(fact)
    ]


def _missing_in(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    gone = [f"column {name!r} is missing" for name in before if name not in after]
    return gone + [
        f"{name!r} is {after[name]}, live is {dtype}"
        for name, dtype in before.items()
        if name in after and after[name] != dtype
    ]
