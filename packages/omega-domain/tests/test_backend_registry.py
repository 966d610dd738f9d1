"""Which backend stores which kind."""

from __future__ import annotations

import pytest

from omega_domain.backends.base import ACTIONS, BaseDataBackend, BaseModelBackend
from omega_domain.backends.registry import BackendClass, BackendRegistry
from omega_domain.errors import PluginError, UnknownKindError
from omega_domain.testing.backends import RowsBackend, SilentBackend, TextBackend
from omega_domain.testing.models import AffineBackend


def test_a_lazy_backend_is_loaded_when_it_is_needed() -> None:
    loaded: list[str] = []

    def load() -> BackendClass:
        loaded.append("x")
        return TextBackend

    registry = BackendRegistry()
    registry.register_lazy("some.text", load, origin="here")
    assert registry.kinds == ["some.text"]
    assert loaded == []
    assert registry.by_kind("some.text") is TextBackend
    assert registry.by_object("x", "name") is TextBackend
    assert loaded == ["x"]


def test_a_backend_of_a_library_that_is_not_imported_is_not_asked() -> None:
    registry = BackendRegistry()
    registry.register_lazy("antigravity.joke", lambda: pytest.fail("it was loaded"), origin="here")
    registry.register_lazy("any.text", lambda: TextBackend, origin="here")
    assert registry.by_object("x", "name") is TextBackend


def test_a_registered_backend_goes_before_those_from_plug_ins() -> None:
    class Mine(TextBackend):
        KIND = "my.text"

    registry = BackendRegistry()
    registry.register_lazy("any.text", lambda: TextBackend, origin="here")
    registry.register("any.rows", RowsBackend)
    registry.register("my.text", Mine)
    assert registry.by_object("x", "name") is Mine
    registry.register("any.text", Mine)
    assert registry.by_kind("any.text") is Mine


def test_two_plug_ins_for_one_kind_are_an_error_naming_both() -> None:
    registry = BackendRegistry()
    registry.register_lazy("any.text", lambda: TextBackend, origin="one:A")
    registry.register_lazy("any.text", lambda: TextBackend, origin="one:A")
    with pytest.raises(PluginError, match="one:A and two:B"):
        registry.register_lazy("any.text", lambda: TextBackend, origin="two:B")


def test_a_broken_plug_in_warns_and_does_not_break_the_others() -> None:
    def broken() -> BackendClass:
        raise ImportError("no such library")

    registry = BackendRegistry()
    registry.register_lazy("any.broken", broken, origin="bad:Plugin")
    registry.register_lazy("any.text", lambda: TextBackend, origin="good:Plugin")
    with pytest.warns(UserWarning, match=r"bad:Plugin.*no such library"):
        assert registry.by_object("x", "name") is TextBackend


def test_an_unknown_kind_names_those_there_are() -> None:
    with pytest.raises(UnknownKindError, match="there are: none"):
        BackendRegistry().by_kind("no.such")


def test_the_base_classes_say_what_is_missing() -> None:
    backend = BaseDataBackend(data_store=None, model_store=None)  # type: ignore[arg-type]
    assert not backend.supports("x", "name")
    assert backend.supports("x", "name", kind="any.kind")
    with pytest.raises(NotImplementedError, match="put"):
        backend.put("x", "name")
    with pytest.raises(NotImplementedError, match="get"):
        backend.get("name")
    backend.drop("name")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_model_backend_refuses_every_action_that_it_does_not_write(action: str) -> None:
    backend = BaseModelBackend(data_store=None, model_store=None)  # type: ignore[arg-type]
    assert action in backend.actions()
    with pytest.raises(NotImplementedError, match=rf"'m'.*{action}\(\)"):
        getattr(backend, action)("m", "x")


def test_a_backend_describes_its_options() -> None:
    assert "upper: bool = False" in TextBackend.describe()


def test_a_backend_of_models_describes_what_it_can_do() -> None:
    text = AffineBackend.describe()
    assert text.startswith("test.affine: Keeps and runs :class:`Affine` models.")
    assert "predict(modelname" in text
    assert "gridsearch" not in text


def test_a_backend_that_says_nothing_of_itself_has_its_name() -> None:
    class Named(BaseModelBackend):
        KIND = "any.named"

    assert Named.describe().startswith("any.named: Named\n")
    assert SilentBackend.describe().startswith("SilentBackend\n")


def test_whose_a_kind_is() -> None:
    registry = BackendRegistry()
    registry.register_lazy("any.text", lambda: TextBackend, origin="good:Plugin")
    assert not registry.is_by("any.text", TextBackend)
    assert registry.by_kind("any.text") is TextBackend
    assert registry.is_by("any.text", TextBackend)
    assert not registry.is_by("any.other", TextBackend)
