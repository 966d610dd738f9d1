"""Addresses of brokers: what is right, what is refused, and what is shown."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given

from omega_celery.addresses import kind_of, shown, spelled
from omega_celery.app import make_app
from omega_domain.errors import SettingsError
from omega_domain.testing.trust.malformed import SECRET, malformed_urls

WORD = "s3cret"


@pytest.mark.parametrize(
    "url",
    [
        "amqp://me:pass%2Fword@host:5672//",
        "amqps://host/vhost",
        "amqp://one;amqp://two",
        "redis://host:6379/1?health_check_interval=3",
        "rediss://:secret@host",
        "redis+socket:///run/redis.sock?virtual_host=1",
        "sentinel://one:26379;sentinel://two:26379",
        "filesystem:///home/me/My%20data/broker",
        "memory://",
    ],
)
def test_a_right_address_stays_as_it_is(url: str) -> None:
    assert spelled(url) == url


def test_valkey_is_spoken_to_as_redis_is() -> None:
    assert spelled("valkey://:secret@host:6379/1") == "redis://:secret@host:6379/1"
    assert spelled("valkeys://host") == "rediss://host"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("localhost", "this is no URL; write amqp://"),
        ("rabbit://host", "begins with rabbit://; write amqp://"),
        ("os.path:system://host", "begins with os.path:system://"),
        ("amqp://me:pass/word@host//", r"can not be read; write scheme://user:password@host:port/name"),
        ("redis://:pass#word@host", r"write / \? # % ; as %2F"),
        ("redis://host?password=x", "can not be read"),
        ("redis://host:port", "can not be read"),
        ("filesystem://", "name the folder"),
        ("filesystem:///", "name the folder"),
        ("filesystem://here/broker", "the folder is absolute: filesystem:///here/broker"),
    ],
)
def test_a_wrong_address_is_refused_and_says_how_to_write_it(url: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        spelled(url)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omega_celery.addresses.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match="rediss:// needs a package that is not installed: pip install redis"):
        spelled("valkeys://host")
    assert spelled("amqp://host")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("amqp://host:5672//", "amqp://host:5672//"),
        (f"amqp://me:{WORD}@host:5672//", "amqp://me:**@host:5672//"),
        (f"redis://:{WORD}@host/1", "redis://:**@host/1"),
        (f"redis://:{WORD}@{WORD}@host", "redis://:**@host"),
        (f"redis://:{WORD}:{WORD}@host", "redis://:**@host"),
        ("amqp://me@host", "amqp://me@host"),
        (f"rediss://host/0?ssl_keyfile_password={WORD}", "rediss://host/0"),
        (f"amqp://a:{WORD}@one;amqp://b:{WORD}@two", "amqp://a:**@one;amqp://b:**@two"),
        ("filesystem:///a:b@c/broker", "filesystem:///a:b@c/broker"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, text: str) -> None:
    assert shown(url) == text


@pytest.mark.parametrize("url", [f"amqp://me:{WORD}/x@host", f"redis://:{WORD}#@host", f"odd://:{WORD}@host"])
def test_an_error_does_not_tell_the_password(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        spelled(url)
    assert WORD not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("amqps://h", "amqp"),
        ("pyamqp://h", "amqp"),
        ("rediss://h", "redis"),
        ("redis+socket:///s", "redis"),
        ("sentinel://h", "redis"),
        ("filesystem:///f", "filesystem"),
        ("memory://", "memory"),
    ],
)
def test_brokers_are_of_a_few_kinds(url: str, kind: str) -> None:
    assert kind_of(url) == kind


@given(malformed_urls(changes=3))
def test_nothing_that_is_said_of_a_malformed_url_tells_its_secret(url: str) -> None:
    assert SECRET not in shown(url)
    words = ""
    try:
        make_app(url, {})
    except SettingsError as error:
        words = "".join(traceback.format_exception_only(error)) + repr(error.__cause__)
    assert SECRET not in words
