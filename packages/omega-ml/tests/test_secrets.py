"""References to secrets: what they stand for, where they are refused, and that nothing else shows the secret."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import omega_ml
from omega_domain.entities.redaction import redacted
from omega_domain.errors import OmegaError, SettingsError
from omega_ml.secrets import resolve
from omega_ml.settings import Settings, load_settings
from omega_ml.settings_files import allow_file

SECRET = "s3cr:t@/?#%"  # noqa: S105 -- it is what must not be seen
ESCAPED = "s3cr%3At%40%2F%3F%23%25"
ENVIRON = {"PW": SECRET, "USER_": "ada", "HOSTS": "a:1,b:2", "URL": "mongodb://ada:x@h/d", "EMPTY": ""}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Settings with no file but that of the test."""

    def load(text: str = "", environ: dict[str, str] | None = None, **arguments: object) -> Settings:
        (tmp_path / "omega.toml").write_text(text)
        given = {"HOME": str(tmp_path / "user"), **ENVIRON, **(environ or {})}
        allow_file(given, tmp_path / "omega.toml")
        return load_settings(arguments, environ=given, folder=tmp_path)

    return load


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("${env:PW}", SECRET),
        ("mongodb://ada:${env:PW}@h/d", f"mongodb://ada:{ESCAPED}@h/d"),
        ("mongodb://${env:USER_}:${env:PW}@h/d?w=1", f"mongodb://ada:{ESCAPED}@h/d?w=1"),
        (
            "mongodb://h/d?tlsCertificateKeyFilePassword=${env:PW}",
            f"mongodb://h/d?tlsCertificateKeyFilePassword={ESCAPED}",
        ),
        ("mongodb://${env:HOSTS}/d", "mongodb://a:1,b:2/d"),
        ("mongodb://ada:${env:PW}@${env:HOSTS}/d", f"mongodb://ada:{ESCAPED}@a:1,b:2/d"),
        ("${env:URL}", ENVIRON["URL"]),
        ("by ${env:USER_}", "by ada"),
        ("no reference: $PW {PW} ${ env", "no reference: $PW {PW} ${ env"),
    ],
)
def test_a_reference_stands_for_a_variable(written: str, found: str) -> None:
    assert resolve(written, ENVIRON) == found


def test_a_reference_stands_for_the_content_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pw@x").write_text(f"{SECRET}\n")
    assert resolve(f"${{file:{tmp_path}/pw@x}}", {}) == SECRET
    assert resolve("mongodb://ada:${file:~/pw@x}@h", {}) == f"mongodb://ada:{ESCAPED}@h"


def test_references_stand_inside_tables_and_lists() -> None:
    assert resolve({"a": {"b": ["${env:PW}", 1]}, "c": True}, ENVIRON) == {"a": {"b": [SECRET, 1]}, "c": True}


def test_a_reference_stands_for_a_password_of_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = ModuleType("keyring")
    known = {("omega/prod", "ada@x"): SECRET}
    keyring.get_password = lambda service, user: known.get((service, user))  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert resolve("amqp://ada:${keyring:omega/prod/ada@x}@h", {}) == f"amqp://ada:{ESCAPED}@h"
    with pytest.raises(ValueError, match="not in the keyring: run `keyring set omega/prod bob`"):
        resolve("${keyring:omega/prod/bob}", {})

    def locked(*_: str) -> None:
        raise RuntimeError(SECRET)

    keyring.get_password = locked  # type: ignore[attr-defined]  # a stand-in
    with pytest.raises(ValueError, match=r"omega/ada\} can not be read: RuntimeError; unlock the keyring"):
        resolve("${keyring:omega/ada}", {})


