"""Settings: what can be set, its form and default, and where each value came from.

Arguments win over the environment (``OMEGA_HOME``, ``OMEGA_CONTEXT``, …), that over ``omega.toml`` (the project's, then
the user's), that over defaults. A table ``[contexts.prod]`` names a whole environment: if the context was chosen by an
argument, its table wins over the environment too, so that ``OMEGA_HOME`` never lets one context write into the store of
another.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal

from omega_domain.entities.patience import Patience
from omega_domain.entities.redaction import redacted
from omega_domain.errors import SettingsError
from omega_domain.ports.environment import Policy
from omega_domain.repository.context import Retention
from omega_domain.trust import FORMATS_ONLY, SIGNED, Code
from omega_ml.project_rules import TIGHTENED, is_as_strict, loosened
from omega_ml.setting_forms import FORMS, PLACES
from omega_ml.setting_layers import Layer, Setting, environment_name
from omega_ml.settings_files import PROTECTED, SettingsFile, find_files, unknown_key

__all__ = ["DEFAULT_CONTEXT", "Setting", "Settings", "choose_context", "environment_name", "load_settings"]

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
    "code",
    "trusted_keys",
    "trusted_types",
    "keys",
    "gates",
    "promotion",
)


_UNPROTECTED: Final = Setting(value=False, source=DEFAULT)


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
        trust: whose models, functions and scripts are loaded: ``signed`` or ``any``.
        code: whether formats that hold code are loaded: ``allowed`` or ``formats-only``.
        trusted_keys: public keys of others to trust, beside those of ``om keys trust``.
        trusted_types: names of types that models in the format skops may hold, beside those that skops trusts.
        keys: folder of the keys of all contexts.
        gates: bucket (``*`` for all) -> prefix of a store -> gates of what is promoted there.
        promotion: how objects get here from other buckets and contexts: ``copy``, ``folder:PATH``, or what a package
            brings.
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
    code: Setting[Code]
    trusted_keys: Setting[tuple[str, ...]]
    trusted_types: Setting[tuple[str, ...]]
    keys: Setting[Path]
    gates: Setting[Mapping[str, Mapping[str, tuple[str, ...]]]]
    promotion: Setting[str]
    protected: Setting[bool] = _UNPROTECTED
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


def _sources(arguments: Mapping[str, Any] | None, environ: Mapping[str, str] | None, folder: Path | None) -> _Sources:
    environ = os.environ if environ is None else environ
    folder = Path.cwd() if folder is None else folder
    given = {name: value for name, value in (arguments or {}).items() if value is not None}
    return _Sources(given, environ, find_files(environ, folder), folder)


class _Sources:
    """The layers of settings, strongest first."""

    def __init__(
        self, arguments: Mapping[str, Any], environ: Mapping[str, str], files: list[SettingsFile], folder: Path
    ) -> None:
        variables = {name: environ[environment_name(name)] for name in FORMS if environ.get(environment_name(name))}
        self._files = files
        self._arguments = Layer(arguments, ARGUMENT, folder)
        self._environment = Layer(variables, "environment", folder)
        self._tops = [Layer(file.settings, str(file.path), file.path.parent, _project(file)) for file in files]
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
        rest = self._rest([_with_store(layer, store) for layer in layers])
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

    def _tables(self, context: str) -> list[Layer]:
        return [
            Layer(file.contexts[context], f"{file.path} [contexts.{context}]", file.path.parent, _project(file))
            for file in self._files
            if context in file.contexts
        ]

    def _rest(self, layers: list[Layer]) -> dict[str, Setting[Any]]:
        """Return the settings on which nothing else depends; a project that was not allowed only tightens some."""
        found = self._answers(_REST, layers)
        projects = {layer.project for layer in layers if layer.project is not None}  # there is one at most
        own = self._answers(TIGHTENED, [layer for layer in layers if layer.project is None]) if projects else {}
        loose = {name: own[name] for name in own if not is_as_strict(name, found[name].value, own[name].value)}
        if loose:
            warnings.warn(loosened(loose, *projects), stacklevel=1)  # from one place, so that it is said once
        return found | loose

    def _answers(self, names: Iterable[str], layers: list[Layer]) -> dict[str, Setting[Any]]:
        """Return settings by name; the former spelling of ``trust`` answers ``code``, too."""
        found = {name: self._first(name, layers) for name in names}
        trust = found["trust"]
        if trust.value == FORMATS_ONLY:
            found |= {"trust": Setting(SIGNED, trust.source), "code": Setting(FORMATS_ONLY, trust.source)}
        return found

    def _first(self, name: str, layers: list[Layer]) -> Setting[Any]:
        form = FORMS[name]
        for layer in layers:
            if name in layer.values:
                return layer.setting(name, form)
        return Setting(form.default(), DEFAULT)

    def _store(self, context: Setting[str], layers: list[Layer], names: set[str]) -> Setting[Any]:
        layer = next((layer for layer in layers if any(place in layer.values for place in PLACES)), None)
        is_own = layer is not None and layer not in self._tops
        if context.value not in names and layer is not self._arguments:
            raise SettingsError(
                f"no context {redacted(context.value)!r} ({context.source}); there are: {', '.join(sorted(names))}. "
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


def _with_store(layer: Layer, store: Setting[Any]) -> Layer:
    """Return a layer that knows whether the store that is used is described by the same file."""
    has_store = layer.project is not None and store.source.startswith(str(layer.project))
    return replace(layer, has_store=has_store)


def _project(file: SettingsFile) -> Path | None:
    return None if file.is_allowed else file.path


def _place(layer: Layer) -> str:
    """Which of the spellings of "where the store is" a source uses; home may stand beside the others."""
    given = list(_given_places(layer))
    if "store" in given and "mongo_url" in given:
        raise SettingsError(f"store and mongo_url are both set ({layer.source}); they mean the same: leave one out")
    return given[0]


def _given_places(layer: Layer) -> Iterator[str]:
    return (place for place in PLACES if place in layer.values)
