"""Gates by their text: reading ``metric('r2', '>=', 0.8)``, finding the gate, and asking all that apply."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from omega_domain.entities.promotion import Outcome
from omega_domain.errors import SettingsError
from omega_domain.ports.gate import Candidate, Gate, GatePolicy, GateSpec
from omega_domain.promotion.gates import BUILT_IN

#: Attribute of an object: gates that it must pass to be replaced by a promotion, as a list of texts.
GATES = "gates"


@dataclass(frozen=True, slots=True)
class ParsedSpec:
    """The text of a gate, taken apart.

    Attributes:
        name: of the gate.
        args: its arguments, which are literals.
        kwargs: those by name.
        is_call: whether there were parentheses.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    is_call: bool = False


def parse_spec(text: str) -> ParsedSpec:
    """Take the text of a gate apart; nothing of it is run.

    Raises:
        SettingsError: it is not a name, or a name and literals in parentheses.
    """
    try:
        body = ast.parse(text.strip(), mode="eval").body
        if isinstance(body, ast.Name):
            return ParsedSpec(body.id)
        if isinstance(body, ast.Call) and isinstance(body.func, ast.Name):
            args = tuple(ast.literal_eval(argument) for argument in body.args)
            kwargs = {_keyword(one): ast.literal_eval(one.value) for one in body.keywords}
            return ParsedSpec(body.func.id, args, kwargs, is_call=True)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise _malformed(text) from error
    raise _malformed(text)


def find_gate(spec: GateSpec, policy: GatePolicy) -> Gate:
    """Return the gate that a declaration means.

    Raises:
        SettingsError: there is none of this name, or it takes other arguments.
    """
    if isinstance(spec, str):
        return _by_text(spec, policy)
    if isinstance(spec, type):
        return _as_gate(spec(), spec.__name__)
    return _as_gate(spec, getattr(spec, "__name__", type(spec).__name__))


def required_gates(candidate: Candidate, policy: GatePolicy, given: Iterable[GateSpec] = ()) -> list[GateSpec]:
    """Return what a candidate must pass: what its target's bucket, the live object, it itself and the call demand.

    What the candidate itself says can only add to what the target demands.
    """
    found: list[GateSpec] = [*policy.of(candidate.target.bucket, candidate.target.prefix)]
    for meta in filter(None, (candidate.live, candidate.source)):
        found += _of_object(meta.attributes.get(GATES, ()), meta.name)
    return list(_unique([*found, *given]))


def ask(specs: Iterable[GateSpec], candidate: Candidate, policy: GatePolicy) -> tuple[Outcome, ...]:
    """Return what gates say of a candidate; one that fails refuses."""
    gates = [find_gate(spec, policy) for spec in specs]
    return tuple(_ask(gate, candidate) for gate in gates)


def known_gates(policy: GatePolicy) -> dict[str, str]:
    """Return the names of all gates that can be declared by text, and what they demand."""
    built_in = {name: _first_line(factory) for name, factory in BUILT_IN.items()}
    return built_in | dict.fromkeys(policy.plugins, "of an installed package")


def _keyword(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise ValueError("** has no literal value")
    return keyword.arg


def _malformed(text: object) -> SettingsError:
    return SettingsError(
        f"{text!r} is no gate: write its name, with literals in parentheses if it takes any, such as 'fitted' or "
        "\"metric('r2', '>=', 0.8)\""
    )


def _by_text(text: str, policy: GatePolicy) -> Gate:
    spec = parse_spec(text)
    if spec.name in BUILT_IN:
        found: Any = BUILT_IN[spec.name]
    elif spec.name in policy.plugins:
        found = policy.plugins[spec.name]()
    else:
        raise SettingsError(_unknown(spec.name, [*BUILT_IN, *policy.plugins]))
    if not (spec.is_call or isinstance(found, type)):
        return _as_gate(found, text)
    try:
        return _as_gate(found(*spec.args, **spec.kwargs), text)
    except TypeError as error:
        raise SettingsError(f"the gate {text!r} takes other arguments: {error}") from error


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"there is no gate {name!r}; {hint}there are: {', '.join(known)}"


def _as_gate(found: Any, name: str) -> Gate:
    if isinstance(found, Gate):
        return found
    if callable(found):
        return _FunctionGate(name, found)
    raise SettingsError(f"{name!r} is no gate: it has no check(candidate), and can not be called")


def _of_object(declared: object, name: str) -> list[GateSpec]:
    if isinstance(declared, str):
        return [declared]
    if isinstance(declared, list | tuple) and all(isinstance(spec, str) for spec in declared):
        return list(declared)
    raise SettingsError(f"the attribute {GATES!r} of {name!r} must be a list of texts, such as ['fitted']")


def _unique(specs: Iterable[GateSpec]) -> Iterator[GateSpec]:
    seen: list[GateSpec] = []
    for spec in specs:
        if not any(spec is other or (isinstance(spec, str) and spec == other) for other in seen):
            seen.append(spec)
            yield spec


def _ask(gate: Gate, candidate: Candidate) -> Outcome:
    try:
        return gate.check(candidate)
    except Exception as error:  # noqa: BLE001 -- a gate that fails must not let anything pass
        return Outcome(gate=gate.name, passed=False, reason=f"it failed: {type(error).__name__}: {error}")


def _first_line(factory: Callable[..., Any]) -> str:
    return (factory.__doc__ or "").strip().partition("\n")[0]


@dataclass(frozen=True, slots=True)
class _FunctionGate(Gate):
    """A function as a gate."""

    label: str
    function: Callable[[Candidate], Any]

    @property
    def name(self) -> str:
        return self.label

    def check(self, candidate: Candidate) -> Outcome:
        said = self.function(candidate)
        if isinstance(said, Outcome):
            return said
        if isinstance(said, str):
            return Outcome(gate=self.label, passed=False, reason=said)
        passed = said is None or said is True
        return Outcome(gate=self.label, passed=passed, reason="" if passed else f"it returned {said!r}")
