"""Gates by settings and by installed packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import omega_ml
from omega_domain.errors import PluginError, PromotionRefusedError, SettingsError
from omega_ml import plugins
from omega_ml.settings import load_settings


def never(candidate: Any) -> str:
    """Let nothing pass."""
    return f"{candidate.name} never"


def settings(tmp_path: Path, text: str, **arguments: Any) -> Any:
    (tmp_path / "omega.toml").write_text(text)
    return load_settings(arguments, environ={"HOME": str(tmp_path / "user")}, folder=tmp_path).gates.value


def test_gates_are_declared_by_bucket_and_store(tmp_path: Path) -> None:
    text = "[gates.prod]\nmodels = ['fitted']\ndatasets = ['signed', \"approved_by('release')\"]\n"
    assert settings(tmp_path, text) == {"prod": {"models/": ("fitted",), "data/": ("signed", "approved_by('release')")}}


def test_gates_are_declared_by_context(tmp_path: Path) -> None:
    text = "[contexts.prod]\nhome = 'p'\n[contexts.prod.gates.omega]\nmodels = ['fitted']\n"
    assert settings(tmp_path, text, context="prod") == {"omega": {"models/": ("fitted",)}}
    assert settings(tmp_path, text) == {}


def test_gates_may_be_json() -> None:
    environ = {"OMEGA_GATES": '{"*": {"jobs": ["signed"]}}', "HOME": "/nowhere"}
    assert load_settings(environ=environ, folder=Path("/")).gates.value == {"*": {"jobs/": ("signed",)}}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{", "or JSON"),
        (["fitted"], "write a table"),
        ({"prod": ["fitted"]}, "write a table"),
        ({"prod": {"models": "fitted"}}, "write a table"),
        ({"prod": {"models": [1]}}, "write a table"),
        ({"prod": {"flights": []}}, "there is no flights"),
        ({"prod": {"models": ["import os"]}}, "is no gate"),
    ],
)
def test_a_malformed_declaration_is_refused(value: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=words):
        load_settings({"gates": value}, environ={"HOME": str(tmp_path)}, folder=tmp_path)


def test_gates_of_arguments_hold() -> None:
    om = omega_ml.setup(store="memory://", gates={"prod": {"datasets": ["approved_by('release')"]}})
    om.datasets.put([1], "d")
    with pytest.raises(PromotionRefusedError, match="nobody trusted has approved version 1 as release"):
        om.datasets.promote("d", om["prod"].datasets)
    om.datasets.approve("d", "release")
    om.datasets.promote("d", om["prod"].datasets)


def test_installed_gates_are_loaded_when_they_are_asked_for() -> None:
    good = EntryPoint("never", f"{__name__}:never", plugins.GATES)
    bad = EntryPoint("broken", "omega_ml.nowhere:gate", plugins.GATES)
    found = plugins.gates([good, bad])
    assert set(found) == {"never", "broken"}
    with pytest.raises(PluginError, match="can not be loaded"):
        found["broken"]()


def test_two_packages_can_not_bring_the_same_gate() -> None:
    with pytest.raises(PluginError, match="two plug-ins"):
        plugins.gates([EntryPoint("g", "a:g", plugins.GATES), EntryPoint("g", "b:g", plugins.GATES)])
