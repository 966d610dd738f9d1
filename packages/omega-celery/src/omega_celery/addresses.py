"""Addresses of brokers: whether they can be right, how kombu spells them, and how they are shown without passwords."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from kombu.transport import TRANSPORT_ALIASES
from kombu.utils.url import parse_url

from omega_domain.entities import redaction
from omega_domain.entities.redaction import redacted, redacted_url
from omega_domain.errors import SettingsError

HIDDEN: Final = "**"
#: Several brokers, of which one after the other is tried.
SEPARATOR: Final = ";"
#: Valkey is spoken to as Redis is.
_SAME: Final = {"valkey": "redis", "valkeys": "rediss"}
_BY_REDIS: Final = frozenset({"redis", "rediss", "sentinel"})
_FORM: Final = "scheme://user:password@host:port/name"


def spelled(url: str) -> str:
    """Return the URL of a broker as kombu spells it.

    Raises:
        SettingsError: it is malformed, of an unknown kind, or needs a package that is not installed.
    """
    return SEPARATOR.join(map(_spelled, url.split(SEPARATOR)))


def shown(url: str) -> str:
    """Return the URL of a broker for people: without password, and without what stands behind a question mark."""
    first, *others = url.split(SEPARATOR)  # what is no URL behind a separator is the rest of a password
    return SEPARATOR.join([_shown(first), *(_shown(each) if "://" in each else HIDDEN for each in others)])


def kind_of(url: str) -> str:
    """Return the kind of a broker: ``amqp``, ``redis``, ``filesystem``, …; TLS makes no difference."""
    scheme = url.partition("://")[0].partition("+")[0]
    return {"amqps": "amqp", "pyamqp": "amqp", "rediss": "redis", "sentinel": "redis"}.get(scheme, scheme)


def _spelled(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    scheme = _SAME.get(scheme, scheme)
    transport, plus, _ = scheme.partition("+")
    if not separator or transport not in TRANSPORT_ALIASES:
        kind = f"no broker is known whose URL begins with {redacted(scheme)}://" if separator else "this is no URL"
        raise SettingsError(f"broker_url: {kind}; write amqp://…, redis://… or filesystem:///folder")
    if transport == "filesystem" and not rest.strip("/"):
        raise SettingsError("broker_url: name the folder of the messages: filesystem:///path/to/folder")
    if transport in _BY_REDIS and find_spec("redis") is None:
        raise SettingsError(f"broker_url: {scheme}:// needs a package that is not installed: pip install redis")
    if transport == "filesystem" and not rest.startswith("/"):
        raise SettingsError(f"broker_url: the folder is absolute: filesystem:///{redacted(rest)}")
    if not plus and not _can_be_read(f"{scheme}://{rest}"):
        raise SettingsError(
            f"broker_url: this {scheme}:// URL can not be read; write {_FORM}, and in its password, write / ? # % ; as "
            "%2F %3F %23 %25 %3B"
        )
    return f"{scheme}://{rest}"


def _can_be_read(url: str) -> bool:
    try:
        parse_url(url)
    except (TypeError, ValueError):  # which tell parts of the password
        return False
    return True


def _shown(url: str) -> str:
    return redacted_url(url.partition("?")[0]).replace(redaction.HIDDEN, HIDDEN)
