"""Contracts of the ports DataBackend and ModelBackend: what every kind of object promises to its users."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.task import SUCCESS
from omega_domain.errors import ObjectNotFoundError, UnsupportedObjectError, UnsupportedOptionError
from omega_domain.omega import Omega
from omega_domain.ports.backend import DataBackend, SupportsActions
from omega_domain.repository.metadata import Metadata


def same(found: Any, expected: Any) -> bool:
    """Whether two objects of plain Python are equal."""
    return bool(found == expected)


class DataBackendContract:
    """What every backend promises.

    A subclass gives the fixtures ``backend`` (the class) and ``objects`` (at least two different objects that it
    stores), and overrides :meth:`same` if its objects are not compared by ``==``. Further backends that are needed are
    registered by overriding ``om``.
    """

    @pytest.fixture
    def om(self, backend: type[DataBackend]) -> Omega:
        om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
        om.context.registry.register(backend.KIND, backend)
        return om

    def same(self, found: Any, expected: Any) -> bool:
        """Whether what was read is what was put."""
        return same(found, expected)

    def test_it_has_a_kind_of_its_own(self, backend: type[DataBackend]) -> None:
        assert isinstance(backend.KIND, str)
        assert "." in backend.KIND

    def test_it_supports_its_objects_and_no_others(self, backend: type[DataBackend], objects: Sequence[Any]) -> None:
        assert all(backend.supports(obj, "a") for obj in objects)
        assert not backend.supports(object(), "a")
        assert not backend.supports(type, "a")

    def test_get_returns_what_was_put(self, om: Omega, backend: type[DataBackend], objects: Sequence[Any]) -> None:
        for i, obj in enumerate(objects):
            meta = om.datasets.put(obj, f"a/{i}")
            assert (meta.name, meta.kind, meta.version) == (f"a/{i}", backend.KIND, 1)
        for i, obj in enumerate(objects):
            assert self.same(om.datasets.get(f"a/{i}"), obj)

    def test_put_replaces_and_old_versions_stay_readable(self, om: Omega, objects: Sequence[Any]) -> None:
        for obj in objects:
            om.datasets.put(obj, "a")
        assert self.same(om.datasets.get("a"), objects[-1])
        assert all(self.same(om.datasets.get(f"a@{i + 1}"), obj) for i, obj in enumerate(objects))

    def test_put_does_not_change_the_object(self, om: Omega, objects: Sequence[Any]) -> None:
        for obj in objects:
            before = copy.deepcopy(obj)
            om.datasets.put(obj, "a")
            assert self.same(obj, before)

    def test_reading_changes_nothing(self, om: Omega, objects: Sequence[Any]) -> None:
        om.datasets.put(objects[0], "a")
        assert self.same(om.datasets.get("a"), om.datasets.get("a"))
        assert self.same(om.datasets.get("a"), objects[0])

    def test_attributes_and_tags_are_kept(self, om: Omega, objects: Sequence[Any]) -> None:
        meta = om.datasets.put(objects[0], "a", attributes={"source": "here"}, tag="v1")
        assert (meta.attributes, meta.tags) == ({"source": "here"}, ["v1"])
        assert self.same(om.datasets.get("a@v1"), objects[0])

    def test_an_object_of_another_type_is_refused_and_the_old_one_stays(
        self, om: Omega, backend: type[DataBackend], objects: Sequence[Any]
    ) -> None:
        om.datasets.put(objects[0], "a")
        with pytest.raises(UnsupportedObjectError):
            om.datasets.put(object(), "a", kind=backend.KIND)
        assert self.same(om.datasets.get("a"), objects[0])

    def test_options_that_it_does_not_know_are_refused(self, om: Omega, objects: Sequence[Any]) -> None:
        with pytest.raises(UnsupportedOptionError, match="no_such_option"):
            om.datasets.put(objects[0], "a", no_such_option=1)
        assert not om.datasets.exists("a")

    def test_a_dropped_object_is_gone(self, om: Omega, objects: Sequence[Any]) -> None:
        om.datasets.put(objects[0], "a")
        om.datasets.drop("a")
        with pytest.raises(ObjectNotFoundError):
            om.datasets.get("a")

    def test_objects_of_all_stores_and_buckets_are_apart(self, om: Omega, objects: Sequence[Any]) -> None:
        om.datasets.put(objects[0], "a")
        om.models.put(objects[1], "a")
        om["other"].datasets.put(objects[-1], "a")
        assert self.same(om.datasets.get("a"), objects[0])
        assert self.same(om.models.get("a"), objects[1])
        assert self.same(om["other"].datasets.get("a"), objects[-1])

    def test_a_promoted_copy_is_the_same(self, om: Omega, backend: type[DataBackend], objects: Sequence[Any]) -> None:
        abroad = Omega(metadata=MemoryMetadataStore(), store=MemoryStore("abroad"))
        abroad.context.registry.register(backend.KIND, backend)
        om.datasets.put(objects[0], "a")
        om.datasets.promote("a", om["prod"].datasets)
        om.datasets.promote("a", abroad.datasets, asname="b")
        om.datasets.drop("a")
        assert self.same(om["prod"].datasets.get("a"), objects[0])
        assert self.same(abroad.datasets.get("b"), objects[0])

    def test_it_leaves_nothing_that_fsck_complains_of(self, om: Omega, objects: Sequence[Any]) -> None:
        for obj in objects:
            om.datasets.put(obj, "a")
        assert [finding for finding in om.check() if finding.severity == "damage"] == []

    def test_it_describes_itself(self, om: Omega, backend: type[DataBackend], objects: Sequence[Any]) -> None:
        om.datasets.put(objects[0], "a")
        assert om.datasets.help("a").startswith(backend.KIND)
        assert om.datasets.summary("a")["kind"] == backend.KIND


class ModelBackendContract:
    """What every backend of models promises beyond :class:`DataBackendContract`.

    A subclass gives the fixtures ``om`` (a fresh Omega that knows the backends of the model and of its data), ``model``
    (one that can be fitted and can predict), ``X`` and ``Y`` (data that a backend of ``om`` stores), and overrides
    :meth:`same` if results are not compared by ``==``.
    """

    def same(self, found: Any, expected: Any) -> bool:
        """Whether two results are equal."""
        return same(found, expected)

    @pytest.fixture
    def fitted(self, om: Omega, model: Any, X: Any, Y: Any) -> Omega:
        """Model and data by name, the model fitted."""
        om.datasets.put(X, "X")
        om.datasets.put(Y, "Y")
        om.models.put(model, "m", attributes={"owner": "me"})
        om.runtime.model("m").fit("X", "Y").get()
        return om

    def test_it_tells_its_actions(self, om: Omega, model: Any) -> None:
        om.models.put(model, "m")
        backend = om.models.get_backend("m")
        assert isinstance(backend, SupportsActions)
        assert {"fit", "predict"} <= backend.actions()

    def test_fit_makes_a_new_version_and_leaves_the_old_one(self, fitted: Omega) -> None:
        meta = fitted.models.metadata("m")
        assert meta is not None
        assert (meta.version, meta.attributes["owner"]) == (2, "me")
        assert len(fitted.models.versions("m")) == 2

    def test_fit_records_the_data_it_saw(self, fitted: Omega) -> None:
        meta = fitted.models.metadata("m")
        assert meta is not None
        seen = meta.attributes["dataset"]
        assert (seen["X"]["name"], seen["Y"]["name"]) == ("X", "Y")

    def test_names_and_data_in_memory_predict_alike(self, fitted: Omega, X: Any) -> None:
        by_name = fitted.runtime.model("m").predict("X").get()
        assert self.same(fitted.runtime.model("m").predict(X).get(), by_name)
        assert self.same(fitted.runtime.model("m").predict("*").get(), by_name)
        assert self.same(fitted.runtime.model("m").predict().get(), by_name)

    def test_predicting_twice_gives_the_same(self, fitted: Omega) -> None:
        first = fitted.runtime.model("m").predict("X").get()
        assert self.same(fitted.runtime.model("m").predict("X").get(), first)

    def test_a_prediction_does_not_touch_the_model(self, fitted: Omega) -> None:
        before = fitted.models.metadata("m")
        fitted.runtime.model("m").predict("X").get()
        after = fitted.models.metadata("m")
        assert before is not None
        assert after is not None
        assert (before.version, before.modified, before.digest) == (after.version, after.modified, after.digest)

    def test_a_result_can_be_kept_by_a_name(self, fitted: Omega) -> None:
        meta = fitted.runtime.model("m").predict("X", rName="r").get()
        assert isinstance(meta, Metadata)
        assert (meta.name, meta.prefix) == ("r", "data/")
        assert fitted.datasets.exists("r")

    def test_fitting_again_leaves_the_old_version_as_it_was(self, fitted: Omega) -> None:
        first = fitted.runtime.model("m").predict("X").get()
        fitted.runtime.model("m").fit("X", "Y").get()
        assert self.same(fitted.runtime.model("m@2").predict("X").get(), first)

    def test_it_works_in_the_bucket_of_the_task(self, fitted: Omega, model: Any, X: Any, Y: Any) -> None:
        other = fitted["other"]
        other.datasets.put(X, "X")
        other.datasets.put(Y, "Y")
        other.models.put(model, "m")
        assert other.runtime.model("m").fit("X", "Y").get().bucket == "other"

    def test_data_that_do_not_exist_are_an_error(self, fitted: Omega) -> None:
        with pytest.raises(ObjectNotFoundError, match="missing"):
            fitted.runtime.model("m").predict("missing")

    def test_a_promoted_model_predicts_alike(self, fitted: Omega, X: Any) -> None:
        fitted.models.promote("m", fitted["prod"].models)
        result = fitted["prod"].runtime.model("m").predict(X)
        assert result.status == SUCCESS
        assert self.same(result.get(), fitted.runtime.model("m").predict("X").get())
