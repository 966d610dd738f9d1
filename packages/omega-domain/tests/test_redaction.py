"""Redaction: no message tells a secret, however malformed the URL is that holds it."""

from __future__ import annotations

import pytest
from hypothesis import given

from omega_domain.entities.redaction import (
    HIDDEN,
    Options,
    holds_secret,
    redacted,
    redacted_in,
    redacted_json,
    redacted_options,
    redacted_url,
)
from omega_domain.testing.trust.malformed import SECRET, malformed_urls


@given(malformed_urls(changes=3))
def test_what_is_meant_as_a_url_tells_no_secret(url: str) -> None:
    assert SECRET not in redacted_url(url)


@given(malformed_urls())
def test_any_text_tells_no_secret_of_a_url(url: str) -> None:
    assert SECRET not in redacted(url)


@pytest.mark.parametrize(
    "text",
    [
        "mongodb:/ada:secret@h/db",
        "mongodb//ada:secret@h/db",
        "mongodb:ada:secret@h/db",
        "amqp:/ada:secret@h",
        "ada:secret@h/db",
        "://ada:secret@h",
        "//ada:secret@h",
        "mongodb;//ada:secret@h",
        "mongodb:\\\\ada:secret@h",
        "mongo db://ada:secret@h",
        "mongodb:/ada:secret",
        "redis:secret",
        "mongodb://ada:secreth/db",
        "redis://:secret",
        "mongodb://ada/secret@h",
        "mongodb://ada@secret@h",
        "mongodb://h/dbpassword=secret",
        "mongodb://h/db?secret",
        "mongodb://h/db?w=1password=secret",
        "mongodb://h/db?pasword=secret",
        "file:///x/mongodb:/ada:secret@h",
        "file://ada:secret@h/x",
        "password = secret",
        "-----BEGIN PRIVATE KEY-----secret",
        "a\0://ada:secret@h",
        "/x://ada:secret@h",
    ],
)
def test_a_secret_in_a_malformed_url_is_hidden(text: str) -> None:
    for shown in (redacted(text), redacted_url(text)):
        assert "secret" not in shown
        assert HIDDEN in shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "omega",
        "ada@lab",
        "Ada <ada@lab.example.com>",
        "no url: a@b",
        "sales/2024",
        "/srv/a:b@c",
        "~/store",
        "90s",
        "file:///home/me:x@work",
        "filesystem:///srv/broker",
        "memory://mine",
        "mongodb://ada@host/db",
        "mongodb://h/db?w=1&authSource=admin&tlsCAFile=/etc/ca.pem",
        "mongodb://[::1]:27017,b:2/db",
        "${env:URL}",
        "mongodb://ada:${env:PW}@h/d",
        "mongodb://${env:USER}:${env:PW}@${env:HOSTS}/d?password=${env:PW}",
        "mongodb://ada@${file:/a@b?c=d&token=e}/d",
        "redis://h:${env:PORT}/0",
        "a key of mine= ada@lab",
    ],
)
def test_what_holds_no_secret_is_shown_as_it_is(text: str) -> None:
    assert redacted(text) == text
    assert not holds_secret(text)


def test_text_that_looks_as_if_it_were_marked_is_hidden() -> None:
    assert redacted("\0007\0") == redacted_url("mongodb://ada:\0000\0@h") == HIDDEN


def test_what_is_meant_as_a_url_but_is_none_is_shown_if_it_is_one_word() -> None:
    shown = [redacted_url(text) for text in ("nowhere", "a:b", "a b", "env:URL")]
    assert shown == ["nowhere", HIDDEN, HIDDEN, "env:URL"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mongodb://ada:moon@h/d?w=1&x=moon", "mongodb://ada:***@h/d?w=1&***"),
        ("mongodb://ada:moon@[h/d", "mongodb://ada:***@[h/d"),
        ("mongodb://a.b:moon@h", "mongodb://a.b:***@h"),
        ("mongodb://a.b@h", "mongodb://***"),
        ("mongodb://ada:moon@h?", "mongodb://ada:***@h?"),
        ("mongodb://h?&w=1", "mongodb://h?&w=1"),
        ("mongodb://h?=moon", "mongodb://h?***"),
        ("odd://a:moon@h?y=@", "***"),
    ],
)
def test_the_rest_of_a_url_is_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown


def test_what_can_be_told_from_a_secret_need_not_be_refused() -> None:
    assert not holds_secret("mongodb://svc.user-1@h/db?appName=x&other=y")
    assert holds_secret("mongodb://svc.user-1:x@h/db")
    assert holds_secret("mongodb://h/db?authMechanismProperties=AWS:x")
    assert holds_secret("mongodb:/ada:x@h")
    assert holds_secret("mongodb://ada:x/db")


def test_options_are_shown_where_their_names_are_known() -> None:
    options = {
        "w": 1,
        "tls": True,
        "odd": None,
        "tlsCAFile": "ca.pem",
        "username": "ada",
        "password": "moon",
        "pasword": "moon",
        "pin": 1234,
        "access_key": "${env:KEY}",
        "proxyPassword": "moon",
        "broker_url": "redis://:moon@h",
        "worker_concurrency": 3,
        "broker_transport_options": {"visibility_timeout": 5, "sentinel_kwargs": {"passwort": "moon"}},
        "worker_list": ["moon"],
    }
    assert redacted_options(options) == (
        "w=1, tls=true, odd=-, tlsCAFile=ca.pem, username=ada, password=***, pasword=***, pin=***, "
        "access_key=${env:KEY}, proxyPassword=***, broker_url=redis://:***@h, worker_concurrency=3, "
        "broker_transport_options=(visibility_timeout=5, sentinel_kwargs=(passwort=***)), worker_list=***"
    )
    assert redacted_options({}) == "-"
    assert repr(Options({"w": 1, "password": "moon"})) == "Options(w=1, password=***)"


def test_options_as_json_are_shown_if_they_are_some() -> None:
    assert redacted_json('{"w": 1, "password": "moon"}') == "w=1, password=***"
    assert redacted_json('{"password": "moon"') == HIDDEN
    assert redacted_json('["moon"]') == HIDDEN


def test_what_somebody_has_typed_is_redacted_in_messages() -> None:
    typed = ["mongodb://ada:mo'on@h/d", "redis:/ada:mo on@h", "a/b.txt"]
    said = f"unexpected arguments {typed[0]} {typed[1]!r}, not {typed[2]}"
    assert redacted_in(said, typed) == "unexpected arguments mongodb://ada:***@h/d '***', not a/b.txt"
    assert redacted_in("'redis://:moon@h' is no number", ["--limit=redis://:moon@h"]) == "'redis://:***@h' is no number"
    assert redacted_in(repr(typed[0]), typed) == '"mongodb://ada:***@h/d"'
