"""No setting tells its secret: not in what is shown of it, nor in what is said if it is wrong."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.errors import OmegaError
from omega_domain.testing.trust.malformed import SECRET, malformed_urls
from omega_ml.commands.contexts import AddContext
from omega_ml.commands.keys import TrustKeys
from omega_ml.commands.workplace import Workplace
from omega_ml.composition import open_omega
from omega_ml.contexts import Contexts
from omega_ml.doctor import examine
from omega_ml.files.project import look_for
from omega_ml.setting_layers import Layer
from omega_ml.settings import load_settings
from omega_ml.settings_files import allow_file, find_files

NAMES = ["store", "mongo_url", "broker_url", "home", "author", "context", "bucket", "trusted_keys", "keys"]
ENVIRON = {"HOME": "/nowhere"}


def said_of(given: dict[str, Any], environ: dict[str, str] | None = None) -> str:
    """Return everything that is said of settings, or of what is wrong with them, with the traceback."""
    try:
        settings = load_settings(given, environ={**ENVIRON, **(environ or {})}, folder=Path("/nowhere"))
        said = f"{settings!r} {settings.to_plain()}"
    except OmegaError as error:
        return f"{error} {error.__cause__} {''.join(traceback.format_exception_only(error))}"
    try:
        return f"{said} {open_omega(settings)!r}"
    except OmegaError as error:
        return f"{said} {error} {error.__cause__}"


@given(name=st.sampled_from(NAMES[:3]), url=malformed_urls(changes=2))
def test_a_malformed_url_tells_no_secret(name: str, url: str) -> None:
    for said in (said_of({name: url}), said_of({}, {f"OMEGA_{name.upper()}": url})):
        assert SECRET not in said


@given(name=st.sampled_from(NAMES[3:]), url=malformed_urls())
def test_a_url_where_none_is_meant_tells_no_secret(name: str, url: str) -> None:
    assert SECRET not in said_of({"store": "memory://"} | {name: url})


@given(
    url=malformed_urls(), form=st.sampled_from(["{}", "{{", '{{"url": {}}}', '{{"broker_url": {}}}', "[{}]", "{} x"])
)
def test_malformed_options_tell_no_secret(url: str, form: str) -> None:
    text = form.format(json.dumps(url))
    for name in ("mongo_options", "celeryconf", "gates"):
        assert SECRET not in said_of({name: text})
        assert SECRET not in said_of({name: [url]})


@pytest.mark.parametrize("option", ["pasword", "PASSWORT", "pass", "pwd", "credentials", "api_key", "odd", "x"])
@pytest.mark.parametrize("value", [SECRET, [SECRET], {"a": SECRET}, {"a": [{"b": SECRET}]}])
def test_options_of_unknown_names_tell_no_secret(option: str, value: Any) -> None:
    for name in ("mongo_options", "celeryconf"):
        for written in ({option: value}, json.dumps({option: value})):
            assert SECRET not in said_of({"mongo_url": "mongodb://h/d", name: written})
    assert SECRET not in said_of({"mongo_url": f"mongodb://h/d?{option}={SECRET}"})


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("mongo_options", f'["{SECRET}"]'),
        ("mongo_options", f'{{"pin": "{SECRET}"'),
        ("celeryconf", f'"{SECRET}"'),
        ("celeryconf", [SECRET]),
        ("store", f"host {SECRET}"),
        ("broker_url", f"ada.{SECRET}.host"),
    ],
)
def test_what_is_wrong_is_not_repeated_where_it_may_be_a_secret(name: str, written: Any) -> None:
    said = said_of({name: written})
    assert f"{name} = '***'" in said
    assert SECRET not in said


def test_a_path_that_is_a_url_is_refused() -> None:
    for url in (f"mongodb://ada:{SECRET}@h/d", f"mongodb:/ada:{SECRET}@h/d"):
        said = said_of({"home": url})
        assert "home is the path of a folder: a URL is set as the store" in said
        assert SECRET not in said


@given(url=malformed_urls())
def test_no_context_is_added_with_a_secret(url: str) -> None:
    contexts = Contexts(ENVIRON, Path("/nowhere"))
    with pytest.raises(OmegaError) as caught:
        contexts.add("dev", {"store": url})
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("form", ["mongodb:/ada:{}@h", "mongodb//ada:{}@h", "amqp:/ada:{}@h", "ada:{}@h"])
@pytest.mark.parametrize("name", ["store", "mongo_url", "broker_url"])
def test_doctor_tells_no_secret_of_wrong_settings(name: str, form: str) -> None:
    given_ = {name: form.format(SECRET)}
    found = list(examine(lambda: load_settings(given_, environ=ENVIRON, folder=Path("/nowhere"))))
    assert found[-1].state == "failed"
    assert SECRET not in str(found)


def test_what_holds_settings_and_keys_shows_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "omega.toml").write_text(f"[contexts.dev]\nstore = 'mongodb://ada:{SECRET}@h'\nauthor = 'x'")
    allow_file({"HOME": str(tmp_path)}, tmp_path / "omega.toml")
    given_ = {"store": f"mongodb://ada:{SECRET}@h"}
    holders = [
        *find_files({"HOME": str(tmp_path)}, tmp_path),
        look_for("omega.toml", tmp_path, {"HOME": str(tmp_path)}, user=None),
        Layer(given_, "argument", tmp_path),
        Workplace(given=given_, environ={"PW": SECRET}),
        AddContext(name="dev", store=given_["store"], broker_url=given_["store"]),
        TrustKeys(text=SECRET),
    ]
    assert SECRET not in repr(holders)
