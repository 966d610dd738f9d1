"""Composition: setup() wires what the settings say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.names import DATA
from omega_domain.errors import SettingsError, StoreUnavailableError, UnsupportedOptionError
from omega_ml import Omega
from omega_ml.composition import setup
from omega_ml.plugins import open_runtime, worker_runner


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of who runs it."""
    for name in ("OMEGA_HOME", "OMEGA_CONTEXT", "OMEGA_BUCKET", "OMEGA_STORE", "OMEGA_MONGO_URL", "OMEGA_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_setup_opens_the_store_of_a_url() -> None:
    om = setup(store="memory://here")
    assert om.context.store.url == "memory://here"


def test_setup_chooses_bucket_author_and_retention() -> None:
    om = setup(store="memory://", bucket="b", author="me", grace="2h", keep={"datasets": 3})
    assert om.bucket == "b"
    assert om.context.author == "me"
    assert om.context.retention.grace == timedelta(hours=2)
    assert om.context.retention.keep[DATA] == 3


def test_setup_writes_nothing_before_the_first_put(tmp_path: Path) -> None:
    om = setup(home=tmp_path / "home")
    repr(om)
    assert not (tmp_path / "home").exists()


def test_what_one_setup_puts_another_gets(tmp_path: Path) -> None:
    setup(home=tmp_path / "home").datasets.put({"a": 1}, "d")
    assert setup(home=tmp_path / "home").datasets.get("d") == {"a": 1}


def test_an_omega_opens_another_context_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "omega.toml").write_text(
        '[contexts.dev]\nhome = "dev"\n[contexts.prod]\nhome = "prod"\nbucket = "live"'
    )
    prod = setup(context="dev").in_context("prod")
    assert (prod.context.name, prod.bucket) == ("prod", "live")
    with pytest.raises(SettingsError, match="'none'"):
        prod.in_context("none")


def test_two_contexts_share_nothing(tmp_path: Path) -> None:
    (tmp_path / "omega.toml").write_text('[contexts.dev]\nhome = "dev"\n[contexts.prod]\nhome = "prod"')
    dev, prod = setup(context="dev"), setup(context="prod")
    dev.datasets.put([1, 2], "d")
    assert not prod.datasets.exists("d")
    assert (dev.context.name, prod.context.name) == ("dev", "prod")


def test_a_database_is_not_asked_before_the_first_use() -> None:
    om = setup(mongo_url="mongodb://ada:secret@127.0.0.1:9/team?serverSelectionTimeoutMS=100")
    assert (
        repr(om) == "Omega(context='default', bucket='omega', store='mongodb://127.0.0.1:9/team', runtime='in-process')"
    )
    with pytest.raises(StoreUnavailableError, match=r"no server answers at mongodb://127\.0\.0\.1:9/team") as caught:
        om.datasets.list()
    assert "secret" not in str(caught.value)
    assert "om config show" in str(caught.value)


def test_options_of_a_client_may_stand_beside_the_url() -> None:
    om = setup(mongo_url="mongodb://127.0.0.1:9/team", mongo_options={"serverSelectionTimeoutMS": 50, "appname": "x"})
    database: Any = om.datasets.mongodb
    assert database.client.options.pool_options.appname == "x"
    assert database.client.options.server_selection_timeout == 0.05


def test_a_client_of_pymongo_may_be_handed_in() -> None:
    client: MongoClient[Any] = MongoClient("mongodb://127.0.0.1:9/team", connect=False)
    with client:
        om = setup(mongo_url=client)
        assert om.context.store.url == "mongodb://127.0.0.1:9/team"
        assert om.datasets.mongodb.client is client
        with pytest.raises(SettingsError, match="set on the client itself"):
            setup(mongo_url=client, mongo_options={"tls": True})


def test_options_of_a_client_are_for_mongodb_only(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="mongo_options are set"):
        setup(home=tmp_path, mongo_options={"tls": True})


