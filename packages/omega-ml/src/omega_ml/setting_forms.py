"""Forms of settings: how each is read from text, TOML or an argument, and how it is shown."""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, cast

from omega_domain.entities.names import DATA, JOBS, MODELS, SCRIPTS, validate_bucket, validate_name
from omega_domain.entities.patience import Patience
from omega_domain.entities.redaction import (
    HIDDEN,
    Options,
    redacted,
    redacted_json,
    redacted_options,
    redacted_url,
)
from omega_domain.errors import InvalidNameError
from omega_domain.omega import DEFAULT_BUCKET
from omega_domain.ports.environment import Policy
from omega_domain.repository.context import Retention
from omega_domain.trust import ALLOWED, CODES, POLICIES, SIGNED, Code

#: Settings that say where the store is, the most particular first.
PLACES = ("store", "mongo_url", "home")
#: Settings that are meant as a URL.
_URLS = ("store", "mongo_url", "broker_url")

_STORES = {"datasets": DATA, "models": MODELS, "jobs": JOBS, "scripts": SCRIPTS}
_WORDS = {None: "-", True: "true", False: "false"}
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_MICROSECONDS = 1_000_000
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+")
_URL_TYPED = re.compile(r"[A-Za-z][\w+.-]+:/")


@dataclass(frozen=True, slots=True)
class Form:
    """How one setting is read.

    Attributes:
        parse: (what was written, folder that relative paths start from) -> value. Raises ValueError, saying the mend.
        default: returns the value if nothing sets it.
        references: what may refer to secrets: nothing, the text, or texts inside a table.
    """

    parse: Callable[[Any, Path], Any]
    default: Callable[[], Any]
    references: Literal["none", "text", "inside"] = "none"


def parse_duration(value: Any) -> timedelta:
    """Return a duration from ``90s``, ``15m``, ``1h30m``, ``7d`` or a timedelta.

    Raises:
        ValueError: it is of another form, or negative.
    """
    if isinstance(value, timedelta) and value >= timedelta(0):
        return value
    if not isinstance(value, str) or not _DURATION.fullmatch(value.strip()):
        raise ValueError("write a duration such as '90s', '15m', '1h30m' or '7d'")
    pieces = re.findall(r"([\d.]+)([dhms])", value)
    return timedelta(**{_UNITS[unit]: sum(float(n) for n, u in pieces if u == unit) for _, unit in pieces})


def show(value: Any) -> str:
    """Return a setting as text for people, secrets redacted."""
    if isinstance(value, timedelta):
        return show_duration(value)
    if isinstance(value, Options):
        return redacted_options(value)
    if isinstance(value, Patience | Mapping):
        names = {prefix: name for name, prefix in _STORES.items()}
        items = (value.to_dict() if isinstance(value, Patience) else value).items()
        return ", ".join(f"{names.get(key, key)}={show(item)}" for key, item in items) or "-"
    if isinstance(value, tuple):
        return ", ".join(map(redacted, map(str, value))) or "-"
    if is_client(value):
        return "a client of pymongo"
    return _WORDS[value] if value is None or isinstance(value, bool) else redacted(str(value))


def show_written(name: str, value: Any) -> str:
    """Return a setting as text for people as it was written, perhaps in a wrong form, secrets redacted."""
    if FORMS[name].references == "inside":
        if isinstance(value, Mapping):
            return redacted_options(value)
        return redacted_json(value) if isinstance(value, str) else HIDDEN
    return redacted_url(str(value)) if name in _URLS and not is_client(value) else show(value)


def show_duration(value: timedelta) -> str:
    """Return a duration in the form that :func:`parse_duration` reads."""
    left, pieces = value // timedelta.resolution, []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        count, left = divmod(left, size * _MICROSECONDS)
        pieces += [f"{count}{unit}"] if count else []
    seconds = f"{left / _MICROSECONDS:.6f}".rstrip("0").rstrip(".")
    return "".join([*pieces, f"{seconds}s"] if left or not pieces else pieces)


def _text(value: Any, folder: Path) -> str:  # noqa: ARG001 -- all forms are called alike
    if not isinstance(value, str) or not value.strip():
        raise ValueError("write text in quotes")
    return value


