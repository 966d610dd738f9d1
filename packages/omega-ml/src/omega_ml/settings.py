"""Settings: what can be set, its form and default, and where each value came from.

Arguments win over the environment (``OMEGA_HOME``, ``OMEGA_CONTEXT``, …), that over ``omega.toml`` (the project's, then
the user's), that over defaults. A table ``[contexts.prod]`` names a whole environment: if the context was chosen by an
argument, its table wins over the environment too, so that ``OMEGA_HOME`` never lets one context write into the store of
another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from omega_domain.errors import SettingsError
from omega_domain.services.context import Retention
from omega_ml.setting_forms import FORMS, PLACES, Form, show
from omega_ml.settings_files import SettingsFile, find_files, unknown_key

DEFAULT_CONTEXT = "default"
ARGUMENT = "argument"
DEFAULT = "default"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """A value, and what set it: an argument, a variable of the environment, a file, or the default."""

    value: T
    source: str

    def __repr__(self) -> str:
        return f"Setting({show(self.value)!r}, {self.source!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, resolved.

    Attributes:
        context: name of the context.
        bucket: name of the bucket.
        store: URL of the store, or a client of pymongo.
        mongo_options: options of ``MongoClient`` that are not in the URL.
        broker_url: URL of the message broker; None runs tasks in this process.
        celeryconf: further settings of Celery.
        author: who is recorded as the author of what is written.
        grace: how long what was replaced or dropped stays readable.
        lease: how long a payload that is being put is safe before its commit.
        keep: prefix of a store -> how many of the newest versions are kept for ever, or ``all``.
        contexts: names of the contexts that can be chosen.
        files: the files that were read.
    """

    context: Setting[str]
    bucket: Setting[str]
    store: Setting[Any]
    mongo_options: Setting[Mapping[str, Any]]
    broker_url: Setting[str | None]
    celeryconf: Setting[Mapping[str, Any]]
    author: Setting[str]
    grace: Setting[timedelta]
    lease: Setting[timedelta]
    keep: Setting[Mapping[str, int | Literal["all"]]]
    contexts: tuple[str, ...] = (DEFAULT_CONTEXT,)
    files: tuple[Path, ...] = ()

    @property
    def retention(self) -> Retention:
        """What collect leaves alone."""
        return Retention(keep=self.keep.value, grace=self.grace.value, lease=self.lease.value)

    @property
    def broker(self) -> tuple[str | None, Mapping[str, Any]]:
        """URL of the broker, and the other settings of Celery.

        Raises:
            SettingsError: there are settings of Celery but no broker, or two of them.
        """
        conf = dict(self.celeryconf.value)
        named = conf.pop("broker_url", None)
        url = self.broker_url.value
        if named is not None and url is not None and self.celeryconf.source == self.broker_url.source != ARGUMENT:
            source = self.broker_url.source
            raise SettingsError(f"broker_url and celeryconf.broker_url are both set ({source}): leave one out")
        if named is not None and (url is None or self.broker_url.source != ARGUMENT):
            url = named
        if self.celeryconf.source != DEFAULT and url is None:
            raise SettingsError(
                f"celeryconf ({self.celeryconf.source}) names no broker: add broker_url to it, such as "
                "'amqp://host' or 'redis://host'"
            )
        return self._placed(url), conf

    def _placed(self, url: str | None) -> str | None:
        """Return the URL of the broker; messages in files are in the home of the embedded store by default."""
        store = self.store.value
        if url != "filesystem://" or not isinstance(store, str) or not store.startswith("file://"):
            return url
        return f"filesystem://{store.removeprefix('file://')}/broker"

    def to_plain(self) -> list[dict[str, str]]:
        """Return name, value (secrets redacted) and source of every setting, as text."""
        settings = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [
            {"name": name, "value": show(setting.value), "source": setting.source}
            for name, setting in settings
            if isinstance(setting, Setting)
        ]


