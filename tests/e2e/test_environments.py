"""Every sample of the pages on environments: contexts, buckets, promotion, routing; without a broker and with one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LinearRegression
from tests.e2e.runtime_story import DISTRIBUTED, WAIT, Place, Places, put_model, put_script
from tests.servers.workers import WorkerProcess

import omega_ml
from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.errors import NoWorkerError, ObjectNotFoundError, SettingsError
from omega_domain.omega import Omega

Setup = Callable[..., Omega]
Command = Callable[..., Any]

_buckets = count()


@pytest.fixture(scope="module")
def places(request: pytest.FixtureRequest) -> Iterator[Places]:
    """All places with workers; those of each are started once for this module."""
    opened = Places(request)
    yield opened
    opened.close()


@pytest.fixture(params=DISTRIBUTED)
def place(request: pytest.FixtureRequest, places: Places) -> Place:
    """Each place with workers, on a bucket of the test's own."""
    return places[request.param].on(f"story{next(_buckets)}")


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


@pytest.mark.parametrize("celeryconf", [{}, {"BROKER_URL": "amqp://localhost"}, {"task_time_limit": 5}])
def test_settings_of_celery_must_name_a_broker(celeryconf: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="names no broker: add broker_url to it"):
        omega_ml.setup(celeryconf=celeryconf)


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


# -- contexts with workers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("far", ["rabbitmq", "mongo"])
def test_two_contexts_have_runtimes_of_their_own_and_promote_between_them(
    places: Places, sales: pd.DataFrame, far: str
) -> None:
    dev, prod = places["valkey"], places[far]  # on brokers of their own, or two contexts on the same broker
    om_dev, om_prod = dev.om[f"dev{far}"], prod.om["prod"]
    om_dev.datasets.put(sales, "sales")
    om_dev.models.put(LinearRegression(), "sales-prediction")
    fitted = om_dev.runtime.model("sales-prediction").fit("sales[x]", "sales[y]")
    fitted.get(WAIT)

    om_dev.datasets.promote("sales", om_prod.datasets)
    om_dev.models.promote("sales-prediction", om_prod.models)

    predicted = om_prod.runtime.model("sales-prediction").predict("sales[x]")
    assert np.round(_flat(predicted.get(WAIT)), 6).tolist() == sales["y"].tolist()
    assert fitted.record.worker == dev.worker_of("default")
    assert predicted.record.worker == prod.worker_of("default")
    for om, place in ((om_dev, dev), (om_prod, prod)):
        assert set(om.runtime.labels()) == {place.worker_of("default"), place.worker_of("gpu")}
    with pytest.raises(ObjectNotFoundError, match=predicted.id):
        om_dev.runtime.result(predicted.id)


@pytest.mark.parametrize("broker", ["valkey", "rabbitmq"])
def test_workers_of_two_contexts_on_one_machine_share_a_broker(
    request: pytest.FixtureRequest, broker: str, tmp_path: Path
) -> None:
    url = request.getfixturevalue(broker).url
    envs = [{"OMEGA_HOME": str(tmp_path / name), "OMEGA_BROKER_URL": url} for name in ("dev", "prod")]
    with WorkerProcess(envs[0], wait=False) as first, WorkerProcess(envs[1], wait=False) as second:
        for env, worker in zip(envs, (first, second), strict=True):
            om = omega_ml.setup(home=env["OMEGA_HOME"], celeryconf={"broker_url": url})
            assert worker.name in om.runtime.labels()
            put_script(om, "myscript", f"def run(om):\n    return {env['OMEGA_HOME']!r}")
            assert om.runtime.script("myscript").run().get(WAIT) == env["OMEGA_HOME"]
        first.process.terminate()
        second.process.terminate()
        assert [first.process.wait(WAIT), second.process.wait(WAIT)] == [0, 0]


