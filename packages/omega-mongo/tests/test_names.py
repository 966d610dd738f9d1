"""Every key of a collection has a name of its own that MongoDB takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.errors import StoreError
from omega_mongo.collection import key_of, name_of
from omega_mongo.names import RESERVED


@pytest.mark.parametrize("key", ["things", "data.sales.0f.rows", "a/ü", "omega.tasks", "a b", "A"])
def test_a_plain_key_is_the_name(key: str) -> None:
    assert name_of(key) == key


@pytest.mark.parametrize(
    "key", ["", "$cmd", "a$b", "system.users", "a..b", ".a", "a.", "a\0b", "50%", *sorted(RESERVED)]
)
def test_any_other_key_is_escaped_and_found_again(key: str) -> None:
    name = name_of(key)
    assert name not in RESERVED
    assert not name.startswith(("system.", ".", "$"))
    assert not set(name) & {"$", "\0"}
    assert ".." not in name
    assert not name.endswith(".")
    assert key_of(name) == key


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"], include_characters=" "), max_size=20))
def test_no_two_keys_have_the_same_name(key: str) -> None:
    assert key.isprintable()
    assert key_of(name_of(key)) == key


def test_our_own_collections_have_no_key() -> None:
    assert [key_of(name) for name in sorted(RESERVED)] == [None] * len(RESERVED)
    assert key_of("system.views") is None


def test_a_key_that_is_too_long_is_refused() -> None:
    with pytest.raises(StoreError, match="180 bytes at most"):
        name_of("ü" * 91)