def load_settings(
    arguments: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Return the settings that hold here.

    Args:
        arguments: what the caller gave; None counts as not given.
        environ: the environment; by default that of this process.
        folder: where the search for the project's ``omega.toml`` begins; by default the current folder.

    Raises:
        SettingsError: a setting is unknown or of the wrong form; the message names the file, the key and the mend.
    """
    environ = os.environ if environ is None else environ
    folder = Path.cwd() if folder is None else folder
    given = {name: value for name, value in (arguments or {}).items() if value is not None}
    for name in given:
        if name not in FORMS:
            raise SettingsError(f"setup() got {unknown_key(name)}")
    files = find_files(environ, folder)
    return _Sources(given, environ, files, folder).resolve()


def environment_name(setting: str) -> str:
    """Return the variable of the environment that sets a setting."""
    return f"OMEGA_{setting.upper()}"


@dataclass(frozen=True, slots=True)
class _Layer:
    """Values of one source, as they were written there."""

    values: Mapping[str, Any]
    source: str
    folder: Path

    def origin(self, name: str) -> str:
        return environment_name(name) if self.source == "environment" else self.source

    def setting(self, name: str, form: Form) -> Setting[Any]:
        raw = self.values[name]
        try:
            return Setting(form.parse(raw, self.folder), self.origin(name))
        except ValueError as error:
            raise SettingsError(f"{name} = {show(raw)!r} ({self.origin(name)}): {error}") from error


class _Sources:
    """The layers of settings, strongest first."""

    def __init__(
        self, arguments: Mapping[str, Any], environ: Mapping[str, str], files: list[SettingsFile], folder: Path
    ) -> None:
        variables = {name: environ[environment_name(name)] for name in FORMS if environ.get(environment_name(name))}
        self._files = files
        self._arguments = _Layer(arguments, ARGUMENT, folder)
        self._environment = _Layer(variables, "environment", folder)
        self._tops = [_Layer(file.settings, str(file.path), file.path.parent) for file in files]
        self._folder = folder

    def resolve(self) -> Settings:
        context = self._first("context", [self._arguments, self._environment, *self._tops])
        tables = self._tables(context.value)
        named = [*tables, self._environment] if context.source == ARGUMENT else [self._environment, *tables]
        layers = [self._arguments, *named, *self._tops]
        names = {DEFAULT_CONTEXT, *(name for file in self._files for name in file.contexts)}
        store = self._store(context, layers, names)
        rest = {
            name: self._first(name, layers)
            for name in ("bucket", "mongo_options", "broker_url", "celeryconf", "author", "grace", "lease", "keep")
        }
        paths = tuple(file.path for file in self._files)
        return Settings(context=context, store=store, contexts=tuple(sorted(names)), files=paths, **rest)

    def _tables(self, context: str) -> list[_Layer]:
        return [
            _Layer(file.contexts[context], f"{file.path} [contexts.{context}]", file.path.parent)
            for file in self._files
            if context in file.contexts
        ]

    def _first(self, name: str, layers: list[_Layer]) -> Setting[Any]:
        form = FORMS[name]
        for layer in layers:
            if name in layer.values:
                return layer.setting(name, form)
        return Setting(form.default(), DEFAULT)

    def _store(self, context: Setting[str], layers: list[_Layer], names: set[str]) -> Setting[Any]:
        layer = next((layer for layer in layers if any(place in layer.values for place in PLACES)), None)
        is_own = layer is not None and layer not in self._tops
        if context.value not in names and layer is not self._arguments:
            raise SettingsError(
                f"no context {context.value!r} ({context.source}); there are: {', '.join(sorted(names))}. "
                f"Describe it in a table [contexts.{context.value}] of omega.toml, with its home or store"
            )
        if context.value != DEFAULT_CONTEXT and not is_own:
            raise SettingsError(
                f"the context {context.value!r} has no store of its own: "
                f"set home or store in [contexts.{context.value}] of omega.toml"
            )
        if layer is None:
            return Setting(FORMS["home"].default(), DEFAULT)
        return layer.setting(_place(layer), FORMS[_place(layer)])


def _place(layer: _Layer) -> str:
    """Which of the spellings of "where the store is" a source uses; home may stand beside the others."""
    given = list(_given_places(layer))
    if "store" in given and "mongo_url" in given:
        raise SettingsError(f"store and mongo_url are both set ({layer.source}); they mean the same: leave one out")
    return given[0]


def _given_places(layer: _Layer) -> Iterator[str]:
    return (place for place in PLACES if place in layer.values)
