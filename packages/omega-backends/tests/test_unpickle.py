"""Bringing models and functions to life: what is loaded, and what is not."""

from __future__ import annotations

import io
import pickle
import sys
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from omega_backends.models.unpickle import load_joblib, load_skops
from omega_backends.sklearn_joblib import SklearnBackend
from omega_backends.virtualobj import VirtualObjectBackend, virtualobj
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.version import Payload
from omega_domain.errors import CorruptPayloadError, UnsupportedOptionError, UntrustedObjectError
from omega_domain.omega import Omega
from omega_domain.ports.environment import TrustedFile

pytestmark = pytest.mark.changes_with("skops")  # where it is installed, the module under test is measured as a whole

ran: list[str] = []


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return ran.append, ("trap",)


class Strange(BaseEstimator):  # type: ignore[misc] # scikit-learn brings no types
    """An estimator of our own."""


@pytest.fixture
def om() -> Omega:
    ran.clear()
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    for backend in (SklearnBackend, VirtualObjectBackend):
        om.context.registry.register(backend.KIND, backend)
    return om


def change(om: Omega, name: str, content: bytes) -> None:
    """Change the payload of a model behind the store's back."""
    files: Any = om.context.store.files
    ref = om.models.resolve(name).parts[0].ref
    files._blobs[ref] = (content, files._blobs[ref][1])


def forge(om: Omega, name: str, content: bytes, *, format: str) -> None:
    """Put a payload of a model past the backend."""
    part = om.models.payloads.write(lambda file: file.write(content))
    kind_meta = {"format": format}
    om.models.make_metadata(name, SklearnBackend.KIND).set_payload(Payload([part], kind_meta)).save()


def test_what_joblib_wrote_is_loaded() -> None:
    file = io.BytesIO()
    joblib.dump({"a": np.arange(3)}, file)
    file.seek(0)
    assert load_joblib(TrustedFile(file, "m"))["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(LogisticRegression())[:-5]])
def test_what_is_no_pickle_is_an_error_with_the_name(content: bytes) -> None:
    with pytest.raises(CorruptPayloadError, match="'m' can not be loaded: "):
        load_joblib(TrustedFile(io.BytesIO(content), "m"))


def test_a_changed_model_is_not_unpickled(om: Omega) -> None:
    om.models.put(LogisticRegression(), "m")
    change(om, "m", pickle.dumps(Trap()))
    with pytest.raises(CorruptPayloadError, match="does not match its SHA-256"):
        om.models.get("m")
    assert not ran


def test_a_changed_function_is_not_unpickled_not_even_to_drop_it(om: Omega) -> None:
    @virtualobj
    def answer(method: str = "") -> str:
        return method

    om.models.put(answer, "f")
    change(om, "f", pickle.dumps(Trap()))
    with pytest.raises(CorruptPayloadError, match="does not match its SHA-256"):
        om.models.get("f")
    with pytest.warns(UserWarning, match="'f' is dropped, but failed"):
        om.models.drop("f")
    assert not ran


@pytest.mark.needs("skops")
def test_a_pickle_is_not_unpickled_where_skops_is_expected(om: Omega) -> None:
    forge(om, "m", pickle.dumps(Trap()), format="skops")
    with pytest.raises(CorruptPayloadError, match="'m' can not be loaded: BadZipFile"):
        om.models.get("m")
    assert not ran


@pytest.mark.needs("skops")
@pytest.mark.parametrize("model", [Strange(), FunctionTransformer(print)], ids=["class", "function"])
def test_types_that_skops_does_not_trust_are_not_loaded(om: Omega, model: BaseEstimator) -> None:
    forge(om, "m", dumped(model), format="skops")
    with pytest.raises(UntrustedObjectError, match=r"'m' was not loaded: .*(Strange|print)"):
        om.models.get("m")


@pytest.mark.needs("skops")
def test_a_model_is_loaded_from_what_skops_wrote() -> None:
    assert isinstance(load_skops(TrustedFile(io.BytesIO(dumped(LogisticRegression())), "m")), LogisticRegression)


def test_without_skops_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    file = TrustedFile(io.BytesIO(), "m")
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(UnsupportedOptionError, match=r"'m' can not be loaded: .*pip install 'omega-backends\[skops\]'"):
        load_skops(file)


def dumped(model: BaseEstimator) -> bytes:
    """Return a model as skops writes it."""
    import skops.io  # noqa: PLC0415 -- an extra

    data: bytes = skops.io.dumps(model)
    return data
