"""The cache of loaded objects."""

from __future__ import annotations

from omega_domain.repository.context import ObjectCache


def test_the_least_recently_used_is_forgotten() -> None:
    loads: list[str] = []

    def load(key: str) -> str:
        def really_load() -> str:
            loads.append(key)
            return key

        return cache.get_or_load(key, really_load)

    cache: ObjectCache[str, str] = ObjectCache(capacity=2)
    for key in "abacab":
        assert load(key) == key
    assert loads == ["a", "b", "c", "b"]
    assert len(cache) == 2
    cache.clear()
    assert len(cache) == 0


def test_an_object_is_looked_up_without_being_loaded() -> None:
    cache: ObjectCache[str, int] = ObjectCache(2)
    assert cache.get("a") is None
    cache.get_or_load("a", lambda: 1)
    cache.get_or_load("b", lambda: 2)
    assert cache.get("a") == 1
    cache.get_or_load("c", lambda: 3)
    assert (cache.get("a"), cache.get("b")) == (1, None)