def test_a_malformed_url_and_a_wrong_option_are_refused_without_secrets() -> None:
    with pytest.raises(SettingsError, match="URL of MongoDB can not be used") as caught:
        setup(mongo_url="mongodb://ada:se/cret@host/team")
    assert "cret" not in str(caught.value)
    om = setup(mongo_url="mongodb://ada:secret@host/team", mongo_options={"tlsCAFile": "/nowhere/ca.pem", "tls": True})
    with pytest.raises(SettingsError, match=r"ca\.pem"):
        om.datasets.list()
    assert om.context.store.url == "mongodb://host:27017/team"


def test_other_stores_have_no_database_of_mongodb() -> None:
    with pytest.raises(UnsupportedOptionError, match="memory://"):
        setup(store="memory://").datasets.mongodb  # noqa: B018 -- the property raises


def test_a_broker_without_the_distributed_runtime_names_the_package_to_install(om: Omega) -> None:
    with pytest.raises(SettingsError, match=r"install omega-ml\[celery\]"):
        open_runtime(om.context, broker_url="amqp://host", celeryconf={}, plugins=[])
    with pytest.raises(SettingsError, match=r"install omega-ml\[celery\]"):
        worker_runner(plugins=[])


def test_a_worker_is_run_by_the_distributed_runtime() -> None:
    assert worker_runner().__module__ == "omega_celery.worker"


@pytest.mark.parametrize("celeryconf", [{"broker_url": "redis://:secret@other"}, None])
def test_a_broker_is_chosen_by_the_strongest_source(
    monkeypatch: pytest.MonkeyPatch, celeryconf: dict[str, Any] | None
) -> None:
    monkeypatch.setenv("OMEGA_BROKER_URL", "amqp://me:secret@host")
    om = setup(store="memory://", celeryconf=celeryconf)
    assert ("redis://" in repr(om)) is (celeryconf is not None)
    assert ("amqp://me" in repr(om)) is (celeryconf is None)
    assert "secret" not in repr(om) + om._repr_html_()


def test_all_buckets_share_the_runtime() -> None:
    om = setup(store="memory://", celeryconf={"broker_url": "redis://one"})
    assert om["b"].queue is om.queue
    assert om["b"].router is om.router


def test_settings_of_celery_without_a_broker_say_what_is_missing() -> None:
    with pytest.raises(SettingsError, match=r"celeryconf \(argument\) names no broker"):
        setup(store="memory://", celeryconf={"task_time_limit": 5})


def test_two_brokers_of_one_source_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".omega").mkdir()
    (tmp_path / ".omega" / "omega.toml").write_text(
        'broker_url = "redis://a"\nceleryconf = { broker_url = "redis://b" }'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="both set"):
        setup(store="memory://")


def test_messages_in_files_are_in_the_home_by_default(tmp_path: Path) -> None:
    om = setup(home=tmp_path, broker_url="filesystem://")
    assert f"filesystem://{tmp_path}/broker" in om.queue.app.conf.broker_url  # type: ignore[attr-defined]


def test_an_omega_can_be_wired_by_hand() -> None:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore("mine"), bucket="b")
    assert repr(om) == "Omega(context='default', bucket='b', store='memory://mine', runtime='in-process')"


def test_the_fixture_om_is_fresh_and_in_memory(om: Omega) -> None:
    assert om.context.store.url.startswith("memory://")
    assert om.buckets == []
    om.datasets.put([1], "d")


def test_the_fixture_om_is_fresh_again(om: Omega) -> None:
    assert om.buckets == []


def test_both_answers_about_trust_reach_the_context(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({}, "signed", "allowed"),
        ({"trust": "any", "code": "formats-only"}, "any", "formats-only"),
        ({"trust": "formats-only"}, "signed", "formats-only"),
    ]
    for given, policy, code in cases:
        trust = setup(home=tmp_path, keys=tmp_path / "keys", **given).context.trust
        assert (trust.policy, trust.code) == (policy, code)
