"""Contract of what backends do for a store: filters, pieces, summaries, compaction."""

from __future__ import annotations

import pytest

from omega_domain.entities.query import Q
from omega_domain.errors import (
    ObjectNotFoundError,
    UnsupportedOptionError,
)
from omega_domain.repository.objects import showing
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import RowsBackend, TextBackend
from omega_domain.testing.omega_store.stores import WithStores


class PiecesContract(WithStores):
    """Filters, grammar, and the backend behind a name."""

    def test_a_filter_is_given_by_keyword_or_q(self, store: OmegaStore) -> None:
        store.put([{"x": i, "y": "ab"[i % 2]} for i in range(6)], "r")
        assert [row["x"] for row in store.get("r", x__gt=3)] == [4, 5]
        assert [row["x"] for row in store.get("r", Q(x__lt=2) | Q(x=5))] == [0, 1, 5]
        assert [row["x"] for row in store.get("r", Q(x__gt=1), y="a")] == [2, 4]
        assert [row["x"] for row in store.get("r", filter=Q(x=1))] == [1]
        assert [row["x"] for row in store.get("r", Q(x__gt=1), filter=Q(x__lt=3))] == [2]

    def test_grammar_that_a_kind_does_not_know_is_refused(self, store: OmegaStore) -> None:
        store.put("hello", "a")
        assert store.get("a#rows:start=1,end=3") == "el"
        with pytest.raises(UnsupportedOptionError, match="columns"):
            store.get("a[x]")
        with pytest.raises(UnsupportedOptionError, match="chunksize"):
            store.get("a#")

    def test_help_summary_and_backends_by_name_kind_and_object(self, store: OmegaStore) -> None:
        store.put("hello", "a")
        assert isinstance(store.get_backend("a"), TextBackend)
        assert isinstance(store.get_backend_bykind("test.rows"), RowsBackend)
        assert isinstance(store.get_backend_byobj([{}]), RowsBackend)
        assert "upper" in store.help("a")
        assert "test.rows" in store.help()
        assert store.summary("a")["size"] == 5
        with pytest.raises(ObjectNotFoundError):
            store.get_backend("none")

    def test_compact_merges_what_was_appended(self, store: OmegaStore) -> None:
        for text in "abc":
            store.put(text, "a", append=True)
        assert len(store.metadata("a", required=True).parts) == 3
        assert len(store.compact("a").parts) == 1
        assert store.get("a") == "abc"
        store.put([{"x": 1}], "r")
        with pytest.raises(UnsupportedOptionError, match="no segments"):
            store.compact("r")

    def test_a_transient_name_stands_for_an_object_that_is_stored_nowhere(self, store: OmegaStore) -> None:
        view = showing(store, {"_x": [1, 2]})
        assert view.get("_x") == [1, 2]
        assert view.exists("_x")
        assert not store.exists("_x")

    def test_object_store_keys_are_unique_and_plain(self, store: OmegaStore, prod: OmegaStore) -> None:
        keys = {s.object_store_key(name, "x") for s in (store, prod) for name in ("a/b", "a_b", "ä$", "x" * 255)}
        assert len(keys) == 8
        assert all(len(key) < 100 and key.isascii() and "$" not in key for key in keys)
