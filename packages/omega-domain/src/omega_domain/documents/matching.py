"""Which documents a query asks for, and in which order: MongoDB's query language as far as omega-ml relies on it.

Semantics are those of https://www.mongodb.com/docs/manual/reference/operator/query/, with regular expressions in
Python's dialect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

from omega_domain.documents.values import MISSING, Document, order
from omega_domain.errors import InvalidFilterError

_BRANCHES: Final[Mapping[str, Callable[[Iterable[bool]], bool]]] = {
    "$and": all,
    "$or": any,
    "$nor": lambda found: not any(found),
}
_OPTIONS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}


def matches(document: Mapping[str, Any], filter: Mapping[str, Any] | None) -> bool:
    """Whether the document is one that the filter asks for.

    Raises:
        InvalidFilterError: an operator is unknown or its operand is of the wrong form.
    """
    return compile_filter(filter)(document)


def compile_filter(filter: Mapping[str, Any] | None) -> Callable[[Mapping[str, Any]], bool]:
    """Return a function that tells whether a document matches; a wrong filter is found here, not per document.

    Raises:
        InvalidFilterError: as :func:`matches`.
    """
    if filter is None:
        return lambda _: True
    if not isinstance(cast("object", filter), Mapping):
        raise InvalidFilterError(f"a filter is a dict, not {type(filter).__name__}: {filter!r}")
    tests = [_compile_item(key, condition) for key, condition in filter.items()]
    return lambda document: all(test(document) for test in tests)


def equalities(filter: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Iterate over the (path, value) pairs that the filter demands; what an upsert starts from."""
    for key, condition in filter.items():
        if key == "$and":
            for part in condition:
                yield from equalities(part)
        elif key.startswith("$") or isinstance(condition, re.Pattern):
            continue
        elif not _is_expression(condition):
            yield key, condition
        elif "$eq" in condition:
            yield key, condition["$eq"]


def resolve(node: object, path: Sequence[str]) -> Iterator[Any]:
    """Iterate over the values at a path; fans out over the documents of a list; MISSING where it ends."""
    if not path:
        yield node
    elif isinstance(node, Mapping):
        yield from resolve(node[path[0]], path[1:]) if path[0] in node else (MISSING,)
    elif isinstance(node, list | tuple):
        if path[0].isdecimal() and int(path[0]) < len(node):
            yield from resolve(node[int(path[0])], path[1:])
        for item in node:
            if isinstance(item, Mapping):
                yield from resolve(item, path)
    else:
        yield MISSING


def _compile_item(key: object, condition: Any) -> Callable[[Mapping[str, Any]], bool]:
    if not isinstance(key, str):
        raise InvalidFilterError(f"a filter names fields by strings, not {key!r}")
    if key in _BRANCHES:
        if not isinstance(condition, list | tuple) or not condition:
            raise InvalidFilterError(f"{key} takes a list of at least one filter, not {condition!r}")
        parts = [compile_filter(part) for part in condition]
        combine = _BRANCHES[key]
        return lambda document: combine(part(document) for part in parts)
    if key.startswith("$"):
        raise _unknown(key, [*_BRANCHES])
    path = key.split(".")
    test = _compile_condition(condition)
    if len(path) == 1:
        return lambda document: test([document.get(key, MISSING)])
    return lambda document: test(list(resolve(document, path)))


def _compile_condition(condition: Any) -> Callable[[list[Any]], bool]:
    if isinstance(condition, re.Pattern):
        return _search(condition)
    if not _is_expression(condition):
        return _equals(condition)
    tests = [_compile_operator(name, operand, condition) for name, operand in condition.items() if name != "$options"]
    if "$options" in condition and "$regex" not in condition:
        raise InvalidFilterError("$options needs a $regex beside it")
    return lambda values: all(test(values) for test in tests)


def _is_expression(condition: object) -> bool:
    """Whether a condition is made of operators; a dict without any is a value to be equal to."""
    if not isinstance(condition, Mapping):
        return False
    operators = [isinstance(key, str) and key.startswith("$") for key in condition]
    if any(operators) and not all(operators):
        raise InvalidFilterError(f"operators and fields can not be mixed in one condition: {dict(condition)!r}")
    return any(operators)


def _compile_operator(name: str, operand: Any, condition: Mapping[str, Any]) -> Callable[[list[Any]], bool]:
    compile_one = _OPERATORS.get(name)
    if compile_one is None:
        raise _unknown(name, [*_OPERATORS])
    return compile_one(operand, condition)


def _unknown(name: str, known: list[str]) -> InvalidFilterError:
    return InvalidFilterError(f"unknown operator {name!r} in a filter; there are: {', '.join(sorted(known))}")


def _candidates(values: list[Any]) -> Iterator[Any]:
    """A condition holds for a list if it holds for the list itself or for one of its elements."""
    for value in values:
        yield value
        if isinstance(value, list | tuple):
            yield from value


def _equals(operand: Any) -> Callable[[list[Any]], bool]:
    if type(operand) is str:  # nearly all that is asked, and equal to text alone
        return lambda values: any(isinstance(value, str) and value == operand for value in _candidates(values))
    wanted = order(operand)
    return lambda values: any(order(value) == wanted for value in _candidates(values))


