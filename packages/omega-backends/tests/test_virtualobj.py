"""Virtual objects: functions and classes by name."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from threading import Lock
from typing import Any

import cloudpickle
import pytest

from omega_backends.virtualobj import VirtualObjectBackend, virtualobj
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.errors import CorruptPayloadError, PluginError, UnsupportedObjectError
from omega_domain.omega import Omega
from omega_domain.testing.models import NumbersBackend
from omega_local import open_store

OFFSET = 10


def shifted(x: float) -> float:
    return x + OFFSET


@virtualobj
def shift(data: Any = None, method: str = "", **kwargs: Any) -> Any:
    if method == "get":
        return {"asked": method, **{name: kwargs[name] for name in kwargs if name not in {"meta", "store"}}}
    if method == "fit":
        return [method, data, kwargs.get("Y")]
    return [shifted(x) for x in data]


@virtualobj
class Handler:
    calls = 0

    def predict(self, data: Any, factor: int = 1) -> Any:
        return [factor * x for x in data]

    def reduce(self, results: Any) -> Any:
        return [x for numbers in results for x in numbers]

    def get(self, meta: Any, store: Any) -> Any:
        return meta.name, store.prefix

    def put(self, data: Any) -> str:
        return f"was given {data}"

    def drop(self) -> None:
        raise OSError("the service is down")


def use(om: Omega) -> Omega:
    for backend in (NumbersBackend, VirtualObjectBackend):
        om.context.registry.register(backend.KIND, backend)
    om.datasets.put([1, 2], "x")
    om.datasets.put([3, 4], "y")
    return om


@pytest.fixture
def om() -> Omega:
    return use(Omega(metadata=MemoryMetadataStore(), store=MemoryStore()))


def test_a_function_predicts(om: Omega) -> None:
    om.models.put(shift, "f")
    assert om.runtime.model("f").predict("x").get() == [11, 12]
    assert om.runtime.model("f").predict([5]).get() == [15]


def test_a_function_is_told_what_is_asked_of_it(om: Omega) -> None:
    om.models.put(shift, "f")
    assert om.runtime.model("f").fit("x", "y").get() == ["fit", [1, 2], [3, 4]]
    assert om.runtime.model("f").fit("x").get() == ["fit", [1, 2], None]
    assert om.models.get("f") == {"asked": "get"}


def test_a_result_can_be_kept_by_a_name(om: Omega) -> None:
    om.models.put(shift, "f")
    for action in ("predict", "transform", "predict_proba"):
        meta = getattr(om.runtime.model("f"), action)("x", rName=action).get()
        assert (meta.prefix, om.datasets.get(action)) == ("data/", [11, 12])


def test_the_function_itself_can_be_had(om: Omega) -> None:
    om.models.put(shift, "f")
    assert om.models.get("f", raw=True)([1]) == [11]


def test_a_function_that_does_not_ask_for_the_method_is_returned_by_get(om: Omega) -> None:
    @virtualobj
    def double(x: float) -> float:
        return 2 * x

    om.models.put(double, "f")
    assert om.models.get("f")(4) == 8
    assert om.runtime.model("f").run(4).get() == 8
    assert om.models.drop("f")


def test_a_function_takes_what_it_names(om: Omega) -> None:
    @virtualobj
    def describe(meta: Any, store: Any, *, times: int = 1) -> Any:
        return [meta.name, store.bucket] * times

    om.models.put(describe, "f")
    assert om.runtime.model("f").run().get() == ["f", "omega"]
    assert om.runtime.model("f").run(times=2).get() == ["f", "omega"] * 2
    with pytest.raises(TypeError, match="unknown"):
        om.runtime.model("f").run(unknown=1).get()


def test_a_function_without_parameters_can_be_run(om: Omega) -> None:
    @virtualobj
    def nothing() -> str:
        return "nothing"

    om.models.put(nothing, "f")
    assert om.runtime.model("f").run().get() == "nothing"


def test_a_handler_has_a_method_for_each_thing(om: Omega) -> None:
    om.models.put(Handler, "h")
    assert om.runtime.model("h").predict("x", factor=3).get() == [3, 6]
    assert om.runtime.model("h").reduce([[1], [2, 3]]).get() == [1, 2, 3]
    assert om.models.get("h") == ("h", "models/")
    said: object = om.models.get_backend("h").put([7], "h")  # a handler may return what it likes
    assert said == "was given [7]"
    for action in ("score", "partial_fit"):
        with pytest.raises(NotImplementedError, match=rf"'h' is a virtualobj\.cloudpickle, which has no {action}"):
            getattr(om.runtime.model("h"), action)("x").get()


def test_an_instance_keeps_its_state(om: Omega) -> None:
    handler = Handler()
    handler.calls = 5
    om.models.put(handler, "h")
    assert om.models.get("h", raw=True).calls == 5
    assert om.runtime.model("h").predict("x").get() == [1, 2]


def test_a_handler_that_fails_when_dropped_is_dropped_with_a_warning(om: Omega) -> None:
    om.models.put(Handler, "h")
    with pytest.warns(UserWarning, match="'h' is dropped, but failed.*service is down"):
        om.models.drop("h")
    assert not om.models.exists("h")


def test_a_virtual_dataset_answers_get(om: Omega) -> None:
    om.datasets.put(shift, "virtual")
    assert om.datasets.get("virtual", year=2013) == {"asked": "get", "year": 2013}


def test_versions_are_kept(om: Omega) -> None:
    om.models.put(shift, "f")
    om.models.put(Handler, "f")
    assert om.runtime.model("f").predict("x").get() == [1, 2]
    assert om.runtime.model("f@1").predict("x").get() == [11, 12]


def test_functions_reduce_in_mapreduce(om: Omega) -> None:
    om.models.put(shift, "f")
    om.models.put(Handler, "h")
    with om.runtime.mapreduce() as crt:
        om.runtime.model("f").predict("x")
        om.runtime.model("f").predict("y")
        om.runtime.model("h").reduce()
    assert crt.run().get() == [11, 12, 13, 14]


def test_it_works_in_a_process_that_has_not_its_module(tmp_path: Path) -> None:
    source = tmp_path / "not_installed.py"
    source.write_text(
        "from omega_backends.virtualobj import virtualobj\nFACTOR = 3\n"
        "def helper(x): return FACTOR * x\n"
        "@virtualobj\ndef triple(data, **kwargs): return [helper(x) for x in data]\n"
    )
    spec = importlib.util.spec_from_file_location("not_installed", source)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["not_installed"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    metadata, store = open_store(f"file://{tmp_path}/home")
    use(Omega(metadata=metadata, store=store)).models.put(module.triple, "triple")
    assert "not_installed" not in cloudpickle.list_registry_pickle_by_value()
    elsewhere = (
        "from omega_backends.virtualobj import VirtualObjectBackend\nfrom omega_domain.omega import Omega\n"
        f"from omega_local import open_store\nmetadata, store = open_store('file://{tmp_path}/home')\n"
        "om = Omega(metadata=metadata, store=store)\n"
        "om.context.registry.register(VirtualObjectBackend.KIND, VirtualObjectBackend)\n"
        "print(om.runtime.model('triple').predict([1, 2]).get())"
    )
    done = subprocess.run([sys.executable, "-c", elsewhere], capture_output=True, text=True, cwd="/", check=False)
    assert done.stdout == "[3, 6]\n", done.stderr


def test_a_module_that_the_user_has_registered_stays_so(om: Omega) -> None:
    module = sys.modules[shift.__module__]
    cloudpickle.register_pickle_by_value(module)
    try:
        om.models.put(shift, "f")
        assert shift.__module__ in cloudpickle.list_registry_pickle_by_value()
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def test_what_can_not_be_stored_is_refused_saying_why(om: Omega) -> None:
    lock = Lock()

    @virtualobj
    def locked() -> bool:
        return lock.locked()

    with pytest.raises(UnsupportedObjectError, match=r"'f' can not be put.*lock.*inside the function"):
        om.models.put(locked, "f")
    assert not om.models.exists("f")


def undecorated() -> None: ...


@pytest.mark.parametrize("obj", [undecorated, 5, object()])
def test_what_is_not_decorated_is_not_supported(om: Omega, obj: object) -> None:
    with pytest.raises(UnsupportedObjectError):
        om.models.put(obj, "f")


def test_what_was_changed_outside_is_not_loaded(om: Omega) -> None:
    meta = om.models.put(shift, "f")
    files: Any = om.context.store.files
    _, info = files._blobs[meta.parts[0].ref]
    files._blobs[meta.parts[0].ref] = (b"other code", info)
    with pytest.raises(CorruptPayloadError):
        om.runtime.model("f").predict("x").get()


def test_without_cloudpickle_it_is_said_what_to_install(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    om.models.put(shift, "f")
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(UnsupportedObjectError, match=r"pip install 'omega-backends\[virtualobj\]'"):
        om.models.put(shift, "g")
    with pytest.raises(PluginError, match=r"pip install 'omega-backends\[virtualobj\]'"):
        om.models.get("f")
