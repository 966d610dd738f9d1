"""The Celery app: nothing but JSON, no other broker, no results, and which settings users may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import ImproperlyConfigured

import omega_ml
from omega_celery.app import FOLDERS, PATIENCE, make_app, patient
from omega_domain.errors import SettingsError

BROKER = "redis://host/0"


@pytest.mark.parametrize(
    ("celeryconf", "why"),
    [
        ({"accept_content": ["pickle"]}, "accept_content can not be set, nothing but JSON travels"),
        ({"result_accept_content": ["pickle"]}, "nothing but JSON"),
        ({"task_serializer": "pickle"}, "nothing but JSON"),
        ({"result_serializer": "yaml"}, "nothing but JSON"),
        ({"event_serializer": "pickle"}, "nothing but JSON"),
        ({"task_serializer": "json"}, "leave it out"),
        ({"result_backend": "redis://host"}, "results are kept in the store"),
        ({"task_ignore_result": False}, "results are kept in the store"),
        ({"task_acks_late": False}, "so that none is lost"),
        ({"task_always_eager": True}, r"mode\(local=True\)"),
        ({"task_routes": {}}, "labels lead tasks"),
        ({"broker_read_url": "redis://other"}, "broker_url says where the broker is"),
        ({"CELERY_ACCEPT_CONTENT": ["pickle"]}, "no setting 'CELERY_ACCEPT_CONTENT'; did you mean accept_content"),
        ({"nonsense_nobody_knows": 1}, r"no setting 'nonsense_nobody_knows' \(names are"),
    ],
)
def test_settings_that_would_break_what_is_promised_are_refused(celeryconf: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        make_app(BROKER, celeryconf)
    with pytest.raises(SettingsError, match=why):
        omega_ml.setup(store="memory://", celeryconf={"broker_url": BROKER, **celeryconf})


def test_other_settings_are_taken() -> None:
    options = {"visibility_timeout": 9, "global_keyprefix": "team:"}
    app = make_app(BROKER, {"worker_prefetch_multiplier": 4, "broker_transport_options": options})
    assert app.conf.worker_prefetch_multiplier == 4
    assert app.conf.broker_transport_options["visibility_timeout"] == 9
    assert app.conf.broker_transport_options["global_keyprefix"] == "team:"
    assert app.conf.broker_transport_options["socket_connect_timeout"] == PATIENCE


def test_only_json_travels() -> None:
    conf = make_app(BROKER, {}).conf
    assert conf.accept_content == ["json"]
    assert {conf.task_serializer, conf.result_serializer, conf.event_serializer} == {"json"}


def test_messages_are_confirmed_by_rabbitmq() -> None:
    assert make_app("amqp://host", {}).conf.broker_transport_options == {"confirm_publish": True}


def test_other_brokers_have_no_options_of_ours() -> None:
    assert make_app("memory://", {}).conf.broker_transport_options == {}


def test_a_folder_is_carried_by_a_transport_of_ours_and_nothing_is_made(tmp_path: Path) -> None:
    app = make_app(f"filesystem://{tmp_path}/broker", {})
    assert app.conf.broker_transport == FOLDERS
    assert app.connection_for_write().as_uri() == f"filesystem://{tmp_path}/broker"
    assert list(tmp_path.iterdir()) == []


def test_the_broker_stays_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_RESULT_BACKEND"):
        monkeypatch.setenv(name, "redis://elsewhere:1/7")
    for name in ("CELERY_CONFIG_MODULE", "CELERY_LOADER"):
        monkeypatch.setenv(name, "nothing")
    app = make_app(BROKER, {})
    assert app.connection_for_read().hostname == "host"
    assert app.connection_for_write().hostname == "host"
    assert app.connection_for_write("redis://asked").hostname == "asked"
    assert app.url == BROKER
    assert app.backend.get_state("any") == "IGNORED"


def test_there_are_no_results_in_the_broker() -> None:
    app = make_app(BROKER, {})
    with pytest.raises((NotImplementedError, ImproperlyConfigured)):
        app.AsyncResult("id").get()


def test_a_worker_waits_longer_for_its_broker_than_a_client() -> None:
    app = make_app(BROKER, {})
    assert app.conf.broker_connection_timeout == PATIENCE
    assert patient(app) is app
    assert app.conf.broker_connection_timeout > PATIENCE
    assert "socket_connect_timeout" not in app.conf.broker_transport_options
    assert "visibility_timeout" in app.conf.broker_transport_options


def test_an_app_is_not_the_current_one_of_a_user_of_celery() -> None:
    from celery import current_app  # noqa: PLC0415 -- the user's

    before = current_app.main
    make_app(BROKER, {})
    assert current_app.main == before