def _compare(accept: Callable[[Any, Any], bool]) -> Callable[[Any, Mapping[str, Any]], Callable[[list[Any]], bool]]:
    """Return a comparison within the type of the operand: no number is less or greater than any string, or than NaN."""

    def compile_one(operand: Any, _: Mapping[str, Any]) -> Callable[[list[Any]], bool]:
        wanted = order(operand)
        bracket = wanted[:2] if wanted[0] == 2 else wanted[:1]  # noqa: PLR2004 -- numbers and NaN are two brackets
        return lambda values: any(
            key[: len(bracket)] == bracket and accept(key, wanted) for key in map(order, _candidates(values))
        )

    return compile_one


def _in(operand: Any, _: Mapping[str, Any]) -> Callable[[list[Any]], bool]:
    if not isinstance(operand, list | tuple | set | frozenset):
        raise InvalidFilterError(f"$in and $nin take a list of values, not {operand!r}")
    patterns = [_search(value) for value in operand if isinstance(value, re.Pattern)]
    wanted = {order(value) for value in operand if not isinstance(value, re.Pattern)}
    return lambda values: (
        any(order(value) in wanted for value in _candidates(values)) or any(pattern(values) for pattern in patterns)
    )


def _exists(operand: Any, _: Mapping[str, Any]) -> Callable[[list[Any]], bool]:
    return lambda values: any(value is not MISSING for value in values) is bool(operand)


def _regex(operand: Any, condition: Mapping[str, Any]) -> Callable[[list[Any]], bool]:
    options = condition.get("$options", "")
    if not isinstance(options, str) or set(options) - set(_OPTIONS):
        raise InvalidFilterError(f"$options takes letters out of {''.join(_OPTIONS)!r}, not {options!r}")
    flags = int(sum(_OPTIONS[letter] for letter in set(options)))
    pattern = operand.pattern if isinstance(operand, re.Pattern) else operand
    flags |= operand.flags if isinstance(operand, re.Pattern) else 0
    if not isinstance(pattern, str):
        raise InvalidFilterError(f"$regex takes a string, not {pattern!r}")
    try:
        return _search(re.compile(pattern, flags))
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidFilterError(f"{pattern!r} is not a regular expression: {error}") from error


def _search(pattern: re.Pattern[Any]) -> Callable[[list[Any]], bool]:
    if not isinstance(pattern.pattern, str):
        raise InvalidFilterError(f"a regular expression is a string, not bytes: {pattern.pattern!r}")
    return lambda values: any(isinstance(value, str) and pattern.search(value) for value in _candidates(values))


def _not(operand: Any, _: Mapping[str, Any]) -> Callable[[list[Any]], bool]:
    if not isinstance(operand, re.Pattern) and not _is_expression(operand):
        raise InvalidFilterError(f"$not takes a condition with operators or a regular expression, not {operand!r}")
    return _negate(_compile_condition(operand))


def _negate(test: Callable[[list[Any]], bool]) -> Callable[[list[Any]], bool]:
    return lambda values: not test(values)


_OPERATORS: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], Callable[[list[Any]], bool]]]] = {
    "$eq": lambda operand, _: _equals(operand),
    "$ne": lambda operand, _: _negate(_equals(operand)),
    "$gt": _compare(lambda value, wanted: value > wanted),
    "$gte": _compare(lambda value, wanted: value >= wanted),
    "$lt": _compare(lambda value, wanted: value < wanted),
    "$lte": _compare(lambda value, wanted: value <= wanted),
    "$in": _in,
    "$nin": lambda operand, condition: _negate(_in(operand, condition)),
    "$exists": _exists,
    "$regex": _regex,
    "$not": _not,
}


def sort_key(document: Mapping[str, Any], path: str, direction: int = 1) -> tuple[Any, ...]:
    """Return what a document is sorted by; of a list, its least element, or its greatest when descending."""
    keys: list[tuple[Any, ...]] = []
    for value in resolve(document, path.split(".")):
        if isinstance(value, list):
            keys += [order(item) for item in value] or [(0,)]
        else:
            keys.append(order(value))
    pick = max if direction < 0 else min
    return pick(keys, default=order(None))


def sort_documents(documents: Iterable[Document], sort: Sequence[tuple[str, int]]) -> list[Document]:
    """Return the documents in order of ``[(path, 1 | -1), …]``; equal ones stay in the order given.

    Raises:
        InvalidFilterError: the sort order is of another form.
    """
    ordered = list(documents)
    for path, direction in reversed(check_sort(sort)):
        ordered.sort(key=partial(sort_key, path=path, direction=direction), reverse=direction < 0)
    return ordered


def check_sort(sort: object) -> list[tuple[str, int]]:
    """Return the sort order as a list of pairs, or raise InvalidFilterError."""
    pairs: list[Any] = list(sort) if isinstance(sort, list | tuple) else [sort]
    if not all(map(_is_pair, pairs)):
        raise InvalidFilterError(f"a sort order is a list of (path, 1 or -1), not {sort!r}")
    return [(path, direction) for path, direction in pairs]


def check_window(skip: object, limit: object) -> None:
    """Raise InvalidFilterError unless both are whole numbers of 0 and more."""
    for name, number in (("skip", skip), ("limit", limit)):
        if not isinstance(number, int) or number < 0:
            raise InvalidFilterError(f"{name} is a whole number of 0 and more, not {number!r}")


def index_name(keys: str | Sequence[tuple[str, int]]) -> str:
    """Return the name of the index on these paths as MongoDB gives it, such as ``a_1_b_-1``."""
    pairs = [(keys, 1)] if isinstance(keys, str) else check_sort(keys)
    return "_".join(f"{path}_{direction}" for path, direction in pairs)


def _is_pair(pair: object) -> bool:
    match pair:
        case [str(), int(direction)]:
            return direction in {1, -1}
    return False