def test_without_the_library_keyring_its_references_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ValueError, match="needs the library keyring: run `pip install keyring`"):
        resolve("${keyring:omega/ada}", {})


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("${env:NONE}", "the variable NONE of the environment is not set"),
        ("${env:EMPTY}", r"\$\{env:EMPTY\} is empty"),
        ("${file:/no/such/file}", r"\$\{file:/no/such/file\} can not be read: No such file"),
        ("${file:~nobody/x}", "by its whole path"),
        ("${file:x}", "by its whole path"),
        ("${PW}", r"write \$\{env:PW\}"),
        ("${env:A-B}", r"write \$\{env:NAME\}"),
        ("${vault:x}", r"write \$\{env:NAME\}, \$\{file:/path\} or \$\{keyring:SERVICE/USER\}"),
        ("${keyring:omega}", "a service and a user"),
        ("${}", "no reference to a secret"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(written: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        resolve(written, ENVIRON)


@pytest.mark.parametrize(("content", "words"), [(b"\xff", "is no text"), (b"x" * 100_000, "too long")])
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        resolve(f"${{file:{tmp_path / 'x'}}}", {})


CONTEXT = """
[contexts.prod]
mongo_url = "mongodb://ada:${env:PW}@h/d"
mongo_options = { tlsCertificateKeyFilePassword = "${env:PW}", appname = "${env:USER_}", w = 1 }
broker_url = "amqp://ada:${env:PW}@h"
author = "${env:USER_}"
"""


def test_settings_hold_references_until_they_are_resolved(load: Any) -> None:
    settings = load(CONTEXT, context="prod")
    assert settings.store.value == "mongodb://ada:${env:PW}@h/d"
    found = settings.resolved(ENVIRON)
    assert found.store.value == f"mongodb://ada:{ESCAPED}@h/d"
    assert found.mongo_options.value == {"tlsCertificateKeyFilePassword": SECRET, "appname": "ada", "w": 1}
    assert found.broker == (f"amqp://ada:{ESCAPED}@h", {})
    assert found.author.value == "ada"
    assert found.bucket == settings.bucket


@pytest.mark.parametrize("is_resolved", [False, True])
def test_what_is_shown_are_the_references(load: Any, *, is_resolved: bool) -> None:
    settings = load(CONTEXT, context="prod")
    settings = settings.resolved(ENVIRON) if is_resolved else settings
    shown = {row["name"]: row["value"] for row in settings.to_plain()}
    assert shown["store"] == "mongodb://ada:${env:PW}@h/d"
    assert shown["mongo_options"] == "tlsCertificateKeyFilePassword=${env:PW}, appname=${env:USER_}, w=1"
    assert shown["author"] == "${env:USER_}"
    assert "s3cr" not in repr(settings)


def test_a_whole_url_may_be_a_reference_and_must_be_one_of_its_kind(load: Any) -> None:
    settings = load(mongo_url="${env:URL}")
    assert settings.resolved(ENVIRON).store.value == ENVIRON["URL"]
    with pytest.raises(SettingsError, match=r"mongo_url = '\$\{env:PW\}' \(argument\): write a URL") as caught:
        load(mongo_url="${env:PW}").resolved(ENVIRON)
    assert "s3cr" not in str(caught.value)


def test_variables_may_refer_to_files(load: Any, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("x")
    environ = {"OMEGA_CELERYCONF": f'{{"broker_url": "redis://:${{file:{tmp_path}/pw}}@h"}}'}
    assert load(environ=environ).resolved().broker == ("redis://:x@h", {})


def test_a_home_may_be_a_reference(load: Any, tmp_path: Path) -> None:
    settings = load('home = "${env:USER_}/x"').resolved(ENVIRON)
    assert settings.store.value == f"file://{tmp_path}/ada/x"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"bucket": "${env:PW}"}, "no secret can stand here; OMEGA_BUCKET sets it"),
        ({"trusted_keys": ["${env:PW}"]}, "no secret can stand here"),
        ({"mongo_url": "env:URL"}, r"a reference to a secret has brackets: write \$\{env:URL\}"),
        ({"celeryconf": {"broker_url": "keyring:a/b"}}, r"write \$\{keyring:a/b\}"),
        ({"mongo_options": '{"password": "${PW}"}'}, r"write \$\{env:PW\}"),
    ],
)
def test_wrong_references_are_refused_when_settings_are_read(load: Any, arguments: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load(**arguments)


def test_what_is_missing_is_named_when_a_store_is_opened(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NONE", raising=False)
    with pytest.raises(SettingsError, match=r"store = '\$\{env:NONE\}' \(argument\): the variable NONE"):
        omega_ml.setup(store="${env:NONE}")


def test_an_omega_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "s3cr@t")
    om = omega_ml.setup(mongo_url="mongodb://ada:${env:PW}@127.0.0.1:1/d?serverSelectionTimeoutMS=10")
    with pytest.raises(OmegaError) as caught:
        om.datasets.list()
    assert "s3cr" not in f"{om!r} {caught.value} {caught.value.__cause__} {om.context.store.url}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mongodb://${env:U}:${env:P}@h/d?password=${env:Q}", "mongodb://${env:U}:${env:P}@h/d?password=${env:Q}"),
        ("mongodb://${env:U}:x${env:P}@h", "mongodb://${env:U}:***@h"),
        ("mongodb://a:${file:/a@b?c=d&token=e}@h/d?token=x", "mongodb://a:${file:/a@b?c=d&token=e}@h/d?token=***"),
        ("mongodb://h/d?tlsCertificateKeyFile=/x&tlsCertificateKeyFilePassword=y", None),
    ],
)
def test_references_are_shown_and_what_is_beside_them_is_not(url: str, shown: str | None) -> None:
    assert redacted(url) == (shown or url.replace("=y", "=***"))


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_password_arrives_in_a_url_as_it_is(password: str) -> None:
    found = urlsplit(resolve("mongodb://ada:${env:PW}@h/d", {"PW": password}))
    assert (unquote(found.password or ""), found.hostname, found.path) == (password, "h", "/d")
