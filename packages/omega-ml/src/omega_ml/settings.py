"""Settings: what can be set, its form and default, and where each value came from.

Arguments win over the environment (``OMEGA_HOME``, ``OMEGA_CONTEXT``, …), that over ``omega.toml`` (the project's, then
the user's), that over defaults. A table ``[contexts.prod]`` names a whole environment: if the context was chosen by an
argument, its table wins over the environment too, so that ``OMEGA_HOME`` never lets one context write into the store of
another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from omega_domain.entities.patience import Patience
from omega_domain.errors import SettingsError
from omega_domain.ports.environment import Policy
from omega_domain.repository.context import Retention
from omega_ml import secrets
from omega_ml.setting_forms import FORMS, PLACES, Form, show
from omega_ml.settings_files import PROTECTED, SettingsFile, find_files, unknown_key

DEFAULT_CONTEXT = "default"
ARGUMENT = "argument"
DEFAULT = "default"

#: Settings that any layer may set, and that nothing else depends on.
_REST = (
    "bucket",
    "mongo_options",
    "broker_url",
    "celeryconf",
    "author",
    "grace",
    "lease",
    "keep",
    "patience",
    "trust",
    "trusted_keys",
    "trusted_types",
    "keys",
    "gates",
    "promotion",
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """A value, and what set it: an argument, a variable of the environment, a file, or the default.

    Attributes:
        value: the value; with references to secrets in it as it was written, until it is resolved.
        source: what set it.
        look_up: returns the value with the secrets in it, from the environment; None if it refers to none.
        written: what to show in place of the value, once that has secrets in it.
    """

    value: T
    source: str
    look_up: Callable[[Mapping[str, str]], T] | None = field(default=None, compare=False)
    written: T | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Setting({self.shown!r}, {self.source!r})"

    @property
    def shown(self) -> str:
        """The value as text for people; references stay references, and other secrets are redacted."""
        return show(self.value if self.written is None else self.written)

    def resolved(self, environ: Mapping[str, str] | None = None) -> Setting[T]:
        """Return it with the secrets that it refers to.

        Raises:
            SettingsError: one is not there, or makes no value of the right form.
        """
        if self.look_up is None:
            return self
        return Setting(self.look_up(os.environ if environ is None else environ), self.source, written=self.value)


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
        patience: how long is waited before a worker or task is taken for dead, lost or stuck.
        trust: what may be loaded: ``signed``, ``any`` or ``formats-only``.
        trusted_keys: public keys of others to trust, beside those of ``om keys trust``.
        trusted_types: names of types that models in the format skops may hold, beside those that skops trusts.
        keys: folder of the keys of all contexts.
        gates: bucket (``*`` for all) -> prefix of a store -> gates of what is promoted there.
        promotion: how objects get here from other buckets and contexts: ``copy``, or what a package brings.
        protected: whether ``om`` asks before it changes the context.
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
    patience: Setting[Patience]
    trust: Setting[Policy]
    trusted_keys: Setting[tuple[str, ...]]
    trusted_types: Setting[tuple[str, ...]]
    keys: Setting[Path]
    gates: Setting[Mapping[str, Mapping[str, tuple[str, ...]]]]
    promotion: Setting[str]
    protected: Setting[bool] = Setting(value=False, source=DEFAULT)
    contexts: tuple[str, ...] = (DEFAULT_CONTEXT,)
    files: tuple[Path, ...] = ()

    @property
    def retention(self) -> Retention:
        """The versions and payloads that collect leaves alone."""
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

    def resolved(self, environ: Mapping[str, str] | None = None) -> Settings:
        """Return these settings with the secrets that they refer to, which are looked up now.

        Raises:
            SettingsError: one is not there, or makes no value of the right form.
        """
        found: dict[str, Any] = {name: setting.resolved(environ) for name, setting in self._all()}
        return replace(self, **found)

    def to_plain(self) -> list[dict[str, str]]:
        """Return name, value (secrets redacted) and source of every setting, as text."""
        return [{"name": name, "value": setting.shown, "source": setting.source} for name, setting in self._all()]

    def _all(self) -> Iterator[tuple[str, Setting[Any]]]:
        settings = ((each.name, getattr(self, each.name)) for each in fields(self))
        return ((name, setting) for name, setting in settings if isinstance(setting, Setting))


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
    for name, value in (arguments or {}).items():
        if value is not None and name not in FORMS:
            raise SettingsError(f"setup() got {unknown_key(name)}")
    return _sources(arguments, environ, folder).resolve()


def choose_context(
    arguments: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Setting[str]:
    """Return the name of the context that is used here, whether or not it can be opened.

    Raises:
        SettingsError: a file can not be read, or it is no name.
    """
    return _sources(arguments, environ, folder).context()


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
        raw, source = self.values[name], self.origin(name)

        def look_up(environ: Mapping[str, str]) -> Any:
            with _refused(name, raw, source):
                found = secrets.resolve(value, environ)
                return form.parse(found, self.folder) if form.references == "text" else found

        with _refused(name, raw, source):
            if form.references != "none":
                secrets.check(raw)
            value = raw if form.references == "text" and secrets.refers(raw) else form.parse(raw, self.folder)
            if not secrets.refers(value):
                return Setting(value, source)
            if form.references == "none":
                raise ValueError(f"no secret can stand here; {environment_name(name)} sets it from the environment")
            secrets.check(value)
            return Setting(value, source, look_up)


def _sources(arguments: Mapping[str, Any] | None, environ: Mapping[str, str] | None, folder: Path | None) -> _Sources:
    environ = os.environ if environ is None else environ
    folder = Path.cwd() if folder is None else folder
    given = {name: value for name, value in (arguments or {}).items() if value is not None}
    return _Sources(given, environ, find_files(environ, folder), folder)


@contextmanager
def _refused(name: str, raw: Any, source: str) -> Iterator[None]:
    """Name the setting of a wrong value, and the source that set it, in the error."""
    try:
        yield
    except ValueError as error:
        raise SettingsError(f"{name} = {show(raw)!r} ({source}): {error}") from error


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

    def context(self) -> Setting[str]:
        return self._first("context", [self._arguments, self._environment, *self._tops])

    def resolve(self) -> Settings:
        context = self.context()
        tables = self._tables(context.value)
        named = [*tables, self._environment] if context.source == ARGUMENT else [self._environment, *tables]
        layers = [self._arguments, *named, *self._tops]
        names = {DEFAULT_CONTEXT, *(name for file in self._files for name in file.contexts)}
        store = self._store(context, layers, names)
        rest = {name: self._first(name, layers) for name in _REST}
        paths = tuple(file.path for file in self._files)
        protected = self._protected(context.value)
        return Settings(
            context=context, store=store, protected=protected, contexts=tuple(sorted(names)), files=paths, **rest
        )

    def _protected(self, context: str) -> Setting[bool]:
        """One table that says so is enough: no other file or variable takes the protection away."""
        sources = (table.source for table in self._tables(context) if table.values.get(PROTECTED))
        source = next(sources, None)
        return Setting(source is not None, source or DEFAULT)

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
                f"Describe it with its home or store by `om context add {context.value}`, or in a table "
                f"[contexts.{context.value}] of omega.toml"
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
