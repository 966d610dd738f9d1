"""Addresses of MongoDB databases: what a URL or a client says, without the secrets in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from omega_domain.errors import SettingsError

DEFAULT_DATABASE: Final = "omega"
_SRV: Final = "mongodb+srv://"
_PIECES: Final = re.compile(r"\w{2,}")
#: Signs of a login or of options where a host or a database was meant.
_MISPLACED: Final = re.compile(r"[@=&;?]")
_MIXED: Final = "user and password can not be told from the rest"
_SECRETS: Final = ("password", "tlscertificatekeyfilepassword", "authmechanismproperties", "proxypassword")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is.

    Attributes:
        url: hosts and database, without user, password and options; equal for the same database.
        database: name of the database.
        options: names of the options that the URL sets.
        secrets: what must never be shown.
    """

    url: str
    database: str
    options: frozenset[str] = frozenset()
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Address({self.url!r})"


def address_of(where: str | MongoClient[Any], options: Mapping[str, Any]) -> Address:
    """Return the address that a URL or a client stands for; nothing is connected or looked up.

    Raises:
        SettingsError: the URL is malformed, or options are given beside a client.
    """
    if isinstance(where, str):
        return _of_url(where, options)
    if options:
        raise SettingsError(f"options are set on the client itself, not beside it: {', '.join(sorted(options))}")
    database = where.get_default_database(DEFAULT_DATABASE).name
    hosts = sorted(f"{host}:{port}" for host, port in where.topology_description.server_descriptions())
    return Address(f"mongodb://{','.join(hosts)}/{database}", database)


def _of_url(url: str, options: Mapping[str, Any]) -> Address:
    secrets = _secrets_of(url, options)
    is_srv = url.startswith(_SRV)
    try:
        found = parse_uri(_without_dns(url) if is_srv else url)
    except (PyMongoError, ValueError, TypeError) as error:
        raise malformed(_MIXED if _is_mixed(url) else str(error), secrets) from None  # it may quote the password
    places = [found["database"], found["collection"], *(host for host, _ in found["nodelist"])]
    if any(_MISPLACED.search(place) for place in places if place):
        raise malformed(_MIXED, secrets)
    database = _checked(".".join(filter(None, (found["database"], found["collection"]))) or DEFAULT_DATABASE)
    hosts = sorted(f"{host}:{port}" if port and not is_srv else str(host) for host, port in found["nodelist"])
    names = frozenset(_query_of(url) if is_srv else found["options"])
    return Address(f"{_SRV if is_srv else 'mongodb://'}{','.join(hosts)}/{database}", database, names, secrets)


def _without_dns(url: str) -> str:
    """Return what can be parsed of a URL whose hosts are in the DNS, which is asked on first use."""
    login, at, place = url.removeprefix(_SRV).rpartition("@")
    place = place.partition("?")[0]
    if any(sign in place.partition("/")[0] for sign in ":,"):
        raise ValueError(f"one that starts with {_SRV} names one host, without a port")
    return f"mongodb://{login}{at}{place}"


def malformed(said: str, secrets: tuple[str, ...]) -> SettingsError:
    """Return what is wrong with a URL or an option, unless it tells a secret."""
    is_safe = not any(piece in said for secret in secrets for piece in _PIECES.findall(secret))
    return SettingsError(
        f"the URL of MongoDB can not be used: {said if is_safe else _MIXED}. Write "
        "mongodb://user:password@host:27017/database?option=value, with % escapes for : / @ in user and password"
    )


def without(secrets: tuple[str, ...], text: str) -> str:
    """Return a text with all secrets hidden."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _checked(database: str) -> str:
    """Return the name of a database that MongoDB takes."""
    if unfit := sorted(set(database) & set('/\\. "$*<>:|?\0')):
        raise SettingsError(f"{database!r} is no name of a database: it must not have {' '.join(map(repr, unfit))}")
    return database


def _is_mixed(url: str) -> bool:
    """Tell whether something in the password, as far as it can be told, should have been escaped."""
    return any(sign in _password_of(url) for sign in ":/?#[]@")


def _password_of(url: str) -> str:
    login, _, _ = url.partition("://")[2].rpartition("@")
    return login.partition(":")[2]


def _secrets_of(url: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    password = _password_of(url)
    given = [value for name, value in [*_query_of(url).items(), *options.items()] if name.lower() in _SECRETS]
    found = {password, unquote_plus(password), *map(str, given)}
    return tuple(secret for secret in found if secret)


def _query_of(url: str) -> dict[str, str]:
    """Return the options of a URL, also of one that is malformed."""
    return dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))
