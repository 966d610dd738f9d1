"""What a URL says is known without its secrets."""

from __future__ import annotations

import traceback
import warnings
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from pymongo import MongoClient

from omega_domain.errors import SettingsError
from omega_domain.testing.trust.malformed import SECRET, malformed_urls
from omega_mongo.address import address_of, without

ESCAPED = "p%3Aw%2F%40%3F%23%5B%C3%A9"


@pytest.mark.parametrize(
    ("url", "shown", "database"),
    [
        ("mongodb://host", "mongodb://host:27017/omega", "omega"),
        ("mongodb://host/", "mongodb://host:27017/omega", "omega"),
        ("mongodb://host:27018/team", "mongodb://host:27018/team", "team"),
        ("mongodb://b:2,a:1/team?replicaSet=rs", "mongodb://a:1,b:2/team", "team"),
        (f"mongodb://ada:{ESCAPED}@host/team?authSource=admin", "mongodb://host:27017/team", "team"),
        ("mongodb://[::1]:27018/team", "mongodb://::1:27018/team", "team"),
        ("mongodb+srv://ada:secret@cluster.example.com/team?w=1", "mongodb+srv://cluster.example.com/team", "team"),
        ("mongodb+srv://cluster.example.com", "mongodb+srv://cluster.example.com/omega", "omega"),
    ],
)
def test_a_url_is_shown_without_user_password_and_options(url: str, shown: str, database: str) -> None:
    address = address_of(url, {})
    assert (address.url, address.database) == (shown, database)
    assert repr(address) == f"Address({shown!r})"


def test_the_names_of_options_are_known() -> None:
    assert address_of("mongodb://host/?tls=true&w=majority", {}).options == {"tls", "w"}


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://",
        "mongodb://ada:secret@/team",
        "mongodb://ada:secret@host:port/team",
        "mongodb://ada:sec/ret@host/team",
        "mongodb://ada:secret@host/?authMechanism=GSSAPIX",
    ],
)
def test_a_malformed_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="URL of MongoDB can not be used") as raised:
        address_of(url, {})
    assert "secret" not in str(raised.value)
    assert "sec/ret" not in str(raised.value)


@pytest.mark.parametrize("place", ["host/team", "a:1,b:2/team?w=1", "host", "host/team?appName=a@b", "host/?bogus=1"])
@pytest.mark.parametrize("scheme", ["mongodb", "mongodb+srv"])
def test_a_password_that_is_not_escaped_is_never_told(scheme: str, place: str) -> None:
    for signs in product("@:/?#[]%&=; ", repeat=2):
        url = f"{scheme}://ada:12{'SECRET'.join(['', *signs, ''])}@{place}"
        assert "SECRET" not in _told(url), url


def _told(url: str) -> str:
    """All that is told of a URL."""
    try:
        address = address_of(url, {})
    except SettingsError as error:
        return "".join(traceback.format_exception(error))
    return repr(address) + address.database


@pytest.mark.parametrize("url", ["mongodb+srv://ada:secret@host:27017/team", "mongodb+srv://a,b/team"])
def test_a_name_in_the_dns_is_that_of_one_host(url: str) -> None:
    with pytest.raises(SettingsError, match="names one host, without a port"):
        address_of(url, {})


def test_a_password_that_can_not_be_told_from_the_rest_is_not_taken_for_a_database() -> None:
    with pytest.raises(SettingsError, match="can not be told from the rest"):
        address_of("mongodb://ada:12/secret@host", {})


@pytest.mark.parametrize("url", ["mongodb://host/te.am", "mongodb+srv://host/te.am", "mongodb://host/te%24m"])
def test_a_name_that_no_database_can_have_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="name"):
        address_of(url, {})


def test_secrets_in_options_are_known_too() -> None:
    url = "mongodb://ada:one%40@host/?tlsCertificateKeyFilePassword=two&authMechanismProperties=AWS_SESSION_TOKEN:three"
    address = address_of(url, {"password": "four"})
    assert set(address.secrets) == {"one%40", "one@", "two", "AWS_SESSION_TOKEN:three", "four"}
    assert without(address.secrets, "one@ and four") == "*** and ***"


def test_a_client_has_an_address() -> None:
    client: MongoClient[Any]
    with MongoClient("mongodb://b:2,a:1/team", connect=False) as client:
        assert address_of(client, {}).url == "mongodb://a:1,b:2/team"
    with MongoClient("mongodb://host", connect=False) as client:
        assert address_of(client, {}).database == "omega"
        with pytest.raises(SettingsError, match="set on the client itself"):
            address_of(client, {"tls": True})


@given(malformed_urls(changes=3))
def test_nothing_that_is_said_of_a_malformed_url_tells_its_secret(url: str) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            words = repr(address_of(url, {}))
        except SettingsError as error:
            words = "".join(traceback.format_exception_only(error)) + repr(error.__cause__)
    assert SECRET not in words
    assert not [each for each in said if SECRET in str(each.message)]
