"""Contract of names: which differ, and which of them list returns."""

from __future__ import annotations

import pytest

from omega_domain.errors import (
    InvalidFilterError,
)
from omega_domain.stores import OmegaStore
from omega_domain.testing.omega_store.stores import WithStores


class ListingContract(WithStores):
    """Names, list, buckets."""

    def test_names_differ_by_every_character(self, store: OmegaStore) -> None:
        names = ["a/b", "a_b", "a.b", "a b", "A/b", "a-b", "ä/b", "a$b", "a*b", "a%b", "x" * 255]
        for name in names:
            store.put(name, name)
        assert store.list() == sorted(names)
        assert {name: store.get(name) for name in names} == {name: name for name in names}

    def test_a_list_pattern_is_literal_but_for_the_wildcards(self, store: OmegaStore) -> None:
        for name in ("a.b", "axb", "sales/q1", "sales/q2", "sales", "a%b", "a_b"):
            store.put("x", name)
        assert store.list("a.b") == ["a.b"]
        assert store.list("sales/*") == ["sales/q1", "sales/q2"]
        assert store.list("a?b") == ["a%b", "a.b", "a_b", "axb"]
        assert store.list("a%*") == ["a%b"]
        assert store.list("a_*") == ["a_b"]
        assert store.list("[a]*") == []
        assert store.list("none") == []

    def test_list_takes_a_regular_expression_and_checks_it(self, store: OmegaStore) -> None:
        for name in ("a1", "a2", "b1"):
            store.put("x", name)
        assert store.list(regexp=r"^a\d$") == ["a1", "a2"]
        assert store.list("*1", regexp="a") == ["a1"]
        with pytest.raises(InvalidFilterError, match="regular expression"):
            store.list(regexp="(")

    def test_list_by_kind_raw_and_hidden(self, store: OmegaStore) -> None:
        store.put("x", "a")
        store.put([{"x": 1}], "b")
        store.put("x", ".c")
        store.put("x", "d/.e/f")
        assert store.list() == ["a", "b"]
        assert store.list(hidden=True) == [".c", "a", "b", "d/.e/f"]
        assert store.list(kind="test.rows") == ["b"]
        assert [(meta.name, meta.kind) for meta in store.list(raw=True)] == [("a", "test.text"), ("b", "test.rows")]

    def test_buckets_and_stores_are_apart(self, store: OmegaStore, prod: OmegaStore, models: OmegaStore) -> None:
        store.put("dev", "a")
        prod.put("prod", "a")
        models.put("model", "a")
        assert [s.get("a") for s in (store, prod, models)] == ["dev", "prod", "model"]
        prod.drop("a")
        assert [s.exists("a") for s in (store, prod, models)] == [True, False, True]
        assert store.context.metadata.buckets() == ["dev"]
