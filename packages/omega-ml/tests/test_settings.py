"""Settings: sources and their order, forms, and errors that name file, key and mend."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from omega_domain.entities.names import DATA, MODELS
from omega_domain.entities.patience import Patience
from omega_domain.entities.redaction import redacted
from omega_domain.errors import SettingsError
from omega_ml.settings import Setting, Settings, load_settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty folder of a project."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """An empty home folder of a user."""
    folder = tmp_path / "user"
    (folder / ".omega").mkdir(parents=True)
    return folder


def load(project: Path, user: Path, environ: dict[str, str] | None = None, **arguments: object) -> Settings:
    return load_settings(arguments, environ={"HOME": str(user), **(environ or {})}, folder=project)


def test_without_anything_the_defaults_hold(project: Path, user: Path) -> None:
    settings = load(project, user)
    assert settings.context == Setting("default", "default")
    assert settings.bucket == Setting("omega", "default")
    assert settings.store.value == f"file://{Path.home() / '.omega'}"
    assert settings.broker_url.value is None
    assert settings.retention.grace == timedelta(hours=1)


def test_an_argument_wins_over_the_environment(project: Path, user: Path) -> None:
    settings = load(project, user, {"OMEGA_BUCKET": "b"}, bucket="a")
    assert settings.bucket == Setting("a", "argument")


def test_the_environment_wins_over_files(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('bucket = "p"')
    assert load(project, user, {"OMEGA_BUCKET": "e"}).bucket == Setting("e", "OMEGA_BUCKET")


def test_an_empty_variable_counts_as_unset(project: Path, user: Path) -> None:
    assert load(project, user, {"OMEGA_BUCKET": ""}).bucket.source == "default"


def test_the_file_of_the_project_wins_over_that_of_the_user(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('bucket = "p"')
    (user / ".omega" / "omega.toml").write_text('bucket = "u"\nauthor = "me"')
    settings = load(project, user)
    assert settings.bucket == Setting("p", str(project / "omega.toml"))
    assert settings.author == Setting("me", str(user / ".omega" / "omega.toml"))
    assert settings.files == (project / "omega.toml", user / ".omega" / "omega.toml")


def test_the_nearest_file_upwards_is_the_project_s(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('bucket = "p"')
    below = project / "a" / "b"
    below.mkdir(parents=True)
    assert load(below, user).bucket.value == "p"


def test_the_user_s_file_may_be_among_the_configuration(project: Path, user: Path) -> None:
    config = user / "config" / "omega"
    config.mkdir(parents=True)
    (config / "omega.toml").write_text('bucket = "x"')
    assert load(project, user, {"XDG_CONFIG_HOME": str(user / "config")}).bucket.value == "x"


def test_a_file_that_is_the_project_s_and_the_user_s_is_read_once(user: Path) -> None:
    (user / ".omega" / "omega.toml").write_text('bucket = "u"')
    assert len(load(user / ".omega", user).files) == 1


def test_a_home_in_a_file_is_relative_to_the_file(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('home = "store"')
    below = project / "below"
    below.mkdir()
    assert load(below, user).store.value == f"file://{project / 'store'}"


def test_a_home_may_begin_with_a_tilde(project: Path, user: Path) -> None:
    assert load(project, user, home="~/x").store.value == f"file://{Path.home() / 'x'}"


def test_a_home_may_be_a_path(project: Path, user: Path) -> None:
    assert load(project, user, home=project / "h").store == Setting(f"file://{project / 'h'}", "argument")


def test_where_the_store_is_comes_from_the_strongest_source(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('store = "memory://p"')
    settings = load(project, user, {"OMEGA_HOME": str(project / "e")})
    assert settings.store == Setting(f"file://{project / 'e'}", "OMEGA_HOME")


def test_store_and_mongo_url_together_are_refused(project: Path, user: Path) -> None:
    with pytest.raises(SettingsError, match="leave one out"):
        load(project, user, store="memory://", mongo_url="mongodb://localhost")


def test_mongo_url_is_a_spelling_of_store(project: Path, user: Path) -> None:
    assert load(project, user, mongo_url="mongodb://localhost/db").store.value == "mongodb://localhost/db"


CONTEXTS = """
bucket = "top"

[contexts.dev]
home = "dev"

