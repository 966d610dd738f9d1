"""Plug-ins: found by entry points, loaded on first use, and never in each other's way."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import numpy as np
import pytest

import omega_ml
from omega_domain.adapters.memory import MemoryStore
from omega_domain.errors import CodecError, PluginError, SettingsError, UnknownKindError
from omega_domain.promotion.promoting import CopyingPromotion
from omega_domain.testing.backends import TextBackend
from omega_ml import plugins


def entry_point(name: str, value: str, group: str = plugins.BACKENDS) -> EntryPoint:
    return EntryPoint(name, value, group)


TEXT = entry_point("plain-text", "omega_domain.testing.backends:TextBackend")
MEMORY = entry_point("memory", "omega_domain.adapters.memory:open_store", plugins.STORES)


def test_a_scheme_chooses_the_store() -> None:
    _, store = plugins.open_stores("memory://mine")
    assert isinstance(store, MemoryStore)
    assert store.url == "memory://mine"


@pytest.mark.parametrize("scheme", ["mongodb", "mongodb+srv"])
def test_a_scheme_of_ours_that_is_not_installed_names_the_package(scheme: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"{scheme.replace('+', '.')}://: install omega-ml\[mongo\], or use one of: memory://"
    ):
        plugins.open_stores(f"{scheme}://host/db", plugins=[MEMORY])


def test_an_unknown_scheme_names_those_there_are() -> None:
    with pytest.raises(SettingsError, match="install the package that brings it, or use one of: memory://"):
        plugins.open_stores("redis://host", plugins=[MEMORY])


def test_two_stores_of_one_scheme_are_refused() -> None:
    other = entry_point("memory", "other:open_store", plugins.STORES)
    with pytest.raises(PluginError, match=r"other:open_store; uninstall one of them"):
        plugins.open_stores("memory://", plugins=[MEMORY, other])


def test_a_store_that_can_not_be_imported_is_named() -> None:
    broken = entry_point("memory", "no_such_module:open_store", plugins.STORES)
    with pytest.raises(PluginError, match=r"no_such_module:open_store can not be loaded: .*upgrade or uninstall it"):
        plugins.open_stores("memory://", plugins=[broken])


def test_the_kinds_of_our_own_backends_are_known() -> None:
    assert {"python.data", "pandas.parquet", "sklearn.joblib"} <= set(plugins.backends().kinds)


def test_a_backend_is_loaded_by_its_kind() -> None:
    assert plugins.backends([TEXT]).by_kind("plain-text") is TextBackend


def test_two_backends_of_one_kind_are_refused() -> None:
    with pytest.raises(PluginError, match=r"two backends claim the kind 'plain-text': .*TextBackend and other:Backend"):
        plugins.backends([TEXT, entry_point("plain-text", "other:Backend")])


def test_a_broken_backend_warns_and_leaves_the_others_alone() -> None:
    registry = plugins.backends([entry_point("broken", "no_such_module:Backend"), TEXT])
    with pytest.warns(UserWarning, match="no_such_module"):
        assert registry.by_object("text", "name") is TextBackend
    with pytest.warns(UserWarning, match="no_such_module"), pytest.raises(UnknownKindError):
        registry.by_kind("broken")


def test_leaves_of_a_library_are_loaded_with_its_first_value() -> None:
    codec = plugins.codec([entry_point("numpy", "omega_backends.codecs.numpy:leaves", plugins.CODECS)])
    assert codec.loads(codec.dumps(np.arange(3))).tolist() == [0, 1, 2]


def test_leaves_that_can_not_be_loaded_warn() -> None:
    from fractions import Fraction

    codec = plugins.codec([entry_point("fractions", "no_such_module:leaves", plugins.CODECS)])
    with pytest.warns(UserWarning, match="no_such_module"), pytest.raises(CodecError):
        codec.dumps(Fraction(1, 2))


def test_two_leaves_of_one_library_are_refused() -> None:
    points = [entry_point("fractions", value, plugins.CODECS) for value in ("a:leaves", "b:leaves")]
    with pytest.raises(PluginError, match="'fractions': a:leaves and b:leaves"):
        plugins.codec(points)


def test_copying_is_the_promotion_that_needs_no_plug_in() -> None:
    assert plugins.promotion("copy", plugins=[]) is None


def test_a_promotion_is_made_by_its_name() -> None:
    mine = entry_point("mine", "omega_domain.promotion.promoting:CopyingPromotion", plugins.PROMOTIONS)
    assert isinstance(plugins.promotion("mine", plugins=[mine]), CopyingPromotion)


def test_an_unknown_promotion_names_those_there_are() -> None:
    mine = entry_point("mine", "omega_domain.promotion.promoting:CopyingPromotion", plugins.PROMOTIONS)
    with pytest.raises(SettingsError, match=r"no promotion 'pigeon': install .*or use one of: copy, folder:PATH, mine"):
        plugins.promotion("pigeon", plugins=[mine])
    with pytest.raises(SettingsError, match="no promotion 'pigeon'"):
        omega_ml.setup(store="memory://", promotion="pigeon")


def test_a_promotion_that_can_not_be_made_is_named() -> None:
    broken = entry_point("broken", "omega_domain.promotion.promoting:transfer", plugins.PROMOTIONS)
    with pytest.raises(PluginError, match=r"promoting:transfer can not be made: .*missing 3"):
        plugins.promotion("broken", plugins=[broken])
