"""Every sample of the pages on environments that needs no broker: contexts, buckets, promotion, routing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LinearRegression

import omega_ml
from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.errors import NoWorkerError, ObjectNotFoundError, SettingsError
from omega_domain.omega import Omega

Setup = Callable[..., Omega]
Command = Callable[..., Any]


@pytest.fixture
def fitted(om: Omega, sales: pd.DataFrame) -> Omega:
    """An environment with a dataset and a model that was fitted on it."""
    om.datasets.put(sales, "sales")
    om.models.put(LinearRegression(), "mymodel")
    om.runtime.model("mymodel").fit("sales[x]", "sales[y]").get()
    return om


# -- contexts ----------------------------------------------------------------------------------------------------------


def test_contexts_are_separate_environments(setup: Setup, sales: pd.DataFrame) -> None:
    om_dev = setup("dev")
    om_prod = setup("prod")
    om_dev.datasets.put(sales, "sales")
    assert om_dev.datasets.list() == ["sales"]
    assert om_prod.datasets.list() == []


def test_a_context_on_a_server_names_the_package_it_needs() -> None:
    with pytest.raises(SettingsError, match="omega-celery"):
        omega_ml.setup(celeryconf={"BROKER_URL": "amqp://localhost"})


def test_contexts_are_named_in_a_file(sales: pd.DataFrame) -> None:
    Path("omega.toml").write_text('[contexts.dev]\nhome = "dev"\n[contexts.prod]\nhome = "prod"')
    om_dev = omega_ml.setup(context="dev")
    om_prod = omega_ml.setup(context="prod")
    om_dev.datasets.put(sales, "sales")
    om_dev.datasets.promote("sales", om_prod.datasets)
    assert_frame_equal(om_prod.datasets.get("sales"), sales)
    assert Path("dev").is_dir()
    assert Path("prod").is_dir()


# -- buckets -----------------------------------------------------------------------------------------------------------


def test_buckets_separate_users_and_projects(om: Omega) -> None:
    om_user1 = om["user1"]
    om_prjA = om["projec_a"]
    om_user1.datasets.put([1], "notes")
    om_prjA.datasets.put([2], "notes")
    om.datasets.put([3], "notes")
    assert [place.datasets.get("notes") for place in (om_user1, om_prjA, om)] == [[1], [2], [3]]
    assert om.buckets == ["omega", "projec_a", "user1"]


def test_the_same_bucket_is_the_same_object(om: Omega) -> None:
    om_foo = om["mybucket"]
    assert om["mybucket"] is om_foo
    assert om_foo["mybucket"] is om_foo
    assert om["omega"] is om
    assert om[None] is om
    assert om_foo["default"] is om


def test_buckets_share_store_and_runtime(om: Omega) -> None:
    assert om["b"].context is om.context
    assert om["b"].queue is om.queue
    assert om["b"].router is om.router


def test_what_runs_in_a_bucket_reads_and_writes_there(om: Omega, sales: pd.DataFrame) -> None:
    b = om["b"]
    b.datasets.put(sales, "sales")
    b.models.put(LinearRegression(), "m")
    b.runtime.model("m").fit("sales[x]", "sales[y]").get()
    b.runtime.model("m").predict("sales[x]", rName="predicted").get()
    assert b.datasets.list() == ["predicted", "sales"]
    assert om.datasets.list() == []
    assert om.models.list() == []


# -- promotion ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("far", [False, True], ids=["bucket", "context"])
def test_data_and_models_are_promoted(setup: Setup, sales: pd.DataFrame, far: bool) -> None:
    om = setup("dev")
    om_dev, om_prod = om["dev"], setup("prod") if far else om["prod"]
    om_dev.datasets.put(sales, "sales")
    om_dev.models.put(LinearRegression().fit(sales[["x"]], sales["y"]), "sales-prediction")

    om_dev.datasets.promote("sales", om_prod.datasets)
    om_dev.models.promote("sales-prediction", om_prod.models)

    predicted = om_prod.runtime.model("sales-prediction").predict("sales[x]").get()
    assert [round(value, 6) for value in _flat(predicted)] == sales["y"].tolist()
    meta = om_prod.models.metadata("sales-prediction")
    assert meta is not None
    assert meta.provenance is not None
    assert meta.provenance["bucket"] == "dev"


def test_a_promotion_replaces_and_leaves_the_source_alone(setup: Setup) -> None:
    om_dev, om_prod = setup("dev"), setup("prod")
    om_prod.datasets.put([0], "sales")
    om_dev.datasets.put([1], "sales")
    om_dev.datasets.promote("sales", om_prod.datasets)
    om_dev.datasets.drop("sales")
    om_dev.collect()
    assert om_prod.datasets.get("sales") == [1]


# -- routing -----------------------------------------------------------------------------------------------------------


def test_a_task_is_routed_to_a_label(fitted: Omega) -> None:
    result = fitted.runtime.require("gpu").model("mymodel").fit("sales[x]", "sales[y]")
    assert result.get().name == "mymodel"


def test_a_requirement_does_not_leak_to_the_next_call(fitted: Omega) -> None:
    fitted.runtime.require("gpu")
    assert fitted.runtime.model("mymodel").predict("sales[x]").successful()


def test_a_task_runs_locally(fitted: Omega) -> None:
    result = fitted.runtime.mode(local=True).model("mymodel").fit("sales[x]", "sales[y]")
    assert result.status == "SUCCESS"
    assert result.get().kind == "sklearn.joblib"


def test_a_model_is_bound_to_a_route(om: Omega, sales: pd.DataFrame) -> None:
    reg = LinearRegression()
    # specify the .require() value as part of the metadata
    specs = {"label": "gpu"}
    om.datasets.put(sales, "sales")
    om.models.put(reg, "mymodel", attributes={"require": specs})
    om.runtime.model("mymodel").link_dataset(Xname="sales[x]", Yname="sales[y]")
    # using the runtime will automatically apply .require('gpu')
    om.runtime.model("mymodel").fit().get()
    meta = om.models.metadata("mymodel")
    assert meta is not None
    assert meta.attributes["require"] == {"label": "gpu"}


def test_a_route_that_no_worker_serves_fails_at_once(om: Omega, sales: pd.DataFrame) -> None:
    only_cpu = omega_ml.Omega(om.context, router=InProcessRouter(labels=["default", "cpu"]))
    only_cpu.datasets.put(sales, "sales")
    only_cpu.models.put(LinearRegression(), "mymodel", attributes={"require": {"label": "gpu"}})
    with pytest.raises(NoWorkerError, match=r"gpu.*cpu"):
        only_cpu.runtime.model("mymodel").fit("sales[x]", "sales[y]")
    assert only_cpu.runtime.require("cpu").model("mymodel").fit("sales[x]", "sales[y]").successful()


def test_a_model_without_data_says_so(om: Omega) -> None:
    om.models.put(LinearRegression(), "mymodel")
    with pytest.raises(ObjectNotFoundError, match="no data for 'mymodel'"):
        om.runtime.model("mymodel").fit()


# -- the same by the command -------------------------------------------------------------------------------------------


def test_the_command_trains_with_a_requirement(command: Command, sales: pd.DataFrame) -> None:
    om = omega_ml.setup()
    om.datasets.put(sales, "sales")
    om.models.put(LinearRegression(), "mymodel")
    done = command("runtime", "--require", "gpu", "model", "mymodel", "fit", "sales[x]", "sales[y]", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["value"]["version"] == 2
    score = command("runtime", "model", "mymodel", "score", "*", "*", "--json")
    assert json.loads(score.stdout)["value"] == pytest.approx(1.0)


def test_the_command_promotes(command: Command, sales: pd.DataFrame) -> None:
    om = omega_ml.setup()
    om["dev"].datasets.put(sales, "sales")
    done = command("--bucket", "dev", "datasets", "promote", "sales", "--to", "prod")
    assert done.returncode == 0, done.stderr
    assert_frame_equal(om["prod"].datasets.get("sales"), sales)


def _flat(values: Any) -> list[float]:
    return [float(value) for value in np.asarray(values).ravel()]
