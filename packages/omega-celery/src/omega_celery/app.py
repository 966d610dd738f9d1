"""The Celery app: its settings, which of them users may change, and the one task that there is."""

from __future__ import annotations

import difflib
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from celery import Celery
from celery.app.defaults import SETTING_KEYS
from celery.backends.base import DisabledBackend
from celery.loaders.app import AppLoader
from celery.states import IGNORED

from omega_celery.addresses import kind_of, spelled
from omega_domain.errors import SettingsError

#: Name of the task that runs all tasks: its argument is the envelope as JSON text.
RUN: Final = "omega.run"

#: Seconds after which a broker that does not answer counts as down.
PATIENCE: Final = 0.7

_DEFAULTS: Final[Mapping[str, Any]] = {
    # JSON only, in both directions
    "accept_content": ["json"],
    "task_serializer": "json",
    "result_serializer": "json",
    "event_serializer": "json",
    # results and states are in the store of the context
    "task_ignore_result": True,
    "task_store_errors_even_if_ignored": False,
    # a message is acknowledged when its task has ended; a worker takes no more than it runs
    "task_acks_late": True,
    "task_acks_on_failure_or_timeout": True,
    "task_reject_on_worker_lost": False,  # the record decides whether it runs again
    "worker_prefetch_multiplier": 1,
    "worker_cancel_long_running_tasks_on_connection_loss": False,  # what they bring is kept all the same
    "task_create_missing_queues": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # a worker waits for its broker for ever
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "enable_utc": True,
    # who submits finds out at once that the broker is down; for workers, see patient()
    "broker_connection_timeout": PATIENCE,
}
#: What users can not change, and why.
_FIXED: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("accept_content", "result_accept_content", "task_serializer", "result_serializer", "event_serializer"),
        "nothing but JSON travels, because a pickle runs code where it is read",
    ),
    **dict.fromkeys(
        ("result_backend", "task_ignore_result", "task_store_errors_even_if_ignored"),
        "results are kept in the store of the context",
    ),
    **dict.fromkeys(
        ("task_acks_late", "task_acks_on_failure_or_timeout", "task_reject_on_worker_lost"),
        "tasks are acknowledged so that none is lost",
    ),
    **dict.fromkeys(
        ("task_always_eager", "task_eager_propagates"), "om.runtime.mode(local=True) runs tasks in this process"
    ),
    **dict.fromkeys(("task_queues", "task_routes", "task_default_queue"), "labels lead tasks to their queues"),
    **dict.fromkeys(("broker_read_url", "broker_write_url"), "broker_url says where the broker is, for all"),
}
#: What carries messages where there is no server.
FOLDERS: Final = "omega_celery.folders:FolderTransport"
#: The same for Redis, in its own words.
_HURRY: Final[Mapping[str, Any]] = {"socket_connect_timeout": PATIENCE, "socket_timeout": 5.0}
#: What keeps who sends a message from waiting for ever for a broker that hangs.
_WRITING: Final[Mapping[str, Mapping[str, Any]]] = {
    "amqp": {"read_timeout": 5.0, "write_timeout": 5.0},
    "redis": {"socket_timeout": 5.0},
}
#: How long a message may stay unacknowledged before Redis brings it again; that is harmless, see dispatching.
_VISIBILITY: Final = 600


class OmegaCelery(Celery):  # type: ignore[misc] # Celery brings no types
    """A Celery app that stays with its broker and settings, whatever CELERY_BROKER_URL and the like say.

    Attributes:
        url: of the broker.
    """

    backend_cls = f"{__name__}:NoResults"
    amqp_cls = "omega_celery.connections:SteadyAMQP"

    def __init__(self, url: str) -> None:
        super().__init__(
            "omega",
            broker=url,
            set_as_current=False,
            loader=f"{__name__}:OwnSettings",
        )
        self.url = url

    def connection_for_read(self, url: str | None = None, **kwargs: Any) -> Any:
        """Return a connection for messages to us, not yet opened."""
        return super().connection_for_read(url or self.url, **kwargs)

    def connection_for_write(self, url: str | None = None, **kwargs: Any) -> Any:
        """Return a connection for messages from us, not yet opened; it waits only so long for a broker that hangs."""
        options = {**_WRITING.get(kind_of(self.url), {}), **self.conf.broker_transport_options}
        return super().connection_for_write(url or self.url, **{"transport_options": options, **kwargs})


class OwnSettings(AppLoader):  # type: ignore[misc] # the same
    """Reads no module of settings that CELERY_CONFIG_MODULE names."""

    def read_configuration(self, *_: object, **__: object) -> dict[str, Any]:
        """Return no settings."""
        return {}


class NoResults(DisabledBackend):  # type: ignore[misc] # the same
    """Keeps no results: they are in the store of the context."""

    def get_state(self, task_id: str) -> str:  # noqa: ARG002 -- Celery's signature
        """Return that nothing is known here, without the warning of the base class."""
        return str(IGNORED)


def make_app(broker_url: str, celeryconf: Mapping[str, Any]) -> OmegaCelery:
    """Return a Celery app for a broker.

    Raises:
        SettingsError: a setting is unknown or can not be changed, or the broker's URL is wrong.
    """
    _check(celeryconf)
    broker_url = spelled(broker_url)
    given = {name: value for name, value in celeryconf.items() if name != "broker_url"}
    app = OmegaCelery(broker_url)
    app.conf.update(_DEFAULTS)
    app.conf.broker_use_ssl = _tls(broker_url)
    if kind_of(broker_url) == "filesystem":
        app.conf.broker_transport = FOLDERS
    app.conf.update(given)
    app.conf.broker_transport_options = {**_transport_options(broker_url), **given.get("broker_transport_options", {})}
    return app


def patient(app: OmegaCelery) -> OmegaCelery:
    """Let an app wait for its broker, as a worker does; return it."""
    options = dict(app.conf.broker_transport_options)
    for name in _HURRY:
        options.pop(name, None)
    app.conf.broker_transport_options = options
    app.conf.broker_connection_timeout = 4
    return app


def _check(celeryconf: Mapping[str, Any]) -> None:
    for name in celeryconf:
        if name in _FIXED:
            raise SettingsError(f"celeryconf: {name} can not be set, {_FIXED[name]}; leave it out")
        if name not in SETTING_KEYS:
            near = difflib.get_close_matches(name.lower(), SETTING_KEYS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(
                f"celeryconf: Celery has no setting {name!r}{hint} (names are those of Celery 4 and later)"
            )


def _transport_options(broker_url: str) -> dict[str, Any]:
    kind = kind_of(broker_url)
    if kind == "redis":
        return {"visibility_timeout": _VISIBILITY, "health_check_interval": 30, **_HURRY}
    if kind == "amqp":
        return {"confirm_publish": True}
    return {}


def _tls(broker_url: str) -> dict[str, Any] | None:
    """Return what makes a broker prove who it is, if its URL asks for TLS; kombu alone does not compare its name."""
    scheme = broker_url.partition("://")[0]
    if scheme == "amqps":
        return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": urlsplit(broker_url).hostname}
    if scheme in {"rediss", "valkeys"}:
        return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    return None
