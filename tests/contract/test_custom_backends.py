"""The backends of the how-to of storage backends (``foo_backends.py``) on every kind of store."""
# mypy: allow-untyped-calls

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.contract import foo_backends as foo

import omega_ml
from omega_domain.errors import ObjectNotFoundError, UnknownKindError, UnsupportedObjectError, UnsupportedOptionError
from omega_domain.omega import Omega
from omega_domain.ports.objects import StoredObject
from omega_ml import BaseDataBackend, Metadata

ROWS = [{"x": 1, "y": 2}, {"x": 2, "y": 4}]
OM = Path(sys.executable).parent / "om"

DISTRIBUTION = {
    "METADATA": "Metadata-Version: 2.1\nName: foo-backends\nVersion: 1.0\n",
    "RECORD": "",
    "entry_points.txt": """
[omega.backends]
foo.rows = foo_backends:FooRowsBackend
foo.file = foo_backends:FooFileBackend
foo.uri = foo_backends:FooUriBackend
foo.data = foo_backends:FooDataBackend
foo.model = foo_backends:FooModelBackend
""",
}

Settings = dict[str, Any]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the service outside of the store keeps its files."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


@pytest.fixture(params=["memory", "local", "mongo"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """What chooses a fresh store of each kind."""
    if request.param == "mongo":
        return {"mongo_url": request.getfixturevalue("mongo_url")}
    return {"store": f"memory://{tmp_path.name}"} if request.param == "memory" else {"home": str(tmp_path / "home")}


@pytest.fixture
def om(settings: Settings) -> Omega:
    """A fresh Omega that knows the backends by ``register_backend``."""
    om = omega_ml.setup(**settings)
    om.datasets.register_backend("foo.rows", foo.FooRowsBackend).register_backend("foo.file", foo.FooFileBackend)
    om.datasets.register_backend("foo.uri", foo.FooUriBackend).register_backend("foo.data", foo.FooDataBackend)
    om.models.register_backend("foo.model", foo.FooModelBackend)
    return om


@pytest.fixture
def distribution(folder: Path) -> Path:
    """A package that is installed with its metadata, as pip leaves it."""
    site = folder / "site"
    info = site / "foo_backends-1.0.dist-info"
    info.mkdir(parents=True)
    shutil.copy(str(foo.__file__), site / "foo_backends.py")
    for name, text in DISTRIBUTION.items():
        (info / name).write_text(text)
    return site


@pytest.fixture
def installed(distribution: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, found by this process."""
    monkeypatch.syspath_prepend(str(distribution))
    monkeypatch.delitem(sys.modules, "foo_backends", raising=False)
    return distribution


def test_an_object_is_kept_in_a_collection(om: Omega) -> None:
    meta = om.datasets.put(ROWS, "rows", kind="foo.rows")
    assert (meta.kind, meta.version) == ("foo.rows", 1)
    assert om.datasets.get("rows") == ROWS
    assert ROWS == [{"x": 1, "y": 2}, {"x": 2, "y": 4}]  # what was put is not changed
    collection = om.datasets.collection("rows")
    assert collection.count_documents({"x": 1}) == 1
    assert meta.collection is not None
    assert meta.collection.name == collection.name


def test_an_object_is_kept_in_a_file(om: Omega) -> None:
    meta = om.datasets.put(b"foo", "file", kind="foo.file")
    assert om.datasets.get("file") == b"foo"
    assert meta.gridfile is not None
    with om.datasets.fs.get(meta.gridfile.grid_id) as file:
        assert meta.gridfile.read() == file.read() == b"foo"


def test_an_object_is_kept_outside_of_the_store(om: Omega) -> None:
    meta = om.datasets.put(b"foo", "far", kind="foo.uri")
    assert meta.uri is not None
    assert meta.uri == f"foofs://{om.datasets.object_store_key('far', 'foo')}"
    assert om.datasets.get("far") == b"foo"


def test_metadata_that_are_there_are_updated(om: Omega) -> None:
    om.datasets.put("foo 1", "data", attributes={"a": 1})
    meta = om.datasets.put("foo 2", "data", attributes={"b": 2}, tag="second")
    assert (meta.kind, meta.version, meta.tags, meta.attributes) == ("foo.data", 2, ["second"], {"a": 1, "b": 2})
    assert om.datasets.get("data") == "foo 2"


@pytest.mark.parametrize(
    ("kind", "first", "second"), [("foo.rows", ROWS, ROWS[:1]), ("foo.file", b"a", b"b"), ("foo.rows", ROWS, [{}])]
)
def test_versions_are_apart_and_a_put_that_fails_changes_nothing(
    om: Omega, kind: str, first: object, second: object
) -> None:
    om.datasets.put(first, "a", kind=kind, tag="first")
    om.datasets.put(second, "a", kind=kind)
    assert (om.datasets.get("a@first"), om.datasets.get("a@2")) == (first, second)
    with pytest.raises((TypeError, AttributeError)):
        om.datasets.put(3.5, "a", kind=kind)
    assert om.datasets.get("a") == second
    om.datasets.drop("a@2")
    assert om.datasets.get("a") == first


def test_an_object_of_another_kind_takes_the_name(om: Omega) -> None:
    om.datasets.put({"plain": "data"}, "a")
    om.datasets.put("foo", "a", kind="foo.data")
    assert om.datasets.get("a") == "foo"
    om.datasets.put(ROWS, "a", kind="foo.rows")
    assert om.datasets.get("a") == ROWS
    assert [meta.kind for meta in om.datasets.versions("a")] == ["python.data", "foo.data", "foo.rows"]


def test_a_dropped_object_leaves_nothing_behind(om: Omega) -> None:
    for obj, name, kind in ((ROWS, "rows", "foo.rows"), (b"foo", "file", "foo.file"), (b"foo", "far", "foo.uri")):
        om.datasets.put(obj, name, kind=kind)
        om.datasets.drop(name)
        with pytest.raises(ObjectNotFoundError):
            om.datasets.get(name)
    assert om.check() == []


def test_backends_are_found_by_name_kind_and_object(om: Omega) -> None:
    om.datasets.put(ROWS, "rows", kind="foo.rows")
    om.models.put(foo.FooModel(), "m")
    assert isinstance(om.datasets.get_backend("rows"), foo.FooRowsBackend)
    assert isinstance(om.datasets.get_backend_bykind("foo.uri"), foo.FooUriBackend)
    assert isinstance(om.datasets.get_backend_byobj("foo"), foo.FooDataBackend)
    assert isinstance(om.models.get_backend("m"), foo.FooModelBackend)
    with pytest.raises(ObjectNotFoundError):
        om.datasets.get_backend("none")
    with pytest.raises(UnknownKindError, match=r"foo\.rows"):
        om.datasets.get_backend_bykind("foo.none")
    with pytest.raises(UnsupportedObjectError, match="register_backend"):
        om.datasets.get_backend_byobj(object())


def test_help_tells_what_a_backend_stores_and_can_do(om: Omega) -> None:
    om.datasets.put("foo", "data")
    om.models.put(foo.FooModel(), "m")
    assert om.datasets.help("data").startswith("foo.data: Keeps text in a file of its own folder")
    assert "predict(modelname, Xname, rName=None, pure_python=True, **kwargs)" in om.models.help("m")
    assert "foo.rows: FooRowsBackend" in om.datasets.help()


def test_a_model_is_fitted_and_predicts_by_names(om: Omega) -> None:
    om.datasets.put(ROWS, "data", kind="foo.rows")
    om.models.put(foo.FooModel(), "m")
    fitted = om.runtime.model("m").fit("data", "data").get()
    assert isinstance(fitted, Metadata)
    assert (fitted.name, fitted.prefix, fitted.kind, fitted.version) == ("m", "models/", "foo.model", 2)
    assert om.runtime.model("m").predict("data").get() == [{"y": 4.0}, {"y": 5.0}]
    kept = om.runtime.model("m").predict("data", rName="tomorrow").get()
    assert (kept.name, kept.prefix) == ("tomorrow", "data/")
    assert om.datasets.get("tomorrow") == [{"y": 4.0}, {"y": 5.0}]
    backend: Any = om.models.get_backend("m")
    assert backend.predict("m", "data") == [{"y": 4.0}, {"y": 5.0}]


def test_an_action_that_a_model_can_not_do_is_an_error(om: Omega) -> None:
    om.datasets.put(ROWS, "data", kind="foo.rows")
    om.models.put(foo.FooModel(1.0), "m")
    for action in ("transform", "score", "partial_fit", "predict_proba"):
        with pytest.raises(NotImplementedError, match=rf"'m' is a foo\.model, which has no {action}\(\)"):
            getattr(om.runtime.model("m"), action)("data").get()


class DatabaseBackend(BaseDataBackend):
    """Counts documents by the database itself."""

    KIND = "foo.database"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: object) -> bool:
        return isinstance(obj, set)

    def put(self, obj: set[int], name: str, **kwargs: object) -> StoredObject:
        collection = self.data_store.collection(name)
        collection.insert_many([{"n": number} for number in sorted(obj)])
        meta = self.data_store.make_metadata(name, self.KIND, kind_meta={"database": self.data_store.mongodb.name})
        meta.collection = collection
        return meta.save()

    def get(self, name: str, **kwargs: object) -> int:
        meta = self.data_store.metadata(name, required=True)
        assert meta.collection is not None
        found = self.data_store.mongodb[meta.collection.name].aggregate(
            [{"$group": {"_id": None, "n": {"$sum": "$n"}}}]
        )
        return int(next(iter(found))["n"])


def test_a_backend_uses_the_database_of_mongodb(mongo_url: str) -> None:
    om = omega_ml.setup(mongo_url=mongo_url)
    om.datasets.register_backend(DatabaseBackend.KIND, DatabaseBackend)
    meta = om.datasets.put({1, 2, 3}, "numbers")
    assert meta.kind_meta["database"] == om.datasets.mongodb.name
    assert om.datasets.get("numbers") == 6


def test_a_collection_has_the_methods_of_pymongo_and_no_others(mongo_url: str) -> None:
    om = omega_ml.setup(mongo_url=mongo_url)
    om.datasets.register_backend("foo.rows", foo.FooRowsBackend).put(ROWS, "rows", kind="foo.rows")
    collection: Any = om.datasets.collection("rows")
    assert sorted(collection.distinct("x")) == [1, 2]
    with pytest.raises(AttributeError, match="'insert_mani'"):
        collection.insert_mani([{}])


@pytest.mark.parametrize("store", ["memory", "local"])
def test_a_backend_that_needs_mongodb_says_so_elsewhere(store: str, tmp_path: Path) -> None:
    settings: Settings = {"store": "memory://"} if store == "memory" else {"home": str(tmp_path / "home")}
    om = omega_ml.setup(**settings)
    om.datasets.register_backend(DatabaseBackend.KIND, DatabaseBackend)
    with pytest.raises(UnsupportedOptionError, match=r"is no database of MongoDB; collection\(\) and fs work on every"):
        om.datasets.put({1, 2, 3}, "numbers")
    assert not om.datasets.exists("numbers")


@pytest.mark.usefixtures("installed")
def test_a_package_brings_backends_by_entry_points(settings: Settings) -> None:
    om = omega_ml.setup(**settings)
    kinds = {line.partition(":")[0] for line in om.datasets.help().splitlines()}
    assert {"foo.rows", "foo.file", "foo.uri", "foo.data", "foo.model"} <= kinds
    om.datasets.put(ROWS, "rows", kind="foo.rows")
    assert om.datasets.get("rows") == ROWS
    assert type(om.datasets.get_backend("rows")).__module__ == "foo_backends"
    assert om.datasets.put("foo", "data").kind == "foo.data"


def test_kinds_of_a_package_that_is_not_installed_name_the_mend(settings: Settings) -> None:
    with pytest.raises(UnknownKindError, match=r"foo\.rows.*Install the package that brings it"):
        omega_ml.setup(**settings).datasets.put(ROWS, "rows", kind="foo.rows")


@pytest.mark.parametrize("kind", ["local", "mongo"])
def test_another_process_runs_a_model_without_having_loaded_it(
    kind: str, om_at: Callable[[str], tuple[Omega, Settings]], distribution: Path
) -> None:
    om, environment = om_at(kind)
    om.datasets.register_backend("foo.rows", foo.FooRowsBackend)
    om.models.register_backend("foo.model", foo.FooModelBackend)
    om.datasets.put(ROWS, "data", kind="foo.rows")
    om.models.put(foo.FooModel(), "m")
    variables = {**os.environ, **environment, "PYTHONPATH": str(distribution)}
    for words in (["fit", "data", "data"], ["predict", "data"]):
        done = subprocess.run(
            [str(OM), "--json", "runtime", "model", "m", *words],
            capture_output=True,
            text=True,
            check=False,
            env=variables,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["value"] == [{"y": 4.0}, {"y": 5.0}]
    assert om.models.get("m").mean == 3.0


@pytest.fixture
def om_at(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], tuple[Omega, Settings]]:
    """Return an Omega on a kind of store, and the environment in which another process finds the same."""

    def make(kind: str) -> tuple[Omega, Settings]:
        if kind == "mongo":
            url = request.getfixturevalue("mongo_url")
            return omega_ml.setup(mongo_url=url), {"OMEGA_MONGO_URL": url}
        return omega_ml.setup(home=tmp_path / "home"), {"OMEGA_HOME": str(tmp_path / "home")}

    return make
