"""The backend of Python data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_backends.python_data import PythonDataBackend
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.query import Q
from omega_domain.errors import ColumnNotFoundError, UnsupportedObjectError, UnsupportedOptionError
from omega_domain.omega import Omega
from omega_domain.testing.backend import DataBackendContract


def _omega() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    om.context.registry.register(PythonDataBackend.KIND, PythonDataBackend)
    return om


@pytest.fixture
def om() -> Omega:
    return _omega()


class TestPythonDataBackend(DataBackendContract):
    """What every backend promises."""

    @pytest.fixture
    def backend(self) -> type[PythonDataBackend]:
        return PythonDataBackend

    @pytest.fixture
    def objects(self) -> Sequence[Any]:
        return [{"a": [1, 2.5, None, True]}, [{"x": 1}, {"x": 2}], "text", 0]


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -1.5, "", "text", [], {}, (), b"\x00", [[]], [None], {"a": {}}, [[1], [2, 3]]),
        *(2**70, float("inf"), Decimal("1.10"), datetime(2030, 1, 1, tzinfo=UTC), {1, 2}, (1, (2, [3]))),
        *({1: "a", None: "b"}, {"$where": 1, "a.b": {"\0": 2}}, {"_id": 1, "_omega": 2, "data": 3}),
    ],
    ids=ascii,
)
def test_data_come_back_as_they_were_put(om: Omega, value: Any) -> None:
    om.datasets.put(value, "a")
    found = om.datasets.get("a")
    assert found == value
    assert type(found) is type(value)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.lists(inner).map(tuple),
    max_leaves=10,
)


@given(st.lists(json, min_size=1, max_size=4))
def test_append_gives_the_list_of_what_was_put(values: list[Any]) -> None:
    om = _omega()
    for value in values:
        om.datasets.put(value, "a", append=True)
    assert om.datasets.get("a") == values


def test_append_to_what_was_put_makes_it_the_first_of_the_list(om: Omega) -> None:
    om.datasets.put([1, 2], "a")
    om.datasets.put({"x": 3}, "a", append=True)
    assert om.datasets.get("a") == [[1, 2], {"x": 3}]
    assert om.datasets.get("a@1") == [1, 2]


def test_filters_choose_dicts_by_their_keys(om: Omega) -> None:
    om.datasets.put([{"x": 1, "y": "a"}, {"x": 5}, {"x": 7, "y": "b"}, "no dict"], "a")
    assert om.datasets.get("a", x__gt=1) == [{"x": 5}, {"x": 7, "y": "b"}]
    assert om.datasets.get("a", Q(y="a") | Q(x=7)) == [{"x": 1, "y": "a"}, {"x": 7, "y": "b"}]
    assert om.datasets.get("a", y__isnull=True) == [{"x": 5}]
    assert om.datasets.get("a", x=100) == []
    om.datasets.put({"x": 1}, "one")
    assert om.datasets.get("one", x=1) == [{"x": 1}]


def test_a_filter_on_an_unknown_key_or_on_no_dicts_is_an_error(om: Omega) -> None:
    om.datasets.put([{"x": 1}], "a")
    with pytest.raises(ColumnNotFoundError, match="no column 'z' in 'a'"):
        om.datasets.get("a", z=1)
    om.datasets.put("text", "b")
    with pytest.raises(UnsupportedOptionError, match="no dicts"):
        om.datasets.get("b", x=1)
    om.datasets.put([], "empty")
    assert om.datasets.get("empty", x=1) == []


def test_what_has_no_form_in_json_is_refused_with_its_place(om: Omega) -> None:
    om.datasets.put(1, "a")
    with pytest.raises(UnsupportedObjectError, match=r"'a' can not be put as data: .*type object at \['x'\]\[1\]"):
        om.datasets.put({"x": [0, object()]}, "a")
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UnsupportedObjectError, match="recursion"):
        om.datasets.put(endless, "a")
    assert om.datasets.get("a") == 1


def test_what_no_document_can_hold_is_kept_in_a_blob(om: Omega) -> None:
    large = {"x": "y" * (9 << 20)}
    meta = om.datasets.put(large, "a")
    assert [part.type for part in meta.parts] == ["blob"]
    assert om.datasets.get("a") == large
    om.datasets.put([large, 1], "a")
    assert om.datasets.get("a") == [large, 1]


def _nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("value", ["\ud800", {"\udcff": 1}, _nested(150), [{"a": _nested(100)}]], ids=ascii)
def test_halves_of_surrogates_and_deep_nesting_are_kept_too(om: Omega, value: Any) -> None:
    meta = om.datasets.put(value, "a")
    assert [part.type for part in meta.parts] == ["blob"]
    assert om.datasets.get("a") == value


def test_long_flat_data_are_documents(om: Omega) -> None:
    meta = om.datasets.put({"x": [[i] for i in range(200)]}, "a")
    assert [part.type for part in meta.parts] == ["documents"]


def test_the_summary_says_what_it_is(om: Omega) -> None:
    om.datasets.put({"x": 1}, "a")
    om.datasets.put([1, 2], "b")
    om.datasets.put(1, "c", append=True)
    om.datasets.put(2, "c", append=True)
    facts = [{key: om.datasets.summary(name).get(key) for key in ("type", "items")} for name in "abc"]
    assert facts == [{"type": "dict", "items": None}, {"type": "list", "items": 2}, {"type": "list", "items": 2}]


_values = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.sampled_from(["a", "ab", "(", ""])
)
_items = st.dictionaries(st.sampled_from(["x", "y", "data", "a.b", "$z"]), _values | st.just(Decimal(1)), max_size=3)
_ops = st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"])
_conditions = st.builds(lambda column, op, value: Q((column, op, value)), st.sampled_from(["x", "y"]), _ops, _values)
_queries = st.recursive(
    st.one_of(
        _conditions,
        st.builds(
            lambda op, text: Q(("x", op, text)),
            st.sampled_from(["contains", "startswith"]),
            st.text("ab(.", max_size=2),
        ),
        st.builds(
            lambda op, values: Q(("x", op, values)), st.sampled_from(["in", "nin"]), st.lists(_values, max_size=2)
        ),
        st.builds(lambda flag: Q(("y", "isnull", flag)), st.booleans()),
    ),
    lambda inner: (
        st.builds(lambda a, b: a & b, inner, inner)
        | st.builds(lambda a, b: a | b, inner, inner)
        | inner.map(lambda a: ~a)
    ),
    max_leaves=4,
)


@given(items=st.lists(_items, min_size=1, max_size=6), query=_queries, is_appended=st.booleans())
def test_the_database_finds_what_python_finds(items: list[Any], query: Q, is_appended: bool) -> None:
    om = _omega()
    whole = [*items, {"x": None, "y": None}]
    if is_appended:
        for item in whole:
            om.datasets.put(item, "a", append=True)
    else:
        om.datasets.put(whole, "a")
    assert om.datasets.get("a", query) == [item for item in whole if query.matches(item)]


def test_only_what_matches_is_fetched(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    om.datasets.put([{"n": n, "text": f"t{n}"} for n in range(100)], "a")
    fetched: list[Any] = []
    decode = om.context.codec.decode

    def noting(plain: Any) -> Any:
        fetched.append(plain)
        return decode(plain)

    monkeypatch.setattr(om.context.codec, "decode", noting)
    assert om.datasets.get("a", n__gte=98) == [{"n": 98, "text": "t98"}, {"n": 99, "text": "t99"}]
    assert om.datasets.get("a", data__text="t5") == [{"n": 5, "text": "t5"}]
    assert om.datasets.get("a", Q(("data.n", "eq", 7))) == [{"n": 7, "text": "t7"}]
    assert om.datasets.get("a", text__startswith="nothing") == []
    assert sum(isinstance(plain, dict) for plain in fetched) == 4
    with pytest.raises(ColumnNotFoundError, match="txet"):
        om.datasets.get("a", Q(n=1) | Q(txet=5))


def test_lists_that_were_appended_are_no_dicts(om: Omega) -> None:
    om.datasets.put([{"n": 1}], "a", append=True)
    om.datasets.put({"n": 1}, "a", append=True)
    assert om.datasets.get("a", n=1) == [{"n": 1}]