def _name(value: Any, folder: Path) -> str:
    return _checked(validate_name, _text(value, folder))


def _bucket(value: Any, folder: Path) -> str:
    return _checked(validate_bucket, _text(value, folder))


def _checked(validate: Callable[[str], str], value: str) -> str:
    try:
        return validate(value)
    except InvalidNameError as error:
        raise ValueError(str(error)) from error


def _url(value: Any, folder: Path) -> str:
    text = _text(value, folder)
    if "://" not in text:
        raise ValueError("write a URL such as 'file:///path' or 'memory://', or set home to a folder")
    if text.startswith("file://") and not text.startswith("file:///"):
        raise ValueError("a file URL has three slashes and an absolute path: 'file:///path'; home takes a relative one")
    return text


def _broker_url(value: Any, folder: Path) -> str:
    text = _text(value, folder)
    if "://" not in text:
        raise ValueError("write a URL such as 'amqp://host' or 'redis://host'")
    return text


def _mongo_url(value: Any, folder: Path) -> Any:
    """Read a URL, or take a client of pymongo as it is; nothing of pymongo is imported for that."""
    if is_client(value):
        return value
    text = _text(value, folder)
    if not text.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("write a URL that starts with mongodb:// or mongodb+srv://")
    return text


def is_client(value: Any) -> bool:
    """Tell whether this is a client of pymongo."""
    return hasattr(value, "get_default_database")


def _options_of(what: str, example: str) -> Callable[[Any, Path], dict[str, Any]]:
    """Return what reads a table of options, or a JSON object."""

    def parse(value: Any, folder: Path) -> dict[str, Any]:  # noqa: ARG001
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError as error:
                raise ValueError(f"write a JSON object such as {example}: {error}") from error
        if not isinstance(value, Mapping):
            raise ValueError(f"write a table of {what} such as {example}")  # noqa: TRY004 -- the form is wrong
        return Options({str(name): option for name, option in value.items()})

    return parse


def _home(value: Any, folder: Path) -> str:
    """Read a folder as the URL of the embedded store in it."""
    if not isinstance(value, str | Path) or not str(value).strip():
        raise ValueError("write the path of a folder in quotes")
    if _URL_TYPED.match(str(value)):
        raise ValueError("home is the path of a folder: a URL is set as the store")
    return f"file://{(folder / Path(value).expanduser()).resolve()}"


def _duration(value: Any, folder: Path) -> timedelta:  # noqa: ARG001
    return parse_duration(value)


def _keep(value: Any, folder: Path) -> dict[str, int | Literal["all"]]:  # noqa: ARG001
    if isinstance(value, str):
        value = dict(item.strip().partition("=")[::2] for item in value.split(","))
    if not isinstance(value, Mapping):
        raise ValueError("write a table such as { datasets = 3, models = 'all' }")  # noqa: TRY004 -- the form is wrong
    unknown = set(value) - set(_STORES)
    if unknown:
        raise ValueError(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(_STORES)}")
    return {**Retention().keep, **{_STORES[name]: _count(count) for name, count in value.items()}}


def _count(value: Any) -> int | Literal["all"]:
    if value == "all":
        return "all"
    if isinstance(value, bool) or not str(value).strip().isdecimal() or int(value) < 1:
        raise ValueError(f"{value!r} is no number of versions: write 1 or more, or 'all'")
    return int(value)


def _patience(value: Any, folder: Path) -> Patience:  # noqa: ARG001 -- all are called alike
    """Read a factor for all times, or a table of times."""
    if isinstance(value, str):
        number = _number(value)
        pairs = [item.strip().partition("=")[::2] for item in value.split(",") if item.strip()]
        value = dict(pairs) if number is None else number
    if isinstance(value, float | int) and not isinstance(value, bool):
        return Patience().scaled(value)
    if isinstance(value, Patience):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("write a factor such as 2, or a table such as { lease = '30s', beat = '6s' }")  # noqa: TRY004 -- the form is wrong
    unknown = set(value) - set(Patience().to_dict())
    if unknown:
        raise ValueError(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(Patience().to_dict())}")
    return replace(Patience(), **{name: _time(name, time) for name, time in value.items()})


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _time(name: str, value: Any) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _folder(value: Any, folder: Path) -> Path:
    if not isinstance(value, str | Path) or not str(value).strip():
        raise ValueError("write the path of a folder in quotes")
    return (folder / Path(value).expanduser()).resolve()


