"""Addresses of MongoDB databases: what a URL or a client says, without the secrets in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from omega_domain.errors import SettingsError

DEFAULT_DATABASE: Final = "omega"
_SRV: Final = "mongodb+srv://"
_PIECES: Final = re.compile(r"\w{2,}")
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
    parts = urlsplit(url)
    names = frozenset(name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if url.startswith(_SRV):  # the hosts are in the DNS, which is asked on first use
        database = _checked(parts.path.strip("/") or DEFAULT_DATABASE)
        return Address(f"{_SRV}{parts.netloc.rpartition('@')[2]}/{database}", database, names, secrets)
    try:
        found = parse_uri(url)
    except (PyMongoError, ValueError, TypeError) as error:
        raise malformed(error, secrets) from error
    hosts = sorted(f"{host}:{port}" if port else str(host) for host, port in found["nodelist"])
    database = _checked(".".join(filter(None, (found["database"], found["collection"]))) or DEFAULT_DATABASE)
    return Address(f"mongodb://{','.join(hosts)}/{database}", database, names, secrets)


def malformed(error: Exception, secrets: tuple[str, ...]) -> SettingsError:
    """Return what is wrong with a URL or an option."""
    said = str(error)
    if any(piece in said for secret in secrets for piece in _PIECES.findall(secret)):
        said = "user and password can not be told from the rest"
    return SettingsError(
        f"the URL of MongoDB can not be used: {said}. Write "
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


def _secrets_of(url: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    before, at, _ = url.partition("://")[2].rpartition("@")
    password = before.partition(":")[2] if at else ""
    query = dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))
    given = [value for name, value in [*query.items(), *options.items()] if name.lower() in _SECRETS]
    found = {password, unquote_plus(password), *map(str, given)}
    return tuple(secret for secret in found if secret)