[contexts.prod]
home = "prod"
bucket = "live"
"""


def test_a_context_has_settings_of_its_own(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text(CONTEXTS)
    settings = load(project, user, context="prod")
    assert settings.store == Setting(f"file://{project / 'prod'}", f"{project / 'omega.toml'} [contexts.prod]")
    assert settings.bucket.value == "live"
    assert settings.contexts == ("default", "dev", "prod")


def test_what_a_context_does_not_set_comes_from_above_it(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text(CONTEXTS)
    assert load(project, user, context="dev").bucket.value == "top"


def test_a_context_by_argument_never_writes_into_the_home_of_the_environment(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text(CONTEXTS)
    environ = {"OMEGA_HOME": str(project / "mine")}
    assert load(project, user, environ, context="prod").store.value == f"file://{project / 'prod'}"


def test_with_a_context_of_the_environment_its_other_variables_win(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text(CONTEXTS)
    environ = {"OMEGA_CONTEXT": "prod", "OMEGA_HOME": str(project / "mine")}
    assert load(project, user, environ).store.source == "OMEGA_HOME"


def test_the_user_s_context_wins_over_the_project_s_top(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('home = "here"')
    (user / ".omega" / "omega.toml").write_text('[contexts.prod]\nhome = "there"')
    assert load(project, user, context="prod").store.value == f"file://{user / '.omega' / 'there'}"


def test_an_unknown_context_names_those_there_are(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text(CONTEXTS)
    with pytest.raises(SettingsError, match=r"no context 'prdo' \(argument\); there are: default, dev, prod"):
        load(project, user, context="prdo")


def test_a_context_given_with_its_place_needs_no_table(project: Path, user: Path) -> None:
    assert load(project, user, context="other", store="memory://").context.value == "other"


def test_a_context_without_a_store_of_its_own_is_refused(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('home = "shared"\n[contexts.dev]\nbucket = "b"')
    with pytest.raises(SettingsError, match=r"set home or store in \[contexts.dev\]"):
        load(project, user, context="dev")


def test_an_unknown_key_of_a_file_is_named_with_the_nearest(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('[contexts.dev]\nhoem = "x"')
    with pytest.raises(
        SettingsError, match=r"omega.toml has in \[contexts.dev\] an unknown setting 'hoem'; did you mean 'home'"
    ):
        load(project, user)


def test_an_unknown_argument_is_named(project: Path, user: Path) -> None:
    with pytest.raises(SettingsError, match=r"setup\(\) got an unknown setting 'colour'"):
        load(project, user, colour="red")


def test_a_file_that_is_no_toml_is_named_with_its_line(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text("bucket = \n")
    with pytest.raises(SettingsError, match=r"omega.toml is not TOML: .*line 1"):
        load(project, user)


def test_a_file_that_is_no_text_is_named(project: Path, user: Path) -> None:
    (project / "omega.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="can not be read"):
        load(project, user)


def test_contexts_must_be_tables(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('contexts = "dev"')
    with pytest.raises(SettingsError, match=r"write \[contexts.dev\]"):
        load(project, user)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("bucket", 5, "write text in quotes"),
        ("bucket", "a/b", "separates folders"),
        ("context", "a@b", "have a meaning in names"),
        ("store", "/data", "write a URL such as"),
        ("store", "file://data", "three slashes"),
        ("mongo_url", "postgres://x", "starts with mongodb://"),
        ("broker_url", "localhost", "amqp://host"),
        ("home", 3, "path of a folder"),
        ("grace", "soon", "'90s', '15m'"),
        ("grace", -1, "'90s', '15m'"),
        ("lease", timedelta(seconds=-1), "'90s', '15m'"),
        ("keep", 3, "write a table"),
        ("keep", {"dataset": 3}, "there is no dataset"),
        ("keep", {"models": 0}, "write 1 or more"),
        ("keep", {"models": True}, "write 1 or more"),
        ("author", "", "write text"),
        ("patience", True, "write a factor such as 2"),
        ("patience", "soon", "there is no soon; there are: lease, beat, requeue"),
        ("patience", "0", "write a factor from 0.01 to 100"),
        ("patience", {"lease": 5}, "lease: write a duration such as"),
        ("patience", {"sleep": "5s"}, "there is no sleep; there are: lease, beat, requeue"),
        ("patience", "beat=6s", r"patience.beat \(6 s\) must be at most a third of patience.lease \(15 s\)"),
        ("trust", "all", "write one of: signed, any, formats-only"),
        ("code", "none", "write one of: allowed, formats-only"),
        ("keys", "", "path of a folder"),
        ("trusted_keys", [1], "write a list of public keys"),
        ("trusted_types", 3, "write a list of names of types"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused_with_the_right_one(
    project: Path, user: Path, name: str, value: object, words: str
) -> None:
    with pytest.raises(SettingsError, match=rf"{name} = .*argument.*{words}"):
        load(project, user, None, **{name: value})


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("7d", 604_800), ("0s", 0), ("1.5h", 5400)]
)
def test_durations_are_written_with_units(project: Path, user: Path, text: str, seconds: int) -> None:
    assert load(project, user, grace=text).grace.value == timedelta(seconds=seconds)


def test_a_duration_may_be_a_timedelta(project: Path, user: Path) -> None:
    assert load(project, user, lease=timedelta(minutes=1)).lease.value == timedelta(minutes=1)


def test_keep_is_a_table_or_text(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('keep = { datasets = 3, models = "all" }')
    assert load(project, user).keep.value[DATA] == 3
    by_text = load(project, user, {"OMEGA_KEEP": "datasets=2, models=5"}).retention.keep
    assert (by_text[DATA], by_text[MODELS]) == (2, 5)


def test_patience_is_a_factor_or_a_table_of_times(project: Path, user: Path) -> None:
    assert load(project, user).patience.value == Patience()
    assert load(project, user, {"OMEGA_PATIENCE": "0.2"}).patience.value == Patience().scaled(0.2)
    assert load(project, user, patience=2).patience.value == Patience().scaled(2)
    assert load(project, user, patience=Patience(beat=timedelta(seconds=1))).patience.value.beat.seconds == 1
    by_text = load(project, user, {"OMEGA_PATIENCE": "lease=3s, beat=0.6s,"}).patience.value
    assert by_text == Patience(lease=timedelta(seconds=3), beat=timedelta(seconds=0.6))


def test_patience_is_a_table_of_the_file_or_of_a_context(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text(
        '[patience]\nlease = "20s"\n[contexts.far]\nhome = "far"\n[contexts.far.patience]\nbeat = "5s"\n'
    )
    assert load(project, user).patience.value == Patience(lease=timedelta(seconds=20))
    assert load(project, user, context="far").patience.value == Patience(beat=timedelta(seconds=5))


def test_patience_is_shown_as_it_can_be_written(project: Path, user: Path) -> None:
    written = "lease=3s, beat=0.6s, requeue=6s, stuck=12s, abandoned=12m, outage=2m, conflict=12.5s"
    settings = load(project, user, {"OMEGA_PATIENCE": written})
    assert {"name": "patience", "value": written, "source": "OMEGA_PATIENCE"} in settings.to_plain()


def test_keys_are_kept_in_the_folder_of_the_users_configuration(
    project: Path, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(project, user, keys="keys").keys.value == project / "keys"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(user / "config"))
    assert load(project, user).keys.value == user / "config" / "omega" / "keys"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(user))
    assert load(project, user).keys.value == user / ".config" / "omega" / "keys"


def test_lists_are_written_as_such_or_with_commas(project: Path, user: Path) -> None:
    (user / ".omega" / "omega.toml").write_text('trusted_types = ["my.Type", "your.Type"]')
    assert load(project, user).trusted_types.value == ("my.Type", "your.Type")
    by_text = load(project, user, {"OMEGA_TRUSTED_TYPES": "my.Type, your.Type,"})
    assert by_text.trusted_types.value == ("my.Type", "your.Type")
    assert next(row["value"] for row in by_text.to_plain() if row["name"] == "trusted_types") == "my.Type, your.Type"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mongodb://me:secret@host/db", "mongodb://me:***@host/db"),
        ("mongodb://host/db?password=secret&w=1", "mongodb://host/db?password=***&w=1"),
        ("mongodb://host/db?w=1&accessToken=secret", "mongodb://host/db?w=1&accessToken=***"),
        ("mongodb://host/db", "mongodb://host/db"),
        ("mongodb://me:secret@[host/db", "mongodb://me:***@[host/db"),
        ("mongodb://me:secret@a:1,b:2/db?w=1", "mongodb://me:***@a:1,b:2/db?w=1"),
        ("mongodb+srv://me:secret@host/db?password=a@secret", "mongodb+srv://***"),
        ("mongodb://me:a?secret=b@host/db", "mongodb://***"),
        *((f"mongodb://me:secret{sign}secret@host/db", "mongodb://me:***@host/db") for sign in "@:/?#[]%&=; "),
    ],
)
def test_secrets_are_never_shown(project: Path, user: Path, url: str, shown: str) -> None:
    settings = load(project, user, mongo_url=url)
    assert "secret" not in repr(settings)
    assert next(row["value"] for row in settings.to_plain() if row["name"] == "store") == shown


@pytest.mark.parametrize(
    ("written", "trust", "code"),
    [
        ({}, "signed", "allowed"),
        ({"trust": "any"}, "any", "allowed"),
        ({"code": "formats-only"}, "signed", "formats-only"),
        ({"trust": "any", "code": "formats-only"}, "any", "formats-only"),
        ({"trust": "formats-only"}, "signed", "formats-only"),
        ({"trust": "formats-only", "code": "allowed"}, "signed", "formats-only"),
    ],
)
def test_trust_and_code_answer_two_questions(
    project: Path, user: Path, written: dict[str, str], trust: str, code: str
) -> None:
    for environ, arguments in (({}, written), ({f"OMEGA_{name.upper()}": each for name, each in written.items()}, {})):
        settings = load(project, user, environ, **arguments)
        assert (settings.trust.value, settings.code.value) == (trust, code)
    (user / ".omega" / "omega.toml").write_text("".join(f"{name} = '{value}'\n" for name, value in written.items()))
    settings = load(project, user)
    assert (settings.trust.value, settings.code.value) == (trust, code)


def test_a_stronger_answer_takes_the_former_spelling_s_place(project: Path, user: Path) -> None:
    (user / ".omega" / "omega.toml").write_text('trust = "formats-only"')
    settings = load(project, user, {"OMEGA_TRUST": "signed"})
    assert (settings.trust.value, settings.code.value) == ("signed", "allowed")


@pytest.mark.parametrize("text", ["file:///home/me:x@work", "memory://mine", "no url: a@b", "mongodb://me@host/db"])
def test_what_has_no_secret_is_shown_as_it_is(text: str) -> None:
    assert redacted(text) == text


def test_a_secret_in_a_refused_value_is_not_shown(project: Path, user: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(project, user, mongo_url="mongo://me:secret@host")
    assert "secret" not in str(caught.value)


def test_all_settings_are_shown_with_their_sources(project: Path, user: Path) -> None:
    rows = {row["name"]: row for row in load(project, user, {"OMEGA_GRACE": "2h30m"}).to_plain()}
    assert rows["grace"] == {"name": "grace", "value": "2h30m", "source": "OMEGA_GRACE"}
    assert rows["keep"]["value"] == "datasets=1, models=all, jobs=all, scripts=all"
    assert rows["broker_url"]["value"] == "-"


def test_a_user_without_a_name_is_an_author_all_the_same(
    project: Path, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert load(project, user).author.value.startswith("@")


def test_options_of_mongo_come_as_table_json_or_argument(project: Path, user: Path) -> None:
    (project / "omega.toml").write_text('[contexts.prod]\nmongo_url = "mongodb://h/d"\nmongo_options = { tls = true }')
    assert load(project, user, context="prod").mongo_options.value == {"tls": True}
    given = load(project, user, mongo_url="mongodb://h", mongo_options='{"tlsCAFile": "ca.pem"}')
    assert given.mongo_options.value == {"tlsCAFile": "ca.pem"}
    for wrong in ("{", "[1]"):
        with pytest.raises(SettingsError, match="mongo_options"):
            load(project, user, mongo_url="mongodb://h", mongo_options=wrong)


def test_secrets_among_the_options_of_mongo_are_not_shown(project: Path, user: Path) -> None:
    options = {"tlsCertificateKeyFilePassword": "secret", "authMechanismProperties": "AWS_SESSION_TOKEN:secret", "w": 1}
    shown = {row["name"]: row["value"] for row in load(project, user, mongo_options=options).to_plain()}
    assert shown["mongo_options"] == "tlsCertificateKeyFilePassword=***, authMechanismProperties=***, w=1"
    assert "AWS:secret" not in redacted("mongodb://h/?authMechanismProperties=AWS:secret")


def test_a_client_is_shown_as_one(project: Path, user: Path) -> None:
    client: MongoClient[Any] = MongoClient("mongodb://ada:secret@h", connect=False)
    with client:
        shown = {row["name"]: row["value"] for row in load(project, user, mongo_url=client).to_plain()}
    assert shown["store"] == "a client of pymongo"
