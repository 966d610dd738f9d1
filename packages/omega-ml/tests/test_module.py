"""The module itself: a full Omega, typed as one, that is opened when it is used and not before."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import pickle
import pkgutil
import rlcompleter
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import omega_ml
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.stores import OmegaStore
from omega_ml import Omega, om

EXPORTS = {
    *("AsyncResult", "BaseDataBackend", "BaseModelBackend", "Candidate", "Context", "Gate", "GridFSProxy"),
    *("GroupResult", "JsonCodec", "Leaf", "Metadata", "Omega", "Outcome", "Q", "Retention", "errors", "om", "setup"),
    "virtualobj",
}


def public_names(omega: Omega) -> set[str]:
    """Return the names that an Omega offers, by its class and by what its instances hold."""
    return {name for name in (*dir(type(omega)), *vars(omega)) if not name.startswith("_")}


OF_OMEGA = public_names(Omega(metadata=MemoryMetadataStore(), store=MemoryStore("names")))


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module as it is right after its import."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OMEGA_HOME", str(tmp_path / "mine"))
    return type(omega_ml)(omega_ml.__name__)


@pytest.mark.parametrize("name", sorted(OF_OMEGA))
def test_every_public_name_of_an_omega_works_on_the_module(fresh: Any, name: str) -> None:
    assert getattr(fresh, name) == getattr(fresh["default"], name)


def test_type_checkers_know_every_name_of_the_module_and_no_other() -> None:
    tree = ast.parse(inspect.getsource(omega_ml))
    [typed] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imported = {alias.name for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    declared = {ast.unparse(node.target) for node in typed.body if isinstance(node, ast.AnnAssign)}
    assert imported | declared == EXPORTS | OF_OMEGA


def test_a_bucket_is_typed_as_an_omega() -> None:
    prod: Omega = om["prod"]  # mypy reads this line
    datasets: OmegaStore = omega_ml.datasets
    assert om is omega_ml  # type: ignore[comparison-overlap]  # to type checkers it is an Omega
    assert (prod.bucket, datasets.prefix) == ("prod", "data/")


def test_the_default_omega_is_opened_on_first_use(fresh: Any, tmp_path: Path) -> None:
    dir(fresh)
    assert "_LazyModule__default" not in vars(fresh)
    fresh.datasets.put([1, 2], "d")
    assert fresh.datasets.get("d") == [1, 2]
    assert (tmp_path / "mine").exists()
    assert fresh["other"].bucket == "other"
    assert fresh["other"].context is fresh.context
    assert fresh.buckets == ["omega"]


def test_setup_leaves_the_default_as_it_is(fresh: Any) -> None:
    other = fresh.setup(store="memory://other")
    assert fresh.context is not other.context
    assert fresh.context is fresh["default"].context


def test_the_names_that_are_shown_are_those_that_users_call() -> None:
    assert set(dir(omega_ml)) == EXPORTS | OF_OMEGA


def test_completion_shows_stores_and_calls() -> None:
    complete = rlcompleter.Completer({"om": omega_ml}).complete
    assert [complete("om.da", 0), complete("om.imp", 0), complete("om.Modul", 0)] == [
        "om.datasets",
        "om.import_archive(",
        None,
    ]


def test_a_star_imports_what_is_no_part_of_the_default_omega() -> None:
    names: dict[str, Any] = {}
    exec("from omega_ml import *", names)  # noqa: S102 -- Python allows it at the top of a module only
    assert set(names) - {"__builtins__"} == EXPORTS


@pytest.mark.parametrize("name", sorted(EXPORTS - {"errors", "om"}))
def test_exports_are_what_their_names_say(name: str) -> None:
    assert getattr(omega_ml, name).__name__ == name


def test_the_errors_are_a_module() -> None:
    assert omega_ml.errors.__name__ == "omega_domain.errors"


def test_no_module_of_the_package_hides_a_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(omega_ml.__path__)}
    assert not modules & (EXPORTS | OF_OMEGA)


@pytest.mark.parametrize("name", ["nothing", "_repr_html_", "__wrapped__"])
def test_what_the_module_lacks_is_an_attribute_error_and_opens_nothing(fresh: Any, name: str) -> None:
    with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
        getattr(fresh, name)
    assert "_LazyModule__default" not in vars(fresh)


def test_a_pickled_module_is_imported_where_it_is_loaded() -> None:
    assert pickle.loads(pickle.dumps(omega_ml)) is omega_ml  # noqa: S301 -- pickled one line above
    assert copy.deepcopy(omega_ml) is omega_ml


def test_a_function_that_names_the_module_is_stored() -> None:
    code = "import omega_ml as om\ndef names(): return om.Q"
    typed_in: dict[str, Any] = {"__name__": "__main__"}
    exec(code, typed_in)  # noqa: S102 -- as in a notebook, where functions are pickled by value
    loaded = pickle.loads(cloudpickle.dumps(typed_in["names"]))  # noqa: S301 -- pickled here
    assert loaded() is omega_ml.Q


def test_a_reload_keeps_the_default_omega(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(omega_ml, "_LazyModule__default", None)
    monkeypatch.setenv("OMEGA_HOME", str(tmp_path))
    before = omega_ml.context
    assert importlib.reload(omega_ml) is omega_ml
    assert omega_ml.context is before
