"""Contexts in settings files: list, add, remove and choose them, and tell which are protected."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from omega_domain.commands.plain import ASIDE
from omega_domain.entities.redaction import HIDDEN, holds_secret, redacted
from omega_domain.errors import SettingsError
from omega_ml import secrets, settings_edits
from omega_ml.setting_forms import FORMS, PLACES, show, show_written
from omega_ml.settings import DEFAULT_CONTEXT, Settings, choose_context, load_settings
from omega_ml.settings_files import (
    PROTECTED,
    SettingsFile,
    allow_file,
    find_files,
    nearest_file,
    project_file,
    user_file,
)

Whose = Literal["project", "user"]

_FILE: Final = "file://"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFacts:
    """What is known of a context.

    Attributes:
        name: its name.
        is_used: whether it is the one that is used if no other is asked for.
        store: where its data is, without secrets; None if that is not to be told.
        broker: where messages of its tasks go, without secrets; None if they run in the process that asks.
        is_protected: whether ``om`` asks before it changes the context.
        files: the files that describe it, the strongest first.
        problem: why it can not be opened; None if nothing is known against it.
    """

    name: str
    is_used: bool
    store: str | None
    broker: str | None
    is_protected: bool
    files: tuple[Path, ...]
    problem: str | None

    def to_plain(self) -> dict[str, Any]:
        """Return everything as a dict of JSON types."""
        return {
            "name": self.name,
            "is_used": self.is_used,
            "store": self.store,
            "broker": self.broker,
            "is_protected": self.is_protected,
            "files": [str(path) for path in self.files],
            "problem": self.problem,
        }

    @property
    def row(self) -> dict[str, Any]:
        """The facts for people: name, used, store, broker, protected, file."""
        return {
            "name": self.name,
            "used": "yes" if self.is_used else None,
            "store": self.store,
            "broker": self.broker,
            "protected": "yes" if self.is_protected else None,
            "file": list(map(_short, self.files)),
        }


@dataclass(frozen=True, slots=True)
class Chosen:
    """A context that was chosen for the future.

    Attributes:
        name: its name.
        file: the file that says so.
        but: what is stronger than this file here, so that something else is used; None if nothing is.
    """

    name: str
    file: Path
    but: str | None = field(metadata=ASIDE)


class Contexts:
    """The contexts that are described in the files of a folder and a user.

    Args:
        environ: the environment; by default that of this process.
        folder: where the search for the project's ``omega.toml`` begins; by default the current folder.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, folder: Path | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._folder = Path.cwd() if folder is None else folder

    def list(self, given: Mapping[str, Any] | None = None) -> list[ContextFacts]:
        """Return what is known of all contexts, by name.

        Args:
            given: settings by argument, such as the context to use.

        Raises:
            SettingsError: a file can not be read.
        """
        files, given = self._files(), given or {}
        used = choose_context(given, environ=self._environ, folder=self._folder).value
        names = {DEFAULT_CONTEXT, used, *(name for file in files for name in file.contexts)}
        return [
            self._facts(name, files, given if name == used else {"context": name}, is_used=name == used)
            for name in sorted(names)
        ]

    def settings(self, name: str) -> Settings:
        """Return the settings of a context.

        Raises:
            SettingsError: there is none of this name, or a setting is wrong.
        """
        return load_settings({"context": name}, environ=self._environ, folder=self._folder)

    def add(self, name: str, table: Mapping[str, str | bool], *, to: Whose = "user") -> Path:
        """Describe a context in the user's or the project's file, and return that file.

        Args:
            name: name of the context.
            table: its settings, and whether it is protected; a relative home starts from the folder.
            to: whose file.

        Raises:
            SettingsError: the file describes one of this name, a setting is wrong, or a password is in clear.
        """
        self._checked(name, "context", name, path := self._file(to))
        if name != DEFAULT_CONTEXT and not set(table) & set(PLACES):
            raise SettingsError(f"the context {redacted(name)!r} needs a store of its own: say store or home")
        if path in self._described(name):
            raise SettingsError(f"{path} describes a context {name!r}: remove it first, or choose another name")
        checked = {key: self._checked(name, key, value, path) for key, value in table.items()}
        with self._editing(path):
            settings_edits.add_context(path, name, checked)
        return path

    def remove(self, name: str, *, of: Whose | None = None) -> Path:
        """Take the description of a context out of a file, and return that file; its data stays where it is.

        Args:
            name: name of the context.
            of: whose file; need not be said if one file alone describes it.

        Raises:
            SettingsError: no file describes it, several do, or it is the one that is used.
        """
        path = self.removable(name, of=of)
        with self._editing(path):
            settings_edits.remove_context(path, name)
        return path

    def removable(self, name: str, *, of: Whose | None = None) -> Path:
        """Return the file that the description of a context would be taken out of.

        Raises:
            SettingsError: as :meth:`remove`.
        """
        path = self._describing(name, of)
        users = [file.path for file in self._files() if file.settings.get("context") == name]
        if users and len(self._described(name)) == 1:
            raise SettingsError(f"{users[0]} uses the context {name!r}: choose another first by `om context use`")
        return path

    def _describing(self, name: str, of: Whose | None) -> Path:
        described = self._described(name)
        paths = described if of is None else [path for path in described if path == self._file(of)]
        if not paths:
            raise SettingsError(f"{'no omega.toml' if of is None else self._file(of)} describes a context {name!r}")
        if len(paths) > 1:
            raise SettingsError(f"{paths[0]} and {paths[1]} both describe {name!r}: say --project or --user")
        return paths[0]

    def use(self, name: str, *, of: Whose | None = None) -> Chosen:
        """Choose the context that is used from now on, if no other is asked for.

        Args:
            name: name of the context.
            of: whose file is to say so; by default the project's if it chooses or describes contexts, else the user's.

        Raises:
            SettingsError: there is no such context.
        """
        self.settings(name)
        path = self._file(of or self._chooser(name))
        with self._editing(path):
            settings_edits.set_value(path, "context", name)
        return Chosen(name, path, self._stronger(name))

    def allow(self, file: Path | None = None) -> SettingsFile:
        """Let the file of a project say everything, until its content changes; return what it says.

        Args:
            file: by default the nearest ``omega.toml`` from the folder upwards.

        Raises:
            SettingsError: it can not be read, or is no file of settings.
        """
        return allow_file(self._environ, nearest_file(self._folder) if file is None else self._folder / file)

    @contextmanager
    def _editing(self, path: Path) -> Iterator[None]:
        """Keep a project's file allowed while it is changed from here; a new one is the user's work, so it is, too."""
        is_allowed = not path.exists() or any(file.path == path and file.is_allowed for file in self._files())
        yield
        if is_allowed and path != self._file("user"):
            allow_file(self._environ, path)

    def protecting(self, context: str, store: str) -> str | None:
        """Return the name of the protected context that this is, or whose folder it works in; None if there is none.

        Args:
            context: name of the context that is about to be changed.
            store: URL of its store.
        """
        tables = [item for file in self._files() for item in file.contexts.items()]
        protected = {name for name, table in tables if table.get(PROTECTED)}
        if context in protected:
            return context
        others = sorted(protected) if store.startswith(_FILE) else ()
        return next((name for name in others if self._has_store(name, store)), None)

    def _has_store(self, name: str, url: str) -> bool:
        try:
            return bool(self.settings(name).store.resolved(self._environ).value == url)
        except SettingsError:  # then nobody can work in it by its name either
            return False

    def _facts(
        self, name: str, files: Sequence[SettingsFile], given: Mapping[str, Any], *, is_used: bool
    ) -> ContextFacts:
        tables = {file.path: file.contexts[name] for file in files if name in file.contexts}
        store = broker = problem = None
        try:
            settings = load_settings(given, environ=self._environ, folder=self._folder)
            store, url = settings.store.shown, settings.broker[0]
            broker = None if url is None else show(url)
        except SettingsError as error:
            problem = str(error)
        return ContextFacts(
            name=name,
            is_used=is_used,
            store=store,
            broker=broker,
            is_protected=any(table.get(PROTECTED) for table in tables.values()),
            files=tuple(tables),
            problem=problem,
        )

    def _files(self) -> Sequence[SettingsFile]:
        return find_files(self._environ, self._folder)

    def _described(self, name: str) -> Sequence[Path]:
        return [file.path for file in self._files() if name in file.contexts]

    def _file(self, whose: Whose) -> Path:
        return user_file(self._environ) if whose == "user" else project_file(self._environ, self._folder)

    def _chooser(self, name: str) -> Whose:
        """Whose file chooses a context: where it is known, and where nothing stronger chooses another."""
        project = next((file for file in self._files() if file.path == self._file("project")), None)
        is_chooser = project is not None and "context" in project.settings
        is_known_there_alone = self._described(name) == [self._file("project")]
        return "project" if is_chooser or is_known_there_alone else "user"

    def _stronger(self, name: str) -> str | None:
        used = choose_context({}, environ=self._environ, folder=self._folder)
        if used.value != name:
            return f"{used.source} says {used.value!r}"
        store = load_settings(environ=self._environ, folder=self._folder).store
        is_elsewhere = name != DEFAULT_CONTEXT and "[contexts." not in store.source
        return f"{store.source} says that the store is {store.shown}" if is_elsewhere else None

    def _checked(
        self,
        name: str,
        key: str,
        value: str | bool,  # noqa: FBT001 -- a value, not an option
        path: Path,
    ) -> str | bool:
        """Return a setting as it is written into a table."""
        if isinstance(value, bool):
            return value
        try:
            form = FORMS[key]
            is_reference = form.references == "text" and secrets.refers(value)
            if form.references == "text":
                secrets.check(value)
            if not is_reference:
                form.parse(value, self._folder)
        except ValueError as error:
            shown = show_written(key, value)
            raise SettingsError(f"{key} = {shown!r}: {str(error).replace(value, shown)}") from None
        if holds_secret(value):
            raise SettingsError(
                f"{key} has a password in clear, which is not written to a file: {_remedy(name, value)}"
            )
        return self._home(value, path) if key == "home" and not is_reference else value

    def _home(self, value: str, path: Path) -> str:
        """Return a folder as the file names it: from its own folder if it is below that and the project's."""
        folder = (self._folder / Path(value).expanduser()).resolve()
        is_below = path != self._file("user") and folder.is_relative_to(path.parent.resolve())
        return str(folder.relative_to(path.parent.resolve()) if is_below else folder)


def _short(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _remedy(name: str, value: str) -> str:
    variable = re.sub(r"\W", "_", f"{name}_password").upper()
    reference = f"${{env:{variable}}}"
    places = f"{reference}, ${{file:/path}} or ${{keyring:SERVICE/USER}}"
    shown = redacted(value)
    words = f", as in '{shown.replace(HIDDEN, reference)}'" if shown.count(HIDDEN) == 1 else ""
    return f"keep it in a variable of the environment, a file or the keyring, and write {places} in its place{words}"