def test_contexts_of_a_file_have_brokers(place: Place, command: Command, sales: pd.DataFrame) -> None:
    put_model(place.om, sales)
    store = place.env.get("OMEGA_MONGO_URL") or f"file://{place.env['OMEGA_HOME']}"
    Path("omega.toml").write_text(
        f'[contexts.here]\nhome = "here"\n'
        f'[contexts.there]\nstore = "{store}"\nbroker_url = "{place.env["OMEGA_BROKER_URL"]}"\n'
    )
    options = ("--context", "there", "--bucket", place.om.bucket)
    done = command(*options, "runtime", "model", "mymodel", "fit", "data-X", "data-Y", "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert place.om.runtime.result(shown["id"]).record.worker == place.worker_of("default")  # type: ignore[union-attr]
    assert omega_ml.setup(context="here").queue.name == "in-process"


# -- buckets with workers ----------------------------------------------------------------------------------------------


def test_buckets_share_the_runtime_and_its_settings(place: Place, sales: pd.DataFrame) -> None:
    om = omega_ml.setup(**_settings(place))
    om_user1, om_prjA = om["user1"], om["projec_a"]
    assert om_user1.queue is om_prjA.queue is om.queue
    for number, bucket in enumerate((om_user1, om_prjA)):
        put_model(bucket, sales + number)
        result = bucket.runtime.model("mymodel").fit("data-X", "data-Y")
        assert result.get(WAIT).bucket == bucket.bucket
        assert result.record.worker == place.worker_of("default")
        kept = bucket.runtime.model("mymodel").predict("data-X", rName="predicted").get(WAIT)
        assert kept.bucket == bucket.bucket
        assert np.round(_flat(bucket.datasets.get("predicted")), 6).tolist() == (sales["y"] + number).tolist()
    assert not om.datasets.exists("predicted")


def test_scripts_get_the_omega_of_their_bucket(place: Place) -> None:
    om = place.om
    put_script(om, "mine", "def run(om, name):\n    return [om.bucket, om.datasets.put([1], name).bucket]")
    assert om.runtime.script("mine").run("from-a-script").get(WAIT) == [om.bucket, om.bucket]
    assert om.datasets.get("from-a-script") == [1]


# -- routing to workers ------------------------------------------------------------------------------------------------


def test_a_task_goes_to_a_worker_of_the_label(place: Place, sales: pd.DataFrame) -> None:
    om = put_model(place.om, sales)
    # this will route the fit task to a gpu node
    routed = om.runtime.require("gpu").model("mymodel").fit("data-X", "data-Y")
    routed.get(WAIT)
    usual = om.runtime.model("mymodel").predict("data-X")
    usual.get(WAIT)
    assert [routed.record.worker, usual.record.worker] == [place.worker_of("gpu"), place.worker_of("default")]


def test_the_command_routes_a_task_to_a_worker(place: Place, command: Command, sales: pd.DataFrame) -> None:
    om = put_model(place.om, sales)
    words = ["--bucket", om.bucket, "runtime", "--require", "gpu", "model", "mymodel", "fit", "data-X", "data-Y"]
    done = command(*words, "--json", env={**os.environ, **place.env})
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["status"], shown["value"]["version"]) == ("SUCCESS", 2)
    assert om.runtime.result(shown["id"]).record.worker == place.worker_of("gpu")  # type: ignore[union-attr]


def test_a_task_runs_locally_in_a_context_with_workers(place: Place, sales: pd.DataFrame) -> None:
    om = put_model(place.om, sales)
    put_script(om, "where", "import os\n\ndef run(om):\n    return os.getpid()")
    result = om.runtime.mode(local=True).model("mymodel").fit("data-X", "data-Y")
    assert result.status == "SUCCESS"
    assert str(result.record.worker).startswith("local@")
    local, far = om.runtime.mode(local=True).script("where").run(), om.runtime.script("where").run()
    assert local.get() == os.getpid() != far.get(WAIT)
    # nobody need serve the label here
    assert om.runtime.mode(local=True).require("tpu").model("mymodel").predict("data-X").successful()


def test_a_model_is_bound_to_the_worker_of_a_label(place: Place, sales: pd.DataFrame) -> None:
    om = place.om
    # specify the .require() value as part of the metadata
    specs = {"label": "gpu"}
    put_model(om, sales, attributes={"require": specs})
    om.runtime.model("mymodel").link_dataset("data-X", "data-Y")
    # using the runtime will automatically apply .require('gpu')
    result = om.runtime.model("mymodel").fit()
    result.get(WAIT)
    assert result.record.worker == place.worker_of("gpu")


def test_what_is_asked_for_comes_before_the_attributes_and_those_before_the_default(
    place: Place, sales: pd.DataFrame
) -> None:
    om = put_model(place.om, sales, "free")
    put_model(om, sales, "bound", attributes={"require": {"label": "gpu"}})
    put_script(om, "script", "def run(om):\n    pass")
    om.scripts.put(Path("script"), "bound-script", attributes={"require": "gpu"})
    always = om.runtime.require("gpu", always=True)
    calls = [
        (om.runtime.model("free").fit("data-X", "data-Y"), "default"),
        (om.runtime.model("bound").fit("data-X", "data-Y"), "gpu"),
        (om.runtime.require("default").model("bound").fit("data-X", "data-Y"), "default"),
        (always.model("free").fit("data-X", "data-Y"), "gpu"),
        (always.require("default").model("bound").fit("data-X", "data-Y"), "default"),
        (always.script("script").run(), "gpu"),
        (om.runtime.script("script").run(), "default"),
        (om.runtime.script("bound-script").run(), "gpu"),
        (om.runtime.require("default").script("bound-script").run(), "default"),
    ]
    for result, _ in calls:
        result.get(WAIT)
    assert [result.record.worker for result, _ in calls] == [place.worker_of(label) for _, label in calls]


def test_a_label_that_no_worker_serves_is_refused_before_anything_is_submitted(
    place: Place, sales: pd.DataFrame
) -> None:
    om = put_model(place.om, sales, attributes={"require": {"label": "tpu"}})
    submitted = om.runtime.status()["tasks"]
    with pytest.raises(NoWorkerError, match=r"'tpu'.*'default', 'gpu'.*om worker --label tpu"):
        om.runtime.model("mymodel").fit("data-X", "data-Y")
    assert om.runtime.status()["tasks"] == submitted


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


def _settings(place: Place) -> dict[str, Any]:
    """Return what `setup()` takes to open a place anew."""
    known = {"mongo_url": "OMEGA_MONGO_URL", "home": "OMEGA_HOME"}
    stores = {name: place.env[variable] for name, variable in known.items() if variable in place.env}
    return {**stores, "celeryconf": {"broker_url": place.env["OMEGA_BROKER_URL"]}}