def _promotion(value: Any, folder: Path) -> str:
    """Return the name of a promotion; the folder of one by files, with its whole path."""
    kind, colon, path = _text(value, folder).partition(":")
    return f"{kind}:{_folder(path, folder)}" if kind == "folder" and colon else kind + colon + path


def _trust(value: Any, folder: Path) -> Policy:  # noqa: ARG001 -- all are called alike
    if value not in POLICIES:
        raise ValueError(f"write one of: {', '.join(POLICIES)}")
    return cast("Policy", value)


def _code(value: Any, folder: Path) -> Code:  # noqa: ARG001 -- all are called alike
    if value not in CODES:
        raise ValueError(f"write one of: {', '.join(CODES)}")
    return cast("Code", value)


def _words(what: str) -> Callable[[Any, Path], tuple[str, ...]]:
    """Return what reads a list of text, or text with commas between."""

    def parse(value: Any, folder: Path) -> tuple[str, ...]:  # noqa: ARG001 -- all are called alike
        if isinstance(value, str):
            value = [item.strip() for item in value.split(",") if item.strip()]
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"write a list of {what} in quotes")
        return tuple(value)

    return parse


def _gates(value: Any, folder: Path) -> dict[str, dict[str, tuple[str, ...]]]:  # noqa: ARG001 -- all are called alike
    """Read bucket -> store -> gates; their texts are taken apart, and looked for when they are asked."""
    example = "write a table such as { prod = { models = [\"fitted\", \"metric('r2', '>=', 0.8)\"] } }"
    value = _from_json(value, example) if isinstance(value, str) else value
    if not isinstance(value, Mapping) or not all(isinstance(table, Mapping) for table in value.values()):
        raise ValueError(example)
    unknown = {store for table in value.values() for store in table} - set(_STORES)
    if unknown:
        raise ValueError(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(_STORES)}")
    return {
        bucket: {_STORES[store]: _gate_texts(texts, example) for store, texts in table.items()}
        for bucket, table in value.items()
    }


def _from_json(text: str, example: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{example}, or JSON: {error}") from error


def _gate_texts(texts: Any, example: str) -> tuple[str, ...]:
    from omega_domain.promotion.gate_specs import parse_spec

    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError(example)
    for text in texts:
        parse_spec(text)
    return tuple(texts)


def _keys() -> Path:
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path("~/.config").expanduser()) / "omega" / "keys"


def _author() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return f"@{socket.gethostname()}"


FORMS: Mapping[str, Form] = {
    "context": Form(_name, lambda: "default"),
    "bucket": Form(_bucket, lambda: DEFAULT_BUCKET),
    "store": Form(_url, lambda: None, "text"),
    "mongo_url": Form(_mongo_url, lambda: None, "text"),
    "mongo_options": Form(_options_of("options of MongoClient", '{"tlsCAFile": "ca.pem"}'), dict, "inside"),
    "home": Form(_home, lambda: f"file://{Path('~/.omega').expanduser()}", "text"),
    "broker_url": Form(_broker_url, lambda: None, "text"),
    "celeryconf": Form(_options_of("settings of Celery", '{"broker_url": "redis://host"}'), dict, "inside"),
    "author": Form(_text, _author, "text"),
    "grace": Form(_duration, lambda: Retention().grace),
    "lease": Form(_duration, lambda: Retention().lease),
    "keep": Form(_keep, lambda: Retention().keep),
    "patience": Form(_patience, Patience),
    "trust": Form(_trust, lambda: SIGNED),
    "code": Form(_code, lambda: ALLOWED),
    "trusted_keys": Form(_words("public keys, as `om keys export` prints them,"), tuple),
    "trusted_types": Form(_words("names of types"), tuple),
    "keys": Form(_folder, _keys),
    "gates": Form(_gates, dict),
    "promotion": Form(_promotion, lambda: "copy"),
}
